"""Fixtures for tests of installation: checkouts, and environments that download nothing."""

import html
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

from cifar_lab import PACKAGE
from cifar_lab.course import stubs, syllabus
from cifar_lab.course.stubs import CLOSE, OPEN
from cifar_lab.publishing import handout

# pip installs the course alone, and builds it with the setuptools that is here
OFFLINE = {
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads the opposite of what the name says
    "PIP_NO_INDEX": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONPATH": "",
}


RUN = 3  # lines in a row that nobody writes twice by accident
SHORTEST = 40  # characters in them
BINARY = {".gif", ".inv", ".mo", ".png", ".ttf", ".woff", ".woff2"}


class Environment:
    """A virtual environment in an empty folder; it sees the packages of the current one."""

    def __init__(self, folder: Path):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.programs = folder / ("Scripts" if os.name == "nt" else "bin")
        purelib = self.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        path = Path(purelib.stdout.strip(), "borrowed.pth")
        path.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    def run(self, program: str, *arguments: object, **settings) -> subprocess.CompletedProcess:
        """Run a program of the environment, or one on PATH, and return it when it has ended."""
        path = os.pathsep.join([str(self.programs), os.environ["PATH"]])
        environment = {**os.environ, **OFFLINE, "PATH": path, **settings.pop("env", {})}
        found = self.programs / program
        return subprocess.run(
            [found if found.exists() else program, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            **settings,
        )


@pytest.fixture
def checkout(reference, tmp_path) -> Path:
    """Copy the course's files to a folder that git does not track."""
    return _copy_course(tmp_path / "checkout")


def _copy_course(folder: Path) -> Path:
    for name in handout.tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(syllabus.ROOT / name, folder / name)
    return folder


@pytest.fixture
def environment(tmp_path) -> Environment:
    """Make a fresh environment that sees the packages of the current one."""
    return Environment(tmp_path / "environment")


@pytest.fixture(scope="module")
def wheel(reference, tmp_path_factory) -> Path:
    """Build the wheel from a copy of the checkout, once."""
    folder = tmp_path_factory.mktemp("wheel")
    _copy_course(folder / "checkout")
    environment = Environment(folder / "environment")
    arguments = ("-m", "pip", "wheel", "--wheel-dir", folder, folder / "checkout")
    done = environment.run("python", *arguments, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def runs(lines: list[str], length: int = RUN) -> set[str]:
    """Return consecutive lines, without indentation, that are long enough to mean something."""
    plain = [" ".join(line.split()) for line in lines if line.strip()]
    places = range(len(plain) - length + 1)
    found = {"\n".join(plain[place : place + length]) for place in places}
    return {run for run in found if len(run) >= SHORTEST}


def answers(text: str) -> list[list[str]]:
    """Return the lines between each pair of marks."""
    return [part.split(CLOSE)[0].strip().splitlines() for part in text.split(OPEN)[1:]]


def text_of(file: Path) -> str:
    """Return the text of a file: of a notebook that of its cells, of an image or a font none."""
    if file.suffix == ".html":
        return html.unescape(re.sub(r"<[^>]*>", "", file.read_text(encoding="utf-8")))
    if file.suffix == ".ipynb":
        return "\n".join(cell.source for cell in nbformat.read(file, as_version=4).cells)
    return "" if file.suffix in BINARY else file.read_text(encoding="utf-8")


def secrets(reference: Path, length: int) -> set[str]:
    """Return whole answers of `length` lines, or `RUN` lines in a row of the longer ones."""
    texts = [file.read_text(encoding="utf-8") for file in (reference / PACKAGE).glob("*.py")]
    written = [lines for text in texts for lines in answers(text)]
    if length < RUN:
        written = [lines for lines in written if len(lines) == length]
    else:
        right = (syllabus.ROOT / "tests" / "corpus" / "answers" / "right").glob("*.py")
        written += [file.read_text(encoding="utf-8").splitlines() for file in right]
    given = [stubs.stub(module).splitlines() for module in syllabus.modules()]
    secret = set().union(*(runs(lines, length) for lines in written))
    secret -= set().union(*(runs(lines, length) for lines in given))
    assert secret
    return secret


@pytest.fixture
def leaks(reference):
    """Return a function that finds the files of a folder with lines of the reference's answers."""

    def find(folder: Path, length: int) -> dict[str, set[str]]:
        secret, found = secrets(reference, length), {}
        for file in filter(Path.is_file, folder.rglob("*")):
            if shared := secret & runs(text_of(file).splitlines(), length):
                found[file.relative_to(folder).as_posix()] = shared
        return found

    return find
