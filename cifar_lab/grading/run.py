"""Judge some exercises of a submission: one pytest run in this process, quiet."""

import contextlib
import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict
from cifar_lab.testing import plugin

QUICK = "grading and not trains"  # the tests that train no network


class CannotJudge(CourseError):
    """The judge's own fault: no verdict can be given."""


class _Collector:
    """Takes the verdicts out of the pytest run."""

    def __init__(self):
        self.verdicts: dict[str, ExerciseVerdict] = {}
        self.problems: list[str] = []
        self.interrupted: str | None = None

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        self.verdicts = config.stash[plugin.VERDICTS]
        self.problems = config.stash[plugin.GRADING_ERRORS]

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo) -> None:
        if not isinstance(excinfo.value, pytest.Session.Interrupted):  # a file that did not import
            # which of the learner's lines Ctrl-C stopped
            self.interrupted = "\n".join(getattr(excinfo.value, "__notes__", ()))


def judge(
    folder: Path,
    exercises: list[Exercise],
    tests: str = "grading",
    stop_early: bool = False,
    plugins: Sequence[object] = (),
    **options: object,
) -> dict[str, ExerciseVerdict]:
    """Verdicts by exercise id, in the order of the course.

    Args:
        folder: The submission.
        exercises: What to judge.
        tests: pytest's marker expression for the tests to run.
        stop_early: End with the first test that fails; the points are then of no use.
        plugins: Further plugins for the pytest run.
        options: The other options of `pytest -m grading`, such as `sandboxed=True`.

    Raises:
        CannotJudge: A grading test itself broke, or is missing.
    """
    wanted = {exercise.id for exercise in exercises}
    if not wanted:
        return {}
    files = [
        str(syllabus.test_file(exercise))
        for exercise in syllabus.exercises().values()
        if exercise.id in wanted
    ]
    collector, said = _Collector(), io.StringIO()
    arguments = [
        *files,
        f"-m{tests}",
        *(f"--exercise={id}" for id in wanted),
        f"--submission={folder}",
        f"--rootdir={syllabus.ROOT}",
        f"--config-file={syllabus.ROOT / 'pyproject.toml'}",
        # nothing that a run for one learner needs: no cache folder, no other plugins' start-up
        "--disable-plugin-autoload",
        "-pno:cacheprovider",
        "--noconftest",  # those are for the course's own tests, and change this process's settings
        # these search all of memory for lost errors, a second's work beside TensorFlow
        "-pno:unraisableexception",
        "-pno:threadexception",
        "-qq",
        "--tb=native",  # the least work: what a learner reads is put together elsewhere
        *(["--exitfirst"] if stop_early else []),
        *(word for name, value in options.items() for word in _option(name, value)),
    ]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), _no_color(), _no_log():
        status = pytest.main(arguments, plugins=[collector, *plugins])
    if collector.interrupted is not None:
        raise KeyboardInterrupt(collector.interrupted)
    if collector.problems:
        raise CannotJudge("a grading test broke:\n" + "\n".join(collector.problems[:3]))
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise CannotJudge(f"pytest stopped with status {int(status)}:\n{said.getvalue()}")
    missing = wanted - collector.verdicts.keys()
    if missing:
        raise CannotJudge(f"no grading tests for {', '.join(sorted(missing))}")
    return {exercise.id: collector.verdicts[exercise.id] for exercise in exercises}


def _option(name: str, value: object) -> list[str]:
    word = "--" + name.replace("_", "-")
    if value is None or value is False:
        return []
    return [word] if value is True else [f"{word}={value}"]


@contextlib.contextmanager
def _no_color():
    before = os.environ.get("NO_COLOR")
    os.environ["NO_COLOR"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["NO_COLOR"]
        else:
            os.environ["NO_COLOR"] = before


@contextlib.contextmanager
def _no_log():
    # TensorFlow gives advice on training loops to whoever makes many small models, as tests do
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
