"""The autograder for Gradescope: a zip file with everything that grading there needs."""

import io
import stat
import tempfile
import zipfile
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.files import write_whole
from cifar_lab.publishing import handout

# without lessons, solutions or anything else that gives answers away
PARTS = (
    *("cifar_course/", "cifar_lab/", "tests/grading/"),
    *("LICENSE", "README.md", "constraints.txt", "pyproject.toml", "setup.py"),
)
SCRIPTS = Path("docs", "gradescope")  # setup.sh and run_autograder


def write(out: Path) -> None:
    """Write the zip file to upload, whole or not at all.

    Raises:
        HandoutError: This is no checkout of the course with its reference.
        NotWritten: The system refused.
    """
    names = [name for name in handout.tracked() if name.startswith(PARTS)]
    bundle = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder, "course")
        handout.lay_out(course, names)
        with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
            for script in sorted((syllabus.ROOT / SCRIPTS).iterdir()):
                _add(archive, script, script.name, 0o755)
            for file in sorted(filter(Path.is_file, course.rglob("*"))):
                _add(archive, file, file.relative_to(course).as_posix(), 0o644)
    write_whole(out, bundle.getvalue())


def _add(archive: zipfile.ZipFile, file: Path, name: str, mode: int) -> None:
    """Add a file with a mode that does not depend on the system that writes the bundle."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFREG | mode) << 16  # 3: Unix
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, file.read_bytes())
