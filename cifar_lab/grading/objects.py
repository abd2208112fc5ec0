"""Objects that stay on the learner's side, and the few things that a test may ask of them."""

import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from cifar_lab.grading.wire import Handle, WireError

# what a spec tells of a layer, besides its class, shapes and trainability
LAYER_SETTINGS = ["filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "use_bias", "activation", "units", "rate", "pool_size", "axis", "momentum", "epsilon", "scale", "center", "data_format", "noise_shape"]
CALLBACK_SETTINGS = ["monitor", "patience", "factor", "mode", "min_delta", "min_lr", "cooldown", "baseline", "restore_best_weights", "start_from_epoch"]


class Objects:
    """The table of handles of one submission."""

    def __init__(self):
        self._objects: list[Any] = []

    def stand_in(self, value: Any) -> Any:
        """What crosses in the place of `value`: an array for a tensor, a handle for the rest."""
        keras = sys.modules.get("keras")
        if keras is not None:
            if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
                return keras.ops.convert_to_numpy(value)
        kind = _kind(value)
        if kind is None:
            raise WireError(
                f"{type(value).__name__} is not something that a test can judge; "
                "return arrays, numbers, or what the docstring names"
            )
        for number, known in enumerate(self._objects):
            if known is value:
                return Handle(kind, number)
        self._objects.append(value)
        return Handle(kind, len(self._objects) - 1)

    def named(self, kind: str, number: int) -> Any:
        """The object behind a handle."""
        return self._objects[number]

    def method(self, target: Any, name: str) -> Callable:
        """What answers to `name` for an object of its kind."""
        kind = _kind(target)
        function = METHODS.get(kind, {}).get(name)
        if function is None:
            raise WireError(f"a {kind} does not answer to {name}")
        return lambda *args, **kwargs: function(target, *args, **kwargs)


def _kind(value: Any) -> str | None:
    keras = sys.modules.get("keras")
    if keras is not None:
        schedule = keras.optimizers.schedules.LearningRateSchedule
        kinds = {
            "model": keras.Model,
            "layer": keras.layers.Layer,
            "schedule": schedule,
            "callback": keras.callbacks.Callback,
        }
        for kind, base in kinds.items():
            if isinstance(value, base):
                return kind
    if callable(getattr(value, "update", None)) and type(value).__module__.startswith("cifar_c"):
        return "rule"
    return None


# --- models -------------------------------------------------------------------------------


def predict(model, x, batch_size: int = 64):
    """Outputs in inference mode, `(n, ...)` float."""
    return np.asarray(model.predict(x, batch_size=batch_size, verbose=0))


def fit(model, x, y, epochs: int = 1, batch_size: int = 64, callbacks=None) -> dict:
    """Train, without validation; the history."""
    history = model.fit(x, y, epochs=epochs, batch_size=batch_size, callbacks=callbacks, verbose=0)
    return {name: [float(v) for v in values] for name, values in history.history.items()}


def evaluate(model, x, y) -> dict:
    """Loss and metrics by name."""
    return {k: float(v) for k, v in model.evaluate(x, y, verbose=0, return_dict=True).items()}


def train_on_batch(model, x, y) -> dict:
    """One optimizer step; loss and metrics by name."""
    return {k: float(v) for k, v in model.train_on_batch(x, y, return_dict=True).items()}


def summary_spec(model) -> list[dict]:
    """The layers in order, nested models unfolded: class, settings, shapes, trainability."""
    return [_layer_spec(layer) for layer in _unfolded(model)]


def _unfolded(model) -> list:
    import keras

    layers = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            layers += _unfolded(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            layers.append(layer)
    return layers


def _layer_spec(layer) -> dict:
    config = layer.get_config()
    known = type(layer).__module__.partition(".")[0] == "keras"
    settings = {name: config[name] for name in LAYER_SETTINGS if _plain(config.get(name))}
    return {
        "class": type(layer).__name__,
        "known": known,  # Keras' own class, not the learner's
        "settings": settings,
        "input_shape": _shape(layer, "input"),
        "output_shape": _shape(layer, "output"),
        "parameters": layer.count_params(),
        "trainable": bool(layer.trainable),
    }


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_plain(part) for part in value)
    return isinstance(value, bool | int | float | str)


def _shape(layer, side: str) -> list | None:
    tensor = getattr(layer, side, None) if layer._inbound_nodes else None
    shape = getattr(tensor, "shape", None)
    return None if shape is None else list(shape)


def is_compiled(model) -> bool:
    """Whether the model is ready to train."""
    return bool(model.compiled)


def optimizer_spec(model) -> dict:
    """Class and learning rate of the optimizer, the loss and the metrics by name."""
    import keras

    optimizer, rate = model.optimizer, model.optimizer.learning_rate
    config = optimizer.get_config()
    return {
        "class": type(optimizer).__name__,
        "learning_rate": float(keras.ops.convert_to_numpy(rate)),
        "clipnorm": config.get("clipnorm"),
        "global_clipnorm": config.get("global_clipnorm"),
        "clipvalue": config.get("clipvalue"),
        "loss": _loss_name(model.loss),
        "metrics": _metric_names(model),
    }


def _loss_name(loss: Any) -> str:
    name = getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss
    return str(name)


def _metric_names(model) -> list[str]:
    # a model knows its metrics by name only once it has seen labels
    names = []
    for metric in getattr(model, "metrics", []):
        names += [part.name for part in getattr(metric, "metrics", [metric])]
    return names


def save_and_load(model):
    """The model after a journey through a file, as another handle."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.keras")
        model.save(file)
        return keras.saving.load_model(file, custom_objects=_own_layers())


def _own_layers() -> dict:
    """`BatchNorm` as the submission defines it."""
    module = sys.modules.get("cifar_course.regularization")
    return {"BatchNorm": module.BatchNorm} if hasattr(module, "BatchNorm") else {}


# --- layers, schedules, callbacks, rules -----------------------------------------------------


def call_layer(layer, x, training: bool | None = None):
    """The layer's output for an array."""
    import keras

    # by keyword only if asked: a layer need not take `training`
    mode = {} if training is None else {"training": training}
    return keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor(x), **mode))


def layer_weights(layer) -> dict:
    """Shapes and values by role: the trainable and the other weights, each in order."""
    import keras

    def values(variables):
        return [[v.name, keras.ops.convert_to_numpy(v)] for v in variables]

    return {
        "trainable": values(layer.trainable_variables),
        "non_trainable": values(layer.non_trainable_variables),
    }


def set_trainable(layer, trainable: bool) -> None:
    """Freeze the layer, or thaw it."""
    layer.trainable = trainable


def save_and_load_layer(layer):
    """The layer after a journey through a saved model, as another handle."""
    import keras

    inputs = keras.Input(tuple(layer.input.shape[1:]) if layer._inbound_nodes else (4,))
    loaded = save_and_load(keras.Model(inputs, layer(inputs)))
    return loaded.layers[-1]


def call_schedule(schedule, step):
    """The rate at a step, as a number."""
    import keras

    return float(keras.ops.convert_to_numpy(schedule(step)))


def config_round_trip(schedule):
    """The schedule made again from its own settings, as another handle."""
    return type(schedule).from_config(schedule.get_config())


def callback_spec(callback) -> dict:
    """Class and settings of a callback."""
    settings = {
        name: getattr(callback, name)
        for name in CALLBACK_SETTINGS
        if _plain(getattr(callback, name, None))
    }
    return {"class": type(callback).__name__, "settings": settings}


METHODS: dict[str | None, dict[str, Callable]] = {
    "model": {
        "predict": predict,
        "fit": fit,
        "evaluate": evaluate,
        "train_on_batch": train_on_batch,
        "get_weights": lambda model: model.get_weights(),
        "set_weights": lambda model, weights: model.set_weights(weights),
        "count_params": lambda model: model.count_params(),
        "summary_spec": summary_spec,
        "is_compiled": is_compiled,
        "optimizer_spec": optimizer_spec,
        "save_and_load": save_and_load,
    },
    "layer": {
        "call": call_layer,
        "weights": layer_weights,
        "set_trainable": set_trainable,
        "save_and_load": save_and_load_layer,
    },
    "schedule": {"call": call_schedule, "config_round_trip": config_round_trip},
    "callback": {"spec": callback_spec},
    "rule": {"update": lambda rule, metric: rule.update(metric)},
}
