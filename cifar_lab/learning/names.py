"""Find the exercise that a learner means."""

from pathlib import Path

from cifar_lab.course import progress, syllabus
from cifar_lab.course.syllabus import Exercise, UnknownExercise


def one_exercise(name: str) -> Exercise:
    """Return the exercise of this id or name.

    Raises:
        UnknownExercise: It is a lesson, or nothing.
    """
    found = syllabus.find([name])
    if len(found) == 1 and name in (found[0].id, found[0].name):
        return found[0]
    raise UnknownExercise(f"{name!r} is a lesson; name one of its exercises, such as {found[0].id}")


def at_work(folder: Path, name: str | None = None) -> Exercise:
    """Return the exercise of this name, or the first one that has not passed.

    Args:
        folder: The submission.
        name: An exercise, or a lesson to look in; None looks in all.

    Raises:
        UnknownExercise: There is none of this name, or all have passed.
    """
    found = syllabus.find([name] if name else [])
    if len(found) == 1:
        return found[0]
    known = progress.recall(folder, found)
    for exercise in found:
        if exercise.id not in known or not known[exercise.id].passed:
            return exercise
    raise UnknownExercise(f"all {len(found)} exercises have passed; name the one that you mean")


def complete(beginning: str) -> list[str]:
    """Return the names of exercises and lessons that begin like this, for the shell."""
    exercises = syllabus.exercises().values()
    names = [e.name for e in exercises] + [*syllabus.modules()]
    if "." in beginning:
        names = [e.id for e in exercises]
    return [name for name in names if name.startswith(beginning)]
