"""Import Keras without the lines that TensorFlow's native code prints as it starts."""

import contextlib
import gc
import logging
import os
import sys
from collections.abc import Iterator


def import_keras() -> None:
    """Import Keras while the process's stderr is closed; Python's exceptions are still raised.

    TensorFlow's warnings stay off afterwards.
    """
    if "keras" in sys.modules:
        return
    with _closed_stderr():
        import keras  # noqa: F401
    # it warns of retracing whenever many small models are built
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # half a million objects that are never freed: garbage collection need not visit them again, and
    # a visit in a forked child would copy the memory that it shares with its parent
    gc.freeze()


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
