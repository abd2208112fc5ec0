"""Text from submissions made harmless on a page, in a table and in XML.

Names, messages and file names come from submissions and may be anything: formulas, commands to a
terminal, characters that change the direction of the text after them.
"""

import re
from typing import Any

# characters that XML 1.0 cannot hold, not even escaped
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def visible(text: str) -> str:
    r"""Return `text`, control and direction characters escaped, such as `\u202e`; lines stay."""
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text
    )


def cell(value: Any) -> Any:
    """Return a table's cell that is neither a formula for a spreadsheet nor a terminal command."""
    if not isinstance(value, str):
        return value
    plain = "".join(character if character.isprintable() else " " for character in value)
    return f"'{plain}" if plain.lstrip().startswith(("=", "+", "-", "@")) else plain


def xml(text: str) -> str:
    """Return `text` without the characters that XML forbids."""
    return NOT_XML.sub("", text)
