"""Exceptions of learner code as messages, and the protocol's own exceptions."""

import re
import traceback
from pathlib import Path
from typing import Any

MESSAGE_LIMIT = 2_000  # characters of an exception's message
LINES_LIMIT = 5  # lines of a traceback
ANSI_COLOR = re.compile(r"\x1b\[\d+m")
NOT_WRITTEN = re.compile(r"\b\w{1,40}\.\w{1,40} is not written yet.*")


class ProtocolError(Exception):
    """Value that cannot be encoded, or bytes that are not an encoded message."""


class FrameTooLargeError(ProtocolError):
    """Frame that is longer than its receiver accepts.

    Attributes:
        length: The length that the sender announced, in bytes.
    """

    def __init__(self, length: int):
        super().__init__(f"a frame of {length:,} bytes")
        self.length = length


def describe_exception(error: BaseException, folder: Path) -> dict[str, Any]:
    """Return what a test may know of an exception that learner code raised.

    Args:
        error: The exception. Its class and its methods are learner code.
        folder: The folder of the learner's modules.

    Returns:
        `types`: names of its built-in classes, the most specific first; `message`; `lines`: the
        learner's lines in the traceback.
    """
    try:
        bases = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        return {
            "types": bases,
            "message": _message(error)[:MESSAGE_LIMIT],
            "lines": learner_lines(error, folder),
        }
    except BaseException:  # its __str__ raises, or its class overrides __mro__
        return {"types": [], "message": "an exception that cannot be described", "lines": []}


def learner_lines(error: BaseException, folder: Path) -> list[list]:
    """Return the last lines of the traceback that are in `folder`: [file name, number, text]."""
    lines = [
        [Path(frame.filename).name, frame.lineno, frame.line or ""]
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent == folder
    ]
    file = Path(getattr(error, "filename", None) or ".")
    if isinstance(error, SyntaxError) and file.parent == folder:
        lines.append([file.name, error.lineno, (error.text or "").strip()])
    return lines[-LINES_LIMIT:]


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} (line {error.lineno})"
    # Keras wraps whatever a layer's `call` raises in a colored report of its own
    # (cut before the search: in a text of megabytes a regular expression may take minutes)
    text = ANSI_COLOR.sub("", str(error)[: 2 * MESSAGE_LIMIT])
    stub = NOT_WRITTEN.search(text)
    return stub[0] if stub else text or type(error).__name__
