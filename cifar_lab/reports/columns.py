"""The column of a gradebook that the points go into: a grade column, and never a guess."""

import re
from pathlib import Path

from cifar_lab.course.errors import CourseError

CANVAS_COLUMN = re.compile(r"(?P<name>.+) \(\d+\)")  # with the assignment's number
MOODLE_COLUMN = re.compile(r"(?P<name>(?!course total).+) \(real\)", re.IGNORECASE)
EMPTY = {"", "-"}  # Moodle writes the latter


class GradebookError(CourseError):
    """A gradebook that cannot be filled; the message says what would be right."""


def is_canvas(titles: list[str]) -> bool:
    """Return True if columns with these titles, in lower case, are Canvas' gradebook."""
    return "id" in titles and ("student" in titles or {"lastname", "firstname"} <= set(titles))


def grade_columns(rows: list[list[str]], start: int) -> dict[int, re.Match]:
    """Return the columns that may hold points: their titles by number.

    Canvas states the points possible of each; Moodle calls them real.
    """
    canvas = is_canvas([cell.strip().lower() for cell in rows[0]])
    found = {}
    for number, cell in enumerate(rows[0]):
        title = (CANVAS_COLUMN if canvas else MOODLE_COLUMN).fullmatch(cell.strip())
        above = rows[start - 1][number] if start > 1 else ""
        if title and (not canvas or any(character.isdigit() for character in above)):
            found[number] = title
    return found


def choose(
    file: Path, people: list[list[str]], grades: dict[int, re.Match], name: str | None
) -> int:
    """Return the number of the column for the points.

    Args:
        file: The gradebook, for messages.
        people: The rows of the people.
        grades: The columns that may hold points.
        name: Title of the column, or the assignment's name; None means the only column, or the only
            one with empty cells.

    Raises:
        GradebookError: It is not clear which column is meant.
    """
    if not grades:
        raise GradebookError(
            f"{file}: found no grade column. Canvas calls it 'NAME (NUMBER)' and states the points "
            "possible, Moodle calls it 'NAME (Real)'"
        )
    if name is not None:
        meant = [n for n, title in grades.items() if name in (title[0], title["name"])]
        wanted = f" {name!r}"
    else:
        is_open = {n: any(row[n].strip() in EMPTY for row in people) for n in grades}
        meant = [n for n in grades if is_open[n] or len(grades) == 1]
        wanted = " with empty cells"
    if len(meant) == 1:
        return meant[0]
    titles = ", ".join(repr(grades[n][0]) for n in meant or grades)
    found = f"{len(meant)} grade columns{wanted}: {titles}"
    if not meant:
        found = f"no grade column{wanted}; its grade columns are {titles}"
    raise GradebookError(f"{file}: found {found}; --column NAME chooses one")
