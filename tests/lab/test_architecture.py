"""Tests of docs/architecture.md: everything that it names exists, and it names every folder."""

import re
from collections.abc import Iterator
from pathlib import Path

from cifar_lab.course import syllabus

TEXT = (syllabus.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TREE = re.search(r"```text\n(.*?)```", TEXT, re.DOTALL)[1]
LINE = re.compile(r"(?P<indent> *)(?P<name>\S+) {2,}\S.*")
IN_PROSE = re.compile(r"`([\w./-]+(?:/|\.(?:py|md|toml)))`")
VARIES = re.compile(r"[A-Z]+")


def tree() -> Iterator[str]:
    """Yield the path of each line of the tree."""
    folders: list[str] = []
    for line in TREE.splitlines():
        found = LINE.fullmatch(line)
        assert found, f"not an indented name with a description: {line!r}"
        del folders[len(found["indent"]) // 2 :]
        yield "".join([*folders, found["name"]])
        folders.append(found["name"])


def exists(path: str, root: Path = syllabus.ROOT) -> bool:
    """Return True if there is such a file or folder; capitals stand for any characters."""
    pattern = path.rstrip("/")
    found = [root / path, *root.glob(VARIES.sub("*", pattern))]
    return any(file.is_dir() if path.endswith("/") else file.is_file() for file in found)


def test_the_tree_names_what_exists():
    assert [path for path in tree() if not exists(path)] == []


def test_the_prose_names_what_exists():
    named = IN_PROSE.findall(TEXT)
    assert len(named) > 20
    assert [p for p in named if not exists(p) and not exists(p, syllabus.LAB)] == []


def test_every_folder_of_the_code_is_in_the_tree():
    files = [file for file in syllabus.LAB.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    folders = {f"{file.parent.relative_to(syllabus.ROOT).as_posix()}/" for file in files}
    assert folders - set(tree()) == set()
