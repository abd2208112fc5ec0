"""Import Keras without the lines that TensorFlow's native code prints as it starts."""

import contextlib
import gc
import logging
import os
import sys
from collections.abc import Iterator


def import_keras() -> None:
    """Import Keras with the process's standard error closed; Python's own errors still come.

    Warnings of TensorFlow stay silent afterwards, too.
    """
    if "keras" in sys.modules:
        return
    with _no_standard_error():
        import keras  # noqa: F401
    # its advice on many small models is for those who write training loops
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # half a million objects that stay to the end: no search for garbage need look at them again,
    # and no forked child gets a copy of its own because one did
    gc.freeze()


@contextlib.contextmanager
def _no_standard_error() -> Iterator[None]:
    # these lines are written before any of TensorFlow's own settings are read, below Python
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
