"""What may cross between a grading test and learner code, and how it is written down.

A frame is two lengths, a JSON text that holds the structure, and a safetensors blob that
holds the arrays. Nothing else is ever read: no pickle, no code. The same encoding serves
learner code in this process and learner code in the sandbox, so both are judged alike.

Tuples cross as lists; NumPy scalars cross as Python numbers; an object that must stay on the
learner's side crosses as a `Handle`.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy

MAX_DEPTH = 32
MAX_RANK = 16
MAX_FRAME_BYTES = 2**31
MAX_TEXT_BYTES = 2**23  # of structure: as Python objects it takes fifty times as much

_LENGTHS = struct.Struct("<QQ")
_DTYPES = frozenset(
    (
        *("bool", "float16", "float32", "float64"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    )
)


class ProtocolError(Exception):
    """A value that cannot cross, or a frame that is not one."""


@dataclass(frozen=True)
class Handle:
    """A name for an object that stays where it is: a model, a layer, a schedule, a callback."""

    kind: str
    number: int


def to_array(value: Any) -> np.ndarray:
    """A plain array, as it crosses: C order, native bytes, one of the allowed dtypes."""
    # safetensors reads the buffer of transposed, reversed and broadcast views wrongly;
    # np.ascontiguousarray would be no help, it turns 0-d arrays into 1-d ones
    array = np.array(value, order="C", copy=True, subok=False)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.name not in _DTYPES:
        raise ProtocolError(
            f"an array of dtype {array.dtype} cannot cross: numbers and booleans only"
        )
    if array.ndim > MAX_RANK:
        raise ProtocolError(f"an array of {array.ndim} dimensions cannot cross: {MAX_RANK} at most")
    return array


def encode(value: Any, stand_in: Callable[[Any], Any] | None = None) -> bytes:
    """One frame that holds `value`.

    Args:
        value: Arrays, numbers, strings, booleans, None, handles, and lists, tuples and dicts
            of these.
        stand_in: Called with anything else; returns what crosses in its place (an array or a
            `Handle`), or raises ProtocolError.

    Raises:
        ProtocolError: Something in `value` cannot cross.
    """
    arrays: dict[str, np.ndarray] = {}

    def leaf(item: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ProtocolError(f"lists and dicts nested more than {MAX_DEPTH} deep cannot cross")
        if isinstance(item, np.generic) and item.dtype.name in _DTYPES:
            item = item.item()
        if item is None or isinstance(item, bool | int | float | str):
            # float() and str() undress subclasses, which may not behave like the real thing
            return item if item is None or isinstance(item, bool) else _undressed(item)
        if isinstance(item, Handle):
            return {"handle": [item.kind, item.number]}
        if isinstance(item, np.ndarray):
            name = f"t{len(arrays)}"
            arrays[name] = to_array(item)
            return {"array": name}
        if isinstance(item, list | tuple):
            return [leaf(part, depth + 1) for part in item]
        if isinstance(item, dict):
            if not all(isinstance(key, str) for key in item):
                raise ProtocolError("a dict crosses only if all its keys are strings")
            return {"dict": [[str(key), leaf(part, depth + 1)] for key, part in item.items()]}
        if stand_in is None:
            raise ProtocolError(f"{_kind_of(item)} cannot cross")
        return leaf(stand_in(item), depth + 1)

    text = json.dumps(leaf(value, 0)).encode()
    blob = safetensors.numpy.save(arrays)
    if len(text) > MAX_TEXT_BYTES:
        raise ProtocolError(f"{len(text):,} bytes of numbers and texts: {MAX_TEXT_BYTES:,} cross")
    if len(text) + len(blob) > MAX_FRAME_BYTES:
        raise ProtocolError(
            f"{len(text) + len(blob):,} bytes are too many: {MAX_FRAME_BYTES:,} cross"
        )
    return _LENGTHS.pack(len(text), len(blob)) + text + blob


def decode(frame: bytes, make_handle: Callable[[str, int], Any] = Handle) -> Any:
    """The value in a frame; its arrays are new and writable.

    Args:
        frame: What `encode` wrote, or what claims to be that.
        make_handle: Called with kind and number of each handle.

    Raises:
        ProtocolError: The frame is not one.
    """
    try:
        text_bytes, blob_bytes = _LENGTHS.unpack_from(frame)
        start = _LENGTHS.size
        if len(frame) > MAX_FRAME_BYTES or len(frame) != start + text_bytes + blob_bytes:
            raise ProtocolError("a frame's length is not what it says")
        if text_bytes > MAX_TEXT_BYTES:
            raise ProtocolError(f"{text_bytes:,} bytes of structure: {MAX_TEXT_BYTES:,} at most")
        tree = json.loads(frame[start : start + text_bytes].decode())
        arrays = safetensors.numpy.load(bytes(frame[start + text_bytes :]))
        return _value(tree, arrays, make_handle, 0)
    except ProtocolError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, struct.error) as error:
        raise ProtocolError(f"not a frame: {error}") from error
    except safetensors.SafetensorError as error:
        raise ProtocolError(f"not a frame: {error}") from error


def arrays_in(value: Any) -> list[np.ndarray]:
    """The arrays in `value`, in the order in which they cross."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for part in value for array in arrays_in(part)]
    return []


def _value(tree: Any, arrays: dict[str, np.ndarray], make_handle: Callable, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ProtocolError("nested too deep")
    if isinstance(tree, list):
        return [_value(part, arrays, make_handle, depth + 1) for part in tree]
    if isinstance(tree, str):
        return _writable(tree)
    if not isinstance(tree, dict):
        return tree
    ((tag, content),) = tree.items()
    if tag == "array":
        # each is named once: a short text that names one a million times would fill the memory
        array = arrays.pop(content)
        if array.dtype.name not in _DTYPES or array.ndim > MAX_RANK:
            raise ProtocolError(f"an array of dtype {array.dtype}, {array.ndim} dimensions")
        # a true of 2, which safetensors lets through, would not equal a true of 1
        return np.array(array.view(np.uint8) != 0) if array.dtype == bool else array.copy()
    if tag == "handle":
        kind, number = content
        if not isinstance(kind, str) or type(number) is not int:
            raise ProtocolError("a handle is a kind and a number")
        return make_handle(_writable(kind), number)
    if tag == "dict":
        return {
            _writable(key): _value(part, arrays, make_handle, depth + 1) for key, part in content
        }
    raise ProtocolError(f"unknown tag {tag!r}")


def _writable(text: str) -> str:
    """The text without halves of surrogate pairs, which no file would take."""
    if not isinstance(text, str):
        raise ProtocolError("a name is a string")
    return text.encode("utf-8", "replace").decode()


def _undressed(item: int | float | str) -> int | float | str:
    for plain in (int, float, str):
        if isinstance(item, plain):
            return plain(item)
    raise ProtocolError(f"{_kind_of(item)} cannot cross")


def _kind_of(item: Any) -> str:
    return f"an object of type {type(item).__name__}"
