"""An autograder for Gradescope: the bundle that is uploaded, and what it does with a submission.

python -m cifar_lab.grading.gradescope FOLDER    grade FOLDER/submission (there: /autograder)
"""

import os
import secrets
import stat
import sys
import tempfile
import zipfile
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.grading import intake, results
from cifar_lab.grading.grade_one import grade
from cifar_lab.publishing import handout
from cifar_lab.sandbox import sandbox

# all that grading needs; lessons stay at home, and nothing here gives answers away
PARTS = (
    *("cifar_course/", "cifar_lab/", "tests/grading/"),
    *("LICENSE", "README.md", "constraints.txt", "pyproject.toml"),
)
SCRIPTS = Path("docs", "gradescope")  # setup.sh and run_autograder
NAME = "submission"
TRIES = 2  # a grading error may be an accident of the machine


def bundle(out: Path) -> None:
    """Write the zip file to upload, whole or not at all.

    Raises:
        HandoutError: This is no checkout of the course with its reference.
    """
    names = [name for name in handout.tracked() if name.startswith(PARTS)]
    part = out.with_name(out.name + ".part")
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder, "course")
        handout.lay_out(course, names)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for script in sorted((syllabus.ROOT / SCRIPTS).iterdir()):
                _add(archive, script, script.name, 0o755)
            for file in sorted(filter(Path.is_file, course.rglob("*"))):
                _add(archive, file, file.relative_to(course).as_posix(), 0o644)
    part.replace(out)


def _add(archive: zipfile.ZipFile, file: Path, name: str, mode: int) -> None:
    """Add a file that is executable or not on whatever system the bundle is made."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFREG | mode) << 16  # 3: Unix
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, file.read_bytes())


def run(autograder: Path) -> str:
    """Grade the submission that Gradescope has put into `autograder`/submission.

    Returns:
        The verdict: `graded`, `invalid submission` or `grading error`.
    """
    file = autograder / "results" / "results.json"
    source = autograder / "submission"
    results.write_not_graded(file, intake.Submission(NAME, NAME), trusted=True)
    _close(autograder)
    verdict = results.GRADING_ERROR
    for _ in range(TRIES):
        verdict = grade(
            source=str(source),
            name=NAME,
            file=str(file),
            key=results.key_of(source, ""),
            sandboxed=True,
            exercises=[],
            secret=secrets.token_hex(),
            unprivileged=not _sandboxes_stand(),
        )
        if verdict != results.GRADING_ERROR:
            break
    return verdict


def _close(autograder: Path) -> None:
    """Leave to root alone what a submission must not read or write, sandbox or no sandbox."""
    os.umask(0o022)  # what the submission's user needs is made readable
    for name in ("source", "results", "submission_metadata.json"):
        path = autograder / name
        if path.exists():
            path.chmod(0o700)


def _sandboxes_stand() -> bool:
    """Whether this container lets sandboxes be built in it; typically it does not."""
    try:
        sandbox.check()
    except sandbox.GradingError as why:
        print(f"No sandbox: {why}")
        return False
    return True


if __name__ == "__main__":
    print(run(Path(sys.argv[1])))
