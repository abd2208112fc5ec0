"""Descriptions of values and calls, short enough for a message."""

from typing import Any

import numpy as np

FEW = 12


def describe(value: Any, dtype: bool = True) -> str:
    """Return a description of `value`: small arrays whole, large ones by shape.

    Args:
        value: Anything that a test and learner code exchange.
        dtype: Name the dtype of an array; False where any dtype would be right.
    """
    if isinstance(value, np.ndarray):
        return _describe_array(value, dtype)
    if isinstance(value, list | tuple):
        if len(value) > FEW:
            return f"a list of {len(value)}: [{describe(value[0])}, ...]"
        return "[" + ", ".join(describe(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {describe(part)}" for key, part in value.items()) + "}"
    if isinstance(value, float):
        return _number(value)
    kind = getattr(value, "kind", None)
    if kind is not None:
        return f"<{kind}>"
    return repr(value)


def _number(value: float) -> str:
    """Return six digits, which tell a small number from 0; without the sign of -0."""
    return f"{value + 0.0:.6g}"


def _describe_array(array: np.ndarray, dtype: bool) -> str:
    shape = "x".join(str(size) for size in array.shape) or "no axes"
    described = f"{array.dtype} array ({shape})" if dtype else f"array ({shape})"
    if array.size == 0:
        return described
    exact = {"float_kind": _number}
    with np.printoptions(formatter=exact, threshold=FEW, linewidth=10_000):
        if array.size <= FEW:
            return f"{described} " + " ".join(np.array2string(array, separator=", ").split())
        first = np.array2string(array.reshape(-1)[:4], separator=", ")
    return f"{described} {first[:-1]}, ...]"


def describe_call(name: str, args: tuple, kwargs: dict) -> str:
    """Return `name(...)` with a description of each argument."""
    parts = [describe(arg) for arg in args]
    parts += [f"{key}={describe(arg)}" for key, arg in kwargs.items()]
    return f"{name}({', '.join(parts)})"
