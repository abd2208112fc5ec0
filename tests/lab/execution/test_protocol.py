"""Values of a test and of learner code are encoded faithfully; all others are refused."""

import json
import math
import struct

import numpy as np
import pytest

from cifar_lab.execution import protocol
from cifar_lab.execution.protocol import Handle, ProtocolError, decode, encode

CUBE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

AWKWARD = {
    "transposed": CUBE.T,
    "reversed": CUBE[::-1, :, ::-1],
    "every second": CUBE[:, ::2],
    "broadcast": np.broadcast_to(np.float32(3), (4, 5)),
    "Fortran order": np.asfortranarray(CUBE[0]),
    "no axes": np.array(7.5),
    "empty": np.zeros((0, 3), np.int64),
    "big-endian": np.arange(5, dtype=">f4"),
    "read-only": np.frombuffer(b"\x01\x02\x03", np.uint8),
    "NaN and infinity": np.array([np.nan, np.inf, -np.inf]),
    "one element": np.array([1], np.int8),
    "a subclass": np.ma.masked_array([1.0, 2.0]),
}


@pytest.mark.parametrize("array", AWKWARD.values(), ids=AWKWARD)
def test_awkward_arrays_are_encoded_faithfully(array):
    found = decode(encode(array))
    assert found.shape == array.shape
    assert found.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, np.asarray(array))


@pytest.mark.parametrize("dtype", sorted(protocol._DTYPES))
def test_every_allowed_dtype_is_encoded_faithfully(dtype):
    array = np.array([[0, 1], [1, 0]], dtype)
    found = decode(encode(array))
    assert found.dtype == array.dtype and np.array_equal(found, array)


def test_decoded_arrays_are_new_and_writable():
    array = np.zeros(3)
    found = decode(encode(array))
    found[0] = 1
    assert array[0] == 0


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -(2**70), 1.5, "", "naïve ✓", [], {}, {"a": [1, {"b": None}]}]
)
def test_plain_values_are_encoded_faithfully(value):
    found = decode(encode(value))
    assert found == value and type(found) is type(value)


def test_numbers_that_are_not_finite_are_encoded_faithfully():
    assert math.isnan(decode(encode(math.nan)))
    assert decode(encode([math.inf, -math.inf])) == [math.inf, -math.inf]


def test_tuples_arrive_as_lists_and_numpy_scalars_as_numbers():
    found = decode(encode((np.float32(0.5), np.int64(3), np.bool_(True))))
    assert found == [0.5, 3, True]
    assert [type(part) for part in found] == [float, int, bool]


def test_handles_arrive_as_handles():
    assert decode(encode({"model": Handle("model", 3)})) == {"model": Handle("model", 3)}


def test_a_dict_is_never_decoded_as_something_else():
    tagged = {"array": "t0", "handle": ["model", 0]}
    assert decode(encode(tagged)) == tagged
    assert decode(encode({"array": "t0"})) == {"array": "t0"}


class EqualToAll(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


def test_instances_of_subclasses_arrive_as_plain_values():
    """A number that equals everything arrives as a plain number."""
    found = decode(encode(EqualToAll(2.0)))
    assert type(found) is float and found != 3.0


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        object(),
        b"bytes",
        {1, 2},
        (part for part in "ab"),
        np.array(["text"]),
        np.array([object()]),
        np.array([1 + 2j]),
        np.longdouble([1.0]),
        {1: "a key that is not a string"},
        nested(protocol.MAX_DEPTH + 1),
        np.zeros((1,) * (protocol.MAX_RANK + 1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused(value):
    with pytest.raises(ProtocolError):
        encode(value)


def frame(text: bytes, blob: bytes | None = None) -> bytes:
    blob = encode(None)[16 + len(b"null") :] if blob is None else blob
    return struct.pack("<QQ", len(text), len(blob)) + text + blob


def test_an_array_is_named_once_or_a_short_text_would_fill_the_memory():
    blob = encode([np.zeros(2)])[16 + len(b'[{"array": "t0"}]') :]
    assert decode(frame(b'[{"array": "t0"}]', blob))[0].tolist() == [0, 0]
    with pytest.raises(ProtocolError):
        decode(frame(b'[{"array": "t0"}, {"array": "t0"}]', blob))


def test_the_frames_below_have_one_defect_each():
    assert decode(frame(b'{"dict": [["a", 1]]}')) == {"a": 1}


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"short",
        frame(b"null")[:-1],
        frame(b"null") + b"x",
        frame(b"not json"),
        frame(b"\xff\xfe"),
        frame(b'{"array": "t9"}'),
        frame(b'{"array": ["t0"]}'),
        frame(b'{"handle": ["model", "0"]}'),
        frame(b'{"handle": ["model"]}'),
        frame(b'{"unknown": 1}'),
        frame(b'{"array": "t0", "more": 1}'),
        frame(b'{"dict": 3}'),
        frame(b"null", b"\x00" * 8),
        frame(json.dumps(nested(protocol.MAX_DEPTH + 2)).encode()),
        frame(b"[" * 100_000),
        struct.pack("<QQ", 2**63, 2**63),
    ],
    ids=repr,
)
def test_bytes_that_are_not_a_frame_are_rejected(bad):
    with pytest.raises(ProtocolError):
        decode(bad)
