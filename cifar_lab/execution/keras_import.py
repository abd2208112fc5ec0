"""Import Keras without the lines that TensorFlow's native code prints as it starts."""

import contextlib
import gc
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cifar_lab.execution.settings import pin_keras

DEFAULT_BACKEND = "tensorflow"


def import_keras() -> None:
    """Import Keras while the process's stderr is closed; Python's exceptions are still raised.

    TensorFlow's warnings stay off afterwards, and Keras has the settings that the course needs.

    Raises:
        ImportError: The machine's settings choose a backend that cannot be imported.
    """
    if "keras" in sys.modules:
        return
    try:
        with _closed_stderr():
            import keras  # noqa: F401
    except (ImportError, ValueError) as error:
        if backend() == DEFAULT_BACKEND:
            raise
        source = "KERAS_BACKEND" if os.environ.get("KERAS_BACKEND") else _settings_file()
        raise ImportError(
            f"Keras does not start with the backend {backend()!r}, which {source} names ({error}). "
            f"Set KERAS_BACKEND={DEFAULT_BACKEND}, or change it there"
        ) from error
    pin_keras()
    # it warns of retracing whenever many small models are built
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # half a million objects that are never freed: garbage collection need not visit them again, and
    # a visit in a forked child would copy the memory that it shares with its parent
    gc.freeze()


def backend() -> str:
    """Return the backend that this machine's settings choose; Keras is not imported."""
    try:
        settings = json.loads(_settings_file().read_text(encoding="utf-8"))
        chosen = settings["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        chosen = DEFAULT_BACKEND
    return os.environ.get("KERAS_BACKEND") or chosen


def _settings_file() -> Path:
    """Return the file in which Keras looks for its settings."""
    home = os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser()
    return Path(home, "keras.json")


@contextlib.contextmanager
def _closed_stderr() -> Iterator[None]:
    # native code prints these lines before TensorFlow reads any of its own settings
    before = os.dup(2)
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(devnull)
