"""The pytest side of grading: markers, options, the fixture `learner`, points, the board.

A grading test names its exercise:

    @exercise("normalization.standardize")
    def test_input_is_left_alone(learner):
        \"\"\"The caller's images are the same before and after.\"\"\"
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cifar_lab.course import board, syllabus
from cifar_lab.course.submission import NoSubmission, find_submission
from cifar_lab.course.verdict import ExerciseVerdict, FailureKind, TestVerdict
from cifar_lab.execution.keras_import import import_keras
from cifar_lab.execution.loader import PACKAGE
from cifar_lab.execution.worker import Worker
from cifar_lab.testing.expect import Mismatch
from cifar_lab.testing.learner import GradingError, Learner, LearnerError
from cifar_lab.testing.samples import drawing

VERDICTS = pytest.StashKey[dict[str, ExerciseVerdict]]()
MESSAGE_LIMIT = 20_000  # characters
GRADING_ERRORS = pytest.StashKey[list[str]]()
# as it was when pytest began, before any conftest.py
DATA_ASKED_FOR = os.environ.get("CIFAR_COURSE_DATA")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of grading."""
    group = parser.getgroup("grading", "grading a submission")
    group.addoption(
        "--submission",
        metavar="DIR",
        help="the folder that holds the cifar_course/ to judge (default: the nearest parent)",
    )
    group.addoption(
        "--exercise",
        action="append",
        metavar="NAME",
        help="judge this exercise, module or lesson only; may be given several times",
    )
    group.addoption(
        "--full-run",
        action="store_true",
        help="run the full-run thresholds even where there is no GPU (hours)",
    )
    group.addoption(
        "--sandbox",
        action="store_true",
        help="run the submission in a sandbox (bubblewrap): for code that nobody has read",
    )
    group.addoption(
        "--unprivileged-user",
        action="store_true",
        help="with --sandbox: where no sandbox can be built, run it as another user only (as root)",
    )
    group.addoption(
        "--hidden",
        metavar="FOLDER",
        help="run the grading tests in this folder, too: an instructor's own, with their points",
    )
    group.addoption(
        "--secret",
        metavar="TEXT",
        help="decides on the images that networks are scored on; in a sandbox it is drawn anew",
    )
    group.addoption(
        "--seconds",
        type=float,
        metavar="S",
        help="how long one call of learner code in the sandbox may take",
    )
    group.addoption(
        "--grading-seed",
        type=int,
        default=0,
        metavar="N",
        help="where random generators start in every grading test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers that grading tests carry."""
    config.addinivalue_line("markers", "grading: judges a submission")
    config.addinivalue_line("markers", "exercise(name): the exercise that a test belongs to")
    config.addinivalue_line("markers", "hidden(points): an instructor's own test")
    config.addinivalue_line("markers", "gpu: a full run, which wants a GPU; carries no points")
    config.addinivalue_line("markers", "trains: trains a network for some seconds")
    config.addinivalue_line("markers", "proof: long; run by `pytest -m proof`")
    config.stash[VERDICTS] = {}
    config.stash[GRADING_ERRORS] = []
    if _is_grading(config) and config.getoption("numprocesses", None):
        # none of pytest-xdist's processes would have all verdicts
        raise pytest.UsageError("grading runs in one process: leave out -n")
    if config.getoption("sandbox") and "--submission" in config.invocation_params.args:
        # pytest takes settings and conftest.py from every folder that is a word of its own: a
        # submission that brings any may have run them by now; this is for those who read it in time
        raise pytest.UsageError("with --sandbox write --submission=DIR, as one word")
    hidden = _hidden_folder(config)
    if hidden:
        if not any(hidden.glob("test_*.py")):
            raise pytest.UsageError(f"--hidden: there is no test_*.py in {hidden}")
        config.args.append(str(hidden))


def _hidden_folder(config: pytest.Config) -> Path | None:
    """The folder of an instructor's own tests, if there is one."""
    hidden = config.getoption("hidden")
    return Path(hidden).resolve() if hidden else None


# --- which tests run ---------------------------------------------------------------------------


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only grading was asked for, leave the other test files closed: it saves seconds."""
    if not _is_grading(config) or collection_path.is_dir():
        return None
    is_ours = collection_path.is_relative_to(syllabus.GRADING_TESTS.parent)
    asked_for = [folder for folder in (syllabus.GRADING_TESTS, _hidden_folder(config)) if folder]
    return True if is_ours and not any(map(collection_path.is_relative_to, asked_for)) else None


def _is_grading(config: pytest.Config) -> bool:
    """Whether only grading was asked for."""
    words = config.getoption("markexpr").split()
    return words[:1] == ["grading"] and "or" not in words


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for: grading, full runs, long proofs, other exercises."""
    only = config.getoption("exercise")
    exercises = {e.id for e in syllabus.find(only)} if only else None
    kept, left_out = [], []
    for item in items:
        wanted = _asked_for(item, config) and (exercises is None or _exercise_of(item) in exercises)
        (kept if wanted else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _asked_for(item: pytest.Item, config: pytest.Config) -> bool:
    expression = config.getoption("markexpr")
    if item.get_closest_marker("gpu"):
        return "gpu" in expression or config.getoption("full_run")
    if item.get_closest_marker("proof"):
        return "proof" in expression or _named(item, config, files=False)
    if item.get_closest_marker("grading"):
        return "grading" in expression or _named(item, config, files=True)
    return True


def _named(item: pytest.Item, config: pytest.Config, files: bool) -> bool:
    """Whether the command line names the test, or (`files`) its file or grading folder."""
    for argument in config.args:
        name, _, test = argument.partition("::")
        path = Path(config.invocation_params.dir, name).resolve()
        if path == item.path and (files or test):
            return True
        if files and path.is_relative_to(syllabus.GRADING_TESTS) and item.path.is_relative_to(path):
            return True
    return False


def _exercise_of(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("exercise")
    return marker.kwargs["name"] if marker else None


# --- learner code ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def submission(pytestconfig: pytest.Config) -> Path:
    """The folder under judgement."""
    try:
        folder = find_submission(pytestconfig.getoption("submission"))
    except NoSubmission as missing:
        raise pytest.UsageError(str(missing)) from None
    if pytestconfig.getoption("sandbox") and (folder / PACKAGE).is_symlink():
        # the sandbox would show from inside whatever folder of this machine it leads to
        raise pytest.UsageError(f"{folder / PACKAGE} is a link: a submission brings its own files")
    return folder


@pytest.fixture
def learner(request: pytest.FixtureRequest, submission: Path, pytestconfig: pytest.Config):
    """The submission, freshly imported for each test."""
    seed = pytestconfig.getoption("grading_seed")
    exercise = _exercise_of(request.node)
    keras = exercise is not None and syllabus.needs_keras(exercise)
    if not pytestconfig.getoption("sandbox"):
        if keras:
            import_keras()
        yield Learner(Worker(submission, syllabus.modules(), seed).handle)
        return
    sandbox = request.getfixturevalue("sandbox")
    # what a public test's message says to a student must not come out of a hidden one
    alone = request.node.get_closest_marker("hidden") is not None
    with sandbox.session(seed, keras, exercise, alone) as session:
        yield Learner(session.handle, session.import_first, trusted=False)


@pytest.fixture(scope="session")
def draw(pytestconfig: pytest.Config) -> Callable:
    """`draw(train, test, seed)`: images to score networks on; see `samples.drawing`."""
    asked = pytestconfig.getoption("secret")
    sandboxed = pytestconfig.getoption("sandbox")
    return drawing(secrets.token_hex() if asked is None and sandboxed else asked or "")


@pytest.fixture
def for_any(learner: Learner, pytestconfig: pytest.Config) -> Callable:
    """`@for_any(size=integers(1, 9), ...)`: a law for inputs that hypothesis draws."""
    from cifar_lab.testing import properties  # plain pytest starts sooner without hypothesis

    return properties.for_any(learner, pytestconfig.getoption("grading_seed"))


@pytest.fixture(scope="session")
def sandbox(submission: Path, pytestconfig: pytest.Config) -> Iterator:
    """The submission in its sandbox."""
    # only now: there are machines without sandboxes, and these do not have what sandboxes are made of
    from cifar_lab.sandbox import sandbox as sandboxes
    from cifar_lab.sandbox.unprivileged import UnprivilegedUser

    sandbox = UnprivilegedUser if pytestconfig.getoption("unprivileged_user") else sandboxes.Sandbox
    try:
        seconds = pytestconfig.getoption("seconds")
        limits = sandboxes.Limits(seconds=seconds) if seconds else None
        behind = sandbox(submission, limits, _hidden_folder(pytestconfig))
    except sandboxes.NoSandbox as missing:
        raise pytest.UsageError(str(missing)) from None
    yield behind
    behind.close()


@pytest.fixture
def full_run(
    submission: Path,
    pytestconfig: pytest.Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Train a recipe on all of CIFAR-10 in a process of its own; its accuracy on the test images.

    The accuracy is measured here, on the predictions that the run leaves behind.
    """
    from cifar_lab import data
    from cifar_lab.data import weights

    # the course's own tests set `synthetic`; this one is about the real images
    monkeypatch.delenv("CIFAR_COURSE_DATA", raising=False)
    if DATA_ASKED_FOR is not None:
        monkeypatch.setenv("CIFAR_COURSE_DATA", DATA_ASKED_FOR)
    if data.locate().name != data.CIFAR10:
        pytest.skip("CIFAR-10 is not on this machine: cifar-course data --download")
    if not pytestconfig.getoption("full_run") and not _has_gpu():
        pytest.skip("there is no GPU; --full-run asks for the run on the CPU (hours)")

    def run(*recipe: str) -> float:
        if recipe[0] == "transfer" and not weights.file().exists():
            pytest.skip("ImageNet's weights are not on this machine: cifar-course data --download")
        words = ["train", *recipe, "--submission", str(submission), "--out", str(tmp_path / "run")]
        subprocess.run([sys.executable, "-m", "cifar_lab.cli", *words], check=True)
        predictions = np.load(tmp_path / "run" / "predictions.npy", allow_pickle=False)
        return float(np.mean(predictions.argmax(1) == data.load().y_test))

    return run


def _has_gpu() -> bool:
    """Whether Keras' backend sees a GPU; asked in another process, to keep this one light."""
    code = "from cifar_lab.training.run import gpus; print(len(gpus()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.split()[-1:] != ["0"]


# --- verdicts ----------------------------------------------------------------------------------


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Replace tracebacks by the message that a learner needs, and note the verdict."""
    outcome = yield
    exercise = _exercise_of(item)
    report = outcome.get_result()
    if exercise is None or not (call.when == "call" or report.failed):
        return
    error = call.excinfo.value if call.excinfo else None
    learner = item.funcargs.get("learner")
    if report.failed and _is_our_fault(error, call.when):
        item.config.stash[GRADING_ERRORS].append(f"{item.nodeid}: {type(error).__name__}: {error}")
        item.session.shouldstop = "a grading test broke"  # there will be no verdict
        return
    if report.failed:
        report.longrepr = _message(error, learner)
        report.sections = [part for part in report.sections if "stdout" in part[0]]
    if report.passed or report.failed:
        _note(item, exercise, report, error)


def _is_our_fault(error: BaseException, when: str) -> bool:
    """Whether the grader broke, rather than met something odd that learner code returned."""
    return when != "call" or isinstance(error, GradingError | NameError | ImportError | SyntaxError)


def _note(item: pytest.Item, exercise: str, report: pytest.TestReport, error) -> None:
    verdicts = item.config.stash[VERDICTS]
    verdict = verdicts.setdefault(exercise, ExerciseVerdict(syllabus.exercises()[exercise]))
    law = (item.function.__doc__ or item.originalname).strip().splitlines()[0].rstrip(".")
    hidden = item.get_closest_marker("hidden")
    known = [test for test, _ in verdict.hidden] if hidden else verdict.tests
    test = next((t for t in known if t.name == law), None)
    if test is None:  # a parametrised test counts once
        test = TestVerdict(law)
        if hidden:
            verdict.hidden.append((test, hidden.kwargs["points"]))
        else:
            verdict.tests.append(test)
    learner = item.funcargs.get("learner")
    test.flags += [flag for flag in getattr(learner, "flags", ()) if flag not in test.flags]
    if report.failed and test.passed:
        test.passed = False
        test.message = _printable(str(report.longrepr))
        test.not_written = getattr(error, "not_written", None)
        test.mistake = getattr(error, "mistake", None)
        test.failure_kind = _fault(error, learner)


def _printable(text: str) -> str:
    """A message without commands to a terminal, and no longer than anybody reads."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text[:MESSAGE_LIMIT])


def _fault(error: BaseException, learner: Learner | None) -> str | None:
    """What kept learner code from answering; None where it answered, or is not written."""
    if learner is not None and learner.failure is not None:
        return learner.failure.kind
    if not isinstance(error, LearnerError) or error.not_written:
        return None
    return FailureKind.MEMORY if "MemoryError" in error.types else FailureKind.EXCEPTION


def _message(error: BaseException, learner: Learner | None) -> str:
    if isinstance(error, Mismatch):
        called = f"Called {learner.last_call}.\n" if learner and learner.last_call else ""
        return called + str(error)
    if not isinstance(error, LearnerError):
        # the tests hold for every right answer: what broke this one is what it was given
        called = f"Called {learner.last_call}.\n" if learner and learner.last_call else ""
        oddity = f"{type(error).__name__}: {error}"
        return f"{called}What came back is so odd that this test cannot go on ({oddity})."
    if error.not_written:
        return error.message
    text = [f"Called {error.call}.", f"It raised {error}"]
    text += [f"  {name}, line {number}: {line}" for name, number, line in error.lines]
    return "\n".join(text)


# --- the end -----------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """The board and the points, after a grading run."""
    verdicts = config.stash[VERDICTS]
    if verdicts and config.get_verbosity() > -2:  # twice quiet: nobody reads it
        folder = find_submission(config.getoption("submission"))
        terminalreporter.write(board.as_text(folder, verdicts))


def exercise(name: str):
    """Mark a test as one of the laws of an exercise."""
    if name not in syllabus.exercises():
        raise ValueError(f"{name} is not in the syllabus")

    def mark(function):
        return pytest.mark.grading(pytest.mark.exercise(name=name)(function))

    return mark


def hidden(name: str, points: float):
    """Mark an instructor's own test of an exercise, worth `points` beside the course's 100."""
    mark = exercise(name)
    return lambda function: pytest.mark.hidden(points=float(points))(mark(function))
