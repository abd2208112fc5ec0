"""The learners' edition: the course as git tracks it, without whatever gives answers away."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.publishing import notebooks

STAFF_ONLY = (
    *("solutions/", "tests/corpus/answers/", "benchmarks/", ".ci/"),
    *(
        "tests/lab/quality/test_fairness.py",
        "tests/lab/test_second_backend.py",
    ),  # they judge these answers
    # a class's grading is tested on submissions, right ones among them
    *("tests/made_up_class.py", "tests/test_cohort.py", "tests/test_cohort_problems.py"),
    *("tests/test_hidden.py", "tests/test_pages.py", "tests/test_rebuild.py"),
    *(
        "tests/test_hostile.py",
        "tests/corpus/hostile/",
        "tests/test_roster.py",
        "tests/test_sandbox.py",
    ),
    *("tests/test_gradescope.py", "tests/test_handout.py"),
    # mutants are lines of the reference
    *("GRADERS.md", "records/graders/", "tests/corpus/mutants.toml", "tests/test_mutants.py"),
    "tests/test_maintain.py",
)
STAFF_SECTION = "## For maintainers"  # of the README: it speaks of what is left out
WORKFLOW = Path("docs", "classroom.yml")  # at work only where GitHub looks for it
WORKFLOW_AT_WORK = Path(".github", "workflows", "classroom.yml")


class HandoutError(CourseError):
    """No edition was written, and why."""


def write(target: Path) -> int:
    """Write the learners' edition into an empty or new folder, whole or not at all.

    Args:
        target: The folder.

    Returns:
        How many files it holds.

    Raises:
        HandoutError: There is something in `target` already, or this is no checkout of the course.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise HandoutError(f"{target} is not empty: name a folder that is, or a new one")
    names = tracked()
    target = target.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".handout-", dir=target.parent) as place:
            edition = Path(place, target.name)
            lay_out(edition, [name for name in names if not name.startswith(STAFF_ONLY)])
            _copy(syllabus.ROOT / WORKFLOW, edition / WORKFLOW_AT_WORK)
            if target.exists():
                target.rmdir()
            edition.rename(target)
    except OSError as error:
        raise HandoutError(f"nothing was written: {error}") from error
    return sum(path.is_file() for path in target.rglob("*"))


def lay_out(edition: Path, names: list[str]) -> None:
    """Copy the files named, with every answer a stub and no output in any lesson."""
    for name in names:
        _copy(syllabus.ROOT / name, edition / name)
    stubs.write_all(edition)
    readme = edition / "README.md"
    write_whole(readme, _without_section(readme.read_text("utf-8"), STAFF_SECTION))
    # `reset` has no reference there to cut a stub from
    kept = edition / stubs.KEPT.relative_to(syllabus.ROOT)
    kept.mkdir(parents=True)
    for module in syllabus.modules():
        write_whole(kept / f"{module}.py", stubs.stub(module))
    for text in (edition / "lessons").glob("*.py"):
        notebooks.write(text.with_suffix(".ipynb"), notebooks.from_text(text))


def tracked() -> list[str]:
    """The course's files, as git tracks them: nobody's notes, hidden tests or submissions.

    Raises:
        HandoutError: This is an edition without the reference, or not a checkout.
    """
    if not stubs.REFERENCE.is_dir():
        raise HandoutError(
            f"{syllabus.ROOT} has no solutions/: it is a learners' edition itself. "
            "Editions are made in the course's own repository"
        )
    words = ["git", "-C", str(syllabus.ROOT), "ls-files", "-z"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError:
        raise HandoutError("git is not installed, and it knows which files to copy") from None
    if done.returncode:
        raise HandoutError(f"git cannot say which files to copy: {done.stderr.strip()}")
    return done.stdout.rstrip("\0").split("\0")


def _without_section(text: str, heading: str) -> str:
    """A Markdown text without this section of the second level."""
    before, section = text.split(f"{heading}\n", 1)
    _, following = section.split("\n## ", 1)
    return f"{before}## {following}"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
