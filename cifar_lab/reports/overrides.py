"""Points that a teacher gives by hand: `overrides.csv`, applied on top of every grading.

The results of the grader stay as they are, so a line that is deleted brings its points back.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.grading.results import Override, Results
from cifar_lab.reports import numbers

FILE = "overrides.csv"
COLUMNS = ("submission", "exercise", "points", "reason", "by", "when")
ENCODINGS = ("utf-8-sig", "cp1252")  # Excel writes either


class OverridesError(CourseError):
    """`overrides.csv` is no such table, or a line of it means nothing."""


@dataclass(frozen=True)
class Overrides:
    """The lines of `overrides.csv`.

    Attributes:
        lines: By the submission's name.
    """

    lines: dict[str, tuple[Override, ...]]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the file; without one, there are no overrides.

        Raises:
            OverridesError: The file is no such table, or a line names an unknown exercise, more
                points than it has, or the same exercise of a submission again.
        """
        found: dict[str, tuple[Override, ...]] = {}
        if file.exists():
            for submission, override in _lines(file):
                found[submission] = (*found.get(submission, ()), override)
        return cls(found)

    def apply(self, results: Results) -> Results:
        """Return the results with the points that were given by hand; no grade stays no grade."""
        given = self.lines.get(results.name, ())
        if not given or results.points is None:
            return results
        ids = {override.exercise for override in given}
        earned = sum(test.points for test in results.tests if test.exercise in ids)
        points = results.points - earned + sum(override.points for override in given)
        return replace(results, points=round(points, 2), overrides=given)

    def notes(self, results: Sequence[Results]) -> list[str]:
        """Return sentences on lines that changed nothing."""
        outcomes = {one.name: one for one in results}
        found = []
        for name in self.lines:
            if name not in outcomes:
                found.append(f"{FILE}: there is no submission {name!r}")
            elif outcomes[name].points is None:
                found.append(f"{FILE}: {name} has no grade yet, so its lines wait")
        return found


def _lines(file: Path) -> Iterator[tuple[str, Override]]:
    """Yield the submission and the override of each line."""
    text = _text_of(file)
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    titles = [title.strip().lower() for title in rows.fieldnames or ()]
    if missing := [title for title in COLUMNS if title not in titles]:
        raise OverridesError(
            f"{file}: there is no column {missing[0]!r}; its first line should be "
            + ",".join(COLUMNS)
        )
    rows.fieldnames = titles
    seen: Counter[tuple[str, str]] = Counter()
    for row in rows:
        cells = {title: (row[title] or "").strip() for title in COLUMNS}
        if not any(cells.values()):
            continue
        override = _override(cells, f"{file}, line {rows.line_num}")
        seen[key := (cells["submission"], override.exercise)] += 1
        if seen[key] > 1:
            raise OverridesError(
                f"{file}, line {rows.line_num}: {key[0]} already has points for {key[1]}"
            )
        yield cells["submission"], override


def _override(cells: dict[str, str], place: str) -> Override:
    try:
        found = syllabus.find([cells["exercise"]])
    except syllabus.UnknownExercise as error:
        raise OverridesError(f"{place}: {error}") from None
    if len(found) != 1:
        raise OverridesError(f"{place}: {cells['exercise']!r} is not one exercise")
    (exercise,) = found
    points = numbers.parse(cells["points"], numbers.decimal_mark([cells["points"]]))
    if points is None or not 0 <= points <= exercise.points:
        raise OverridesError(
            f"{place}: the points are {cells['points']!r}; {exercise.id} has 0 to "
            f"{exercise.points:g}"
        )
    return Override(exercise.id, points, cells["reason"], cells["by"], cells["when"])


def _text_of(file: Path) -> str:
    content = file.read_bytes()
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise OverridesError(f"{file} is not readable as text: save it as CSV UTF-8")
