"""The page about a class and a page for each student: static HTML that loads nothing else."""

import base64
import hashlib
import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import Status
from cifar_lab.grading.results import TestResult
from cifar_lab.reports import sanitize
from cifar_lab.reports.students import ExerciseResult, Student, observed

TEMPLATES = Path(__file__).parent / "templates"
BINS = 10
HARDEST = 5  # exercises at the top of the page
STATUSES = (Status.PASSED, Status.FAILED, Status.NOT_WRITTEN)


@dataclass(frozen=True)
class ClassExercise:
    """A class's result in one exercise.

    Attributes:
        id: The exercise.
        counts: Number of students by status.
        failure: An example of the most frequent failure, or None.
        failures: Number of students who failed that test.
    """

    id: str
    counts: dict[Status, int]
    failure: TestResult | None
    failures: int

    @property
    def judged(self) -> int:
        """Number of students who have a verdict."""
        return sum(self.counts.values())

    @property
    def rate(self) -> float:
        """Fraction of students who passed."""
        return self.counts[Status.PASSED] / self.judged


def class_page(
    students: Sequence[Student], notes: Sequence[str] = (), passed_over: Sequence[str] = ()
) -> str:
    """Return the page for the teacher.

    Args:
        students: The whole class.
        notes: What a person must settle in the gradebook.
        passed_over: What is in the folder of the class and is no submission.
    """
    graded = [student for student in students if student.results.graded]
    points = [student.results.points for student in graded]
    max_points = max((student.results.max_points for student in graded), default=0)
    heights = bins(points, max_points)
    exercises = class_exercises(graded)
    hardest = sorted((e for e in exercises.values() if e.rate < 1), key=lambda e: e.rate)
    return _render(
        "class.html",
        students=sorted(students, key=lambda student: student.results.name.casefold()),
        graded=graded,
        max_points=max_points,
        median=statistics.median(points) if points else None,
        bins=heights,
        step=axis_step(max(heights)),
        exercises=exercises,
        hardest=hardest[:HARDEST],
        mistakes=mistakes(graded),
        review=to_review(students),
        lessons=by_lesson(exercises),
        observed=observed,
        notes=notes,
        passed_over=passed_over,
    )


def feedback_page(student: Student) -> str:
    """Return the page for one student: what passed, what did not and why, and a first hint."""
    return _render("feedback.html", student=student, lessons=by_lesson(student.exercises))


def bins(points: Sequence[float], max_points: float) -> list[int]:
    """Return how many of `points` lie in each tenth of `max_points`; the last tenth includes it."""
    counts = [0] * BINS
    for earned in points:
        counts[min(int(BINS * earned / max_points), BINS - 1) if max_points else 0] += 1
    return counts


def axis_step(most: int) -> int:
    """Return the distance of lines on an axis from 0 to `most`: 1, 2 or 5 times a power of ten.

    There are at most five of them above 0.
    """
    steps = (factor * 10**power for power in itertools.count() for factor in (1, 2, 5))
    return next(step for step in steps if step >= most / 5)


def class_exercises(students: Iterable[Student]) -> dict[str, ClassExercise]:
    """Return every exercise that somebody was judged on, in the order of the course."""
    found = defaultdict(list)
    for student in students:
        for id, result in student.exercises.items():
            found[id].append(result)
    ordered = [id for id in syllabus.exercises() if id in found]
    ordered += sorted(found.keys() - ordered)
    return {id: _class_exercise(id, found[id]) for id in ordered}


def _class_exercise(id: str, results: list[ExerciseResult]) -> ClassExercise:
    counts = Counter(result.status for result in results)
    tests = [test for result in results for test in result.tests]
    failures = [test for test in tests if not test.passed and test.written]
    names = Counter(test.name for test in failures)
    example, count = None, 0
    if names:
        ((name, count),) = names.most_common(1)
        failures = [test for test in failures if test.name == name]
        frequency = Counter(map(observed, failures))
        # of equally frequent ones, a wrong result says more than an exception
        example = max(failures, key=lambda t: (frequency[observed(t)], t.failure_kind is None))
    return ClassExercise(id, {status: counts[status] for status in STATUSES}, example, count)


def mistakes(students: Iterable[Student]) -> list[tuple[str, int, list[str]]]:
    """Return each misconception that was recognized, its number of students, and its exercises."""
    names, exercises = defaultdict(set), defaultdict(dict)
    for student in students:
        for test in student.results.tests:
            if test.mistake:
                names[test.mistake].add(student.results.name)
                exercises[test.mistake][test.exercise] = None
    found = [(mistake, len(names[mistake]), list(exercises[mistake])) for mistake in names]
    return sorted(found, key=lambda entry: -entry[1])


def to_review(students: Iterable[Student]) -> dict[str, list[tuple[Student, str]]]:
    """Return, by reason, the students whom a person should review, each with the details."""
    found = defaultdict(list)
    for student in students:
        for reason, details in student.review.items():
            found[reason].append((student, details))
    return dict(sorted(found.items()))


def by_lesson(exercises: Iterable[str]) -> dict[str, list[str]]:
    """Return exercises under their lessons' titles; an instructor's own come last."""
    found = defaultdict(list)
    for id in exercises:
        found[_lesson_title(id)].append(id)
    return dict(found)


def _lesson_title(id: str) -> str:
    exercise = syllabus.exercises().get(id)
    if exercise is None:
        return "Beyond the lessons"
    lesson = syllabus.lesson(exercise.module)
    return f"Lesson {lesson.number}: {lesson.title}"


def _render(template: str, **values: Any) -> str:
    """Fill in a template; every value is escaped, and its unusual characters are made visible."""
    script = (TEMPLATES / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _templates()
        .get_template(template)
        .render(script=script, script_hash=f"sha256-{digest}", **values)
    )


@lru_cache(maxsize=1)
def _templates():
    import jinja2  # not at the top: without Dask, which brings it, the message is about Dask

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: sanitize.visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
