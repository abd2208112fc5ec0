"""Judge a learner's own exercises: each verdict is reported as it falls, and remembered."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import dropwhile
from pathlib import Path

from cifar_lab.course import progress
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict
from cifar_lab.execution.keras_import import import_keras

Report = Callable[[ExerciseVerdict], None]


def judge_and_remember(
    folder: Path,
    exercises: list[Exercise],
    report: Report = lambda verdict: None,
    again: bool = False,
    seconds: float | None = None,
    while_keras_starts: Callable[[], AbstractContextManager] = nullcontext,
) -> dict[str, ExerciseVerdict]:
    """Return the verdicts by exercise id, in the order of `exercises`.

    Args:
        folder: The submission.
        exercises: The exercises, in the order of the course.
        report: Called with each verdict, in the same order, as soon as possible.
        again: Judge also what was judged before and has not changed.
        seconds: Time limit of a test; by default the syllabus decides.
        while_keras_starts: Makes the context in which Keras is imported.
    """
    from cifar_lab.grading.run import judge
    from cifar_lab.testing.options import GradingOptions

    folder = folder.resolve()  # pytest runs in another one
    known = {} if again else progress.recall(folder, exercises)
    fresh = [exercise for exercise in exercises if exercise.id not in known]
    keys = progress.keys(folder, fresh)
    waiting = _InOrder(exercises, report)

    def note(verdict: ExerciseVerdict) -> None:
        id = verdict.exercise.id
        progress.remember(folder, {id: verdict}, {id: keys[id]})
        known[id] = verdict
        waiting.add(verdict)

    for verdict in list(known.values()):
        waiting.add(verdict)
    options = GradingOptions(seconds=seconds)
    for part in _before_and_after_keras(fresh):
        if any(exercise.keras for exercise in part):
            with while_keras_starts():
                import_keras()  # before pytest captures what a failing import prints
        judge(folder, part, options, report=note)
    return {exercise.id: known[exercise.id] for exercise in exercises}


def _before_and_after_keras(exercises: list[Exercise]) -> tuple[list[Exercise], list[Exercise]]:
    later = list(dropwhile(lambda exercise: not exercise.keras, exercises))
    return exercises[: len(exercises) - len(later)], later


class _InOrder:
    """Queue of verdicts that reports each when all before it have been reported."""

    def __init__(self, exercises: list[Exercise], report: Report):
        self._order = [exercise.id for exercise in exercises]
        self._report = report
        self._waiting: dict[str, ExerciseVerdict] = {}

    def add(self, verdict: ExerciseVerdict) -> None:
        self._waiting[verdict.exercise.id] = verdict
        while self._order and self._order[0] in self._waiting:
            self._report(self._waiting.pop(self._order.pop(0)))
