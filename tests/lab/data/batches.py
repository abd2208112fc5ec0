"""Small official batches for the tests of the data."""

import pickle
import tarfile

import numpy as np
import pytest

from cifar_lab import data
from cifar_lab.data import cifar10

ROWS = 20  # images in a batch


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
    for number, name in enumerate(cifar10.BATCHES):
        write_batch(folder / name, make_batch(number))
    return folder


def make_tarball(path, folder):
    with tarfile.open(path, "w:gz") as tarball:
        tarball.add(folder, arcname=cifar10.FOLDER)
    return path


def error_of(path):
    """Return the message of the DataError that loading `path` raises."""
    with pytest.raises(data.DataError) as problem:
        data.load(str(path))
    return str(problem.value)
