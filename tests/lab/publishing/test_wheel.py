"""The wheel works in a fresh environment, outside the checkout, and holds no answer."""

import re
import subprocess
import sys
import zipfile

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.publishing import handout
from cifar_lab.publishing.learner_folder import FIRST_LESSON

ANSWER = """

def one_hot(labels, num_classes):
    labels = np.asarray(labels).reshape(-1)
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError("a label is outside 0..num_classes-1")
    return np.eye(num_classes, dtype=np.float32)[labels]
"""
# the fast recipe builds a head of its own, with the layers that lesson 5's docstring lists
KNOWN = {"cifar_lab/training/transfer_fast.py"}


@pytest.fixture
def installed(wheel, environment, tmp_path):
    """Install the wheel; returns a function that runs `cifar-course` in an empty folder."""
    done = environment.run("python", "-m", "pip", "install", wheel, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    def run(*arguments, cwd=tmp_path):
        return environment.run("cifar-course", *arguments, cwd=cwd)

    return run


def test_a_learner_begins_with_the_wheel_alone(installed, tmp_path):
    begun = installed("init", "my course")
    assert begun.returncode == 0, begun.stderr
    assert f"Next: cd my course, then cifar-course, and open {FIRST_LESSON}" in begun.stdout
    folder = tmp_path / "my course"
    board = installed(cwd=folder)
    assert board.stdout.startswith(f"Judged: {folder}\n"), board.stderr
    assert "0 of 100 points" in board.stdout
    module = folder / "cifar_course" / "normalization.py"
    with module.open("a", encoding="utf-8") as opened:
        opened.write(ANSWER)
    checked = installed("check", "one_hot", cwd=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "hint 1 of 3" in installed("hint", "normalization.one_hot", cwd=folder).stdout
    assert installed("pack", "submission.zip", cwd=folder).returncode == 0
    assert "Everything is up to date." in installed("update", cwd=folder).stdout
    assert installed("reset", "normalization.one_hot", cwd=folder).returncode == 0
    text = module.read_text(encoding="utf-8")
    assert stubs.is_stub(text, "normalization", "one_hot")


def test_a_lesson_uses_the_learners_modules(installed, environment, tmp_path):
    assert installed("init", "course").returncode == 0
    lessons = tmp_path / "course" / "lessons"
    code = "from cifar_lab.notebook import start; start(1)"
    done = environment.run("python", "-c", code, cwd=lessons)
    assert "Uses your modules, in course/cifar_course." in done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments", [["handout", "edition"], ["gradescope", "--out", "a.zip"], [], ["update"]]
)
def test_a_command_that_cannot_work_says_so_in_one_line(installed, arguments):
    done = installed(*arguments)
    assert done.returncode == 2
    assert re.fullmatch(r"cifar-course: .+\n", done.stderr), done.stderr


def test_the_wheel_has_no_answers_and_nothing_of_a_teacher(wheel, leaks, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "content")
    names = [path.relative_to(tmp_path / "content").parts for path in tmp_path.rglob("*.*")]
    assert {parts[0] for parts in names if len(parts) > 1} == {
        "cifar_lab",
        next(parts[0] for parts in names if parts[0].endswith(".dist-info")),
    }
    found = {name for length in (1, 2, 3) for name in leaks(tmp_path / "content", length)}
    assert found <= KNOWN


def test_the_wheel_has_every_file_of_the_code(wheel):
    """A package's data is left out unless pyproject.toml lists it."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    code = {name for name in handout.tracked() if name.startswith("cifar_lab/")}
    assert code - names == set()


def test_the_build_needs_nothing_but_setuptools():
    """An isolated build has no other package; `-S` hides them, and a module stands in for it."""
    code = """
import sys, types
for name in ("setuptools", "setuptools.command", "setuptools.command.build_py"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["setuptools.command.build_py"].build_py = object
import cifar_lab.publishing.wheel
"""
    arguments = [sys.executable, "-S", "-c", code]
    environment = {"PYTHONPATH": str(syllabus.ROOT)}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_build_imports_nothing_but_the_standard_library():
    code = (
        "import sys, types; sys.path.insert(0, sys.argv[1]); "
        "sys.modules['setuptools.command.build_py'] = types.SimpleNamespace(build_py=object); "
        "import cifar_lab.publishing.wheel"
    )
    # -S hides installed packages, as the isolated environment of a build does
    command = [sys.executable, "-I", "-S", "-c", code, str(syllabus.LAB.parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
