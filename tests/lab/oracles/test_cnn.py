"""Lesson 2's oracles give what Keras' own layers and losses compute."""

import numpy as np
import pytest

from ...grading.lesson_2 import oracles


@pytest.fixture(scope="module", autouse=True)
def _keras():
    """Import Keras with the first test, so that collecting the tests does not take seconds."""
    global keras
    import keras


RANDOM = np.random.default_rng(2)
NEAR = {"rtol": 1e-4, "atol": 1e-4}  # Keras sums float32 terms up to 1, in any order


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [(3, 3), (2, 5), (4, 1)])
def test_convolution_is_conv2d(padding, stride, kernel_size):
    for height, width in ((7, 8), (6, 5)):
        images = RANDOM.uniform(-1, 1, (2, height, width, 3)).astype(np.float32)
        layer = keras.layers.Conv2D(
            4, kernel_size, strides=stride, padding=padding, bias_initializer="normal"
        )
        wanted = keras.ops.convert_to_numpy(layer(images))
        kernels, bias = layer.get_weights()
        found = oracles.convolution(images, kernels, bias, stride=stride, padding=padding)
        np.testing.assert_allclose(found, wanted, **NEAR)
        sizes = zip((height, width), kernel_size, strict=True)
        assert wanted.shape[1:3] == tuple(
            oracles.output_size(size, k, stride, padding) for size, k in sizes
        )


def test_output_size_is_that_of_a_layer():
    for size, kernel_size, stride in np.ndindex(12, 5, 4):
        size, kernel_size, stride = size + 1, kernel_size + 1, stride + 1
        for padding in ("valid", "same"):
            layer = keras.layers.Conv1D(1, kernel_size, strides=stride, padding=padding)
            found = oracles.output_size(size, kernel_size, stride, padding)
            if found:
                assert layer.compute_output_shape((1, size, 1))[1] == found
            else:  # the oracle counts no place at all, and Keras raises
                with pytest.raises(ValueError, match="zero or negative"):
                    layer.compute_output_shape((1, size, 1))


@pytest.mark.parametrize("pool_size", [1, 2, 3])
def test_pooled_is_max_pooling(pool_size):
    images = RANDOM.normal(size=(2, 7, 8, 3)).astype(np.float32)
    wanted = keras.ops.convert_to_numpy(keras.layers.MaxPooling2D(pool_size)(images))
    np.testing.assert_array_equal(oracles.pooled(images, pool_size), wanted)


def test_softmax_is_that_of_keras():
    logits = RANDOM.normal(scale=[[1], [30], [1000]], size=(3, 5)).astype(np.float32)
    wanted = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    np.testing.assert_allclose(oracles.softmax(logits), wanted, **NEAR)


def test_crossentropy_is_the_loss_of_keras():
    targets = np.eye(4, dtype=np.float32)[[0, 3, 1, 1, 2]]
    probabilities = oracles.softmax(RANDOM.normal(size=(5, 4))).astype(np.float32)
    wanted = float(keras.losses.CategoricalCrossentropy()(targets, probabilities))
    assert oracles.crossentropy(targets, probabilities) == pytest.approx(wanted, rel=1e-5)


def test_forward_is_the_plain_network():
    x = inputs = keras.Input((16, 8, 2))
    for filters in (3, 4, 5):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Dense(6, activation="softmax")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, x)
    images = RANDOM.normal(size=(3, 16, 8, 2)).astype(np.float32)
    weights = model.get_weights()
    wanted = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(oracles.forward(weights, images), wanted, **NEAR)
    shapes = oracles.weight_shapes((16, 8, 2), 6, (3, 4, 5))
    assert sorted(list(array.shape) for array in weights) == shapes
