"""The key of a submission's results changes with everything that they depend on."""

import os
from pathlib import Path

import pytest

from cifar_lab.grading import key
from cifar_lab.testing.options import GradingOptions

OPTIONS = GradingOptions()


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a submission with one module."""
    package = tmp_path / "ada" / "cifar_course"
    package.mkdir(parents=True)
    (package / "normalization.py").write_text("x = 1\n", encoding="utf-8")
    return tmp_path / "ada"


def test_a_changed_module_changes_the_key_and_a_cache_does_not(folder):
    before = key.key_of(folder, OPTIONS)
    cache = folder / "cifar_course" / "__pycache__"
    cache.mkdir()
    (cache / "normalization.cpython-311.pyc").write_text("anything")
    assert key.key_of(folder, OPTIONS) == before
    (folder / "cifar_course" / "normalization.py").write_text("x = 2\n")
    assert key.key_of(folder, OPTIONS) != before


def test_a_file_larger_than_memory_is_not_read(folder):
    with (folder / "dataset.bin").open("wb") as file:
        file.truncate(2**40)
    before = key.key_of(folder, OPTIONS)
    os.utime(folder / "dataset.bin", (1, 1))
    assert key.key_of(folder, OPTIONS) != before


def test_a_file_that_cannot_be_read_stops_no_grading(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr(key, "fingerprint", lambda exercises: "")
    assert key.key_of(folder, OPTIONS)


@pytest.mark.parametrize(
    "other",
    [
        GradingOptions(sandbox=True),
        GradingOptions(unprivileged_user=True),
        GradingOptions(exercise=("normalization.one_hot",)),
        GradingOptions(seconds=1.0),
        GradingOptions(grading_seed=1),
    ],
)
def test_another_option_changes_the_key(folder, other):
    assert key.key_of(folder, OPTIONS) != key.key_of(folder, other)


def test_a_changed_hidden_test_changes_the_key(folder, tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    options = GradingOptions(hidden=str(hidden))
    before = key.key_of(folder, options)
    (hidden / "test_own.py").write_text("x = 1\n")
    assert key.key_of(folder, options) != before != key.key_of(folder, OPTIONS)


def test_the_secret_is_derived_from_the_key_and_does_not_change_it(folder):
    assert key.key_of(folder, OPTIONS) == key.key_of(folder, GradingOptions(secret="x"))
