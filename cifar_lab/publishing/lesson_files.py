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
    return [*map(syllabus.test_file, lesson.exercises), lesson.test_folder / "oracles.py"]
