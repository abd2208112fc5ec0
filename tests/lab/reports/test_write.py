"""The table of all grades holds no formulas."""

import csv

import pytest

from cifar_lab.course.verdict import Outcome
from cifar_lab.reports.write import grades_csv

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
