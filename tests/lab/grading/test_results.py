"""Results are written in Gradescope's format and read back; damaged ones are refused."""

import json

import pytest

from cifar_lab.course.syllabus import exercises
from cifar_lab.course.verdict import ExerciseVerdict, FailureKind, Outcome, TestVerdict
from cifar_lab.grading.batch import _is_done
from cifar_lab.grading.intake import Submission
from cifar_lab.grading.results import (
    NO_FULL_SANDBOX,
    NO_SANDBOX,
    VERSION,
    Results,
    ResultsError,
    not_graded,
)
from cifar_lab.testing.options import GradingOptions

EXERCISE = exercises()["normalization.standardize"]
SANDBOXED = GradingOptions(sandbox=True)


@pytest.fixture
def results() -> Results:
    """Return results with every kind of content."""
    tests = [
        TestVerdict("passes", main=True),
        TestVerdict("fails", False, "Called f().", mistake="you did it", flags=["odd"]),
        TestVerdict("crashes", False, "It crashed.", failure_kind=FailureKind.CRASH),
        TestVerdict("meets a stub", False, "not written", not_written=EXERCISE.id),
    ]
    secret = TestVerdict("hidden", False, "SECRET", mistake="SECRET", flags=["SECRET"])
    verdict = ExerciseVerdict(EXERCISE, tests, hidden=[(secret, 2.0)])
    submission = Submission("ada", "Ada.zip", ["normalization"], ["a.txt"], ["cnn.py is missing"])
    return Results.of(submission, Outcome.GRADED, "key", SANDBOXED, [verdict])


def test_they_come_back_as_they_were_written(results, tmp_path):
    results.write(tmp_path / "ada.json")
    assert Results.read(tmp_path / "ada.json") == results


def test_the_file_is_in_gradescopes_format(results):
    found = json.loads(json.dumps(results.to_json()))
    assert set(found) == {"output", "score", "tests", "extra_data"}
    assert found["score"] == round(EXERCISE.points / 4, 2)
    first, second, *_ = found["tests"]
    assert first["name"] == "normalization.standardize: passes"
    assert (first["score"], first["max_score"]) == (EXERCISE.points / 4, EXERCISE.points / 4)
    assert (first["status"], first["output"]) == ("passed", "")
    assert first["extra_data"]["counts"] is True
    assert (second["score"], second["status"]) == (0, "failed")
    assert second["output"] == "Called f()."
    assert found["extra_data"]["outcome"] == "graded" and found["extra_data"]["trusted"] is True
    assert found["extra_data"]["version"] == VERSION
    assert "cnn.py is missing" in found["output"] and "a.txt" in found["output"]


def test_the_secret_is_kept_for_staff_and_not_among_what_students_read():
    options = GradingOptions(sandbox=True, secret="of this run")
    verdict = ExerciseVerdict(EXERCISE, judged_at="2026-11-27T08:00:00", secret="of this run")
    ada = Submission("ada", "Ada")
    found = Results.of(ada, Outcome.GRADED, "key", options, [verdict]).to_json()
    judged = {"at": "2026-11-27T08:00:00", "secret": "of this run"}
    assert found["extra_data"]["judged"] == {EXERCISE.id: judged}
    assert "of this run" not in found["output"]


def test_a_law_that_does_not_count_earns_nothing(results):
    side = ExerciseVerdict(EXERCISE, [TestVerdict("a side law"), TestVerdict("main", False)])
    found = Results.of(Submission("ada", "Ada"), Outcome.GRADED, "key", SANDBOXED, [side])
    assert found.points == 0 and found.tests[0].passed
    assert [test.points for test in found.tests] == [0, 0]
    assert found.to_json()["tests"][0]["score"] == 0


def test_the_file_has_nothing_of_a_hidden_test_but_name_and_verdict(results):
    assert "SECRET" not in json.dumps(results.to_json())
    hidden = results.to_json()["tests"][-1]
    assert hidden["name"].endswith(": hidden") and hidden["status"] == "failed"
    assert hidden["extra_data"]["hidden"]


def test_the_sum_of_the_tests_is_the_score(results):
    points = sum(test["score"] for test in results.to_json()["tests"])
    assert results.points == pytest.approx(points, abs=0.01)


def test_a_grading_error_is_no_zero_and_quoted_to_no_student():
    error = Outcome.GRADING_ERROR
    found = Results.of(Submission("ada", "ada"), error, "", SANDBOXED, message="why").to_json()
    assert "score" not in found
    assert "why" not in found["output"] and found["extra_data"]["message"] == "why"


def test_a_submission_that_waits_has_no_score():
    assert "score" not in not_graded(Submission("ada", "ada"), SANDBOXED).to_json()


@pytest.mark.parametrize(
    ("options", "trusted", "caveat"),
    [
        (GradingOptions(sandbox=True), True, ""),
        (GradingOptions(sandbox=True, unprivileged_user=True), False, NO_FULL_SANDBOX),
        (GradingOptions(sandbox=False), False, NO_SANDBOX),
    ],
)
def test_results_that_cannot_be_trusted_say_so(options, trusted, caveat):
    found = Results.of(Submission("ada", "ada"), Outcome.INVALID, "", options)
    assert found.trusted == found.to_json()["extra_data"]["trusted"] == trusted
    assert found.output == caveat


def _without_version(found: dict) -> None:
    del found["extra_data"]["version"]


def _of_the_future(found: dict) -> None:
    found["extra_data"]["version"] = VERSION + 1


def _unknown_outcome(found: dict) -> None:
    found["extra_data"]["outcome"] = "splendid"


def _unknown_field(found: dict) -> None:
    found["extra_data"]["color"] = "blue"


def _missing_field(found: dict) -> None:
    del found["extra_data"]["key"]


def _damaged_test(found: dict) -> None:
    del found["tests"][0]["status"]


def _no_extra_data(found: dict) -> None:
    del found["extra_data"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_version, "the version of these results is none"),
        (_of_the_future, f"the version of these results is {VERSION + 1}"),
        (_unknown_outcome, "damaged (ValueError: 'splendid'"),
        (_unknown_field, "damaged (TypeError"),
        (_missing_field, "damaged (TypeError"),
        (_damaged_test, "damaged (KeyError: 'status')"),
        (_no_extra_data, "damaged (KeyError: 'extra_data')"),
    ],
)
def test_other_versions_and_damaged_files_are_graded_again_and_refused_elsewhere(
    results, tmp_path, damage, message
):
    file = tmp_path / "ada.json"
    results.write(file)
    assert _is_done(file, "key")
    found = results.to_json()
    damage(found)
    file.write_text(json.dumps(found), encoding="utf-8")
    assert not _is_done(file, "key")
    with pytest.raises(ResultsError) as refused:
        Results.read(file)
    assert str(file) in str(refused.value) and message in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"text"'])
def test_a_file_that_holds_no_results_is_graded_again_and_refused_elsewhere(tmp_path, text):
    file = tmp_path / "ada.json"
    file.write_text(text, encoding="utf-8")
    assert not _is_done(file, "key")
    with pytest.raises(ResultsError, match=r"ada\.json"):
        Results.read(file)


@pytest.mark.parametrize("outcome", [Outcome.NOT_GRADED, Outcome.GRADING_ERROR])
def test_a_submission_without_a_grade_is_graded_again(tmp_path, outcome):
    file = tmp_path / "ada.json"
    Results.of(Submission("ada", "ada"), outcome, "key", SANDBOXED).write(file)
    assert not _is_done(file, "key")


def test_a_file_that_is_not_there_is_graded(tmp_path):
    assert not _is_done(tmp_path / "ada.json", "key")
