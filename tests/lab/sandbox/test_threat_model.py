"""The threat model names tests that exist."""

import re

import pytest

from cifar_lab.course.syllabus import ROOT
from cifar_lab.sandbox import sandbox

CORPUS = ROOT / "tests" / "corpus" / "hostile"
HOSTILE = re.compile(r"hostile\[(\w+): ([^]]+)\]")
TEST = re.compile(r"\btest_\w+")
COVERED, NOT_COVERED = sandbox.__doc__.partition("Covered")[2].split("Not covered:")


def covered_lines() -> list[str]:
    """Return each line of what is covered, in one line of text."""
    return [" ".join(line.split()) for line in COVERED.split("\n- ")[1:]]


def test_what_is_not_covered_is_stated_too():
    assert len(covered_lines()) >= 10 and NOT_COVERED.count("\n- ") >= 5


@pytest.mark.parametrize("line", covered_lines())
def test_each_line_names_tests_that_exist(line):
    submissions, tests = HOSTILE.findall(line), TEST.findall(HOSTILE.sub("", line))
    assert submissions or tests
    for file, title in submissions:
        corpus = (CORPUS / f"{file}.py").read_text(encoding="utf-8")
        assert f"# %% {title}\n" in corpus, title
    written = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("sandbox", "execution", "quality")
        for path in (ROOT / "tests" / "lab" / folder).glob("test_*.py")
    )
    for name in tests:
        assert f"\ndef {name}(" in written, name
