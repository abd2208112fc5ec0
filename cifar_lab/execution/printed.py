"""Keeps the end of what learner code prints."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LINES, LINE_LENGTH = 20, 200
LIMIT = LINES * LINE_LENGTH  # characters


class Printed:
    """Standard output of learner code, of which the last lines are kept."""

    def __init__(self):
        self._tail = _Tail()
        self._stream = io.TextIOWrapper(
            self._tail, encoding="utf-8", errors="replace", newline="\n", write_through=True
        )

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let code within this context print into this object."""
        before, sys.stdout = sys.stdout, self._stream
        try:
            yield
        finally:
            sys.stdout = before

    def take(self) -> str:
        """Return what was printed since the last time, at most `LIMIT` characters of its end."""
        text = self._tail.content.decode("utf-8", "replace")[-LIMIT:]
        self._tail.content = b""
        return text


class _Tail(io.RawIOBase):
    """File that keeps the end of what is written to it."""

    content = b""

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.content = (self.content + bytes(data))[-4 * LIMIT :]  # a character has up to 4 bytes
        return len(data)
