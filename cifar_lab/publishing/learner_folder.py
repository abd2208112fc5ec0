"""A learner's folder, made by an installed course: lessons to read, modules to write.

Grading tests stay in the package, so a newer package brings newer tests. `update` does the same for
lessons and stubs: it replaces what the course wrote, and never an answer. The stubs that the course
wrote are kept beside the notes about the learner, to know them again.
"""

import ast
import json
import shutil
from datetime import datetime
from pathlib import Path

from cifar_lab import PACKAGE
from cifar_lab.course import progress, stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.syllabus import Lesson
from cifar_lab.execution.loader import read_module
from cifar_lab.publishing import lesson_files

FIRST_LESSON = f"lessons/{syllabus.lessons()[0].notebook}.ipynb"
IGNORED = f"__pycache__/\n.ipynb_checkpoints/\n{progress.FOLDER}/\n/runs/\n"


class FolderError(CourseError):
    """The folder cannot be laid out or updated; the message says why."""


def lay_out(folder: Path) -> list[str]:
    """Write lessons and stubs into an empty or new folder.

    Returns:
        What was written, a line each.

    Raises:
        FolderError: The folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderError(f"{folder} is not empty; name an empty or a new folder")
    (folder / PACKAGE).mkdir(parents=True)
    write_whole(folder / PACKAGE / "__init__.py", "")
    write_whole(folder / ".gitignore", IGNORED)
    return update(folder)


def update(folder: Path) -> list[str]:
    """Bring a learner's folder up to date with the course that is installed.

    Returns:
        What has changed, a line each.

    Raises:
        FolderError: The folder is the course's own repository, or a module is not UTF-8.
    """
    if folder in (syllabus.ROOT, stubs.REFERENCE):
        raise FolderError(f"{folder} is the course's own repository; update it with git pull")
    changes = []
    for lesson in syllabus.lessons():
        changes += _update_notebook(folder, lesson)
        changes += _update_module(folder, lesson)
    return changes


def _update_notebook(folder: Path, lesson: Lesson) -> list[str]:
    _, notebook = lesson_files.notebooks_of(lesson)
    target = folder / "lessons" / notebook.name
    name = f"lessons/{notebook.name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copyfile(notebook, target)
        return [f"{name}: written"]
    if _cells(target) == _cells(notebook):
        return []  # outputs aside, which are the learner's
    copy = _back_up(folder, target)
    shutil.copyfile(notebook, target)
    return [f"{name}: replaced by a newer one; yours is kept in {copy.relative_to(folder)}"]


def _cells(notebook: Path) -> list[tuple[str, str]] | None:
    """Return kind and text of each cell; None if the file is damaged."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return None


def _update_module(folder: Path, lesson: Lesson) -> list[str]:
    module, file = lesson.module, folder / PACKAGE / f"{lesson.module}.py"
    name, newest = f"{PACKAGE}/{file.name}", stubs.stub(module)
    if not file.exists():
        write_whole(file, newest)
        _remember(folder, module, newest)
        return [f"{name}: written"]
    try:
        text = before = read_module(folder, module)
        ast.parse(text)
    except UnicodeDecodeError as error:
        raise FolderError(f"{file} is not UTF-8 ({error}). Save it as UTF-8, then again") from error
    except SyntaxError as error:
        raise FolderError(f"{file} does not parse (line {error.lineno}). Mend it first") from error
    changes = []
    for exercise in lesson.exercises:
        if change := _outdated(text, _remembered(folder, module), newest, exercise.name):
            text = stubs.put_back(text, module, exercise.name)
            changes.append(f"{name}: {change} {exercise.name}")
    if text != before:
        progress.back_up(folder, module)
        write_whole(file, text)
        changes += [f"{name}: put this line at its top: {line}" for line in _lacking(text, newest)]
    _remember(folder, module, newest)
    return changes


def _outdated(text: str, known: str, newest: str, name: str) -> str | None:
    """Return why an exercise needs the newest stub; None for an answer, and for that stub."""
    if not stubs.defines(text, name):
        return "new exercise"
    untouched = stubs.is_same(text, known, name) and not stubs.is_same(text, newest, name)
    return "newer stub of" if untouched else None


def _lacking(text: str, newest: str) -> list[str]:
    """Return the imports of the newest stubs that a module does not have."""
    kinds = ast.Import | ast.ImportFrom
    has, needs = (
        {ast.unparse(node): None for node in ast.parse(source).body if isinstance(node, kinds)}
        for source in (text, newest)
    )
    return [line for line in needs if line not in has]


def _stub_file(folder: Path, module: str) -> Path:
    return folder / progress.FOLDER / "stubs" / f"{module}.py"


def _remembered(folder: Path, module: str) -> str:
    """Return the stubs that the course wrote last; nothing if they are lost."""
    file = _stub_file(folder, module)
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _remember(folder: Path, module: str, text: str) -> None:
    file = _stub_file(folder, module)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, text)


def _back_up(folder: Path, file: Path) -> Path:
    kept = folder / progress.FOLDER / "backups"
    kept.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    return Path(shutil.copyfile(file, kept / f"{file.stem}-{stamp}{file.suffix}"))
