"""Tests of regularization.BatchNorm: its weights, both modes, freezing, gradients and saving."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis.strategies import floats

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise

from .oracles import (
    NEAR,
    Batch,
    batch,
    batch_statistics,
    expect_inference,
    expect_moving_statistics,
    expect_normalized,
    moving_average,
    normalized,
    numerical_gradient,
)


@dataclass
class BuiltLayer:
    """Layer with weights, which are told apart by their initial values, not by their names."""

    layer: Any
    gamma_first: bool
    mean_first: bool

    def gamma_and_beta(self):
        """Return gamma and beta."""
        return _ordered(self.layer.weights()["trainable"], self.gamma_first)

    def moving(self):
        """Return the moving mean and the moving variance."""
        return _ordered(self.layer.weights()["non_trainable"], self.mean_first)


def _ordered(weights, in_order):
    values = [np.ravel(value) for _, value in weights]
    return values if in_order else values[::-1]


def build_layer(learner, shape, **settings):
    """Return a new layer that was called once in inference mode, after checking its weights."""
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
        because="gamma and beta are learned, moving_mean and moving_variance are not; each has "
        "one number per channel",
        mistakes={
            "the moving statistics are trainable: create them with add_weight(..., "
            "trainable=False)": {
                "trainable": [channels] * 4,
                "non_trainable": [],
            },
            "the moving statistics are not weights of the layer: create them with add_weight": {
                "trainable": [channels] * 2,
                "non_trainable": [],
            },
            "the layer has no weights: create them with add_weight in `build`": {
                "trainable": [],
                "non_trainable": [],
            },
            "none of the weights is trainable: gamma and beta must be": {
                "trainable": [],
                "non_trainable": [channels] * 4,
            },
            "the weights have one number for each place and channel: give them the shape "
            "(channels,)": {
                "trainable": [spatial] * 2,
                "non_trainable": [spatial] * 2,
            },
        },
    )
    first = {role: sorted(float(v[0]) for v in values) for role, values in found.items()}
    constant = all(np.all(v == v[0]) for values in found.values() for v in values)
    expect(first).to_satisfy(
        constant and first == {"trainable": [0.0, 1.0], "non_trainable": [0.0, 1.0]},
        "weights that start at 1 (gamma), 0 (beta), 0 (moving mean) and 1 (moving variance)",
        because="before any training, the layer leaves its input nearly unchanged",
        mistake=_initial_mistake(first) if constant else "the weights start at random values",
    )
    return BuiltLayer(layer, found["trainable"][0][0] == 1, found["non_trainable"][0][0] == 0)


def _initial_mistake(first):
    if first["trainable"] == [0.0, 0.0]:
        return "gamma starts at 0, so that every output is 0: start it at 1"
    if first["non_trainable"] == [0.0, 0.0]:
        return "the moving variance starts at 0: start it at 1"
    return None


def untrained_batch(x, layer):
    """Return x with the layer's moving statistics and a new layer's gamma and beta.

    gamma is 1 and beta 0 until the first optimizer step. They are not read from the layer, so that
    a wrong layer cannot change the result that a test expects.
    """
    channels = x.shape[-1]
    return Batch(x, np.ones(channels), np.zeros(channels), *layer.moving())


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(4, 3), (2, 5, 4, 2)], ids=str)
def test_four_weights(learner, shape):
    """Trainable gamma and beta start at 1 and 0, the non-trainable moving statistics at 0 and 1."""
    build_layer(learner, shape)


@exercise("regularization.BatchNorm", main=True)
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_training_call(learner, shape):
    """With training=True, the layer normalizes with the batch's statistics."""
    layer = build_layer(learner, shape, momentum=0.9, epsilon=1e-3)
    given = untrained_batch(batch(shape).x, layer)
    result = layer.layer.call(given.x, training=True)
    expect_normalized(
        result,
        given,
        1e-3,
        because="in training, the layer uses the batch's statistics, as batch_norm_train does",
    )


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_training_moves_the_statistics(learner, shape):
    """Each training call moves the moving statistics toward the batch's."""
    layer = build_layer(learner, shape, momentum=0.75)
    for seed in range(3):
        given = untrained_batch(batch(shape, seed=seed).x, layer)
        layer.layer.call(given.x, training=True)
        expect_moving_statistics(
            layer.moving(),
            given,
            0.75,
            because="with a momentum of 0.75, each call moves them a quarter of the way to the "
            "batch's statistics",
        )


@exercise("regularization.BatchNorm")
def test_layer_epsilon(learner):
    """The layer adds epsilon to the variance, under the square root, in both modes."""
    layer = build_layer(learner, (4, 3), epsilon=0.5)
    given = untrained_batch(batch((4, 3), spread=0.3).x, layer)
    why = "the divisor is sqrt(variance + 0.5)"
    result = layer.layer.call(given.x, training=True)
    expect_normalized(result, given, 0.5, because=why, momentum=0.99)
    given = untrained_batch(given.x, layer)
    expect_inference(layer.layer.call(given.x, training=False), given, 0.5, because=why)


@exercise("regularization.BatchNorm")
def test_layer_defaults(learner):
    """By default, the layer's momentum is 0.99 and its epsilon is 0.001."""
    layer = build_layer(learner, (4, 3))
    given = untrained_batch(batch((4, 3), spread=0.02).x, layer)
    result = layer.layer.call(given.x, training=True)
    why = "momentum is 0.99 and epsilon 0.001 in the signature, as in Keras"
    expect_normalized(result, given, 1e-3, because=why, momentum=0.99)
    expect_moving_statistics(layer.moving(), given, 0.99, because=why)


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("training", [False, None])
def test_inference_call(learner, training):
    """Unless training is True, the layer uses its moving statistics and does not change them."""
    shape = (3, 2, 4, 5)
    layer = build_layer(learner, shape, momentum=0.5)
    layer.layer.call(batch(shape).x, training=True)
    given = untrained_batch(batch(shape, seed=1).x, layer)
    result = layer.layer.call(given.x, training=training)
    expect_inference(
        result, given, 1e-3, because="test time uses the statistics collected during training"
    )
    for found, right in zip(layer.moving(), given.arrays()[3:], strict=True):
        expect(found).to_equal(right, because="the layer must not learn from the test data")


@exercise("regularization.BatchNorm")
def test_frozen_layer(learner):
    """With trainable=False, the layer runs in inference mode even when training=True."""
    shape = (3, 2, 4, 5)
    layer = build_layer(learner, shape, momentum=0.5)
    layer.layer.call(batch(shape).x, training=True)
    given = untrained_batch(batch(shape, seed=1).x, layer)
    layer.layer.set_trainable(False)
    result = layer.layer.call(given.x, training=True)
    layer.layer.set_trainable(True)
    why = "in Keras, trainable=False puts this layer into inference mode: lesson 5 relies on it"
    for found, right in zip(layer.moving(), given.arrays()[3:], strict=True):
        expect(found).to_satisfy(
            np.array_equal(found, right),
            "the same moving statistics as before the call",
            because="the moving statistics of a frozen layer must not drift",
            mistake="your layer updates the moving statistics even when `self.trainable` is False",
        )
    expect_inference(result, given, 1e-3, because=why)
    # the same layer trains again when it is unfrozen
    result = layer.layer.call(given.x, training=True)
    expect_normalized(
        result, given, 1e-3, because="trainable=True unfreezes the layer", momentum=0.5
    )


@exercise("regularization.BatchNorm")
def test_gamma_and_beta_learn(learner):
    """In a model, a training step moves gamma and beta against their gradients."""
    layer = build_layer(learner, (6, 3), momentum=0.5)
    model = learner.tools.regression([layer.layer], features=3, rate=0.3)
    before = untrained_batch(batch((6, 3)).x, layer)
    targets = batch((6, 3), seed=1).x
    model.train_on_batch(before.x, targets)
    outputs = normalized(before.x, *batch_statistics(before.x), 1, 0, 1e-3)
    errors = outputs - targets
    why = "gradient descent moves each weight against its gradient: new = old - 0.3 * gradient"
    for name, found, old, gradients in zip(
        ("gamma", "beta"),
        layer.gamma_and_beta(),
        (1, 0),
        (2 * errors * outputs, 2 * errors),
        strict=True,
    ):
        expect(found).to_be_close(
            old - 0.3 * gradients.sum(0) / errors.size,
            because=why,
            **NEAR,
            mistakes={f"{name} did not learn": np.full(3, float(old))},
        )
    expect_moving_statistics(
        layer.moving(),
        before,
        0.5,
        because="a training step calls the layer with training=True; update the statistics with "
        "`.assign(...)`, which works there",
    )
    given = Batch(batch((5, 3), seed=2).x, *layer.gamma_and_beta(), *layer.moving())
    expect_inference(
        model.predict(given.x), given, 1e-3, because="`predict` calls the layer in inference mode"
    )


@exercise("regularization.BatchNorm")
def test_gradient_through_the_statistics(learner):
    """The gradient also flows through the batch's mean and variance."""
    layer = build_layer(learner, (8, 2))
    dense = learner.tools.dense(2)
    model = learner.tools.regression([dense, layer.layer], features=3, rate=1.0)
    kernel, bias, *_ = (np.asarray(w, np.float64) for w in model.get_weights())
    x, targets = batch((8, 3)).x.astype(np.float64), batch((8, 2), seed=1).x

    def loss(kernel, fixed_statistics=None):
        z = x @ kernel + bias
        out = normalized(z, *(fixed_statistics or batch_statistics(z)), 1, 0, 1e-3)
        return ((out - targets) ** 2).mean()

    model.train_on_batch(x.astype(np.float32), targets)
    fixed = batch_statistics(x @ kernel + bias)
    expect(model.get_weights()[0]).to_be_close(
        kernel - numerical_gradient(loss, kernel),
        because="the batch's mean and variance depend on the weights of the layer before, and the "
        "gradient must take that into account (Ioffe and Szegedy, section 2)",
        rtol=1e-3,
        atol=1e-3,
        mistakes={
            "no gradient flows through the mean and the variance (stop_gradient, or NumPy in "
            "`call`)": lambda: kernel - numerical_gradient(lambda k: loss(k, fixed), kernel),
            "no gradient reaches the layer before": kernel,
        },
    )


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_saved_and_loaded(learner, shape):
    """A saved and loaded layer has the same weights, momentum, epsilon and trainable."""
    layer = build_layer(learner, shape, momentum=0.5, epsilon=0.25)
    layer.layer.call(batch(shape).x, training=True)
    loaded = BuiltLayer(
        layer.layer.save_and_load(list(shape[1:])), layer.gamma_first, layer.mean_first
    )
    for found, right in zip(
        (*loaded.gamma_and_beta(), *loaded.moving()),
        (*layer.gamma_and_beta(), *layer.moving()),
        strict=True,
    ):
        expect(found).to_be_close(right, because="a saved model keeps all four weights")
    given = untrained_batch(batch(shape, seed=1).x, loaded)
    lost = "get_config does not return epsilon: the loaded layer has the default"
    expect(loaded.layer.call(given.x, training=False)).to_be_close(
        normalized(given.x, *given.arrays()[3:], 1, 0, 0.25),
        because="the saved layer had epsilon=0.25, and get_config must return it",
        **NEAR,
        mistakes={lost: lambda: normalized(given.x, *given.arrays()[3:], 1, 0, 1e-3)},
    )
    loaded.layer.call(given.x, training=True)
    old_mean, old_variance = given.moving_mean, given.moving_variance
    lost = "get_config does not return momentum: the loaded layer has the default"
    for found, old, new in zip(
        loaded.moving(), (old_mean, old_variance), batch_statistics(given.x), strict=True
    ):
        expect(found).to_be_close(
            moving_average(old, new, 0.5),
            because="the saved layer had momentum=0.5, and get_config must return it",
            **NEAR,
            mistakes={lost: moving_average(old, new, 0.99)},
        )
    layer.layer.set_trainable(False)
    frozen = layer.layer.save_and_load(list(shape[1:]))
    lost = "get_config leaves out super().get_config(): the loaded layer is no longer frozen"
    expect(frozen.call(given.x, training=True)).to_be_close(
        layer.layer.call(given.x, training=True),
        because="a layer that was frozen when it was saved is frozen when it is loaded",
        **NEAR,
        mistakes={lost: lambda: normalized(given.x, *batch_statistics(given.x), 1, 0, 0.25)},
    )


@exercise("regularization.BatchNorm")
def test_any_layer_settings(learner, for_any):
    """For any shape, momentum and epsilon, the layer computes the formulas of both functions."""

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
        mean, variance = batch_statistics(x)
        expect(layer.call(x, training=True)).to_be_close(
            normalized(x, mean, variance, 1, 0, epsilon),
            because="gamma starts at 1 and beta at 0, and training uses the batch's statistics",
            rtol=1e-3,
            atol=1e-3,
        )
        moved = moving_average(0, mean, momentum), moving_average(1, variance, momentum)
        expect(layer.call(x, training=False)).to_be_close(
            normalized(x, *moved, 1, 0, epsilon),
            because="the moving statistics start at 0 and 1, and one training call has updated "
            "them",
            rtol=1e-3,
            atol=1e-3,
        )
