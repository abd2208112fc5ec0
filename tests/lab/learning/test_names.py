"""Exercises are found by any name, and the shell completes them."""

import os
import sys

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.syllabus import UnknownExercise
from cifar_lab.learning import names


def test_the_name_alone_is_enough(empty, command):
    assert "cnn.softmax: not written" in command("check", "softmax", cwd=empty).stdout


def test_an_exercise_of_another_lesson_is_named(empty, command):
    done = command("check", "normalization.conv2d", cwd=empty)
    assert done.returncode == 2 and done.stderr.endswith("it is cnn.conv2d\n")


def test_a_name_of_several_exercises_is_refused(monkeypatch):
    one = syllabus.exercises()["cnn.softmax"]
    twin = one.__class__(**{**one.__dict__, "module": "transfer"})
    both = {one.id: one, twin.id: twin}
    monkeypatch.setattr(syllabus, "exercises", lambda: both)
    with pytest.raises(UnknownExercise, match=r"several: cnn\.softmax, transfer\.softmax"):
        syllabus.find(["softmax"])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (None, "normalization.standardize"),
        ("1", "normalization.standardize"),
        ("normalization", "normalization.standardize"),
        ("2", "cnn.conv_output_size"),
        ("one_hot", "normalization.one_hot"),
    ],
)
def test_a_lesson_or_nothing_means_the_next_exercise(empty, command, reference, name, found):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    text += "\n\ndef standardize(images, mean, std):\n    return images - mean\n"
    (empty / "cifar_course" / "normalization.py").write_text(text, encoding="utf-8")
    command("check", "1", cwd=empty)
    assert names.at_work(empty, name).id == found
    arguments = ["hint"] if name is None else ["hint", name]
    assert command(*arguments, cwd=empty).stdout.startswith(f"{found}, hint 1 of 3:")


def test_a_lesson_that_has_passed_has_no_next_exercise(submission_with, command):
    folder = submission_with()
    command("check", "1", cwd=folder)
    done = command("hint", "1", cwd=folder)
    assert done.returncode == 2 and "all 5 exercises have passed" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="for bash")
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("cifar-course check soft", ["softmax"]),
        ("cifar-course hint cnn.conv2", ["cnn.conv2d", "cnn.conv2d_parameter_count"]),
        ("cifar-course watch regul", ["regularization"]),
        ("cifar-course restore one", ["one_hot"]),
        ("cifar-course che", ["check"]),
    ],
)
def test_the_shell_completes_names(command, line, found):
    environment = {
        "_CIFAR_COURSE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": "1" if line.endswith("che") else "2",
    }
    code = "import sys; sys.argv[0] = 'cifar-course'; from cifar_lab.cli import main; main()"
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == found, done.stderr
