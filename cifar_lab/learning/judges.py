"""The processes that judge for `watch`: one with Keras, and one without, which starts sooner."""

import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cifar_lab.course import syllabus
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict, FailureKind, TestVerdict
from cifar_lab.learning.judge_server import FORKS

FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+) in ', re.MULTILINE)


class Judges:
    """Judges of one submission; `ask` gives up what was asked before.

    Args:
        folder: The submission.
        notify: Called from another thread with each event of a judge, and with the exercise.
        seconds: Time limit of a test; by default the syllabus decides.
        options: Further arguments of the judges' processes.
    """

    def __init__(
        self,
        folder: Path,
        notify: Callable[[Exercise, dict[str, Any]], None],
        seconds: float | None = None,
        options: tuple[str, ...] = (),
    ):
        self._folder = folder
        self._notify = notify
        self._seconds = seconds
        self._options = options
        self._can_be_asked_again = FORKS and "--no-fork" not in options
        self._processes: dict[bool, subprocess.Popen] = {}
        self._asked: tuple[int, Exercise] | None = None  # the number of the request at work
        self._number = 0

    def start(self, keras: bool) -> None:
        """Start a judge, with or without Keras, unless it runs."""
        process = self._processes.get(keras)
        if process is not None and process.poll() is None:
            return
        command = [sys.executable, "-m", "cifar_lab.learning.judge_server", *self._options]
        process = subprocess.Popen(
            [*command, *(["--keras"] if keras else [])],
            cwd=syllabus.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the process that watches
        )
        self._processes[keras] = process
        threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def ask(self, exercise: Exercise) -> None:
        """Ask for a verdict, which comes as an event."""
        self.give_up()
        self.start(exercise.keras)
        self._number += 1
        self._asked = (self._number, exercise)
        self._send(exercise.keras, exercise.id)

    def give_up(self) -> None:
        """End the work on what was asked last."""
        asked, self._asked = self._asked, None
        if not asked:
            return
        keras = asked[1].keras
        if self._can_be_asked_again:
            self._send(keras, None)
        else:
            process = self._processes.pop(keras)
            process.kill()
            process.wait()

    def _send(self, keras: bool, exercise: str | None) -> None:
        request = {
            "number": self._number,
            "folder": str(self._folder),
            "exercise": exercise,
            "seconds": self._seconds,
        }
        stream = self._processes[keras].stdin
        with contextlib.suppress(BrokenPipeError):  # its end is an event, too
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()

    def _read(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            self._pass_on(json.loads(line))
        process.wait()
        asked = self._asked
        if asked and self._processes.get(asked[1].keras) is process:
            self._pass_on({"number": asked[0], "ended": ""})

    def _pass_on(self, event: dict[str, Any]) -> None:
        asked = self._asked
        if asked and event["number"] == asked[0]:
            if "ended" in event:
                self._asked = None
            self._notify(asked[1], event)

    def close(self) -> None:
        """End all processes."""
        self.give_up()
        for process in self._processes.values():
            process.stdin.close()  # a judge ends its child, and itself
            if not self._can_be_asked_again:
                process.kill()
        for process in self._processes.values():
            process.wait()


def unfinished(
    exercise: Exercise, name: str, tests: list[TestVerdict], stack: str, folder: Path
) -> ExerciseVerdict:
    """Return the verdict on an exercise whose judge ended within a test.

    Args:
        exercise: The exercise.
        name: The test.
        tests: The verdicts on the tests before it.
        stack: The calls at its end, if it took too long.
        folder: The folder of the learner's modules.
    """
    kind, message = FailureKind.CRASH, "Your code ended the process that judges it."
    if stack:
        kind, message = FailureKind.TIMEOUT, f"This took too long: stopped{_place(stack, folder)}"
    failure = TestVerdict(name, False, message, failure_kind=kind)
    return ExerciseVerdict(exercise, [*tests, failure])


def _place(stack: str, folder: Path) -> str:
    """Return the learner's line in a stack that faulthandler wrote, the last call first."""
    for frame in FRAME.finditer(stack):
        file = Path(frame["file"])
        if file.parent == folder:
            number = int(frame["line"])
            try:
                text = file.read_text(encoding="utf-8-sig").splitlines()[number - 1].strip()
            except (OSError, ValueError, IndexError):
                text = ""
            return f" in {file.name}, line {number}: {text}"
    return ""
