"""Points of an exercise: which laws count."""

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import ExerciseVerdict, TestVerdict

ROLES = {"main": {"main": True}, "second main": {"main": True}, "side": {}, "side too": {}}
ROLES["constant"] = {"constant": True}


@pytest.mark.parametrize(
    ("passed", "counted"),
    [
        (["side", "side too", "constant"], 0),
        (["main"], 1),
        (["main", "side", "constant"], 2),  # not the constant one: other laws fail
        (["second main", "side", "side too"], 3),
        (["main", "second main", "side", "side too"], 4),
        (["main", "second main", "side", "side too", "constant"], 5),
        ([], 0),
    ],
)
def test_side_laws_need_a_main_law_and_constant_ones_all_others(passed, counted):
    exercise = syllabus.exercises()["normalization.one_hot"]
    tests = [TestVerdict(name, name in passed, **role) for name, role in ROLES.items()]
    verdict = ExerciseVerdict(exercise, tests)
    assert verdict.points == round(exercise.points * counted / len(tests), 2)
