"""From a grading test that has run to the message for the learner and the exercise's verdict."""

import os
import re
from collections.abc import Generator
from typing import Self

import pytest

from cifar_lab.course import board, syllabus
from cifar_lab.course.submission import find_submission
from cifar_lab.course.verdict import ExerciseVerdict, FailureKind, TestVerdict
from cifar_lab.execution.printed import LIMIT, LINES
from cifar_lab.testing.expect import Mismatch
from cifar_lab.testing.learner import Failure, GradingError, Learner, LearnerError
from cifar_lab.testing.markers import exercise_of, hidden_points, role_of

MESSAGE_LIMIT = 20_000  # characters
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")  # colors and movements of the cursor


class GradingRun:
    """Record of one pytest run, which is registered as a plugin of that run.

    Attributes:
        verdicts: The verdicts so far, by exercise id.
        grading_errors: A line for each grading test that broke; with one, no verdict counts.
        data_asked_for: CIFAR_COURSE_DATA at the start; a conftest.py may change it later.
    """

    NAME = "grading run"

    def __init__(self):
        self.verdicts: dict[str, ExerciseVerdict] = {}
        self.grading_errors: list[str] = []
        self.data_asked_for = os.environ.get("CIFAR_COURSE_DATA")

    @classmethod
    def of(cls, config: pytest.Config) -> Self:
        """Return the record of a pytest run."""
        return config.pluginmanager.get_plugin(cls.NAME)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Replace tracebacks by the message that a learner needs, and note the verdict."""
        report = yield
        if exercise_of(item) is None or not (call.when == "call" or report.failed):
            return report
        error = call.excinfo.value if call.excinfo else None
        if report.failed and is_grading_error(error, call.when):
            self.grading_errors.append(f"{item.nodeid}: {type(error).__name__}: {error}")
            item.session.shouldstop = "a grading test broke"  # there will be no verdict
            return report
        if report.failed:
            report.longrepr = message(error, item.funcargs.get("learner"))
            report.sections = [part for part in report.sections if "stdout" in part[0]]
        if report.passed or report.failed:
            self._note(item, report, error)
        return report

    def pytest_terminal_summary(self, terminalreporter, config: pytest.Config) -> None:
        """Print the board and the points."""
        if self.verdicts and config.get_verbosity() > -2:  # twice quiet: nobody reads it
            folder = find_submission(config.getoption("submission"))
            terminalreporter.write(board.as_text(folder, self.verdicts))

    def _note(
        self, item: pytest.Item, report: pytest.TestReport, error: BaseException | None
    ) -> None:
        test, learner = self._verdict_of(item), item.funcargs.get("learner")
        test.flags += [flag for flag in getattr(learner, "flags", ()) if flag not in test.flags]
        if report.failed and test.passed:
            test.passed = False
            test.message = _printable(str(report.longrepr))
            test.not_written = getattr(error, "not_written", None)
            test.mistake = getattr(error, "mistake", None)
            test.failure_kind = failure_kind(error, learner)

    def _verdict_of(self, item: pytest.Item) -> TestVerdict:
        """Return the test's own verdict; the cases of a parametrized test share one."""
        exercise = syllabus.exercises()[exercise_of(item)]
        verdict = self.verdicts.setdefault(exercise.id, ExerciseVerdict(exercise))
        law = law_of(item)
        points = hidden_points(item)
        known = verdict.tests if points is None else [test for test, _ in verdict.hidden]
        for test in known:
            if test.name == law:
                return test
        test = TestVerdict(law, **role_of(item))
        if points is None:
            verdict.tests.append(test)
        else:
            verdict.hidden.append((test, points))
        return test


def law_of(item: pytest.Item) -> str:
    """Return what a grading test demands: the first line of its docstring."""
    return (item.function.__doc__ or item.originalname).strip().splitlines()[0].rstrip(".")


def is_grading_error(error: BaseException, when: str) -> bool:
    """Return True if the grader broke, and not on something odd that learner code returned."""
    return when != "call" or isinstance(error, GradingError | NameError | ImportError | SyntaxError)


def failure_kind(error: BaseException, learner: Learner | None) -> FailureKind | None:
    """Return why learner code did not answer; None if it did, or is not written yet."""
    if learner is not None and learner.failure is not None:
        return learner.failure.kind
    if not isinstance(error, LearnerError) or error.not_written:
        return None
    return FailureKind.MEMORY if "MemoryError" in error.types else FailureKind.EXCEPTION


def message(error: BaseException, learner: Learner | None) -> str:
    """Return what a learner reads about a test that failed with `error`."""
    text = _reason(error, learner)
    if learner is None or not learner.printed or getattr(error, "not_written", None):
        return text
    return f"{text}\n\n{_printed(learner.printed)}"


def _printed(text: str) -> str:
    """Return the last lines that learner code printed, under a heading."""
    # a progress bar goes back in its line, and prints it again
    lines = ANSI.sub("", text).rstrip().split("\n")
    lines = [line.rstrip("\r").rpartition("\r")[2].expandtabs() for line in lines]
    cut = " (the last lines)" if len(lines) > LINES or len(text) >= LIMIT else ""
    return "\n".join([f"Your code printed{cut}:", *(f"  {line}" for line in lines[-LINES:])])


def _reason(error: BaseException, learner: Learner | None) -> str:
    if isinstance(error, LearnerError):
        return error.message if error.not_written else _exception_message(error)
    called = f"Called {learner.last_call}.\n" if learner and learner.last_call else ""
    if isinstance(error, Mismatch):
        return f"{called}{error}"
    # the tests accept every right answer, so this one broke on the value that it was given
    oddity = f"{type(error).__name__}: {error}"
    return f"{called}The result is so odd that this test cannot continue ({oddity})."


def _exception_message(error: LearnerError) -> str:
    late = isinstance(error, Failure) and error.kind == FailureKind.TIMEOUT
    outcome = f"This took too long: {error.message}" if late else f"It raised {error}"
    text = [f"Called {error.call}.", outcome]
    text += [f"  {name}, line {number}: {line}" for name, number, line in error.lines]
    return "\n".join(text)


def _printable(text: str) -> str:
    """Return a message without commands to a terminal, and cut to a readable length."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text[:MESSAGE_LIMIT])
