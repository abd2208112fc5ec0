"""Take a submission in: find its modules, copy them and nothing else, and name what was ignored.

A submission is a folder or an archive, named after its student. It may hold anything: links,
devices, archives that unpack without end, files that pretend to be pytest's. Only the course's
modules are read, up to a size, as plain files. Nothing here is imported or run.
"""

import codecs
import json
import re
import subprocess
import sys
import unicodedata
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from cifar_lab import PACKAGE
from cifar_lab.course import syllabus
from cifar_lab.grading import members
from cifar_lab.grading.members import UNREADABLE, Member, TooLarge, bare_name, is_archive, is_aside
from cifar_lab.grading.selection import has_package, select

MODULE_LIMIT = 256 * 1024  # bytes
NESTED_LIMIT = 3  # archives in one another
NAMED = 20  # ignored files that are named
# parses the sources that standard input has as JSON, in a process of its own with little memory:
# some sources crash the parser. Compiling is the sandbox's work: a kilobyte of `try` can take
# gigabytes
PARSE = """
import ast, json, sys
try:
    from resource import RLIMIT_AS, RLIMIT_CPU, getrlimit, setrlimit
except ImportError:  # Windows, where nothing is graded in a sandbox
    pass
else:
    for limit, most in ((RLIMIT_AS, 2**30), (RLIMIT_CPU, 30)):
        hard = getrlimit(limit)[1]
        try:
            setrlimit(limit, (most if hard < 0 else min(most, hard), hard))
        except (OSError, ValueError):  # macOS refuses to limit memory
            pass
for name, text in json.load(sys.stdin).items():
    try:
        ast.parse(text, name)
    except (MemoryError, RecursionError):
        print(f"{name} does not parse: it is nested too deeply")
    except (SyntaxError, ValueError, OverflowError) as error:
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


def submissions(folder: Path, out: Path | None = None) -> dict[str, Path]:
    """Return the submissions in a folder by safe name: its folders and archives, without `out`."""
    found: dict[str, Path] = {}
    for path in _visible(folder, out):
        if not _may_be_a_submission(path):
            continue
        name = plain = safe_name(path.name if path.is_dir() else bare_name(path.name))
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
    seen = [path for path in sorted(folder.iterdir()) if not is_aside(PurePosixPath(path.name))]
    return [path for path in seen if path.is_symlink() or path.resolve() != own]


def _may_be_a_submission(path: Path) -> bool:
    return not path.is_symlink() and (path.is_dir() or is_archive(path))


def safe_name(name: str) -> str:
    """Return a name that is safe in a path, a table and a page."""
    plain = unicodedata.normalize("NFKC", name)
    plain = re.sub(r"[^\w.+@-]+", "_", plain)[:80].strip("._-+@")
    return plain or "unnamed"


def take_in(source: Path, name: str, target: Path) -> Submission:
    """Copy the modules of a submission to `target`/cifar_course.

    Args:
        source: A folder or an archive.
        name: The submission's safe name.
        target: An empty folder, or one that does not exist.
    """
    submission = Submission(name, source.name)
    (target / PACKAGE).mkdir(parents=True)
    with ExitStack() as opened:
        try:
            _copy_modules(_members_of(source, submission, opened), target, submission)
        except UNREADABLE as error:
            submission.problems.append(f"not readable: {error}")
    missing = [module for module in syllabus.modules() if module not in submission.modules]
    if submission.valid or not submission.problems:
        submission.problems += [f"{module}.py is missing" for module in missing]
    return submission


def _members_of(source: Path, submission: Submission, opened: ExitStack) -> list[Member]:
    """Return all members, with those of the only archive in a submission without a package.

    Moodle puts the student's archive into a folder, and some systems zip a zip file.
    """
    limit = members.FILE_LIMIT
    found = list(islice(members.members_of(source, opened), limit + 1))
    for _ in range(NESTED_LIMIT):
        archives = [one for one in found if is_archive(one.path) and one.open and one.is_inside]
        archives = [one for one in archives if not one.path.name.startswith(".")]
        if has_package(found) or not archives:
            break
        if len(archives) > 1:
            names = ", ".join(str(one.path) for one in archives)
            submission.problems.append(f"found {len(archives)} archives ({names}); keep one")
            break
        inside = _members_inside(archives[0], submission, opened)
        if not inside:
            break
        others = (one for one in found if one is not archives[0])
        found = list(islice([*others, *inside], limit + 1))
    if len(found) > limit:
        submission.problems.append(f"found more than {limit:,} files; hand in fewer")
    return found[:limit]


def _members_inside(archive: Member, submission: Submission, opened: ExitStack) -> list[Member]:
    try:
        return members.members_inside(archive, opened)
    except TooLarge as error:
        submission.problems.append(f"{archive.path} is {error}")
    except UNREADABLE as error:
        submission.problems.append(f"{archive.path} is not readable: {error}")
    return []


def _copy_modules(found: list[Member], target: Path, submission: Submission) -> None:
    """Copy the modules, and list all other files."""
    modules, problems = select(found)
    submission.problems += problems if modules or not submission.problems else []
    taken = {member.path for member in modules.values()}
    taken |= {path.with_name("__init__.py") for path in taken}
    ignored = [str(member.path)[:200] for member in found if member.path not in taken]
    submission.ignored = ignored[:NAMED]
    if len(ignored) > NAMED:
        submission.ignored.append(f"and {len(ignored) - NAMED:,} more")
    texts = {}
    for module, member in modules.items():
        text = _text_of(member, submission)
        if text is not None:
            (target / PACKAGE / f"{module}.py").write_text(text, encoding="utf-8", newline="\n")
            submission.modules.append(module)
            texts[f"{module}.py"] = text
    submission.problems += _syntax_errors(texts)


def _text_of(member: Member, submission: Submission) -> str | None:
    """Return a module's text with one kind of line end, or note a problem and return None."""
    if member.open is None:
        submission.problems.append(f"{member.path} is not a plain file")
        return None
    with member.open() as file:  # so many bytes are unpacked, whatever size an archive states
        content = file.read(MODULE_LIMIT + 1)
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
            [sys.executable, "-I", "-c", PARSE],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        return ["the modules do not parse: the parser did not end within a minute"]
    problems = done.stdout.splitlines()
    if done.returncode:
        problems.append("the modules do not parse: the parser crashed")
    return problems
