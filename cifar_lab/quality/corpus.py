"""Read the corpus, which consists of cells: answers, messages and hostile submissions.

A cell starts with its title. The lines right below are its settings; the rest is its text:

    # %% title
    # key: value
    text
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cifar_lab.course import syllabus

CORPUS = syllabus.ROOT / "tests" / "corpus"
TITLE = re.compile(r"^# %% (.+)\n", re.MULTILINE)
SETTING = re.compile(r"# (\w+): (.+)\n")


@dataclass(frozen=True)
class Cell:
    """One entry of a corpus file."""

    file: str  # name without extension
    title: str
    settings: dict[str, str] = field(hash=False)
    text: str


def cells(path: Path) -> Iterator[Cell]:
    """Yield the cells of a corpus file, or of all files in a folder.

    A learners' edition has no corpus: a missing file or folder has no cells.
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in filter(Path.is_file, files):
        _, *parts = TITLE.split(file.read_text(encoding="utf-8"))
        for title, text in zip(parts[::2], parts[1::2], strict=True):
            settings = {}
            while line := SETTING.match(text):
                settings[line[1]] = line[2]
                text = text[line.end() :]
            yield Cell(file.stem, title, settings, text)
