"""Where the images come from: CIFAR-10 if it is there, otherwise the synthetic dataset.

A fault in what is there is always an error that says what to do. Only `download` uses the network.
"""

import contextlib
import io
import os
import pickle
import socket
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Int64, UInt8

from cifar_lab.course.errors import CourseError
from cifar_lab.data import synthetic

CIFAR10 = "CIFAR-10"
SYNTHETIC = "synthetic dataset"
SYNTHETIC_SOURCE = "drawn from seed 0"
CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
FOLDER = "cifar-10-batches-py"  # as the official tarball unpacks
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
ROWS = 10_000  # images in a batch
SYNTHETIC_SIZES = 4000, 1000  # training and test images
LARGEST = 64 * 2**20  # bytes; a batch has 31 million

GET_IT = "run `cifar-course data --download`"
PATIENCE = 30  # seconds that a download may stay silent
OR_ELSE = (
    f"Delete it and {GET_IT}, or set CIFAR_COURSE_DATA to a sound copy, or to `synthetic` "
    "to work on the synthetic dataset."
)


class DataError(CourseError):
    """The data cannot be used; the message names the file, what is wrong and what to do."""


@dataclass(frozen=True)
class Place:
    """What `locate` found: the name of the data, and its folder or tarball if it is on disk."""

    name: str
    path: Path | None
    reason: str  # why this one, for `describe`


@dataclass(frozen=True)
class Dataset:
    """Images with their labels, in a training and a test part, and the name to show with them."""

    name: str  # belongs beside every accuracy
    class_names: tuple[str, ...]
    x_train: UInt8[np.ndarray, "train 32 32 3"]
    y_train: Int64[np.ndarray, " train"]
    x_test: UInt8[np.ndarray, "test 32 32 3"]
    y_test: Int64[np.ndarray, " test"]
    source: str

    def sample(self, train: int, test: int, seed: int = 0) -> "Dataset":
        """A smaller part, shuffled, its classes as even as they can be; same seed, same part.

        The first 100 of 1,000 training images are the 100 that `sample(100, …)` gives.
        """
        x_train, y_train = self._some(self.x_train, self.y_train, train, (seed, 0))
        x_test, y_test = self._some(self.x_test, self.y_test, test, (seed, 1))
        return replace(self, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)

    def _some(self, images, labels, count: int, seed: tuple[int, int]):
        if not 0 <= count <= len(labels):
            there = f"this part of the {self.name} has {len(labels):,}"
            raise ValueError(f"{count:,} images asked for; {there}")
        shuffled = np.argsort(np.random.PCG64(seed).random_raw(len(labels)), kind="stable")
        turn = np.empty(len(labels), np.int64)
        for label in np.unique(labels):
            same = labels[shuffled] == label
            turn[same] = np.arange(np.count_nonzero(same))
        # one of every class before the second of any
        chosen = shuffled[np.argsort(turn, kind="stable")][:count]
        return images[chosen], labels[chosen]


def locate(data: str | None = None) -> Place:
    """Which data to use; this only looks at names, and reads nothing.

    Args:
        data: `synthetic`, a folder of the official Python batches, its parent, or the official tarball.
            By default the environment variable CIFAR_COURSE_DATA; if that is not set either, what
            Keras has downloaded, and failing that the synthetic dataset.
    """
    named = os.environ.get("CIFAR_COURSE_DATA", "") if data is None else data
    reason = f"CIFAR_COURSE_DATA is {named!r}" if data is None else f"{named!r} was asked for"
    if named == "synthetic":
        return Place(SYNTHETIC, None, reason)
    if named:
        return Place(CIFAR10, _named_path(named), reason)
    reason = "CIFAR_COURSE_DATA is not set, and "
    places = _places_of_keras()
    for path in places:
        if _is_there(path):
            return Place(CIFAR10, path, f"{reason}this is where Keras keeps it")
    cache = places[0].parent
    half = _is_there(cache / f"{FOLDER}-target_archive")
    found = "only an unfinished download of" if half else "no"
    return Place(SYNTHETIC, None, f"{reason}{cache} has {found} CIFAR-10")


def load(data: str | None = None) -> Dataset:
    """Read and check what `locate` finds: all of it, or a DataError."""
    place = locate(data)
    if place.path is None:
        (x_train, y_train), (x_test, y_test) = synthetic.draw(*SYNTHETIC_SIZES)
        names = synthetic.CLASS_NAMES
        return Dataset(place.name, names, x_train, y_train, x_test, y_test, SYNTHETIC_SOURCE)
    return _read(place.path)


def describe(read: bool = False) -> str:
    """Return a few lines for people: the data, the reason for it, and how to get CIFAR-10.

    Args:
        read: Read and check all of the data. Otherwise a fault that shows only then is not found.
    """
    try:
        place = locate()
        if read:
            load()
        elif place.path is not None:
            _check_files(place.path)
    except DataError as problem:
        return f"The data cannot be used.\n{problem}"
    sizes = SYNTHETIC_SIZES if place.path is None else (ROWS * len(BATCHES[:-1]), ROWS)
    lines = [
        f"{place.name}: {sizes[0]:,} training and {sizes[1]:,} test images, "
        f"{place.path or SYNTHETIC_SOURCE}",
        f"Why this one: {place.reason}.",
    ]
    if place.path is None:
        lines.append(f"For CIFAR-10: {GET_IT} (about 170 MB), or set CIFAR_COURSE_DATA to a folder")
        lines.append("of the official Python batches or to the official tarball.")
    return "\n".join(lines)


def download() -> Path:
    """Fetch CIFAR-10 through Keras, unless it is there; return the folder of its batches.

    Keras knows the address and the hash, shows progress, and fetches again what a killed download
    left behind.
    """
    ours, target = _places_of_keras()
    for folder in (ours, target):
        if _is_there(folder):
            try:
                _read(folder)
                return folder
            except DataError:
                # the first place is searched first: a new download behind it would not be found
                if folder == ours:
                    raise
    _check_writable(ours.parent)
    import keras  # not at the top: it takes seconds, and most commands need no Keras

    try:
        with patience():
            keras.datasets.cifar10.load_data()
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise DataError(
            f"{target}: the download failed ({error}). Check the network and run the command "
            "again, or fetch the tarball on another machine and set CIFAR_COURSE_DATA to it."
        ) from error
    _read(target)
    return target


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """A download that falls silent fails after `PATIENCE` seconds, instead of waiting for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _path(text: str) -> Path:
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own fails where there is no home


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - Path's own fails where one may not look


def _places_of_keras() -> tuple[Path, Path]:
    home = _path(os.environ.get("KERAS_HOME") or "~/.keras")
    # the second is where Keras' own download unpacks
    return home / "datasets" / FOLDER, home / "datasets" / f"{FOLDER}-target" / FOLDER


def _check_writable(folder: Path) -> None:
    """Keras would quietly use a temporary folder instead, where nothing finds the download."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(
            f"{folder}: cannot write there ({error.strerror}). "
            "Set KERAS_HOME to a folder that you can write to."
        ) from error


def _named_path(named: str) -> Path:
    path = _path(named)
    if not _is_there(path):
        raise DataError(
            f"{path}: there is no such file or folder. Name (in CIFAR_COURSE_DATA, if that is set) "
            "a folder of the official Python batches, the official tarball, or `synthetic`."
        )
    if path.is_file() or any(_is_there(path / batch) for batch in BATCHES):
        return path
    if _is_there(path / FOLDER):
        return path / FOLDER
    raise DataError(
        f"{path}: neither this folder nor a {FOLDER} in it holds {BATCHES[0]}. Set "
        f"CIFAR_COURSE_DATA to the folder of the official Python batches, or {GET_IT}."
    )


def _check_files(path: Path) -> None:
    """Raise DataError for a fault that names, sizes and first bytes of files show."""
    files = [path / name for name in BATCHES] if path.is_dir() else [path]
    _refuse_missing([file.name for file in files if not file.exists()], path)
    for file in files:
        try:
            with file.open("rb") as opened:
                start = opened.read(100)
            size = file.stat().st_size
        except OSError as error:
            raise DataError(f"{file}: not readable ({error}). {OR_ELSE}") from error
        _refuse_web_page(start, file)
        if path.is_dir() and size < ROWS * 3072:
            raise DataError(f"{file}: half a file. {OR_ELSE}")


def _refuse_missing(names: list[str], path: Path) -> None:
    if names:
        raise DataError(f"{path}: {', '.join(names)} missing. {OR_ELSE}")


def _read(path: Path) -> Dataset:
    """All six batches of a folder or tarball."""
    batches = {}
    for name, where, content in _members_of(path):
        batches[name] = _parse(content, where)
    _refuse_missing([name for name in BATCHES if name not in batches], path)
    training = [batches[name] for name in BATCHES[:-1]]
    x_train, y_train = (np.concatenate(part) for part in zip(*training, strict=True))
    return Dataset(CIFAR10, CLASS_NAMES, x_train, y_train, *batches[BATCHES[-1]], str(path))


def _members_of(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Name, full name and content of each batch that is there, one at a time."""
    try:
        if path.is_dir():
            for name in BATCHES:
                if (path / name).exists():
                    yield name, str(path / name), (path / name).read_bytes()
            return
        with path.open("rb") as file:
            start = file.read(100)
        _refuse_web_page(start, path)
        is_gzip = start.startswith(b"\x1f\x8b")  # a browser may have taken the compression off
        with tarfile.open(path, "r:gz" if is_gzip else "r:") as tarball:
            for member in tarball:
                parts = PurePosixPath(member.name).parts
                if ".." in parts or PurePosixPath(member.name).is_absolute():
                    raise DataError(f"{path}: {member.name} points outside the tarball. {OR_ELSE}")
                if parts[:-1] == (FOLDER,) and parts[-1] in BATCHES and member.isfile():
                    if member.size > LARGEST:
                        raise DataError(f"{path}: {member.name} is too large. {OR_ELSE}")
                    content = tarball.extractfile(member).read()  # nothing touches the disk
                    yield parts[-1], f"{path}: {member.name}", content
            while tarball.fileobj.read(LARGEST):
                pass  # gzip compares its checksum at the very end
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path}: not readable, or not whole ({error}). {OR_ELSE}") from error


def _refuse_web_page(content: bytes, where: str | Path) -> None:
    if content.lstrip()[:1] == b"<":
        raise DataError(f"{where}: this is a saved web page, not data. {OR_ELSE}")


class _Inert:
    """Stands for the NumPy objects in a batch: it keeps their parts and computes nothing."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        self.state = state


class _BatchReader(pickle.Unpickler):
    """Reads official batches; a pickle can name any function, and this one calls none of them."""

    def find_class(self, module: str, name: str):
        # the array's rebuilder has moved between NumPy versions
        if module.split(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype"):
            return _Inert
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no official batch does")


def _parse(content: bytes, where: str):
    """A batch's images, uint8 (10000, 32, 32, 3), and its labels, int64 (10000,)."""
    _refuse_web_page(content, where)
    try:
        batch = _BatchReader(io.BytesIO(content), encoding="bytes").load()
        _, shape, dtype, by_columns, pixels = batch[b"data"].state
        pixel_type, labels = dtype.arguments[0], batch[b"labels"]
        rows = np.frombuffer(pixels, np.uint8).reshape(shape, order="F" if by_columns else "C")
    except Exception as error:  # half a pickle can raise anything
        wrong = f"half a file, or no official batch ({error})"
        raise DataError(f"{where}: {wrong}. {OR_ELSE}") from error
    if pixel_type not in ("u1", b"u1") or rows.shape != (ROWS, 3072):
        wrong = f"the pixels are {pixel_type} {shape} where u1 {(ROWS, 3072)} belong"
        raise DataError(f"{where}: {wrong}. {OR_ELSE}")
    if type(labels) is not list or len(labels) != ROWS:
        raise DataError(f"{where}: it does not hold {ROWS:,} labels. {OR_ELSE}")
    for row, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < len(CLASS_NAMES):
            raise DataError(f"{where}: row {row} has the label {label!r}, not 0 to 9. {OR_ELSE}")
    channels_last = rows.reshape(ROWS, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(channels_last), np.array(labels, np.int64)
