"""Golden messages: the first message that each wrong answer gets, as a learner reads it.

`tests/corpus/messages/EXERCISE.txt` holds them as cells: the title of the answer, the law that it
breaks first, and the message. A change of wording shows in the diff of these files.

A golden message holds on every machine, because `aligned` compares numbers by these rules:

- Two integers must be equal, except the line numbers of learner code: they change with the length
  of the reference.
- Other numbers must agree within a tolerance. They come from floating-point sums, whose order
  depends on the processor. Such a sum may print as an integer on one machine: "1" and "0.999999".
- Spaces around numbers do not count, because arrays are printed in columns.
"""

import math
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.syllabus import Exercise
from cifar_lab.quality import corpus, grading_tests
from cifar_lab.quality.answers import Answer, answers
from cifar_lab.quality.fork_server import first_failure

MESSAGES = corpus.CORPUS / "messages"
RTOL, ATOL = 1e-3, 2e-5
NUMBER = re.compile(
    r" *(?:(?<=, line )(?P<line>\d+)"
    r"|(?<![\w.])(?P<value>-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan))(?!\w)) *"
)


class NoMessage(CourseError):
    """A wrong answer that fails no test, or whose grading did not end."""


def path(exercise: Exercise) -> Path:
    """Return the file of an exercise's golden messages."""
    return MESSAGES / f"{exercise.id}.txt"


def stored(exercise: Exercise) -> dict[str, str]:
    """Return the golden messages of an exercise by the titles of the answers."""
    if not path(exercise).exists():
        return {}
    return {
        cell.title: _message(cell.settings["law"], cell.text)
        for cell in corpus.cells(path(exercise))
    }


def first(answer: Answer) -> str:
    """Judge a wrong answer, and return the law that it breaks first and the message.

    Raises:
        NoMessage: It earns full points, or its grading did not end.
    """
    failure = first_failure(answer.exercise, answer.text)
    if failure is None and grading_tests.trains(syllabus.exercises()[answer.exercise]):
        failure = first_failure(answer.exercise, answer.text, grading_tests.TRAINING)
    if failure is None or not failure.message:
        raise NoMessage(f"{answer}: {failure.name if failure else 'it earns full points'}")
    return _message(failure.name, failure.message)


def aligned(found: str, golden: str) -> str:
    """Return `found` with each number that agrees with the golden message written as there."""
    others = NUMBER.finditer(golden)

    def choose(number: re.Match) -> str:
        other = next(others, None)
        return (other if other and _agree(number, other) else number)[0]

    return NUMBER.sub(choose, found)


def rewrite(exercises: list[Exercise]) -> Iterator[Path]:
    """Judge all wrong answers of some exercises and write their golden messages; yield the files.

    A message that agrees with the golden one stays as it is.
    """
    MESSAGES.mkdir(exist_ok=True)
    todo = {exercise: [] for exercise in exercises}
    for answer in answers("wrong"):
        if (exercise := syllabus.exercises()[answer.exercise]) in todo:
            todo[exercise].append(answer)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        judged = pool.map(first, [answer for some in todo.values() for answer in some])
        for exercise, some in todo.items():
            cells = []
            for answer in some:
                found = next(judged)
                old = stored(exercise).get(answer.title, "")
                kept = old if aligned(found, old) == old else found
                cells.append(f"# %% {answer.title}\n{kept}")
            write_whole(path(exercise), "\n".join(cells))
            yield path(exercise)


def _message(law: str, text: str) -> str:
    return f"# law: {law}\n{text.strip()}\n"


def _agree(one: re.Match, other: re.Match) -> bool:
    if one["line"] or other["line"]:
        return bool(one["line"] and other["line"])
    a, b = one["value"], other["value"]
    if a == b:
        return True
    both_integers = a.lstrip("-").isdigit() and b.lstrip("-").isdigit()
    return not both_integers and math.isclose(float(a), float(b), rel_tol=RTOL, abs_tol=ATOL)
