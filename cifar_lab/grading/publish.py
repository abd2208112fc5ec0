"""Writes what comes out of a grading, from the results alone: pages, JUnit XML, the roster."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cifar_lab.grading import junit, marks, page
from cifar_lab.grading.roster import Roster
from cifar_lab.stubs import write_whole


def publish(
    results: Iterable[Mapping[str, Any]],
    out: Path,
    roster: Roster | None = None,
    passed_over: Sequence[str] = (),
) -> list[str]:
    """Write `class.html`, `feedback/NAME.html`, `junit/NAME.xml` and, of a roster, `roster.csv`.

    Args:
        results: Of the whole class, as `report.results` makes them.
        out: The folder for all of it.
        roster: The gradebook to fill.
        passed_over: What else was in the class's folder.

    Returns:
        What a person must settle in the roster.
    """
    students = [marks.read(one) for one in results]
    for folder in ("feedback", "junit"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for student in students:
        write_whole(out / "feedback" / f"{student.name}.html", page.feedback_page(student))
        write_whole(out / "junit" / f"{student.name}.xml", junit.document(student))
    notes = []
    if roster is not None:
        filled = roster.fill(students)
        notes = filled.notes
        write_whole(out / "roster.csv", filled.text)
    write_whole(out / "class.html", page.class_page(students, notes, passed_over))
    return notes
