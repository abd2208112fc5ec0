"""Opens a module in the learner's own editor."""

import os
import shlex
import subprocess
from pathlib import Path

from cifar_lab.course.errors import CourseError

LINE_FIRST = ("vi", "vim", "nvim", "nano", "emacs", "emacsclient", "micro", "hx")
GO_TO = ("code", "codium", "cursor")


class NoEditor(CourseError):
    """No editor is named, or the one that is cannot be started."""


def command(editor: str, file: Path, line: int) -> list[str]:
    """Return the command that opens a file in an editor, at the line if the editor can do that."""
    arguments = shlex.split(editor)
    name = Path(arguments[0]).stem
    if name in GO_TO:
        return [*arguments, "--goto", f"{file}:{line}"]
    return [*arguments, *([f"+{line}"] if name in LINE_FIRST else []), str(file)]


def open_file(file: Path, line: int) -> None:
    """Open a file in the editor that VISUAL or EDITOR names, and wait for it.

    Raises:
        NoEditor: There is none.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise NoEditor(
            f"no editor is chosen: set EDITOR, such as `export EDITOR=nano`. The file is {file}, "
            f"line {line}"
        )
    try:
        subprocess.run(command(editor, file, line), check=False)
    except (OSError, ValueError) as error:
        raise NoEditor(f"EDITOR is {editor!r}, which cannot be started: {error}") from error
