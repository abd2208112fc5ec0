"""A training run records the commit of the course and hashes of the submission's modules."""

import hashlib
import shutil
import subprocess

import pytest

from cifar_lab.training.code_version import code_version, commit_of


@pytest.fixture
def repository(tmp_path):
    """Create a repository with one commit, which holds `recipe.py`."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (tmp_path / "recipe.py").write_text("EPOCHS = 1\n", encoding="utf-8")
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True)
    return tmp_path


def head(repository):
    command = ["git", "-C", repository, "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_is_named_and_marked_if_the_code_was_changed(repository):
    recipe = repository / "recipe.py"
    assert commit_of(recipe) == head(repository)
    recipe.write_text("EPOCHS = 2\n", encoding="utf-8")
    assert commit_of(recipe) == head(repository) + "-dirty"


def test_code_that_git_does_not_know_has_no_commit(repository, monkeypatch):
    (repository / "other.py").touch()
    assert commit_of(repository / "other.py") is None
    monkeypatch.setenv("PATH", "")
    assert commit_of(repository / "recipe.py") is None


def test_modules_are_hashed_as_they_are(tmp_path):
    package = tmp_path / "cifar_course"
    package.mkdir()
    (package / "cnn.py").write_bytes(b"a = 1\n")
    (package / "notes.py").write_bytes(b"mine\n")
    recipe = tmp_path / "recipe.py"
    recipe.write_bytes(b"b = 2\n")
    found = code_version(tmp_path, recipe)
    assert found["modules"] == {"cnn": hashlib.sha256(b"a = 1\n").hexdigest()}
    assert found["recipe"] == hashlib.sha256(b"b = 2\n").hexdigest()
