"""The data: found in the promised order, read whole, and every fault explained."""

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

from cifar_lab.data import dataset as data

ROWS = 20  # images in a batch of these tests


@pytest.fixture(autouse=True)
def small_world(monkeypatch, tmp_path):
    """An empty Keras home, batches of 20 images, and no network."""

    def refuse(*_, **__):
        raise AssertionError("a test touched the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(data, "ROWS", ROWS)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("CIFAR_COURSE_DATA", raising=False)


def make_batch(number=0, rows=ROWS):
    generator = np.random.default_rng(number)
    return {
        b"batch_label": b"a batch",
        b"labels": [(row + number) % 10 for row in range(rows)],
        b"data": generator.integers(0, 256, (rows, 3072), dtype=np.uint8),
    }


def write_batch(path, batch):
    path.write_bytes(pickle.dumps(batch, protocol=4))


def make_folder(folder):
    folder.mkdir(parents=True)
    for number, name in enumerate(data.BATCHES):
        write_batch(folder / name, make_batch(number))
    return folder


def make_tarball(path, folder):
    with tarfile.open(path, "w:gz") as tarball:
        tarball.add(folder, arcname=data.FOLDER)
    return path


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "here" / data.FOLDER)


@pytest.fixture
def tarball(tmp_path, folder):
    return make_tarball(tmp_path / "cifar-10-python.tar.gz", folder)


def fault_of(path):
    """The message of the DataError that loading `path` raises."""
    with pytest.raises(data.DataError) as problem:
        data.load(str(path))
    return str(problem.value)


# What is found


def test_nothing_named_and_nothing_there_is_the_synthetic_dataset():
    place = data.locate()
    assert (place.name, place.path) == ("synthetic dataset", None)
    assert data.load().name == "synthetic dataset"


def test_the_folder_where_keras_looks_comes_before_the_one_where_it_unpacks(tmp_path):
    datasets = tmp_path / "keras" / "datasets"
    unpacked = make_folder(datasets / f"{data.FOLDER}-target" / data.FOLDER)
    assert data.locate().path == unpacked
    first = make_folder(datasets / data.FOLDER)
    assert data.locate().path == first
    assert data.load().name == "CIFAR-10"


def test_the_environment_variable_decides_over_what_keras_has(tmp_path, monkeypatch, folder):
    make_folder(tmp_path / "keras" / "datasets" / data.FOLDER)
    monkeypatch.setenv("CIFAR_COURSE_DATA", "synthetic")
    assert data.locate().path is None
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    assert data.locate().path == folder


def test_the_argument_decides_over_the_environment_variable(monkeypatch, folder):
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    assert data.locate("synthetic").path is None
    assert data.load("synthetic").name == "synthetic dataset"


def test_a_folder_its_parent_and_the_tarball_hold_the_same_images(folder, tarball):
    sets = [data.load(str(path)) for path in (folder, folder.parent, tarball)]
    for other in sets[1:]:
        for part in ("x_train", "y_train", "x_test", "y_test"):
            np.testing.assert_array_equal(getattr(other, part), getattr(sets[0], part))


def test_locate_looks_at_names_only(folder):
    (folder / "data_batch_1").write_bytes(b"nonsense")
    assert data.locate(str(folder)).path == folder


def test_importing_the_data_imports_neither_keras_nor_tensorflow():
    code = "import sys, cifar_lab.data; print({'keras', 'tensorflow'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    root = Path(data.__file__).parents[2]
    seen = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert seen.stdout.strip() == "set()"


# What is read


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
    """The batch as Python 2 and an old NumPy wrote the official files, opcode by opcode."""

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


# Faults of a batch

HTML = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"


class Hostile:
    """Pickles to a call of `os.mkdir`."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def changed(**entries):
    return make_batch() | {name.encode(): value for name, value in entries.items()}


def with_label(label):
    return changed(labels=[0] * (ROWS - 1) + [label])


BAD_BATCHES = {
    "empty": (b"", "half a file"),
    "truncated": (pickle.dumps(make_batch(), protocol=4)[:-5000], "half a file"),
    "web page": (HTML, "web page"),
    "text": (b"hello", "half a file, or no official batch"),
    "another pickle": (["a", "list"], "no official batch"),
    "CIFAR-100": ({b"fine_labels": [1], b"data": make_batch()[b"data"]}, "no official batch"),
    "too few rows": (make_batch(rows=ROWS - 1), f"({ROWS - 1}, 3072) where u1 ({ROWS}, 3072)"),
    "too many rows": (make_batch(rows=ROWS + 1), f"({ROWS + 1}, 3072) where u1 ({ROWS}, 3072)"),
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
def test_a_bad_batch_is_named_with_what_is_wrong_and_what_to_do(folder, name, content, wrong):
    if not isinstance(content, bytes):
        content = pickle.dumps(content, protocol=4)
    (folder / name).write_bytes(content)
    message = fault_of(folder)
    assert message.startswith(str(folder / name))
    assert wrong in message
    assert "cifar-course data --download" in message and "synthetic" in message


@pytest.mark.parametrize("name", data.BATCHES)
def test_a_missing_batch_is_named(folder, name):
    (folder / name).unlink()
    assert fault_of(folder).startswith(f"{folder}: {name} missing")


def test_a_folder_in_place_of_a_batch_is_a_fault(folder):
    (folder / "data_batch_2").unlink()
    (folder / "data_batch_2").mkdir()
    assert "not readable" in fault_of(folder)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_hostile_batch_is_refused_and_never_run(folder, tmp_path, protocol):
    batch = changed(extra=Hostile(tmp_path / "broken in"))
    (folder / "data_batch_1").write_bytes(pickle.dumps(batch, protocol=protocol))
    assert "which no official batch does" in fault_of(folder)
    assert not (tmp_path / "broken in").exists()


# Faults of a tarball


def test_a_web_page_saved_as_a_tarball_is_recognised(tmp_path):
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(HTML)
    message = fault_of(path)
    assert message.startswith(str(path)) and "web page" in message


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_half_a_tarball_is_a_fault(tarball, kept):
    content = tarball.read_bytes()
    tarball.write_bytes(content[: int(len(content) * kept) if kept < 1 else kept])
    assert fault_of(tarball).startswith(str(tarball))


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_tarball_is_a_fault_even_where_it_still_unpacks(tarball, place):
    content = bytearray(tarball.read_bytes())
    content[int(len(content) * place)] ^= 255
    tarball.write_bytes(content)
    assert fault_of(tarball).startswith(str(tarball))


def test_a_tarball_that_stops_unpacking_half_way_is_a_fault(tarball):
    whole = gzip.decompress(tarball.read_bytes())
    no_deflate = gzip.compress(b"")[:10] + b"\xff" * 50  # a gzip header, then no valid block
    tarball.write_bytes(gzip.compress(whole[: len(whole) // 2]) + no_deflate)
    assert fault_of(tarball).startswith(f"{tarball}: not readable, or not whole")


def test_a_tarball_without_the_batches_is_a_fault(tmp_path):
    (tmp_path / "other").mkdir()
    path = make_tarball(tmp_path / "other.tar.gz", tmp_path / "other")
    assert fault_of(path).startswith(f"{path}: data_batch_1, ")


def test_a_bad_batch_in_a_tarball_is_named(tmp_path, folder):
    (folder / "data_batch_4").write_bytes(HTML)
    path = make_tarball(tmp_path / "bad.tar.gz", folder)
    assert fault_of(path).startswith(
        f"{path}: {data.FOLDER}/data_batch_4: this is a saved web page"
    )


@pytest.mark.parametrize("name", ["../outside", "/outside", f"{data.FOLDER}/../../outside"])
def test_a_tarball_that_points_outside_is_refused_and_nothing_is_written(tmp_path, folder, name):
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tarball:
        member = tarfile.TarInfo(name)
        member.size = 4
        tarball.addfile(member, io.BytesIO(b"evil"))
        tarball.add(folder, arcname=data.FOLDER)
    before = sorted(tmp_path.rglob("*"))
    message = fault_of(path)
    assert message.startswith(f"{path}: {name} points outside")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_tarball_without_its_compression_is_read(tmp_path, folder):
    path = tmp_path / "cifar-10-python.tar"
    with tarfile.open(path, "w") as tarball:
        tarball.add(folder, arcname=data.FOLDER)
    assert len(data.load(str(path)).y_test) == ROWS


def test_a_link_in_a_tarball_does_not_count_as_a_batch(tmp_path, folder):
    path = tmp_path / "link.tar"
    (folder / "test_batch").unlink()
    with tarfile.open(path, "w") as tarball:
        tarball.add(folder, arcname=data.FOLDER)
        member = tarfile.TarInfo(f"{data.FOLDER}/test_batch")
        member.type, member.linkname = tarfile.SYMTYPE, "data_batch_1"
        tarball.addfile(member)
    assert fault_of(path).startswith(f"{path}: test_batch missing")


def test_a_member_of_an_absurd_size_is_not_read(monkeypatch, tarball):
    monkeypatch.setattr(data, "LARGEST", 1000)
    assert "too large" in fault_of(tarball)


# Faults of the place


def test_a_path_that_does_not_exist_is_named(tmp_path):
    message = fault_of(tmp_path / "nowhere")
    assert message.startswith(str(tmp_path / "nowhere")) and "no such file or folder" in message


def test_a_wrong_folder_is_named(tmp_path):
    message = fault_of(tmp_path)
    assert message.startswith(str(tmp_path)) and "official Python batches" in message


def test_what_is_named_is_never_replaced_by_something_else(tmp_path, monkeypatch):
    make_folder(tmp_path / "keras" / "datasets" / data.FOLDER)  # a sound set that was not asked for
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(tmp_path / "nowhere"))
    for function in (data.locate, data.load):
        with pytest.raises(data.DataError):
            function()


@pytest.mark.parametrize("place", [data.FOLDER, f"{data.FOLDER}-target/{data.FOLDER}"])
def test_a_half_unpacked_download_is_an_error_not_the_synthetic_dataset(tmp_path, place):
    folder = make_folder(tmp_path / "keras" / "datasets" / place)
    (folder / "data_batch_5").unlink()
    with pytest.raises(data.DataError, match="data_batch_5 missing"):
        data.load()


def test_an_unfinished_download_means_the_synthetic_dataset_and_is_announced(tmp_path):
    archive = tmp_path / "keras" / "datasets" / f"{data.FOLDER}-target_archive"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"half")
    assert data.load().name == "synthetic dataset"
    assert "only an unfinished download of CIFAR-10" in data.describe()


# describe


def test_describe_says_what_is_there_where_and_why(monkeypatch, folder):
    text = data.describe()
    assert "synthetic dataset: 4,000 training and 1,000 test images" in text
    assert "CIFAR_COURSE_DATA is not set" in text and "cifar-course data --download" in text
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    text = data.describe()
    assert "CIFAR-10: 100 training and 20 test images" in text and str(folder) in text
    (folder / "test_batch").write_bytes(HTML)
    assert "cannot be used" in data.describe() and "web page" in data.describe()


def test_describe_draws_and_reads_no_images(monkeypatch, folder, tmp_path):
    """The board shows these lines each time."""

    def refuse(*_, **__):
        raise AssertionError("images were drawn or read")

    monkeypatch.setattr(data.synthetic, "draw", refuse)
    monkeypatch.setattr(data, "_parse", refuse)
    assert "4,000 training and 1,000 test images, drawn from seed 0" in data.describe()
    tarball = make_tarball(tmp_path / "cifar.tar.gz", folder)
    for path in (folder, tarball):
        monkeypatch.setenv("CIFAR_COURSE_DATA", str(path))
        assert f"CIFAR-10: 100 training and 20 test images, {path}" in data.describe()


def test_describe_counts_what_load_gives(monkeypatch, folder):
    for path in ("synthetic", str(folder)):
        monkeypatch.setenv("CIFAR_COURSE_DATA", path)
        loaded = data.load()
        counts = f"{len(loaded.y_train):,} training and {len(loaded.y_test):,} test images"
        assert f"{loaded.name}: {counts}, {loaded.source}" in data.describe()


def test_describe_names_faults_that_files_show(monkeypatch, folder):
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    (folder / "test_batch").write_bytes(b"half")
    assert "cannot be used" in data.describe() and "half a file" in data.describe()
    (folder / "test_batch").unlink()
    assert "test_batch missing" in data.describe()


def test_describe_finds_every_fault_if_it_reads(monkeypatch, folder):
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    write_batch(folder / "data_batch_2", {**make_batch(), b"labels": [10] * ROWS})
    assert "cannot be used" not in data.describe()
    assert "row 0 has the label 10" in data.describe(read=True)


# download


def keras_that(action):
    """A stand-in for Keras whose `cifar10.load_data` does `action`."""
    cifar10 = types.SimpleNamespace(load_data=action)
    return types.SimpleNamespace(datasets=types.SimpleNamespace(cifar10=cifar10))


@pytest.fixture
def target(tmp_path):
    return tmp_path / "keras" / "datasets" / f"{data.FOLDER}-target" / data.FOLDER


def test_a_download_lands_where_locate_finds_it(monkeypatch, target):
    silence = []

    def load_data():
        silence.append(socket.getdefaulttimeout())
        make_folder(target)

    monkeypatch.setitem(sys.modules, "keras", keras_that(load_data))
    assert data.download() == target == data.locate().path
    assert silence == [data.PATIENCE] and socket.getdefaulttimeout() is None


def test_what_is_there_is_not_downloaded_again(monkeypatch, target):
    make_folder(target)
    monkeypatch.setitem(sys.modules, "keras", None)  # importing it would raise
    assert data.download() == target


def test_a_half_unpacked_download_is_fetched_again(monkeypatch, target):
    make_folder(target)
    (target / "test_batch").write_bytes(b"half")

    def load_data():
        write_batch(target / "test_batch", make_batch())

    monkeypatch.setitem(sys.modules, "keras", keras_that(load_data))
    assert data.download() == target


def test_a_faulty_folder_that_would_hide_the_download_is_reported_first(monkeypatch, tmp_path):
    folder = make_folder(tmp_path / "keras" / "datasets" / data.FOLDER)
    (folder / "test_batch").unlink()
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(data.DataError, match="Delete it and run"):
        data.download()


def test_a_download_that_left_nothing_usable_is_a_fault(monkeypatch, target):
    monkeypatch.setitem(sys.modules, "keras", keras_that(lambda: None))
    with pytest.raises(data.DataError, match="not readable"):
        data.download()


def refuse_writing(monkeypatch, tmp_path):
    (tmp_path / "keras").write_text("a file where the folder should be", encoding="utf-8")


def read_only(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(data.tempfile, "TemporaryFile", refuse)


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
from cifar_lab.data import dataset as data
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

server = socket.create_server(("127.0.0.1", 0))  # accepts, and never says a word
address = server.getsockname()
socket.getaddrinfo = lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]
data.PATIENCE = 0.5
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


def test_keras_own_download_fails_politely_without_a_network():
    """No network, a server that stays silent, and a log-in page in place of the data."""
    root = Path(data.__file__).parents[2]
    # a proxy would be asked in place of the host
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


# sample


def test_a_sample_is_shuffled_and_even_over_the_classes():
    dataset = data.load("synthetic")
    sample = dataset.sample(205, 30)
    counts = np.bincount(sample.y_train, minlength=10)
    assert counts.sum() == 205 and counts.max() - counts.min() <= 1
    assert np.bincount(sample.y_test).tolist() == [3] * 10
    assert not np.array_equal(sample.x_train, dataset.x_train[:205])
    assert (sample.name, sample.class_names) == (dataset.name, dataset.class_names)


def test_a_sample_keeps_images_with_their_labels_and_repeats_none():
    dataset = data.load("synthetic")
    label_of = {x.tobytes(): y for x, y in zip(dataset.x_train, dataset.y_train, strict=True)}
    sample = dataset.sample(4000, 1000)
    assert {x.tobytes() for x in sample.x_train} == set(label_of)
    for x, y in zip(sample.x_train, sample.y_train, strict=True):
        assert label_of[x.tobytes()] == y


def test_a_sample_follows_its_seed():
    dataset = data.load("synthetic")
    once, again, other = (dataset.sample(50, 20, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once.x_train, again.x_train)
    np.testing.assert_array_equal(once.x_test, again.x_test)
    assert not np.array_equal(once.x_train, other.x_train)


@pytest.mark.parametrize("counts", [(4001, 10), (10, 1001), (-1, 10)])
def test_a_sample_of_more_than_there_is_is_refused(counts):
    with pytest.raises(ValueError, match="of the synthetic dataset has"):
        data.load("synthetic").sample(*counts)
