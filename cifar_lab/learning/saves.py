"""Notices when a file in a folder is saved, renamed into place or deleted."""

import threading
from collections.abc import Callable
from pathlib import Path

# Looking costs some microseconds a file, and works where a system reports no events, too: in
# containers, in WSL and on network drives.
EVERY = 0.05  # seconds


class Saves:
    """Thread that looks at the Python files in a folder many times a second.

    Args:
        folder: The folder.
        notify: Called from the thread with the names of files that have changed.
    """

    def __init__(self, folder: Path, notify: Callable[[set[str]], None]):
        self._folder = folder
        self._notify = notify
        self._known = self._look()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            seen = self._look()
            changed = {name for name, _ in seen.items() ^ self._known.items()}
            self._known = seen
            if changed:
                self._notify(changed)

    def _look(self) -> dict[str, tuple[int, ...]]:
        """Return what changes with a file's content, by name."""
        found = {}
        for file in self._folder.glob("*.py"):
            try:
                status = file.stat()
            except OSError:  # it was deleted meanwhile
                continue
            found[file.name] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return found

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()
