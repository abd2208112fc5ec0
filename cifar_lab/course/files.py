"""Files that are written whole or not at all."""

from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    part = file.with_name(file.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(file)
