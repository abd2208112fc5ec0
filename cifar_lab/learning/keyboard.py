"""Reads single keys from a terminal."""

import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

LOOK_AGAIN = 0.1  # seconds


def keyboard(notify: Callable[[str], None]) -> "Keyboard | None":
    """Return a keyboard, or None if standard input is no terminal."""
    if not sys.stdin or not sys.stdin.isatty():
        return None
    return Keyboard(notify, _Windows() if os.name == "nt" else _Terminal())


class Keyboard:
    """Thread that reads keys.

    Args:
        notify: Called from the thread with each key.
        terminal: The terminal.
    """

    def __init__(self, notify: Callable[[str], None], terminal: Any):
        self._notify = notify
        self._terminal = terminal
        self._ended = threading.Event()
        self._reading = threading.Lock()  # an editor in this terminal takes it
        terminal.open()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ended.is_set():
            with self._reading:
                keys = self._terminal.keys()
            for key in keys:
                self._notify(key)

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Leave the terminal to another program within this context."""
        with self._reading:
            self._terminal.close()
            try:
                yield
            finally:
                self._terminal.open()

    def close(self) -> None:
        """End the thread, and leave the terminal as it was."""
        self._ended.set()
        self._thread.join()
        self._terminal.close()


class _Terminal:
    """Terminal of Linux or macOS that passes each key on at once, and does not show it."""

    def open(self) -> None:
        import termios
        import tty

        self._before = termios.tcgetattr(0)
        tty.setcbreak(0)

    def keys(self) -> str:
        ready, _, _ = select.select([0], [], [], LOOK_AGAIN)
        if not ready:
            return ""
        try:
            typed = os.read(0, 1024)
        except OSError:
            typed = b""
        return typed.decode(errors="replace") or "q"  # nothing: the terminal is gone

    def close(self) -> None:
        import termios

        termios.tcsetattr(0, termios.TCSADRAIN, self._before)


class _Windows:
    """Console of Windows."""

    def open(self) -> None:
        pass

    def keys(self) -> str:
        import msvcrt
        import time

        if not msvcrt.kbhit():
            time.sleep(LOOK_AGAIN)
            return ""
        return msvcrt.getwch()

    def close(self) -> None:
        pass
