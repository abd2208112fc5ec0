"""Write everything that comes out of a grading, from the results alone."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cifar_lab.course.files import write_whole
from cifar_lab.grading.results import Results
from cifar_lab.reports import html, junit, sanitize
from cifar_lab.reports.gradebook import Gradebook
from cifar_lab.reports.overrides import FILE, Overrides
from cifar_lab.reports.students import Compact, Student

COLUMNS = ("name", "original", "points", "outcome", "trusted")


@dataclass(frozen=True)
class Published:
    """The reports that `publish` wrote, in short.

    Attributes:
        results: The results with their messages cut short (`Compact`).
        notes: Sentences on what a person must settle in the gradebook or the overrides.
        changes: What became of points and outcomes since the reports that were there before.
    """

    results: list[Results]
    notes: list[str]
    changes: list[str]


def publish(
    results: Iterable[Results],
    out: Path,
    gradebook: Gradebook | None = None,
    passed_over: Sequence[str] = (),
) -> Published:
    """Write the reports on a class.

    They are `grades.csv`, `class.html`, `feedback/NAME.html`, `junit/NAME.xml` and, with a
    gradebook, `roster.csv`. Points in `overrides.csv` replace those of the grader.

    Args:
        results: Results of the whole class; they are read once, and one is in memory at a time.
        out: The folder for all reports.
        gradebook: The gradebook to fill.
        passed_over: What else is in the folder of the class.

    Returns:
        What was written, in short.
    """
    for folder in ("feedback", "junit"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    overrides, compact, small = Overrides.read(out / FILE), Compact(), []
    for one in map(overrides.apply, results):
        student = Student(one)
        write_whole(out / "feedback" / f"{one.name}.html", html.feedback_page(student))
        write_whole(out / "junit" / f"{one.name}.xml", junit.document(student))
        small.append(compact(one))
    changes = _changes(out / "grades.csv", small)
    write_whole(out / "grades.csv", grades_csv(small))
    notes = overrides.notes(small)
    if gradebook is not None:
        filled = gradebook.fill(small)
        notes += [f"roster: {note}" for note in filled.notes]
        write_whole(out / "roster.csv", filled.text)
    write_whole(out / "class.html", html.class_page([*map(Student, small)], notes, passed_over))
    return Published(small, notes, changes)


def grades_csv(results: Iterable[Results]) -> str:
    """Return a table with a line per submission."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in results:
        points = "" if one.points is None else one.points
        row = (one.name, one.original, points, one.outcome, one.trusted)
        writer.writerow([sanitize.cell(value) for value in row])
    return table.getvalue()


def _changes(table: Path, results: Iterable[Results]) -> list[str]:
    """Return a line for each submission whose points or outcome differ from those in `table`."""
    try:
        rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
        before = {row["name"]: (row["points"], row["outcome"]) for row in rows}
    except (OSError, ValueError, KeyError, csv.Error):  # not there, or not ours
        return []
    if not before:
        return []
    lines = []
    for one in results:
        after = ("" if one.points is None else str(one.points), str(one.outcome))
        old = before.get(sanitize.cell(one.name), ("", "not there"))
        if old != after:
            lines.append(f"{one.name}: {_described(*old)}, now {_described(*after)}")
    return lines


def _described(points: str, outcome: str) -> str:
    return f"{points} points ({outcome})" if points else outcome
