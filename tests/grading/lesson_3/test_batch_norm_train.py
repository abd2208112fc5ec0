"""Tests of regularization.batch_norm_train."""

import numpy as np
import pytest
from hypothesis.strategies import floats, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise

from .oracles import NEAR, averaged, batch, expect_moved, expect_normalised, normalised, statistics


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
