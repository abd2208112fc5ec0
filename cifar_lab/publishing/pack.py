"""The zip file that a learner hands in."""

import ast
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from cifar_lab import PACKAGE
from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.execution.loader import is_refused, read_module
from cifar_lab.grading import intake


class PackError(CourseError):
    """The submission cannot be packed; the message names the file and the remedy."""


def zip_file(name: Path) -> Path:
    """Return the file to write if somebody names it like this.

    Raises:
        PackError: It is a folder, or in a folder that does not exist.
    """
    if name.is_dir():
        raise PackError(f"{name} is a folder; name a file, such as submission.zip")
    if not name.parent.is_dir():
        raise PackError(f"there is no folder {name.parent}; create it first")
    return name if name.suffix.lower() == ".zip" else name.with_name(f"{name.name}.zip")


def pack(folder: Path, out: Path, write: bool = True) -> tuple[str, ...]:
    """Write the modules of the submission in `folder` to the zip file `out`, or nothing.

    Args:
        folder: The submission.
        out: The file.
        write: False only finds out if the submission can be packed.

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
        if write:
            write_whole(out, packed.read_bytes())
    return syllabus.modules()


def missing_in_grading(folder: Path) -> list[str]:
    """Return what the modules may use here and grading will not have, a sentence each."""
    expected = {"__init__.py", *(f"{module}.py" for module in syllabus.modules())}
    others = sorted(path.name for path in (folder / PACKAGE).iterdir())
    found = [
        f"{PACKAGE}/{name} is not handed in: a module that needs it fails"
        for name in others
        if name not in expected and not name.startswith((".", "__"))
    ]
    for module in syllabus.modules():
        found += [
            f"{module}.py, line {line}: it imports {name}, which is not there in grading"
            for line, name in _refused_imports(read_module(folder, module))
        ]
    return found


def _refused_imports(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each import that grading refuses."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            refused = [alias.name for alias in node.names if is_refused(alias.name)]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [alias.name for alias in node.names]
            refused = [node.module] if is_refused(node.module, names) else []
        else:
            refused = []
        yield from ((node.lineno, name) for name in refused)


def _content(folder: Path, module: str) -> bytes:
    file = folder / PACKAGE / f"{module}.py"
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise PackError(
            f"{file} is missing. `cifar-course reset {module}` puts its stubs back"
        ) from None
