"""Grade one submission and write its results: what a worker of the class's cluster runs.

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
    GRADING_ERROR,
    INVALID,
    UNPRIVILEGED,
    UNTRUSTED,
    make_results,
    write_results,
)
from cifar_lab.grading.run import CannotJudge, judge
from cifar_lab.testing.options import GradingOptions

PATIENCE = 30  # seconds to tidy up: a sandbox alone may take 10 to come down


def grade(
    source: str,
    name: str,
    file: str,
    key: str,
    sandboxed: bool,
    exercises: list[str],
    secret: str,
    hidden: str | None = None,
    unprivileged: bool = False,
) -> str:
    """Judge a submission and write its results.

    Args:
        source: The submission, a folder or a zip file.
        name: Its safe name.
        file: Where the results go.
        key: What they depend on.
        sandboxed: Run it in a sandbox.
        exercises: What to judge, as in `syllabus.find`; none mean all.
        secret: Decides on the images that its networks are scored on.
        hidden: The folder of an instructor's own tests, if there are any.
        unprivileged: In place of a sandbox there is only another user.

    Returns:
        The verdict: `graded`, `invalid submission` or `grading error`.
    """
    with tempfile.TemporaryDirectory(prefix="cifar-course-") as folder:
        copy = Path(folder, "submission")
        submission = intake.take_in(Path(source), name, copy)
        Path(folder).chmod(0o755)  # the sandbox's user reads the copy
        verdicts, verdict, words = {}, INVALID, "There is nothing to judge."
        if submission.valid:
            verdict, words = GRADED, ""
            try:
                asked = syllabus.find(exercises)
                options = GradingOptions(
                    sandbox=sandboxed, unprivileged_user=unprivileged, hidden=hidden, secret=secret
                )
                verdicts = judge(copy, asked, options)
                # it may have been the machine, short of memory, say: the second verdict stands
                killed = [v.exercise for v in verdicts.values() if v.was_killed]
                verdicts |= judge(copy, killed, options)
            except CannotJudge as problem:
                verdict, words = GRADING_ERROR, str(problem)
    trusted = sandboxed and not unprivileged
    stamp = UNPRIVILEGED if unprivileged else UNTRUSTED
    found = make_results(submission, verdicts, verdict, key, trusted, words, stamp)
    write_results(Path(file), found)
    return verdict


def _end_with(parent: int) -> None:
    """End when the worker that asked is gone: another one does this submission again."""
    while os.getppid() == parent:
        time.sleep(0.5)
    # as Ctrl-C does it, so that the copy of the submission goes, too
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
