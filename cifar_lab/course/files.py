"""Files that are written whole or not at all, and paths with `~`."""

import json
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Any

from cifar_lab.course.errors import CourseError


class NotWritten(CourseError, OSError):
    """A file cannot be written; the message names it and the reason."""


class Damaged(CourseError):
    """A file of the course's own is cut off or damaged; the message names it and the remedy."""


def read_json(file: Path, remedy: str) -> Any:
    """Return the content of a JSON file.

    Args:
        file: The file.
        remedy: Advice for the message, such as "Delete it".

    Raises:
        Damaged: It is empty, cut off, or no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Damaged(f"{file} is empty, cut off or damaged ({error}). {remedy}.") from error


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all.

    An existing file keeps its permissions, and a link its target, which is written instead. What
    is no plain file (a device, a FIFO) is written to as it is, and never replaced.

    Raises:
        NotWritten: The system refused; an existing file is unchanged.
    """
    content = content.encode() if isinstance(content, str) else content
    try:
        found = _status(file)
        if found is not None and (stream := _standard_stream(found)):
            stream.flush()
            stream.buffer.write(content)
            stream.flush()
        elif found is not None and not stat.S_ISREG(found.st_mode):
            with file.open("wb", buffering=0) as device:
                device.write(content)
        else:
            _replace(file.resolve(), content, found)
    except OSError as error:
        raise NotWritten(f"{file} was not written: {error.strerror or error}") from error


def expanded(text: str | Path) -> Path:
    """Return a path with `~` replaced by the home folder, where there is one."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises without a home


def _status(file: Path) -> os.stat_result | None:
    """Return the status of the file that a path leads to; None if there is none yet."""
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def _standard_stream(found: os.stat_result):
    """Return the standard stream that writes to this very file, as /dev/stdout names it."""
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            if os.path.samestat(found, os.fstat(stream.fileno())):
                return stream
        except (AttributeError, OSError, ValueError):
            continue  # a program without a console, or one that has closed this stream
    return None


def _replace(target: Path, content: bytes, found: os.stat_result | None) -> None:
    # another name each time: two processes may write the same file
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as opened:
            opened.write(content)
        if found is not None:
            part.chmod(stat.S_IMODE(found.st_mode))
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
