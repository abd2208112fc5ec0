"""The laws by which lesson 4 is judged, held against Keras' own schedule and callbacks."""

import itertools

import hypothesis
import numpy as np
import pytest

from ...grading.lesson_4 import oracles


@pytest.fixture(scope="module", autouse=True)
def _keras():
    """Keras is imported with the first test: merely listing the tests must not take seconds."""
    global keras
    import keras


@pytest.fixture(scope="module")
def model():
    """Return a compiled model that is never trained."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(), "mse")
    return model


def keras_rates(model, metrics, learning_rate, min_rate, **settings) -> list[float]:
    """Return the optimizer's rate after each epoch, as Keras' callback sets it."""
    callback = keras.callbacks.ReduceLROnPlateau("metric", min_lr=min_rate, **settings)
    callback.set_model(model)
    callback.on_train_begin()
    model.optimizer.learning_rate = learning_rate
    rates = []
    for epoch, metric in enumerate(metrics):
        callback.on_epoch_end(epoch, {"metric": metric})
        rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
    return rates


def keras_stops(model, metrics, **settings) -> list[bool]:
    """Return, for each epoch up to the first stop, if Keras' callback stops."""
    callback = keras.callbacks.EarlyStopping("metric", **settings)
    callback.set_model(model)
    callback.on_train_begin()
    model.stop_training = False
    stops = []
    for epoch, metric in enumerate(metrics):
        callback.on_epoch_end(epoch, {"metric": metric})
        stops.append(model.stop_training)
        if stops[-1]:
            break
    return stops


def test_reduce_law_is_keras_own(model):
    dropped = 0
    for metrics, settings in oracles.REDUCE.histories(100, seed=5):
        rates = oracles.plateau_rates(metrics, **settings)
        np.testing.assert_allclose(rates, keras_rates(model, metrics, **settings), rtol=1e-6)
        dropped += rates[-1] < rates[0]
    assert dropped > 30


def test_stop_law_is_keras_own(model):
    stopped = 0
    for metrics, settings in oracles.STOP.histories(100, seed=5):
        # on this grid a min_delta of 0 is exact, too
        for min_delta in (settings["min_delta"], 0.0):
            given = {**settings, "min_delta": min_delta}
            stops = oracles.stops(metrics, **given)
            assert stops == keras_stops(model, metrics, **given)
            stopped += stops[-1]
    assert stopped > 60


def test_schedule_law_is_keras_cosine_decay():
    @hypothesis.settings(max_examples=40, derandomize=True, database=None, deadline=None)
    @hypothesis.given(oracles.schedules())
    def law(drawn):
        steps, given = drawn
        total, warmup, peak, final = given.values()
        decay = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else peak,
            decay_steps=total - warmup,
            alpha=final / peak,
            warmup_target=peak if warmup else None,
            warmup_steps=warmup,
        )
        right = [float(keras.ops.convert_to_numpy(decay(step))) for step in steps]
        found = oracles.warmup_cosine(np.array(steps), total, warmup, peak, final)
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=2e-6 * peak)

    law()


def test_step_law_is_keras_staircase():
    epochs = np.arange(40)
    for factor, every in itertools.product((0.1, 0.5, 0.9), (2, 3, 10)):
        decay = keras.optimizers.schedules.ExponentialDecay(0.3, every, factor, staircase=True)
        right = [float(keras.ops.convert_to_numpy(decay(epoch))) for epoch in epochs]
        np.testing.assert_allclose(oracles.step_decay(epochs, 0.3, factor, every), right, rtol=1e-5)


def test_gradient_descent_is_keras_own():
    training, validation = oracles.points(10), oracles.contradicted(oracles.points(8, seed=1))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.5), "categorical_crossentropy", metrics=["accuracy"])
    history, weights = oracles.gradient_descent(model.get_weights(), training, validation, 3, 0.5)
    run = model.fit(*training, validation_data=validation, epochs=3, batch_size=10, verbose=0)
    for name, values in history.items():
        np.testing.assert_allclose(run.history[name], values, rtol=1e-4, atol=1e-4)
    for found, right in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["REDUCE", "STOP"])
def test_every_misconception_is_a_law_of_its_own(name):
    rule = getattr(oracles, name)
    probes = rule.histories(40, seed=1)
    wrongs = {"the law": lambda settings: settings, **rule.mistakes}
    found = {
        text: [rule.law(metrics, **wrong(settings)) for metrics, settings in probes]
        for text, wrong in wrongs.items()
    }
    for one, two in itertools.combinations(found, 2):
        assert not all(map(oracles.same, found[one], found[two])), f"{one}\nis the same as\n{two}"
