"""A stored mutation score is out of date if the code that judges the mutants has changed."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from cifar_lab.course import syllabus
from cifar_lab.quality import grading_tests

COPIED = ("cifar_lab", "solutions/cifar_course", "tests/grading")
DECISIVE = (
    "cifar_lab/testing/model_checks.py",
    "cifar_lab/testing/expect.py",
    "cifar_lab/execution/tools.py",
    "solutions/cifar_course/cnn.py",
)
PRINT_KEY = """
from cifar_lab.course import syllabus
from cifar_lab.quality import scores

print(scores.key(syllabus.exercises()["cnn.compile_cnn"]))
"""


@pytest.fixture
def course(tmp_path, reference):
    """Provide a copy of the course, to change its files."""
    for folder in COPIED:
        shutil.copytree(syllabus.ROOT / folder, tmp_path / folder)
    return tmp_path


def key(course) -> str:
    """Return the key of the score of `cnn.compile_cnn` in a copy of the course."""
    return subprocess.run(
        [sys.executable, "-c", PRINT_KEY],
        cwd=course,
        env={**os.environ, "PYTHONPATH": str(course)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def replace(file, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("pattern", grading_tests.SHARED)
def test_shared_code_exists(pattern):
    assert [*syllabus.LAB.glob(pattern)]


def test_the_shared_checks_are_part_of_the_key(course):
    keys = [key(course)]
    for name in DECISIVE:
        replace(course / name, "return ", "return None or ")
        keys.append(key(course))
    assert len(set(keys)) == len(keys), dict(zip(DECISIVE, keys[1:], strict=True))


def test_the_wording_of_messages_is_not_part_of_the_key(course):
    before = key(course)
    for file in course.glob("tests/grading/**/test_*.py"):
        text = file.read_text(encoding="utf-8")
        text = text.replace('because="', 'because="changed ')
        text = re.sub(r'    """(?=\w)', '    """Changed: ', text)
        file.write_text(text + "# changed\n", encoding="utf-8")
    assert key(course) == before
