"""Tests of regularization.dropout."""

import numpy as np
import pytest
from hypothesis.strategies import floats, integers, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_error, expect_left_alone
from cifar_lab.testing.plugin import exercise

from .oracles import RATES, dropped, signals


@exercise("regularization.dropout")
@pytest.mark.parametrize("rate", RATES)
def test_share_dropped(learner, rate):
    """A share of about `rate` of the elements becomes exactly zero."""
    x = signals(40, 25, 10, 4)
    share = float(dropped(learner, x, rate, seed=3).mean())
    sigma = np.sqrt(rate * (1 - rate) / x.size)
    mistakes = {
        "nothing was dropped": share == 0,
        "`rate` is the share that is dropped, and you took it for the share that is kept": (
            abs(share - (1 - rate)) < 6 * sigma
        ),
        "you dropped half of the elements whatever the rate": abs(share - 0.5) < 6 * sigma,
    }
    known = [mistake for mistake, fits in mistakes.items() if fits]
    expect(share).to_be_true(
        abs(share - rate) < 6 * sigma,
        f"a share of zeros between {rate - 6 * sigma:.3f} and {rate + 6 * sigma:.3f}",
        because=f"each of the {x.size:,} elements is dropped with probability {rate}; chance "
        "alone does not stray further than six standard deviations",
        mistake=known[0] if known else None,
    )


@exercise("regularization.dropout")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", RATES)
def test_survivors_are_strengthened(learner, rate, dtype):
    """What is kept is divided by 1 - rate, so that the mean stays what it was."""
    x = signals(30, 20, 3, dtype=dtype)
    result = learner.regularization.dropout(x, rate, training=True, seed=1)
    expect(result).to_have_shape(x.shape, because="dropout keeps the shape")
    kept = np.asarray(result) != 0
    expect(np.asarray(result)[kept]).to_be_close(
        x[kept].astype(np.float64) / (1 - rate),
        because=f"only {1 - rate:.0%} of the elements are left to carry the whole signal: the next "
        "layer must see the same mean in training and at test time",
        mistakes={
            "you did not scale the survivors": x[kept],
            "you multiplied by 1 - rate instead of dividing": x[kept] * (1 - rate),
            "you divided by `rate`, the share that is dropped": x[kept] / rate,
            "you divided by the share that this mask happens to keep: dropout scales by 1 - rate, "
            "the same at every call": x[kept] / kept.mean(),
            "you shifted the survivors instead of scaling them": x[kept] + rate,
        },
    )


@exercise("regularization.dropout")
@pytest.mark.parametrize("shape", [(20, 30, 20), (16, 8, 9, 10), (120, 100)], ids=str)
def test_each_element_on_its_own(learner, shape):
    """Whether an element is dropped says nothing about its neighbours along any axis."""
    zeros = dropped(learner, signals(*shape), 0.5, seed=2)
    names = ["images", *["rows or columns"] * (len(shape) - 2), "channels"]
    alike = [np.diff(zeros.astype(np.int8), axis=axis) == 0 for axis in range(len(shape))]
    # where a mask is shared the share is exactly 1: such an axis first, because it can be named
    for axis in sorted(range(len(shape)), key=lambda axis: -alike[axis].mean()):
        share, sigma = float(alike[axis].mean()), 0.5 / np.sqrt(alike[axis].size)
        expect(share).to_be_true(
            abs(share - 0.5) < 6 * sigma,
            f"neighbouring {names[axis]} (axis {axis}) that are dropped or kept alike about half "
            "the time",
            because="at a rate of 0.5 two independent elements share their fate half the time",
            mistake=_shared_mask(axis, len(shape)) if share == 1 else None,
        )


def _shared_mask(axis, axes):
    if axis == 0:
        return "one mask serves all images of the batch: draw one number for each element"
    if axis == axes - 1:
        return "a place is dropped in all its channels at once: draw one number for each element"
    return "whole channels are dropped at once (that is spatial dropout): draw for each element"


@exercise("regularization.dropout")
def test_as_coins_fall(learner):
    """How many elements are dropped varies with the seed, as when a coin is tossed for each."""
    x = signals(20, 20)
    counts = [int(dropped(learner, x, 0.5, seed=seed).sum()) for seed in range(12)]
    expect(counts).to_be_true(
        len(set(counts)) > 1,
        "twelve counts around 200 that are not all the same",
        because="each element is dropped on its own, with probability `rate`",
        mistake="you drop an exact share of the elements, so that they depend on each other",
    )


@exercise("regularization.dropout")
@pytest.mark.parametrize("rate", [0.0, *RATES])
def test_identity_outside_training(learner, rate):
    """Outside training, x comes back as it is."""
    x = signals(6, 5, 4, 3)
    result = learner.regularization.dropout(x, rate, training=False, seed=1)
    random_zeros = np.size(result) == x.size and 0 < np.mean(np.asarray(result) == 0) < 1
    expect(result).to_be_close(
        x,
        because="the survivors were strengthened in training, so that nothing is left to do at "
        "test time",
        mistakes={
            "you scaled by 1 - rate at test time, as the first paper did: inverted dropout scales "
            "in training": x * (1 - rate),
            "you divided by 1 - rate outside training, too": x / (1 - rate),
            "you dropped elements outside training": result if random_zeros else np.nan,
        },
    )


@exercise("regularization.dropout")
def test_rate_of_zero(learner):
    """A rate of 0 drops nothing, in training, too."""
    x = signals(6, 5, 4)
    result = learner.regularization.dropout(x, 0, training=True, seed=1)
    expect(result).to_be_close(
        x,
        because="no element is dropped with probability 0",
        mistakes={"you took `rate` for the share that is kept": np.zeros(x.shape)},
    )


@exercise("regularization.dropout")
def test_same_seed_same_mask(learner):
    """The same seed drops the same elements, whatever was drawn in between."""
    x = signals(12, 11, 3)
    first = dropped(learner, x, 0.5, seed=7)
    between = dropped(learner, x, 0.5, seed=8)
    again = dropped(learner, x, 0.5, seed=7)
    expect(again).to_equal(
        first, because="a result that cannot be repeated cannot be checked: seed the generator"
    )
    alike = float((between == first).mean())
    expect(alike).to_be_true(
        abs(alike - 0.5) < 6 * 0.5 / np.sqrt(x.size),
        "masks of two seeds that agree in about half of the elements",
        because="another seed drops others: `seed` must reach the random generator",
        mistake="the seed is ignored" if alike == 1 else None,
    )


@exercise("regularization.dropout")
def test_default_seed(learner):
    """Without a seed, the mask is that of seed 0."""
    x = signals(12, 11, 3)
    result = learner.regularization.dropout(x, 0.5, training=True)
    expect(np.asarray(result) == 0).to_equal(
        dropped(learner, x, 0.5, seed=0), because="0 is the signature's default"
    )


@exercise("regularization.dropout")
@pytest.mark.parametrize("training", [True, False])
def test_nonsense_rates_are_refused(learner, training):
    """A rate below 0, of 1, or above 1 raises ValueError, outside training, too."""
    x = signals(3, 4)
    for rate in (1.0, -0.1, 1.5):
        expect_error(
            ValueError,
            lambda rate=rate: learner.regularization.dropout(x, rate, training=training),
            because=f"a rate of {rate} is no probability below 1; a wrong setting should show "
            "at once, not first in training",
        )


@exercise("regularization.dropout")
@pytest.mark.parametrize("training", [True, False])
def test_dropout_leaves_x_alone(learner, training):
    """x is the same before and after."""
    for dtype in ("float32", "float64"):
        x = signals(8, 7, 3, dtype=dtype)
        learner.regularization.dropout(x, 0.4, training=training, seed=1)
        expect_left_alone(
            learner,
            x=x,
            because="dropout returns a new array; `x *= mask` would change the caller's",
        )


@exercise("regularization.dropout")
def test_any_dropout(learner, for_any):
    """Any shape, rate and seed: each element is dropped or strengthened, and twice alike."""

    @for_any(
        shape=strategies.shapes(1, 4, longest=5),
        dtype=sampled_from(strategies.FLOATS),
        rate=floats(0, 0.95),
        seed=integers(0, 2**31 - 1),
    )
    def law(shape, dtype, rate, seed):
        x = signals(*shape, dtype=dtype)
        result = learner.regularization.dropout(x, rate, training=True, seed=seed)
        expect(result).to_have_shape(shape, because="dropout keeps the shape")
        kept = np.asarray(result) != 0
        expect(result).to_be_close(
            np.where(kept, x / (1 - rate), 0),
            because=f"what is kept is divided by {1 - rate:g}, the share that is kept",
            rtol=1e-4,
        )
        again = learner.regularization.dropout(x, rate, training=True, seed=seed)
        expect(again).to_be_close(result, because="the same seed drops the same elements")
        resting = learner.regularization.dropout(x, rate, training=False, seed=seed)
        expect(resting).to_be_close(x, because="outside training, x comes back as it is")
