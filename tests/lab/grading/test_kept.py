"""Verdicts are kept by what they depend on: only what changed is judged again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_lab.course import progress, syllabus
from cifar_lab.course.verdict import ExerciseVerdict, FailureKind, Outcome, TestVerdict
from cifar_lab.grading import grade_one
from cifar_lab.grading.kept import Kept
from cifar_lab.testing.options import GradingOptions

SOFTMAX, ONE_HOT = (syllabus.exercises()[id] for id in ("cnn.softmax", "normalization.one_hot"))
DECAY = syllabus.exercises()["schedules.step_decay"]
OPTIONS = GradingOptions(sandbox=True, secret="first")


@pytest.fixture
def submission(tmp_path, reference):
    """Write a submission with the reference's modules; it may be changed."""
    package = tmp_path / "ada" / "cifar_course"
    package.mkdir(parents=True)
    for file in (reference / "cifar_course").glob("*.py"):
        (package / file.name).write_bytes(file.read_bytes())
    return package.parent


def kept(submission: Path, options: GradingOptions = OPTIONS) -> Kept:
    return Kept(submission.parent / "verdicts", submission, options)


def append(submission: Path, module: str, text: str = "\n# changed\n") -> None:
    with (submission / "cifar_course" / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write(text)


def verdict(exercise=SOFTMAX, **test) -> ExerciseVerdict:
    tests = [TestVerdict("holds", **{"message": "Called softmax().", "flags": ["large"]} | test)]
    hidden = [(TestVerdict("a hidden law", False), 2.0)]
    return ExerciseVerdict(exercise, tests, hidden, "2026-11-27T08:00:00+00:00", "first")


def test_a_kept_verdict_is_the_same_in_every_field(submission):
    kept(submission).keep([verdict()])
    assert kept(submission).recall([SOFTMAX, ONE_HOT]) == {SOFTMAX.id: verdict()}


@pytest.mark.parametrize(
    ("module", "holds"), [("cnn", False), ("normalization", True), ("schedules", True)]
)
def test_a_verdict_holds_until_its_module_changes(submission, module, holds):
    kept(submission).keep([verdict()])
    append(submission, module)
    assert (SOFTMAX.id in kept(submission).recall([SOFTMAX])) is holds


def test_a_verdict_depends_on_the_modules_that_its_own_imports(submission):
    append(submission, "cnn", "\ndef later():\n    from cifar_course import normalization\n")
    kept(submission).keep([verdict()])
    append(submission, "normalization")
    assert not kept(submission).recall([SOFTMAX])


@pytest.mark.parametrize("field", ["sandbox", "unprivileged_user"])
def test_a_verdict_depends_on_the_settings(submission, field):
    kept(submission).keep([verdict()])
    other = replace(OPTIONS, **{field: not getattr(OPTIONS, field)})
    assert not kept(submission, other).recall([SOFTMAX])


def test_a_verdict_depends_on_hidden_tests(submission, tmp_path):
    (tmp_path / "hidden").mkdir()
    file = tmp_path / "hidden" / "test_more.py"
    file.write_text("# one\n")
    options = replace(OPTIONS, hidden=str(tmp_path / "hidden"))
    kept(submission, options).keep([verdict()])
    assert kept(submission, options).recall([SOFTMAX])
    file.write_text("# two\n")
    assert not kept(submission, options).recall([SOFTMAX])


def test_a_verdict_depends_on_the_tests_of_the_exercise(submission, monkeypatch):
    kept(submission).keep([verdict()])
    monkeypatch.setattr(progress, "fingerprint", lambda exercises: "changed")
    assert not kept(submission).recall([SOFTMAX])


@pytest.mark.parametrize("field", ["secret", "exercise"])
def test_neither_the_secret_nor_the_choice_of_exercises_outdates_a_verdict(submission, field):
    kept(submission).keep([verdict()])
    other = replace(OPTIONS, **{field: {"secret": "second", "exercise": (SOFTMAX.id,)}[field]})
    assert kept(submission, other).recall([SOFTMAX])


@pytest.mark.parametrize("kind", FailureKind)
def test_what_may_be_an_accident_is_judged_again(submission, kind):
    kept(submission).keep([verdict(passed=False, failure_kind=kind)])
    assert bool(kept(submission).recall([SOFTMAX])) == (kind == FailureKind.EXCEPTION)


def test_a_damaged_file_is_judged_again_and_written_again(submission):
    kept(submission).keep([verdict()])
    (file,) = (submission.parent / "verdicts").iterdir()
    file.write_text("{")
    assert not kept(submission).recall([SOFTMAX])
    kept(submission).keep([verdict()])
    assert kept(submission).recall([SOFTMAX])


def test_a_second_hand_in_is_judged_where_it_changed(submission, monkeypatch):
    judged, real = [], grade_one.judge

    def judge(folder, exercises, *arguments, **settings):
        judged.extend(exercise.id for exercise in exercises)
        return real(folder, exercises, *arguments, **settings)

    monkeypatch.setattr(grade_one, "judge", judge)
    options = GradingOptions(exercise=(SOFTMAX.id, ONE_HOT.id, DECAY.id), secret="first")
    file = submission.parent / "ada.json"

    def grade(secret: str) -> dict:
        task = {"source": str(submission), "name": "ada", "file": str(file), "key": "key"}
        place = {"kept": str(submission.parent / "verdicts")}
        outcome = grade_one.grade(**task, **place, options=replace(options, secret=secret))
        assert outcome == Outcome.GRADED
        return json.loads(file.read_text(encoding="utf-8"))

    first = grade("first")
    assert sorted(judged) == sorted(options.exercise)
    judged.clear()
    append(submission, "cnn")
    again = grade("second")
    assert judged == [SOFTMAX.id] and again["score"] == first["score"] > 0
    assert again["tests"] == first["tests"]
    secrets = {id: entry["secret"] for id, entry in again["extra_data"]["judged"].items()}
    assert secrets == {SOFTMAX.id: "second", ONE_HOT.id: "first", DECAY.id: "first"}
