"""Functions for notebooks: set up a lesson, show cards and hints, judge exercises."""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cifar_lab import PACKAGE
from cifar_lab.course import progress, stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.submission import NoSubmission, find_submission
from cifar_lab.course.verdict import ExerciseVerdict
from cifar_lab.execution.keras_import import import_keras
from cifar_lab.execution.loader import Modules
from cifar_lab.learning import names
from cifar_lab.learning import solution as solutions
from cifar_lab.learning.describe import as_html, describe
from cifar_lab.learning.judging import judge_and_remember
from cifar_lab.learning.reload import Reloader

FILLED, EMPTY = "*", "."


class WrongModules(CourseError):
    """The notebook would import other modules than those of its folder."""


class NoSuchHint(CourseError):
    """There is no hint of this level."""


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
        reloader = Reloader()
        shell.events.register("pre_run_cell", reloader.reload_saved)
        shell.events.register("post_run_cell", reloader.note_loaded)
        shell.set_custom_exc((CourseError,), _show_error)


def _show_error(shell, kind, error: CourseError, *_, **__) -> None:
    """Show the message of an error that the reader can correct, without a traceback."""
    print(error, file=sys.stderr)


def card(exercise: str) -> None:
    """Print an exercise's card: its points, its time, and what is hard about it."""
    (entry,) = syllabus.find([exercise])
    stars = FILLED * entry.difficulty + EMPTY * (5 - entry.difficulty)
    print(f"Exercise {entry.id}: write it in {PACKAGE}/{entry.module}.py")
    points = f"{entry.points:g} point" + ("s" if entry.points != 1 else "")
    print(f"difficulty {stars}   about {entry.minutes} minutes   {points}")
    print(f"hard: {entry.hard}")


class Shown:
    """A text for a notebook, with HTML where the notebook can show it."""

    def __init__(self, text: str, html: str):
        self._text, self._html = text, html

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return self._html


def check(what: str | Callable) -> None:
    """Judge exercises of this notebook's modules, and show each verdict as it falls.

    Args:
        what: An exercise, a module or the number of a lesson, such as "one_hot", "normalization"
            or "1"; or a function.
    """
    folder = find_submission()
    exercises = syllabus.find([what if isinstance(what, str) else what.__name__])
    modules = os.path.relpath(folder / PACKAGE)  # as seen from here: judging changes the folder

    def show(verdict: ExerciseVerdict) -> None:
        exercise, note = verdict.exercise, ""
        if _is_defined_here(exercise, what):
            note = (
                f"This reads {PACKAGE}/{exercise.module}.py, and the {exercise.name} in your "
                "notebook is another one: write it in that file."
            )
        text = "\n".join(filter(None, [describe(verdict), note]))
        _show(Shown(text, as_html(verdict, f"{modules}/{exercise.module}.py", note)))

    judge_and_remember(folder, exercises, report=show)


def _is_defined_here(exercise: syllabus.Exercise, what: str | Callable) -> bool:
    """Return True if a cell of the notebook defines a function of the exercise's name."""
    found = vars(sys.modules["__main__"]).get(exercise.name) if isinstance(what, str) else what
    return getattr(found, "__module__", None) == "__main__"


def _show(shown: Shown) -> None:
    """Display an object, or print it where there is no notebook."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(shown)
    else:
        display(shown)


def hint(exercise: str | None = None, level: int | None = None) -> None:
    """Print the next hint for an exercise; without a name, for the next exercise."""
    folder = find_submission()
    entry = names.at_work(folder, exercise)
    level = level or progress.next_hint_level(folder, entry)
    if not 1 <= level <= len(entry.hints):
        raise NoSuchHint(f"{entry.id} has hints 1 to {len(entry.hints)}")
    print(f"{entry.id}, hint {level} of {len(entry.hints)}: {entry.hints[level - 1]}")


def solution(exercise: str | None = None, give_up: bool = False) -> None:
    """Print your answer and the reference's, after yours has passed.

    Args:
        exercise: Its name; by default the next exercise.
        give_up: Show the reference's before yours passes; the board notes it.
    """
    folder = find_submission()
    try:
        entry = names.at_work(folder, exercise)
        how = f'solution("{entry.name}", give_up=True)'
        found = solutions.solution(folder, entry, give_up, how)
    except solutions.NoSolution as reason:
        print(reason)
        return
    for title, text in found.titled:
        print(f"{title}:\n\n{text}\n")


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
