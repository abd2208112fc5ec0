"""CIFAR-10 as its authors distribute it: six Python batches, in a folder or in a tarball.

Nothing here runs code that a batch contains, and a tarball is read without unpacking it to disk.
Only `download` uses the network.
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
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Int64, UInt8

from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import expanded
from cifar_lab.execution.keras_import import import_keras, keras_home

CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
FOLDER = "cifar-10-batches-py"  # as the official tarball unpacks
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
ROWS = 10_000  # images in a batch
LARGEST = 64 * 2**20  # bytes; a batch has 31 million

GET_IT = "run `cifar-course data --download`"
OR_ELSE = (
    f"Delete it and {GET_IT}, or set CIFAR_COURSE_DATA to an undamaged copy, or to `synthetic` "
    "to work on the synthetic dataset."
)
TIMEOUT = 30  # seconds that a download may wait for the next byte

Images = UInt8[np.ndarray, "images 32 32 3"]
Labels = Int64[np.ndarray, " images"]


class DataError(CourseError):
    """The data cannot be used; the message names the file, the error and the remedy."""


def keras_folders() -> tuple[Path, Path]:
    """Return the folders in which Keras may keep the batches; the first is searched first."""
    home = keras_home()
    # the second is where Keras' own download unpacks
    return home / "datasets" / FOLDER, home / "datasets" / f"{FOLDER}-target" / FOLDER


def named(text: str) -> Path:
    """Return the folder of batches or the tarball that a person has named.

    Args:
        text: A folder of the official Python batches, its parent, or the official tarball.

    Raises:
        DataError: There is none at that path.
    """
    path = expanded(text)
    if not exists(path):
        raise DataError(
            f"{path}: there is no such file or folder. Name (in CIFAR_COURSE_DATA, if that is set) "
            "a folder of the official Python batches, the official tarball, or `synthetic`."
        )
    if path.is_file() or any(exists(path / batch) for batch in BATCHES):
        return path
    if exists(path / FOLDER):
        return path / FOLDER
    raise DataError(
        f"{path}: neither this folder nor a {FOLDER} in it holds {BATCHES[0]}. Set "
        f"CIFAR_COURSE_DATA to the folder of the official Python batches, or {GET_IT}."
    )


def exists(path: Path) -> bool:
    """Return True if something is at `path`, False also where the user may not look."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises where one may not look


# --- reading -------------------------------------------------------------------------------------


def read(path: Path) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """Read and check all six batches of a folder or tarball.

    Returns:
        (x_train, y_train), (x_test, y_test)

    Raises:
        DataError: A batch is missing or damaged.
    """
    batches = {name: _parse(content, source) for name, source, content in _members_of(path)}
    _refuse_missing([name for name in BATCHES if name not in batches], path)
    training = [batches[name] for name in BATCHES[:-1]]
    x_train, y_train = (np.concatenate(part) for part in zip(*training, strict=True))
    return (x_train, y_train), batches[BATCHES[-1]]


def check_files(path: Path) -> None:
    """Check names, sizes and first bytes of the files, without reading them.

    Raises:
        DataError: A file is missing or damaged.
    """
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
            raise DataError(f"{file}: a truncated file. {OR_ELSE}")


def sizes() -> tuple[int, int]:
    """Return the number of training and test images."""
    return ROWS * len(BATCHES[:-1]), ROWS


def _refuse_missing(names: list[str], path: Path) -> None:
    if names:
        raise DataError(f"{path}: {', '.join(names)} missing. {OR_ELSE}")


def _members_of(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, full name and content of each batch, one at a time."""
    try:
        if path.is_dir():
            for name in BATCHES:
                if (path / name).exists():
                    yield name, str(path / name), (path / name).read_bytes()
        else:
            yield from _members_of_tarball(path)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path}: not readable, or not complete ({error}). {OR_ELSE}") from error


def _members_of_tarball(path: Path) -> Iterator[tuple[str, str, bytes]]:
    with path.open("rb") as file:
        start = file.read(100)
    _refuse_web_page(start, path)
    is_gzip = start.startswith(b"\x1f\x8b")  # a browser may have removed the compression
    with tarfile.open(path, "r:gz" if is_gzip else "r:") as tarball:
        for member in tarball:
            parts = PurePosixPath(member.name).parts
            if ".." in parts or PurePosixPath(member.name).is_absolute():
                raise DataError(f"{path}: {member.name} points outside the tarball. {OR_ELSE}")
            if parts[:-1] == (FOLDER,) and parts[-1] in BATCHES and member.isfile():
                if member.size > LARGEST:
                    raise DataError(f"{path}: {member.name} is too large. {OR_ELSE}")
                content = tarball.extractfile(member).read()
                yield parts[-1], f"{path}: {member.name}", content
        while tarball.fileobj.read(LARGEST):
            pass  # gzip compares its checksum at the very end


def _refuse_web_page(content: bytes, source: str | Path) -> None:
    if content.lstrip()[:1] == b"<":
        raise DataError(f"{source}: this is a saved web page, not data. {OR_ELSE}")


class _Inert:
    """Placeholder for the NumPy objects in a batch: keeps their parts and computes nothing."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        self.state = state


class _BatchReader(pickle.Unpickler):
    """Reader of official batches; a pickle can name any function, and none of them is called."""

    def find_class(self, module: str, name: str):
        # the array's rebuilder has moved between NumPy versions
        if module.split(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype"):
            return _Inert
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no official batch does")


def _parse(content: bytes, source: str) -> tuple[Images, Labels]:
    """Return a batch's images, uint8 (10000, 32, 32, 3), and its labels, int64 (10000,)."""
    _refuse_web_page(content, source)
    try:
        batch = _BatchReader(io.BytesIO(content), encoding="bytes").load()
        _, shape, dtype, by_columns, pixels = batch[b"data"].state
        pixel_type, labels = dtype.arguments[0], batch[b"labels"]
        rows = np.frombuffer(pixels, np.uint8).reshape(shape, order="F" if by_columns else "C")
    except Exception as error:  # a truncated pickle can raise anything
        wrong = f"a truncated file, or no official batch ({error})"
        raise DataError(f"{source}: {wrong}. {OR_ELSE}") from error
    if pixel_type not in ("u1", b"u1") or rows.shape != (ROWS, 3072):
        wrong = f"the pixels are {pixel_type} {shape}; an official batch has u1 {(ROWS, 3072)}"
        raise DataError(f"{source}: {wrong}. {OR_ELSE}")
    if type(labels) is not list or len(labels) != ROWS:
        raise DataError(f"{source}: it does not hold {ROWS:,} labels. {OR_ELSE}")
    for row, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < len(CLASS_NAMES):
            raise DataError(f"{source}: row {row} has the label {label!r}, not 0 to 9. {OR_ELSE}")
    channels_last = rows.reshape(ROWS, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(channels_last), np.array(labels, np.int64)


# --- downloading ---------------------------------------------------------------------------------


def download() -> Path:
    """Fetch CIFAR-10 through Keras unless it is there, and return the folder of its batches.

    Keras knows the address and the hash, shows progress, and fetches again what a killed download
    left behind.

    Raises:
        DataError: The download failed, or what is there already is damaged.
    """
    first, target = keras_folders()
    for folder in (first, target):
        if exists(folder):
            try:
                read(folder)
                return folder
            except DataError:
                # `locate` would find this folder first, and never the new download
                if folder == first:
                    raise
    _check_writable(first.parent)
    import_keras()  # not at the top: it takes seconds, and most commands need no Keras
    import keras

    try:
        with download_timeout():
            keras.datasets.cifar10.load_data()
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise DataError(
            f"{target}: the download failed ({error}). Check the network and run the command "
            "again, or fetch the tarball on another machine and set CIFAR_COURSE_DATA to it."
        ) from error
    read(target)
    return target


@contextlib.contextmanager
def download_timeout() -> Iterator[None]:
    """Make downloads fail that receive nothing for `TIMEOUT` seconds."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _check_writable(folder: Path) -> None:
    """Raise DataError where Keras would silently download into a temporary folder instead."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(
            f"{folder}: cannot write there ({error.strerror}). "
            "Set KERAS_HOME to a folder that you can write to."
        ) from error
