"""Tests of regularization.batch_norm_train: its output and both updated moving statistics."""

import numpy as np
import pytest
from hypothesis.strategies import floats, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise

from .oracles import (
    NEAR,
    batch,
    batch_statistics,
    expect_moving_statistics,
    expect_normalized,
    moving_average,
    normalized,
)


def call_in_training(learner, given, **settings):
    """Return the three results of the learner's batch_norm_train."""
    result = learner.regularization.batch_norm_train(*given.arrays(), **settings)
    return expect(result).to_unpack(
        "out, moving_mean, moving_variance", because="the docstring promises three arrays"
    )


@exercise("regularization.batch_norm_train", main=True)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (3, 2, 4, 5), (7, 1)], ids=str)
def test_normalized_with_the_batch(learner, shape, dtype):
    """Each channel is normalized with the batch's mean and variance, then scaled and shifted."""
    given = batch(shape, dtype)
    out, *_ = call_in_training(learner, given, momentum=0.9, epsilon=1e-3)
    expect_normalized(
        out,
        given,
        1e-3,
        because="each channel has one mean and one variance, taken over all other axes; then "
        "gamma scales and beta shifts",
    )


@exercise("regularization.batch_norm_train")
@pytest.mark.parametrize("epsilon", [0.5, 0.02])
def test_epsilon_under_the_root(learner, epsilon):
    """Epsilon is added to the variance, under the square root."""
    given = batch((4, 3, 2, 2), spread=0.3)
    out, *_ = call_in_training(learner, given, momentum=0.9, epsilon=epsilon)
    expect_normalized(out, given, epsilon, because=f"the divisor is sqrt(variance + {epsilon})")


@exercise("regularization.batch_norm_train")
def test_biased_variance(learner):
    """The variance divides by N, both in the output and in the moving variance."""
    given = batch((2, 3), "float64")
    out, *moving = call_in_training(learner, given, momentum=0.5, epsilon=1e-3)
    why = "Keras uses the biased variance, and with two values per channel the difference is large"
    expect_normalized(out, given, 1e-3, because=why, momentum=0.5)
    expect_moving_statistics(moving, given, 0.5, because=why)


@exercise("regularization.batch_norm_train", main=True)
@pytest.mark.parametrize("momentum", [0.9, 0.25, 0.0, 1.0])
@pytest.mark.parametrize("shape", [(6, 3), (3, 2, 4, 5)], ids=str)
def test_momentum_weighs_the_old(learner, shape, momentum):
    """Momentum is the weight of the old value in both moving statistics."""
    given = batch(shape)
    _, *moving = call_in_training(learner, given, momentum=momentum, epsilon=1e-3)
    expect_moving_statistics(
        moving,
        given,
        momentum,
        because=f"the new moving statistic is {momentum:g} times the old one plus "
        f"{1 - momentum:g} times the batch's",
    )


@exercise("regularization.batch_norm_train")
def test_training_defaults(learner):
    """By default, momentum is 0.99 and epsilon is 0.001."""
    given = batch((4, 3, 2, 2), spread=0.02)
    out, *moving = call_in_training(learner, given)
    why = "momentum is 0.99 and epsilon 0.001 in the signature, as in Keras"
    expect_normalized(out, given, 1e-3, because=why, momentum=0.99)
    expect_moving_statistics(moving, given, 0.99, because=why)


@exercise("regularization.batch_norm_train")
def test_constant_channel_becomes_beta(learner):
    """A channel that is constant over the batch becomes beta, not NaN."""
    given = batch((4, 2, 2, 3))
    given.x[..., 1] = 0.75
    out, *_ = call_in_training(learner, given, momentum=0.9, epsilon=1e-3)
    channel = np.asarray(out)[..., 1] if np.ndim(out) == 4 else out
    expect(channel).to_be_close(
        np.full((4, 2, 2), given.beta[1]),
        because="in channel 1, x - mean and the variance are zero, and epsilon prevents 0/0",
        **NEAR,
    )


@exercise("regularization.batch_norm_train")
def test_training_leaves_arguments_alone(learner):
    """batch_norm_train does not change its arguments."""
    given = batch((4, 3, 2, 2))
    call_in_training(learner, given, momentum=0.5, epsilon=1e-3)
    expect_left_alone(
        learner,
        **vars(given),
        because="the results are new arrays; `+=`, `*=` or `[...] =` would change the caller's "
        "arrays",
    )


@exercise("regularization.batch_norm_train")
def test_any_batch_in_training(learner, for_any):
    """For any shape, dtype, momentum and epsilon, all three results are right."""

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
        mean, variance = batch_statistics(x)
        out, *moving = call_in_training(learner, given, momentum=momentum, epsilon=epsilon)
        expect(out).to_be_close(
            normalized(x, mean, variance, gamma, beta, epsilon),
            because="each channel is normalized with the batch's mean and biased variance",
            rtol=1e-3,
            atol=1e-3,
        )
        for found, old, new in zip(moving, (old_mean, old_variance), (mean, variance), strict=True):
            expect(found).to_be_close(
                moving_average(old.astype(np.float64), new, momentum),
                because="momentum is the weight of the old value",
                **NEAR,
            )
