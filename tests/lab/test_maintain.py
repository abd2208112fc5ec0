"""`maintain check` names what a new exercise or lesson still lacks."""

from dataclasses import replace

import pytest

from cifar_lab import maintain
from cifar_lab.course import syllabus


@pytest.fixture
def syllabus_with(monkeypatch):
    """The course with its first lesson changed."""
    first, *others = syllabus.lessons()

    def put(**changes):
        lessons = (replace(first, **changes), *others)
        monkeypatch.setattr(syllabus, "lessons", lambda: lessons)
        known = {e.id: e for lesson in lessons for e in lesson.exercises}
        monkeypatch.setattr(syllabus, "exercises", lambda: known)

    return put


def test_nothing_is_missing_here(reference):
    assert maintain._missing_files() == [] and maintain._grader_problems() == []


def test_an_exercise_that_is_only_entered(syllabus_with, reference):
    (first, *_) = syllabus.lessons()
    new = replace(first.exercises[0], name="brightness")
    syllabus_with(exercises=(*first.exercises, new))
    assert maintain._grader_problems() == [
        "normalization.brightness: solutions/cifar_course/normalization.py does not define it",
        "normalization.brightness has no test in tests/grading/",
        "normalization.brightness has fewer than 1 answers in tests/corpus/answers/wrong/",
        "normalization.brightness has fewer than 4 answers in tests/corpus/answers/right/",
    ]


def test_a_lesson_that_is_only_entered(syllabus_with, reference):
    (first, *_) = syllabus.lessons()
    syllabus_with(number=9, module="attention", notebook="09_attention")
    assert maintain._missing_files() == [
        "lesson 9 lacks solutions/cifar_course/attention.py",
        "lesson 9 lacks cifar_course/attention.py",
        "lesson 9 lacks lessons/09_attention.py",
        *(f"lesson 9 lacks tests/grading/lesson_9/test_{e.name}.py" for e in first.exercises),
    ]


def test_a_lesson_that_is_not_there_is_not_executed():
    with pytest.raises(syllabus.UnknownExercise, match="no lesson 09"):
        maintain.execute(["9"])
