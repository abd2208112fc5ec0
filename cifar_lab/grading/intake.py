"""Take a submission in: find its modules, copy them and nothing else, and name what was ignored.

A submission is a folder or a zip file, named after its student. It may hold anything: links,
devices, archives that unpack without end, files that pretend to be pytest's. Only the course's
modules are read, up to a size, as plain files. Nothing here is imported or run.
"""

import codecs
import json
import lzma
import os
import re
import stat
import subprocess
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cifar_lab.course import syllabus
from cifar_lab.execution.loader import PACKAGE

MODULE_LIMIT = 256 * 1024  # bytes
DEPTH_LIMIT = 3  # folders around cifar_course/
FILE_LIMIT = 200_000  # files of a submission; a virtual environment has 50,000
NAMED = 20  # ignored files that are named
# the errors that a folder or a damaged zip file may raise; ValueError: a name that is not UTF-8
UNREADABLE = (
    *(OSError, EOFError, RuntimeError, NotImplementedError, ValueError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
# compiles the sources that standard input has as JSON, in a process of its own: some sources crash
# the compiler
COMPILE = """
import json, sys
for name, text in json.load(sys.stdin).items():
    try:
        compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError) as error:
        print(f"{name} does not parse, line {getattr(error, 'lineno', '?')}: {error}")
"""


@dataclass
class Submission:
    """One student's submission, taken in as far as possible.

    Attributes:
        name: Safe as a file's name, and different from all others'.
        original: Its name in the folder of the class.
        modules: Modules that were copied.
        ignored: The first few of all other files.
        problems: Sentences on what is wrong; a submission without any module is invalid.
    """

    name: str
    original: str
    modules: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        """True if there is something to judge."""
        return bool(self.modules)


@dataclass(frozen=True)
class Member:
    """One file of a submission.

    Attributes:
        path: Path inside the submission.
        read: Returns at most so many bytes of the file; None if it is not a plain file.
    """

    path: PurePosixPath
    read: Callable[[int], bytes] | None


def submissions(folder: Path, out: Path | None = None) -> dict[str, Path]:
    """Return the submissions in a folder by safe name: its folders and zip files, without `out`."""
    found: dict[str, Path] = {}
    for path in _visible(folder, out):
        if not _may_be_a_submission(path):
            continue
        name = plain = safe_name(path.stem if path.suffix.lower() == ".zip" else path.name)
        number = 2
        while name.lower() in {other.lower() for other in found}:
            name, number = f"{plain}-{number}", number + 1
        found[name] = path
    return found


def passed_over(folder: Path, out: Path | None = None) -> list[str]:
    """Return the names of all else in a class's folder, which may still be somebody's work."""
    return [path.name for path in _visible(folder, out) if not _may_be_a_submission(path)]


def _visible(folder: Path, out: Path | None) -> list[Path]:
    own = out and out.resolve()
    seen = [path for path in sorted(folder.iterdir()) if not _is_aside(path.name)]
    return [path for path in seen if path.is_symlink() or path.resolve() != own]


def _may_be_a_submission(path: Path) -> bool:
    return not path.is_symlink() and (path.is_dir() or _is_zip(path))


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _is_aside(name: str) -> bool:
    """Return True if a file or folder is a program's own: settings, caches, environments."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


def safe_name(name: str) -> str:
    """Return a name that is safe in a path, a table and a page."""
    plain = unicodedata.normalize("NFKC", name)
    plain = re.sub(r"[^\w.+@-]+", "_", plain)[:80].strip("._-+@")
    return plain or "unnamed"


def take_in(source: Path, name: str, target: Path) -> Submission:
    """Copy the modules of a submission to `target`/cifar_course.

    Args:
        source: A folder or a zip file.
        name: The submission's safe name.
        target: An empty folder, or one that does not exist.
    """
    submission = Submission(name, source.name)
    (target / PACKAGE).mkdir(parents=True)
    try:
        zips = _zips_in(source)
        if len(zips) == 1:
            source = zips[0]
        elif zips:
            names = ", ".join(path.name for path in zips)
            submission.problems.append(f"found {len(zips)} zip files ({names}); keep one")
        if source.is_dir():
            _copy_modules(_files_of_folder(source), target, submission)
        else:
            with zipfile.ZipFile(source) as archive:
                _copy_modules(_files_of_archive(archive), target, submission)
    except UNREADABLE as error:
        submission.problems.append(f"not readable: {error}")
    for module in syllabus.modules():
        if module not in submission.modules:
            submission.problems.append(f"{module}.py is missing")
    return submission


def _zips_in(folder: Path) -> list[Path]:
    """Return the zip files of a folder without modules: Moodle puts a zip file into a folder."""
    if not folder.is_dir():
        return []
    files = list(files_below(folder))
    zips = [path for path in files if _is_zip(path) and path.is_file() and not path.is_symlink()]
    has_modules = any(p.parent.name == PACKAGE and p.stem in syllabus.modules() for p in files)
    return [] if has_modules else zips


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder and every folder that is not entered; follow no link."""
    for place, folders, files in os.walk(folder):
        left_out = [f for f in folders if _is_aside(f) or Path(place, f).is_symlink()]
        folders[:] = sorted(set(folders).difference(left_out))
        yield from (Path(place, name) for name in sorted([*files, *left_out]))


def _files_of_folder(folder: Path) -> Iterator[Member]:
    for path in files_below(folder):
        yield Member(PurePosixPath(path.relative_to(folder).as_posix()), _reader(path))


def _reader(path: Path) -> Callable[[int], bytes] | None:
    if not stat.S_ISREG(path.lstat().st_mode):
        return None

    def read(most: int) -> bytes:
        # do not wait for a link or a pipe that took the file's place in the meantime
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            return file.read(most)

    return read


def _files_of_archive(archive: zipfile.ZipFile) -> Iterator[Member]:
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir():
            continue
        mode = entry.external_attr >> 16
        plain = stat.S_IFMT(mode) in (0, stat.S_IFREG)
        yield Member(path, _archive_reader(archive, entry) if plain else None)


def _archive_reader(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        # so many bytes are unpacked, whatever size the archive states
        with archive.open(entry) as file:
            return file.read(most)

    return read


def _copy_modules(members: Iterator[Member], target: Path, submission: Submission) -> None:
    """Copy the modules of the package, if there is exactly one, and list all other files."""
    packages: dict[PurePosixPath, dict[str, Member]] = {}
    ignored = []
    for number, member in enumerate(members):
        if number == FILE_LIMIT:
            submission.problems.append(f"found more than {FILE_LIMIT:,} files; hand in fewer")
            break
        package = member.path.parent
        is_module = member.path.stem in syllabus.modules() and member.path.suffix == ".py"
        climbs = member.path.is_absolute() or ".." in member.path.parts
        if (
            is_module
            and not climbs
            and package.name == PACKAGE
            and len(package.parts) <= DEPTH_LIMIT + 1
        ):
            packages.setdefault(package, {})[member.path.stem] = member
        elif str(member.path) != f"{PACKAGE}/__init__.py":
            ignored.append(str(member.path))
    submission.ignored = [name[:200] for name in ignored[:NAMED]]
    if len(ignored) > NAMED:
        submission.ignored.append(f"and {len(ignored) - NAMED:,} more")
    if len(packages) > 1:
        places = ", ".join(sorted(str(package) for package in packages))
        submission.problems.append(f"found several {PACKAGE}/ folders ({places}); keep one")
        return
    texts = {}
    for module, member in sorted(next(iter(packages.values()), {}).items()):
        text = _text_of(member, submission)
        if text is not None:
            (target / PACKAGE / f"{module}.py").write_text(text, encoding="utf-8", newline="\n")
            submission.modules.append(module)
            texts[f"{module}.py"] = text
    submission.problems += _syntax_errors(texts)


def _text_of(member: Member, submission: Submission) -> str | None:
    """Return a module's text with one kind of line end, or note a problem and return None."""
    if member.read is None:
        submission.problems.append(f"{member.path} is not a plain file")
        return None
    content = member.read(MODULE_LIMIT + 1)
    if len(content) > MODULE_LIMIT:
        submission.problems.append(f"{member.path} is larger than {MODULE_LIMIT // 1024} KiB")
        return None
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        submission.problems.append(f"{member.path} is not UTF-8: {error}")
        return None
    if "\0" in text:
        submission.problems.append(f"{member.path} holds a zero byte")
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _syntax_errors(texts: dict[str, str]) -> list[str]:
    """Return what does not parse; such a module is copied, and fails only its own exercises."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", COMPILE],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        return ["the modules do not parse: the compiler did not end within a minute"]
    problems = done.stdout.splitlines()
    if done.returncode:
        problems.append("the modules do not parse: the compiler crashed")
    return problems
