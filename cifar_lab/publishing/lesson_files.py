"""The files that belong to the lessons of the syllabus."""

from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.syllabus import Lesson

FULL_RUNS = syllabus.GRADING_TESTS / "test_full_runs.py"


def notebooks_of(lesson: Lesson) -> list[Path]:
    """Return the text of a lesson and its notebook."""
    text = syllabus.ROOT / "lessons" / f"{lesson.notebook}.py"
    return [text, text.with_suffix(".ipynb")]


def grading_tests_of(lesson: Lesson) -> list[Path]:
    """Return the grading tests of a lesson's exercises, and the oracles that they share."""
    folder = syllabus.GRADING_TESTS / f"lesson_{lesson.number}"
    tests = [folder / f"test_{exercise.name}.py" for exercise in lesson.exercises]
    return [lesson.test_file, *tests, folder / "oracles.py"]
