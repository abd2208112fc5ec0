"""Use the saved modules in a running notebook, and say it in one line if they do not load."""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType

from cifar_lab import PACKAGE


class Reloader:
    """Reloads the course's modules that were saved since they were loaded.

    Functions and classes that a notebook has imported already are updated, too.

    Args:
        say: Takes a line for the learner.
    """

    def __init__(self, say: Callable[[str], None] = print):
        self._say = say
        self._loaded: dict[str, int] = {}  # file times, by module
        self._objects: dict = {}  # what IPython needs to update old objects

    def note_loaded(self, *_) -> None:
        """Note the times of modules that a cell has imported."""
        for module, _, saved in _modules():
            self._loaded.setdefault(module.__name__, saved)

    def reload_saved(self, *_) -> None:
        """Reload what has changed; until a module loads again, say that its old code is in use."""
        for module, file, saved in _modules():
            if self._loaded.setdefault(module.__name__, saved) != saved:
                self._try(module, file, saved)

    def _try(self, module: ModuleType, file: Path, saved: int) -> None:
        try:
            self._reload(module, file)
        except Exception as error:
            self._say(
                f"{PACKAGE}/{file.name}{_line_of(error, file)}: {type(error).__name__}: "
                f"{getattr(error, 'msg', error)}. This notebook still uses the code from before."
            )
        else:
            self._loaded[module.__name__] = saved

    def _reload(self, module: ModuleType, file: Path) -> None:
        from IPython.extensions.autoreload import superreload

        importlib.invalidate_caches()
        # Python takes what it compiled for the saved text if second and size are the same
        with contextlib.suppress(OSError):
            Path(cache_from_source(str(file))).unlink()
        compile(file.read_bytes(), str(file), "exec")  # before anything of it is run
        superreload(module, old_objects=self._objects)


def _modules() -> Iterator[tuple[ModuleType, Path, int]]:
    """Yield the course's modules that are loaded, their files, and the times of these."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}.") and (file := getattr(module, "__file__", None)):
            with contextlib.suppress(OSError):  # renamed or deleted meanwhile
                yield module, Path(file), Path(file).stat().st_mtime_ns


def _line_of(error: Exception, file: Path) -> str:
    """Return the line of the module that an error is about, such as ", line 12"."""
    number = error.lineno if isinstance(error, SyntaxError) else None
    step = error.__traceback__
    while step and number is None:
        if step.tb_frame.f_code.co_filename == str(file):
            number = step.tb_lineno
        step = step.tb_next
    return f", line {number}" if number else ""
