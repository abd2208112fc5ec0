"""Submissions are taken in: the modules and nothing else, in whatever form they come."""

import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading import intake

GOOD = "def one_hot(labels, num_classes):\n    return 1\n"
MISSING = [f"{module}.py is missing" for module in syllabus.modules() if module != "normalization"]


@pytest.fixture
def folder(tmp_path):
    """Return a submission's folder with a method that puts files into it."""

    class Folder:
        path = tmp_path / "given" / "ada"

        def put(self, name: str, content: str | bytes = GOOD) -> Path:
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            return file

    return Folder()


@pytest.fixture
def taken(tmp_path):
    """Return a function that takes a submission in; it returns this and the files by name."""

    def take(source: Path):
        target = tmp_path / "taken"
        submission = intake.take_in(source, "ada", target)
        files = [file for file in target.rglob("*") if not file.is_dir()]
        return submission, {str(file.relative_to(target)): file.read_text() for file in files}

    return take


def zipped(tmp_path: Path, members: dict[str, str | bytes]) -> Path:
    """Write a zip file of these members."""
    file = tmp_path / "ada.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


MODULE = "cifar_course/normalization.py"


def test_only_the_modules_come_through(folder, taken):
    folder.put(MODULE)
    extras = ["conftest.py", "pytest.ini", "sitecustomize.py", "numpy/__init__.py", "plugin.py"]
    extras += ["cifar_course/conftest.py", "cifar_course/helper.py", "cifar_course/cnn.pyc"]
    for name in extras:
        folder.put(name, "raise SystemExit")
    folder.put("cifar_course/__init__.py", "raise SystemExit")
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD}
    assert sorted(submission.ignored) == sorted(extras)
    assert (
        submission.modules == ["normalization"]
        and submission.problems == MISSING
        and submission.valid
    )


@pytest.mark.parametrize("outer", ["", "a/", "a/b/", "a/b/c/"])
def test_the_package_may_lie_three_folders_down(folder, taken, tmp_path, outer):
    folder.put(outer + MODULE)
    assert taken(folder.path)[1] == {MODULE: GOOD}
    other = intake.take_in(zipped(tmp_path, {outer + MODULE: GOOD}), "b", tmp_path / "other")
    assert other.modules == ["normalization"]


def test_four_folders_down_is_too_deep(folder, taken):
    folder.put("a/b/c/d/" + MODULE)
    submission, files = taken(folder.path)
    assert not submission.valid and not files and submission.ignored == ["a/b/c/d/" + MODULE]


def test_two_packages_are_a_problem(folder, taken):
    folder.put("old/" + MODULE)
    folder.put("new/" + MODULE)
    submission, files = taken(folder.path)
    assert not submission.valid and not files
    problem = "found several cifar_course/ folders (new/cifar_course, old/cifar_course); keep one"
    assert submission.problems[0] == problem


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode("utf-8-sig"),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
    ],
    ids=["BOM", "CRLF", "CR"],
)
def test_byte_order_marks_and_line_ends_do_not_matter(folder, taken, content):
    folder.put(MODULE, content)
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD} and submission.problems == MISSING


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("é".encode("latin-1"), "is not UTF-8"),
        (b"x = 1\0", "holds a zero byte"),
        (b"#" * (256 * 1024 + 1), "is larger than 256 KiB"),
    ],
)
def test_a_file_that_is_no_source_is_named(folder, taken, content, problem):
    folder.put(MODULE, content)
    submission, files = taken(folder.path)
    assert not files and not submission.valid and f"{MODULE} {problem}" in submission.problems[0]


def test_the_largest_source_that_is_allowed(folder, taken):
    folder.put(MODULE, b"#" * (256 * 1024))
    assert taken(folder.path)[0].valid


def test_a_module_that_does_not_parse_is_kept_and_named(folder, taken):
    folder.put(MODULE, "def one_hot(:\n")
    submission, files = taken(folder.path)
    assert submission.valid and MODULE in files
    assert "normalization.py does not parse, line 1" in submission.problems[0]


@pytest.mark.parametrize(
    "source", ["(" * 50_000, "-" * 200_000 + "1", "x = " + "[" * 90_000, "1" + "**1" * 60_000]
)
def test_a_source_that_breaks_the_compiler_breaks_nothing_else(folder, taken, source):
    folder.put(MODULE, source)
    submission, _ = taken(folder.path)
    assert submission.valid and len(submission.problems) > len(MISSING)


def test_links_pipes_and_devices_are_not_read(folder, taken, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("the answers")
    package = folder.put("cifar_course/readme.txt").parent
    (package / "normalization.py").symlink_to(secret)
    os.mkfifo(package / "cnn.py")
    (folder.path / "more").symlink_to(tmp_path, target_is_directory=True)
    submission, files = taken(folder.path)
    assert not files and not submission.valid
    assert sum("is not a plain file" in problem for problem in submission.problems) == 2


def test_an_archive_cannot_climb_out(tmp_path, taken):
    names = ["../cifar_course/cnn.py", "/cifar_course/cnn.py", "a/../cifar_course/schedules.py"]
    source = zipped(tmp_path, {MODULE: GOOD} | dict.fromkeys(names, GOOD))
    submission, files = taken(source)
    assert files == {MODULE: GOOD} and submission.ignored == names
    assert {str(p.name) for p in tmp_path.iterdir()} == {"ada.zip", "taken"}


def test_a_link_in_an_archive_is_not_followed(tmp_path, taken):
    file = tmp_path / "ada.zip"
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo(MODULE)
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    submission, files = taken(file)
    assert not files and "is not a plain file" in submission.problems[0]


def test_an_archive_that_grows_without_end_is_cut_off(tmp_path, taken):
    submission, files = taken(zipped(tmp_path, {MODULE: b" " * (64 * 2**20)}))
    assert not files and "is larger than 256 KiB" in submission.problems[0]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"a text"])
def test_a_file_that_is_no_archive_is_named(tmp_path, taken, content):
    file = tmp_path / "ada.zip"
    file.write_bytes(content)
    submission, files = taken(file)
    assert not files and not submission.valid and "not readable" in submission.problems[0]


def test_an_environment_beside_the_package_is_not_entered(folder, taken):
    """The README tells learners to make one in the course's folder."""
    folder.put(MODULE)
    folder.put(".venv/lib/site-packages/cifar_course/cnn.py")
    folder.put("notes/__pycache__/cnn.pyc")
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD}
    assert sorted(submission.ignored) == [".venv", "notes/__pycache__"]


def test_a_students_only_zip_file_is_opened(folder, taken, tmp_path):
    """Moodle makes a folder for each student and puts the file that was handed in into it."""
    folder.put("readme.txt")
    zipped(tmp_path, {MODULE: GOOD}).rename(folder.path / "Submission.ZIP")
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD} and submission.name == "ada"


def test_a_stray_file_beside_the_zip_changes_nothing(folder, taken, tmp_path):
    folder.put("notes.py")
    zipped(tmp_path, {MODULE: GOOD}).rename(folder.path / "submission.zip")
    assert taken(folder.path)[1] == {MODULE: GOOD}


@pytest.mark.parametrize(
    ("beside", "problem"),
    [
        ("cifar_course/cnn.py", "normalization.py is missing"),
        ("second.zip", "found 2 zip files (first.zip, second.zip); keep one"),
    ],
)
def test_a_zip_file_beside_other_work_is_not_guessed_at(folder, taken, tmp_path, beside, problem):
    folder.put(beside)
    zipped(tmp_path, {MODULE: GOOD}).rename(folder.path / "first.zip")
    submission, files = taken(folder.path)
    assert MODULE not in files and "first.zip" in submission.ignored
    assert submission.problems[0] == problem


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_archive_is_no_grading_error(tmp_path, taken, seed):
    """The submission is invalid or lacks modules, whatever is wrong with the archive."""
    source = zipped(tmp_path, {MODULE: GOOD * 50, "cifar_course/übung.py": GOOD})
    content = bytearray(source.read_bytes())
    random = np.random.default_rng(seed)
    content[random.integers(30, len(content))] ^= random.integers(1, 256)
    for place in random.integers(0, len(content), 3):
        content[place] = random.integers(256)
    source.write_bytes(bytes(content))
    submission, _ = taken(source)
    assert submission.problems


def test_a_huge_number_of_files_is_not_searched_to_its_end(tmp_path, taken, monkeypatch):
    monkeypatch.setattr(intake, "FILE_LIMIT", 10)
    submission, _ = taken(zipped(tmp_path, {f"{n:03}.txt": "" for n in range(20)} | {MODULE: GOOD}))
    assert not submission.valid and "more than 10 files" in submission.problems[0]


def test_names_are_safe_and_different(tmp_path):
    for name in ("Ada Lovelace", "Ada_Lovelace", "ada lovelace", "=cmd|x", "<b>", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "ada lovelace.zip").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "link").symlink_to(tmp_path / "<b>")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "graded").mkdir()
    found = intake.submissions(tmp_path, tmp_path / "graded")
    assert intake.passed_over(tmp_path, tmp_path / "graded") == ["link", "loop", "notes.txt"]
    assert len(found) == 6 and len({name.lower() for name in found}) == 6
    assert {path.name for path in found.values()} == {
        *("Ada Lovelace", "Ada_Lovelace", "ada lovelace", "=cmd|x", "<b>", "ada lovelace.zip")
    }
    assert sorted(found) == ["Ada_Lovelace", "Ada_Lovelace-2", "ada_lovelace-3", "ada_lovelace-4",
                             "b", "cmd_x"]  # fmt: skip
    assert intake.safe_name("../..") == "unnamed" and intake.safe_name("Зоя") == "Зоя"
