"""Grade one submission and write its results, in a process that a worker of the class starts.

python -m cifar_lab.grading.grade_one < TASK    (JSON: the arguments of `grade`, by name)
"""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict, Outcome
from cifar_lab.execution.time_limit import interrupt_main_thread
from cifar_lab.grading import intake
from cifar_lab.grading.kept import Kept
from cifar_lab.grading.results import Results
from cifar_lab.grading.run import CannotJudge, judge
from cifar_lab.testing.options import GradingOptions

TRIES = 2  # a grading error, or a killed process, may be an accident of the machine
CLEANUP = 30  # seconds to tidy up: the end of a sandbox alone may take 10


def grade(
    source: str, name: str, file: str, key: str, options: GradingOptions, kept: str | None = None
) -> Outcome:
    """Judge a submission and write its results.

    Args:
        source: The submission, a folder or an archive.
        name: The submission's safe name.
        file: Path of the results.
        key: The key of the results (`key_of`).
        options: The settings of the grading.
        kept: The folder of the class's verdicts (`Kept`); without it, everything is judged.

    Returns:
        `GRADED`, `INVALID` or `GRADING_ERROR`.
    """
    with tempfile.TemporaryDirectory(prefix="cifar-course-") as folder:
        copy = Path(folder, "submission")
        submission = intake.take_in(Path(source), name, copy)
        if options.unprivileged_user:
            Path(folder).chmod(0o755)  # bubblewrap mounts the copy as root; this user reads it
        verdicts, outcome, message = [], Outcome.INVALID, "There is nothing to judge."
        if submission.valid:
            try:
                verdicts = _verdicts(
                    copy, options, Kept(Path(kept), copy, options) if kept else None
                )
                outcome, message = Outcome.GRADED, ""
            except CannotJudge as error:
                outcome, message = Outcome.GRADING_ERROR, str(error)
    results = Results.of(submission, outcome, key, options, verdicts, message)
    results.write(Path(file))
    return outcome


def _verdicts(folder: Path, options: GradingOptions, kept: Kept | None) -> list[ExerciseVerdict]:
    """Return all verdicts; only those that are not kept are judged.

    Raises:
        CannotJudge: The grader failed in every try.
    """
    exercises = syllabus.find(options.exercise)
    verdicts = kept.recall(exercises) if kept else {}
    new = _judged(folder, [e for e in exercises if e.id not in verdicts], options)
    for verdict in new.values():
        verdict.judged_at = datetime.now(UTC).isoformat(timespec="seconds")
        verdict.secret = options.secret
    if kept:
        kept.keep(new.values())
    return [(verdicts | new)[exercise.id] for exercise in exercises]


def _judged(
    folder: Path, exercises: list[Exercise], options: GradingOptions
) -> dict[str, ExerciseVerdict]:
    """Judge exercises; what failed through the machine is tried again, and then stands.

    Raises:
        CannotJudge: The grader failed in every try.
    """
    verdicts: dict[str, ExerciseVerdict] = {}
    for tries_left in reversed(range(TRIES)):
        try:
            verdicts |= judge(folder, exercises, options)
        except CannotJudge:
            if not tries_left:
                raise
        else:
            exercises = [verdict.exercise for verdict in verdicts.values() if verdict.was_killed]
    return verdicts


def _end_with(parent: int) -> None:
    """End this process when the worker is gone: another worker grades the submission again."""
    while os.getppid() == parent:
        time.sleep(0.5)
    # like Ctrl-C, so that the copy of the submission is removed, too
    interrupt_main_thread()
    time.sleep(CLEANUP)
    os._exit(1)


def main() -> None:
    """Grade the task on standard input."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    task = json.load(sys.stdin)
    grade(**task | {"options": GradingOptions.from_json(task["options"])})


if __name__ == "__main__":
    main()
