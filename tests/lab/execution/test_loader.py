"""A module is loaded by the same rule in the learner's checkout and in the sandbox."""

import pytest

from cifar_lab.course import syllabus
from cifar_lab.execution.loader import is_refused
from cifar_lab.grading.run import judge
from cifar_lab.testing.options import GradingOptions

BEGINNING = {
    "the course's data": b"from cifar_lab.data import CLASS_NAMES\n",
    "the course's package": b"import cifar_lab.data as data\n",
    "the reference": b"from solutions.cifar_course import normalization\n",
    "a file beside it": (
        b"from pathlib import Path\nTABLE = Path(__file__).with_name('table.npy').read_bytes()\n"
    ),
    "a declared encoding": b"# -*- coding: latin-1 -*-\n# \xe9t\xe9\n",
    "an undeclared encoding": b"# \xe9t\xe9\n",
}
MESSAGE = {
    "the course's data": "cifar_lab.data is not there when a submission is graded",
    "the course's package": "cifar_lab.data is not there when a submission is graded",
    "the reference": "solutions.cifar_course is not there when a submission is graded",
    "a file beside it": "No such file or directory",
    "a declared encoding": "normalization.py is not UTF-8: save it as UTF-8 (line 2)",
    "an undeclared encoding": "normalization.py is not UTF-8: save it as UTF-8 (line 1)",
}


@pytest.fixture
def beginning_with(submission_with):
    """Return a function that puts bytes before the reference's lesson 1, and a file beside it."""

    def make(first: bytes):
        folder = submission_with()
        file = folder / "cifar_course" / "normalization.py"
        file.write_bytes(first + file.read_bytes())
        (file.parent / "table.npy").write_bytes(b"1")
        return folder

    return make


def failure(folder, **options):
    (verdict,) = judge(
        folder, syllabus.find(["normalization.one_hot"]), GradingOptions(**options)
    ).values()
    return verdict.first_failure


@pytest.mark.parametrize("title", BEGINNING)
def test_a_module_sees_no_more_here_than_in_the_sandbox(beginning_with, title):
    assert MESSAGE[title] in failure(beginning_with(BEGINNING[title])).message


@pytest.mark.sandboxed
@pytest.mark.parametrize("title", ["the course's data", "a declared encoding"])
def test_the_sandbox_has_the_same_message(beginning_with, title):
    folder = beginning_with(BEGINNING[title])
    here, there = (failure(folder, sandbox=there, secret="same") for there in (False, True))
    assert here.message == there.message


@pytest.mark.parametrize(
    "first",
    [
        b"\xef\xbb\xbf# with a byte order mark\n",
        "# -*- coding: latin-1 -*-\nassert len('é') == 1\n".encode(),
        b"from cifar_course import cnn\nfrom .cnn import softmax\nassert open(__file__).read()\n",
    ],
    ids=["byte order mark", "UTF-8 that is declared as latin-1", "what is there"],
)
def test_what_grading_reads_is_read_here(beginning_with, first):
    assert failure(beginning_with(first)) is None


def test_an_exception_names_the_file_that_the_learner_edits(beginning_with):
    assert "normalization.py, line 1: 1 / 0" in failure(beginning_with(b"1 / 0\n")).message


@pytest.mark.parametrize(
    ("name", "names", "refused"),
    [
        ("cifar_lab", (), True),
        ("cifar_lab", ("data",), True),
        ("cifar_lab", ("execution",), False),
        ("cifar_lab.execution.protocol", (), False),
        ("cifar_lab.executions", (), True),
        ("tests.grading", (), True),
        ("numpy", ("tests",), False),
        ("cifar_course", ("cnn",), False),
    ],
)
def test_only_what_a_sandbox_holds_is_imported(name, names, refused):
    assert is_refused(name, names) == refused


def test_pack_names_what_grading_will_not_have(submission_with, reference, command, tmp_path):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    folder = submission_with(normalization="from cifar_lab import data\n" + text)
    (folder / "cifar_course" / "table.npy").write_bytes(b"1")
    done = command("pack", tmp_path / "out.zip", f"--submission={folder}")
    assert done.returncode == 0, done.stderr
    assert "cifar_course/table.npy is not handed in: a module that needs it fails" in done.stdout
    imports = "normalization.py, line 1: it imports cifar_lab, which is not there in grading"
    assert imports in done.stdout and done.stdout.count("not there") == 1
