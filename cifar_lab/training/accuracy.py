"""The metric that a training run needs, whatever a submission's network was compiled with."""

import keras


def ensure_accuracy(model: keras.Model) -> None:
    """Compile the network again if it has no metric named `accuracy`; optimizer and loss stay.

    Answers with `metrics=["acc"]` or `[keras.metrics.CategoricalAccuracy()]` are right, and log
    the accuracy under other names. The callbacks and the record of a run need the usual one.
    """
    metrics = model.get_compile_config().get("metrics") or []
    if not isinstance(metrics, list) or "accuracy" not in map(_name, metrics):
        model.compile(model.optimizer, model.loss, metrics=["accuracy"])


def _name(metric: object) -> object:
    """Return the name of a metric, as Keras serializes it: a string, or an object's settings."""
    return metric["config"].get("name") if isinstance(metric, dict) else metric
