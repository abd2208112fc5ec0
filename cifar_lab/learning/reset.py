"""Put stubs back, and bring answers back that were replaced by stubs."""

from pathlib import Path

from cifar_lab import PACKAGE
from cifar_lab.course import progress, stubs
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.syllabus import Exercise
from cifar_lab.execution.loader import read_module


class CannotReset(CourseError):
    """The module cannot be read, or there is nothing to bring back."""


def reset_exercise(folder: Path, exercise: Exercise) -> str:
    """Put the stub of an exercise back; return a sentence that says where the answer is kept."""
    if missing := _missing(folder, exercise.module):
        return missing
    text = _read(folder, exercise.module)
    if stubs.is_stub(text, exercise.module, exercise.name):
        return f"{exercise.id} is a stub already: nothing was changed, and nothing is kept"
    return _replace(
        folder, exercise.module, stubs.put_back(text, exercise.module, exercise.name), exercise.id
    )


def reset_module(folder: Path, module: str) -> str:
    """Put all stubs of a module back; return a sentence that says where the answers are kept."""
    if missing := _missing(folder, module):
        return missing
    if (folder / PACKAGE / f"{module}.py").read_bytes() == stubs.stub(module).encode():
        return f"{module} holds its stubs already: nothing was changed, and nothing is kept"
    return _replace(folder, module, stubs.stub(module), module)


def restore(folder: Path, exercise: Exercise) -> str:
    """Put the newest answer in a backup back into the module; return a sentence that says so.

    Raises:
        CannotReset: No backup holds an answer, or the module cannot be read.
    """
    module, name = exercise.module, exercise.name
    text = _read(folder, module)
    for backup in progress.backups(folder, module):
        answer = backup.read_bytes().decode("utf-8-sig", errors="replace")
        if _has_answer(answer, exercise):
            restored = stubs.put_back(text, module, name, original=answer)
            if not stubs.is_stub(text, module, name):
                progress.back_up(folder, module)
            write_whole(folder / PACKAGE / f"{module}.py", restored)
            return f"{exercise.id} is as it was in {backup}"
    raise CannotReset(
        f"no backup in {progress.backup_folder(folder)} holds an answer to {exercise.id}"
    )


def _has_answer(text: str, exercise: Exercise) -> bool:
    try:
        return stubs.defines(text, exercise.name) and not stubs.is_stub(
            text, exercise.module, exercise.name
        )
    except (SyntaxError, ValueError):  # a module was reset because it did not parse
        return False


def _missing(folder: Path, module: str) -> str:
    file = folder / PACKAGE / f"{module}.py"
    if file.exists():
        return ""
    write_whole(file, stubs.stub(module))
    return f"{file} was missing; it holds the stubs again"


def _read(folder: Path, module: str) -> str:
    try:
        return read_module(folder, module)
    except UnicodeDecodeError as error:
        raise CannotReset(
            f"{module}.py is not UTF-8 ({error}). Save it as UTF-8, then try again"
        ) from error


def _replace(folder: Path, module: str, text: str, what: str) -> str:
    backup = progress.back_up(folder, module)
    write_whole(folder / PACKAGE / f"{module}.py", text)
    return f"{what} is a stub again. Your answer is kept in {backup}"
