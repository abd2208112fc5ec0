"""The protocol between a grading test and learner code, for both ends.

A test sends requests and receives replies. Each is one frame: two lengths, a JSON text that holds
the structure, and a safetensors blob that holds the arrays. Nothing else is ever decoded: no
pickle, no code. Learner code in this process and learner code in a sandbox get the same frames, so
both are judged alike. A tuple arrives as a list, a NumPy scalar as a Python number, and an object
that stays in the learner's process (a model, a layer) as a `Handle`.

Two kinds of socket lead into a sandbox. On a session's channel each frame follows its length. On
the control channel grader and server exchange one JSON object a line.
"""

import json
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import safetensors.numpy

from cifar_lab.execution.errors import FrameTooLargeError, ProtocolError

MAX_DEPTH = 32
MAX_RANK = 16
MAX_FRAME_BYTES = 2**31
MAX_TEXT_BYTES = 2**23  # of structure: as Python objects it takes fifty times as much

READY = b"+"  # from a child: it is ready for a test; a failure before is the grader's
FINISHED = b"-"  # from a child: it takes no further test (its own children may keep the channel)
NEXT_TEST = b""  # to a child, in place of a request: the next test begins

_FRAME_LENGTH = struct.Struct("<Q")
_PART_LENGTHS = struct.Struct("<QQ")
_CHUNK = 2**20
_DTYPES = frozenset(
    (
        *("bool", "float16", "float32", "float64"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    )
)


class Command(StrEnum):
    """Command of the grader to a sandbox's server: "do" in a message on the control channel."""

    LIMIT = "limit"  # set the resource limits of later children
    FILTER = "filter"  # refuse system calls from now on
    PROBE = "probe"  # list what can be reached from inside
    IMPORT_KERAS = "keras"  # import Keras and measure what training takes
    SESSION = "session"  # fork a child that answers on the socket that comes with this command


@dataclass(frozen=True)
class Handle:
    """Reference to an object in the learner's process: a model, a layer, a schedule, a callback."""

    kind: str
    number: int


# --- frames -----------------------------------------------------------------------------------


def to_array(value: Any) -> np.ndarray:
    """Return a copy that can be encoded: C order, native bytes, one of the allowed dtypes."""
    # safetensors reads the buffer of transposed, reversed and broadcast views wrongly;
    # np.ascontiguousarray would be no help, it turns 0-d arrays into 1-d ones
    array = np.array(value, order="C", copy=True, subok=False)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.name not in _DTYPES:
        raise ProtocolError(
            f"an array of dtype {array.dtype} cannot be encoded: numbers and booleans only"
        )
    if array.ndim > MAX_RANK:
        raise ProtocolError(f"an array of {array.ndim} dimensions is too deep: {MAX_RANK} at most")
    return array


def encode(value: Any, encode_object: Callable[[Any], Any] | None = None) -> bytes:
    """Return one frame that holds `value`.

    Args:
        value: Arrays, numbers, strings, booleans, None, handles, and lists, tuples and dicts
            of these.
        encode_object: Called with anything else; returns what is encoded in its place (an array
            or a `Handle`), or raises ProtocolError.

    Raises:
        ProtocolError: Something in `value` cannot be encoded.
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_to_tree(value, arrays, encode_object, 0)).encode()
    blob = safetensors.numpy.save(arrays)
    if len(text) > MAX_TEXT_BYTES:
        raise ProtocolError(
            f"{len(text):,} bytes of numbers and texts are too many: {MAX_TEXT_BYTES:,} at most"
        )
    if len(text) + len(blob) > MAX_FRAME_BYTES:
        raise ProtocolError(
            f"{len(text) + len(blob):,} bytes are too many: {MAX_FRAME_BYTES:,} at most"
        )
    return _PART_LENGTHS.pack(len(text), len(blob)) + text + blob


def decode(frame: bytes, make_handle: Callable[[str, int], Any] = Handle) -> Any:
    """Return the value in a frame; its arrays are new and writable.

    Args:
        frame: Bytes that may or may not come from `encode`.
        make_handle: Called with kind and number of each handle.

    Raises:
        ProtocolError: The bytes are not a frame.
    """
    try:
        text_bytes, blob_bytes = _PART_LENGTHS.unpack_from(frame)
        start = _PART_LENGTHS.size
        if len(frame) > MAX_FRAME_BYTES or len(frame) != start + text_bytes + blob_bytes:
            raise ProtocolError("not a frame: its length is not the one it states")
        if text_bytes > MAX_TEXT_BYTES:
            raise ProtocolError(f"{text_bytes:,} bytes of structure: {MAX_TEXT_BYTES:,} at most")
        tree = json.loads(frame[start : start + text_bytes].decode())
        arrays = safetensors.numpy.load(bytes(frame[start + text_bytes :]))
        return _from_tree(tree, arrays, make_handle, 0)
    except ProtocolError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, struct.error) as error:
        raise ProtocolError(f"not a frame: {error}") from error
    except safetensors.SafetensorError as error:
        raise ProtocolError(f"not a frame: {error}") from error


def arrays_in(value: Any) -> list[np.ndarray]:
    """Return the arrays in `value`, in the order in which they are encoded."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for part in value for array in arrays_in(part)]
    return []


def _to_tree(
    item: Any, arrays: dict[str, np.ndarray], encode_object: Callable | None, depth: int
) -> Any:
    """Return the JSON tree of `item`; add its arrays to `arrays`."""
    if depth > MAX_DEPTH:
        raise ProtocolError(f"lists and dicts nested more than {MAX_DEPTH} deep cannot be encoded")
    further = arrays, encode_object, depth + 1
    if isinstance(item, np.generic) and item.dtype.name in _DTYPES:
        item = item.item()
    if item is None or isinstance(item, bool):
        return item
    for plain in (int, float, str):
        if isinstance(item, plain):
            return plain(item)  # a subclass may behave differently
    if isinstance(item, Handle):
        return {"handle": [item.kind, item.number]}
    if isinstance(item, np.ndarray):
        name = f"t{len(arrays)}"
        arrays[name] = to_array(item)
        return {"array": name}
    if isinstance(item, list | tuple):
        return [_to_tree(part, *further) for part in item]
    if isinstance(item, dict):
        if not all(isinstance(key, str) for key in item):
            raise ProtocolError("a dict can be encoded only if all its keys are strings")
        return {"dict": [[str(key), _to_tree(part, *further)] for key, part in item.items()]}
    if encode_object is None:
        raise ProtocolError(f"an object of type {type(item).__name__} cannot be encoded")
    return _to_tree(encode_object(item), *further)


def _from_tree(tree: Any, arrays: dict[str, np.ndarray], make_handle: Callable, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ProtocolError(f"lists and dicts nested more than {MAX_DEPTH} deep")
    further = arrays, make_handle, depth + 1
    if isinstance(tree, list):
        return [_from_tree(part, *further) for part in tree]
    if isinstance(tree, str):
        return _valid_text(tree)
    if not isinstance(tree, dict):
        return tree
    ((tag, content),) = tree.items()
    if tag == "array":
        # each is named once: a short text that names one a million times would fill the memory
        return _checked_array(arrays.pop(content))
    if tag == "handle":
        kind, number = content
        if not isinstance(kind, str) or type(number) is not int:
            raise ProtocolError("a handle is a kind and a number")
        return make_handle(_valid_text(kind), number)
    if tag == "dict":
        return {_valid_text(key): _from_tree(part, *further) for key, part in content}
    raise ProtocolError(f"unknown tag {tag!r}")


def _checked_array(array: np.ndarray) -> np.ndarray:
    if array.dtype.name not in _DTYPES or array.ndim > MAX_RANK:
        raise ProtocolError(f"an array of dtype {array.dtype}, {array.ndim} dimensions")
    # safetensors accepts any byte as a boolean: a True of 2 would not equal a True of 1
    return np.array(array.view(np.uint8) != 0) if array.dtype == bool else array.copy()


def _valid_text(text: str) -> str:
    """Return the text without lone surrogates, which cannot be written to a file."""
    if not isinstance(text, str):
        raise ProtocolError("a name is a string")
    return text.encode("utf-8", "replace").decode()


# --- a session's channel ----------------------------------------------------------------------


def send_frame(channel: socket.socket, frame: bytes) -> None:
    """Send a frame after its length."""
    channel.sendall(_FRAME_LENGTH.pack(len(frame)) + frame)


def receive_frame(
    channel: socket.socket, max_bytes: int = MAX_FRAME_BYTES, deadline: float | None = None
) -> bytes:
    """Return the next frame.

    Args:
        channel: The session's socket.
        max_bytes: The longest frame to receive.
        deadline: The latest time, by `time.monotonic`.

    Raises:
        FrameTooLargeError: The frame is longer; nothing of it has been received.
        TimeoutError: The deadline has passed.
        ConnectionError: The other end was closed.
    """
    (length,) = _FRAME_LENGTH.unpack(_receive_exactly(channel, _FRAME_LENGTH.size, deadline))
    if length > max_bytes:
        raise FrameTooLargeError(length)
    return _receive_exactly(channel, length, deadline)


def _receive_exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < count:
        if deadline is not None:
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                raise TimeoutError
            channel.settimeout(seconds)
        part = channel.recv(min(count - len(data), _CHUNK))
        if not part:
            raise ConnectionError("the other end was closed")
        data += part
    return bytes(data)


# --- the control channel ----------------------------------------------------------------------


class ControlChannel:
    """One end of the control channel: one JSON object a line, each way.

    Args:
        connection: The socket.
        max_descriptors: File descriptors to accept with a message; the kernel drops others.
    """

    def __init__(self, connection: socket.socket, max_descriptors: int = 0):
        self._connection = connection
        self._max_descriptors = max_descriptors
        self._buffer = b""

    def send(
        self, message: dict, descriptors: Sequence[int] = (), seconds: float | None = None
    ) -> None:
        """Send a message, and file descriptors with it, within so many seconds."""
        self._connection.settimeout(seconds)
        line = json.dumps(message).encode() + b"\n"
        if descriptors:
            socket.send_fds(self._connection, [line], descriptors)
        else:
            self._connection.sendall(line)

    def receive(self, seconds: float | None = None) -> tuple[dict, list[int]]:
        """Return the next message and the file descriptors that came with it.

        Raises:
            TimeoutError: Nothing came for so many seconds.
            ConnectionError: The other end was closed.
            ValueError: The line is not JSON.
        """
        self._connection.settimeout(seconds)
        descriptors: list[int] = []
        while b"\n" not in self._buffer:
            part, found, _, _ = socket.recv_fds(self._connection, _CHUNK, self._max_descriptors)
            if not part:
                raise ConnectionError("the other end was closed")
            self._buffer += part
            descriptors += found
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line), descriptors

    def close(self) -> None:
        """Close this end."""
        self._connection.close()
