"""Lesson 3: Batch Normalization and dropout."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis.strategies import floats, integers, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_error, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator
from cifar_lab.verifier.rebuild import structure

# what float32 arithmetic may lose on numbers of these sizes
NEAR = {"rtol": 1e-4, "atol": 1e-4}

# --- what is right, in NumPy ---------------------------------------------------------------------


def statistics(x):
    """Mean and biased variance of each channel, in float64."""
    values = x.astype(np.float64).reshape(-1, x.shape[-1])
    return values.mean(0), values.var(0)


def normalised(x, mean, variance, gamma, beta, epsilon):
    """Batch Normalization's formula, in float64."""
    return gamma * (x.astype(np.float64) - mean) / np.sqrt(variance + epsilon) + beta


def averaged(old, new, momentum):
    """The moving statistic after one more batch: momentum is the weight of the old value."""
    return momentum * old + (1 - momentum) * new


def unbiased(x):
    """The variance that divides by one less than the number of values."""
    return x.astype(np.float64).reshape(-1, x.shape[-1]).var(0, ddof=1)


# --- inputs, and what known misconceptions make of them ------------------------------------------


@dataclass
class Batch:
    """Activations whose channels differ, and parameters that are nowhere 0 or 1."""

    x: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    moving_mean: np.ndarray
    moving_variance: np.ndarray

    def arrays(self):
        """All five, in the order of the arguments."""
        return self.x, self.gamma, self.beta, self.moving_mean, self.moving_variance


def batch(shape, dtype="float32", spread=1.0, seed=0):
    """A few activations of this shape: few, so that N and N - 1 are told apart."""
    random, channels = generator(seed), shape[-1]
    centres, spreads = np.linspace(-1, 2, channels), np.linspace(0.5, 1.5, channels)
    x = spread * (centres + spreads * random.normal(size=shape))
    parameters = (
        random.uniform(0.5, 2, channels),
        random.uniform(0.3, 1, channels),
        random.normal(0.5, 0.5, channels),
        random.uniform(1.5, 3, channels),
    )
    return Batch(x.astype(dtype), *(p.astype(dtype) for p in parameters))


def expect_normalised(result, given, epsilon, *, because, momentum=0.9):
    """The output of a training call; a known misconception about it is named."""
    x, gamma, beta, old_mean, old_variance = given.arrays()
    x = x.astype(np.float64)
    mean, variance = statistics(x)

    def with_statistics(mean, variance):
        return lambda: normalised(x, mean, variance, gamma, beta, epsilon)

    def over(axes):
        return with_statistics(x.mean(axes, keepdims=True), x.var(axes, keepdims=True))

    spatial = tuple(range(1, x.ndim - 1))
    deviations = x - mean
    moved = averaged(old_mean, mean, momentum), averaged(old_variance, variance, momentum)
    expect(result).to_be_close(
        normalised(x, mean, variance, gamma, beta, epsilon),
        because=because,
        **NEAR,
        mistakes={
            "you normalised with the moving statistics: in training the batch's own count": (
                with_statistics(old_mean, old_variance)
            ),
            "you normalised with the moving statistics after updating them: in training the "
            "batch's own count": with_statistics(*moved),
            "you took the statistics over the first axis alone: they run over all axes but the "
            "last": over(0),
            "you normalised each image by itself: the statistics run over the images, too": (
                over(spatial or 1)
            ),
            "you took the statistics over the channels of each place (axis=-1)": over(-1),
            "you took one mean and one variance over all channels": over(None),
            "you divided by N - 1 in the variance: Batch Normalization uses the biased one": (
                with_statistics(mean, unbiased(x))
            ),
            "you added epsilon to the standard deviation: it belongs to the variance, inside the "
            "root": lambda: gamma * deviations / (np.sqrt(variance) + epsilon) + beta,
            "you left epsilon out": lambda: normalised(x, mean, variance, gamma, beta, 0),
            "you ignored `epsilon`": lambda: normalised(x, mean, variance, gamma, beta, 1e-3),
            "your default epsilon is 1e-5, PyTorch's: Keras' is 1e-3": (
                lambda: normalised(x, mean, variance, gamma, beta, 1e-5)
            ),
            "you divided by the variance, not by its root": (
                lambda: gamma * deviations / (variance + epsilon) + beta
            ),
            "you subtracted the mean but did not divide by the spread": (
                lambda: gamma * deviations + beta
            ),
            "gamma and beta are swapped: gamma scales, beta shifts": (
                lambda: normalised(x, mean, variance, beta, gamma, epsilon)
            ),
            "you left out gamma and beta": lambda: normalised(x, mean, variance, 1, 0, epsilon),
            "you left out gamma": lambda: normalised(x, mean, variance, 1, beta, epsilon),
            "you left out beta": lambda: normalised(x, mean, variance, gamma, 0, epsilon),
            "you added beta before gamma scaled": (
                lambda: gamma * normalised(x, mean, variance, 1, beta, epsilon)
            ),
        },
    )


def expect_moved(found, given, momentum, *, because):
    """Both moving statistics after one training call; a known misconception is named."""
    x, _, _, old_mean, old_variance = given.arrays()
    mean, variance = statistics(x)
    for name, actual, old, new, others in (
        (
            "mean",
            found[0],
            old_mean,
            mean,
            {
                "you returned the variance where the moving mean comes": (
                    averaged(old_variance, variance, momentum)
                ),
                "you took one mean over all channels": averaged(old_mean, x.mean(), momentum),
            },
        ),
        (
            "variance",
            found[1],
            old_variance,
            variance,
            {
                "your moving variance divides by N - 1, as PyTorch's does: Keras averages the "
                "biased one": averaged(old_variance, unbiased(x), momentum),
                "you averaged the standard deviation: the moving *variance* is asked for": (
                    averaged(old_variance, np.sqrt(variance), momentum)
                ),
                "you averaged the variance with epsilon added": (
                    averaged(old_variance, variance + 1e-3, momentum)
                ),
                "you returned the mean where the moving variance comes": (
                    averaged(old_mean, mean, momentum)
                ),
            },
        ),
    ):
        expect(actual).to_be_close(
            averaged(old, new, momentum),
            because=because,
            rtol=1e-5,
            atol=1e-5,
            mistakes={
                f"your moving {name} weighs the new value by {momentum:g}: Keras' momentum is the "
                "weight of the old one": averaged(old, new, 1 - momentum),
                f"you returned the batch's {name} itself, not the moving one": new,
                f"the moving {name} was not updated": old,
                f"you added to the old {name} without shrinking it": old + (1 - momentum) * new,
                "you ignored `momentum`": averaged(old, new, 0.99),
                "your default momentum is not Keras': it is 0.99": averaged(old, new, 0.9),
                **others,
            },
        )


# --- batch_norm_train ----------------------------------------------------------------------------


def trained(learner, given, **settings):
    """The three results of a training call."""
    result = learner.regularization.batch_norm_train(*given.arrays(), **settings)
    return expect(result).to_unpack(
        "out, moving_mean, moving_variance", because="the docstring promises three arrays"
    )


@exercise("regularization.batch_norm_train")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (3, 2, 4, 5), (7, 1)], ids=str)
def test_the_batch_is_normalised_by_itself(learner, shape, dtype):
    """Each channel is normalised with the batch's own mean and variance, scaled and shifted."""
    given = batch(shape, dtype)
    out, *_ = trained(learner, given, momentum=0.9, epsilon=1e-3)
    expect_normalised(
        out,
        given,
        1e-3,
        because="one mean and one variance per channel, over all the other axes; then gamma "
        "scales and beta shifts",
    )


@exercise("regularization.batch_norm_train")
@pytest.mark.parametrize("epsilon", [0.5, 0.02])
def test_epsilon_inside_the_root(learner, epsilon):
    """Epsilon is added to the variance, inside the root."""
    given = batch((4, 3, 2, 2), spread=0.3)
    out, *_ = trained(learner, given, momentum=0.9, epsilon=epsilon)
    expect_normalised(out, given, epsilon, because=f"sqrt(variance + {epsilon}) is the divisor")


@exercise("regularization.batch_norm_train")
def test_biased_variance(learner):
    """The variance divides by N, both to normalise and to average."""
    given = batch((2, 3), "float64")
    out, *moved = trained(learner, given, momentum=0.5, epsilon=1e-3)
    why = "with only two values a channel, the choice between N and N - 1 shows"
    expect_normalised(out, given, 1e-3, because=why, momentum=0.5)
    expect_moved(moved, given, 0.5, because=why)


@exercise("regularization.batch_norm_train")
@pytest.mark.parametrize("momentum", [0.9, 0.25, 0.0, 1.0])
@pytest.mark.parametrize("shape", [(6, 3), (3, 2, 4, 5)], ids=str)
def test_momentum_weighs_the_old(learner, shape, momentum):
    """The moving statistics keep the share `momentum` of the old value."""
    given = batch(shape)
    _, *moved = trained(learner, given, momentum=momentum, epsilon=1e-3)
    expect_moved(
        moved,
        given,
        momentum,
        because=f"the new moving statistic is {momentum:g} times the old one and "
        f"{1 - momentum:g} times the batch's",
    )


@exercise("regularization.batch_norm_train")
def test_training_defaults(learner):
    """Without settings, momentum is 0.99 and epsilon 0.001."""
    given = batch((4, 3, 2, 2), spread=0.02)
    out, *moved = trained(learner, given)
    why = "these are Keras' defaults, and the signature's"
    expect_normalised(out, given, 1e-3, because=why, momentum=0.99)
    expect_moved(moved, given, 0.99, because=why)


@exercise("regularization.batch_norm_train")
def test_constant_channel_becomes_beta(learner):
    """A channel that is constant over the batch becomes beta, not NaN."""
    given = batch((4, 2, 2, 3))
    given.x[..., 1] = 0.75
    out, *_ = trained(learner, given, momentum=0.9, epsilon=1e-3)
    channel = np.asarray(out)[..., 1] if np.ndim(out) == 4 else out
    expect(channel).to_be_close(
        np.full((4, 2, 2), given.beta[1]),
        because="its deviations are zero and its variance is zero: epsilon keeps 0/0 away",
        **NEAR,
    )


@exercise("regularization.batch_norm_train")
def test_training_leaves_arguments_alone(learner):
    """x, gamma, beta and the old moving statistics are the same before and after."""
    given = batch((4, 3, 2, 2))
    trained(learner, given, momentum=0.5, epsilon=1e-3)
    expect_left_alone(
        learner,
        **vars(given),
        because="the results are new arrays; `+=`, `*=` or `[...] =` would change the caller's",
    )


@exercise("regularization.batch_norm_train")
def test_any_batch_in_training(learner, for_any):
    """Any shape, dtype, momentum and epsilon: the output, and both moving statistics."""

    @for_any(
        shape=strategies.shapes(2, 4, longest=5),
        dtype=sampled_from(strategies.FLOATS),
        momentum=floats(0, 1),
        epsilon=floats(1e-3, 1),
        seed=strategies.seeds,
    )
    def law(shape, dtype, momentum, epsilon, seed):
        given = batch(shape, dtype, seed=seed)
        x, gamma, beta, old_mean, old_variance = given.arrays()
        mean, variance = statistics(x)
        out, *moved = trained(learner, given, momentum=momentum, epsilon=epsilon)
        expect(out).to_be_close(
            normalised(x, mean, variance, gamma, beta, epsilon),
            because="each channel is normalised with the batch's mean and biased variance",
            rtol=1e-3,
            atol=1e-3,
        )
        for found, old, new in zip(moved, (old_mean, old_variance), (mean, variance), strict=True):
            expect(found).to_be_close(
                averaged(old.astype(np.float64), new, momentum),
                because="momentum is the weight of the old value",
                **NEAR,
            )


# --- batch_norm_inference ------------------------------------------------------------------------


def expect_inference(result, given, epsilon, *, because):
    """The output of an inference call; a known misconception about it is named."""
    x, gamma, beta, mean, variance = given.arrays()
    x = x.astype(np.float64)
    of_batch = statistics(x)
    expect(result).to_be_close(
        normalised(x, mean, variance, gamma, beta, epsilon),
        because=because,
        **NEAR,
        mistakes={
            "you normalised with the batch's statistics: at test time the moving ones count": (
                lambda: normalised(x, *of_batch, gamma, beta, epsilon)
            ),
            "you took the mean of the batch and the moving variance": (
                lambda: normalised(x, of_batch[0], variance, gamma, beta, epsilon)
            ),
            "you took the moving mean and the variance of the batch": (
                lambda: normalised(x, mean, of_batch[1], gamma, beta, epsilon)
            ),
            "you added epsilon to the standard deviation: it belongs to the variance, inside the "
            "root": lambda: gamma * (x - mean) / (np.sqrt(variance) + epsilon) + beta,
            "you divided by the variance, not by its root": (
                lambda: gamma * (x - mean) / (variance + epsilon) + beta
            ),
            "you left epsilon out": lambda: normalised(x, mean, variance, gamma, beta, 0),
            "you ignored `epsilon`": lambda: normalised(x, mean, variance, gamma, beta, 1e-3),
            "your default epsilon is 1e-5, PyTorch's: Keras' is 1e-3": (
                lambda: normalised(x, mean, variance, gamma, beta, 1e-5)
            ),
            "you left out gamma and beta": lambda: normalised(x, mean, variance, 1, 0, epsilon),
            "you left out gamma": lambda: normalised(x, mean, variance, 1, beta, epsilon),
            "you left out beta": lambda: normalised(x, mean, variance, gamma, 0, epsilon),
            "gamma and beta are swapped: gamma scales, beta shifts": (
                lambda: normalised(x, mean, variance, beta, gamma, epsilon)
            ),
            "you added beta before gamma scaled": (
                lambda: gamma * normalised(x, mean, variance, 1, beta, epsilon)
            ),
        },
    )


@exercise("regularization.batch_norm_inference")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (3, 2, 4, 5), (1, 4)], ids=str)
def test_moving_statistics_alone(learner, shape, dtype):
    """Each channel is normalised with its moving mean and moving variance."""
    given = batch(shape, dtype)
    result = learner.regularization.batch_norm_inference(*given.arrays(), epsilon=1e-3)
    expect_inference(
        result, given, 1e-3, because="at test time only what training left behind may count"
    )


@exercise("regularization.batch_norm_inference")
@pytest.mark.parametrize("epsilon", [0.5, 0.02])
def test_epsilon_at_inference(learner, epsilon):
    """At test time, too, epsilon is added to the variance, inside the root."""
    given = batch((4, 3, 2, 2))
    given.moving_variance *= np.float32(0.1)
    result = learner.regularization.batch_norm_inference(*given.arrays(), epsilon=epsilon)
    expect_inference(result, given, epsilon, because=f"sqrt(variance + {epsilon}) is the divisor")


@exercise("regularization.batch_norm_inference")
def test_inference_default(learner):
    """Without setting, epsilon is 0.001."""
    given = batch((4, 3))
    given.moving_variance *= np.float32(1e-3)
    result = learner.regularization.batch_norm_inference(*given.arrays())
    expect_inference(result, given, 1e-3, because="this is Keras' default, and the signature's")


@exercise("regularization.batch_norm_inference")
def test_independent_of_the_batch(learner):
    """An image gives the same output alone as among others."""
    given = batch((5, 2, 3, 2))
    others = given.arrays()[1:]
    together = learner.regularization.batch_norm_inference(given.x, *others)
    alone = learner.regularization.batch_norm_inference(given.x[3:4], *others)
    together = np.asarray(together)[3:4] if np.ndim(together) == 4 else together
    expect(alone).to_be_close(
        together,
        because="a prediction must not depend on which other images happen to be in the batch",
        **NEAR,
    )


@exercise("regularization.batch_norm_inference")
def test_inference_leaves_arguments_alone(learner):
    """Inference changes none of the arrays that it is given."""
    given = batch((4, 3, 2, 2))
    learner.regularization.batch_norm_inference(*given.arrays(), epsilon=1e-3)
    expect_left_alone(
        learner, **vars(given), because="inference reads its arguments and learns nothing"
    )


@exercise("regularization.batch_norm_inference")
def test_any_batch_at_inference(learner, for_any):
    """Any shape, dtype and epsilon: the moving statistics normalise."""

    @for_any(
        shape=strategies.shapes(2, 4, longest=5),
        dtype=sampled_from(strategies.FLOATS),
        epsilon=floats(1e-3, 1),
        seed=strategies.seeds,
    )
    def law(shape, dtype, epsilon, seed):
        x, gamma, beta, mean, variance = batch(shape, dtype, seed=seed).arrays()
        result = learner.regularization.batch_norm_inference(
            x, gamma, beta, mean, variance, epsilon=epsilon
        )
        expect(result).to_be_close(
            normalised(x, mean, variance, gamma, beta, epsilon),
            because="at test time the moving mean and variance count, whatever the batch",
            **NEAR,
        )


# --- dropout -------------------------------------------------------------------------------------

RATES = (0.2, 0.5, 0.8)


def signals(*shape, dtype="float32", seed=0):
    """Numbers of both signs, none of them near zero: a zero afterwards was dropped."""
    random = generator(seed)
    size = random.uniform(0.5, 2, shape)
    return (size * random.choice([-1, 1], shape)).astype(dtype)


def dropped(learner, x, rate, seed=0):
    """Where a training call gave exact zeros."""
    result = learner.regularization.dropout(x, rate, training=True, seed=seed)
    expect(result).to_have_shape(x.shape, because="dropout keeps the shape")
    return np.asarray(result) == 0


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
    expect(share).to_satisfy(
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
        expect(share).to_satisfy(
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
    expect(counts).to_satisfy(
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
    expect(alike).to_satisfy(
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


# --- BatchNorm -----------------------------------------------------------------------------------


@dataclass
class Built:
    """A layer that knows its input's shape, and where its weights are: by value, not by name."""

    layer: Any
    gamma_first: bool
    mean_first: bool

    def learnt(self):
        """gamma, beta."""
        return _ordered(self.layer.weights()["trainable"], self.gamma_first)

    def moving(self):
        """The moving mean, the moving variance."""
        return _ordered(self.layer.weights()["non_trainable"], self.mean_first)


def _ordered(weights, in_order):
    values = [np.ravel(value) for _, value in weights]
    return values if in_order else values[::-1]


def built(learner, shape, **settings):
    """A new layer, called once outside training, whose four weights are as they should be."""
    layer = expect(learner.regularization.BatchNorm(**settings)).to_be_a(
        "layer", because="BatchNorm is a keras.layers.Layer"
    )
    layer.call(np.zeros(shape, np.float32), training=False)
    weights, channels = layer.weights(), shape[-1]
    found = {role: [np.ravel(v) for _, v in weights[role]] for role in weights}
    sizes = {role: [value.size for value in values] for role, values in found.items()}
    spatial = int(np.prod(shape[1:]))
    expect(sizes).to_equal(
        {"trainable": [channels] * 2, "non_trainable": [channels] * 2},
        because="gamma and beta are learnt, moving_mean and moving_variance are not; each has one "
        "number per channel",
        mistakes={
            "the moving statistics are trainable: add_weight(..., trainable=False)": {
                "trainable": [channels] * 4,
                "non_trainable": [],
            },
            "the moving statistics are not weights of the layer: make them with add_weight": {
                "trainable": [channels] * 2,
                "non_trainable": [],
            },
            "the layer has no weights: make them with add_weight in `build`": {
                "trainable": [],
                "non_trainable": [],
            },
            "none of the weights is trainable": {
                "trainable": [],
                "non_trainable": [channels] * 4,
            },
            "the weights have one number for each place and channel": {
                "trainable": [spatial] * 2,
                "non_trainable": [spatial] * 2,
            },
        },
    )
    first = {role: sorted(float(v[0]) for v in values) for role, values in found.items()}
    flat = all(np.all(v == v[0]) for values in found.values() for v in values)
    expect(first).to_satisfy(
        flat and first == {"trainable": [0.0, 1.0], "non_trainable": [0.0, 1.0]},
        "gamma 1, beta 0; moving mean 0, moving variance 1",
        because="before any training the layer should leave its input nearly as it is",
        mistake=_initial_mistake(found, first) if flat else "the weights start at random",
    )
    return Built(layer, found["trainable"][0][0] == 1, found["non_trainable"][0][0] == 0)


def _initial_mistake(found, first):
    if first["trainable"] == [0.0, 0.0]:
        return "gamma starts at 0, which silences the layer: it starts at 1"
    if first["non_trainable"] == [0.0, 0.0]:
        return "the moving variance starts at 0: it starts at 1"
    return None


def as_batch(x, layer):
    """A batch with a layer's weights before any optimizer's step, for the functions above.

    Until then gamma is 1 and beta 0, whatever the layer says.
    """
    channels = x.shape[-1]
    return Batch(x, np.ones(channels), np.zeros(channels), *layer.moving())


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(4, 3), (2, 5, 4, 2)], ids=str)
def test_four_weights(learner, shape):
    """gamma and beta are trainable, moving mean and variance are not; they start at 1, 0, 0, 1."""
    built(learner, shape)


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_training_call(learner, shape):
    """Called with training=True, the layer normalises with the batch's statistics."""
    layer = built(learner, shape, momentum=0.9, epsilon=1e-3)
    given = as_batch(batch(shape).x, layer)
    result = layer.layer.call(given.x, training=True)
    expect_normalised(
        result, given, 1e-3, because="in training a layer sees its batch, as batch_norm_train does"
    )


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_training_moves_the_statistics(learner, shape):
    """Each training call moves the moving statistics towards the batch's."""
    layer = built(learner, shape, momentum=0.75)
    for seed in range(3):
        given = as_batch(batch(shape, seed=seed).x, layer)
        layer.layer.call(given.x, training=True)
        expect_moved(
            layer.moving(), given, 0.75, because="a quarter of the way from old to new, each time"
        )


@exercise("regularization.BatchNorm")
def test_layer_epsilon(learner):
    """The layer adds its epsilon to the variance, inside the root, in both modes."""
    layer = built(learner, (4, 3), epsilon=0.5)
    given = as_batch(batch((4, 3), spread=0.3).x, layer)
    why = "sqrt(variance + 0.5) is the divisor"
    result = layer.layer.call(given.x, training=True)
    expect_normalised(result, given, 0.5, because=why, momentum=0.99)
    given = as_batch(given.x, layer)
    expect_inference(layer.layer.call(given.x, training=False), given, 0.5, because=why)


@exercise("regularization.BatchNorm")
def test_layer_defaults(learner):
    """Without settings, the layer's momentum is 0.99 and its epsilon 0.001."""
    layer = built(learner, (4, 3))
    given = as_batch(batch((4, 3), spread=0.02).x, layer)
    result = layer.layer.call(given.x, training=True)
    why = "these are Keras' defaults, and the signature's"
    expect_normalised(result, given, 1e-3, because=why, momentum=0.99)
    expect_moved(layer.moving(), given, 0.99, because=why)


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("training", [False, None])
def test_inference_call(learner, training):
    """Otherwise the layer uses its moving statistics, and changes nothing."""
    shape = (3, 2, 4, 5)
    layer = built(learner, shape, momentum=0.5)
    layer.layer.call(batch(shape).x, training=True)
    given = as_batch(batch(shape, seed=1).x, layer)
    result = layer.layer.call(given.x, training=training)
    expect_inference(
        result, given, 1e-3, because="at test time only what training left behind may count"
    )
    for found, right in zip(layer.moving(), given.arrays()[3:], strict=True):
        expect(found).to_equal(right, because="the layer must not learn from the test data")


@exercise("regularization.BatchNorm")
def test_frozen_layer(learner):
    """While trainable is False, the layer is in inference mode even with training=True."""
    shape = (3, 2, 4, 5)
    layer = built(learner, shape, momentum=0.5)
    layer.layer.call(batch(shape).x, training=True)
    given = as_batch(batch(shape, seed=1).x, layer)
    layer.layer.set_trainable(False)
    result = layer.layer.call(given.x, training=True)
    layer.layer.set_trainable(True)
    why = "in Keras trainable=False means inference mode for this layer: lesson 5 relies on it"
    for found, right in zip(layer.moving(), given.arrays()[3:], strict=True):
        expect(found).to_satisfy(
            np.array_equal(found, right),
            "the moving statistics as they were",
            because="a frozen layer must not drift",
            mistake="trainable=False does not keep the moving statistics from being updated",
        )
    expect_inference(result, given, 1e-3, because=why)
    # unfrozen, it goes on as before
    result = layer.layer.call(given.x, training=True)
    expect_normalised(
        result, given, 1e-3, because="trainable=True unfreezes it again", momentum=0.5
    )


@exercise("regularization.BatchNorm")
def test_gamma_and_beta_learn(learner):
    """Inside a model, a training step changes gamma and beta along their gradients."""
    layer = built(learner, (6, 3), momentum=0.5)
    model = learner.tools.regression([layer.layer], features=3, rate=0.3)
    before = as_batch(batch((6, 3)).x, layer)
    targets = batch((6, 3), seed=1).x
    model.train_on_batch(before.x, targets)
    errors = normalised(before.x, *statistics(before.x), 1, 0, 1e-3) - targets
    standard = normalised(before.x, *statistics(before.x), 1, 0, 1e-3)
    why = "gradient descent moves each weight against its gradient: new = old - 0.3 * gradient"
    for name, found, old, slope in zip(
        ("gamma", "beta"),
        layer.learnt(),
        (1, 0),
        (2 * errors * standard, 2 * errors),
        strict=True,
    ):
        expect(found).to_be_close(
            old - 0.3 * slope.sum(0) / errors.size,
            because=why,
            **NEAR,
            mistakes={f"{name} did not learn": np.full(3, float(old))},
        )
    expect_moved(
        layer.moving(),
        before,
        0.5,
        because="`fit` calls the layer with training=True; use `.assign(...)`, which works there",
    )
    given = Batch(batch((5, 3), seed=2).x, *layer.learnt(), *layer.moving())
    expect_inference(
        model.predict(given.x), given, 1e-3, because="`predict` calls the layer in inference mode"
    )


@exercise("regularization.BatchNorm")
def test_gradient_through_the_statistics(learner):
    """The gradient knows that the batch's mean and variance depend on the weights before."""
    layer = built(learner, (8, 2))
    dense = learner.tools.dense(2)
    model = learner.tools.regression([dense, layer.layer], features=3, rate=1.0)
    kernel, bias, *_ = (np.asarray(w, np.float64) for w in model.get_weights())
    x, targets = batch((8, 3)).x.astype(np.float64), batch((8, 2), seed=1).x

    def loss(kernel, fixed=None):
        z = x @ kernel + bias
        out = normalised(z, *(fixed or statistics(z)), 1, 0, 1e-3)
        return ((out - targets) ** 2).mean()

    model.train_on_batch(x.astype(np.float32), targets)
    stopped = statistics(x @ kernel + bias)
    expect(model.get_weights()[0]).to_be_close(
        kernel - slopes(loss, kernel),
        because="the mean and the variance are part of the computation: if a gradient ignores "
        "them, the step fights the normalisation (section 2 of the paper)",
        rtol=1e-3,
        atol=1e-3,
        mistakes={
            "no gradient flows through the mean and the variance (stop_gradient, or NumPy in "
            "`call`)": lambda: kernel - slopes(lambda k: loss(k, stopped), kernel),
            "no gradient reaches the layer before": kernel,
        },
    )


def slopes(function, at, step=1e-5):
    """The gradient of a function of a matrix, by central differences."""
    result = np.zeros(at.shape)
    for place in np.ndindex(*at.shape):
        shift = np.zeros(at.shape)
        shift[place] = step
        result[place] = (function(at + shift) - function(at - shift)) / (2 * step)
    return result


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_saved_and_loaded(learner, shape):
    """A saved layer comes back with its weights and its settings, momentum and epsilon."""
    layer = built(learner, shape, momentum=0.5, epsilon=0.25)
    layer.layer.call(batch(shape).x, training=True)
    loaded = Built(layer.layer.save_and_load(list(shape[1:])), layer.gamma_first, layer.mean_first)
    for found, right in zip(
        (*loaded.learnt(), *loaded.moving()), (*layer.learnt(), *layer.moving()), strict=True
    ):
        expect(found).to_be_close(right, because="a saved model keeps all four weights")
    given = as_batch(batch(shape, seed=1).x, loaded)
    lost = "get_config does not carry epsilon: the loaded layer fell back to the default"
    expect(loaded.layer.call(given.x, training=False)).to_be_close(
        normalised(given.x, *given.arrays()[3:], 1, 0, 0.25),
        because="the loaded layer was made with epsilon=0.25, and get_config must say so",
        **NEAR,
        mistakes={lost: lambda: normalised(given.x, *given.arrays()[3:], 1, 0, 1e-3)},
    )
    loaded.layer.call(given.x, training=True)
    old_mean, old_variance = given.moving_mean, given.moving_variance
    lost = "get_config does not carry momentum: the loaded layer fell back to the default"
    for found, old, new in zip(
        loaded.moving(), (old_mean, old_variance), statistics(given.x), strict=True
    ):
        expect(found).to_be_close(
            averaged(old, new, 0.5),
            because="the loaded layer was made with momentum=0.5, and get_config must say so",
            **NEAR,
            mistakes={lost: averaged(old, new, 0.99)},
        )
    layer.layer.set_trainable(False)
    frozen = layer.layer.save_and_load(list(shape[1:]))
    lost = "get_config leaves out super().get_config(): the loaded layer is no longer frozen"
    expect(frozen.call(given.x, training=True)).to_be_close(
        layer.layer.call(given.x, training=True),
        because="a layer that was saved frozen comes back frozen, and normalises as before",
        **NEAR,
        mistakes={lost: lambda: normalised(given.x, *statistics(given.x), 1, 0, 0.25)},
    )


@exercise("regularization.BatchNorm")
def test_any_layer_settings(learner, for_any):
    """Any shape, momentum and epsilon: the layer computes what the two functions do."""

    @for_any(
        examples=8,
        shape=strategies.shapes(2, 4, longest=5),
        momentum=floats(0, 1),
        epsilon=floats(1e-3, 1),
        seed=strategies.seeds,
    )
    def law(shape, momentum, epsilon, seed):
        x, *_ = batch(shape, seed=seed).arrays()
        layer = expect(learner.regularization.BatchNorm(momentum, epsilon)).to_be_a(
            "layer", because="BatchNorm is a keras.layers.Layer"
        )
        mean, variance = statistics(x)
        expect(layer.call(x, training=True)).to_be_close(
            normalised(x, mean, variance, 1, 0, epsilon),
            because="gamma begins at 1, beta at 0; in training the batch's statistics count",
            rtol=1e-3,
            atol=1e-3,
        )
        moved = averaged(0, mean, momentum), averaged(1, variance, momentum)
        expect(layer.call(x, training=False)).to_be_close(
            normalised(x, *moved, 1, 0, epsilon),
            because="the moving statistics began at 0 and 1, and have moved once",
            rtol=1e-3,
            atol=1e-3,
        )


# --- build_regularized_cnn -----------------------------------------------------------------------

# sizes that differ from each other and from the defaults
SMALL = {"input_shape": (16, 24, 2), "num_classes": 5, "filters": (4, 6, 8)}
OTHER = {"input_shape": (24, 8, 1), "num_classes": 3, "filters": (5, 3, 4)}
WANTED_RATES = [0.25, 0.4, 0.5]


class Network:
    """What a model's layers say of it: its convolutions, blocks and output."""

    def __init__(self, model):
        expect(model).to_be_a("model", because="build_regularized_cnn returns a keras.Model")
        self.layers = structure(model)
        expect([layer["class"] for layer in self.layers]).to_satisfy(
            bool(self.layers) and all(layer["input_shape"] for layer in self.layers),
            "a functional or Sequential model that knows the shape of its input",
            because="it begins with keras.Input(input_shape)",
        )
        self.convolutions = self.places("Conv2D")
        dense = self.places("Dense")
        expect([layer["class"] for layer in self.layers]).to_satisfy(
            len(self.convolutions) == 3 and bool(dense) and dense[0] > self.convolutions[-1],
            "three Conv2D layers, then at least one Dense layer",
            because="it is lesson 2's network, with normalisation and dropout added",
        )
        self.first_dense, self.output = dense[0], dense[-1]

    def places(self, kind):
        """Where Keras' own layers of this class stand."""
        return [
            place
            for place, layer in enumerate(self.layers)
            if layer["class"] == kind and layer["known"]
        ]

    def blocks(self):
        """The layers from each convolution to the next, and from the last to the first Dense."""
        ends = [*self.convolutions[1:], self.first_dense]
        return [self.layers[a:b] for a, b in zip(self.convolutions, ends, strict=True)]

    def rates(self):
        """The rates of all dropout layers before the output."""
        return [
            round(self.layers[place]["settings"]["rate"], 6)
            for place in self.places("Dropout")
            if place < self.output
        ]


def network(learner, settings):
    """The learner's network with these settings."""
    return Network(learner.regularization.build_regularized_cnn(**settings))


@exercise("regularization.build_regularized_cnn")
@pytest.mark.parametrize("settings", [SMALL, OTHER], ids=["16x24x2", "24x8x1"])
def test_three_convolutions(learner, settings):
    """Three 3x3 "same" convolutions with the filters that were asked for, each with a ReLU."""
    found = network(learner, settings)
    convolutions = [found.layers[place] for place in found.convolutions]
    expect([layer["settings"]["filters"] for layer in convolutions]).to_equal(
        list(settings["filters"]),
        because="`filters` says how many each convolution has",
        mistakes={
            "you ignored `filters`": [64, 128, 256],
            "the filters are in the wrong order": list(settings["filters"][::-1]),
        },
    )
    for layer, channels in zip(
        convolutions, (settings["input_shape"][-1], *settings["filters"]), strict=False
    ):
        shape = [layer["settings"][name] for name in ("kernel_size", "strides", "padding")]
        expect(shape).to_equal(
            [[3, 3], [1, 1], "same"],
            because='each convolution is 3x3 with stride 1 and padding="same"',
        )
        filters = layer["settings"]["filters"]
        expect(layer["parameters"]).to_satisfy(
            layer["parameters"] in (9 * channels * filters, (9 * channels + 1) * filters),
            f"{9 * channels * filters} weights, and {filters} biases or none",
            because=f"the kernels read {channels} channels and write {filters}; with "
            "BatchNormalization behind it, the bias may be left out",
        )
    for block in found.blocks():
        expect([layer["class"] for layer in block]).to_satisfy(
            any(_is_relu(layer) for layer in block),
            "a ReLU after each convolution, as its activation or as a layer",
            because="without it, two convolutions in a row are one linear map",
        )


def _is_relu(layer):
    # Keras has it as a layer, as an activation, and as a function (ReLU or Relu) in the graph
    return layer["class"] in ("ReLU", "Relu") or layer["settings"].get("activation") == "relu"


@exercise("regularization.build_regularized_cnn")
@pytest.mark.parametrize("settings", [SMALL, OTHER], ids=["16x24x2", "24x8x1"])
def test_pooled_and_flattened(learner, settings):
    """Each block ends in 2x2 max-pooling; after the third, everything is flattened."""
    found = network(learner, settings)
    for block in found.blocks():
        pools = [layer for layer in block if layer["class"] in ("MaxPooling2D", "MaxPool")]
        halved = [
            [size // 2 for size in layer["input_shape"][1:3]] == layer["output_shape"][1:3]
            for layer in pools
        ]
        expect([layer["class"] for layer in block]).to_satisfy(
            halved == [True],
            "one 2x2 max-pooling in each block",
            because="as in lesson 2, each block halves rows and columns",
        )
    height, width, _ = settings["input_shape"]
    filters = settings["filters"][-1]
    expect(found.layers[found.first_dense]["input_shape"][1:]).to_equal(
        [(height // 8) * (width // 8) * filters],
        because=f"Flatten hands all {height // 8}x{width // 8} places of {filters} channels on",
        mistakes={
            "you averaged over rows and columns (GlobalAveragePooling2D) instead of Flatten": [
                filters
            ],
            "you left out Flatten: the Dense layer reads single pixels": [
                height // 8,
                width // 8,
                filters,
            ],
        },
    )


@exercise("regularization.build_regularized_cnn")
def test_normalised_after_every_convolution(learner):
    """keras.layers.BatchNormalization follows every convolution, before or after its ReLU."""
    found = network(learner, SMALL)
    named = {
        "BatchNorm": "you used your own BatchNorm: keras.layers.BatchNormalization is asked for, "
        "which anyone can load",
        "LayerNormalization": "LayerNormalization takes its statistics from each image alone",
        "GroupNormalization": "GroupNormalization takes its statistics from each image alone",
    }
    for number, block in enumerate(found.blocks(), start=1):
        own = [layer for layer in block if layer["class"] == "BatchNormalization"]
        of_maps = [layer for layer in own if layer["known"] and len(layer["input_shape"]) == 4]
        mistakes = [named[layer["class"]] for layer in block if layer["class"] in named]
        if own and not of_maps:
            mistakes.append("it comes after Flatten, where a channel is torn into single places")
        expect([layer["class"] for layer in block]).to_satisfy(
            bool(of_maps),
            f"a BatchNormalization after convolution {number}, before everything is flattened",
            because="each convolution hands on a distribution that shifts as it learns; each "
            "gets its own normalisation",
            mistake=[*mistakes, f"there is none after convolution {number}"][0],
        )
    for layer in found.layers:
        if layer["class"] == "BatchNormalization":
            axis = layer["settings"]["axis"]
            expect(axis).to_satisfy(
                axis in (-1, len(layer["input_shape"]) - 1),
                "an axis of -1, the channels",
                because="images are channels last, and each channel has its own statistics",
            )
            expect(layer["trainable"]).to_equal(
                True, because="a frozen BatchNormalization never looks at its batch"
            )


@exercise("regularization.build_regularized_cnn")
def test_dropout_rates(learner):
    """Dropout at 0.25, 0.4 and 0.5 in this order, the 0.5 before the output layer."""
    found = network(learner, SMALL)
    rates = found.rates()
    remaining = iter(rates)
    in_order = all(any(rate == wanted for rate in remaining) for wanted in WANTED_RATES)
    expect(rates).to_satisfy(
        in_order,
        "the rates 0.25, 0.4 and 0.5 in this order, before the output layer",
        because="everything that follows is built on early features: they are thinned out least",
        mistake=_rates_mistake(found, rates),
    )
    after = [layer["class"] for layer in found.layers[found.output + 1 :]]
    expect(after).to_satisfy(
        not any("Dropout" in name or "Normalization" in name for name in after),
        "nothing but a softmax after the output layer",
        because="what changes the probabilities afterwards keeps them from summing to one",
    )
    shapes = [
        found.layers[place]["settings"].get("noise_shape") for place in found.places("Dropout")
    ]
    expect(shapes).to_satisfy(
        not any(shapes),
        "no noise_shape",
        because="with one, several elements are dropped together; each is to be dropped on its own",
    )


def _rates_mistake(found, rates):
    classes = {layer["class"] for layer in found.layers}
    others = classes & {"SpatialDropout2D", "GaussianDropout", "AlphaDropout", "GaussianNoise"}
    everywhere = [found.layers[place]["settings"]["rate"] for place in found.places("Dropout")]
    if others:
        return f"{others.pop()} is not keras.layers.Dropout, which drops each element on its own"
    if len(everywhere) > len(rates):
        return "a Dropout comes after the output layer, where it silences classes"
    if sorted(rates) == WANTED_RATES:
        return "the three rates are there, but in another order"
    if sorted(round(1 - rate, 6) for rate in rates) == WANTED_RATES:
        return "you gave the shares that are kept: Keras' rate is the share that is dropped"
    if not rates:
        return "there is no Dropout at all"
    missing = [f"{rate:g}" for rate in WANTED_RATES if rate not in rates]
    return f"there is no Dropout at {' and at '.join(missing)}" if missing else None


@exercise("regularization.build_regularized_cnn")
@pytest.mark.parametrize("settings", [SMALL, OTHER], ids=["16x24x2", "24x8x1"])
def test_softmax_of_num_classes(learner, settings):
    """The outputs are `num_classes` probabilities that sum to one."""
    model = learner.regularization.build_regularized_cnn(**settings)
    found = Network(model)
    classes = settings["num_classes"]
    expect(found.layers[found.output]["settings"]["units"]).to_equal(
        classes,
        because="the output layer has one unit per class",
        mistakes={"you ignored `num_classes`": 10},
    )
    images = generator(1).normal(size=(3, *settings["input_shape"])).astype(np.float32)
    # far from zero: logits, too, sum to something else than one
    result = model.predict(100 * images)
    expect(result).to_have_shape((3, classes), because="one row per image, one column per class")
    expect(np.asarray(result).sum(-1)).to_be_close(
        np.ones(3), because="the output layer has a softmax", rtol=0, atol=1e-3
    )
    softmaxes = [
        layer["class"]
        for layer in found.layers
        if layer["class"] == "Softmax" or layer["settings"].get("activation") == "softmax"
    ]
    expect(len(softmaxes)).to_equal(
        1,
        because="one softmax turns scores into probabilities",
        mistakes={"the softmax comes twice, which flattens the probabilities": 2},
    )


@exercise("regularization.build_regularized_cnn")
def test_not_compiled(learner):
    """The network is not compiled, and all that can learn in it is trainable."""
    model = learner.regularization.build_regularized_cnn(**SMALL)
    found = Network(model)
    expect(model.is_compiled()).to_equal(
        False,
        because="optimizer and loss are not part of a network: compile_cnn adds them",
        mistakes={"you called `compile` in build_regularized_cnn": True},
    )
    frozen = [layer["class"] for layer in found.layers if not layer["trainable"]]
    frozen = [name for name in frozen if name in ("Conv2D", "Dense")]
    expect(frozen).to_equal([], because="every layer of a new network is there to learn")


@exercise("regularization.build_regularized_cnn")
def test_default_network(learner):
    """Without arguments: 32x32x3 images, ten classes, 64, 128 and 256 filters."""
    found = network(learner, {})
    convolutions = [found.layers[place] for place in found.convolutions]
    expect(found.layers[0]["input_shape"]).to_equal(
        [None, 32, 32, 3], because="CIFAR-10's images are 32x32x3"
    )
    expect([layer["settings"]["filters"] for layer in convolutions]).to_equal(
        [64, 128, 256], because="the signature says so"
    )
    expect(found.layers[found.output]["settings"]["units"]).to_equal(
        10, because="CIFAR-10 has ten classes"
    )


@exercise("regularization.build_regularized_cnn")
@pytest.mark.trains
def test_learns_the_synthetic_dataset(learner, draw):
    """After 400 steps on the synthetic dataset, the network recognises images it has not seen."""
    x, y, x_test, y_test = half_size_images(draw, 1600, 400)
    model = learner.regularization.build_regularized_cnn(x.shape[1:], filters=(8, 16, 32))
    expect(model).to_be_a("model", because="build_regularized_cnn returns a keras.Model")
    # fewer steps would judge the moving statistics, not the network: 0.99**400 is below 2 %
    learner.tools.compiled(model, 5e-3).fit(x, y, epochs=4, batch_size=16)
    accuracy = float(np.mean(np.asarray(model.predict(x_test)).argmax(-1) == y_test))
    expect(accuracy).to_reach(
        "regularized_synthetic_accuracy",
        "an accuracy on 400 new images of the synthetic dataset",
        because="chance is 0.1; four passes over 1,600 images take a sound network well beyond",
    )


def half_size_images(draw, train, test):
    """Standardised 16x16 images of the synthetic dataset, with one-hot labels for training."""
    (x, y), (x_test, y_test) = draw(train, test, seed=13)
    mean, std = x.mean((0, 1, 2)), x.std((0, 1, 2))
    x, x_test = (
        ((part - mean) / std).reshape(len(part), 16, 2, 16, 2, 3).mean((2, 4)).astype(np.float32)
        for part in (x, x_test)
    )
    return x, np.eye(10, dtype=np.float32)[y], x_test, y_test
