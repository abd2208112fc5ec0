"""The roster: which person of a gradebook a submission is from, by the submission's name.

Nothing is guessed. The name is looked up among all logins, e-mail addresses and IDs; then among the
parts before the @ of those; then among people's names. The first of these steps that finds somebody
decides. A file that Canvas named carries the ID itself.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cifar_lab.grading.members import bare_name

LOGINS = {
    *("id", "sis user id", "sis login id", "integration id"),  # Canvas
    *("id number", "username", "email address"),  # Moodle
}
NAMES = {"student", "lastname", "firstname", "first name", "surname", "last name"}
# how the two name the files of an assignment that are downloaded together
CANVAS_FILE = re.compile(r"[^_]+(?:_LATE)?_(?P<id>\d+)_\d+_.*")
MOODLE_FILE = re.compile(r"(?P<submission>(?P<name>.+)_\d+)_assignsubmission_.*")


@dataclass(frozen=True)
class Person:
    """One person of the roster.

    Attributes:
        row: Number of the person's row in the gradebook.
        shown: What a report calls the person.
        keys: What a submission of this person may be called: Canvas' ID; logins; the parts before
            the @ of these; the name. Each is one step of the search.
    """

    row: int
    shown: str
    keys: tuple[set[str], ...]


def people(titles: Sequence[str], rows: Sequence[Sequence[str]], start: int) -> list[Person]:
    """Return the people in the rows of a gradebook from `start` on.

    Args:
        titles: Titles of the columns, in lower case.
        rows: All rows.
        start: Number of the first row that is a person's.
    """
    found = [_person(titles, rows[n], n) for n in range(start, len(rows)) if any(rows[n])]
    names = Counter(person.shown for person in found)
    return [person if names[person.shown] == 1 else _with_logins(person) for person in found]


def _person(titles: Sequence[str], cells: Sequence[str], row: int) -> Person:
    filled = [(title, cell.strip()) for title, cell in zip(titles, cells, strict=False) if cell]
    canvas_ids = {cell for title, cell in filled if title == "id"}
    logins = {_plain(cell) for title, cell in filled if title in LOGINS}
    before_at = {login.partition("@")[0] for login in logins}
    name = " ".join(cell for title, cell in filled if title in NAMES)
    keys = (canvas_ids, logins, before_at, {_sorted_parts(name)})
    return Person(row, name or "; ".join(sorted(logins)), keys)


def _with_logins(person: Person) -> Person:
    """Return a person whose name another one has, shown with the logins."""
    _, logins, *_ = person.keys
    return replace(person, shown=f"{person.shown} ({', '.join(sorted(logins))})")


def people_of(submission: str, people: Iterable[Person]) -> list[Person]:
    """Return everybody whom a submission of this name may be from."""
    people = list(people)
    for step, claim in enumerate(_claims(submission)):
        found = [person for person in people if claim in person.keys[step]]
        if claim and found:
            return found
    return []


def submission_of(name: str) -> str:
    """Return what the parts of one submission have in common: Moodle makes a folder of each."""
    found = MOODLE_FILE.fullmatch(_stem(name))
    return found["submission"] if found else name


def _claims(submission: str) -> tuple[str, str, str, str]:
    """Return what a submission's name may be, for each of a person's keys."""
    stem = _stem(submission)
    if found := CANVAS_FILE.fullmatch(stem):
        return found["id"], "", "", ""
    if found := MOODLE_FILE.fullmatch(stem):
        stem = found["name"]
    return "", _plain(stem), _plain(stem), _sorted_parts(stem)


def _stem(submission: str) -> str:
    return bare_name(submission)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _sorted_parts(name: str) -> str:
    """Return the parts of a name in a fixed order: 'Lovelace, Ada' becomes 'ada lovelace'."""
    return " ".join(sorted(re.findall(r"[^\W_]+", _plain(name))))
