"""A teacher's gradebook, as Canvas or Moodle exported it: its own columns, filled with points.

Whose submission is whose is never guessed. A submission's name is looked for among all logins, e-mail
addresses and IDs; then among what stands before the @ of those; then among people's names. The
first of these that knows the name decides, and only if exactly one person has it. A file that
Canvas named says the ID itself.
"""

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cifar_lab.course.errors import CourseError
from cifar_lab.reports import sanitize
from cifar_lab.reports.students import Student

BOM = "\ufeff"
HANDLES = {
    *("id", "sis user id", "sis login id", "integration id"),  # Canvas
    *("id number", "username", "email address"),  # Moodle
}
NAMES = {"student", "first name", "surname", "last name"}
OTHERS = {
    *("section", "root account", "institution", "department", "group", "groups"),
    "last downloaded from this course",
}
COMPUTED = re.compile(r"course total.*|.*\(feedback\)")
EMPTY = {"", "-"}  # Moodle writes the latter
# a spreadsheet may compute with these, which does no harm: nothing is called
NUMBER = re.compile(r"[-+]?[\d.,:/ %()-]*")
# what the two call the files of an assignment that are downloaded together
CANVAS_FILE = re.compile(r"[^_]+(?:_LATE)?_(?P<id>\d+)_\d+_.*")
MOODLE_FILE = re.compile(r"(?P<name>.+)_\d+_assignsubmission_.*")


class RosterError(CourseError):
    """A roster that cannot be filled, and what would be right."""


@dataclass(frozen=True)
class Person:
    """Somebody in the roster, and what their submission may be called."""

    row: int
    shown: str
    keys: tuple[set[str], ...]  # ID in Canvas; handles; what is before their @; name


@dataclass(frozen=True)
class Filled:
    """The roster with the points in it, and what a person must settle by hand."""

    text: str
    notes: list[str]


@dataclass(frozen=True)
class Roster:
    """An exported gradebook.

    Attributes:
        rows: All cells as they were, the header first.
        people: Those rows that are somebody's.
        column: Where the points go.
        possible: The points that the gradebook expects at most, as it writes them; or nothing.
    """

    rows: list[list[str]]
    people: list[Person]
    column: int
    possible: str
    delimiter: str
    line_end: str
    bom: str

    def fill(self, students: Iterable[Student]) -> Filled:
        """A copy with the points of every student who is graded and found.

        Whoever is not keeps what the cell held: what to do about a submission that could not be
        read is for a person to say.
        """
        students = list(students)
        rows = [list(row) for row in self.rows]
        claims, notes = defaultdict(list), []
        for student in students:
            found = self._people_of(student)
            if len(found) == 1:
                claims[found[0].row].append(student)
            else:
                notes.append(_unmatched(student, found))
        for person in self.people:
            mine = claims[person.row]
            if len(mine) > 1:
                names = ", ".join(student.original for student in mine)
                notes.append(f"{names}: all of them fit {person.shown}, and none was entered")
            elif mine and not mine[0].graded:
                notes.append(f"{mine[0].original}: {mine[0].verdict}, and nothing was entered")
            elif mine:
                rows[person.row][self.column] = f"{mine[0].points:g}"
        absent = [person.shown for person in self.people if not claims[person.row]]
        if absent:
            notes.append(f"without a submission: {'; '.join(absent)}")
        return Filled(self._as_text(rows), [*notes, *self._other_scale(students)])

    def _people_of(self, student: Student) -> list[Person]:
        """Everybody whom the submission may be from."""
        for which, claim in enumerate(_claims(student.original)):
            found = [person for person in self.people if claim in person.keys[which]]
            if claim and found:
                return found
        return []

    def _other_scale(self, students: list[Student]) -> list[str]:
        worth = max((student.worth for student in students), default=0)
        try:
            if not worth or float(self.possible) == worth:
                return []
        except ValueError:  # Moodle does not say
            return []
        return [
            f"the gradebook expects {self.possible} points at most, this grading gives up to "
            f"{worth:g}: they were entered as they are"
        ]

    def _as_text(self, rows: list[list[str]]) -> str:
        table = io.StringIO()
        writer = csv.writer(table, delimiter=self.delimiter, lineterminator=self.line_end)
        writer.writerows([[_kept(cell) for cell in row] for row in rows])
        return self.bom + table.getvalue()


def read(file: Path, column: str | None = None) -> Roster:
    """Read an exported gradebook, and settle where the points go.

    Args:
        file: CSV, as Canvas or Moodle exports it.
        column: The header of the column for the points; None means the one that is empty.

    Raises:
        RosterError: It is not such a file, or it is not clear which column is meant.
    """
    text = _text_of(file)
    bom, text = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    first = text.partition("\n")[0]
    delimiter = _delimiter(first)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise RosterError(f"{file} is not a table in CSV: {error}") from None
    header = _titles(rows[0]) if rows else []
    if not _is_gradebook(header):
        raise RosterError(
            f"{file} is not a gradebook exported from Canvas (columns Student, ID, ...) or from "
            f"Moodle in English (First name, ..., Email address): its first line is {first[:200]!r}"
        )
    rows = [row + [""] * (len(header) - len(row)) for row in rows]
    start = _first_person(rows)
    place = _column(file, rows, start, column)
    above = rows[start - 1][place].strip() if start > 1 else ""
    people = [_person(header, rows[n], n) for n in range(start, len(rows)) if any(rows[n])]
    line_end = "\r\n" if first.endswith("\r") else "\n"
    return Roster(rows, people, place, above, delimiter, line_end, bom)


def _delimiter(first: str) -> str:
    """What parts a gradebook's first line; no counting, for titles may be full of commas."""
    for delimiter in ",;\t":
        if _is_gradebook(_titles(next(csv.reader([first], delimiter=delimiter), []))):
            return delimiter
    return ","


def _titles(row: list[str]) -> list[str]:
    return [cell.strip().lower() for cell in row]


def _is_gradebook(titles: list[str]) -> bool:
    return {"student", "id"} <= set(titles) or "first name" in titles


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise RosterError(f"{file} is not readable: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RosterError(
            f"{file} is not UTF-8: use the file as it was exported, or save it as CSV UTF-8"
        ) from None


def _first_person(rows: list[list[str]]) -> int:
    """Canvas puts one or two lines about the columns below the header."""
    for number, row in enumerate(rows[:4]):
        if row and row[0].strip() == "Points Possible":
            return number + 1
    return 1


def _column(file: Path, rows: list[list[str]], start: int, name: str | None) -> int:
    """The number of the column that gets the points."""
    header = [cell.strip() for cell in rows[0]]
    above = rows[start - 1] if start > 1 else [""] * len(header)
    free = [
        number
        for number, title in enumerate(header)
        if title.lower() not in HANDLES | NAMES | OTHERS
        and not COMPUTED.fullmatch(title.lower())
        and "read only" not in above[number]
    ]
    if name is None:
        meant = [n for n in free if all(row[n].strip() in EMPTY for row in rows[start:])]
        wish = "exactly one empty grade column"
    else:
        # Canvas adds the assignment's number to its name
        meant = [n for n in free if name in (header[n], re.sub(r" \(\d+\)$", "", header[n]))]
        wish = f"exactly one grade column {name!r}"
    if len(meant) != 1:
        names = ", ".join(repr(header[n]) for n in free) or "none"
        raise RosterError(
            f"{file} should have {wish}, and has {len(meant)}. Its grade columns are: {names}. "
            "--column NAME picks one"
        )
    return meant[0]


def _person(header: list[str], row: list[str], number: int) -> Person:
    cells = [(title, cell.strip()) for title, cell in zip(header, row, strict=False) if cell]
    number_in_canvas = {cell for title, cell in cells if title == "id"}
    handles = {_plain(cell) for title, cell in cells if title in HANDLES}
    before_at = {handle.partition("@")[0] for handle in handles}
    name = " ".join(cell for title, cell in cells if title in NAMES)
    keys = (number_in_canvas, handles, before_at, {_words(name)})
    return Person(number, name or "; ".join(sorted(handles)), keys)


def _claims(original: str) -> tuple[str, str, str, str]:
    """What a submission's name says about whose it is, for each of a person's keys."""
    stem = original[:-4] if original.lower().endswith(".zip") else original
    if found := CANVAS_FILE.fullmatch(stem):
        return found["id"], "", "", ""
    if found := MOODLE_FILE.fullmatch(stem):
        stem = found["name"]
    return "", _plain(stem), _plain(stem), _words(stem)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _words(name: str) -> str:
    """A name's words in a fixed order: 'Lovelace, Ada' and 'ada_lovelace' are the same."""
    return " ".join(sorted(re.findall(r"[^\W_]+", _plain(name))))


def _unmatched(student: Student, found: Sequence[Person]) -> str:
    if not found:
        return f"{student.original}: nobody in the roster has this login, e-mail, ID or name"
    names = "; ".join(person.shown for person in found)
    return f"{student.original}: {len(found)} people in the roster fit: {names}"


def _kept(cell: str) -> str:
    """The teacher's cell: numbers and line ends stay, formulas do not."""
    if NUMBER.fullmatch(cell):
        return cell
    # only what the cell begins with can make it a formula
    first, *others = cell.splitlines() or [""]
    kept = ["".join(c if c.isprintable() else " " for c in line) for line in others]
    return "\n".join([sanitize.cell(first), *kept])
