"""Values and calls in words short enough for a message."""

from typing import Any

import numpy as np

FEW = 12


def in_words(value: Any) -> str:
    """`value` as a learner would describe it: small arrays whole, large ones by shape."""
    if isinstance(value, np.ndarray):
        return _array_in_words(value)
    if isinstance(value, list | tuple):
        if len(value) > FEW:
            return f"a list of {len(value)}: [{in_words(value[0])}, ...]"
        return "[" + ", ".join(in_words(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {in_words(part)}" for key, part in value.items()) + "}"
    if isinstance(value, float):
        return f"{value:.6g}"
    kind = getattr(value, "kind", None)
    if kind is not None:
        return f"<{kind}>"
    return repr(value)


def _array_in_words(array: np.ndarray) -> str:
    shape = "x".join(str(size) for size in array.shape) or "no axes"
    described = f"{array.dtype} array ({shape})"
    if array.size == 0:
        return described
    with np.printoptions(precision=5, suppress=True, threshold=FEW, linewidth=10_000):
        if array.size <= FEW:
            return f"{described} " + " ".join(np.array2string(array, separator=", ").split())
        first = np.array2string(array.reshape(-1)[:4], separator=", ")
    return f"{described} {first[:-1]}, ...]"


def call_in_words(name: str, args: tuple, kwargs: dict) -> str:
    """`name(...)` with its arguments in words."""
    parts = [in_words(arg) for arg in args]
    parts += [f"{key}={in_words(arg)}" for key, arg in kwargs.items()]
    return f"{name}({', '.join(parts)})"
