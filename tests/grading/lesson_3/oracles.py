"""Right answers of lesson 3, and what several of its tests share."""

from dataclasses import dataclass

import numpy as np

from cifar_lab.testing.expect import expect
from cifar_lab.testing.samples import generator

# what float32 arithmetic may lose on numbers of these sizes
NEAR = {"rtol": 1e-4, "atol": 1e-4}


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


def slopes(function, at, step=1e-5):
    """The gradient of a function of a matrix, by central differences."""
    result = np.zeros(at.shape)
    for place in np.ndindex(*at.shape):
        shift = np.zeros(at.shape)
        shift[place] = step
        result[place] = (function(at + shift) - function(at - shift)) / (2 * step)
    return result
