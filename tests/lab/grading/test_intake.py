"""Submissions are taken in: the modules and nothing else, in whatever form they come."""

import io
import os
import resource
import stat
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading import intake, members

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


def tarred(file: Path, members: dict[str, str | bytes]) -> Path:
    """Write a tar file of these members, packed if its name says so."""
    with tarfile.open(file, "w" if file.suffix == ".tar" else "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            content = content.encode() if isinstance(content, str) else content
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file


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


def test_a_package_deeper_down_is_taken_if_it_is_the_only_one(folder, taken):
    deep = folder.put("Users/ada/Documents/uni/cs/" + MODULE)
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD} and submission.problems == MISSING
    folder.put(MODULE, GOOD + "#")
    submission = intake.take_in(folder.path, "ada", folder.path.parent / "again")
    assert submission.ignored == [str(deep.relative_to(folder.path))]
    assert submission.problems == MISSING


def test_two_packages_are_a_problem(folder, taken):
    folder.put("old/" + MODULE)
    folder.put("new/" + MODULE)
    submission, files = taken(folder.path)
    assert not submission.valid and not files
    problem = "found several cifar_course/ folders (new/cifar_course, old/cifar_course); keep one"
    assert submission.problems == [problem]


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


def test_a_source_that_compiles_to_gigabytes_is_not_compiled_outside_the_sandbox(folder, taken):
    depth = 19  # each `finally` is compiled twice
    lines = [f"{' ' * n}try:\n{' ' * n} pass\n{' ' * n}finally:\n" for n in range(depth)]
    folder.put(MODULE, "".join(lines) + " " * depth + "pass\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    submission, files = taken(folder.path)
    assert MODULE in files and submission.problems == MISSING
    # the largest child so far; compiled, this source takes more than a GiB
    most = 2**29 if sys.platform == "darwin" else 2**19  # bytes there, KiB elsewhere
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < max(before + 1, most)


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
        ("second.zip", "found 2 archives (first.zip, second.zip); keep one"),
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
    monkeypatch.setattr(members, "FILE_LIMIT", 10)
    submission, _ = taken(zipped(tmp_path, {f"{n:03}.txt": "" for n in range(20)} | {MODULE: GOOD}))
    assert not submission.valid and "more than 10 files" in submission.problems[0]


# --- the same content in another form ----------------------------------------------------------

CONTENTS = {
    "plain": [MODULE, "cifar_course/cnn.py"],
    "in a folder": ["my-work/" + MODULE],
    "without its folder": ["normalization.py", "cnn.py"],
    "with a copy of the package": ["cifar_course (1)/normalization.py"],
    "several packages": ["a/" + MODULE, "b/" + MODULE],
    "a virtual environment": [MODULE, ".venv/Lib/site-packages/" + MODULE],
    "a virtual environment with a plain name": [
        MODULE,
        "env/lib/python3.12/site-packages/" + MODULE,
    ],
    "the trash": [MODULE, ".Trash/" + MODULE],
    "what pip install leaves": ["course/" + MODULE, "course/build/lib/" + MODULE],
    "what pip install leaves for one platform": [
        MODULE,
        "build/lib.linux-x86_64-cpython-312/" + MODULE,
    ],
    "macOS": ["a/" + MODULE, "__MACOSX/a/cifar_course/._normalization.py", "__MACOSX/a/" + MODULE],
    "Jupyter": [MODULE, "cifar_course/.ipynb_checkpoints/normalization-checkpoint.py"],
    "Jupyter, around it": [MODULE, ".ipynb_checkpoints/" + MODULE],
    "an editor's history": [MODULE, ".history/" + MODULE],
    "notebooks alone": ["01_normalization.ipynb"],
    "nothing of the course": ["helper.py", "data.csv"],
}
TAKEN = {
    "plain": ["cnn", "normalization"],
    "without its folder": ["cnn", "normalization"],
    "several packages": [],
    "notebooks alone": [],
    "nothing of the course": [],
}


def zip_of(paths: list[str]) -> bytes:
    """Return a zip file with these modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in paths:
            archive.writestr(path, GOOD)
    return buffer.getvalue()


def forms_of(paths: list[str], place: Path) -> dict[str, Path]:
    """Write a submission with these files in every form in which it may be handed in."""
    for path in paths:
        (place / "folder" / path).parent.mkdir(parents=True, exist_ok=True)
        (place / "folder" / path).write_text(GOOD)
    inner = zip_of(paths)
    with zipfile.ZipFile(place / "nested.zip", "w") as archive:
        archive.writestr("__MACOSX/._inner.zip", "")
        archive.writestr("inner.zip", inner)
    (place / "zip.zip").write_bytes(inner)
    for name, content in (
        ("moodle", inner),
        ("moodle nested", (place / "nested.zip").read_bytes()),
    ):
        (place / name).mkdir()
        (place / name / "my-work.zip").write_bytes(content)
        (place / name / "._my-work.zip").write_bytes(b"")
    return {path.name: path for path in place.iterdir()}


@pytest.mark.parametrize("content", CONTENTS)
def test_a_folder_a_zip_and_a_zip_in_a_zip_are_the_same(tmp_path, content):
    (tmp_path / "given").mkdir()
    forms = forms_of(CONTENTS[content], tmp_path / "given")
    assert len(forms) == 5
    for form, source in forms.items():
        submission = intake.take_in(source, "ada", tmp_path / "taken" / form)
        expected = TAKEN.get(content, ["normalization"])
        assert submission.modules == expected, (form, submission.problems)


@pytest.mark.parametrize("content", CONTENTS)
def test_a_zip_ignores_what_a_folder_ignores(tmp_path, content):
    (tmp_path / "given").mkdir()
    forms = forms_of(CONTENTS[content], tmp_path / "given")
    as_folder, as_zip = (
        intake.take_in(forms[form], "ada", tmp_path / form) for form in ("folder", "zip.zip")
    )
    assert sorted(as_zip.ignored) == sorted(as_folder.ignored)
    assert as_zip.problems == as_folder.problems


def test_the_second_zip_inside_is_not_guessed_at(tmp_path, taken):
    inner = zip_of([MODULE])
    submission, files = taken(zipped(tmp_path, {"first.zip": inner, "second.zip": inner}))
    assert not files and submission.problems[0] == (
        "found 2 archives (first.zip, second.zip); keep one"
    )


def test_zips_in_zips_without_end_are_not_opened(tmp_path, taken):
    content = zip_of([MODULE])
    for _ in range(10):
        content = zipped(tmp_path, {"inner.zip": content}).read_bytes()
    submission, files = taken(tmp_path / "ada.zip")
    assert not files and not submission.valid


def test_a_damaged_zip_inside_is_named(tmp_path, taken):
    submission, files = taken(zipped(tmp_path, {"inner.zip": b"PK\x03\x04 and no more"}))
    assert not files and submission.problems[0].startswith("inner.zip is not readable: ")


def test_a_zip_inside_that_grows_without_end_is_cut_off(tmp_path, taken, monkeypatch):
    monkeypatch.setattr(members, "UNPACKED_LIMIT", 2**20)
    submission, files = taken(zipped(tmp_path, {"inner.zip": b" " * 2**24}))
    assert not files and submission.problems[0] == "inner.zip is larger than 1 MiB"


# --- unusual names -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("normalization.py", "the top folder"),
        ("cifar_course (1)/normalization.py", "cifar_course (1)/"),
        ("cifar_course-main/normalization.py", "cifar_course-main/"),
        ("Cifar_Course/normalization.py", "Cifar_Course/"),
        ("my work/lesson 1/normalization.py", "my work/lesson 1/"),
    ],
)
def test_modules_without_their_folder_are_taken_and_the_folder_is_named(folder, taken, name, place):
    folder.put(name)
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD}
    problem = f"found no folder cifar_course/: the modules in {place} were taken"
    assert submission.problems == [f"{problem}; put them into cifar_course/", *MISSING]


@pytest.mark.parametrize(
    "name",
    [
        *("normalization (1).py", "normalization(2).py", "Normalization.py", "NORMALIZATION.PY"),
        *("normalization - Copy.py", "normalization copy.py", "normalization copy 2.py"),
        *("Copy of normalization.py", "normalization-1.py"),
    ],
)
def test_a_copy_of_a_module_is_taken_and_named(folder, taken, name):
    folder.put(f"cifar_course/{name}")
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD}
    problem = f"cifar_course/{name} was taken for normalization.py; rename it"
    assert submission.problems == [problem, *MISSING]


@pytest.mark.parametrize(
    "name",
    ["normalization2.py", "my_normalization.py", "normalization.py.txt", "normalization.txt"],
)
def test_a_file_of_another_name_is_no_module(folder, taken, name):
    folder.put(f"cifar_course/{name}")
    submission, files = taken(folder.path)
    assert not files and not submission.valid


def test_a_module_comes_before_its_copy(folder, taken):
    folder.put(MODULE)
    folder.put("cifar_course/normalization (1).py", GOOD + "#")
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD} and submission.problems == MISSING
    assert submission.ignored == ["cifar_course/normalization (1).py"]


def test_the_package_comes_before_its_copy(folder, taken):
    folder.put(MODULE)
    folder.put("cifar_course (1)/normalization.py", GOOD + "#")
    folder.put("normalization.py", GOOD + "#")
    submission, files = taken(folder.path)
    assert files == {MODULE: GOOD} and submission.problems == MISSING


def test_two_copies_of_a_module_are_not_guessed_at(folder, taken):
    folder.put("cifar_course/cnn.py")
    folder.put("cifar_course/normalization (1).py")
    folder.put("cifar_course/normalization (2).py")
    submission, files = taken(folder.path)
    assert list(files) == ["cifar_course/cnn.py"]
    assert submission.problems[0] == (
        "found several files for normalization.py (cifar_course/normalization (1).py, "
        "cifar_course/normalization (2).py); name the right one normalization.py"
    )


def test_modules_in_two_folders_are_not_guessed_at(folder, taken):
    folder.put("old/normalization.py")
    folder.put("new/normalization.py")
    submission, files = taken(folder.path)
    assert not files and submission.problems[0] == (
        "found no folder cifar_course/, and modules in several folders (new/, old/); "
        "put the right ones into cifar_course/"
    )


def test_the_courses_own_files_are_no_submission(folder, taken):
    """A copy of the repository without the learner's package holds modules of the same names."""
    folder.put("course/cifar_lab/training/cnn.py")
    folder.put("course/tests/corpus/answers/right/cnn.py")
    folder.put("course/solutions/cnn.py")
    submission, files = taken(folder.path)
    assert not files and not submission.valid


def test_a_notebook_that_is_handed_in_alone_is_named(folder, taken):
    folder.put("lessons/01_normalization.ipynb", "{}")
    submission, files = taken(folder.path)
    assert not files and submission.problems[0] == (
        "found notebooks only (lessons/01_normalization.ipynb), which are not graded: hand in the "
        "modules, as `cifar-course pack OUT.zip` packs them"
    )


def test_python_files_of_other_names_are_named(folder, taken):
    folder.put("cifar_course/normalize.py")
    submission, _ = taken(folder.path)
    assert submission.problems[0] == (
        "found none of the modules among cifar_course/normalize.py: name them "
        "normalization.py, cnn.py, regularization.py, schedules.py, transfer.py, in a folder "
        "cifar_course/"
    )


def test_a_submission_of_other_files_says_what_to_hand_in(folder, taken):
    folder.put("report.pdf", b"%PDF")
    submission, _ = taken(folder.path)
    assert submission.problems[0] == (
        "found no folder cifar_course/ with the modules: hand in the file that "
        "`cifar-course pack OUT.zip` writes"
    )


# --- a folder of submissions -------------------------------------------------------------------


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


@pytest.mark.parametrize("name", ["ada.tar", "ada.tar.gz", "Ada.TGZ"])
def test_a_tar_file_counts_as_the_same_folder(tmp_path, taken, name):
    content = {"work/" + MODULE: GOOD, "work/notes.txt": "notes", "work/.venv/" + MODULE: "1"}
    source = tarred(tmp_path / name, content)
    assert list(intake.submissions(tmp_path)) == [name.split(".")[0]]
    submission, files = taken(source)
    assert files == {MODULE: GOOD}
    assert submission.ignored == ["work/notes.txt", "work/.venv"]


def test_a_tar_file_in_a_folder_or_a_zip_file(folder, tmp_path, taken):
    inner = tarred(tmp_path / "ada.tar.gz", {MODULE: GOOD}).read_bytes()
    folder.put("ada.tar.gz", inner)
    assert taken(folder.path)[1] == {MODULE: GOOD}


def test_links_and_climbing_paths_of_a_tar_file_are_not_followed(tmp_path, taken):
    source = tmp_path / "ada.tar"
    with tarfile.open(source, "w") as archive:
        for name, kind in ((MODULE, tarfile.SYMTYPE), ("cifar_course/cnn.py", tarfile.LNKTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        archive.addfile(tarfile.TarInfo("../cifar_course/schedules.py"))
        entry = tarfile.TarInfo("cifar_course/transfer.py")
        entry.type = tarfile.FIFOTYPE
        archive.addfile(entry)
    submission, files = taken(source)
    assert not files and not submission.valid
    assert sum("is not a plain file" in problem for problem in submission.problems) == 3


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8bbroken", b"\0" * 700])
def test_a_damaged_tar_file_is_one_invalid_submission(tmp_path, taken, content):
    (tmp_path / "ada.tar.gz").write_bytes(content)
    submission, files = taken(tmp_path / "ada.tar.gz")
    assert not files and not submission.valid and submission.problems


@pytest.mark.parametrize("name", ["ada.tgz", "ada.tar"])
def test_a_tar_file_beyond_the_limit_is_refused(tmp_path, taken, monkeypatch, name):
    monkeypatch.setattr(members, "UNPACKED_LIMIT", 2**20)
    source = tarred(tmp_path / name, {MODULE: GOOD, "zeros": bytes(2**21)})
    submission, files = taken(source)
    assert not files and "larger than 1 MiB" in submission.problems[0]
