"""Process that waits, with everything imported, to judge one exercise at a time.

    python -m cifar_lab.learning.judge_server [--keras] [--no-fork]

Requests come on standard input, one JSON object a line: `number`, `folder`, `exercise`, `seconds`;
one without an exercise only ends the work on the one before it.
Events leave on standard output in the same way. Each has the request's `number`, and one of these:

- `begins`: name of a test that begins, with the verdicts so far in `tests`
- `tests`: the verdicts on all tests
- `problem`: why there is no verdict
- `ended`: nothing more will come; where Python code did not stop in time, the stack of calls

Where the system forks safely, a forked child judges. The next request ends a child that is still
at work, and so does the end of standard input. Elsewhere this process itself judges.
"""

import argparse
import faulthandler
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TextIO

import pytest

from cifar_lab.course import progress, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.verdict import ExerciseVerdict
from cifar_lab.execution.keras_import import import_keras
from cifar_lab.grading.run import import_tests, judge
from cifar_lab.testing import plugin
from cifar_lab.testing.markers import exercise_of
from cifar_lab.testing.messages import GradingRun, law_of
from cifar_lab.testing.options import GradingOptions

FORKS = sys.platform == "linux"  # on macOS, TensorFlow fails in a forked child


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keras", action="store_true", help="import Keras before the first test")
    parser.add_argument("--no-fork", action="store_true", help="judge in this process")
    parser.add_argument(
        "--grace", type=float, default=5.0, help="seconds to end in after the time limit"
    )
    arguments = parser.parse_args()
    requests, events = _own_streams()
    problem = _import_keras() if arguments.keras else ""
    import_tests()
    forks = FORKS and not arguments.no_fork
    for request in _requests(requests):
        if request["exercise"] is None:
            continue
        if problem:
            _send(events, request, problem=problem, ended="")
        elif forks:
            _answer_in_child(request, events, requests, arguments.grace)
        else:
            _answer(request, events)
            _send(events, request, ended="")


def _own_streams() -> tuple[int, TextIO]:
    """Return standard input and output, and put the null device in their places."""
    requests, events = os.dup(0), os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return requests, events


def _import_keras() -> str:
    """Import Keras; return why that fails, if so."""
    try:
        import_keras()
    except ImportError as error:
        return str(error)
    return ""


def _requests(descriptor: int) -> Iterator[dict[str, Any]]:
    """Yield requests; of several that wait, the last one."""
    buffer = b""
    while part := os.read(descriptor, 65536):
        *lines, buffer = (buffer + part).split(b"\n")
        if lines:
            yield json.loads(lines[-1])


def _send(events: TextIO, request: dict[str, Any], **content) -> None:
    events.write(json.dumps({"number": request["number"], **content}) + "\n")
    events.flush()


def _answer_in_child(request: dict[str, Any], events: TextIO, requests: int, grace: float) -> None:
    """Judge in a forked child, which ends if there is something to read in `requests`."""
    with tempfile.TemporaryFile() as stack:
        child = multiprocessing.get_context("fork").Process(
            target=_answer, args=(request, events, (stack.fileno(), grace))
        )
        child.start()
        wait([child.sentinel, requests])
        child.kill()
        child.join()
        child.close()
        stack.seek(0)
        _send(events, request, ended=stack.read().decode(errors="replace"))


def _answer(
    request: dict[str, Any], events: TextIO, last_resort: tuple[int, float] | None = None
) -> None:
    """Judge an exercise, and remember the verdict."""
    folder, exercise = Path(request["folder"]), syllabus.exercises()[request["exercise"]]
    keys = progress.keys(folder, [exercise])
    options = GradingOptions(seconds=request["seconds"])
    observer = _Observer(events, request, last_resort)
    try:
        verdicts = judge(folder, [exercise], options, plugins=[observer])
    except (CourseError, OSError, ImportError) as error:
        _send(events, request, problem=str(error))
        return
    progress.remember(folder, verdicts, keys)
    _send(events, request, tests=_as_json(verdicts[exercise.id]))


def _as_json(verdict: ExerciseVerdict | None) -> list[dict[str, Any]]:
    return [asdict(test) for test in verdict.tests] if verdict else []


class _Observer:
    """Plugin that tells which test begins, and ends this process if the test never does.

    Args:
        events: The file for events.
        request: The request.
        last_resort: File descriptor for the stack of calls of code that does not end, and the
            seconds that it has after its time limit; None leaves the process alone.
    """

    def __init__(
        self, events: TextIO, request: dict[str, Any], last_resort: tuple[int, float] | None
    ):
        self._events = events
        self._request = request
        self._last_resort = last_resort

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        so_far = GradingRun.of(item.config).verdicts.get(exercise_of(item))
        _send(self._events, self._request, begins=law_of(item), tests=_as_json(so_far))
        if self._last_resort:
            stack, grace = self._last_resort
            seconds = self._request["seconds"] or syllabus.seconds_per_test(plugin.trains(item))
            # from another thread, and without Python: it ends a computation in C, too
            faulthandler.dump_traceback_later(seconds + grace, exit=True, file=stack)


if __name__ == "__main__":
    main()
