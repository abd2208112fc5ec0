"""The version of the code that a training run trains."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

from cifar_lab import PACKAGE
from cifar_lab.course import syllabus


def code_version(submission: Path, recipe: Path) -> dict[str, Any]:
    """Describe the code of a training run, as `metrics.json` records it.

    Args:
        submission: The folder around the `cifar_course/` that is trained.
        recipe: The file of the recipe.

    Returns:
        The course's commit, and SHA-256 hashes of the submission's modules and of the recipe's
        file.
    """
    files = {name: submission / PACKAGE / f"{name}.py" for name in syllabus.modules()}
    return {
        "commit": commit_of(recipe),
        "modules": {name: _sha256(file) for name, file in files.items() if file.is_file()},
        "recipe": _sha256(recipe),
    }


def commit_of(file: Path) -> str | None:
    """Return the commit of the repository that tracks a file.

    Returns:
        The commit's hash, with "-dirty" at its end if a tracked file was changed since; None if
        git does not know the file, or is not installed.
    """
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:
        return None
    return _git(file.parent, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
