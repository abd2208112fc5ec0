"""A remembered verdict holds as long as nothing that it depends on changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cifar_lab.course import fingerprint, syllabus

REMEMBER = """
from pathlib import Path
from cifar_lab.course import progress, syllabus
from cifar_lab.course.verdict import ExerciseVerdict, TestVerdict

tests = [TestVerdict("a law")]
folder, every = Path("solutions"), syllabus.find([])
verdicts = {e.id: ExerciseVerdict(e, tests) for e in every}
progress.remember(folder, verdicts, progress.keys(folder, every))
"""
RECALL = """
from pathlib import Path
from cifar_lab.course import progress, syllabus

print(*progress.recall(Path("solutions"), syllabus.find([])))
"""


def python(code: str, folder: Path, *packages: Path) -> str:
    """Run code with the course that is in a folder and return its output."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [folder, *packages]))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def remembered(reference, tmp_path_factory):
    """Make a course in which every exercise has a remembered verdict."""
    course = tmp_path_factory.mktemp("remembered")
    caches = shutil.ignore_patterns("__pycache__")
    for folder in (syllabus.LAB, syllabus.GRADING_TESTS, reference / "cifar_course"):
        shutil.copytree(folder, course / folder.relative_to(syllabus.ROOT), ignore=caches)
    python(REMEMBER, course)
    return course


@pytest.fixture
def course(remembered, tmp_path):
    """Copy that course, to be changed."""
    return shutil.copytree(remembered, tmp_path / "course")


def known(course: Path, *packages: Path) -> set[str]:
    return set(python(RECALL, course, *packages).split())


def change(file: Path, old: str = "", new: str = "# a change\n") -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")


def test_an_unchanged_course_keeps_every_verdict(course):
    assert known(course) == set(syllabus.exercises())


def test_a_changed_threshold_outdates_verdicts(course):
    line = f"cnn_synthetic_accuracy = {syllabus.threshold('cnn_synthetic_accuracy')}"
    change(course / "cifar_lab/course/syllabus.toml", line, "cnn_synthetic_accuracy = 0.9")
    assert known(course) == set()


@pytest.mark.parametrize(
    "file",
    [
        "data/synthetic.py",
        "execution/loader.py",
        "grading/run.py",
        "testing/model_checks.py",
        "verifier/rebuild.py",
    ],
)
def test_changed_code_that_judges_outdates_verdicts(course, file):
    change(course / "cifar_lab" / file)
    assert known(course) == set()


@pytest.mark.parametrize("package", ["hypothesis", "scipy", "tensorflow"])
def test_another_version_of_a_package_outdates_verdicts(course, tmp_path, package):
    metadata = tmp_path / f"{package}-99.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.0\n")
    assert known(course, tmp_path) == set()


def test_changed_tests_outdate_their_own_exercises_alone(course):
    file = syllabus.test_file(syllabus.exercises()["cnn.softmax"])
    change(course / file.relative_to(syllabus.ROOT))
    assert known(course) == set(syllabus.exercises()) - {"cnn.softmax"}
    change(course / file.with_name("oracles.py").relative_to(syllabus.ROOT))
    assert known(course) == {e.id for e in syllabus.exercises().values() if e.module != "cnn"}


def test_hints_and_reports_outdate_nothing(course):
    hint = syllabus.exercises()["normalization.one_hot"].hints[0]
    change(course / "cifar_lab/course/syllabus.toml", hint, "Another hint, as long as it must be.")
    change(course / "cifar_lab/reports/html.py")
    change(course / "cifar_lab/plots.py")
    assert known(course) == set(syllabus.exercises())


def test_all_code_that_a_judged_exercise_imports_counts(reference):
    code = (
        "import sys\nfrom pathlib import Path\nfrom cifar_lab.course import syllabus\n"
        "from cifar_lab.grading.run import QUICK, judge\n"
        "exercises = [lesson.exercises[-1] for lesson in syllabus.lessons()]\n"
        f"judge(Path({str(reference)!r}), exercises, tests=QUICK)\n"
        "modules = [m for name, m in sys.modules.items() if name.startswith('cifar_lab.')]\n"
        "print(*(module.__file__ for module in modules), sep='\\n')\n"
    )
    imported = {Path(line) for line in python(code, syllabus.ROOT).splitlines()}
    assert len(imported) > 20
    assert imported <= set(fingerprint._code())


def test_another_backend_of_keras_outdates_verdicts(course, tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras").mkdir()
    assert known(course) == set(syllabus.exercises())
    (tmp_path / "keras" / "keras.json").write_text('{"backend": "jax"}')
    assert known(course) == set()
