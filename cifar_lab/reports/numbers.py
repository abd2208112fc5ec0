"""Numbers as a gradebook writes them: with a decimal point or comma, with marks for thousands."""

import re
from collections.abc import Iterable

MARKS = ".,"
THOUSANDS = re.compile(r"[\s'’]")
NUMBER = re.compile(r"[-+]?\d[\d.,]*")


def decimal_mark(cells: Iterable[str]) -> str:
    """Return the decimal mark of a table: the first one that a cell makes certain, or a point."""
    for cell in cells:
        text = THOUSANDS.sub("", cell)
        if not NUMBER.fullmatch(text):
            continue
        found = [character for character in text if character in MARKS]
        if not found:
            continue
        last, other = found[-1], MARKS.strip(found[-1])
        whole, _, decimals = text.rpartition(last)
        if found.count(last) > 1:  # marks thousands: 1.000.000
            return other
        if other in found or len(decimals) != 3 or whole.strip("-+") == "0":
            return last
    return "."


def parse(cell: str, mark: str) -> float | None:
    """Return a cell's number, or None if it is none."""
    text = THOUSANDS.sub("", cell)
    if not NUMBER.fullmatch(text):
        return None
    try:
        return float(text.replace(MARKS.strip(mark), "").replace(mark, "."))
    except ValueError:
        return None


def text_of(number: float, mark: str) -> str:
    """Return a number with at most two decimals."""
    return f"{number:.2f}".rstrip("0").rstrip(".").replace(".", mark)
