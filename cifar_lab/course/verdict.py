"""Verdicts: of a test, of an exercise with its points, and their sums."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from cifar_lab.course.syllabus import Exercise


class Status(StrEnum):
    """State of an exercise, or of one of its tests."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_WRITTEN = "not written"
    NOT_JUDGED = "not judged"


class FailureKind(StrEnum):
    """Reason why learner code did not answer a test."""

    EXCEPTION = "exception"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    CRASH = "crash"
    KILLED = "killed"
    OUTPUT_LIMIT = "output limit"
    BAD_REPLY = "bad reply"
    INVALID_MODEL = "invalid model"


class Outcome(StrEnum):
    """State of a submission's grading; only `GRADED` and `INVALID` come with a score."""

    NOT_GRADED = "not graded"
    GRADED = "graded"
    INVALID = "invalid submission"
    GRADING_ERROR = "grading error"


@dataclass
class TestVerdict:
    """Verdict on one law, with the message for the learner if it does not hold."""

    __test__ = False  # pytest, too, collects classes by this prefix

    name: str
    passed: bool = True
    message: str = ""
    not_written: str | None = None  # the exercise whose stub was met
    mistake: str | None = None  # the misconception that was recognized
    failure_kind: FailureKind | None = None  # why learner code did not answer, if it did not
    flags: list[str] = field(default_factory=list)  # remarks for the person who reads the results
    main: bool = False  # trivial answers do not pass it
    constant: bool = False  # its inputs are the same in every run


@dataclass
class ExerciseVerdict:
    """Verdict on one exercise: its tests and its points."""

    exercise: Exercise
    tests: list[TestVerdict] = field(default_factory=list)
    # an instructor's own, which carry points of their own: (verdict, points)
    hidden: list[tuple[TestVerdict, float]] = field(default_factory=list)
    judged_at: str = ""  # date and time, ISO 8601
    secret: str | None = None  # as in `GradingOptions`

    @property
    def passed(self) -> bool:
        """True if every test passed."""
        return bool(self.tests) and all(test.passed for test in self.tests)

    @property
    def status(self) -> Status:
        """`passed`, `failed` or `not written`."""
        return status_of(self.exercise.id, self.tests)

    @property
    def was_killed(self) -> bool:
        """True if something ended learner code from outside in one of the tests."""
        return any(test.failure_kind == FailureKind.KILLED for test in self.every_test)

    @property
    def every_test(self) -> list[TestVerdict]:
        """The verdicts on all tests, hidden ones included."""
        return [*self.tests, *(test for test, _ in self.hidden)]

    @property
    def points(self) -> float:
        """The exercise's points, split evenly over its tests; some may not count."""
        if not self.tests:
            return 0.0
        share = sum(test.passed and self.counts(test) for test in self.tests) / len(self.tests)
        return round(float(self.exercise.points) * share, 2)

    def counts(self, test: TestVerdict) -> bool:
        """Return True if passing the test earns points.

        A side law counts only if a main law holds; a law with constant inputs, which could be
        learned by heart, counts only if all others hold, too.
        """
        if not any(other.main and other.passed for other in self.tests):
            return False
        return not test.constant or all(o.passed for o in self.tests if not o.constant)

    @property
    def first_failure(self) -> TestVerdict | None:
        """The first test that failed."""
        return next((test for test in self.tests if not test.passed), None)

    def as_record(self) -> dict[str, Any]:
        """Return everything but the exercise, in JSON's types, for `from_record`."""
        return {
            "tests": [asdict(test) for test in self.tests],
            "hidden": [[asdict(test), points] for test, points in self.hidden],
            "judged_at": self.judged_at,
            "secret": self.secret,
        }

    @classmethod
    def from_record(cls, exercise: Exercise, record: Mapping[str, Any]) -> Self:
        """Return the verdict on `exercise` that `as_record` returned."""
        return cls(
            exercise,
            tests=[TestVerdict(**test) for test in record["tests"]],
            hidden=[(TestVerdict(**test), points) for test, points in record["hidden"]],
            judged_at=record["judged_at"],
            secret=record["secret"],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the exercise's entry in `--json`."""
        return {
            "passed": self.passed,
            "status": self.status,
            "points": self.points,
            "max_points": float(self.exercise.points),
            "tests": [
                {"name": test.name, "passed": test.passed, "message": test.message}
                for test in self.tests
            ],
        }


def status_of(exercise: str, tests: Sequence[Any]) -> Status:
    """Return the status of an exercise.

    Args:
        exercise: Id of the exercise.
        tests: Its tests: objects with `passed` and `not_written`.
    """
    if tests and all(test.passed for test in tests):
        return Status.PASSED
    untouched = all(test.not_written == exercise for test in tests)
    return Status.NOT_WRITTEN if untouched else Status.FAILED


def total_hidden(verdicts: list[ExerciseVerdict]) -> tuple[float, float]:
    """Return the points reached in hidden tests, and the possible points."""
    hidden = [pair for verdict in verdicts for pair in verdict.hidden]
    reached = sum(points for test, points in hidden if test.passed)
    return round(reached, 2), float(sum(points for _, points in hidden))


def total(verdicts: list[ExerciseVerdict]) -> tuple[float, float]:
    """Return the points reached, and the possible points."""
    reached = sum(verdict.points for verdict in verdicts)
    return round(reached, 2), float(sum(verdict.exercise.points for verdict in verdicts))


def as_json(verdicts: list[ExerciseVerdict]) -> dict[str, Any]:
    """Return the verdicts in the format of `--json`."""
    reached, possible = total(verdicts)
    return {
        "exercises": {verdict.exercise.id: verdict.as_json() for verdict in verdicts},
        "points": reached,
        "max_points": possible,
    }
