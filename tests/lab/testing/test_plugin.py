"""The command `pytest`: the tests that run, points and board at the end, `--submission`."""

import os
import subprocess
import sys

import pytest

from cifar_lab.course import syllabus

LESSON_1 = "tests/grading/lesson_1"


@pytest.fixture
def run_pytest():
    """Run pytest in the course's folder and return its output."""

    def run(*arguments: object, folder: str = ".", **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *map(str, arguments)],
            cwd=syllabus.ROOT / folder,
            env={**os.environ, "PYTEST_ADDOPTS": "", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        return done.stdout + done.stderr

    return run


def names_grading_tests(output: str) -> bool:
    """Return True if pytest has listed a grading test."""
    return any(line.startswith("tests/grading/") for line in output.splitlines())


def test_a_plain_run_leaves_grading_and_proofs_out(run_pytest):
    said = run_pytest("--collect-only")
    assert not names_grading_tests(said) and "tests/lab/execution/test_protocol.py" in said
    assert not names_grading_tests(run_pytest("--collect-only", "tests"))


def test_grading_opens_no_other_test_files(run_pytest):
    full_runs = "(3 deselected)"  # they are grading tests, too, and wait to be asked for
    assert full_runs in run_pytest("--collect-only", "-m", "grading")
    assert "tests/lab/execution/test_protocol.py" in run_pytest(
        "--collect-only", "-m", "grading or not grading"
    )


def test_naming_a_file_or_a_test_runs_it(run_pytest, reference):
    said = run_pytest(LESSON_1, "--submission", reference)
    assert f"Judged: {reference}" in said and "15 of" in said and "failed" not in said
    one = f"{LESSON_1}/test_standardize.py::test_result_is_float32"
    assert "1 passed" in run_pytest(one, "--submission", reference)


def test_grading_can_be_narrowed_to_an_exercise(run_pytest, reference):
    said = run_pytest(
        *("-m", "grading", "--exercise", "normalization.one_hot", "--submission", reference)
    )
    assert "2 of" in said and "not judged" in said
    expression = "exercise(name='normalization.one_hot')"
    assert "passed" in run_pytest(LESSON_1, "-m", expression, "--submission", reference)


def test_grading_stays_in_one_process(run_pytest, reference):
    said = run_pytest("-m", "grading", "-n", "2", "--submission", reference)
    assert "grading runs in one process: leave out -n" in said


def test_full_runs_wait_to_be_asked_for(run_pytest):
    assert "test_full_runs" not in run_pytest("--collect-only", "-m", "grading")
    assert "test_full_runs" in run_pytest("--collect-only", "-m", "grading and gpu")
    assert "test_full_runs" in run_pytest("--collect-only", "-m", "grading", "--full-run")


def test_full_runs_are_about_the_real_images(run_pytest, reference, tmp_path):
    """They look where Keras keeps CIFAR-10, though the course's own tests are synthetic."""
    arguments = ("-m", "grading and gpu", "-rs", "--submission", reference)
    home = {"KERAS_HOME": str(tmp_path), "CIFAR_COURSE_DATA": ""}
    assert "CIFAR-10 is not on this machine" in run_pytest(*arguments, **home)
    (tmp_path / "datasets" / "cifar-10-batches-py").mkdir(parents=True)
    said = run_pytest(*arguments, **home)
    assert "CIFAR-10 is not on this machine" not in said
    assert "there is no GPU" in said or "not readable" in said or "missing" in said


def test_a_failure_reads_like_a_lesson_not_like_a_traceback(run_pytest, submission_with, reference):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    wrong = "\n\ndef one_hot(labels, num_classes):\n    return None\n"
    folder = submission_with(normalization=text + wrong)
    said = run_pytest(LESSON_1, "--exercise", "normalization.one_hot", "--submission", folder)
    assert "It returned None: is there a `return`?" in said
    assert "Traceback" not in said and "learner.py" not in said


@pytest.mark.sandboxed
def test_a_submission_does_not_configure_the_grader(run_pytest, submission_with, tmp_path):
    """A folder that is an argument of its own would give pytest its settings."""
    wrong = "def one_hot(labels, num_classes):\n    return 'no'\n"
    folder, ran = submission_with(normalization=wrong), tmp_path / "ran"
    takes_over = f"from pathlib import Path\nPath({str(ran)!r}).touch()\n"
    for name in ("conftest", "hypothesis", "takes_over"):
        (folder / f"{name}.py").write_text(takes_over, encoding="utf-8")
    settings = "[pytest]\npythonpath = .\naddopts = -p cifar_lab.testing.plugin -p takes_over\n"
    (folder / "pytest.ini").write_text(settings, encoding="utf-8")
    arguments = ("-m", "grading", "--sandbox", "--exercise", "normalization.one_hot")
    said = run_pytest(*arguments, f"--submission={folder}")
    assert "0 of 100 points" in said, said
    assert not ran.exists()


def test_sandboxed_a_submission_is_no_argument_of_its_own(run_pytest, reference):
    said = run_pytest(LESSON_1, "--sandbox", "--submission", reference)
    assert "write --submission=DIR, as one argument" in said and "passed" not in said


@pytest.mark.sandboxed
def test_sandboxed_a_link_is_no_submission(run_pytest, reference, tmp_path):
    """From inside, the sandbox would show the folder that the link leads to."""
    (tmp_path / "cifar_course").symlink_to(reference / "cifar_course")
    said = run_pytest(LESSON_1, "--sandbox", f"--submission={tmp_path}")
    assert "is a link" in said and "passed" not in said


def test_the_seed_of_grading_can_be_set(run_pytest, reference):
    said = run_pytest(LESSON_1, "--submission", reference, "--grading-seed", "7")
    assert "15 of" in said


def test_an_unknown_exercise_is_named_without_a_traceback(run_pytest, reference):
    output = run_pytest("-m", "grading", "--exercise", "one_hut", "--submission", reference)
    assert "--exercise: there is no exercise or lesson 'one_hut'" in output
    assert "INTERNALERROR" not in output and "Traceback" not in output


@pytest.mark.parametrize("folder", ["lessons", "docs"])
def test_grading_is_found_from_every_folder_of_the_course(run_pytest, folder):
    said = run_pytest("-m", "grading", "--collect-only", "--exercise=softmax", folder=folder)
    assert "lesson_2/test_softmax.py" in said
