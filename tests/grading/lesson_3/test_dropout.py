"""Tests of regularization.dropout: which elements it drops, and what becomes of the others."""

import numpy as np
import pytest
from hypothesis.strategies import floats, integers, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_error, expect_left_alone
from cifar_lab.testing.plugin import exercise

from .oracles import RATES, nonzero_values


def dropped_elements(learner, x, rate, seed=0):
    """Return a mask that is True where the learner's dropout gives an exact zero in training."""
    result = learner.regularization.dropout(x, rate, training=True, seed=seed)
    expect(result).to_have_shape(x.shape, because="dropout keeps the shape")
    return np.asarray(result) == 0


@exercise("regularization.dropout", main=True)
@pytest.mark.parametrize("rate", RATES)
def test_fraction_dropped(learner, rate):
    """About a fraction `rate` of the elements becomes exactly zero."""
    x = nonzero_values(40, 25, 10, 4)
    fraction = float(dropped_elements(learner, x, rate, seed=3).mean())
    sigma = np.sqrt(rate * (1 - rate) / x.size)
    mistakes = {
        "nothing was dropped": fraction == 0,
        "you took `rate` for the fraction that is kept: it is the fraction that is dropped": (
            abs(fraction - (1 - rate)) < 6 * sigma
        ),
        "you dropped half of the elements whatever the rate": abs(fraction - 0.5) < 6 * sigma,
    }
    known = [mistake for mistake, fits in mistakes.items() if fits]
    expect(fraction).to_satisfy(
        abs(fraction - rate) < 6 * sigma,
        f"a fraction of zeros between {rate - 6 * sigma:.3f} and {rate + 6 * sigma:.3f}",
        because=f"each of the {x.size:,} elements is dropped with probability {rate}; a "
        "difference of more than six standard deviations is not chance",
        mistake=known[0] if known else None,
    )


@exercise("regularization.dropout")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", RATES)
def test_kept_elements_are_scaled_up(learner, rate, dtype):
    """The elements that are kept are divided by 1 - rate, so that the mean stays the same."""
    x = nonzero_values(30, 20, 3, dtype=dtype)
    result = learner.regularization.dropout(x, rate, training=True, seed=1)
    expect(result).to_have_shape(x.shape, because="dropout keeps the shape")
    kept = np.asarray(result) != 0
    expect(np.asarray(result)[kept]).to_be_close(
        x[kept].astype(np.float64) / (1 - rate),
        because=f"only {1 - rate:.0%} of the elements are kept, and the next layer must see the "
        "same mean in training and at test time",
        mistakes={
            "you did not scale the elements that are kept: inverted dropout scales in training": (
                x[kept]
            ),
            "you multiplied by 1 - rate instead of dividing": x[kept] * (1 - rate),
            "you divided by `rate`, the fraction that is dropped": x[kept] / rate,
            "you divided by the fraction that this mask happens to keep: divide by 1 - rate, the "
            "same at every call": x[kept] / kept.mean(),
            "you added `rate` to the elements that are kept instead of scaling them": (
                x[kept] + rate
            ),
        },
    )


@exercise("regularization.dropout")
@pytest.mark.parametrize("shape", [(20, 30, 20), (16, 8, 9, 10), (120, 100)], ids=str)
def test_elements_are_independent(learner, shape):
    """Each element is dropped independently of its neighbors along every axis."""
    zeros = dropped_elements(learner, nonzero_values(*shape), 0.5, seed=2)
    names = ["images", *["rows or columns"] * (len(shape) - 2), "channels"]
    alike = [np.diff(zeros.astype(np.int8), axis=axis) == 0 for axis in range(len(shape))]
    # along an axis that shares one mask all neighbors are alike: it comes first, because its
    # mistake has a name
    for axis in sorted(range(len(shape)), key=lambda axis: -alike[axis].mean()):
        fraction, sigma = float(alike[axis].mean()), 0.5 / np.sqrt(alike[axis].size)
        expect(fraction).to_satisfy(
            abs(fraction - 0.5) < 6 * sigma,
            f"about half of the neighbors along axis {axis} ({names[axis]}) to be dropped or kept "
            "together",
            because="at a rate of 0.5, two independent elements are dropped or kept together half "
            "of the time",
            mistake=_shared_mask(axis, len(shape)) if fraction == 1 else None,
        )


def _shared_mask(axis, axes):
    if axis == 0:
        return "all images of the batch share one mask: draw one random number per element"
    if axis == axes - 1:
        return "all channels of a place are dropped together: draw one random number per element"
    return (
        "whole channels are dropped together (that is spatial dropout): draw one random number "
        "per element"
    )


@exercise("regularization.dropout")
def test_number_dropped_varies(learner):
    """The number of dropped elements varies with the seed, as in independent draws."""
    x = nonzero_values(20, 20)
    masks = [dropped_elements(learner, x, 0.5, seed=seed) for seed in range(12)]
    counts = [int(mask.sum()) for mask in masks]
    mistake = "you drop an exact fraction of the elements, so that they depend on each other"
    if all(np.array_equal(mask, masks[0]) for mask in masks):
        mistake = "you ignored `seed`"
    expect(counts).to_satisfy(
        len(set(counts)) > 1,
        "twelve counts near 200 that are not all equal",
        because="each element is dropped independently, with probability `rate`",
        mistake=mistake,
    )


@exercise("regularization.dropout")
@pytest.mark.parametrize("rate", [0.0, *RATES])
def test_identity_outside_training(learner, rate):
    """Outside training, the result equals x."""
    x = nonzero_values(6, 5, 4, 3)
    result = learner.regularization.dropout(x, rate, training=False, seed=1)
    random_zeros = np.size(result) == x.size and 0 < np.mean(np.asarray(result) == 0) < 1
    expect(result).to_be_close(
        x,
        because="the elements were scaled up in training, so that test time needs no correction",
        mistakes={
            "you multiplied by 1 - rate at test time, as in the paper of 2014: inverted dropout "
            "scales in training": x * (1 - rate),
            "you divided by 1 - rate outside training, too": x / (1 - rate),
            "you dropped elements outside training": result if random_zeros else np.nan,
        },
    )


@exercise("regularization.dropout")
def test_rate_of_zero(learner):
    """A rate of 0 drops nothing in training."""
    x = nonzero_values(6, 5, 4)
    result = learner.regularization.dropout(x, 0, training=True, seed=1)
    expect(result).to_be_close(
        x,
        because="no element is dropped with probability 0",
        mistakes={"you took `rate` for the fraction that is kept": np.zeros(x.shape)},
    )


@exercise("regularization.dropout")
def test_same_seed_same_mask(learner):
    """The same seed drops the same elements, and another seed drops others."""
    x = nonzero_values(12, 11, 3)
    first = dropped_elements(learner, x, 0.5, seed=7)
    # a call in between: the mask may depend on the seed alone, not on the generator's past
    between = dropped_elements(learner, x, 0.5, seed=8)
    again = dropped_elements(learner, x, 0.5, seed=7)
    expect(again).to_equal(
        first,
        because="a result that cannot be repeated cannot be checked: create the generator from "
        "`seed` in every call",
    )
    alike = float((between == first).mean())
    expect(alike).to_satisfy(
        abs(alike - 0.5) < 6 * 0.5 / np.sqrt(x.size),
        "the masks of two seeds to agree in about half of the elements",
        because="another seed drops other elements: create the generator from `seed`",
        mistake="you ignored `seed`" if alike == 1 else None,
    )


@exercise("regularization.dropout")
def test_default_seed(learner):
    """By default, the seed is 0."""
    x = nonzero_values(12, 11, 3)
    result = learner.regularization.dropout(x, 0.5, training=True)
    expect(np.asarray(result) == 0).to_equal(
        dropped_elements(learner, x, 0.5, seed=0), because="the signature says seed=0"
    )


@exercise("regularization.dropout")
@pytest.mark.parametrize("training", [True, False])
def test_invalid_rates_are_refused(learner, training):
    """A rate below 0, or of 1 or more, raises ValueError, in training and outside it."""
    x = nonzero_values(3, 4)
    for rate in (1.0, -0.1, 1.5):
        expect_error(
            ValueError,
            lambda rate=rate: learner.regularization.dropout(x, rate, training=training),
            because=f"`rate` must be at least 0 and below 1, and {rate} is not; a wrong setting "
            "must show at once, also outside training",
        )


@exercise("regularization.dropout")
@pytest.mark.parametrize("training", [True, False])
def test_dropout_leaves_x_alone(learner, training):
    """The array x is the same before and after the call."""
    for dtype in ("float32", "float64"):
        x = nonzero_values(8, 7, 3, dtype=dtype)
        learner.regularization.dropout(x, 0.4, training=training, seed=1)
        expect_left_alone(
            learner,
            x=x,
            because="dropout returns a new array; `x *= mask` would change the caller's array",
        )


@exercise("regularization.dropout")
def test_any_dropout(learner, for_any):
    """For any shape, rate and seed, each element is dropped or scaled up, the same way twice."""

    @for_any(
        shape=strategies.shapes(1, 4, longest=5),
        dtype=sampled_from(strategies.FLOATS),
        rate=floats(0, 0.95),
        seed=integers(0, 2**31 - 1),
    )
    def law(shape, dtype, rate, seed):
        x = nonzero_values(*shape, dtype=dtype)
        result = learner.regularization.dropout(x, rate, training=True, seed=seed)
        expect(result).to_have_shape(shape, because="dropout keeps the shape")
        kept = np.asarray(result) != 0
        expect(result).to_be_close(
            np.where(kept, x / (1 - rate), 0),
            because=f"the elements that are kept are divided by 1 - rate, here {1 - rate:g}",
            rtol=1e-4,
        )
        again = learner.regularization.dropout(x, rate, training=True, seed=seed)
        expect(again).to_be_close(result, because="the same seed drops the same elements")
        unchanged = learner.regularization.dropout(x, rate, training=False, seed=seed)
        expect(unchanged).to_be_close(x, because="outside training, the result equals x")
