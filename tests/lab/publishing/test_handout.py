"""The learners' edition: complete, at work, and without an answer in it."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.stubs import CLOSE, OPEN
from cifar_lab.execution.loader import PACKAGE
from cifar_lab.publishing import handout

RUN = 3  # lines in a row that nobody else writes by accident
SHORTEST = 40  # characters in them
# the fast recipe trains a head of its own: the layers that lesson 5's docstring lists
KNOWN = {"cifar_lab/training/transfer_fast.py"}


@pytest.fixture(scope="module")
def edition(tmp_path_factory, reference) -> Path:
    """An edition, written once."""
    folder = tmp_path_factory.mktemp("handout") / "edition"
    handout.write(folder)
    return folder


@pytest.fixture
def in_edition(edition, command):
    """Run a command of the edition, with the edition's own code."""

    def run(*words: object):
        return command(*words, cwd=edition, env={"PYTHONPATH": str(edition)})

    return run


def runs(lines: list[str], length: int = RUN) -> set[str]:
    """Lines that follow each other, however they are indented, if they say enough."""
    plain = [" ".join(line.split()) for line in lines if line.strip()]
    places = range(len(plain) - length + 1)
    found = {"\n".join(plain[place : place + length]) for place in places}
    return {run for run in found if len(run) >= SHORTEST}


def answers(text: str) -> list[list[str]]:
    """The lines between each pair of marks."""
    return [part.split(CLOSE)[0].strip().splitlines() for part in text.split(OPEN)[1:]]


def text_of(file: Path) -> str:
    """A file's words; of a notebook those of its cells, of a image none."""
    if file.suffix == ".ipynb":
        return "\n".join(cell.source for cell in nbformat.read(file, as_version=4).cells)
    return "" if file.suffix == ".png" else file.read_text(encoding="utf-8")


@pytest.mark.parametrize("length", range(1, RUN + 1))
def test_no_answer_is_in_it(edition, reference, length):
    """Answers as long as `length` lines, or longer ones by each run of as many lines."""
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
    found = {}
    for file in filter(Path.is_file, edition.rglob("*")):
        if shared := secret & runs(text_of(file).splitlines(), length):
            found[file.relative_to(edition).as_posix()] = shared
    assert found.keys() <= KNOWN, found


def test_what_staff_keep_is_not_in_it(edition):
    for name in handout.STAFF_ONLY:
        assert not (edition / name).exists(), name
    for file in edition.rglob("*.py"):
        assert OPEN not in map(str.strip, text_of(file).splitlines()), file


def test_a_learner_finds_all_there_is_to_work_with(edition):
    for module in syllabus.modules():
        written = (edition / "cifar_course" / f"{module}.py").read_text(encoding="utf-8")
        assert written == stubs.stub(module)
    for lesson in syllabus.lessons():
        text = edition / "lessons" / f"{lesson.notebook}.py"
        assert text.is_file()
        for exercise in lesson.exercises:
            assert (edition / syllabus.test_file(exercise).relative_to(syllabus.ROOT)).is_file()
        cells = nbformat.read(text.with_suffix(".ipynb"), as_version=4).cells
        assert cells and not any(cell.get("outputs") for cell in cells)
    for name in ("README.md", "LICENSE", "pyproject.toml", "constraints.txt", ".gitignore"):
        assert (edition / name).is_file()
    assert (edition / handout.WORKFLOW_AT_WORK).is_file()


def test_no_link_of_its_texts_leads_nowhere(edition):
    links = [
        (text.parent / link, text)
        for text in edition.rglob("*.md")
        for link in re.findall(r"\]\(([^):#]+)[)#]", text.read_text("utf-8"))
    ]
    assert len(links) >= 3
    assert [str(text) for link, text in links if not link.is_file()] == []


def test_its_readme_is_whole_but_for_the_maintainers_part(edition):
    def headings(folder):
        return re.findall(r"^#+ .*$", (folder / "README.md").read_text("utf-8"), re.MULTILINE)

    ours = headings(syllabus.ROOT)
    ours.remove(handout.STAFF_SECTION)
    assert headings(edition) == ours


def test_the_commands_work_in_it(edition, in_edition, tmp_path):
    board = in_edition()
    assert board.returncode == 0, board.stderr
    assert board.stdout.startswith(f"Judged: {edition}\n") and "0 of 100 points" in board.stdout
    checked = in_edition("check", "normalization.one_hot")
    assert checked.returncode == 1 and "not written" in checked.stdout
    assert in_edition("hint", "normalization.one_hot").returncode == 0
    file = edition / "cifar_course" / "normalization.py"
    file.write_text("def one_hot(labels, num_classes):\n    return 1\n", encoding="utf-8")
    assert in_edition("reset", "normalization.one_hot").returncode == 0
    assert stubs.is_stub(file.read_text(encoding="utf-8"), "normalization", "one_hot")
    assert in_edition("reset", "normalization").returncode == 0
    assert file.read_text(encoding="utf-8") == stubs.stub("normalization")
    assert in_edition("pack", tmp_path / "submission.zip").returncode == 0
    assert len(zipfile.ZipFile(tmp_path / "submission.zip").namelist()) == len(syllabus.modules())


def test_an_edition_makes_no_edition(in_edition, tmp_path):
    done = in_edition("handout", tmp_path / "second")
    assert done.returncode == 2 and "it is a learners' edition itself" in done.stderr
    assert not (tmp_path / "second").exists()


def test_tests_that_need_the_reference_are_skipped_in_it(edition):
    words = [
        "tests/lab/quality/test_answers.py",
        "tests/lab/course/test_reference_and_stubs.py",
        "-rs",
        "-q",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words, "-k", "not politely"],
        cwd=edition,
        env={"PYTHONPATH": str(edition), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "this edition has no solutions/" in done.stdout and "failed" not in done.stdout


def test_a_folder_with_something_in_it_is_left_alone(command, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = command("handout", tmp_path)
    assert done.returncode == 2 and "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(reference, tmp_path):
    (tmp_path / "edition").mkdir()
    assert handout.write(tmp_path / "edition") > 50


def test_an_edition_is_written_whole_or_not_at_all(reference, tmp_path, monkeypatch):
    copied = []

    def copy(source, target):
        copied.append(source)
        if len(copied) > 20:
            raise OSError("no space left on device")
        return shutil.copyfile(source, target)

    monkeypatch.setattr(handout.shutil, "copy", copy)
    with pytest.raises(handout.HandoutError, match="no space left"):
        handout.write(tmp_path / "edition")
    assert list(tmp_path.iterdir()) == []
