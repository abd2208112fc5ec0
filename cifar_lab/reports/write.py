"""Writes what comes out of a grading, from the results alone: pages, JUnit XML, the roster."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cifar_lab.course.files import write_whole
from cifar_lab.reports import html, junit
from cifar_lab.reports.roster import Roster
from cifar_lab.reports.students import read_student


def publish(
    results: Iterable[Mapping[str, Any]],
    out: Path,
    roster: Roster | None = None,
    passed_over: Sequence[str] = (),
) -> list[str]:
    """Write `class.html`, `feedback/NAME.html`, `junit/NAME.xml` and, of a roster, `roster.csv`.

    Args:
        results: Of the whole class, as `make_results` makes them.
        out: The folder for all of it.
        roster: The gradebook to fill.
        passed_over: What else was in the class's folder.

    Returns:
        What a person must settle in the roster.
    """
    students = [read_student(one) for one in results]
    for folder in ("feedback", "junit"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for student in students:
        write_whole(out / "feedback" / f"{student.name}.html", html.feedback_page(student))
        write_whole(out / "junit" / f"{student.name}.xml", junit.document(student))
    notes = []
    if roster is not None:
        filled = roster.fill(students)
        notes = filled.notes
        write_whole(out / "roster.csv", filled.text)
    write_whole(out / "class.html", html.class_page(students, notes, passed_over))
    return notes
