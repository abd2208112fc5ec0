"""The dataset of the course: CIFAR-10 if it is on this machine, otherwise the synthetic dataset.

Data that is there and cannot be read is always an error that says what to do, never a reason to use
other data.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from cifar_lab.data import cifar10, synthetic
from cifar_lab.data.cifar10 import GET_IT, DataError

CIFAR10 = "CIFAR-10"
SYNTHETIC = "synthetic dataset"
SYNTHETIC_SOURCE = "drawn from seed 0"
SYNTHETIC_SIZES = 4000, 1000  # training and test images


@dataclass(frozen=True)
class Place:
    """The result of `locate`: the data's name, and its folder or tarball if it is on disk."""

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
        """Return a smaller dataset, shuffled, its classes as balanced as they can be.

        The same seed gives the same images, and the first 100 of 1,000 training images are the 100
        that `sample(100, ...)` gives.
        """
        x_train, y_train = self._some(self.x_train, self.y_train, train, (seed, 0))
        x_test, y_test = self._some(self.x_test, self.y_test, test, (seed, 1))
        return replace(self, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)

    def _some(self, images, labels, count: int, seed: tuple[int, int]):
        if not 0 <= count <= len(labels):
            available = f"this part of the {self.name} has {len(labels):,}"
            raise ValueError(f"{count:,} images asked for; {available}")
        shuffled = np.argsort(np.random.PCG64(seed).random_raw(len(labels)), kind="stable")
        turn = np.empty(len(labels), np.int64)
        for label in np.unique(labels):
            same = labels[shuffled] == label
            turn[same] = np.arange(np.count_nonzero(same))
        # one of every class before the second of any
        chosen = shuffled[np.argsort(turn, kind="stable")][:count]
        return images[chosen], labels[chosen]


def locate(data: str | None = None) -> Place:
    """Decide which data to use, by names of files alone.

    Args:
        data: `synthetic`, a folder of the official Python batches, its parent, or the official
            tarball. By default the environment variable CIFAR_COURSE_DATA; if that is not set
            either, CIFAR-10 as Keras has downloaded it, and failing that the synthetic dataset.

    Raises:
        DataError: There is no data where `data` or CIFAR_COURSE_DATA says.
    """
    named = os.environ.get("CIFAR_COURSE_DATA", "") if data is None else data
    reason = f"CIFAR_COURSE_DATA is {named!r}" if data is None else f"{named!r} was asked for"
    if named == "synthetic":
        return Place(SYNTHETIC, None, reason)
    if named:
        return Place(CIFAR10, cifar10.named(named), reason)
    reason = "CIFAR_COURSE_DATA is not set, and "
    folders = cifar10.keras_folders()
    for path in folders:
        if cifar10.exists(path):
            return Place(CIFAR10, path, f"{reason}this is where Keras keeps it")
    cache = folders[0].parent
    unfinished = cifar10.exists(cache / f"{cifar10.FOLDER}-target_archive")
    found = "only an unfinished download of" if unfinished else "no"
    return Place(SYNTHETIC, None, f"{reason}{cache} has {found} CIFAR-10")


def load(data: str | None = None) -> Dataset:
    """Read and check the data that `locate` finds, all of it.

    Raises:
        DataError: It cannot be used.
    """
    place = locate(data)
    if place.path is None:
        train, test = synthetic.draw(*SYNTHETIC_SIZES)
        return Dataset(place.name, synthetic.CLASS_NAMES, *train, *test, SYNTHETIC_SOURCE)
    train, test = cifar10.read(place.path)
    return Dataset(place.name, cifar10.CLASS_NAMES, *train, *test, str(place.path))


def describe(read: bool = False) -> str:
    """Return a few lines for people: the data, the reason for it, and how to get CIFAR-10.

    Args:
        read: Read and check all of the data. Otherwise only errors are found that names, sizes and
            first bytes of files show.
    """
    try:
        return summary(read)
    except DataError as problem:
        return f"The data cannot be used.\n{problem}"


def summary(read: bool = False) -> str:
    """Return the lines of `describe` about data that can be used.

    Raises:
        DataError: It cannot.
    """
    place = locate()
    if read:
        load()
    elif place.path is not None:
        cifar10.check_files(place.path)
    train, test = SYNTHETIC_SIZES if place.path is None else cifar10.sizes()
    lines = [
        f"{place.name}: {train:,} training and {test:,} test images, "
        f"{place.path or SYNTHETIC_SOURCE}",
        f"Why this one: {place.reason}.",
    ]
    if place.path is None:
        lines.append(f"For CIFAR-10: {GET_IT} (about 170 MB), or set CIFAR_COURSE_DATA to a folder")
        lines.append("of the official Python batches or to the official tarball.")
    return "\n".join(lines)
