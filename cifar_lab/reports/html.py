"""The class on one page, and a page for each student: static HTML that needs nothing else."""

import base64
import hashlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cifar_lab.course import syllabus
from cifar_lab.reports import sanitize
from cifar_lab.reports.students import FAILED, NOT_WRITTEN, PASSED, Law, Student

TEMPLATES = Path(__file__).parent / "templates"
BINS = 10
NAMED = 5  # exercises at the top of the page


@dataclass(frozen=True)
class ExerciseOfClass:
    """How a class did in one exercise.

    Attributes:
        counts: Students by status.
        failure: An example of the most frequent failure, or None.
        failed_so: How many failed that law.
    """

    id: str
    counts: dict[str, int]
    failure: Law | None
    failed_so: int

    @property
    def judged(self) -> int:
        """Students who have a verdict on it."""
        return sum(self.counts.values())

    @property
    def rate(self) -> float:
        """Share of students who passed."""
        return self.counts[PASSED] / self.judged


def class_page(
    students: Sequence[Student], notes: Sequence[str] = (), passed_over: Sequence[str] = ()
) -> str:
    """The page for the teacher.

    Args:
        students: The whole class.
        notes: What remains to be settled in the roster.
        passed_over: What was in the class's folder and is no submission.
    """
    graded = [student for student in students if student.graded]
    points = [student.points for student in graded]
    possible = max((student.worth for student in graded), default=0)
    exercises = exercises_of_class(graded)
    hardest = sorted((e for e in exercises.values() if e.rate < 1), key=lambda e: e.rate)
    return _render(
        "class.html",
        students=sorted(students, key=lambda student: student.name.casefold()),
        graded=graded,
        possible=possible,
        median=statistics.median(points) if points else None,
        bins=bins(points, possible),
        exercises=exercises,
        hardest=hardest[:NAMED],
        mistakes=mistakes(graded),
        look=to_look_at(students),
        lessons=by_lesson(exercises),
        notes=notes,
        passed_over=passed_over,
    )


def feedback_page(student: Student) -> str:
    """The page for one student: what passed, what did not and why, and a first hint."""
    return _render("feedback.html", student=student, lessons=by_lesson(student.exercises))


def bins(points: Sequence[float], possible: float) -> list[int]:
    """How many of `points` lie in each tenth of what there was to reach; the last includes it."""
    counts = [0] * BINS
    for reached in points:
        counts[min(int(BINS * reached / possible), BINS - 1) if possible else 0] += 1
    return counts


def exercises_of_class(students: Iterable[Student]) -> dict[str, ExerciseOfClass]:
    """Every exercise that somebody was judged on, in the order of the course."""
    found = defaultdict(list)
    for student in students:
        for id, marks in student.exercises.items():
            found[id].append(marks)
    ordered = [id for id in syllabus.exercises() if id in found]
    ordered += sorted(found.keys() - ordered)
    return {id: _exercise_of_class(id, found[id]) for id in ordered}


def _exercise_of_class(id: str, marks: list) -> ExerciseOfClass:
    counts = Counter(mark.status for mark in marks)
    failures = [law for mark in marks for law in mark.laws if not law.passed and law.written]
    laws = Counter(law.name for law in failures)
    example, often = None, 0
    if laws:
        ((name, often),) = laws.most_common(1)
        failures = [law for law in failures if law.name == name]
        ways = Counter(law.came for law in failures)
        # of equally frequent ones, a wrong result says more than an exception
        example = max(failures, key=lambda law: (ways[law.came], law.failure_kind is None))
    statuses = {status: counts[status] for status in (PASSED, FAILED, NOT_WRITTEN)}
    return ExerciseOfClass(id, statuses, example, often)


def mistakes(students: Iterable[Student]) -> list[tuple[str, int, list[str]]]:
    """Misconceptions that were recognised, how many students have each, and where."""
    who, where = defaultdict(set), defaultdict(dict)
    for student in students:
        for law in student.laws:
            if law.mistake:
                who[law.mistake].add(student.name)
                where[law.mistake][law.exercise] = None
    found = [(mistake, len(names), list(where[mistake])) for mistake, names in who.items()]
    return sorted(found, key=lambda entry: -entry[1])


def to_look_at(students: Iterable[Student]) -> dict[str, list[tuple[Student, str]]]:
    """By reason, the students a person should look at, each with the details."""
    found = defaultdict(list)
    for student in students:
        for reason, details in student.look.items():
            found[reason].append((student, details))
    return dict(sorted(found.items()))


def by_lesson(exercises: Iterable[str]) -> dict[str, list[str]]:
    """Exercises under their lessons' titles; an instructor's own at the end."""
    rest = list(exercises)
    found = {}
    for lesson in syllabus.lessons():
        known = {exercise.id for exercise in lesson.exercises}
        found[f"Lesson {lesson.number}: {lesson.title}"] = [id for id in rest if id in known]
        rest = [id for id in rest if id not in known]
    found["Beyond the lessons"] = rest
    return {title: ids for title, ids in found.items() if ids}


def _render(template: str, **values: Any) -> str:
    """Fill a template in; whatever it shows is escaped, and its odd characters are made visible."""
    script = (TEMPLATES / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _templates()
        .get_template(template)
        .render(script=script, script_hash=f"sha256-{digest}", **values)
    )


@lru_cache(maxsize=1)
def _templates():
    import jinja2  # here, for whoever has no Dask, which brings it, should be told about Dask

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: sanitize.visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
