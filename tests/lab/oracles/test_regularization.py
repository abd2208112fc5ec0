"""Tests that Keras' own layers compute the right answers of lesson 3's grading tests."""

import numpy as np
import pytest

from ...grading.lesson_3 import oracles


@pytest.fixture(scope="module", autouse=True)
def _keras():
    """Import Keras before the first test, not with this file: collecting must not take seconds."""
    global keras
    import keras


def keras_layer(given, **settings):
    """Return Keras' BatchNormalization with the weights in `given`."""
    layer = keras.layers.BatchNormalization(**settings)
    layer.build(given.x.shape)
    layer.set_weights([given.gamma, given.beta, given.moving_mean, given.moving_variance])
    return layer


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (3, 2, 4, 5)])
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.7, "epsilon": 0.3}])
def test_batch_normalization_in_training(shape, settings):
    given = oracles.batch(shape)
    layer = keras_layer(given, **settings)
    out = keras.ops.convert_to_numpy(layer(given.x, training=True))
    epsilon, momentum = layer.epsilon, layer.momentum
    oracles.expect_normalized(out, given, epsilon, because="Keras computes it", momentum=momentum)
    oracles.expect_moving_statistics(
        layer.get_weights()[2:], given, momentum, because="Keras computes it"
    )


@pytest.mark.parametrize("frozen", [False, True])
def test_batch_normalization_at_inference(frozen):
    given = oracles.batch((3, 2, 4, 5))
    layer = keras_layer(given)
    layer.trainable = not frozen
    out = keras.ops.convert_to_numpy(layer(given.x, training=frozen))
    oracles.expect_inference(out, given, 1e-3, because="Keras computes it")
    np.testing.assert_array_equal(layer.moving_mean, given.moving_mean)


def test_gradient_of_batch_normalization():
    random = np.random.default_rng(0)
    x, targets = random.normal(size=(8, 3)), random.normal(size=(8, 2))
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )
    model.compile(keras.optimizers.SGD(1.0), "mean_squared_error")
    kernel = model.get_weights()[0].astype(np.float64)

    def loss(kernel):
        z = x @ kernel
        out = oracles.normalized(z, *oracles.batch_statistics(z), 1, 0, 1e-3)
        return ((out - targets) ** 2).mean()

    model.train_on_batch(x, targets)
    wanted = kernel - model.get_weights()[0]
    np.testing.assert_allclose(oracles.numerical_gradient(loss, kernel), wanted, **oracles.NEAR)


@pytest.mark.parametrize("rate", oracles.RATES)
def test_dropout(rate):
    """Keras' Dropout drops a fraction `rate` and divides the other elements by 1 - rate."""
    x = oracles.nonzero_values(40, 25, 10, 4)
    out = keras.ops.convert_to_numpy(keras.layers.Dropout(rate, seed=1)(x, training=True))
    zeros = out == 0
    assert abs(zeros.mean() - rate) < 6 * np.sqrt(rate * (1 - rate) / x.size)
    np.testing.assert_allclose(out[~zeros], x[~zeros] / (1 - rate), rtol=1e-5)
    for wrong in (1.5, -0.1):
        with pytest.raises(ValueError):
            keras.layers.Dropout(wrong)
