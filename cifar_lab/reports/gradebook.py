"""A teacher's gradebook, as Canvas or Moodle exported it: the same table, filled with points."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cifar_lab.grading.results import Results
from cifar_lab.reports import numbers, roster, sanitize
from cifar_lab.reports.columns import EMPTY, GradebookError, choose, grade_columns, is_canvas
from cifar_lab.reports.roster import Person

BOM = "\ufeff"
# a spreadsheet may compute with these, which does no harm: nothing is called
NUMBER = re.compile(r"[-+]?[\d.,:/ %()-]*")


@dataclass(frozen=True)
class Filled:
    """A gradebook with the points in it.

    Attributes:
        text: The whole file.
        notes: Sentences on what a person must settle by hand.
    """

    text: str
    notes: list[str]


@dataclass(frozen=True)
class Gradebook:
    """An exported gradebook.

    Attributes:
        rows: All cells as they were, the header first.
        people: The people of the roster; every other row is about the columns.
        column: Number of the column for the points.
        max_points: The points that the gradebook expects at most, as it writes them, or nothing.
        overwrite: Replace entries that are not empty.
        mark: The decimal mark of its numbers.
        delimiter: What separates two cells.
        line_end: What ends a row.
        bom: The mark at the start of the file, or nothing.
    """

    rows: list[list[str]]
    people: list[Person]
    column: int
    max_points: str
    overwrite: bool
    mark: str
    delimiter: str
    line_end: str
    bom: str

    @property
    def title(self) -> str:
        """Title of the column for the points."""
        return self.rows[0][self.column].strip()

    def fill(self, results: Iterable[Results]) -> Filled:
        """Return a copy with the points of every submission that is graded and matched.

        All others keep their cells: what a submission that could not be read is worth is for a
        person to say.
        """
        results = list(results)
        rows = [list(row) for row in self.rows]
        claims, notes = defaultdict(list), []
        for one in results:
            found = roster.people_of(one.original, self.people)
            if len(found) == 1:
                claims[found[0].row].append(one)
            else:
                notes.append(_unmatched(one, found))
        for person in self.people:
            claim = _without_empty_parts(claims[person.row])
            if len(claim) > 1:
                names = ", ".join(one.original for one in claim)
                notes.append(f"{names}: all of them fit {person.shown}; nothing was entered")
            elif claim and not claim[0].graded:
                notes.append(f"{claim[0].original}: {claim[0].outcome}; nothing was entered")
            elif claim:
                notes += self._enter(claim[0], person, rows[person.row])
        absent = [person.shown for person in self.people if not claims[person.row]]
        if absent:
            notes.append(f"without a submission: {'; '.join(absent)}")
        return Filled(self._as_text(rows), [*notes, *self._other_scale(results)])

    def _enter(self, one: Results, person: Person, row: list[str]) -> list[str]:
        """Write the points into a person's row, or return a note that says why not."""
        entry, points = row[self.column].strip(), numbers.text_of(one.points, self.mark)
        if numbers.parse(entry, self.mark) == one.points:
            return []
        if entry not in EMPTY and not self.overwrite:
            return [
                f"{one.original}: {points} points were not entered: the gradebook has {entry!r} "
                f"for {person.shown}. --overwrite enters them"
            ]
        row[self.column] = points
        return []

    def _other_scale(self, results: list[Results]) -> list[str]:
        most = max((one.max_points for one in results), default=0)
        expected = numbers.parse(self.max_points, self.mark)
        if not most or expected in (None, most):  # Moodle does not say what it expects
            return []
        return [
            f"the gradebook expects {self.max_points} points at most, this grading gives up to "
            f"{most:g}: they were entered as they are"
        ]

    def _as_text(self, rows: list[list[str]]) -> str:
        table = io.StringIO()
        writer = csv.writer(table, delimiter=self.delimiter, lineterminator=self.line_end)
        writer.writerows([[_kept(cell) for cell in row] for row in rows])
        return self.bom + table.getvalue()


def read(file: Path, column: str | None = None, overwrite: bool = False) -> Gradebook:
    """Read an exported gradebook and find the column for the points.

    Args:
        file: CSV, as Canvas or Moodle exports it.
        column: Title of the column for the points, with or without what Canvas or Moodle adds to
            the assignment's name. None means the only grade column, or the only one with empty
            cells.
        overwrite: Replace entries that are not empty.

    Raises:
        GradebookError: The file is no such table, or it is not clear which column is meant.
    """
    text = _text_of(file)
    bom, text = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    first = text.partition("\n")[0]
    delimiter = _delimiter(first)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise GradebookError(f"{file} is not a table in CSV: {error}") from None
    titles = _titles(rows[0]) if rows else []
    if not _is_gradebook(titles):
        raise GradebookError(
            f"{file} is not a gradebook exported from Canvas (columns Student, ID, ...) or from "
            f"Moodle in English (First name, ..., Email address): its first line is {first[:200]!r}"
        )
    rows = [row + [""] * (len(titles) - len(row)) for row in rows]
    start = _first_person(rows)
    grades = grade_columns(rows, start)
    mark = numbers.decimal_mark(row[n] for row in rows[start - 1 :] for n in grades)
    place = choose(file, [row for row in rows[start:] if any(row)], grades, column)
    return Gradebook(
        rows=rows,
        people=roster.people(titles, rows, start),
        column=place,
        max_points=rows[start - 1][place].strip() if start > 1 else "",
        overwrite=overwrite,
        mark=mark,
        delimiter=delimiter,
        line_end="\r\n" if first.endswith("\r") else "\n",
        bom=bom,
    )


def _delimiter(first: str) -> str:
    """Return the delimiter that makes a gradebook's header of the first line.

    Delimiters are not counted, because titles may be full of commas.
    """
    for delimiter in ",;\t":
        if _is_gradebook(_titles(next(csv.reader([first], delimiter=delimiter), []))):
            return delimiter
    return ","


def _titles(row: list[str]) -> list[str]:
    return [cell.strip().lower() for cell in row]


def _is_gradebook(titles: list[str]) -> bool:
    return is_canvas(titles) or "first name" in titles


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise GradebookError(f"{file} is not readable: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GradebookError(
            f"{file} is not UTF-8: use the file as it was exported, or save it as CSV UTF-8"
        ) from None


def _first_person(rows: list[list[str]]) -> int:
    """Return the number of the first row below those that are about the columns (Canvas)."""
    for number, row in enumerate(rows[:4]):
        if row and row[0].strip() == "Points Possible":
            return number + 1
    return 1


def _without_empty_parts(claim: list[Results]) -> list[Results]:
    """Return a person's submissions; parts of one of them count once.

    Moodle makes a folder of a student's file and another one of the online text, which holds no
    modules.
    """
    parts = defaultdict(list)
    for one in claim:
        parts[roster.submission_of(one.original)].append(one)
    kept = []
    for group in parts.values():
        kept += [one for one in group if not one.invalid] or group[:1]
    return kept


def _unmatched(one: Results, found: Sequence[Person]) -> str:
    if not found:
        return f"{one.original}: nobody in the roster has this login, e-mail, ID or name"
    names = "; ".join(person.shown for person in found)
    return f"{one.original}: {len(found)} people in the roster fit: {names}"


def _kept(cell: str) -> str:
    """Return the teacher's cell, in which numbers and line ends stay and formulas do not."""
    if NUMBER.fullmatch(cell):
        return cell
    # only the start of a cell can make it a formula
    first, *others = cell.splitlines() or [""]
    kept = ["".join(c if c.isprintable() else " " for c in line) for line in others]
    return "\n".join([sanitize.cell(first), *kept])
