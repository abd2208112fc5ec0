"""The files of a submission, the same whether they come in a folder, a zip or a zip in a zip.

Folders that programs make for themselves (environments, caches, the trash) are never entered. No
link is followed, and nothing is unpacked beyond a limit.
"""

import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

FILE_LIMIT = 200_000  # files of a submission
ZIP_LIMIT = 256 * 2**20  # bytes of a zip file in a zip file
# the errors that a folder or a damaged zip file may raise; ValueError: a name that is not UTF-8
UNREADABLE = (
    *(OSError, EOFError, RuntimeError, NotImplementedError, ValueError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)


@dataclass(frozen=True)
class Member:
    """One file of a submission, or a folder that is not entered.

    Attributes:
        path: Path inside the submission; a zip file is like a folder.
        open: Opens the file; None if it is not a plain file.
    """

    path: PurePosixPath
    open: Callable[[], BinaryIO] | None = None

    @property
    def is_inside(self) -> bool:
        """True unless the path leads out of the submission, as an archive's may."""
        return not self.path.is_absolute() and ".." not in self.path.parts


class TooLarge(ValueError):
    """A zip file in a zip file is larger than the limit."""


def is_zip(path: Path | PurePosixPath) -> bool:
    """Return True for the name of a zip file."""
    return path.suffix.lower() == ".zip"


def is_aside(path: PurePosixPath) -> bool:
    """Return True if a program made the folder at this path for itself."""
    name = path.name
    built = path.parent.name == "build" and (name == "lib" or name.startswith("lib."))
    dotted = name.startswith(".") and name != ".."
    return built or dotted or name in ("__MACOSX", "__pycache__", "site-packages")


def members_of(source: Path, opened: ExitStack) -> Iterator[Member]:
    """Yield the members of a folder or a zip file.

    Args:
        source: The folder or the zip file.
        opened: Keeps the zip file open.
    """
    if source.is_dir():
        return _members_of_folder(source)
    return _members_of_archive(opened.enter_context(zipfile.ZipFile(source)))


def members_inside(member: Member, opened: ExitStack) -> list[Member]:
    """Return the members of a zip file that is a member itself.

    Raises:
        TooLarge: The zip file, itself in an archive, is larger than the limit.
    """
    file = opened.enter_context(member.open())
    if isinstance(file, zipfile.ZipExtFile):  # it would be unpacked again at every jump
        content = file.read(ZIP_LIMIT + 1)
        if len(content) > ZIP_LIMIT:
            raise TooLarge
        file = io.BytesIO(content)
    archive = opened.enter_context(zipfile.ZipFile(file))
    inside = _members_of_archive(archive)
    return [Member(member.path / inner.path, inner.open) for inner in inside if inner.is_inside]


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder and every folder that is not entered; follow no link."""
    for place, folders, files in os.walk(folder):
        inside = PurePosixPath(Path(place).relative_to(folder).as_posix())
        left_out = [f for f in folders if is_aside(inside / f) or Path(place, f).is_symlink()]
        folders[:] = sorted(set(folders).difference(left_out))
        yield from (Path(place, name) for name in sorted([*files, *left_out]))


def _members_of_folder(folder: Path) -> Iterator[Member]:
    for path in files_below(folder):
        plain = stat.S_ISREG(path.lstat().st_mode)
        inside = PurePosixPath(path.relative_to(folder).as_posix())
        yield Member(inside, partial(_open, path) if plain else None)


def _open(path: Path) -> BinaryIO:
    # do not wait for a link or a pipe that took the file's place in the meantime
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb")


def _members_of_archive(archive: zipfile.ZipFile) -> Iterator[Member]:
    """Yield what the archive's folder would have: of two members of a path, the last one."""
    found = {}
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir() or entry.filename.endswith("\\"):
            continue
        around = [parent for parent in reversed(path.parents) if is_aside(parent)]
        if around:
            found[around[0]] = Member(around[0])
            continue
        plain = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
        found[path] = Member(path, partial(archive.open, entry) if plain else None)
    yield from found.values()
