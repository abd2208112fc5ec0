"""The course's public addresses: pyproject.toml states them, and other files hold copies.

Badges and notebooks cannot read pyproject.toml, so they repeat the account that publishes the
course.
"""

import re
import tomllib
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole

# an account in an address of the course: on GitHub itself, on services that open a repository
# from there, and on GitHub Pages
ACCOUNT = re.compile(
    r"(?<=github\.com/)[\w-]+(?=/cifar-course\b)"
    r"|(?<=research\.google\.com/github/)[\w-]+(?=/cifar-course\b)"
    r"|(?<=mybinder\.org/v2/gh/)[\w-]+(?=/cifar-course\b)"
    r"|(?<=codespaces\.new/)[\w-]+(?=/cifar-course\b)"
    r"|(?<=https://)[\w-]+(?=\.github\.io/cifar-course\b)"
)
FILES = (
    *("*.md", "*.cff", "docs/*.md", "lessons/*.ipynb", "solutions/*.ipynb"),
    *(".github/**/*.yml", ".github/**/*.md", ".devcontainer/*"),
)
SETTINGS = "pyproject.toml"


class AddressError(CourseError):
    """The addresses in pyproject.toml do not belong together."""


def repository(root: Path = syllabus.ROOT) -> str:
    """Return the address of the repository."""
    return _addresses(root)["Repository"]


def account(root: Path = syllabus.ROOT) -> str:
    """Return the account that publishes the course.

    Raises:
        AddressError: pyproject.toml names none, or several.
    """
    addresses = _addresses(root)
    found = {name for address in addresses.values() for name in ACCOUNT.findall(address)}
    if len(found) != 1:
        raise AddressError(
            f"[project.urls] in {SETTINGS} names the accounts {sorted(found)}; it must name one"
        )
    return found.pop()


def problems(root: Path = syllabus.ROOT) -> list[str]:
    """Return a line for each copy of an address that names another account."""
    right = account(root)
    return [
        f"{file.relative_to(root)}:{number}: the address names {wrong}, {SETTINGS} names {right}: "
        "python -m cifar_lab.maintain addresses"
        for file in _files(root)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        for wrong in ACCOUNT.findall(line)
        if wrong != right
    ]


def rewrite(root: Path = syllabus.ROOT) -> list[Path]:
    """Put the account of pyproject.toml into all copies, and return the files that changed."""
    right, changed = account(root), []
    for file in _files(root):
        before = file.read_text(encoding="utf-8")
        after = ACCOUNT.sub(right, before)
        if after != before:
            write_whole(file, after)
            changed.append(file)
    return changed


def _addresses(root: Path) -> dict[str, str]:
    text = (root / SETTINGS).read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["urls"]


def _files(root: Path) -> list[Path]:
    found = {file for pattern in FILES for file in root.glob(pattern)}
    return sorted(file for file in found if file.is_file())
