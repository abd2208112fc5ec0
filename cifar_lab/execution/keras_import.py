"""Import Keras quietly, from the folder that the course names, and explain a failure to start."""

import contextlib
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cifar_lab.execution.settings import pin_keras

DEFAULT_BACKEND = "tensorflow"
TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
ADVICE = (
    "TensorFlow needs an x86-64 processor with AVX, or ARM64. If yours is one of these, install it "
    "again: python -m pip install --force-reinstall -c constraints.txt tensorflow"
)
ENDED = f"TensorFlow ended the program while it was imported. {ADVICE}"
FINISHED, RAISED = b"\0finished", b"\0raised"
# prints what was printed during an import, unless the import went well; the arguments are ENDED,
# FINISHED and RAISED
WATCHER = """
import sys
ended, finished, raised = sys.argv[1:]
text, found, how = sys.stdin.buffer.read().decode(errors="replace").partition("\\0")
if how != finished:
    print(text, end="" if how == raised else "\\n" + ended + "\\n", file=sys.stderr)
"""


class KerasCannotStart(ImportError):
    """Keras, or the backend below it, cannot be imported; the message gives reason and remedy."""


def keras_home() -> Path:
    """Return the folder in which Keras keeps its files, with `~` replaced by the home folder.

    Raises:
        FileNotFoundError: KERAS_HOME begins with `~`, and there is no home folder.
    """
    named = os.environ.get("KERAS_HOME")
    # not Path.expanduser, which raises without a home
    folder = os.path.expanduser(named or "~")  # noqa: PTH111
    if not folder.startswith("~"):
        return Path(folder) if named else Path(folder, ".keras")
    if named:
        raise FileNotFoundError(f"KERAS_HOME is {named}, and there is no such home; name a folder")
    return Path("/tmp/.keras")  # as Keras does without a home


def import_keras() -> None:
    """Import Keras without the lines that TensorFlow's native code prints as it starts.

    If the import fails, or ends the process, they are shown.

    Raises:
        KerasCannotStart: The import failed.
    """
    if "keras" in sys.modules:
        return
    try:
        with _watched_stderr():
            load_keras()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise KerasCannotStart(f"Keras cannot start ({reason}). {_advice()}") from error


def _advice() -> str:
    if backend() == DEFAULT_BACKEND:
        return ADVICE
    source = "KERAS_BACKEND" if os.environ.get("KERAS_BACKEND") else _settings_file()
    return (
        f"The backend is {backend()!r}, which {source} names. "
        f"Set KERAS_BACKEND={DEFAULT_BACKEND}, or change it there"
    )


def backend() -> str:
    """Return the backend that this machine's settings choose; Keras is not imported."""
    try:
        settings = json.loads(_settings_file().read_text(encoding="utf-8"))
        chosen = settings["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        chosen = DEFAULT_BACKEND
    return os.environ.get("KERAS_BACKEND") or chosen


def backend_title() -> str:
    """Return the backend's name as its makers write it."""
    return TITLES.get(backend(), backend())


def _settings_file() -> Path:
    """Return the file in which Keras looks for its settings."""
    return keras_home() / "keras.json"


def quiet() -> None:
    """Keep TensorFlow's native code from printing: its later children, too.

    Where there is no GPU, it reports as an error that it found none.
    """
    has_gpu = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()  # Linux, WSL
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if has_gpu else "3")


def load_keras() -> None:
    """Import Keras with the settings of the course; TensorFlow's warnings stay off afterwards."""
    quiet()
    if "KERAS_HOME" in os.environ:
        # Keras itself would make a folder called "~"
        os.environ["KERAS_HOME"] = str(keras_home())
    import keras  # noqa: F401

    pin_keras()
    # it warns of retracing whenever many small models are built
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # half a million objects that are never freed: garbage collection need not visit them again, and
    # a visit in a forked child would copy the memory that it shares with its parent
    gc.freeze()


@contextlib.contextmanager
def _watched_stderr() -> Iterator[None]:
    # native code prints before TensorFlow reads any of its own settings, and may end this process:
    # only another process can then show what was printed
    command = [sys.executable, "-I", "-S", "-c", WATCHER, ENDED]
    command += [how.decode().strip("\0") for how in (FINISHED, RAISED)]
    # in a session of its own, so that Ctrl-C does not end it
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    before, how = os.dup(2), RAISED
    try:
        os.dup2(watcher.stdin.fileno(), 2)
        yield
        how = FINISHED
    finally:
        os.dup2(before, 2)
        os.close(before)
        with contextlib.suppress(OSError):
            watcher.stdin.write(how)
            watcher.stdin.close()
        watcher.wait()
