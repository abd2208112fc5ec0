"""Settings that a person made for other programs change no verdict."""

import os
import sys
import warnings

import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading.neutral import neutral_process

ONE_HOT = "normalization.one_hot"
VERDICT = f"{ONE_HOT}: failed, 3 of 4 tests passed"
WARNS = "import warnings\nwarnings.warn('old', DeprecationWarning)\n"


@pytest.fixture
def half_right(submission_with, reference):
    """Provide a submission whose `one_hot` passes some of its tests, and warns at import."""
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    wrong = (
        "\n\nright = one_hot\n\n\ndef one_hot(labels, num_classes):\n"
        "    return right(labels, num_classes).astype('float64')\n"
    )
    return submission_with(normalization=text + wrong + WARNS)


@pytest.fixture
def settings(tmp_path):
    """Provide foreign settings: they select tests, load a plugin, and make warnings errors."""
    (tmp_path / "foreign_plugin.py").write_text("raise RuntimeError('a foreign plugin')\n")
    (tmp_path / "startup.py").write_text("raise RuntimeError('a foreign start-up file')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", str(syllabus.ROOT))])
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\n")
    return {
        "selection": {"PYTEST_ADDOPTS": "-k 'not a_one_at'"},
        "unknown option": {"PYTEST_ADDOPTS": "--no-such-option"},
        "plugin": {"PYTEST_PLUGINS": "foreign_plugin", "PYTHONPATH": path},
        "warnings": {"PYTHONWARNINGS": "error"},
        "others": {"PYTHONSTARTUP": str(tmp_path / "startup.py"), "COV_CORE_SOURCE": "."},
    }


NAMES = ("selection", "unknown option", "plugin", "warnings", "others")


@pytest.mark.parametrize("name", NAMES)
def test_foreign_settings_change_no_verdict(half_right, settings, command, name):
    done = command("check", ONE_HOT, cwd=half_right, env=settings[name])
    assert VERDICT in done.stdout and done.returncode == 1, done.stdout + done.stderr


def test_a_pytest_ini_above_the_submission_changes_no_verdict(half_right, settings, command):
    done = command("check", ONE_HOT, cwd=half_right)
    assert VERDICT in done.stdout, done.stdout + done.stderr


def test_settings_are_put_back(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-q")
    monkeypatch.setattr(sys, "warnoptions", ["error"])
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ), warnings.filters[:]
    with neutral_process(syllabus.ROOT):
        assert "PYTEST_ADDOPTS" not in os.environ and sys.warnoptions == []
    assert (dict(os.environ), warnings.filters[:]) == before
    assert sys.warnoptions == ["error"] and tmp_path.samefile(".")
