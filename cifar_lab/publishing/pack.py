"""The zip file that a learner hands in."""

import tempfile
import zipfile
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.execution.loader import PACKAGE
from cifar_lab.grading import intake


class PackError(CourseError):
    """The submission cannot be packed; the message names the file and the remedy."""


def pack(folder: Path, out: Path) -> tuple[str, ...]:
    """Write the modules of the submission in `folder` to the zip file `out`, or nothing.

    Returns:
        The names of the modules.

    Raises:
        PackError: A module is missing, or grading could not read it.
    """
    contents = {module: _content(folder, module) for module in syllabus.modules()}
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder, "submission.zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for module, content in contents.items():
                archive.writestr(f"{PACKAGE}/{module}.py", content)
        if problems := intake.take_in(packed, "submission", Path(folder, "taken")).problems:
            raise PackError("; ".join(problems) + ". Nothing was packed")
        write_whole(out, packed.read_bytes())
    return syllabus.modules()


def _content(folder: Path, module: str) -> bytes:
    file = folder / PACKAGE / f"{module}.py"
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise PackError(
            f"{file} is missing. `cifar-course reset {module}` puts its stubs back"
        ) from None
