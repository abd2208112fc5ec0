"""The table of all grades holds no formulas, and reports need little memory."""

import csv
import weakref

import pytest

from cifar_lab.course.verdict import Outcome
from cifar_lab.grading.results import Results
from cifar_lab.reports import html
from cifar_lab.reports.students import Compact, Student
from cifar_lab.reports.write import grades_csv, publish

from . import made_up_class


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@a", " =1", "\t=1"])
def test_no_cell_is_a_formula(name):
    (_, row) = csv.reader(
        grades_csv([made_up_class.results_of(name, Outcome.INVALID)]).splitlines()
    )
    assert row[1].startswith("'") and row[1].isprintable()


def test_a_submission_without_a_grade_has_no_points():
    results = [made_up_class.results_of("ada", outcome) for outcome in Outcome]
    points = {
        row["outcome"]: row["points"] for row in csv.DictReader(grades_csv(results).splitlines())
    }
    assert points == {
        "not graded": "",
        "graded": "0",
        "invalid submission": "0",
        "grading error": "",
    }


def test_the_page_of_a_class_is_the_same_from_compact_results(tmp_path):
    results = made_up_class.results_of_class()
    compact = Compact()
    small = [compact(one) for one in results]
    assert html.class_page([*map(Student, small)]) == html.class_page([*map(Student, results)])
    tests = [test for one in small for test in one.tests]
    assert len({id(test) for test in tests}) == len(set(tests)) < len(tests) / 10


def test_one_result_is_in_memory_at_a_time(tmp_path):
    seen: list[weakref.ref[Results]] = []

    def read():
        for one in made_up_class.results_of_class(20):
            again = Results.from_json(one.to_json())
            seen.append(weakref.ref(again))
            assert sum(reference() is not None for reference in seen) <= 2
            yield again

    published = publish(read(), tmp_path)
    assert len(published.results) == 20 == len(list((tmp_path / "feedback").iterdir()))


def test_changes_since_the_reports_before_are_listed(tmp_path):
    names = ("ada", "bob", "eve")
    first = [made_up_class.results_of(name, Outcome.INVALID) for name in names[:2]]
    assert publish(first, tmp_path).changes == []
    assert publish(first, tmp_path).changes == []
    second = [made_up_class.results_of(name, Outcome.INVALID) for name in names[1:]]
    second += [made_up_class.results_of("ada", Outcome.GRADING_ERROR)]
    assert publish(second, tmp_path).changes == [
        "eve: not there, now 0 points (invalid submission)",
        "ada: 0 points (invalid submission), now grading error",
    ]


@pytest.mark.parametrize("text", ["", "name,points\nada,1\n", "\xff", "name,points,outcome\n"])
def test_a_table_that_is_not_ours_has_no_changes(tmp_path, text):
    (tmp_path / "grades.csv").write_text(text, encoding="latin-1")
    result = made_up_class.results_of("ada", Outcome.INVALID)
    assert publish([result], tmp_path).changes == []
