"""Judge some exercises of a submission: one pytest run in this process, quiet."""

import contextlib
import gc
import inspect
import io
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict
from cifar_lab.grading.neutral import neutral_process
from cifar_lab.testing.markers import exercise_of
from cifar_lab.testing.messages import GradingRun
from cifar_lab.testing.options import GradingOptions

QUICK = "grading and not trains"  # the tests that train no network
DEFAULTS = GradingOptions()
PYTEST = (
    # relative to the course's folder: pytest takes "[", "::" and "$NAME" in a path for syntax
    "--rootdir=.",
    "--config-file=pyproject.toml",
    # nothing that a run for one learner does not need: no cache folder, no other plugins
    "--disable-plugin-autoload",
    "-pno:cacheprovider",
    "--noconftest",  # those are for the course's own tests, and change this process's settings
    # these search all of memory for lost errors, which takes a second beside TensorFlow
    "-pno:unraisableexception",
    "-pno:threadexception",
    "-qq",
    "--tb=native",  # the least work: learners read messages, not tracebacks
)


class CannotJudge(CourseError):
    """The grader failed, so there is no verdict."""


class _Watcher:
    """Plugin that reports verdicts during a pytest run, and keeps what is needed after its end."""

    def __init__(self, report: Callable[[ExerciseVerdict], None] | None = None):
        self.run = GradingRun()
        self.report = report
        self.interrupted: str | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        self.run = GradingRun.of(config)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Report the verdict on an exercise after the last of its tests."""
        result = yield
        id = exercise_of(item)
        last = nextitem is None or exercise_of(nextitem) != id
        if self.report and last and id in self.run.verdicts and not self.run.grading_errors:
            self.report(self.run.verdicts[id])
        return result

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo) -> None:
        if not isinstance(excinfo.value, pytest.Session.Interrupted):  # a file that did not import
            # the learner's line that Ctrl-C stopped
            self.interrupted = "\n".join(getattr(excinfo.value, "__notes__", ()))


def judge(
    folder: Path,
    exercises: list[Exercise],
    options: GradingOptions = DEFAULTS,
    tests: str = "grading",
    stop_early: bool = False,
    plugins: Sequence[object] = (),
    report: Callable[[ExerciseVerdict], None] | None = None,
) -> dict[str, ExerciseVerdict]:
    """Return the verdicts by exercise id, in the order of the course.

    Args:
        folder: The submission.
        exercises: The exercises to judge, in place of those in `options`.
        options: The settings of the run.
        tests: pytest's marker expression for the tests to run.
        stop_early: End with the first test that fails; the points are then of no use.
        plugins: Further plugins for the pytest run.
        report: Called with each verdict as soon as the exercise's last test has run.

    Raises:
        CannotJudge: A grading test itself broke, or is missing.
    """
    if not exercises:
        return {}
    ids = tuple(exercise.id for exercise in exercises)
    hidden = str(options.hidden_folder) if options.hidden else None
    asked = replace(options, exercise=ids, hidden=hidden)
    arguments = [
        *_test_files(exercises),
        f"-m{tests}",
        f"--submission={folder.resolve()}",
        *asked.to_arguments(),
        *(["--exitfirst"] if stop_early else []),
        *PYTEST,
    ]
    watcher, said = _Watcher(report), io.StringIO()
    quiet = contextlib.redirect_stdout(said), contextlib.redirect_stderr(said)
    with quiet[0], quiet[1], neutral_process(syllabus.ROOT):
        status = pytest.main(arguments, plugins=[watcher, *plugins])
    if watcher.interrupted is not None:
        raise KeyboardInterrupt(watcher.interrupted)
    if watcher.run.grading_errors:
        raise CannotJudge("a grading test broke:\n" + "\n".join(watcher.run.grading_errors[:3]))
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise CannotJudge(f"pytest stopped with status {int(status)}:\n{said.getvalue()}")
    verdicts = watcher.run.verdicts
    missing = set(asked.exercise) - verdicts.keys()
    if missing:
        raise CannotJudge(f"no grading tests for {', '.join(sorted(missing))}")
    return {id: verdicts[id] for id in asked.exercise}


def import_tests() -> None:
    """Import the grading tests and what they need, so that a forked process need not."""
    files = _test_files(list(syllabus.exercises().values()))
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), neutral_process(syllabus.ROOT):
        pytest.main(["--collect-only", "-mgrading", *PYTEST, *files])
    # the first test that fails searches all modules for its source lines; TensorFlow has thousands
    inspect.getmodule(inspect.currentframe())
    gc.freeze()  # no child looks through the imported objects for garbage


def _test_files(exercises: list[Exercise]) -> list[str]:
    ids = {exercise.id for exercise in exercises}
    known = syllabus.exercises()
    files = [syllabus.test_file(known[id]) for id in known if id in ids]
    return [str(file.relative_to(syllabus.ROOT)) for file in files]
