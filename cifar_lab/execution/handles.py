"""Objects that stay in the learner's process, and the methods that a test may call on them."""

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
from cifar_lab.execution.specs import callback_spec, optimizer_spec, summary_spec


class HandleTable:
    """The objects of one submission that a test has handles of."""

    def __init__(self):
        self._objects: list[Any] = []

    def encode_object(self, value: Any) -> Any:
        """Return what is encoded in place of `value`: an array for a tensor, or a handle."""
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
        """Return the object that a handle names."""
        if not 0 <= number < len(self._objects):
            raise ProtocolError(f"there is no {kind} {number}")
        return self._objects[number]

    def method(self, target: Any, name: str) -> Callable:
        """Return the method `name` that objects of this kind have, bound to `target`."""
        kind = _kind(target)
        function = METHODS.get(kind, {}).get(name)
        if function is None:
            raise ProtocolError(f"a {kind} has no method {name}")
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


# --- models -----------------------------------------------------------------------------------


@contextmanager
def _eager_if_short(model, batches: int = 1) -> Iterator[None]:
    """Run few batches eagerly: tracing a graph takes as long as a few dozen of them."""
    before = model.run_eagerly
    model.run_eagerly = before or batches < tools.GRAPH_PAYS_FROM
    try:
        yield
    finally:
        model.run_eagerly = before


def predict(model, x, batch_size: int = 64):
    """Return the outputs in inference mode, `(n, ...)` float."""
    with _eager_if_short(model):
        return np.asarray(model.predict(x, batch_size=batch_size, verbose=0))


def fit(model, x, y, epochs: int = 1, batch_size: int = 64, callbacks=None) -> dict:
    """Train without validation; return the history."""
    with _eager_if_short(model, epochs * math.ceil(len(x) / batch_size)):
        history = model.fit(
            x, y, epochs=epochs, batch_size=batch_size, callbacks=callbacks, verbose=0
        )
    return {name: [float(v) for v in values] for name, values in history.history.items()}


def evaluate(model, x, y) -> dict:
    """Return loss and metrics by name."""
    with _eager_if_short(model):
        return {k: float(v) for k, v in model.evaluate(x, y, verbose=0, return_dict=True).items()}


def train_on_batch(model, x, y) -> dict:
    """Take one optimizer step; return loss and metrics by name."""
    with _eager_if_short(model):
        return {k: float(v) for k, v in model.train_on_batch(x, y, return_dict=True).items()}


def is_compiled(model) -> bool:
    """Return True if the model is compiled."""
    return bool(model.compiled)


def save_and_load(model):
    """Save the model to a file and return the model that loads from it."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.keras")
        model.save(file)
        return keras.saving.load_model(file, custom_objects=_custom_objects())


def _custom_objects() -> dict:
    """Return `BatchNorm` as the submission defines it."""
    module = sys.modules.get("cifar_course.regularization")
    return {"BatchNorm": module.BatchNorm} if hasattr(module, "BatchNorm") else {}


# --- layers and schedules ---------------------------------------------------------------------


def call_layer(layer, x, training: bool | None = None):
    """Return the layer's output for an array."""
    import keras

    # passed only if given: a layer need not take `training`
    mode = {} if training is None else {"training": training}
    return keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor(x), **mode))


def layer_weights(layer) -> dict:
    """Return names and values of the trainable and of the other weights, each in order."""
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
    """Save the layer within a model and return the layer that loads from the file.

    Args:
        layer: The layer.
        input_shape: Shape of one input, without the batch.
    """
    import keras

    inputs = keras.Input(tuple(input_shape))
    loaded = save_and_load(keras.Model(inputs, layer(inputs)))
    return loaded.layers[-1]


def call_schedule(schedule, step):
    """Return the learning rate at a step."""
    import keras

    return float(keras.ops.convert_to_numpy(schedule(step)))


def config_round_trip(schedule):
    """Return a new schedule built from this one's configuration."""
    return type(schedule).from_config(schedule.get_config())


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
