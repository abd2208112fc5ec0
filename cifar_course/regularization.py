"""Lesson 3: Batch Normalization and dropout, by hand, as a layer, and in a network."""

import keras
import numpy as np
from jaxtyping import Float


def batch_norm_train(
    x: Float[np.ndarray, "n ... channels"],
    gamma: Float[np.ndarray, " channels"],
    beta: Float[np.ndarray, " channels"],
    moving_mean: Float[np.ndarray, " channels"],
    moving_variance: Float[np.ndarray, " channels"],
    momentum: float = 0.99,
    epsilon: float = 1e-3,
) -> tuple[
    Float[np.ndarray, "n ... channels"],
    Float[np.ndarray, " channels"],
    Float[np.ndarray, " channels"],
]:
    """Normalize a training batch and update the moving statistics.

        out = gamma * (x - mean) / sqrt(variance + epsilon) + beta
        moving = momentum * moving + (1 - momentum) * batch statistic

    Source: Ioffe and Szegedy, "Batch Normalization" (2015), with Keras' conventions for the
    moving statistics.

    Args:
        x: A batch of activations, channels last. The mean and variance of each channel are
            taken over all other axes.
        gamma: The learned scale.
        beta: The learned shift.
        moving_mean: The moving mean before this batch; it does not change.
        moving_variance: The moving variance before this batch; it does not change.
        momentum: The weight of the *old* moving value.
        epsilon: Added to the variance, so that a constant channel does not divide by zero.

    Returns:
        out, moving_mean, moving_variance: new floating arrays. The variance is the biased one
        (divided by the number of values, not by one less), both to normalize and to average.
    """
    raise NotImplementedError("regularization.batch_norm_train is not written yet: see lesson 3")


def batch_norm_inference(
    x: Float[np.ndarray, "n ... channels"],
    gamma: Float[np.ndarray, " channels"],
    beta: Float[np.ndarray, " channels"],
    moving_mean: Float[np.ndarray, " channels"],
    moving_variance: Float[np.ndarray, " channels"],
    epsilon: float = 1e-3,
) -> Float[np.ndarray, "n ... channels"]:
    """Normalize activations at test time, with the moving statistics alone.

    The output for an image must not depend on the other images in its batch.

        out = gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta

    Source: Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 2.

    Args:
        x: Activations, channels last.
        gamma: The learned scale.
        beta: The learned shift.
        moving_mean: The moving mean at the end of training.
        moving_variance: The moving variance at the end of training.
        epsilon: As in training.

    Returns:
        A new floating array with the shape of `x`.
    """
    raise NotImplementedError("regularization.batch_norm_inference is not written yet: see lesson 3")


def dropout(
    x: Float[np.ndarray, "..."], rate: float, training: bool, seed: int = 0
) -> Float[np.ndarray, "..."]:
    """Set a random fraction of the elements to zero and scale up the others.

    Each element is dropped on its own with probability `rate`. The others are divided by
    `1 - rate`, so that the expected value stays the same and test time needs no correction.

    Source: Srivastava et al., "Dropout" (2014), in the inverted form that Keras uses.

    Args:
        x: Activations of any shape.
        rate: The probability of being *dropped*, 0 <= rate < 1.
        training: If false, no element is dropped.
        seed: The same seed drops the same elements, another seed drops others.

    Returns:
        A new floating array with the shape of `x`. It equals `x` outside training and at a
        rate of 0.

    Raises:
        ValueError: `rate` is below 0, or 1 or more.
    """
    raise NotImplementedError("regularization.dropout is not written yet: see lesson 3")


class BatchNorm(keras.layers.Layer):
    """Batch Normalization as a Keras layer.

    The layer computes the formulas of `batch_norm_train` and `batch_norm_inference`. Its
    weights have one number per channel: trainable `gamma` (ones at first) and `beta` (zeros),
    non-trainable `moving_mean` (zeros) and `moving_variance` (ones). With `training=True` the
    layer normalizes with the batch's statistics and updates the moving ones. Otherwise, and
    always while `self.trainable` is False, it normalizes with the moving ones and updates
    nothing.

    A model saved with this layer loads with `custom_objects={"BatchNorm": BatchNorm}` and
    gives the same outputs.

    Args:
        momentum: The weight of the old moving value.
        epsilon: Added to the variance.
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs):
        super().__init__(**kwargs)
        raise NotImplementedError("regularization.BatchNorm is not written yet: see lesson 3")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the four weights, of shape `(channels,)`."""
        raise NotImplementedError("regularization.BatchNorm is not written yet: see lesson 3")

    def call(self, inputs, training: bool | None = None):
        """Return the normalized `inputs`; the class's docstring says how."""
        raise NotImplementedError("regularization.BatchNorm is not written yet: see lesson 3")

    def get_config(self) -> dict:
        """Return the parent class's settings (`name`, `trainable`, ...) and those of this layer.

        Keras recreates the layer of a saved model from these settings.
        """
        raise NotImplementedError("regularization.BatchNorm is not written yet: see lesson 3")


def build_regularized_cnn(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    filters: tuple[int, int, int] = (64, 128, 256),
) -> keras.Model:
    """Build lesson 2's network with Batch Normalization and dropout.

    `keras.layers.BatchNormalization` follows every convolution, before or after its ReLU.
    Three `keras.layers.Dropout` have the rates 0.25, 0.4 and 0.5 in this order, the last one
    before the output layer. A hidden Dense layer between Flatten and the output, and further
    Dropout or BatchNormalization, are allowed.

    Args:
        input_shape: (height, width, channels) of one image.
        num_classes: Outputs of the softmax.
        filters: Filters of the three convolutions, in order.

    Returns:
        A `keras.Model`, not compiled, from `(n, *input_shape)` to `(n, num_classes)`.
    """
    raise NotImplementedError("regularization.build_regularized_cnn is not written yet: see lesson 3")
