"""`check` speaks as it goes: verdicts as they fall, remembered ones, those before Ctrl-C."""

import os
import signal
import subprocess
import sys
import time

import pytest

from cifar_lab import cli
from cifar_lab.course import progress, syllabus

CHECK = [sys.executable, "-m", "cifar_lab.cli", "check"]
ORDER = [f"normalization.{e.name}" for e in syllabus.lesson(1).exercises]


@pytest.fixture
def lesson_1(submission_with, reference):
    """Return a function that adds lines to the reference's lesson 1."""
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    return lambda lines: submission_with(normalization=f"{text}\n\n{lines}")


def waiting(folder):
    """Return a `train_validation_split` that waits for a file, and the file."""
    go = folder / "go"
    wait = (
        "import os, time\n"
        "def train_validation_split(*args, **kwargs):\n"
        f"    while not os.path.exists({str(go)!r}):\n        time.sleep(0.05)\n"
    )
    return wait, go


def started(folder, *names):
    return subprocess.Popen(
        [*CHECK, *names],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # a background job of a shell ignores Ctrl-C, and its children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def lines_until(process, beginning):
    """Return what is printed up to the line with the verdict on an exercise."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if f"{beginning}: " in line:
            return lines
    raise AssertionError("".join(lines) + process.stderr.read())


@pytest.mark.skipif(os.name == "nt", reason="preexec_fn")
def test_a_verdict_is_printed_before_the_next_exercise_has_ended(lesson_1, tmp_path):
    wait, go = waiting(tmp_path)
    process = started(lesson_1(wait), "1")
    shown = lines_until(process, "normalization.one_hot")  # while the next one waits
    assert not go.exists()
    go.touch()
    rest = process.communicate()[0]
    everything = "".join(shown) + rest
    places = [everything.index(f"\n\n✓ {id}: ") for id in (ORDER[1], ORDER[2])]
    assert places == sorted(places)
    assert f"\n\n✗ {ORDER[3]}: failed" in everything


@pytest.mark.skipif(os.name == "nt", reason="Windows delivers Ctrl-C to the whole console")
def test_ctrl_c_keeps_the_verdicts_so_far(lesson_1, tmp_path):
    wait, _ = waiting(tmp_path)
    folder = lesson_1(wait)
    process = started(folder, "1")
    lines_until(process, "normalization.one_hot")
    time.sleep(0.5)  # until the next one waits; earlier, Ctrl-C stops the same exercise
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == cli.INTERRUPTED and "The verdicts so far are kept" in err
    assert [*progress.recall(folder, syllabus.find(["1"]))] == ORDER[:3]


COUNTING = """
with open({file!r}, "a") as file:
    file.write("imported\\n")
"""


def test_unchanged_code_is_not_judged_again_unless_asked(lesson_1, command, tmp_path):
    count = tmp_path / "imports"
    folder = lesson_1(COUNTING.format(file=str(count)))
    first = command("check", "normalization.one_hot", cwd=folder)
    imports = count.read_text()
    again = command("check", "normalization.one_hot", cwd=folder)
    assert again.stdout == first.stdout and "passed" in again.stdout
    assert count.read_text() == imports
    command("check", "normalization.one_hot", "--again", cwd=folder)
    assert len(count.read_text()) > len(imports)


def test_remembered_and_new_verdicts_come_in_the_order_of_the_course(lesson_1, command):
    folder = lesson_1("")
    command("check", "normalization.standardize", cwd=folder)
    shown = command("check", "normalization", cwd=folder).stdout
    places = [shown.index(f"{id}: passed") for id in ORDER]
    assert places == sorted(places)


def test_check_of_another_folder_does_not_trust_the_verdicts_in_it(lesson_1, command):
    folder = lesson_1("def one_hot(labels, num_classes):\n    return 1\n")
    command("check", "one_hot", cwd=folder)
    kept = folder / ".cifar-course" / "verdicts.json"
    kept.write_text(kept.read_text().replace('"passed": false', '"passed": true'))
    assert command("check", "one_hot", cwd=folder).returncode == 0  # their own folder is trusted
    assert command("check", "one_hot", "--submission", folder).returncode == cli.FAILED


def test_all_tests_shows_every_law_that_fails(lesson_1, command):
    folder = lesson_1("def one_hot(labels, num_classes):\n    return 1\n")
    one = command("check", "one_hot", cwd=folder).stdout
    every = command("check", "one_hot", "--all-tests", cwd=folder).stdout
    assert one.count("Called ") == 1 and every.count("Called ") > 2


@pytest.mark.parametrize("terminal", [True, False])
def test_a_spinner_turns_on_a_terminal_only(monkeypatch, terminal):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(cli, "screen", cli.board.console(force_terminal=terminal))
    with cli.screen.capture() as captured, cli._while_keras_starts():
        pass
    assert ("starting JAX" in captured.get()) == terminal
