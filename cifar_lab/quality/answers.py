"""The catalogue: wrong answers as learners write them, and right ones that are written differently.

An answer is a cell of tests/corpus/answers/{wrong,right}/MODULE.py, which replaces one exercise of the
reference.
"""

import re
from dataclasses import dataclass

from cifar_lab.course import syllabus

ANSWERS = syllabus.ROOT / "tests" / "corpus" / "answers"
CELL = re.compile(r"^# %% (?P<exercise>\w+\.\w+): (?P<title>.+)$", re.MULTILINE)
SAYS = re.compile(r"^# says: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """One cell."""

    exercise: str
    title: str
    code: str
    says: str

    def __str__(self) -> str:
        return f"{self.exercise}: {self.title}"


def answers(kind: str) -> list[Answer]:
    """The cells of one kind, "wrong" or "right"."""
    found = []
    for file in sorted((ANSWERS / kind).glob("*.py")):
        text = file.read_text(encoding="utf-8")
        heads = [*CELL.finditer(text)]
        ends = [head.start() for head in heads[1:]] + [len(text)]
        for head, end in zip(heads, ends, strict=True):
            code = text[head.end() : end]
            says = SAYS.search(code)
            found.append(Answer(head["exercise"], head["title"], code, says[1] if says else ""))
    return found
