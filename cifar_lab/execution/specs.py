"""Descriptions of Keras objects as plain values: layers, optimizers, callbacks."""

from typing import Any

# settings that the spec of a layer holds, besides class, shapes and trainability
LAYER_SETTINGS = (
    *("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "use_bias"),
    *("activation", "units", "rate", "noise_shape", "pool_size", "data_format"),
    *("max_value", "negative_slope", "threshold"),
    *("axis", "momentum", "epsilon", "scale", "center"),
)
CALLBACK_SETTINGS = (
    *("monitor", "patience", "factor", "mode", "min_delta", "min_lr", "cooldown", "baseline"),
    *("restore_best_weights", "start_from_epoch"),
)
# layers that serve as activations: Keras' name for the function, if these are their settings
PLAIN_ACTIVATIONS = {
    "ReLU": ("relu", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}),
    "Softmax": ("softmax", {"axis": -1}),
}


def summary_spec(model) -> list[dict]:
    """Return the layers in order, nested models flattened: class, settings, shapes, trainability.

    A layer that is used twice is listed twice. Bare functions such as `keras.activations.relu` are
    listed, too.
    """
    return [_layer_spec(*call) for call in _layer_calls(model)]


def optimizer_spec(model) -> dict:
    """Return class and learning rate of the optimizer, and the names of loss and metrics."""
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


def callback_spec(callback) -> dict:
    """Return a callback's class, the names of its Keras classes, and its settings."""
    settings = {
        name: getattr(callback, name)
        for name in CALLBACK_SETTINGS
        if _is_plain(getattr(callback, name, None))
    }
    classes = [kind.__name__ for kind in type(callback).__mro__ if _is_of_keras(kind)]
    return {"class": type(callback).__name__, "classes": classes, "settings": settings}


def _layer_calls(model) -> list[tuple]:
    """Return (layer, input, output) for every call of a layer, in the order of computation."""
    import keras

    # a subclassed model, or a Sequential without Input, is not built of tensors
    if not getattr(model, "outputs", None):
        return [(layer, None, None) for layer in model.layers]
    calls, seen = [], set()

    def visit(tensor) -> None:
        layer, index, _ = tensor._keras_history
        if (id(layer), index) in seen or isinstance(layer, keras.layers.InputLayer):
            return
        seen.add((id(layer), index))
        node = layer._inbound_nodes[index]
        for source in node.input_tensors:
            visit(source)
        if isinstance(layer, keras.Model):
            calls.extend(_layer_calls(layer))
        else:
            calls.append((layer, node.input_tensors[0], node.output_tensors[0]))

    for output in model.outputs:
        visit(output)
    return calls


def _layer_spec(layer, source=None, result=None) -> dict:
    import keras

    is_layer = isinstance(layer, keras.layers.Layer)
    config = layer.get_config() if is_layer else {}
    settings = {name: config[name] for name in LAYER_SETTINGS if _is_plain(config.get(name))}
    if isinstance(config.get("activation"), dict):  # a layer, or a function of the learner's
        settings["activation"] = _activation_name(config["activation"])
    return {
        "class": type(layer).__name__,
        "known": _is_of_keras(type(layer)),  # Keras' own class, not the learner's
        "settings": settings,
        "input_shape": _shape(source),
        "output_shape": _shape(result),
        "parameters": layer.count_params() if is_layer and layer.built else 0,
        "trainable": is_layer and bool(layer.trainable),
    }


def _activation_name(serialized: dict) -> str:
    """Return Keras' name for an activation given as a layer, such as `keras.layers.ReLU()`."""
    layer, settings = str(serialized.get("class_name")), serialized.get("config")
    name, wanted = PLAIN_ACTIVATIONS.get(layer, (layer, {}))
    return name if all(settings.get(key) == value for key, value in wanted.items()) else layer


def _is_plain(value: Any) -> bool:
    """Return True if a spec can hold the value."""
    if isinstance(value, list | tuple):
        return all(part is None or _is_plain(part) for part in value)
    return isinstance(value, bool | int | float | str)


def _is_of_keras(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "keras"


def _shape(tensor) -> list | None:
    return None if tensor is None else list(tensor.shape)


def _loss_name(loss: Any) -> str:
    name = getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss
    return str(name)


def _metric_names(model) -> list[str]:
    # a compiled model names its metrics only after its first batch
    names = []
    for metric in getattr(model, "metrics", []):
        names += [part.name for part in getattr(metric, "metrics", [metric])]
    return names
