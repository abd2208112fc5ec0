"""Right answers of lesson 3, and the inputs and checks that several of its tests share."""

from dataclasses import dataclass

import numpy as np

from cifar_lab.testing.expect import expect
from cifar_lab.testing.samples import generator

# float32 rounding on numbers of these sizes
NEAR = {"rtol": 1e-4, "atol": 1e-4}

# dropout's rates in the tests that count zeros
RATES = (0.2, 0.5, 0.8)


# --- right answers -----------------------------------------------------------------------------


def batch_statistics(x):
    """Return the mean and the biased variance of each channel, in float64."""
    values = x.astype(np.float64).reshape(-1, x.shape[-1])
    return values.mean(0), values.var(0)


def unbiased_variance(x):
    """Return the variance of each channel that divides by N - 1, in float64."""
    return x.astype(np.float64).reshape(-1, x.shape[-1]).var(0, ddof=1)


def normalized(x, mean, variance, gamma, beta, epsilon):
    """Return the output of Batch Normalization for these statistics, in float64."""
    return gamma * (x.astype(np.float64) - mean) / np.sqrt(variance + epsilon) + beta


def moving_average(old, new, momentum):
    """Return a moving statistic after one more batch; momentum is the weight of the old value."""
    return momentum * old + (1 - momentum) * new


def numerical_gradient(function, at, step=1e-5):
    """Return the gradient of a function of an array, by central differences."""
    gradient = np.zeros(at.shape)
    for index in np.ndindex(*at.shape):
        shift = np.zeros(at.shape)
        shift[index] = step
        gradient[index] = (function(at + shift) - function(at - shift)) / (2 * step)
    return gradient


# --- inputs ------------------------------------------------------------------------------------


@dataclass
class Batch:
    """Batch of activations, and the parameters of a Batch Normalization for it."""

    x: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    moving_mean: np.ndarray
    moving_variance: np.ndarray

    def arrays(self):
        """Return all five arrays, in the order of batch_norm_train's arguments."""
        return self.x, self.gamma, self.beta, self.moving_mean, self.moving_variance


def batch(shape, dtype="float32", spread=1.0, seed=0):
    """Return a random batch of this shape.

    The channels have different means and variances, and no parameter is 0 or 1, so that a wrong
    axis or a forgotten parameter changes the result. Shapes in tests are small, so that N and
    N - 1 differ visibly.
    """
    random, channels = generator(seed), shape[-1]
    centers, spreads = np.linspace(-1, 2, channels), np.linspace(0.5, 1.5, channels)
    x = spread * (centers + spreads * random.normal(size=shape))
    parameters = (
        random.uniform(0.5, 2, channels),
        random.uniform(0.3, 1, channels),
        random.normal(0.5, 0.5, channels),
        random.uniform(1.5, 3, channels),
    )
    return Batch(x.astype(dtype), *(p.astype(dtype) for p in parameters))


def nonzero_values(*shape, dtype="float32", seed=0):
    """Return positive and negative numbers far from zero: a zero in a result was dropped."""
    random = generator(seed)
    size = random.uniform(0.5, 2, shape)
    return (size * random.choice([-1, 1], shape)).astype(dtype)


# --- checks ------------------------------------------------------------------------------------


def expect_normalized(result, given, epsilon, *, because, momentum=0.9):
    """Check the output of a training call, and name a known misconception."""
    x, gamma, beta, old_mean, old_variance = given.arrays()
    x = x.astype(np.float64)
    mean, variance = batch_statistics(x)

    def with_statistics(mean, variance):
        return lambda: normalized(x, mean, variance, gamma, beta, epsilon)

    def over(axes):
        return with_statistics(x.mean(axes, keepdims=True), x.var(axes, keepdims=True))

    spatial = tuple(range(1, x.ndim - 1))
    updated = (
        moving_average(old_mean, mean, momentum),
        moving_average(old_variance, variance, momentum),
    )
    expect(result).to_be_close(
        normalized(x, mean, variance, gamma, beta, epsilon),
        because=because,
        **NEAR,
        mistakes={
            "you normalized with the moving statistics: in training, use the batch's own": (
                with_statistics(old_mean, old_variance)
            ),
            "you normalized with the moving statistics after updating them: in training, use the "
            "batch's own": with_statistics(*updated),
            "you took the statistics over the first axis alone: take them over all axes but the "
            "last": over(0),
            "you normalized each image by itself: take the statistics over all images of the "
            "batch": over(spatial or 1),
            "you took the statistics over the channels of each place (axis=-1): take them over "
            "all other axes": over(-1),
            "you took one mean and one variance over all channels: each channel has its own": (
                over(None)
            ),
            "you divided by N - 1 in the variance: Batch Normalization uses the biased variance, "
            "which divides by N": with_statistics(mean, unbiased_variance(x)),
            "you subtracted the mean but did not divide by the standard deviation": (
                lambda: gamma * (x - mean) + beta
            ),
            **_formula_mistakes(x, mean, variance, gamma, beta, epsilon),
        },
    )


def expect_inference(result, given, epsilon, *, because):
    """Check the output of an inference call, and name a known misconception."""
    x, gamma, beta, mean, variance = given.arrays()
    x = x.astype(np.float64)
    batch_mean, batch_variance = batch_statistics(x)
    expect(result).to_be_close(
        normalized(x, mean, variance, gamma, beta, epsilon),
        because=because,
        **NEAR,
        mistakes={
            "you normalized with the batch's statistics: at test time, use the moving ones": (
                lambda: normalized(x, batch_mean, batch_variance, gamma, beta, epsilon)
            ),
            "you used the batch's mean with the moving variance: at test time, use the moving "
            "mean": lambda: normalized(x, batch_mean, variance, gamma, beta, epsilon),
            "you used the moving mean with the batch's variance: at test time, use the moving "
            "variance": lambda: normalized(x, mean, batch_variance, gamma, beta, epsilon),
            **_formula_mistakes(x, mean, variance, gamma, beta, epsilon),
        },
    )


def _formula_mistakes(x, mean, variance, gamma, beta, epsilon):
    """Return the mistakes in the formula that training and inference share."""
    return {
        "you added epsilon to the standard deviation: add it to the variance, under the square "
        "root": lambda: gamma * (x - mean) / (np.sqrt(variance) + epsilon) + beta,
        "you left out epsilon": lambda: normalized(x, mean, variance, gamma, beta, 0),
        "you ignored `epsilon`": lambda: normalized(x, mean, variance, gamma, beta, 1e-3),
        "you used PyTorch's epsilon of 1e-5: Keras' default is 1e-3": (
            lambda: normalized(x, mean, variance, gamma, beta, 1e-5)
        ),
        "you divided by the variance, not by its square root": (
            lambda: gamma * (x - mean) / (variance + epsilon) + beta
        ),
        "gamma and beta are swapped: gamma scales, beta shifts": (
            lambda: normalized(x, mean, variance, beta, gamma, epsilon)
        ),
        "you left out gamma and beta": lambda: normalized(x, mean, variance, 1, 0, epsilon),
        "you left out gamma": lambda: normalized(x, mean, variance, 1, beta, epsilon),
        "you left out beta": lambda: normalized(x, mean, variance, gamma, 0, epsilon),
        "you multiplied beta by gamma, too: scale first, then add beta": (
            lambda: gamma * normalized(x, mean, variance, 1, beta, epsilon)
        ),
    }


def expect_moving_statistics(found, given, momentum, *, because):
    """Check both moving statistics after one training call, and name a known misconception."""
    x, _, _, old_mean, old_variance = given.arrays()
    mean, variance = batch_statistics(x)
    new_mean = moving_average(old_mean, mean, momentum)
    new_variance = moving_average(old_variance, variance, momentum)
    mean_mistakes = {
        "your moving mean has the values of the moving variance": new_variance,
        "you took one mean over all channels: each channel has its own": (
            moving_average(old_mean, x.mean(), momentum)
        ),
    }
    variance_mistakes = {
        "your moving variance divides by N - 1, as PyTorch's does: Keras averages the biased "
        "variance": moving_average(old_variance, unbiased_variance(x), momentum),
        "you averaged the standard deviation: average the variance": (
            moving_average(old_variance, np.sqrt(variance), momentum)
        ),
        "you averaged the variance with epsilon added: average the variance alone": (
            moving_average(old_variance, variance + 1e-3, momentum)
        ),
        "your moving variance has the values of the moving mean": new_mean,
    }
    for name, actual, old, new, own_mistakes in (
        ("mean", found[0], old_mean, mean, mean_mistakes),
        ("variance", found[1], old_variance, variance, variance_mistakes),
    ):
        expect(actual).to_be_close(
            moving_average(old, new, momentum),
            because=because,
            rtol=1e-5,
            atol=1e-5,
            mistakes={
                f"your moving {name} gives the new value the weight {momentum:g}: Keras' momentum "
                "is the weight of the old value": moving_average(old, new, 1 - momentum),
                f"your moving {name} is the {name} of the batch alone": new,
                f"the moving {name} was not updated": old,
                f"you added to the old {name} without multiplying it by the momentum": (
                    old + (1 - momentum) * new
                ),
                "you ignored `momentum`": moving_average(old, new, 0.99),
                "you used a momentum of 0.9: Keras' default is 0.99": (
                    moving_average(old, new, 0.9)
                ),
                **own_mistakes,
            },
        )
