"""One hash of everything that verdicts depend on, apart from the submission itself."""

import hashlib
import json
import platform
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.syllabus import Exercise
from cifar_lab.execution.keras_import import backend

# the code that takes part in judging; reports, plots and recipes do not
FOLDERS = ("course", "data", "execution", "grading", "sandbox", "testing", "verifier")
PACKAGES = ("hypothesis", "keras", "numpy", "pytest", "safetensors", "scipy", "tensorflow")


def fingerprint(exercises: Iterable[Exercise]) -> str:
    """Return a hash of the exercises' tests and points, and of all that every verdict depends on.

    That is the code that judges, the thresholds, the versions of Python and the packages, and
    Keras' backend. The other settings of Keras are the same in every test.
    """
    digest = hashlib.sha256(_shared().encode())
    for exercise in exercises:
        digest.update(f"{exercise.id} {exercise.points}".encode())
        for file in syllabus.test_files(exercise):
            digest.update(file.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)  # a process keeps the code that it has imported
def _shared() -> str:
    versions = [platform.python_version(), backend(), *map(_version, PACKAGES)]
    digest = hashlib.sha256(json.dumps([versions, syllabus.thresholds()]).encode())
    for file in _code():
        digest.update(file.relative_to(syllabus.LAB).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def _code() -> list[Path]:
    return sorted(file for folder in FOLDERS for file in (syllabus.LAB / folder).rglob("*.py"))


def _version(package: str) -> str:
    try:
        return version(package)  # this does not import the package
    except PackageNotFoundError:  # Keras may run on another backend than TensorFlow
        return ""
