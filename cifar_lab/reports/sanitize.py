"""Learners' words made harmless for whoever reads them: on a page, in a table, in XML.

Names, messages and file names come from submissions, and may be anything: formulas, commands for a
terminal, characters that turn the direction of what follows.
"""

import re
from typing import Any

# what XML 1.0 has no way to write, not even escaped
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def visible(text: str) -> str:
    """`text` with every control or direction character written out, such as `\\u202e`; lines stay."""
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text
    )


def cell(value: Any) -> Any:
    """A table's cell that no spreadsheet takes for a formula, and no terminal for a command."""
    if not isinstance(value, str):
        return value
    plain = "".join(character if character.isprintable() else " " for character in value)
    return f"'{plain}" if plain.lstrip().startswith(("=", "+", "-", "@")) else plain


def xml(text: str) -> str:
    """`text` without the characters that XML forbids."""
    return NOT_XML.sub("", text)
