"""Show the reference's answer to a learner who has passed, or has given up."""

from dataclasses import dataclass
from pathlib import Path

from cifar_lab.course import progress, stubs
from cifar_lab.course.errors import CourseError
from cifar_lab.course.syllabus import Exercise
from cifar_lab.execution.loader import read_module
from cifar_lab.learning.judging import judge_and_remember


class NoSolution(CourseError):
    """The reference's answer is not shown; the message says why not."""


@dataclass(frozen=True)
class Solution:
    """Two answers to an exercise.

    Attributes:
        yours: The learner's; empty if their module does not parse or lacks it.
        reference: The reference's.
    """

    yours: str
    reference: str

    @property
    def titled(self) -> list[tuple[str, str]]:
        """The answers that there are, each with its title."""
        answers = (("Yours", self.yours), ("The reference's", self.reference))
        return [(title, text) for title, text in answers if text]


def solution(
    folder: Path, exercise: Exercise, give_up: bool = False, how_to_give_up: str = ""
) -> Solution:
    """Return the learner's answer and the reference's.

    Args:
        folder: The submission.
        exercise: The exercise.
        give_up: Show the reference's even if the learner's does not pass; the board notes it.
        how_to_give_up: Advice for that; by default the command.

    Raises:
        NoSolution: The answer does not pass, or this edition has no reference.
    """
    if not stubs.REFERENCE.is_dir():
        raise NoSolution(
            "this edition of the course comes without solutions: your instructor has them"
        )
    verdict = judge_and_remember(folder, [exercise])[exercise.id]
    if not verdict.passed:
        if not give_up:
            command = f"cifar-course solution {exercise.name} --give-up"
            raise NoSolution(
                f"{exercise.id}: yours is {verdict.status}. Its solution is shown when it passes, "
                f"or when you give up: {how_to_give_up or command}"
            )
        progress.note_given_up(folder, exercise)
    reference = _definition(stubs.reference(exercise.module), exercise.name)
    try:
        yours = _definition(read_module(folder, exercise.module), exercise.name)
    except (OSError, SyntaxError, ValueError):
        yours = ""
    return Solution(yours, reference)


def _definition(source: str, name: str) -> str:
    marks = (stubs.OPEN, stubs.CLOSE)
    lines = stubs.definition_lines(source, name)
    return "\n".join(line for line in lines if line.strip() not in marks)
