"""One student's results, arranged for pages and JUnit: by exercise, with reasons for a review."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import FailureKind, Status, status_of
from cifar_lab.grading.members import bare_name
from cifar_lab.grading.results import Override, Results, TestResult


def observed(test: TestResult) -> str:
    """Return the line of a test's message that says what learner code did.

    The line before it, the call, differs from learner to learner.
    """
    lines = [line for line in test.message.splitlines() if not line.startswith("Called ")]
    return next(iter(lines), "")


class Compact:
    """Makes results small enough to keep those of a large class in memory.

    Messages are cut to the line that the class page shows, and equal tests are shared.
    """

    SHOWN = 200  # characters of a line

    def __init__(self):
        self.known: dict[TestResult, TestResult] = {}

    def __call__(self, results: Results) -> Results:
        """Return the results without what only the student's own page shows."""
        return replace(results, tests=tuple(map(self._shared, results.tests)), judged={})

    def _shared(self, test: TestResult) -> TestResult:
        small = replace(test, message=observed(test)[: self.SHOWN])
        return self.known.setdefault(small, small)


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """One student's result in one exercise."""

    exercise: str
    tests: tuple[TestResult, ...]
    override: Override | None = None

    @property
    def status(self) -> Status:
        """`PASSED`, `FAILED` or `NOT_WRITTEN`; hidden tests count, too."""
        return status_of(self.exercise, self.tests)

    @property
    def points(self) -> float:
        """Points earned or given by hand, rounded to two decimals."""
        if self.override:
            return self.override.points
        return round(sum(test.points for test in self.tests), 2)

    @property
    def max_points(self) -> float:
        """Points of all its tests; those of the exercise if it has none."""
        if not self.tests:
            return float(syllabus.exercises()[self.exercise].points)
        return round(sum(test.max_points for test in self.tests), 2)

    @property
    def hint(self) -> str:
        """The first hint; an instructor's own exercise has none."""
        known = syllabus.exercises().get(self.exercise)
        return known.hints[0] if known else ""

    @property
    def recognized(self) -> bool:
        """True if a failed test names the mistake."""
        return any(test.mistake for test in self.tests)


@dataclass(frozen=True)
class Student:
    """One student, who is a submission's results."""

    results: Results

    @property
    def renamed(self) -> bool:
        """True if the safe name leaves readers in doubt about the original."""
        stem = bare_name(self.results.original)
        return stem.replace(" ", "_") != self.results.name

    @cached_property
    def exercises(self) -> dict[str, ExerciseResult]:
        """Results by exercise, in the order of the course; an instructor's own come last."""
        found = defaultdict(list)
        for test in self.results.tests:
            found[test.exercise].append(test)
        given = {override.exercise: override for override in self.results.overrides}
        judged = found.keys() | given.keys()
        ordered = [id for id in syllabus.exercises() if id in judged]
        ordered += sorted(judged - set(ordered))
        return {id: ExerciseResult(id, tuple(found[id]), given.get(id)) for id in ordered}

    def results_in(self, exercises: Iterable[str]) -> list[ExerciseResult]:
        """Return the results in those of the exercises that this student was judged on."""
        return [self.exercises[id] for id in exercises if id in self.exercises]

    @cached_property
    def review(self) -> dict[str, str]:
        """Reasons why a person should review this submission, each with its details."""
        results, reasons = self.results, {}
        if not results.graded:
            reasons[results.outcome] = "; ".join(results.problems) or results.message
        elif not results.trusted:
            reasons["graded without a sandbox"] = ""
        for test in results.tests:
            # an exception is an ordinary failure
            if test.failure_kind not in (None, FailureKind.EXCEPTION):
                known = reasons.setdefault(test.failure_kind, test.exercise).split(", ")
                reasons[test.failure_kind] = ", ".join(dict.fromkeys([*known, test.exercise]))
        if results.overrides:
            reasons["points given by hand"] = "; ".join(
                f"{o.exercise}: {o.points:g} ({o.reason}, {o.by} {o.when})"
                for o in results.overrides
            )
        if results.flags:
            reasons["flagged"] = "; ".join(results.flags)
        return reasons
