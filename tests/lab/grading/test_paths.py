"""Paths that are syntax to pytest, a shell or a command line are plain paths here."""

import json
import shutil

import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading.run import judge
from cifar_lab.testing.options import GradingOptions

ODD = [
    "CS101 [WS26]",
    "a::b",
    "$HOME &x",
    'it\'s "quoted"',
    "курс 画像",
    "-rf",
    "x" * 200,
]
ONE_HOT = "normalization.one_hot"
HIDDEN = '''
from cifar_lab.testing.plugin import hidden


@hidden("normalization.one_hot", points=1)
def test_a_secret(learner):
    """A secret law."""
'''


@pytest.mark.parametrize("name", [name for name in ODD if "::" not in name])
def test_the_course_lies_in_such_a_folder(reference, command, tmp_path, name):
    """In a folder with a colon Python finds no packages, so `a::b` cannot be one."""
    course = tmp_path / name
    caches = shutil.ignore_patterns("__pycache__")
    for folder in (syllabus.LAB, syllabus.GRADING_TESTS / "lesson_1", reference / "cifar_course"):
        shutil.copytree(folder, course / folder.relative_to(syllabus.ROOT), ignore=caches)
    shutil.copy(syllabus.ROOT / "pyproject.toml", course)
    arguments = ("check", ONE_HOT, "--submission=solutions", "--json=out.json")
    done = command(*arguments, cwd=course, env={"PYTHONPATH": str(course)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Judged: {course / 'solutions'}" in done.stdout
    assert json.loads((course / "out.json").read_text())["points"] == 2


@pytest.mark.parametrize("name", ODD)
def test_submission_hidden_tests_and_temporary_files_lie_in_such_a_folder(
    reference, tmp_path, monkeypatch, name
):
    folder = tmp_path / name
    shutil.copytree(reference / "cifar_course", folder / "cifar_course")
    hidden = folder / name
    hidden.mkdir()
    (hidden / "test_secret.py").write_text(HIDDEN, encoding="utf-8")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.chdir(tmp_path)
    options = GradingOptions(hidden=f"{name}/{name}")
    (verdict,) = judge(folder.relative_to(tmp_path), syllabus.find([ONE_HOT]), options).values()
    assert verdict.passed and [test.passed for test, _ in verdict.hidden] == [True], verdict


@pytest.mark.sandboxed
@pytest.mark.parametrize("name", ODD)
def test_a_class_and_its_results_lie_in_such_a_folder(reference, command, tmp_path, name):
    package = tmp_path / name / "class" / "ada" / "cifar_course"
    package.mkdir(parents=True)
    shutil.copy(reference / "cifar_course" / "normalization.py", package)
    hidden = tmp_path / name / "hidden"
    hidden.mkdir()
    (hidden / "test_secret.py").write_text(HIDDEN, encoding="utf-8")
    options = (f"--exercise={ONE_HOT}", f"--out={name}/out", f"--hidden={name}/hidden")
    done = command("grade", *options, "--", f"{name}/class", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = (tmp_path / name / "out" / "results" / "ada.json").read_text(encoding="utf-8")
    assert json.loads(found)["score"] == 3.0
