"""The learner's commands work where the system is not POSIX, and the console shows only cp1252.

An interpreter starts without the modules, functions and signals that Windows lacks. It keeps its
name for the system, so code that asks for that name is not tested here.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.execution.time_limit import interrupt_main_thread

# Python runs this at its start; the modules imported first use POSIX where it is there
WITHOUT_POSIX = """
import asyncio, multiprocessing.util, os, shutil, signal, socket, subprocess, sys, tempfile

for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None  # an import raises ModuleNotFoundError
for name in (
    "fork", "forkpty", "register_at_fork", "posix_spawn", "wait4", "waitid", "mkfifo", "chown",
    "getuid", "geteuid", "getgid", "getegid", "getpgid", "getpriority", "killpg", "setsid",
    "sched_getaffinity", "statvfs", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK",
):
    delattr(os, name)
for name in [*vars(signal)]:
    if name in ("alarm", "setitimer", "pause", "pthread_kill", "pthread_sigmask", "sigwait"):
        delattr(signal, name)
    elif name.startswith("SIG") and name not in (
        "SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN",
    ):
        delattr(signal, name)
"""
NARROW = {
    "PYTHONIOENCODING": "cp1252",
    # files are ASCII unless code says otherwise, which Windows decides by the country
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
}
WRONG = (
    "\n\n# Schrödinger's ✓ answer\ndef standardize(images, mean, std):\n    return images - mean\n"
)


@pytest.fixture
def narrow(tmp_path, command):
    """Return a function that runs a command on such a system, in a folder with a space."""
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_POSIX, encoding="utf-8")
    path = os.pathsep.join([str(folder), str(syllabus.ROOT)])

    def run(*arguments):
        environment = {**NARROW, "PYTHONPATH": path}
        return command(*arguments, cwd=tmp_path / "my course", env=environment, errors="replace")

    return run


@pytest.fixture
def half_done(tmp_path, reference):
    """Write lesson 1 with one wrong function; the other modules are stubs."""
    folder = tmp_path / "my course"
    stubs.write_all(folder)
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    (folder / "cifar_course" / "normalization.py").write_text(text + WRONG, encoding="utf-8")
    return folder


def test_the_interpreter_lacks_posix(narrow, half_done, tmp_path):
    code = "import os, signal; print(hasattr(os, 'fork'), hasattr(signal, 'SIGKILL')); import pwd"
    path = {"PYTHONPATH": str(tmp_path / "python"), **NARROW}
    done = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True)
    assert done.stdout == "False False\n" and "import of pwd halted" in done.stderr


def test_the_board(narrow, half_done):
    done = narrow()
    assert done.returncode == 0, done.stderr
    assert f"Judged: {half_done}\n" in done.stdout
    assert "Next: normalization.standardize" in done.stdout
    assert "?" not in done.stdout and "\N{REPLACEMENT CHARACTER}" not in done.stdout


def test_check(narrow, half_done):
    done = narrow("check", "1", "--json", "verdicts.json")
    assert done.returncode == 1, done.stderr
    assert "forgot to divide by the standard deviation" in done.stdout
    verdicts = json.loads((half_done / "verdicts.json").read_text(encoding="utf-8"))["exercises"]
    passed = [id for id, verdict in verdicts.items() if verdict["passed"]]
    expected = {e.id for e in syllabus.find(["1"])}
    expected -= {"normalization.standardize", "normalization.prepare"}  # which standardizes
    assert set(passed) == expected


def test_an_exception_shows_the_learners_line(narrow, half_done):
    file = half_done / "cifar_course" / "normalization.py"
    with file.open("a", encoding="utf-8") as opened:
        opened.write("\n\ndef one_hot(labels, num_classes):\n    raise ValueError('naïve ✓')\n")
    done = narrow("check", "one_hot")
    assert done.returncode == 1, done.stderr
    assert "raise ValueError('na" in done.stdout


def test_hint(narrow, half_done):
    done = narrow("hint", "normalization.standardize")
    assert done.returncode == 0 and "hint 1 of 3" in done.stdout, done.stderr


def test_reset_keeps_the_answer(narrow, half_done):
    file = half_done / "cifar_course" / "normalization.py"
    before = file.read_bytes()
    done = narrow("reset", "normalization.standardize")
    assert done.returncode == 0, done.stderr
    assert stubs.is_stub(file.read_text(encoding="utf-8"), "normalization", "standardize")
    (backup,) = (half_done / ".cifar-course" / "backups").iterdir()
    assert backup.read_bytes() == before


def test_pack(narrow, half_done):
    done = narrow("pack", "submission.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(half_done / "submission.zip") as archive:
        assert "cifar_course/normalization.py" in archive.namelist()


def test_data(narrow, half_done):
    done = narrow("data")
    assert done.returncode == 0, done.stderr


def test_an_exercise_in_keras(narrow, half_done, reference):
    text = (reference / "cifar_course" / "cnn.py").read_text(encoding="utf-8")
    (half_done / "cifar_course" / "cnn.py").write_text(text, encoding="utf-8")
    done = narrow("check", "compile_cnn")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def submissions(half_done):
    """Put a submission into a folder for `grade`."""
    folder = half_done / "submissions"
    (folder / "ada").mkdir(parents=True)
    (half_done / "cifar_course").rename(folder / "ada" / "cifar_course")
    return folder


def test_grading_in_sandboxes_says_that_it_needs_linux(narrow, submissions):
    done = narrow("grade", submissions, "--out", "out", "--exercise", "one_hot")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and "Linux" in done.stderr


@pytest.mark.parametrize("with_signals", [True, False])
def test_a_grader_without_its_worker_is_interrupted(monkeypatch, with_signals):
    if not with_signals:
        monkeypatch.delattr(signal, "pthread_kill", raising=False)
    thread = threading.Thread(target=interrupt_main_thread)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        while True:
            time.sleep(0.01)
