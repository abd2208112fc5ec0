"""Damaged and forged frames are rejected, or decode to plain values, in memory near their size.

An ordinary run takes a tenth of them, `pytest -m proof` all.
"""

import json
import random
import struct
import tracemalloc

import numpy as np
import pytest

from cifar_lab.execution import protocol
from cifar_lab.execution.protocol import Handle, ProtocolError, decode, encode

FRAMES, PARTS = 100_000, 10
VALID = [
    encode(value)
    for value in (
        None,
        {"result": [1, -2.5, True, "naïve", None, {"a": []}], "arguments": []},
        {"x": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "model": Handle("model", 1)},
        {"result": [np.zeros((0, 3), np.int64), np.array(True)], "arguments": [np.ones(5, ">f8")]},
        {"error": {"types": ["ValueError"], "message": "no", "lines": [["cnn.py", 3, "x = 1"]]}},
    )
]
NUMBERS = (0, 1, 2, 7, 8, 15, 255, 2**16, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64)
TOKENS = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-0", "null", "true", "[]", "{}", '""', '"t0"', "7"),
    *('"\\ud800"', '"\\u0000"', '{"array": "t0"}', '{"array": "t1"}', '{"array": null}'),
    *('{"handle": ["model", 1]}', '{"handle": ["\\udfff", -1]}', '{"handle": [1, true]}'),
    *('{"dict": [["a", 1], ["a", 2]]}', '{"dict": [[[], 1]]}', '{"dict": [["a"]]}', '{"x": 1}'),
    *('{"array": "t0", "array": "t0"}', '{"array": "t0", "dict": []}', '{"dict": {"ab": 1}}'),
    *("9" * 5000, "1." + "0" * 5000, "[" * 40 + "]" * 40, "[" * 5000, '{"dict": [["a", ' * 20),
    *("-" * 50, "'", "\\", "\x00", "\ufeff"),
)
DTYPES = ("F16", "F32", "F64", "BF16", "F8_E4M3", "F8_E5M2", "I8", "I64", "U8", "U64", "BOOL", "x")


def split(frame: bytes) -> tuple[str, str, bytes]:
    """Return the structure, the arrays' header and their bytes."""
    text, _ = struct.unpack_from("<QQ", frame)
    blob = frame[16 + text :]
    (header,) = struct.unpack_from("<Q", blob)
    return frame[16 : 16 + text].decode(), blob[8 : 8 + header].decode(), blob[8 + header :]


def join(text: str, header: str, data: bytes) -> bytes:
    """Return a frame with right lengths and any content."""
    structure, names = (part.encode("utf-8", "replace") for part in (text, header))
    blob = struct.pack("<Q", len(names)) + names + data
    return struct.pack("<QQ", len(structure), len(blob)) + structure + blob


# --- ways to damage a frame -----------------------------------------------------------------------


def flipped(frame: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(frame)
    for _ in range(chance.randint(1, 4)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def cut(frame: bytes, chance: random.Random) -> bytes:
    start = chance.choice((0, 0, chance.randrange(len(frame))))
    return frame[start : chance.randint(start, len(frame))]


def stretched(frame: bytes, chance: random.Random) -> bytes:
    place = chance.randint(0, len(frame))
    return frame[:place] + chance.randbytes(chance.randint(1, 40)) + frame[place:]


def with_wrong_lengths(frame: bytes, chance: random.Random) -> bytes:
    text, _ = struct.unpack_from("<QQ", frame)
    place = chance.choice((0, 8, 16 + text))
    length = max(0, chance.choice(NUMBERS) + chance.randint(-1, 1)) % 2**64
    return frame[:place] + struct.pack("<Q", length) + frame[place + 8 :]


def with_other_structure(frame: bytes, chance: random.Random) -> bytes:
    text, header, data = split(frame)
    start = chance.randint(0, len(text))
    end = chance.choice((start, chance.randint(start, len(text))))
    if chance.random() < 0.5:  # a token for a token, so that it stays JSON more often
        tree = json.dumps(json.loads(text), separators=("\x01,\x01", "\x01:\x01")).split("\x01")
        tree[chance.randrange(len(tree))] = chance.choice(TOKENS)
        return join("".join(tree), header, data)
    return join(text[:start] + chance.choice(TOKENS) + text[end:], header, data)


def with_other_arrays(frame: bytes, chance: random.Random) -> bytes:
    text, header, data = split(frame)
    arrays = json.loads(header)
    entry = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    entry = arrays[chance.choice(sorted(arrays))] if arrays else entry
    number = chance.choice(NUMBERS)
    part = chance.choice(("dtype", "shape", "rank", "offsets", "name", "twice", "data", "type"))
    if part == "dtype":
        entry["dtype"] = chance.choice(DTYPES)
    elif part == "shape":
        entry["shape"] = [chance.choice((*NUMBERS, -1)) for _ in range(chance.randint(0, 4))]
    elif part == "rank":
        entry["shape"] = [1] * chance.choice((16, 17, 32, 33, 64, 65, 1000)) + [*entry["shape"]]
    elif part == "offsets":
        entry["data_offsets"] = [chance.choice((0, number)), number]
    elif part == "name":
        arrays[chance.choice(("t0", "t9", "", "__metadata__", "\ud800"))] = dict(entry)
    elif part == "data":
        data = chance.choice((data * 2, data[1:], b"", bytes(len(data))))
    elif part == "type":
        entry[chance.choice(sorted(entry))] = chance.choice((None, [], {}, "a", 1.5, True, [[]]))
    changed = json.dumps(arrays)
    if part == "twice":
        changed = changed[:-1] + ", " + changed[1:] if arrays else changed
    return join(text, changed, data)


DAMAGED_BYTES = [flipped, cut, stretched, with_wrong_lengths]
DAMAGED_CONTENT = 2 * [with_other_structure, with_other_arrays]

# --- what a frame may decode to -------------------------------------------------------------------


def is_plain(value: object, depth: int = 0) -> bool:
    """Return True if the protocol allows the value."""
    assert depth <= protocol.MAX_DEPTH
    if isinstance(value, list):
        return all(is_plain(part, depth + 1) for part in value)
    if isinstance(value, dict):
        return all(is_plain(part, depth + 1) for pair in value.items() for part in pair)
    if isinstance(value, np.ndarray):
        known = value.dtype.name in protocol._DTYPES and value.ndim <= protocol.MAX_RANK
        return known and value.flags.writeable and (value.dtype != bool or _is_zero_or_one(value))
    if isinstance(value, Handle):
        return type(value.number) is int and is_plain(value.kind)
    if type(value) is str:
        return value.encode() is not None
    return value is None or type(value) in (bool, int, float)


def _is_zero_or_one(array: np.ndarray) -> bool:
    return bool((array.view(np.uint8) <= 1).all())


@pytest.mark.parametrize(
    "part",
    [0, *(pytest.param(part, marks=pytest.mark.proof) for part in range(1, PARTS))],
)
def test_damaged_frames_are_rejected_or_harmless(part):
    chance, decoded = random.Random(part), 0
    tracemalloc.start()
    try:
        for _ in range(FRAMES // PARTS):
            frame = chance.choice(DAMAGED_CONTENT + DAMAGED_BYTES)(chance.choice(VALID), chance)
            if len(frame) > 16 and chance.random() < 0.2:
                frame = chance.choice(DAMAGED_BYTES)(frame, chance)
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            try:
                value = decode(frame)
            except ProtocolError:
                value = None
            else:
                decoded += 1
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < 100 * len(frame) + 2**16, frame
            assert is_plain(value), frame
    finally:
        tracemalloc.stop()
    assert 0.02 < decoded / (FRAMES // PARTS) < 0.9  # some are rejected, some decode


def test_a_boolean_of_any_byte_is_zero_or_one():
    text, header, _ = split(encode(np.array([True, False])))
    found = decode(join(text, header, b"\x02\x00"))
    assert found.view(np.uint8).tolist() == [1, 0]  # & and | work on bits


def test_much_structure_is_refused_before_it_is_read():
    with pytest.raises(ProtocolError, match="bytes of structure"):
        decode(join("[" + "[]," * (protocol.MAX_TEXT_BYTES // 3) + "[]]", "{}", b""))
    with pytest.raises(ProtocolError, match="numbers and texts"):
        encode("x" * protocol.MAX_TEXT_BYTES)


def test_a_lone_surrogate_is_replaced():
    assert decode(encode({"\ud800": "\udfff"})) == {"?": "?"}
