"""Catalogue of answers: wrong ones as learners write them, and right ones written in another way.

An answer is a cell of `tests/corpus/answers/{wrong,right}/MODULE.py` with the title
`MODULE.EXERCISE: TITLE`. Its code replaces one exercise of the reference. The setting `says` of a
wrong answer is a part of the message that names its misconception.
"""

from dataclasses import dataclass

from cifar_lab.course import stubs
from cifar_lab.quality import corpus

ANSWERS = corpus.CORPUS / "answers"


@dataclass(frozen=True)
class Answer:
    """Code for one exercise."""

    exercise: str
    title: str
    code: str
    says: str

    def __str__(self) -> str:
        return f"{self.exercise}: {self.title}"

    @property
    def text(self) -> str:
        """The reference's module with this answer."""
        # a later definition takes the place of an earlier one
        return stubs.reference(self.exercise.partition(".")[0]) + self.code


def answers(kind: str) -> list[Answer]:
    """Return the answers of one kind, "wrong" or "right"."""
    found = []
    for cell in corpus.cells(ANSWERS / kind):
        exercise, _, title = cell.title.partition(": ")
        found.append(Answer(exercise, title, cell.text, cell.settings.get("says", "")))
    return found
