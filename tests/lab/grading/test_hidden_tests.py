"""Hidden tests: an instructor's own, with points; students see name and verdict only."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading.run import CannotJudge, judge
from cifar_lab.testing.options import GradingOptions

OWN = '''
import numpy as np

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import hidden


@hidden("normalization.one_hot", points=2)
def test_many_classes(learner):
    """A thousand classes."""
    found = learner.normalization.one_hot(np.array([999]), 1000)
    expect(np.asarray(found).argmax()).to_equal(999, because="the secret is out")


@hidden("normalization.one_hot", points=0.5)
def test_no_labels(learner):
    """No labels at all."""
    expect(learner.normalization.one_hot(np.array([], int), 4)).to_have_shape(
        (0, 4), because="the other secret is out"
    )
'''
ONLY_TEN = (
    "\n\ndef one_hot(labels, num_classes):\n    return np.eye(10, dtype=np.float32)[labels]\n"
)


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "test_own.py").write_text(OWN, encoding="utf-8")
    return folder


def test_hidden_tests_add_their_own_points(reference, own):
    (verdict,) = judge(
        reference, syllabus.find(["normalization.one_hot"]), GradingOptions(hidden=str(own))
    ).values()
    assert verdict.passed and verdict.points == verdict.exercise.points
    tests = [(test.name, test.passed, points) for test, points in verdict.hidden]
    assert tests == [("A thousand classes", True, 2.0), ("No labels at all", True, 0.5)]


def test_public_points_do_not_depend_on_hidden_tests(reference, own):
    exercises = syllabus.find(["normalization.one_hot"])
    (alone,) = judge(reference, exercises).values()
    (both,) = judge(reference, exercises, GradingOptions(hidden=str(own))).values()
    assert alone.as_json() == both.as_json()


def test_a_hidden_test_that_breaks_is_a_grading_error(reference, own):
    (own / "test_own.py").write_text(OWN.replace("one_hot", "no_such"), encoding="utf-8")
    with pytest.raises(CannotJudge):
        judge(reference, syllabus.find(["normalization.one_hot"]), GradingOptions(hidden=str(own)))


def test_a_folder_without_tests_is_an_error(reference, tmp_path):
    with pytest.raises(CannotJudge, match=r"test_\*\.py"):
        judge(
            reference,
            syllabus.find(["normalization.one_hot"]),
            GradingOptions(hidden=str(tmp_path)),
        )


def test_the_board_shows_hidden_points(reference, own):
    from cifar_lab.course import board

    verdicts = judge(
        reference, syllabus.find(["normalization.one_hot"]), GradingOptions(hidden=str(own))
    )
    assert "Hidden tests: 2.5 of 2.5 points" in board.as_text(reference, verdicts)


@pytest.mark.sandboxed
def test_hidden_tests_that_can_be_read_from_inside_are_not_run(reference, own):
    """Python's own library, for example, is readable for every submission."""
    exercises = syllabus.find(["normalization.one_hot"])
    with tempfile.TemporaryDirectory(dir=Path(sys.prefix, "lib")) as place:
        Path(place).chmod(0o755)
        inside = shutil.copytree(own, Path(place) / "own")
        with pytest.raises(CannotJudge, match=r"one can reach .'the hidden tests'"):
            judge(reference, exercises, GradingOptions(hidden=str(inside), sandbox=True))
    assert judge(reference, exercises, GradingOptions(hidden=str(own), sandbox=True))


def test_hidden_tests_may_lie_beside_the_courses_own(reference, own):
    with tempfile.TemporaryDirectory(dir=syllabus.GRADING_TESTS.parent) as place:
        beside = shutil.copytree(own, Path(place) / "own")
        options = GradingOptions(hidden=str(beside))
        (verdict,) = judge(reference, syllabus.find(["normalization.one_hot"]), options).values()
    assert len(verdict.hidden) == 2


@pytest.mark.sandboxed
def test_what_a_hidden_test_asked_reaches_no_other_test(submission_with, own):
    """Each runs in a process of its own in the sandbox, and nothing stays behind."""
    keeping = """
import builtins

def one_hot(labels, num_classes):
    builtins.calls = getattr(builtins, "calls", 0) + 1
    return builtins.calls
"""
    folder, exercises = submission_with(normalization=keeping), ["normalization.one_hot"]
    verdicts = judge(
        folder, syllabus.find(exercises), GradingOptions(hidden=str(own), sandbox=True)
    )
    messages = [test.message for test, _ in verdicts[exercises[0]].hidden]
    assert ["It returned 1.\n" in message for message in messages] == [False, True], messages


@pytest.mark.sandboxed
def test_a_student_sees_name_and_verdict_only(reference, own, command, tmp_path):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    for name, addition in (("ada", ""), ("bob", ONLY_TEN)):
        package = tmp_path / "class" / name / "cifar_course"
        package.mkdir(parents=True)
        (package / "normalization.py").write_text(text + addition, encoding="utf-8")
    arguments = ("grade", tmp_path / "class", "--out", tmp_path / "out", "--hidden", own)
    done = command(*arguments, "--exercise", "normalization.one_hot")
    assert done.returncode == 0, done.stderr
    results = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in (tmp_path / "out" / "results").iterdir()
    }
    assert results["ada"]["score"] == 4.5
    assert results["bob"]["score"] <= 2.5
    (thousand,) = (t for t in results["bob"]["tests"] if "A thousand classes" in t["name"])
    assert thousand["status"] == "failed" and thousand["output"] == ""
    assert thousand["extra_data"]["hidden"]
    assert "secret is out" not in json.dumps(results)
