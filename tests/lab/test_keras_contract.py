"""The pinned Keras behaves as the lessons state and as the course's code needs."""

import numpy as np
import pytest


@pytest.fixture(scope="module", autouse=True)
def _keras():
    """Import Keras with the first test, so that listing the tests does not take seconds."""
    global keras
    import keras


@pytest.mark.parametrize(
    ("frozen", "moves"), [(False, True), (True, False)], ids=["unfrozen", "frozen"]
)
def test_fit_overrides_training_false_of_a_functional_base(frozen, moves):
    """Lesson 5, section 6: only `trainable=False` keeps BatchNormalization's statistics.

    If this fails because the statistics do not move in either case, Keras has changed: `fit` now
    respects `base(x, training=False)`. Then rewrite that section, and `unfreeze_last`'s docstring.
    """
    inputs = keras.Input((3,))
    norm = keras.layers.BatchNormalization()
    base = keras.Model(inputs, norm(inputs))
    norm.trainable = not frozen
    outside = keras.Input((3,))
    outputs = keras.layers.Dense(1)(base(outside, training=False))
    model = keras.Model(outside, outputs)
    model.compile("sgd", "mean_squared_error")
    x = np.random.default_rng(0).normal(5, 1, (32, 3)).astype(np.float32)
    model.fit(x, np.zeros((32, 1)), verbose=0)
    moved = float(np.abs(keras.ops.convert_to_numpy(norm.moving_mean)).max())
    assert (moved > 0.01) == moves, f"the moving mean moved by {moved:.3g}"


def test_an_augmentation_called_with_training_true_is_off_at_inference():
    """In the same way, `predict` overrides `training=True` of a layer."""
    inputs = keras.Input((8, 8, 3))
    flip = keras.Sequential([keras.layers.RandomFlip("horizontal", seed=0)])
    model = keras.Model(inputs, flip(inputs, training=True))
    x = np.random.default_rng(0).uniform(0, 255, (16, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)


def test_the_last_twenty_layers_begin_at_block_15():
    """Lesson 5, section 6 prints them."""
    base = keras.applications.MobileNetV2((96, 96, 3), 0.35, include_top=False, weights=None)
    assert len(base.layers) == 154 and base.layers[-20].name == "block_15_expand"


# --- private attributes that the course uses ------------------------------------------------------


def test_keras_history_names_the_layer_and_the_call_that_made_a_tensor():
    """Used by `execution/specs.py` and `training/fold_batchnorm.py`."""
    inputs, layer = keras.Input((4,)), keras.layers.Dense(4)
    outputs = layer(layer(inputs))
    found, index, _ = outputs._keras_history
    assert found is layer is outputs._keras_history.operation and index == 1


def test_inbound_nodes_hold_the_tensors_of_each_call_of_a_layer():
    """Used by `execution/specs.py`."""
    inputs, layer = keras.Input((4,)), keras.layers.Dense(4)
    between = layer(inputs)
    outputs = layer(between)
    node = layer._inbound_nodes[1]
    assert node.input_tensors[0] is between and node.output_tensors[0] is outputs


def test_fit_begins_at_the_initial_epoch_that_a_callback_sets():
    """Used by `training/run.py` to resume a training run, as Keras' own BackupAndRestore does."""
    epochs = []

    class Resume(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model._initial_epoch = 2

        def on_epoch_begin(self, epoch, logs=None):
            epochs.append(epoch)

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mean_squared_error")
    model.fit(np.zeros((4, 1)), np.zeros((4, 1)), epochs=4, verbose=0, callbacks=[Resume()])
    assert epochs == [2, 3]
