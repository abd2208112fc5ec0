"""CIFAR-10's batches are read complete, and every error in them is explained."""

import gzip
import io
import os
import pickle
import socket
import struct
import subprocess
import sys
import tarfile
import types
from pathlib import Path

import numpy as np
import pytest

from cifar_lab import data
from cifar_lab.data import cifar10

from .batches import ROWS, error_of, make_batch, make_folder, make_tarball, write_batch

pytestmark = pytest.mark.usefixtures("isolated")

# --- what is read --------------------------------------------------------------------------------


def test_rows_become_channels_last_images(folder):
    dataset = data.load(str(folder))
    assert dataset.x_train.shape == (5 * ROWS, 32, 32, 3) and dataset.x_train.dtype == np.uint8
    assert dataset.y_train.shape == (5 * ROWS,) and dataset.y_train.dtype == np.int64
    red, green, blue = make_batch(1)[b"data"][7].reshape(3, 32, 32)
    image = dataset.x_train[ROWS + 7]
    np.testing.assert_array_equal(image, np.stack([red, green, blue], axis=-1))
    np.testing.assert_array_equal(dataset.y_test, make_batch(5)[b"labels"])
    assert dataset.class_names[0] == "airplane" and dataset.source == str(folder)


def test_the_images_are_the_callers_to_change(folder):
    for dataset in (data.load(str(folder)), data.load("synthetic")):
        for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
            assert array.flags.writeable and array.flags.c_contiguous


def python_2_pickle(batch):
    """Pickle a batch as Python 2 and an old NumPy wrote the official files."""

    def string(content):
        return b"T" + struct.pack("<i", len(content)) + content

    def integer(number):
        return b"J" + struct.pack("<i", number)

    pixels = batch[b"data"]
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"
    dtype += b"(K\x03U\x01|NNN" + integer(-1) + integer(-1) + b"K\x00tb"
    shape = b"(" + b"".join(map(integer, pixels.shape)) + b"t"
    state = b"(K\x01" + shape + dtype + b"I00\n" + string(pixels.tobytes()) + b"tb"
    labels = b"](" + b"".join(map(integer, batch[b"labels"])) + b"e"
    entries = string(b"labels") + labels + string(b"data") + array + state
    return b"\x80\x02}(" + entries + b"u."


def test_batches_written_by_python_2_are_read(folder):
    batch = make_batch(9)
    content = python_2_pickle(batch)
    plain = pickle.loads(content, encoding="bytes")
    np.testing.assert_array_equal(plain[b"data"], batch[b"data"])  # the test's own pickle is right
    (folder / "test_batch").write_bytes(content)
    dataset = data.load(str(folder))
    expected = batch[b"data"].reshape(ROWS, 3, 32, 32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(dataset.x_test, expected)
    assert dataset.y_test.tolist() == batch[b"labels"]


@pytest.mark.skipif(
    "CIFAR_COURSE_REAL_DATA" not in os.environ,
    reason="needs the real CIFAR-10: set CIFAR_COURSE_REAL_DATA to a KERAS_HOME that holds it",
)
def test_real_cifar10_has_the_published_counts_and_statistics(monkeypatch):
    monkeypatch.undo()  # full-size batches
    monkeypatch.delenv("CIFAR_COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", os.environ["CIFAR_COURSE_REAL_DATA"])
    dataset = data.load()
    assert dataset.name == "CIFAR-10"
    assert np.bincount(dataset.y_train).tolist() == [5000] * 10
    assert np.bincount(dataset.y_test).tolist() == [1000] * 10
    mean = dataset.x_train.mean(axis=(0, 1, 2), dtype=np.float64) / 255
    std = dataset.x_train.std(axis=(0, 1, 2), dtype=np.float64) / 255
    np.testing.assert_allclose(mean, [0.4914, 0.4822, 0.4465], atol=5e-5)
    np.testing.assert_allclose(std, [0.2470, 0.2435, 0.2616], atol=5e-5)
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    assert dataset.class_names == tuple(names.split())
    folder = data.locate().path
    if (folder / "batches.meta").exists():
        meta = pickle.loads((folder / "batches.meta").read_bytes(), encoding="bytes")
        assert [name.decode() for name in meta[b"label_names"]] == names.split()


# --- errors in a batch ---------------------------------------------------------------------------

HTML = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"


class Hostile:
    """Object whose pickle calls `os.mkdir`."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def changed(**entries):
    return make_batch() | {name.encode(): value for name, value in entries.items()}


def with_label(label):
    return changed(labels=[0] * (ROWS - 1) + [label])


ROWS_WANTED = "u1 ({}, 3072); an official batch has u1 (20, 3072)"
BAD_BATCHES = {
    "empty": (b"", "a truncated file"),
    "truncated": (pickle.dumps(make_batch(), protocol=4)[:-5000], "a truncated file"),
    "web page": (HTML, "web page"),
    "text": (b"hello", "a truncated file, or no official batch"),
    "another pickle": (["a", "list"], "no official batch"),
    "CIFAR-100": ({b"fine_labels": [1], b"data": make_batch()[b"data"]}, "no official batch"),
    "too few rows": (
        make_batch(rows=ROWS - 1),
        ROWS_WANTED.format(ROWS - 1),
    ),
    "too many rows": (
        make_batch(rows=ROWS + 1),
        ROWS_WANTED.format(ROWS + 1),
    ),
    "floats": (changed(data=np.zeros((ROWS, 3072), np.float32)), "no official batch"),
    "signed": (changed(data=np.zeros((ROWS, 3072), np.int8)), "the pixels are i1"),
    "fewer labels": (changed(labels=[1, 2]), f"does not hold {ROWS} labels"),
    "no label list": (changed(labels=3), f"does not hold {ROWS} labels"),
    "label 10": (with_label(10), "row 19 has the label 10"),
    "label -1": (with_label(-1), "row 19 has the label -1"),
    "label text": (with_label("cat"), "row 19 has the label 'cat'"),
}


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
@pytest.mark.parametrize(("content", "wrong"), BAD_BATCHES.values(), ids=BAD_BATCHES)
def test_a_bad_batch_is_named_with_the_error_and_the_remedy(folder, name, content, wrong):
    if not isinstance(content, bytes):
        content = pickle.dumps(content, protocol=4)
    (folder / name).write_bytes(content)
    message = error_of(folder)
    assert message.startswith(str(folder / name))
    assert wrong in message
    assert "cifar-course data --download" in message and "synthetic" in message


@pytest.mark.parametrize("name", cifar10.BATCHES)
def test_a_missing_batch_is_named(folder, name):
    (folder / name).unlink()
    assert error_of(folder).startswith(f"{folder}: {name} missing")


def test_a_folder_in_place_of_a_batch_is_an_error(folder):
    (folder / "data_batch_2").unlink()
    (folder / "data_batch_2").mkdir()
    assert "not readable" in error_of(folder)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_hostile_batch_is_refused_and_never_run(folder, tmp_path, protocol):
    batch = changed(extra=Hostile(tmp_path / "broken in"))
    (folder / "data_batch_1").write_bytes(pickle.dumps(batch, protocol=protocol))
    assert "which no official batch does" in error_of(folder)
    assert not (tmp_path / "broken in").exists()


# --- errors in a tarball -------------------------------------------------------------------------


def test_a_web_page_saved_as_a_tarball_is_recognized(tmp_path):
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(HTML)
    message = error_of(path)
    assert message.startswith(str(path)) and "web page" in message


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_truncated_tarball_is_an_error(tarball, kept):
    content = tarball.read_bytes()
    tarball.write_bytes(content[: int(len(content) * kept) if kept < 1 else kept])
    assert error_of(tarball).startswith(str(tarball))


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_tarball_is_an_error_even_if_it_still_unpacks(tarball, place):
    content = bytearray(tarball.read_bytes())
    content[int(len(content) * place)] ^= 255
    tarball.write_bytes(content)
    assert error_of(tarball).startswith(str(tarball))


def test_a_tarball_that_stops_unpacking_half_way_is_an_error(tarball):
    whole = gzip.decompress(tarball.read_bytes())
    no_deflate = gzip.compress(b"")[:10] + b"\xff" * 50  # a gzip header, then no valid block
    tarball.write_bytes(gzip.compress(whole[: len(whole) // 2]) + no_deflate)
    assert error_of(tarball).startswith(f"{tarball}: not readable, or not complete")


def test_a_tarball_without_the_batches_is_an_error(tmp_path):
    (tmp_path / "other").mkdir()
    path = make_tarball(tmp_path / "other.tar.gz", tmp_path / "other")
    assert error_of(path).startswith(f"{path}: data_batch_1, ")


def test_a_bad_batch_in_a_tarball_is_named(tmp_path, folder):
    (folder / "data_batch_4").write_bytes(HTML)
    path = make_tarball(tmp_path / "bad.tar.gz", folder)
    assert error_of(path).startswith(
        f"{path}: {cifar10.FOLDER}/data_batch_4: this is a saved web page"
    )


@pytest.mark.parametrize("name", ["../outside", "/outside", f"{cifar10.FOLDER}/../../outside"])
def test_a_tarball_that_points_outside_is_refused_and_nothing_is_written(tmp_path, folder, name):
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tarball:
        member = tarfile.TarInfo(name)
        member.size = 4
        tarball.addfile(member, io.BytesIO(b"evil"))
        tarball.add(folder, arcname=cifar10.FOLDER)
    before = sorted(tmp_path.rglob("*"))
    message = error_of(path)
    assert message.startswith(f"{path}: {name} points outside")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_tarball_without_its_compression_is_read(tmp_path, folder):
    path = tmp_path / "cifar-10-python.tar"
    with tarfile.open(path, "w") as tarball:
        tarball.add(folder, arcname=cifar10.FOLDER)
    assert len(data.load(str(path)).y_test) == ROWS


def test_a_link_in_a_tarball_does_not_count_as_a_batch(tmp_path, folder):
    path = tmp_path / "link.tar"
    (folder / "test_batch").unlink()
    with tarfile.open(path, "w") as tarball:
        tarball.add(folder, arcname=cifar10.FOLDER)
        member = tarfile.TarInfo(f"{cifar10.FOLDER}/test_batch")
        member.type, member.linkname = tarfile.SYMTYPE, "data_batch_1"
        tarball.addfile(member)
    assert error_of(path).startswith(f"{path}: test_batch missing")


def test_a_member_of_an_absurd_size_is_not_read(monkeypatch, tarball):
    monkeypatch.setattr(cifar10, "LARGEST", 1000)
    assert "too large" in error_of(tarball)


# --- download ------------------------------------------------------------------------------------


def keras_that(action):
    """Return a stand-in for Keras whose `cifar10.load_data` is `action`."""
    cifar10 = types.SimpleNamespace(load_data=action)
    return types.SimpleNamespace(datasets=types.SimpleNamespace(cifar10=cifar10))


@pytest.fixture
def target(tmp_path):
    return tmp_path / "keras" / "datasets" / f"{cifar10.FOLDER}-target" / cifar10.FOLDER


def test_locate_finds_a_download(monkeypatch, target):
    timeouts = []

    def load_data():
        timeouts.append(socket.getdefaulttimeout())
        make_folder(target)

    monkeypatch.setitem(sys.modules, "keras", keras_that(load_data))
    assert data.download() == target == data.locate().path
    assert timeouts == [cifar10.TIMEOUT] and socket.getdefaulttimeout() is None


def test_existing_data_is_not_downloaded_again(monkeypatch, target):
    make_folder(target)
    monkeypatch.setitem(sys.modules, "keras", None)  # importing it would raise
    assert data.download() == target


def test_a_damaged_download_is_fetched_again(monkeypatch, target):
    make_folder(target)
    (target / "test_batch").write_bytes(b"half")

    def load_data():
        write_batch(target / "test_batch", make_batch())

    monkeypatch.setitem(sys.modules, "keras", keras_that(load_data))
    assert data.download() == target


def test_a_damaged_folder_that_would_hide_the_download_is_reported_first(monkeypatch, tmp_path):
    folder = make_folder(tmp_path / "keras" / "datasets" / cifar10.FOLDER)
    (folder / "test_batch").unlink()
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(data.DataError, match="Delete it and run"):
        data.download()


def test_a_download_that_left_nothing_usable_is_an_error(monkeypatch, target):
    monkeypatch.setitem(sys.modules, "keras", keras_that(lambda: None))
    with pytest.raises(data.DataError, match="not readable"):
        data.download()


def refuse_writing(monkeypatch, tmp_path):
    (tmp_path / "keras").write_text("a file where the folder should be", encoding="utf-8")


def read_only(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cifar10.tempfile, "TemporaryFile", refuse)


@pytest.mark.parametrize("obstacle", [refuse_writing, read_only])
def test_a_cache_that_cannot_be_written_is_named_before_the_download(
    monkeypatch, tmp_path, obstacle
):
    obstacle(monkeypatch, tmp_path)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(data.DataError) as problem:
        data.download()
    assert str(tmp_path / "keras" / "datasets") in str(problem.value)
    assert "cannot write" in str(problem.value) and "KERAS_HOME" in str(problem.value)


REAL_KERAS = """
import socket, threading, time, urllib.request
from cifar_lab import data
from cifar_lab.data import cifar10
from keras.src.utils import file_utils

def problem():
    try:
        data.download()
    except data.DataError as error:
        return str(error)

def no_network(*_, **__):
    raise socket.gaierror("no name server")

socket.getaddrinfo = no_network
print("no network:", problem())

server = socket.create_server(("127.0.0.1", 0))  # accepts, and never sends a byte
address = server.getsockname()
socket.getaddrinfo = lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]
cifar10.TIMEOUT = 0.5
start = time.monotonic()
print("silence:", problem())
print("gave up in time:", time.monotonic() - start < 10)

def captive(origin, path, progress):
    open(path, "wb").write(b"<html>log in</html>")

file_utils.urlretrieve = captive
print("page:", problem())
calls = []
file_utils.urlretrieve = lambda *arguments: (calls.append(1), captive(*arguments))
print("again:", problem(), "asked again:", len(calls))
"""


def test_keras_own_download_fails_with_advice():
    """Without a network, with a silent server, with a log-in page instead of the data."""
    root = Path(data.__file__).parents[2]
    # a proxy would be asked instead of the host
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    seen = subprocess.run(
        [sys.executable, "-c", REAL_KERAS],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=root,
        env=environment,
    )
    lines = dict(line.split(": ", 1) for line in seen.stdout.splitlines() if ": " in line)
    for case in ("no network", "silence", "page", "again"):
        assert "the download failed" in lines[case], seen.stdout + seen.stderr
        assert "fetch the tarball on another machine" in lines[case]
    assert "no name server" in lines["no network"] and "timed out" in lines["silence"]
    assert lines["gave up in time"] == "True"
    assert "corrupted" in lines["page"] and lines["again"].endswith("asked again: 1")
