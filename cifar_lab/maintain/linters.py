"""Runs the linters: ruff for code and docstrings, typos for spelling, zizmor for workflows."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

from cifar_lab.course import syllabus

LINTERS = (
    ("ruff", "check", "--output-format=concise", "--quiet"),
    ("ruff", "format", "--check", "--output-format=concise", "--quiet"),
    ("typos", "--format=brief"),
)
WORKFLOWS = ("zizmor", "--offline", "--quiet", "--format=github")
INSTALL = 'python -m pip install -c constraints.txt -e ".[dev]"'


def problems(folder: Path = syllabus.ROOT) -> list[str]:
    """Return the lines that the linters print about the files in `folder`."""
    linters = (*LINTERS, WORKFLOWS) if (folder / ".github").is_dir() else LINTERS
    return [line for name, *arguments in linters for line in _run(name, arguments, folder)]


def program(name: str) -> str | None:
    """Return the path of a linter, or None if it is not installed."""
    # the environment's own programs are not on PATH if it is not activated
    places = [sysconfig.get_path("scripts"), os.environ.get("PATH", "")]
    return shutil.which(name, path=os.pathsep.join(places))


def _run(name: str, arguments: list[str], folder: Path) -> list[str]:
    linter = program(name)
    if linter is None:
        return [f"{name} is not installed: {INSTALL}"]
    command = [linter, *arguments, "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    if done.returncode == 0:
        return []
    return (done.stdout or done.stderr).splitlines()
