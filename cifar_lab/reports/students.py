"""A student's results, read back: points and laws by exercise, and what a person must look at.

Everything that leaves a grading (pages, JUnit, rosters) is made from these. What a hidden test
said is dropped here, so that no page can show it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cifar_lab.course import syllabus
from cifar_lab.grading.results import GRADED, INVALID

PASSED, FAILED, NOT_WRITTEN = "passed", "failed", "not written"


@dataclass(frozen=True)
class Law:
    """One test's outcome; of a hidden test, its name and verdict alone."""

    exercise: str
    name: str
    passed: bool
    points: float
    worth: float
    message: str
    mistake: str | None
    failure_kind: str | None
    written: bool
    hidden: bool

    @property
    def came(self) -> str:
        """What came of the call, in a line: the call itself differs from learner to learner."""
        lines = [line for line in self.message.splitlines() if not line.startswith("Called ")]
        return next(iter(lines), "")


@dataclass(frozen=True)
class Marks:
    """One exercise of one student."""

    exercise: str
    laws: tuple[Law, ...]

    @property
    def status(self) -> str:
        """`passed`, `failed` or `not written`."""
        if all(law.passed for law in self.laws):
            return PASSED
        return FAILED if any(law.passed or law.written for law in self.laws) else NOT_WRITTEN

    @property
    def points(self) -> float:
        """Reached, rounded as everywhere."""
        return round(sum(law.points for law in self.laws), 2)

    @property
    def worth(self) -> float:
        """Points there were to reach."""
        return round(sum(law.worth for law in self.laws), 2)

    @property
    def hint(self) -> str:
        """The first hint; an instructor's own exercise has none."""
        known = syllabus.exercises().get(self.exercise)
        return known.hints[0] if known else ""

    @property
    def recognised(self) -> bool:
        """Whether some failure names its mistake."""
        return any(law.mistake for law in self.laws)


@dataclass(frozen=True)
class Student:
    """One submission's results.

    Attributes:
        name: Safe as a file's name.
        original: As the submission was called.
        points: None where there is no grade, which is not the same as zero.
        words: What the grader said about the submission as a whole.
        problems: What was wrong with the submission.
        flags: What else the grader wants a person to see.
    """

    name: str
    original: str
    verdict: str
    trusted: bool
    points: float | None
    words: str
    problems: tuple[str, ...]
    flags: tuple[str, ...]
    laws: tuple[Law, ...]

    @property
    def graded(self) -> bool:
        """Whether there is a judgement."""
        return self.verdict == GRADED

    @property
    def invalid(self) -> bool:
        """Whether there was nothing to judge."""
        return self.verdict == INVALID

    @property
    def renamed(self) -> bool:
        """Whether the safe name leaves a reader in doubt about the original."""
        stem = self.original.removesuffix(".zip")
        return stem.replace(" ", "_") != self.name

    @cached_property
    def exercises(self) -> dict[str, Marks]:
        """Marks by exercise, in the order of the course; an instructor's own come last."""
        found = {law.exercise for law in self.laws}
        ordered = [id for id in syllabus.exercises() if id in found]
        ordered += sorted(found.difference(ordered))
        return {
            id: Marks(id, tuple(law for law in self.laws if law.exercise == id)) for id in ordered
        }

    def marks(self, exercises: Iterable[str]) -> list[Marks]:
        """Of those exercises that this student was judged on."""
        return [self.exercises[id] for id in exercises if id in self.exercises]

    @property
    def worth(self) -> float:
        """Points there were to reach."""
        return round(sum(law.worth for law in self.laws), 2)

    @cached_property
    def look(self) -> dict[str, str]:
        """Why a person should look at this submission, and the details of each reason."""
        reasons = {}
        if not self.graded:
            reasons[self.verdict] = "; ".join(self.problems) or self.words
        elif not self.trusted:
            reasons["graded without a sandbox"] = ""
        for law in self.laws:
            if law.failure_kind not in (None, "exception"):  # to raise one is an ordinary failure
                known = reasons.setdefault(law.failure_kind, law.exercise).split(", ")
                reasons[law.failure_kind] = ", ".join(dict.fromkeys([*known, law.exercise]))
        if self.flags:
            reasons["flagged"] = "; ".join(self.flags)
        return reasons


def read_student(results: Mapping[str, Any]) -> Student:
    """A student, from results in Gradescope's format as `make_results` makes them."""
    data = results["extra_data"]
    return Student(
        name=data["name"],
        original=data["original"],
        verdict=data["verdict"],
        trusted=data["trusted"],
        points=results.get("score"),
        words=data.get("words", ""),
        problems=tuple(data["problems"]),
        flags=tuple(str(flag) for flag in data.get("flags", ())),
        laws=tuple(_law(test) for test in results["tests"]),
    )


def _law(test: Mapping[str, Any]) -> Law:
    data = test.get("extra_data", {})
    hidden = test.get("visibility") == "hidden" or bool(data.get("hidden"))
    exercise, _, name = test["name"].partition(": ")
    return Law(
        exercise=exercise,
        name=name,
        passed=test["status"] == "passed",
        points=test["score"],
        worth=test["max_score"],
        message="" if hidden else test["output"],
        mistake=None if hidden else data.get("mistake"),
        failure_kind=data.get("failure_kind"),
        written=data.get("not_written") != exercise,
        hidden=hidden,
    )
