"""The cell for Google Colab gets the course there, and does nothing elsewhere."""

import os
import subprocess
import sys
import types

import pytest

from cifar_lab.publishing import addresses, colab, notebooks


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs the cell; programs are listed and not started."""
    path, folders, programs = [*sys.path], [], []
    monkeypatch.setattr(sys, "path", path)
    monkeypatch.setattr(os, "chdir", folders.append)
    monkeypatch.setattr(subprocess, "run", lambda command, check: programs.append(command))

    def execute(**settings):
        code = colab.cell().source
        for name, value in settings.items():
            code = code.replace(f"{name} = False", f"{name} = {value}")
        exec(code, {})
        return path, folders, programs

    return execute


@pytest.fixture
def on_colab(monkeypatch):
    """Pretend to be on Colab; returns the folders at which Google Drive was mounted."""
    mounted = []
    package = types.ModuleType("google.colab")
    package.drive = types.SimpleNamespace(mount=mounted.append)
    monkeypatch.setitem(sys.modules, "google.colab", package)
    return mounted


def test_elsewhere_it_does_nothing(run):
    before = [*sys.path]
    assert run() == (before, [], [])


def test_on_colab_it_gets_and_installs_the_course(run, on_colab):
    path, folders, (clone, install) = run()
    course = "/content/cifar-course"
    assert clone[:2] == ["git", "clone"] and clone[-2:] == [addresses.repository(), course]
    assert install[1:4] == ["-m", "pip", "install"] and install[-2:] == ["-e", course]
    assert path[0] == course and folders == [f"{course}/lessons"] and on_colab == []


def test_answers_are_kept_on_drive_if_asked_for(run, on_colab):
    path, _, _ = run(KEEP_ON_DRIVE=True)
    assert on_colab == ["/content/drive"] and path[0] == "/content/drive/MyDrive/cifar-course"


def test_what_is_on_drive_is_not_fetched_again(run, on_colab, monkeypatch):
    monkeypatch.setattr(os.path, "isdir", lambda folder: True)
    _, _, programs = run(KEEP_ON_DRIVE=True)
    assert [command[0] for command in programs] == [sys.executable]


@pytest.mark.parametrize("text", notebooks.texts(), ids=lambda text: text.stem)
def test_every_lesson_has_it_below_its_introduction(text):
    first, second, *_ = notebooks.from_text(text).cells
    assert first.cell_type == "markdown" and second.source == colab.cell().source
