"""The pytest side of grading: options, the tests that run, fixtures.

`markers.py` holds the decorators of grading tests, `messages.py` what becomes of a failed one.
"""

import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cifar_lab import PACKAGE
from cifar_lab.course import syllabus
from cifar_lab.course.submission import NoSubmission, find_submission
from cifar_lab.execution.keras_import import import_keras
from cifar_lab.execution.loader import copy_modules
from cifar_lab.execution.settings import pinned, with_own_settings
from cifar_lab.execution.worker import Worker
from cifar_lab.testing import markers, samples
from cifar_lab.testing.learner import Learner
from cifar_lab.testing.markers import exercise, exercise_of, hidden, hidden_points
from cifar_lab.testing.messages import GradingRun
from cifar_lab.testing.options import GradingOptions

__all__ = ["exercise", "hidden"]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options of grading; `GradingOptions.from_config` reads them."""
    pluginmanager.register(GradingRun(), GradingRun.NAME)  # before any conftest.py is read
    group = parser.getgroup("grading", "grading a submission")
    group.addoption(
        "--submission",
        metavar="DIR",
        help="the folder around the cifar_course/ to judge (default: the nearest parent)",
    )
    group.addoption(
        "--exercise",
        action="append",
        default=[],
        metavar="NAME",
        help="judge this exercise, module or lesson only; may be given several times",
    )
    group.addoption(
        "--full-run",
        action="store_true",
        help="run the full-run thresholds, on the CPU if there is no GPU (hours)",
    )
    group.addoption(
        "--sandbox",
        action="store_true",
        help="run the submission in a sandbox (bubblewrap): for code that nobody has read",
    )
    group.addoption(
        "--unprivileged-user",
        action="store_true",
        help="with --sandbox, as root: run it as an unprivileged user where sandboxes fail",
    )
    group.addoption(
        "--hidden",
        metavar="FOLDER",
        help="also run the grading tests in this folder: an instructor's own, with their points",
    )
    group.addoption(
        "--secret",
        metavar="TEXT",
        help="decides on the inputs of all tests (in a sandbox, random by default)",
    )
    group.addoption(
        "--seconds",
        type=float,
        metavar="S",
        help="time limit of learner code: in one test; in the sandbox, in one call",
    )
    group.addoption(
        "--grading-seed",
        type=int,
        default=0,
        metavar="N",
        help="where random generators start in every grading test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, refuse what would give no true verdict, and add hidden tests."""
    markers.register(config)
    options = GradingOptions.from_config(config)
    if _is_grading(config) and config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR:
        config.args[:] = [str(syllabus.GRADING_TESTS)]  # from lessons/ and other folders, too
    if _is_grading(config) and config.getoption("numprocesses", None):
        # none of pytest-xdist's processes would have all verdicts
        raise pytest.UsageError("grading runs in one process: leave out -n")
    samples.DRAWING.secret = options.secret or (secrets.token_hex() if options.sandbox else "")
    config.add_cleanup(lambda: setattr(samples.DRAWING, "secret", ""))
    if options.sandbox and "--submission" in config.invocation_params.args:
        # pytest takes settings and conftest.py from every folder that is an argument of its own,
        # so code of the submission may have run by now; this is for people who read it in time
        raise pytest.UsageError("with --sandbox write --submission=DIR, as one argument")
    if options.hidden_folder:
        if not any(options.hidden_folder.glob("test_*.py")):
            raise pytest.UsageError(f"--hidden: there is no test_*.py in {options.hidden_folder}")
        config.args.append(str(_plain_path(options.hidden_folder, config)))


def _plain_path(folder: Path, config: pytest.Config) -> Path:
    """Return a folder, by way of a link if pytest would take its path for a test's id."""
    if "[" not in str(folder) and "::" not in str(folder):
        return folder
    # in /tmp: TMPDIR may be such a path, too
    link = Path(tempfile.mkdtemp(prefix="cifar-course-", dir="/tmp"))
    config.add_cleanup(lambda: shutil.rmtree(link))
    (link / "hidden").symlink_to(folder, target_is_directory=True)
    return link / "hidden"


# --- which tests run ---------------------------------------------------------------------------


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave other test files closed if only grading was asked for: it saves seconds."""
    if not _is_grading(config) or collection_path.is_dir():
        return None
    if not collection_path.is_relative_to(syllabus.GRADING_TESTS.parent):
        return None
    folders = (syllabus.GRADING_TESTS, GradingOptions.from_config(config).hidden_folder)
    asked_for = any(folder and collection_path.is_relative_to(folder) for folder in folders)
    return None if asked_for else True


def _is_grading(config: pytest.Config) -> bool:
    """Return True if only grading was asked for."""
    terms = config.getoption("markexpr").split()
    return terms[:1] == ["grading"] and "or" not in terms


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for: grading, full runs, long proofs, other exercises."""
    only = GradingOptions.from_config(config).exercise
    try:
        exercises = {e.id for e in syllabus.find(only)} if only else None
    except syllabus.UnknownExercise as unknown:
        raise pytest.UsageError(f"--exercise: {unknown}") from None
    kept, left_out = [], []
    for item in items:
        wanted = _asked_for(item, config) and (exercises is None or exercise_of(item) in exercises)
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
    """Return True if an argument names the test, or (`files`) its file or its grading folder."""
    for argument in config.args:
        name, _, test = argument.partition("::")
        path = Path(config.invocation_params.dir, name).resolve()
        if path == item.path and (files or test):
            return True
        if files and path in item.path.parents and path.is_relative_to(syllabus.GRADING_TESTS):
            return True
    return False


# --- learner code ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def options(pytestconfig: pytest.Config) -> GradingOptions:
    """Return the options of this grading run."""
    return GradingOptions.from_config(pytestconfig)


@pytest.fixture(scope="session")
def submission(pytestconfig: pytest.Config, options: GradingOptions) -> Path:
    """Return the folder to judge."""
    try:
        folder = find_submission(pytestconfig.getoption("submission"))
    except NoSubmission as missing:
        raise pytest.UsageError(str(missing)) from None
    if options.sandbox and (folder / PACKAGE).is_symlink():
        # the sandbox would show the folder of this machine that it leads to
        raise pytest.UsageError(f"{folder / PACKAGE} is a link: a submission brings its own files")
    return folder


@pytest.fixture(scope="session")
def private_copy(submission: Path) -> Iterator[Path]:
    """Provide a copy of the submission that holds its modules alone, as a sandbox does."""
    with tempfile.TemporaryDirectory(prefix="cifar-course-") as folder:
        yield copy_modules(submission, syllabus.modules(), Path(folder))


@pytest.fixture
def learner(request: pytest.FixtureRequest, submission: Path, options: GradingOptions):
    """Provide the submission, freshly imported for each test."""
    seed = options.grading_seed
    exercise = exercise_of(request.node)
    if not options.sandbox:
        keras = exercise is not None and syllabus.uses_keras(exercise)
        if keras:
            import_keras()
        private = request.getfixturevalue("private_copy")
        with pinned(), tempfile.TemporaryDirectory(prefix="cifar-course-") as current:
            worker = Worker(
                submission,
                syllabus.modules(),
                seed,
                private=private,
                seconds=options.seconds or syllabus.seconds_per_test(trains(request.node)),
                keras=keras,
            )
            yield Learner(with_own_settings(worker.handle, Path(current)))
        return
    keras = exercise is not None and syllabus.needs_keras(exercise)
    sandbox = request.getfixturevalue("sandbox")
    # alone: a public test's message, which a student reads, must not come out of a hidden test
    alone = hidden_points(request.node) is not None
    with sandbox.session(seed, keras, exercise, alone) as session:
        yield Learner(session.handle, session.import_first, trusted=False)


def trains(test: pytest.Item) -> bool:
    """Return True if a grading test trains a network."""
    return test.get_closest_marker("trains") is not None


@pytest.fixture(scope="session")
def draw() -> Callable:
    """`draw(train, test, seed)`: images to score networks on; see `samples.draw`."""
    return samples.draw


@pytest.fixture
def for_any(learner: Learner, options: GradingOptions) -> Callable:
    """`@for_any(size=integers(1, 9), ...)`: a law for inputs that hypothesis draws."""
    from cifar_lab.testing import properties  # plain pytest starts sooner without hypothesis

    return properties.for_any(learner, samples.seed_of("hypothesis", options.grading_seed))


@pytest.fixture(scope="session")
def sandbox(submission: Path, options: GradingOptions) -> Iterator:
    """Provide the submission in its sandbox."""
    # not at the top: some machines have no sandboxes, and lack the modules that these import
    from cifar_lab.sandbox import sandbox as sandboxes
    from cifar_lab.sandbox.unprivileged import UnprivilegedUser

    sandbox = UnprivilegedUser if options.unprivileged_user else sandboxes.Sandbox
    limits = sandboxes.Limits(seconds=options.seconds) if options.seconds else None
    try:
        opened = sandbox(submission, limits, options.hidden_folder)
    except sandboxes.NoSandbox as missing:
        raise pytest.UsageError(str(missing)) from None
    yield opened
    opened.close()


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
    asked_for = GradingRun.of(pytestconfig).data_asked_for
    if asked_for is not None:
        monkeypatch.setenv("CIFAR_COURSE_DATA", asked_for)
    if data.locate().name != data.CIFAR10:
        pytest.skip("CIFAR-10 is not on this machine: cifar-course data --download")
    if not pytestconfig.getoption("full_run") and not _has_gpu():
        pytest.skip("there is no GPU; --full-run asks for the run on the CPU (hours)")

    def run(*recipe: str) -> float:
        if recipe[0] == "transfer" and not weights.file().exists():
            pytest.skip("ImageNet's weights are not on this machine: cifar-course data --download")
        out = tmp_path / "run"
        arguments = ["train", *recipe, f"--submission={submission}", f"--out={out}"]
        subprocess.run([sys.executable, "-m", "cifar_lab.cli", *arguments], check=True)
        predictions = np.load(out / "predictions.npy", allow_pickle=False)
        return float(np.mean(predictions.argmax(1) == data.load().y_test))

    return run


def _has_gpu() -> bool:
    """Return True if Keras' backend sees a GPU; another process looks, to keep this one light."""
    code = "from cifar_lab.training.run import gpus; print(len(gpus()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.split()[-1:] != ["0"]
