"""Tests of regularization.batch_norm_inference: only the moving statistics decide its output."""

import numpy as np
import pytest
from hypothesis.strategies import floats, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise

from .oracles import NEAR, batch, expect_inference, normalized


@exercise("regularization.batch_norm_inference", main=True)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (3, 2, 4, 5), (1, 4)], ids=str)
def test_moving_statistics_alone(learner, shape, dtype):
    """Each channel is normalized with its moving mean and moving variance."""
    given = batch(shape, dtype)
    result = learner.regularization.batch_norm_inference(*given.arrays(), epsilon=1e-3)
    expect_inference(
        result, given, 1e-3, because="test time uses the statistics collected during training"
    )


@exercise("regularization.batch_norm_inference")
@pytest.mark.parametrize("epsilon", [0.5, 0.02])
def test_epsilon_at_inference(learner, epsilon):
    """Epsilon is added to the moving variance, under the square root."""
    given = batch((4, 3, 2, 2))
    given.moving_variance *= np.float32(0.1)
    result = learner.regularization.batch_norm_inference(*given.arrays(), epsilon=epsilon)
    expect_inference(
        result, given, epsilon, because=f"the divisor is sqrt(moving_variance + {epsilon})"
    )


@exercise("regularization.batch_norm_inference")
def test_inference_default(learner):
    """By default, epsilon is 0.001."""
    given = batch((4, 3))
    given.moving_variance *= np.float32(1e-3)
    result = learner.regularization.batch_norm_inference(*given.arrays())
    expect_inference(result, given, 1e-3, because="epsilon is 0.001 in the signature, as in Keras")


@exercise("regularization.batch_norm_inference")
def test_independent_of_the_batch(learner):
    """The output for an image does not depend on the other images in its batch."""
    given = batch((5, 2, 3, 2))
    parameters = given.arrays()[1:]
    together = learner.regularization.batch_norm_inference(given.x, *parameters)
    alone = learner.regularization.batch_norm_inference(given.x[3:4], *parameters)
    together = np.asarray(together)[3:4] if np.ndim(together) == 4 else together
    expect(alone).to_be_close(
        together,
        because="a prediction must not depend on which other images happen to be in the batch",
        **NEAR,
    )


@exercise("regularization.batch_norm_inference")
def test_inference_leaves_arguments_alone(learner):
    """batch_norm_inference does not change its arguments."""
    given = batch((4, 3, 2, 2))
    learner.regularization.batch_norm_inference(*given.arrays(), epsilon=1e-3)
    expect_left_alone(
        learner,
        **vars(given),
        because="the result is a new array; `x -= moving_mean` would change the caller's array",
    )


@exercise("regularization.batch_norm_inference")
def test_any_batch_at_inference(learner, for_any):
    """For any shape, dtype and epsilon, x is normalized with the moving statistics."""

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
            normalized(x, mean, variance, gamma, beta, epsilon),
            because="test time uses the moving mean and the moving variance, whatever the batch",
            **NEAR,
        )
