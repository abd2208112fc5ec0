"""Lets a learner's module say `import keras` while Keras stays unimported until code uses it.

Most modules import Keras at the top, and many of their functions need NumPy alone. While such a
module is imported, `import keras` gives it a `Deferred`: a name of something in Keras, which may be
looked up further, stand in annotations, and be the base of a class. Whatever else code does with it
imports Keras and uses the real thing.
"""

import importlib
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cifar_lab.execution.keras_import import import_keras

NAME = "keras"
_state = types.SimpleNamespace(depth=0)


@contextmanager
def deferring() -> Iterator[None]:
    """Let learners' modules that are imported within this context do without Keras."""
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1


def stand_in(name: str, names: tuple[str, ...]) -> "Deferred | None":
    """Return what an import statement in a learner's module gets in place of Keras.

    Args:
        name: The module, as in `import name` or `from name import ...`.
        names: The names after `import` in `from name import ...`.

    Returns:
        None if the statement has to be carried out.
    """
    if not _deferred() or name.partition(".")[0] != NAME or "*" in names:
        return None
    return Deferred(name if names else NAME)


def _deferred() -> bool:
    return _state.depth > 0 and NAME not in sys.modules


class Deferred:
    """Name of something in Keras, such as `keras.layers.Layer`."""

    def __init__(self, path: str):
        self._path = path

    def _real(self) -> Any:
        """Return the thing itself."""
        import_keras()
        found = importlib.import_module(NAME)
        for part in self._path.split(".")[1:]:
            found = getattr(found, part)
        return found

    def __getattr__(self, name: str) -> Any:
        if _deferred() and not name.startswith("__"):
            return Deferred(f"{self._path}.{name}")
        return getattr(self._real(), name)

    def __call__(self, *args, **kwargs) -> Any:
        return self._real()(*args, **kwargs)

    def __mro_entries__(self, bases: tuple) -> tuple[type, ...]:
        return (_Base,) if _deferred() else (self._real(),)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._real())

    def __or__(self, other: object) -> "Deferred":
        return self  # an annotation, such as `keras.Model | None`

    __ror__ = __or__


class _DeferredClass(type):
    """Class of a learner's class whose base is in Keras; its first object needs the real base."""

    def __call__(cls, *args, **kwargs) -> Any:
        import_keras()
        module = sys.modules[cls.__module__]
        module.__spec__.loader.exec_module(module)  # again in the same namespace, now with Keras
        return getattr(module, cls.__name__)(*args, **kwargs)


class _Base(metaclass=_DeferredClass):
    """Base of such a class."""
