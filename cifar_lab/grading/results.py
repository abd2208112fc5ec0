"""One student's results: what a grading writes, and what reports and a second grading read.

The file is in Gradescope's results format for autograders. Everything for which that format has no
field is in `extra_data`, where `version` numbers the layout.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.verdict import (
    ExerciseVerdict,
    FailureKind,
    Outcome,
    Status,
    TestVerdict,
    total,
    total_hidden,
)
from cifar_lab.grading.intake import Submission
from cifar_lab.testing.options import GradingOptions

VERSION = 2
NOT_EXTRA = ("tests", "points", "overrides")  # fields that are not in `extra_data`
SCORED = (Outcome.GRADED, Outcome.INVALID)  # a grading error is nobody's zero
NO_SANDBOX = "Graded without a sandbox: this code could have written its own verdict."
NO_FULL_SANDBOX = (
    "Graded without a full sandbox: this code ran as an unprivileged user, who could neither read "
    "the tests nor write results, but could use the network and read what every user may read."
)
GRADER_FAILED = "The grader failed; this is no grade."


class ResultsError(CourseError):
    """Results that are damaged, or written by another version of the course."""


@dataclass(frozen=True)
class TestResult:
    """Result of one grading test.

    Attributes:
        exercise: Id of the exercise that the test belongs to.
        name: First line of the test's docstring.
        passed: True if the submission passed the test.
        max_points: Points for passing; a failed test has none.
        counts: False if passing earns nothing, because the exercise's main laws do not hold.
        message: What the student reads; empty for a hidden test.
        mistake: The misconception that was recognized, if any; None for a hidden test.
        failure_kind: Why learner code did not answer, if it did not.
        not_written: Id of the exercise whose stub was met, if any.
        hidden: True for an instructor's own test, of which a student sees name and status only.
    """

    __test__ = False  # pytest, too, collects classes by this prefix

    exercise: str
    name: str
    passed: bool
    max_points: float
    message: str = ""
    mistake: str | None = None
    failure_kind: FailureKind | None = None
    not_written: str | None = None
    hidden: bool = False
    counts: bool = True

    @property
    def public_kind(self) -> FailureKind | None:
        """The failure kind, but for a hidden test, of which it would tell something."""
        return None if self.hidden else self.failure_kind

    @property
    def points(self) -> float:
        """Points that the test earned, not rounded."""
        return self.max_points if self.passed and self.counts else 0.0

    @property
    def written(self) -> bool:
        """True unless the test met the stub of its own exercise."""
        return self.not_written != self.exercise

    def to_json(self) -> dict[str, Any]:
        """Return the test's entry in Gradescope's format."""
        return {
            "name": f"{self.exercise}: {self.name}",
            "score": self.points,
            "max_score": self.max_points,
            "status": Status.PASSED if self.passed else Status.FAILED,
            "output": self.message,
            "extra_data": {
                "mistake": self.mistake,
                "failure_kind": self.failure_kind,
                "not_written": self.not_written,
                "hidden": self.hidden,
                "counts": self.counts,
            },
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """Return the result that `to_json` wrote, without the message of a hidden test."""
        data = entry["extra_data"]
        hidden = data["hidden"] or entry.get("visibility") == "hidden"
        exercise, _, name = entry["name"].partition(": ")
        return cls(
            exercise=exercise,
            name=name,
            passed=Status(entry["status"]) == Status.PASSED,
            max_points=entry["max_score"],
            message="" if hidden else entry["output"],
            mistake=None if hidden else data["mistake"],
            failure_kind=data["failure_kind"] and FailureKind(data["failure_kind"]),
            not_written=data["not_written"],
            hidden=hidden,
            counts=data["counts"],
        )


@dataclass(frozen=True)
class Override:
    """Points for one exercise that a person gave by hand.

    Attributes:
        exercise: Id of the exercise.
        points: Points in place of those that its tests earned.
        reason: What the student reads.
        by: Who gave them.
        when: When they were given, as that person wrote it.
    """

    exercise: str
    points: float
    reason: str
    by: str
    when: str


@dataclass(frozen=True)
class Results:
    """Results of one submission.

    Attributes:
        name: The submission's name, safe as a file's name.
        original: The submission's name in the folder of the class.
        outcome: State of the grading.
        key: Hash of everything that the results depend on: the same key, the same results.
        sandbox: As in `GradingOptions`.
        unprivileged_user: As in `GradingOptions`.
        points: Points earned; None where there is no grade, which is not the same as zero.
        message: What the grader says about the submission as a whole. After a grading error it is
            for staff only, because it may quote a hidden test.
        modules: Modules that were judged.
        ignored: The first few files of the submission that were ignored.
        problems: Sentences on what is wrong with the submission's files.
        flags: What else a person should review.
        judged: When each exercise was judged, and with which `secret`, for staff: with it, a run
            has the same inputs again. A verdict may be older than the results.
        tests: Results of the tests, by exercise in the order of the course.
        overrides: Points given by hand, which reports put in; the files of results have none.
    """

    name: str
    original: str
    outcome: Outcome
    key: str
    sandbox: bool
    unprivileged_user: bool
    points: float | None
    message: str = ""
    modules: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    judged: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    tests: tuple[TestResult, ...] = ()
    overrides: tuple[Override, ...] = ()

    @classmethod
    def of(
        cls,
        submission: Submission,
        outcome: Outcome,
        key: str,
        options: GradingOptions,
        verdicts: Iterable[ExerciseVerdict] = (),
        message: str = "",
    ) -> Self:
        """Return the results of a grading.

        Args:
            submission: The submission as it was taken in.
            outcome: State of the grading.
            key: As in the class.
            options: The settings of the grading.
            verdicts: One verdict per exercise; none for a submission that was not judged.
            message: As in the class.
        """
        verdicts = list(verdicts)
        points = round(total(verdicts)[0] + total_hidden(verdicts)[0], 2)
        flags = {flag for verdict in verdicts for test in verdict.tests for flag in test.flags}
        return cls(
            name=submission.name,
            original=submission.original,
            outcome=outcome,
            key=key,
            sandbox=options.sandbox,
            unprivileged_user=options.unprivileged_user,
            points=points if outcome in SCORED else None,
            message=message,
            modules=tuple(submission.modules),
            ignored=tuple(submission.ignored),
            problems=tuple(submission.problems),
            flags=tuple(sorted(flags)),
            judged={v.exercise.id: {"at": v.judged_at, "secret": v.secret} for v in verdicts},
            tests=tuple(result for verdict in verdicts for result in _tests(verdict)),
        )

    @property
    def graded(self) -> bool:
        """True if the submission was judged."""
        return self.outcome == Outcome.GRADED

    @property
    def invalid(self) -> bool:
        """True if the submission holds nothing to judge."""
        return self.outcome == Outcome.INVALID

    @property
    def trusted(self) -> bool:
        """True if the submission could not have written its own results."""
        return self.sandbox and not self.unprivileged_user

    @property
    def max_points(self) -> float:
        """Points of all tests together."""
        return round(sum(test.max_points for test in self.tests), 2)

    @property
    def output(self) -> str:
        """Text about the whole submission that Gradescope shows to the student."""
        failed = self.outcome == Outcome.GRADING_ERROR
        lines = [GRADER_FAILED if failed else self.message, self._caveat, *self.problems]
        if self.ignored:
            lines.append("Not part of a submission, and ignored: " + ", ".join(self.ignored))
        return "\n".join(line for line in lines if line)

    @property
    def _caveat(self) -> str:
        if self.trusted:
            return ""
        return NO_FULL_SANDBOX if self.unprivileged_user else NO_SANDBOX

    def to_json(self) -> dict[str, Any]:
        """Return the results in Gradescope's format."""
        own = {name: value for name, value in vars(self).items() if name not in NOT_EXTRA}
        found = {
            "output": self.output,
            "tests": [test.to_json() for test in self.tests],
            "extra_data": {"version": VERSION, "trusted": self.trusted, **own},
        }
        if self.points is not None:
            found["score"] = self.points
        return found

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the results that `to_json` wrote.

        Raises:
            ResultsError: They are damaged, or of another version.
        """
        try:
            data = dict(fields["extra_data"])
            version = data.pop("version", "none")
            if version != VERSION:
                raise ResultsError(
                    f"the version of these results is {version}, and this course reads version "
                    f"{VERSION}: run `cifar-course grade` again"
                )
            del data["trusted"]
            data = {n: tuple(v) if isinstance(v, list) else v for n, v in data.items()}
            data["outcome"] = Outcome(data["outcome"])
            tests = tuple(map(TestResult.from_json, fields["tests"]))
            return cls(**data, points=fields.get("score"), tests=tests)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ResultsError(f"these results are damaged ({reason})") from None

    def write(self, file: Path) -> None:
        """Write the results to a file, whole or not at all."""
        write_whole(file, json.dumps(self.to_json(), indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the results in a file.

        Raises:
            OSError: There is no such file, or it is not readable.
            ResultsError: The file is damaged, or of another version.
        """
        try:
            return cls.from_json(json.loads(file.read_text(encoding="utf-8")))
        except (ResultsError, ValueError) as error:
            raise ResultsError(f"{file}: {error}") from None


def not_graded(submission: Submission, options: GradingOptions) -> Results:
    """Return what is in the results' place until there are any: no points, so nobody's zero."""
    return Results.of(submission, Outcome.NOT_GRADED, "", options, message="Not graded yet.")


def _tests(verdict: ExerciseVerdict) -> list[TestResult]:
    # points of a test are exact here; only their sum is rounded
    each = float(verdict.exercise.points) / max(len(verdict.tests), 1)
    public = [_test(verdict, test, each) for test in verdict.tests]
    return public + [_test(verdict, test, points, hidden=True) for test, points in verdict.hidden]


def _test(
    verdict: ExerciseVerdict, test: TestVerdict, max_points: float, hidden: bool = False
) -> TestResult:
    return TestResult(
        exercise=verdict.exercise.id,
        name=test.name,
        passed=test.passed,
        max_points=max_points,
        message="" if hidden else test.message,
        mistake=None if hidden else test.mistake,
        failure_kind=test.failure_kind,
        not_written=test.not_written,
        hidden=hidden,
        counts=hidden or verdict.counts(test),
    )
