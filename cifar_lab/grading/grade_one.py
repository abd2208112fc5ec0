"""Grade one hand-in and write its results: what a worker of the class's cluster runs.

python -m cifar_lab.grading.grade_one < TASK    (JSON: the arguments of `grade`, by name)
"""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.grading import intake
from cifar_lab.grading.results import (
    GRADED,
    GRADER_ERROR,
    INVALID,
    OTHER_USER,
    UNTRUSTED,
    make_results,
    write_results,
)
from cifar_lab.grading.run import CannotJudge, judge

PATIENCE = 30  # seconds to tidy up: a wall alone may take 10 to come down


def grade(
    source: str,
    name: str,
    file: str,
    key: str,
    walled: bool,
    exercises: list[str],
    secret: str,
    hidden: str | None = None,
    other_user: bool = False,
) -> str:
    """Judge a hand-in and write its results.

    Args:
        source: The hand-in, a folder or a zip file.
        name: Its safe name.
        file: Where the results go.
        key: What they depend on.
        walled: Run it behind a wall.
        exercises: What to judge, as in `syllabus.find`; none mean all.
        secret: Decides on the pictures that its networks are scored on.
        hidden: The folder of an instructor's own tests, if there are any.
        other_user: In place of a wall there is only another user.

    Returns:
        The verdict: `graded`, `invalid submission` or `grader error`.
    """
    with tempfile.TemporaryDirectory(prefix="cifar-course-") as folder:
        copy = Path(folder, "hand-in")
        hand_in = intake.take_in(Path(source), name, copy)
        Path(folder).chmod(0o755)  # the wall's user reads the copy
        verdicts, verdict, words = {}, INVALID, "There is nothing to judge."
        if hand_in.valid:
            verdict, words = GRADED, ""
            try:
                asked = syllabus.find(exercises)
                how = {"walled": walled, "other_user": other_user}
                verdicts = judge(copy, asked, secret=secret, hidden=hidden, **how)
                # it may have been the machine, short of memory, say: the second verdict stands
                killed = [v.exercise for v in verdicts.values() if v.was_killed]
                verdicts |= judge(copy, killed, secret=secret, hidden=hidden, **how)
            except CannotJudge as fault:
                verdict, words = GRADER_ERROR, str(fault)
    trusted = walled and not other_user
    stamp = OTHER_USER if other_user else UNTRUSTED
    found = make_results(hand_in, verdicts, verdict, key, trusted, words, stamp)
    write_results(Path(file), found)
    return verdict


def _end_with(parent: int) -> None:
    """End when the worker that asked is gone: another one does this hand-in again."""
    while os.getppid() == parent:
        time.sleep(0.5)
    # as Ctrl-C does it, so that the copy of the hand-in goes, too
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    time.sleep(PATIENCE)
    os._exit(1)


def main() -> None:
    """Grade what standard input says; print the verdict."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    print(grade(**json.load(sys.stdin)))


if __name__ == "__main__":
    main()
