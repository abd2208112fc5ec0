"""A linter for the course's English: docstrings open with a verb, and each thing has one name.

`TERMS` holds the terms that are not used, with those that are. This file and its test are the only
ones that may contain all of them.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cifar_lab.course import syllabus

OPENERS = re.compile(r"\s*(What|Whether|Where|How|Who)\b")
FOLDERS = (".github", "benchmarks", "cifar_lab", "docs", "lessons", "solutions", "tests")
SUFFIXES = {".c", ".css", ".html", ".js", ".md", ".py", ".sh", ".toml", ".yml", ""}
EXEMPT = {"cifar_lab/maintain/english.py", "tests/lab/maintain/test_english.py"}


@dataclass(frozen=True)
class Term:
    """A term that the course uses, and a pattern of those that it replaces."""

    say: str
    pattern: str
    allowed: str | None = None  # phrases in which the pattern is ordinary English

    def uses(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the line and the text of each use of a replaced term."""
        if self.allowed:
            text = re.sub(self.allowed, _blank, text, flags=re.IGNORECASE)
        # an underscore separates words, as in `no_wall`
        whole = rf"(?<![A-Za-z])(?:{self.pattern})(?![A-Za-z])".replace(" ", r"[\s#]+")
        for found in re.finditer(whole, text, flags=re.IGNORECASE):
            yield text.count("\n", 0, found.start()) + 1, " ".join(found[0].split())


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"\S", ".", found[0])


TERMS = (
    Term("image", "pictures?"),
    Term("accuracy", "shares? right|right shares?"),
    Term("synthetic", "drawn (?:set|data|image|picture|dataset)s?|[\"'`]drawn[\"'`]|data=drawn"),
    Term("submission", "hand-?ins?", allowed=r"\w+_handin(?:-\d)?\.zip"),
    Term("sandbox", "walls?|walled", allowed="wall[- ](?:clock|time)"),
    Term("unprivileged user", "(?:an)?other user(?:'s)?"),
    Term("message, protocol, encode", "wires?|what crosses|as it crosses"),
    Term("remote handle, proxy", "stay(?:s|ing)? on the learner's side"),
    Term("unfreeze", "thaw(?:s|ed|ing)?"),
    Term("resume, continue", "(?:go|goes|going|went|gone) on"),
    Term("training run", "trainings|(?:a|one|each|every) training(?=[.,;:)])"),
    Term("characters", "letters?", allowed="(?:capital|small|lower-case|upper-case) letters?"),
    Term(
        "command, arguments, message, settings",
        "words",
        allowed="(?:in|into|other|own) words|extend-words|COMP_WORDS",
    ),
    Term(
        "failure kind, error, defect",
        "faults?",
        allowed="segmentation faults?|(?:your|learner's|submission's) fault",
    ),
    Term("grading error", "(?:its|grader's|judge's) own fault"),
    Term("up to date, out of date", "(?:in|out of) step", allowed=r"in step \d"),
    Term("mutant, mutation operator", "small errors?"),
    Term("anyone who, those who", "whoever"),
    Term("rarely", "seldom"),
    Term("again", "anew"),
    Term("describes", "tells? of"),
)


def problems() -> list[str]:
    """Return a line for each docstring and each term that is not in the course's English."""
    return [
        f"{file.relative_to(syllabus.ROOT)}:{line}: {problem}"
        for file in _files()
        for line, problem in sorted(problems_of(file.read_text(encoding="utf-8"), file.suffix))
    ]


def problems_of(text: str, suffix: str) -> list[tuple[int, str]]:
    """Return the problems of one file's text, with their lines.

    Args:
        text: The file's text.
        suffix: ".py" for a module, whose docstrings are checked, too.
    """
    found = [
        (line, f'say "{term.say}", not "{use}"') for term in TERMS for line, use in term.uses(text)
    ]
    if suffix == ".py":
        found += [
            (line, f'docstring opens with "{word}": open with a verb, such as "Return"')
            for line, word in _openers(text)
        ]
    return found


def _openers(text: str) -> Iterator[tuple[int, str]]:
    try:
        tree = ast.parse(text)
    except SyntaxError:  # cells of the hostile corpus; ruff reports other files
        return
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented):
            found = OPENERS.match(ast.get_docstring(node, clean=False) or "")
            if found:
                yield node.body[0].lineno, found[1]


def _files() -> list[Path]:
    root = syllabus.ROOT
    files = {file for folder in FOLDERS for file in (root / folder).rglob("*")}
    files |= {*root.glob("*.md"), root / "pyproject.toml", root / ".ci" / "run"}
    return sorted(
        file
        for file in files
        if file.is_file()
        and file.suffix in SUFFIXES
        and not {"__pycache__", ".ipynb_checkpoints"}.intersection(file.parts)
        and file.relative_to(root).as_posix() not in EXEMPT
    )
