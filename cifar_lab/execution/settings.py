"""Settings that hold for a whole process, such as NumPy's on errors or Keras' dtype policy.

Where learner code runs in the tests' own process, it gets settings of its own, as in a sandbox:
they are exchanged at every call, so one module's settings change no other module's verdict.
"""

import locale
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

NAMES = ("SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2")
SIGNALS = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]  # Windows has fewer
# every test begins with these, whatever the machine's keras.json or a notebook says
PINNED = {
    "numpy errors": {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"},
    "floatx": "float32",
    "epsilon": 1e-7,
    "image data format": "channels_last",
    "dtype policy": "float32",
    "eager functions": False,
    "eager execution": True,
}


def pin_keras() -> None:
    """Give Keras, which is imported, the settings that the course is written for."""
    _exchange({name: PINNED[name] for name in PINNED if name != "numpy errors"})


@contextmanager
def pinned() -> Iterator[None]:
    """Begin with fixed settings within this context, and put all settings back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()
    before = _exchange(PINNED)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        _exchange({**PINNED, **before})  # Keras may have been imported within
        random.setstate(python)
        np.random.set_state(numpy)


def with_own_settings(handle: Callable[[bytes], bytes], folder: Path) -> Callable[[bytes], bytes]:
    """Return `handle` with settings that it keeps from call to call, and that end with a call.

    Args:
        handle: Takes a request frame, calls learner code, and returns the reply frame.
        folder: The current folder of the first call.
    """
    theirs, filters = {"folder": str(folder)}, []

    def handle_with_own_settings(frame: bytes) -> bytes:
        with warnings.catch_warnings():
            if filters:
                warnings.filters[:] = filters
            ours = _exchange(theirs)
            try:
                return handle(frame)
            finally:
                filters[:] = warnings.filters
                theirs.update(_exchange({**PINNED, **ours}))

    return handle_with_own_settings


def _read() -> dict[str, Any]:
    return {name: read() for name, (read, _) in _settings().items()}


def _exchange(values: dict[str, Any]) -> dict[str, Any]:
    """Write these settings where they differ, and return all settings as they were before."""
    before = _read()
    for name, (_, write) in _settings().items():
        if name in values and before[name] != values[name]:
            write(values[name])
    return before


def _settings() -> dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]]:
    """Return how each setting is read and written; packages that are not imported have none."""
    found = {
        "numpy errors": (np.geterr, lambda value: np.seterr(**value)),
        "numpy print options": (np.get_printoptions, lambda value: np.set_printoptions(**value)),
        "folder": (_current_folder, os.chdir),
        "environment": (lambda: dict(os.environ), _set_environment),
        "locale": (
            lambda: locale.setlocale(locale.LC_ALL),
            lambda value: locale.setlocale(locale.LC_ALL, value),
        ),
        "recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
        "signal handlers": (_signal_handlers, _set_signal_handlers),
    }
    if keras := sys.modules.get("keras"):
        config = keras.config
        found |= {
            "floatx": (config.floatx, config.set_floatx),
            "epsilon": (config.epsilon, config.set_epsilon),
            "image data format": (config.image_data_format, config.set_image_data_format),
            "dtype policy": (lambda: config.dtype_policy().name, config.set_dtype_policy),
        }
    if tensorflow := sys.modules.get("tensorflow"):
        functions = tensorflow.config
        found |= {
            "eager functions": (functions.functions_run_eagerly, functions.run_functions_eagerly),
            "eager execution": (tensorflow.executing_eagerly, _set_eager_execution),
        }
    if matplotlib := sys.modules.get("matplotlib"):
        found["matplotlib backend"] = (
            lambda: dict.get(matplotlib.rcParams, "backend"),  # rcParams["backend"] chooses one
            _set_matplotlib_backend,
        )
    return found


def _current_folder() -> str | None:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # learner code removed it
        return None


def _set_environment(value: dict[str, str]) -> None:
    for name in os.environ.keys() - value.keys():
        del os.environ[name]
    os.environ.update({k: v for k, v in value.items() if os.environ.get(k) != v})


def _signal_handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in SIGNALS}


def _set_signal_handlers(value: dict[int, Any]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # Python changes them in the main thread alone
    for number, handler in value.items():
        if handler is not None and handler != signal.getsignal(number):
            signal.signal(number, handler)


def _set_eager_execution(value: bool) -> None:
    v1 = sys.modules["tensorflow"].compat.v1
    if value:
        v1.reset_default_graph()  # with a graph left, TensorFlow refuses
        v1.enable_eager_execution()
    else:
        v1.disable_eager_execution()


def _set_matplotlib_backend(value: Any) -> None:
    matplotlib = sys.modules["matplotlib"]
    if isinstance(value, str):
        matplotlib.use(value, force=False)
    else:  # none was chosen yet
        dict.__setitem__(matplotlib.rcParams, "backend", value)
