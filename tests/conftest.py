"""Fixtures of the course's own tests: the reference, stubs, submissions made of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.quality.answers import Answer

# the tests use the synthetic dataset, unless one says otherwise
os.environ["CIFAR_COURSE_DATA"] = "synthetic"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BUBBLEWRAP_IS_HERE = shutil.which("bwrap") is not None
REFERENCE_IS_HERE = stubs.REFERENCE.is_dir()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of the course's own tests."""
    config.addinivalue_line("markers", "sandboxed: builds a sandbox, which needs bubblewrap")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need something that is not here, with the reason."""
    for item in items:
        if not BUBBLEWRAP_IS_HERE and item.get_closest_marker("sandboxed"):
            item.add_marker(pytest.mark.skip(reason="bubblewrap is not installed"))
        if not REFERENCE_IS_HERE and "reference" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason="this edition has no solutions/"))


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the reference as a submission."""
    return stubs.REFERENCE


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Provide a submission of stubs alone, freshly cut."""
    stubs.write_all(tmp_path)
    return tmp_path


@pytest.fixture
def submission_with(tmp_path: Path, reference: Path):
    """Return a function that replaces some modules of the reference by other text."""

    def make(**texts: str) -> Path:
        package = tmp_path / "cifar_course"
        package.mkdir(exist_ok=True)
        for module in syllabus.modules():
            file = reference / "cifar_course" / f"{module}.py"
            if module in texts or file.exists():
                text = texts.get(module) or file.read_text(encoding="utf-8")
                (package / f"{module}.py").write_text(text, encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture
def answered(tmp_path: Path, reference: Path):
    """Return a function that replaces one exercise of the reference by an answer of the corpus."""

    def make(answer: Answer) -> Path:
        package = tmp_path / "cifar_course"
        package.mkdir(exist_ok=True)
        for file in (reference / "cifar_course").glob("*.py"):
            text = file.read_text(encoding="utf-8")
            if file.stem == answer.exercise.partition(".")[0]:
                text += answer.code  # a later definition takes the place of an earlier one
            (package / file.name).write_text(text, encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture
def command():
    """Run `cifar-course` in a process of its own; returns the finished process."""

    def run(*arguments: object, cwd: Path | None = None, **settings) -> subprocess.CompletedProcess:
        environment = {**os.environ, **settings.pop("env", {})}
        return subprocess.run(
            [sys.executable, "-m", "cifar_lab.cli", *map(str, arguments)],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            **settings,
        )

    return run
