"""The key of a submission's results: a hash of everything that they depend on."""

import hashlib
import json
import stat
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.fingerprint import fingerprint
from cifar_lab.grading.members import files_below
from cifar_lab.testing.options import GradingOptions

LARGE = 2**24  # bytes of a file


def key_of(source: Path, options: GradingOptions) -> str:
    """Return the key for a submission (a folder or an archive) that is graded with `options`.

    The secret is left out: it is derived from the key.
    """
    settings = settings_of(options) + json.dumps(options.exercise)
    return _hash_of(source, f"{fingerprint(syllabus.exercises().values())} {settings}")[:32]


def settings_of(options: GradingOptions) -> str:
    """Return what the verdict on an exercise depends on in `options`, but for the secret."""
    settings = options.to_json() | {"secret": None, "exercise": None}
    if options.hidden:
        settings["hidden"] = _hash_of(Path(options.hidden), "")
    return json.dumps(settings)


def _hash_of(source: Path, start: str) -> str:
    total_hash = hashlib.sha256(start.encode())
    files = files_below(source) if source.is_dir() else [source]
    for file in (file for file in files if not file.is_dir()):
        total_hash.update(f"{file.relative_to(source.parent)}\0".encode(errors="replace"))
        total_hash.update(_content(file))
    return total_hash.hexdigest()


def _content(file: Path) -> bytes:
    """Return bytes that differ when the file's content differs."""
    try:
        state = file.lstat()
        if not stat.S_ISREG(state.st_mode):
            return b"no plain file"
        if state.st_size > LARGE:  # a dataset, for example, which grading does not read
            return f"{state.st_size} bytes of {state.st_mtime_ns}".encode()
        return file.read_bytes()
    except OSError:  # intake names what is wrong with the file
        return b"unreadable"
