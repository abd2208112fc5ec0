"""Objects that stay on the learner's side, and the few things that a test may ask of them."""

import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cifar_lab.execution import tools
from cifar_lab.execution.protocol import Handle, ProtocolError

# what a spec tells of a layer, besides its class, shapes and trainability
LAYER_SETTINGS = (
    *("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "use_bias"),
    *("activation", "units", "rate", "noise_shape", "pool_size", "data_format"),
    *("max_value", "negative_slope", "threshold"),
    *("axis", "momentum", "epsilon", "scale", "center"),
)
# layers that serve as activations: Keras' name for what they compute, and with which settings
PLAIN_ACTIVATIONS = {
    "ReLU": ("relu", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}),
    "Softmax": ("softmax", {"axis": -1}),
}
CALLBACK_SETTINGS = (
    *("monitor", "patience", "factor", "mode", "min_delta", "min_lr", "cooldown", "baseline"),
    *("restore_best_weights", "start_from_epoch"),
)


class Objects:
    """The table of handles of one submission."""

    def __init__(self):
        self._objects: list[Any] = []

    def stand_in(self, value: Any) -> Any:
        """What crosses in the place of `value`: an array for a tensor, a handle for the rest."""
        keras = sys.modules.get("keras")
        if keras and (keras.ops.is_tensor(value) or isinstance(value, keras.Variable)):
            return keras.ops.convert_to_numpy(value)
        kind = _kind(value)
        if kind is None:
            raise ProtocolError(
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
        if not 0 <= number < len(self._objects):
            raise ProtocolError(f"there is no {kind} {number}")
        return self._objects[number]

    def method(self, target: Any, name: str) -> Callable:
        """What answers to `name` for an object of its kind."""
        kind = _kind(target)
        function = METHODS.get(kind, {}).get(name)
        if function is None:
            raise ProtocolError(f"a {kind} does not answer to {name}")
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


@contextmanager
def _batch_by_batch(model, batches: int = 1) -> Iterator[None]:
    """For few `batches`, no graph is traced: that takes as long as a few dozen of them."""
    before = model.run_eagerly
    model.run_eagerly = before or batches < tools.WORTH_A_GRAPH
    try:
        yield
    finally:
        model.run_eagerly = before


def predict(model, x, batch_size: int = 64):
    """Outputs in inference mode, `(n, ...)` float."""
    with _batch_by_batch(model):
        return np.asarray(model.predict(x, batch_size=batch_size, verbose=0))


def fit(model, x, y, epochs: int = 1, batch_size: int = 64, callbacks=None) -> dict:
    """Train, without validation; the history."""
    with _batch_by_batch(model, epochs * math.ceil(len(x) / batch_size)):
        history = model.fit(
            x, y, epochs=epochs, batch_size=batch_size, callbacks=callbacks, verbose=0
        )
    return {name: [float(v) for v in values] for name, values in history.history.items()}


def evaluate(model, x, y) -> dict:
    """Loss and metrics by name."""
    with _batch_by_batch(model):
        return {k: float(v) for k, v in model.evaluate(x, y, verbose=0, return_dict=True).items()}


def train_on_batch(model, x, y) -> dict:
    """One optimizer step; loss and metrics by name."""
    with _batch_by_batch(model):
        return {k: float(v) for k, v in model.train_on_batch(x, y, return_dict=True).items()}


def summary_spec(model) -> list[dict]:
    """The layers in order, nested models unfolded: class, settings, shapes, trainability.

    A layer that is used twice is there twice, and so are bare functions such as
    `keras.activations.relu`.
    """
    return [_layer_spec(*use) for use in _uses(model)]


def _uses(model) -> list[tuple]:
    """(layer, input, output) for every use of a layer, in the order of the computation."""
    import keras

    if not getattr(model, "outputs", None):  # not built of tensors: a subclass, or no Input yet
        return [(layer, None, None) for layer in model.layers]
    uses, seen = [], set()

    def visit(tensor) -> None:
        layer, place, _ = tensor._keras_history
        if (id(layer), place) in seen or isinstance(layer, keras.layers.InputLayer):
            return
        seen.add((id(layer), place))
        node = layer._inbound_nodes[place]
        for source in node.input_tensors:
            visit(source)
        if isinstance(layer, keras.Model):
            uses.extend(_uses(layer))
        else:
            uses.append((layer, node.input_tensors[0], node.output_tensors[0]))

    for output in model.outputs:
        visit(output)
    return uses


def _layer_spec(layer, source=None, result=None) -> dict:
    import keras

    is_layer = isinstance(layer, keras.layers.Layer)
    config = layer.get_config() if is_layer else {}
    settings = {name: config[name] for name in LAYER_SETTINGS if _plain(config.get(name))}
    if isinstance(config.get("activation"), dict):  # a layer, or a function of the learner's
        settings["activation"] = _name_of_activation(config["activation"])
    return {
        "class": type(layer).__name__,
        "known": _of_keras(type(layer)),  # Keras' own class, not the learner's
        "settings": settings,
        "input_shape": _shape(source),
        "output_shape": _shape(result),
        "parameters": layer.count_params() if is_layer and layer.built else 0,
        "trainable": is_layer and bool(layer.trainable),
    }


def _name_of_activation(serialized: dict) -> str:
    """Keras' name for an activation that was given as a layer, such as `keras.layers.ReLU()`."""
    layer, settings = str(serialized.get("class_name")), serialized.get("config")
    name, wanted = PLAIN_ACTIVATIONS.get(layer, (layer, {}))
    return name if all(settings.get(key) == value for key, value in wanted.items()) else layer


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(part is None or _plain(part) for part in value)
    return isinstance(value, bool | int | float | str)


def _shape(tensor) -> list | None:
    return None if tensor is None else list(tensor.shape)


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
        file = Path(folder, "model.keras")
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
    """Freeze the layer, or unfreeze it."""
    layer.trainable = trainable


def save_and_load_layer(layer, input_shape: list[int]):
    """The layer after a journey through a saved model, as another handle.

    Args:
        input_shape: Of one input, without the batch.
    """
    import keras

    inputs = keras.Input(tuple(input_shape))
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
    """Class, Keras' classes that it is one of, and settings of a callback."""
    settings = {
        name: getattr(callback, name)
        for name in CALLBACK_SETTINGS
        if _plain(getattr(callback, name, None))
    }
    classes = [kind.__name__ for kind in type(callback).__mro__ if _of_keras(kind)]
    return {"class": type(callback).__name__, "classes": classes, "settings": settings}


def _of_keras(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "keras"


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
