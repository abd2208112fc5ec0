"""Functions for notebooks: set up a lesson, show an exercise's card, judge an exercise."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from cifar_lab import PACKAGE
from cifar_lab.course import stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.submission import NoSubmission, find_submission
from cifar_lab.course.verdict import ExerciseVerdict, Status
from cifar_lab.execution.keras_import import import_keras
from cifar_lab.execution.loader import Modules
from cifar_lab.learning.judging import judge_and_remember

FILLED, EMPTY = "*", "."


class WrongModules(CourseError):
    """The notebook would import other modules than those of its folder."""


def start(lesson: int) -> None:
    """Set the notebook up, and print which modules it uses.

    Raises:
        WrongModules: `import cifar_course` finds other modules than the nearest ones above
            the notebook.
    """
    wanted = find_submission()
    if PACKAGE not in sys.modules:
        sys.path.insert(0, str(wanted))  # an installed course has no cifar_course of its own
    package = importlib.import_module(PACKAGE)
    (found, *_) = package.__path__
    if Path(found).resolve() != wanted / PACKAGE:
        raise WrongModules(
            f"this notebook should use {wanted / PACKAGE}, but `import {PACKAGE}` finds {found}. "
            "Start Jupyter in the course's folder, install the course there "
            "(pip install -e .), and restart the kernel."
        )
    _set_up_notebook()
    (entry,) = (entry for entry in syllabus.lessons() if entry.number == lesson)
    if entry.keras:
        import_keras()
    whose = "the reference" if wanted == syllabus.ROOT / "solutions" else "your modules"
    print(f"Lesson {lesson}: {entry.title}. About {entry.minutes} minutes.")
    print(f"Uses {whose}, in {wanted.name}/{PACKAGE}.")


def _set_up_notebook() -> None:
    from IPython import get_ipython

    from cifar_lab import plots

    plots.use_course_style()
    shell = get_ipython()
    if shell is not None:
        # an edited module is used at once, without restarting the kernel
        shell.run_line_magic("load_ext", "autoreload")
        shell.run_line_magic("autoreload", "2")


def card(exercise: str) -> None:
    """Print an exercise's card: its points, its time, and what is hard about it."""
    (entry,) = syllabus.find([exercise])
    stars = FILLED * entry.difficulty + EMPTY * (5 - entry.difficulty)
    print(f"Exercise {entry.id}: write it in {PACKAGE}/{entry.module}.py")
    points = f"{entry.points:g} point" + ("s" if entry.points != 1 else "")
    print(f"difficulty {stars}   about {entry.minutes} minutes   {points}")
    print(f"hard: {entry.hard}")


def check(exercise: str) -> None:
    """Judge one exercise of this notebook's modules, and print verdict, reason and hint."""
    print(describe(_verdict(exercise)))


def _verdict(exercise: str) -> ExerciseVerdict:
    (entry,) = syllabus.find([exercise])
    return judge_and_remember(find_submission(), [entry])[entry.id]


def borrow(exercise: str) -> Callable:
    """Return the learner's answer to an exercise if it passes, otherwise the reference's.

    Raises:
        NoSubmission: The answer does not pass, and this edition has no reference.
    """
    module, name = exercise.split(".")
    verdict = _verdict(exercise)
    if verdict.passed:
        print(f"{exercise}: passes its check and is used here")
        return getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)
    if not stubs.REFERENCE.is_dir():
        raise NoSubmission(
            f"{exercise} is {verdict.status}, and this lesson needs it: write it first"
        )
    print(f"{exercise}: yours is {verdict.status}, so the reference's answer is used here")
    with Modules(stubs.REFERENCE, syllabus.modules()).active():
        return getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)


def describe(verdict: ExerciseVerdict, all_tests: bool = False, more: str = "") -> str:
    """Return a verdict as text, with the first failure's message and the first hint.

    Args:
        verdict: The verdict.
        all_tests: Show the messages of all tests that failed.
        more: What to do for the next hint; by default the command.
    """
    exercise = verdict.exercise
    right = sum(test.passed for test in verdict.tests)
    tests = (
        "" if verdict.status == Status.NOT_WRITTEN else f"{right} of {len(verdict.tests)} tests, "
    )
    points = f"{verdict.points:g} of {exercise.points:g} points"
    if verdict.status == Status.FAILED:  # "failed, 5 of 6 tests" would read as five failures
        tests = f"{right} of {len(verdict.tests)} tests passed, "
    lines = [f"{exercise.id}: {verdict.status}, {tests}{points}"]
    failure = verdict.first_failure
    if verdict.status == Status.FAILED:
        shown = [test for test in verdict.tests if not test.passed] if all_tests else [failure]
        for test in shown:
            lines += ["", f"{test.name}:", *("  " + line for line in test.message.splitlines())]
    if not verdict.passed:
        # the first hint is about the idea, not about a mistake that the message has named
        heading = "In general" if failure.mistake else "Hint"
        lines += ["", f"{heading}: {exercise.hints[0]}"]
        lines += [f"More: {more or f'cifar-course hint {exercise.id}'}"]
    return "\n".join(lines)
