"""Points given by hand replace the grader's, are shown as such, and survive every run."""

import csv
from dataclasses import replace

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import Outcome
from cifar_lab.reports import html, junit
from cifar_lab.reports.overrides import COLUMNS, FILE, Overrides, OverridesError
from cifar_lab.reports.students import Student
from cifar_lab.reports.write import publish

from . import made_up_class

HEADER = ",".join(COLUMNS) + "\n"
ONE_HOT = syllabus.exercises()["normalization.one_hot"]
LINE = f"Ada,one_hot,{ONE_HOT.points:g},the test was wrong,Prof. Byron,2026-11-27\n"


def read(folder, text: str, encoding: str = "utf-8") -> Overrides:
    (folder / FILE).write_bytes(text.encode(encoding))
    return Overrides.read(folder / FILE)


@pytest.fixture
def ada():
    """Return a student's results in which `one_hot` failed altogether."""
    (one, *_) = made_up_class.results_of_class()
    tests = tuple(
        replace(test, passed=test.passed and test.exercise != ONE_HOT.id) for test in one.tests
    )
    points = round(sum(test.points for test in tests), 2)
    return replace(one, name="Ada", original="Ada", tests=tests, points=points)


def test_points_given_by_hand_replace_those_of_the_tests(tmp_path, ada):
    given = read(tmp_path, HEADER + LINE).apply(ada)
    assert given.points == pytest.approx(ada.points + ONE_HOT.points)
    less = read(tmp_path, HEADER + LINE.replace(f",{ONE_HOT.points:g},", ",0.5,")).apply(ada)
    assert less.points == pytest.approx(ada.points + 0.5)
    again = read(tmp_path, HEADER + "Ada,standardize,0,copied,B,today\n").apply(ada)
    lost = sum(test.points for test in ada.tests if test.exercise == "normalization.standardize")
    assert lost > 0 and again.points == pytest.approx(ada.points - lost, abs=0.01)


def test_without_a_line_or_a_file_nothing_changes(tmp_path, ada):
    assert read(tmp_path, HEADER + LINE.replace("Ada", "Bob")).apply(ada) == ada
    assert Overrides.read(tmp_path / "none.csv").apply(ada) == ada


def test_every_report_has_the_points_and_says_who_gave_them(tmp_path, ada):
    (tmp_path / FILE).write_text(HEADER + LINE)
    points = f"{ada.points + ONE_HOT.points:.2f}".rstrip("0").rstrip(".")
    for _ in range(2):  # whatever a second run finds is the grader's again
        published = publish([ada], tmp_path)
        (row,) = csv.DictReader((tmp_path / "grades.csv").open(encoding="utf-8"))
        assert row["points"].rstrip("0").rstrip(".") == points and not published.notes
    page = (tmp_path / "feedback" / "Ada.html").read_text(encoding="utf-8")
    assert "Points given by hand</b> by Prof. Byron on 2026-11-27: the test was wrong" in page
    assert f"{ONE_HOT.points:g} of {ONE_HOT.points:g} points" in page
    teacher = (tmp_path / "class.html").read_text(encoding="utf-8")
    assert "points given by hand" in teacher and "the test was wrong" in teacher
    assert (tmp_path / FILE).read_text() == HEADER + LINE


def test_no_grade_stays_no_grade_and_is_said(tmp_path):
    broken = made_up_class.results_of("Ada", Outcome.GRADING_ERROR, message="x")
    overrides = read(tmp_path, HEADER + LINE + LINE.replace("Ada", "Zoe"))
    assert overrides.apply(broken) == broken
    assert overrides.notes([broken]) == [
        "overrides.csv: Ada has no grade yet, so its lines wait",
        "overrides.csv: there is no submission 'Zoe'",
    ]


def test_an_exercise_of_an_unreadable_submission_can_have_points(tmp_path):
    invalid = made_up_class.results_of("Ada", Outcome.INVALID)
    given = read(tmp_path, HEADER + LINE).apply(invalid)
    assert given.points == ONE_HOT.points
    (result,) = Student(given).exercises.values()
    assert (result.points, result.max_points) == (ONE_HOT.points, ONE_HOT.points)
    assert "Points given by hand" in html.feedback_page(Student(given))
    assert ONE_HOT.id in junit.document(Student(given))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (HEADER.replace(",", ";") + LINE.replace(",", ";"), "utf-8-sig"),
        (HEADER + LINE.replace("wrong", "naïve"), "cp1252"),
        (HEADER.upper() + "\r\n,,,,,\r\n" + LINE, "utf-8"),
    ],
    ids=["semicolons", "Excel", "upper case"],
)
def test_a_file_as_spreadsheets_write_it(tmp_path, text, encoding):
    (override,) = read(tmp_path, text, encoding).lines["Ada"]
    assert (override.exercise, override.points) == (ONE_HOT.id, ONE_HOT.points)


def test_a_decimal_comma(tmp_path):
    text = HEADER.replace(",", ";") + "Ada;one_hot;0,5;late;B;today\n"
    assert read(tmp_path, text).lines["Ada"][0].points == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,points\nAda,1\n", r"no column 'submission'; its first line should be submission,"),
        (HEADER + LINE.replace("one_hot", "one_hott"), "line 2: .*one_hott"),
        (HEADER + LINE.replace("one_hot", "normalization"), "line 2: .*is not one exercise"),
        (HEADER + "Ada,one_hot,20,r,b,w\n", r"line 2: the points are '20'; .* has 0 to"),
        (HEADER + "Ada,one_hot,-1,r,b,w\n", "line 2: the points are '-1'"),
        (HEADER + "Ada,one_hot,all,r,b,w\n", "line 2: the points are 'all'"),
        (HEADER + LINE + LINE, "line 3: Ada already has points for normalization.one_hot"),
    ],
)
def test_a_line_that_means_nothing_is_named(tmp_path, text, message):
    with pytest.raises(OverridesError, match=message):
        read(tmp_path, text)


def test_a_hidden_test_tells_no_more_than_that_it_failed(ada):
    hidden = replace(ada.tests[0], passed=False, failure_kind="timeout", hidden=True, message="")
    student = Student(replace(ada, tests=(hidden,)))
    for text in (html.feedback_page(student), junit.document(student)):
        assert "timeout" not in text and "failed" in text
