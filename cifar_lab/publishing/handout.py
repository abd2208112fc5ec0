"""The learners' edition: the files of the course that a learner needs, with stubs as answers.

`EDITION` lists what is handed out. Everything else that a teacher keeps in the checkout (hidden
tests, rosters, grades) stays there.
"""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.publishing import lesson_files, notebooks

# patterns from the course's root, beside the files of each lesson
EDITION = (
    *("README.md", "RESULTS.md", "LICENSE", "constraints.txt", "pyproject.toml", "setup.py"),
    *(".gitattributes", ".gitignore", "cifar_course/__init__.py"),
    *(".vscode/*.json", ".devcontainer/devcontainer.json", ".devcontainer/create.sh"),
    *("cifar_lab/**/*.py", "cifar_lab/course/syllabus.toml", "cifar_lab/reports/templates/*"),
    *("docs/adding-an-exercise.md", "docs/classes.md", "docs/classroom.yml", "docs/data.md"),
    "docs/large-classes.md",
    "docs/install.md",
    *("docs/feature_maps.png", "docs/gradescope/run_autograder", "docs/gradescope/setup.sh"),
    "records/runs/*.json",
    # the course's own tests, without those that need right answers
    *("tests/conftest.py", "tests/lab/test_cli.py", "tests/lab/test_keras_contract.py"),
    "tests/lab/course/test_reference_and_stubs.py",
    *(f"tests/lab/{room}/*.py" for room in ("data", "execution", "oracles", "testing", "training")),
    *("tests/lab/grading/test_intake.py", "tests/lab/publishing/test_notebooks.py"),
    "tests/lab/quality/test_answers.py",
    *("tests/lab/sandbox/test_many_cores.py", "tests/lab/sandbox/fake_cores.c"),
)
STAFF_SECTION = "## For maintainers"  # of the README: it describes files that are left out
WORKFLOW = Path("docs", "classroom.yml")  # GitHub runs it only from the folder below
ACTIVE_WORKFLOW = Path(".github", "workflows", "classroom.yml")


class HandoutError(CourseError):
    """No edition was written; the message says why."""


@dataclass(frozen=True)
class Edition:
    """Summary of an edition that was written."""

    files: int
    left_out: list[str]  # what git tracks and learners do not get; a folder stands for its files


def write(target: Path) -> Edition:
    """Write the learners' edition into an empty or new folder, or nothing.

    Raises:
        HandoutError: `target` is not empty, or this is no checkout of the course with its
            reference.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise HandoutError(f"{target} is not empty; name an empty or a new folder")
    names = tracked()
    kept = handed_out(names)
    target = target.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".handout-", dir=target.parent) as folder:
            edition = Path(folder, target.name)
            lay_out(edition, kept)
            _copy(syllabus.ROOT / WORKFLOW, edition / ACTIVE_WORKFLOW)
            if target.exists():
                target.rmdir()
            edition.rename(target)
    except OSError as error:
        raise HandoutError(f"nothing was written: {error}") from error
    return Edition(sum(path.is_file() for path in target.rglob("*")), left_out(names, kept))


def handed_out(names: list[str]) -> list[str]:
    """Return those of the course's files that belong to the learners' edition."""
    files = {file for pattern in EDITION for file in syllabus.ROOT.glob(pattern)}
    files.add(lesson_files.FULL_RUNS)
    for lesson in syllabus.lessons():
        files.add(syllabus.ROOT / "cifar_course" / f"{lesson.module}.py")
        files.update(lesson_files.notebooks_of(lesson), lesson_files.grading_tests_of(lesson))
    wanted = {file.relative_to(syllabus.ROOT).as_posix() for file in files}
    return [name for name in names if name in wanted]


def left_out(names: list[str], kept: list[str]) -> list[str]:
    """Return what is not handed out: a folder without any kept file, with "/", or a file."""
    partly = {str(parent) for name in kept for parent in PurePosixPath(name).parents} | {"."}
    found = set()
    for name in set(names) - set(kept):
        parents = [str(parent) for parent in reversed(PurePosixPath(name).parents)]
        untouched = [f"{parent}/" for parent in parents if parent not in partly]
        found.add((*untouched, name)[0])
    return sorted(found)


def lay_out(edition: Path, names: list[str]) -> None:
    """Copy the files named, with every answer a stub and no output in any lesson."""
    for name in names:
        _copy(syllabus.ROOT / name, edition / name)
    stubs.write_all(edition)
    readme = edition / "README.md"
    write_whole(readme, _without_section(readme.read_text("utf-8"), STAFF_SECTION))
    # without the reference, `reset` takes the stubs from here
    kept = edition / stubs.KEPT.relative_to(syllabus.ROOT)
    kept.mkdir(parents=True)
    for module in syllabus.modules():
        write_whole(kept / f"{module}.py", stubs.stub(module))
    for text in (edition / "lessons").glob("*.py"):
        notebooks.write(text.with_suffix(".ipynb"), notebooks.from_text(text))


def tracked() -> list[str]:
    """Return the names of all files of the course that git tracks.

    Raises:
        HandoutError: This is an edition without the reference, or not a checkout.
    """
    if not stubs.REFERENCE.is_dir():
        raise HandoutError(
            f"{syllabus.ROOT} has no solutions/: it is a learners' edition itself. "
            "Run this command in the course's own repository"
        )
    command = ["git", "-C", str(syllabus.ROOT), "ls-files", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError:
        raise HandoutError("git is not installed; it lists the course's files") from None
    names = done.stdout.rstrip("\0").split("\0")
    if done.returncode or "README.md" not in names:
        reason = done.stderr.strip() or "it tracks none of the course's files there"
        raise HandoutError(
            f"git cannot list the files of {syllabus.ROOT} ({reason}). If you have unpacked an "
            "archive of the course, run in that folder: git init; git add .; git commit"
        )
    return names


def _without_section(text: str, heading: str) -> str:
    """Return a Markdown text without this section of the second level."""
    before, section = text.split(f"{heading}\n", 1)
    _, following = section.split("\n## ", 1)
    return f"{before}## {following}"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
