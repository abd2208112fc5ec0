"""The files of a submission, the same whether they come in a folder or in archives.

Folders that programs make for themselves (environments, caches, the trash) are never entered. No
link is followed, and nothing is unpacked beyond a limit.
"""

import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

FILE_LIMIT = 200_000  # files of a submission
UNPACKED_LIMIT = 256 * 2**20  # bytes of an archive that must be unpacked to be read
ENDINGS = (".zip", ".tar.gz", ".tgz", ".tar")
# the errors that a folder or a damaged archive may raise; ValueError: a name that is not UTF-8
UNREADABLE = (
    *(OSError, EOFError, RuntimeError, NotImplementedError, ValueError),
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
)


@dataclass(frozen=True)
class Member:
    """One file of a submission, or a folder that is not entered.

    Attributes:
        path: Path inside the submission; an archive is like a folder.
        open: Opens the file; None if it is not a plain file.
    """

    path: PurePosixPath
    open: Callable[[], BinaryIO] | None = None

    @property
    def is_inside(self) -> bool:
        """True unless the path leads out of the submission, as an archive's may."""
        return not self.path.is_absolute() and ".." not in self.path.parts


class TooLarge(ValueError):
    """An archive that must be unpacked to be read is larger than the limit."""


def is_archive(path: Path | PurePosixPath) -> bool:
    """Return True for the name of an archive that can be read here."""
    return bare_name(path.name) != path.name


def bare_name(name: str) -> str:
    """Return the name of a submission without an archive's ending."""
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)]


def is_aside(path: PurePosixPath) -> bool:
    """Return True if a program made the folder at this path for itself."""
    name = path.name
    built = path.parent.name == "build" and (name == "lib" or name.startswith("lib."))
    dotted = name.startswith(".") and name != ".."
    return built or dotted or name in ("__MACOSX", "__pycache__", "site-packages")


def members_of(source: Path, opened: ExitStack) -> Iterator[Member]:
    """Yield the members of a folder or an archive.

    Args:
        source: The folder or the archive.
        opened: Keeps the archive open.

    Raises:
        TooLarge: The archive is larger than the limit.
    """
    if source.is_dir():
        return _members_of_folder(source)
    return _members_of_archive(opened.enter_context(source.open("rb")), source.name, opened)


def members_inside(member: Member, opened: ExitStack) -> list[Member]:
    """Return the members of an archive that is a member itself.

    Raises:
        TooLarge: The archive is larger than the limit.
    """
    file = opened.enter_context(member.open())
    if isinstance(file, zipfile.ZipExtFile):  # it would be unpacked again at every jump
        file = _unpacked(file)
    inside = _members_of_archive(file, member.path.name, opened)
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


def _unpacked(file: BinaryIO) -> io.BytesIO:
    content = file.read(UNPACKED_LIMIT + 1)
    if len(content) > UNPACKED_LIMIT:
        raise TooLarge(f"larger than {UNPACKED_LIMIT // 2**20:,} MiB")
    return io.BytesIO(content)


def _members_of_archive(file: BinaryIO, name: str, opened: ExitStack) -> Iterator[Member]:
    """Yield what the archive's folder would have: of two members of a path, the last one."""
    found = {}
    entries = _entries_of_zip if name.lower().endswith(".zip") else _entries_of_tar
    for member in entries(file, opened):
        around = [parent for parent in reversed(member.path.parents) if is_aside(parent)]
        if around:
            found[around[0]] = Member(around[0])
        else:
            found[member.path] = member
    yield from found.values()


def _entries_of_zip(file: BinaryIO, opened: ExitStack) -> Iterator[Member]:
    archive = opened.enter_context(zipfile.ZipFile(file))
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir() or entry.filename.endswith("\\"):
            continue
        plain = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
        yield Member(path, partial(archive.open, entry) if plain else None)


def _entries_of_tar(file: BinaryIO, opened: ExitStack) -> Iterator[Member]:
    is_packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    if is_packed:
        file = opened.enter_context(gzip.GzipFile(fileobj=file))
    # of limited size, because tarfile reads each header whole, however long it says that it is
    archive = opened.enter_context(tarfile.TarFile(fileobj=_unpacked(file), errorlevel=1))
    for entry in archive:
        if not entry.isdir():
            plain = partial(archive.extractfile, entry) if entry.isfile() else None
            yield Member(PurePosixPath(entry.name), plain)
