"""The learners' edition is complete, works, and holds neither answers nor a teacher's files."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.stubs import OPEN
from cifar_lab.publishing import handout

# the fast recipe builds a head of its own, with the layers that lesson 5's docstring lists
KNOWN = {"cifar_lab/training/transfer_fast.py"}
STAFF_ONLY = (
    *("solutions", "tests/corpus", "benchmarks", ".ci", "records/graders", "GRADERS.md"),
    # these run right answers
    *("tests/lab/reports", "tests/lab/verifier", "tests/lab/maintain"),
    *("tests/lab/grading/test_batch.py", "tests/lab/grading/test_gradescope.py"),
    *("tests/lab/quality/test_mutants.py", "tests/lab/quality/test_fairness.py"),
    *("tests/lab/sandbox/test_hostile.py", "tests/lab/sandbox/test_sandbox.py"),
    *("tests/lab/publishing/test_handout.py", "tests/lab/test_second_backend.py"),
)
# files of a teacher, in folders where somebody might put them
PLANTED = (
    *("roster.csv", "grades/grades.csv", "my-tests/test_hidden.py", "submissions/ada/cnn.py"),
    *("tests/hidden/test_hidden.py", "tests/grading/test_hidden.py", "lessons/roster.csv"),
    *("tests/grading/lesson_1/test_hidden.py", "tests/lab/data/grades.csv", "docs/roster.csv"),
    *("cifar_course/old_answers.py", "cifar_lab/grades.csv", "lessons/07_exam.ipynb"),
)


@pytest.fixture(scope="module")
def edition(tmp_path_factory, reference) -> Path:
    """Write an edition, once."""
    folder = tmp_path_factory.mktemp("handout") / "edition"
    handout.write(folder)
    return folder


@pytest.fixture
def in_edition(edition, command):
    """Run a command of the edition, with the edition's own code."""

    def run(*arguments: object):
        return command(*arguments, cwd=edition, env={"PYTHONPATH": str(edition)})

    return run


@pytest.fixture
def hand_out(checkout, command):
    """Run the command `handout` of the copy."""

    def run(target: Path):
        return command("handout", target, cwd=checkout, env={"PYTHONPATH": str(checkout)})

    return run


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_no_answer_is_in_it(edition, leaks, length):
    """Search for whole answers of `length` lines, and for three lines of the longer ones."""
    found = leaks(edition, length)
    assert found.keys() <= KNOWN, found


def test_what_staff_keep_is_not_in_it(edition):
    for name in STAFF_ONLY:
        assert (syllabus.ROOT / name).exists(), name
        assert not (edition / name).exists(), name
    for file in edition.rglob("*.py"):
        assert OPEN not in map(str.strip, file.read_text(encoding="utf-8").splitlines()), file


def test_a_teachers_own_files_are_left_out_and_listed(checkout, hand_out, tmp_path):
    for name in PLANTED:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("secret\n", encoding="utf-8")
    git(checkout, "init", "-q")
    git(checkout, "add", "-f", ".")
    done = hand_out(tmp_path / "edition")
    assert done.returncode == 0, done.stderr
    written = [path.relative_to(tmp_path / "edition") for path in (tmp_path / "edition").rglob("*")]
    assert {path.as_posix() for path in written} & set(PLANTED) == set()
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("Left out: "))
    listed = line.removeprefix("Left out: ").split(", ")
    assert not [name for name in PLANTED if not name.startswith(tuple(listed))]
    assert {"solutions/", "grades/", "roster.csv", "lessons/07_exam.ipynb"} <= set(listed)


def test_a_course_that_git_does_not_track_is_explained(checkout, hand_out, tmp_path):
    """An archive was unpacked, on its own or within another repository."""
    for inside_a_repository in (False, True):
        if inside_a_repository:
            git(tmp_path, "init", "-q")
        done = hand_out(tmp_path / "edition")
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
        assert f"git cannot list the files of {checkout}" in done.stderr
        assert "git init; git add .; git commit" in done.stderr
        assert not (tmp_path / "edition").exists()


def test_a_learner_gets_everything_to_work_with(edition):
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
    assert (edition / handout.ACTIVE_WORKFLOW).is_file()


def test_no_link_of_its_texts_leads_nowhere(edition):
    links = [
        (text.parent / link, text)
        for text in edition.rglob("*.md")
        for link in re.findall(r"\]\(([^):#]+)[)#]", text.read_text("utf-8"))
    ]
    assert len(links) >= 3
    assert [str(text) for link, text in links if not link.is_file()] == []


def test_its_readme_lacks_only_the_maintainers_part(edition):
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
    tests = [
        "tests/lab/quality/test_answers.py",
        "tests/lab/course/test_reference_and_stubs.py",
        "-rs",
        "-q",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests, "-k", "not politely"],
        cwd=edition,
        env={"PYTHONPATH": str(edition), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "this edition has no solutions/" in done.stdout and "failed" not in done.stdout


def test_a_folder_that_is_not_empty_is_not_changed(command, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = command("handout", tmp_path)
    assert done.returncode == 2 and "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(reference, tmp_path):
    (tmp_path / "edition").mkdir()
    assert handout.write(tmp_path / "edition").files > 50


def test_an_edition_is_written_completely_or_not_at_all(reference, tmp_path, monkeypatch):
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
