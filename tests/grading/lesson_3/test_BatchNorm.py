"""Tests of regularization.BatchNorm."""

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
    averaged,
    batch,
    expect_inference,
    expect_moved,
    expect_normalised,
    normalised,
    slopes,
    statistics,
)


@dataclass
class Built:
    """A layer that knows its input's shape, and where its weights are: by value, not by name."""

    layer: Any
    gamma_first: bool
    mean_first: bool

    def learnt(self):
        """gamma, beta."""
        return _ordered(self.layer.weights()["trainable"], self.gamma_first)

    def moving(self):
        """The moving mean, the moving variance."""
        return _ordered(self.layer.weights()["non_trainable"], self.mean_first)


def _ordered(weights, in_order):
    values = [np.ravel(value) for _, value in weights]
    return values if in_order else values[::-1]


def built(learner, shape, **settings):
    """A new layer, called once outside training, whose four weights are as they should be."""
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
        because="gamma and beta are learnt, moving_mean and moving_variance are not; each has one "
        "number per channel",
        mistakes={
            "the moving statistics are trainable: add_weight(..., trainable=False)": {
                "trainable": [channels] * 4,
                "non_trainable": [],
            },
            "the moving statistics are not weights of the layer: make them with add_weight": {
                "trainable": [channels] * 2,
                "non_trainable": [],
            },
            "the layer has no weights: make them with add_weight in `build`": {
                "trainable": [],
                "non_trainable": [],
            },
            "none of the weights is trainable": {
                "trainable": [],
                "non_trainable": [channels] * 4,
            },
            "the weights have one number for each place and channel": {
                "trainable": [spatial] * 2,
                "non_trainable": [spatial] * 2,
            },
        },
    )
    first = {role: sorted(float(v[0]) for v in values) for role, values in found.items()}
    flat = all(np.all(v == v[0]) for values in found.values() for v in values)
    expect(first).to_be_true(
        flat and first == {"trainable": [0.0, 1.0], "non_trainable": [0.0, 1.0]},
        "gamma 1, beta 0; moving mean 0, moving variance 1",
        because="before any training the layer should leave its input nearly as it is",
        mistake=_initial_mistake(found, first) if flat else "the weights start at random",
    )
    return Built(layer, found["trainable"][0][0] == 1, found["non_trainable"][0][0] == 0)


def _initial_mistake(found, first):
    if first["trainable"] == [0.0, 0.0]:
        return "gamma starts at 0, which silences the layer: it starts at 1"
    if first["non_trainable"] == [0.0, 0.0]:
        return "the moving variance starts at 0: it starts at 1"
    return None


def as_batch(x, layer):
    """A batch with a layer's weights before any optimizer's step, for the functions above.

    Until then gamma is 1 and beta 0, whatever the layer says.
    """
    channels = x.shape[-1]
    return Batch(x, np.ones(channels), np.zeros(channels), *layer.moving())


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(4, 3), (2, 5, 4, 2)], ids=str)
def test_four_weights(learner, shape):
    """gamma and beta are trainable, moving mean and variance are not; they start at 1, 0, 0, 1."""
    built(learner, shape)


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_training_call(learner, shape):
    """Called with training=True, the layer normalises with the batch's statistics."""
    layer = built(learner, shape, momentum=0.9, epsilon=1e-3)
    given = as_batch(batch(shape).x, layer)
    result = layer.layer.call(given.x, training=True)
    expect_normalised(
        result, given, 1e-3, because="in training a layer sees its batch, as batch_norm_train does"
    )


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_training_moves_the_statistics(learner, shape):
    """Each training call moves the moving statistics towards the batch's."""
    layer = built(learner, shape, momentum=0.75)
    for seed in range(3):
        given = as_batch(batch(shape, seed=seed).x, layer)
        layer.layer.call(given.x, training=True)
        expect_moved(
            layer.moving(), given, 0.75, because="a quarter of the way from old to new, each time"
        )


@exercise("regularization.BatchNorm")
def test_layer_epsilon(learner):
    """The layer adds its epsilon to the variance, inside the root, in both modes."""
    layer = built(learner, (4, 3), epsilon=0.5)
    given = as_batch(batch((4, 3), spread=0.3).x, layer)
    why = "sqrt(variance + 0.5) is the divisor"
    result = layer.layer.call(given.x, training=True)
    expect_normalised(result, given, 0.5, because=why, momentum=0.99)
    given = as_batch(given.x, layer)
    expect_inference(layer.layer.call(given.x, training=False), given, 0.5, because=why)


@exercise("regularization.BatchNorm")
def test_layer_defaults(learner):
    """Without settings, the layer's momentum is 0.99 and its epsilon 0.001."""
    layer = built(learner, (4, 3))
    given = as_batch(batch((4, 3), spread=0.02).x, layer)
    result = layer.layer.call(given.x, training=True)
    why = "these are Keras' defaults, and the signature's"
    expect_normalised(result, given, 1e-3, because=why, momentum=0.99)
    expect_moved(layer.moving(), given, 0.99, because=why)


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("training", [False, None])
def test_inference_call(learner, training):
    """Otherwise the layer uses its moving statistics, and changes nothing."""
    shape = (3, 2, 4, 5)
    layer = built(learner, shape, momentum=0.5)
    layer.layer.call(batch(shape).x, training=True)
    given = as_batch(batch(shape, seed=1).x, layer)
    result = layer.layer.call(given.x, training=training)
    expect_inference(
        result, given, 1e-3, because="at test time only what training left behind may count"
    )
    for found, right in zip(layer.moving(), given.arrays()[3:], strict=True):
        expect(found).to_equal(right, because="the layer must not learn from the test data")


@exercise("regularization.BatchNorm")
def test_frozen_layer(learner):
    """While trainable is False, the layer is in inference mode even with training=True."""
    shape = (3, 2, 4, 5)
    layer = built(learner, shape, momentum=0.5)
    layer.layer.call(batch(shape).x, training=True)
    given = as_batch(batch(shape, seed=1).x, layer)
    layer.layer.set_trainable(False)
    result = layer.layer.call(given.x, training=True)
    layer.layer.set_trainable(True)
    why = "in Keras trainable=False means inference mode for this layer: lesson 5 relies on it"
    for found, right in zip(layer.moving(), given.arrays()[3:], strict=True):
        expect(found).to_be_true(
            np.array_equal(found, right),
            "the moving statistics as they were",
            because="a frozen layer must not drift",
            mistake="trainable=False does not keep the moving statistics from being updated",
        )
    expect_inference(result, given, 1e-3, because=why)
    # unfrozen, it goes on as before
    result = layer.layer.call(given.x, training=True)
    expect_normalised(
        result, given, 1e-3, because="trainable=True unfreezes it again", momentum=0.5
    )


@exercise("regularization.BatchNorm")
def test_gamma_and_beta_learn(learner):
    """Inside a model, a training step changes gamma and beta along their gradients."""
    layer = built(learner, (6, 3), momentum=0.5)
    model = learner.tools.regression([layer.layer], features=3, rate=0.3)
    before = as_batch(batch((6, 3)).x, layer)
    targets = batch((6, 3), seed=1).x
    model.train_on_batch(before.x, targets)
    errors = normalised(before.x, *statistics(before.x), 1, 0, 1e-3) - targets
    standard = normalised(before.x, *statistics(before.x), 1, 0, 1e-3)
    why = "gradient descent moves each weight against its gradient: new = old - 0.3 * gradient"
    for name, found, old, slope in zip(
        ("gamma", "beta"),
        layer.learnt(),
        (1, 0),
        (2 * errors * standard, 2 * errors),
        strict=True,
    ):
        expect(found).to_be_close(
            old - 0.3 * slope.sum(0) / errors.size,
            because=why,
            **NEAR,
            mistakes={f"{name} did not learn": np.full(3, float(old))},
        )
    expect_moved(
        layer.moving(),
        before,
        0.5,
        because="`fit` calls the layer with training=True; use `.assign(...)`, which works there",
    )
    given = Batch(batch((5, 3), seed=2).x, *layer.learnt(), *layer.moving())
    expect_inference(
        model.predict(given.x), given, 1e-3, because="`predict` calls the layer in inference mode"
    )


@exercise("regularization.BatchNorm")
def test_gradient_through_the_statistics(learner):
    """The gradient knows that the batch's mean and variance depend on the weights before."""
    layer = built(learner, (8, 2))
    dense = learner.tools.dense(2)
    model = learner.tools.regression([dense, layer.layer], features=3, rate=1.0)
    kernel, bias, *_ = (np.asarray(w, np.float64) for w in model.get_weights())
    x, targets = batch((8, 3)).x.astype(np.float64), batch((8, 2), seed=1).x

    def loss(kernel, fixed=None):
        z = x @ kernel + bias
        out = normalised(z, *(fixed or statistics(z)), 1, 0, 1e-3)
        return ((out - targets) ** 2).mean()

    model.train_on_batch(x.astype(np.float32), targets)
    stopped = statistics(x @ kernel + bias)
    expect(model.get_weights()[0]).to_be_close(
        kernel - slopes(loss, kernel),
        because="the mean and the variance are part of the computation: if a gradient ignores "
        "them, the step fights the normalisation (section 2 of the paper)",
        rtol=1e-3,
        atol=1e-3,
        mistakes={
            "no gradient flows through the mean and the variance (stop_gradient, or NumPy in "
            "`call`)": lambda: kernel - slopes(lambda k: loss(k, stopped), kernel),
            "no gradient reaches the layer before": kernel,
        },
    )


@exercise("regularization.BatchNorm")
@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 5)], ids=str)
def test_saved_and_loaded(learner, shape):
    """A saved layer comes back with its weights and its settings, momentum and epsilon."""
    layer = built(learner, shape, momentum=0.5, epsilon=0.25)
    layer.layer.call(batch(shape).x, training=True)
    loaded = Built(layer.layer.save_and_load(list(shape[1:])), layer.gamma_first, layer.mean_first)
    for found, right in zip(
        (*loaded.learnt(), *loaded.moving()), (*layer.learnt(), *layer.moving()), strict=True
    ):
        expect(found).to_be_close(right, because="a saved model keeps all four weights")
    given = as_batch(batch(shape, seed=1).x, loaded)
    lost = "get_config does not carry epsilon: the loaded layer fell back to the default"
    expect(loaded.layer.call(given.x, training=False)).to_be_close(
        normalised(given.x, *given.arrays()[3:], 1, 0, 0.25),
        because="the loaded layer was made with epsilon=0.25, and get_config must say so",
        **NEAR,
        mistakes={lost: lambda: normalised(given.x, *given.arrays()[3:], 1, 0, 1e-3)},
    )
    loaded.layer.call(given.x, training=True)
    old_mean, old_variance = given.moving_mean, given.moving_variance
    lost = "get_config does not carry momentum: the loaded layer fell back to the default"
    for found, old, new in zip(
        loaded.moving(), (old_mean, old_variance), statistics(given.x), strict=True
    ):
        expect(found).to_be_close(
            averaged(old, new, 0.5),
            because="the loaded layer was made with momentum=0.5, and get_config must say so",
            **NEAR,
            mistakes={lost: averaged(old, new, 0.99)},
        )
    layer.layer.set_trainable(False)
    frozen = layer.layer.save_and_load(list(shape[1:]))
    lost = "get_config leaves out super().get_config(): the loaded layer is no longer frozen"
    expect(frozen.call(given.x, training=True)).to_be_close(
        layer.layer.call(given.x, training=True),
        because="a layer that was saved frozen comes back frozen, and normalises as before",
        **NEAR,
        mistakes={lost: lambda: normalised(given.x, *statistics(given.x), 1, 0, 0.25)},
    )


@exercise("regularization.BatchNorm")
def test_any_layer_settings(learner, for_any):
    """Any shape, momentum and epsilon: the layer computes what the two functions do."""

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
        mean, variance = statistics(x)
        expect(layer.call(x, training=True)).to_be_close(
            normalised(x, mean, variance, 1, 0, epsilon),
            because="gamma begins at 1, beta at 0; in training the batch's statistics count",
            rtol=1e-3,
            atol=1e-3,
        )
        moved = averaged(0, mean, momentum), averaged(1, variance, momentum)
        expect(layer.call(x, training=False)).to_be_close(
            normalised(x, *moved, 1, 0, epsilon),
            because="the moving statistics began at 0 and 1, and have moved once",
            rtol=1e-3,
            atol=1e-3,
        )
