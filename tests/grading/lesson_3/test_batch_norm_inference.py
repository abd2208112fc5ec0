"""Tests of regularization.batch_norm_inference."""

import numpy as np
import pytest
from hypothesis.strategies import floats, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise

from .oracles import NEAR, batch, expect_inference, normalised


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
