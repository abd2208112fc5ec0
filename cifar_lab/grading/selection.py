"""The choice of the files in a submission that are its modules.

`cifar_course/MODULE.py` is meant, in up to three folders. Other places and names are taken if there
is no doubt; otherwise the student reads what was found and what to rename.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from cifar_lab import PACKAGE
from cifar_lab.course import syllabus
from cifar_lab.grading.members import Member, is_archive

DEPTH_LIMIT = 3  # folders around cifar_course/; deeper down it must be the only one
COPY = re.compile(  # what systems, browsers and Canvas make of `cnn.py`: `cnn (1).py`, `CNN-1.py`
    r"(?:copy of )?(?P<module>\w+?)(?:[ _-]*\(\d+\)|[ _-]+(?:copy|\d+))*\.py", re.IGNORECASE
)
COURSE = {"cifar_lab", "solutions", "tests"}  # the course's own folders
NAMED = 5  # files that a message names
PACK = "`cifar-course pack OUT.zip`"

Candidates = dict[str, list[Member]]  # by module


def select(members: Iterable[Member]) -> tuple[dict[str, Member], list[str]]:
    """Return the members that are modules, by module, and sentences on what is wrong."""
    members = list(members)
    folders = _folders(members)
    if not folders:
        return {}, [_nothing(members)]
    ranks = {folder: _rank(folder, candidates) for folder, candidates in folders.items()}
    meant = sorted(folder for folder in folders if ranks[folder] == min(ranks.values()))
    if len(meant) > 1:
        return {}, [_several(meant)]
    (folder,) = meant
    problems = []
    if folder.name != PACKAGE:
        problem = f"found no folder {PACKAGE}/: the modules in {_shown(folder)} were taken"
        problems.append(f"{problem}; put them into {PACKAGE}/")
    found = {}
    for module, candidates in sorted(folders[folder].items()):
        exact = [member for member in candidates if _is_exact(member)]
        if exact or len(candidates) == 1:
            found[module] = member = (exact or candidates)[0]
            if not exact:
                problems.append(f"{member.path} was taken for {module}.py; rename it")
        else:
            paths = ", ".join(sorted(str(member.path) for member in candidates))
            problem = f"found several files for {module}.py ({paths})"
            problems.append(f"{problem}; name the right one {module}.py")
    return found, problems


def has_package(members: Iterable[Member]) -> bool:
    """Return True if some members are exactly where modules should be."""
    return any(_rank(folder, found) == 0 for folder, found in _folders(members).items())


def _folders(members: Iterable[Member]) -> dict[PurePosixPath, Candidates]:
    """Return all members that may be modules, by folder."""
    folders: dict[PurePosixPath, Candidates] = {}
    for member in members:
        match, folder = COPY.fullmatch(member.path.name), member.path.parent
        module = match["module"].lower() if match else ""
        own = _resembles(folder) or COURSE.isdisjoint(folder.parts)
        if module in syllabus.modules() and member.is_inside and own:
            folders.setdefault(folder, {}).setdefault(module, []).append(member)
    return folders


def _rank(folder: PurePosixPath, candidates: Candidates) -> int:
    """Return 0 for a folder that is exactly right, 1 if it resembles it, 2 for any other."""
    depth = sum(not is_archive(PurePosixPath(part)) for part in folder.parent.parts)
    exact = any(_is_exact(member) for found in candidates.values() for member in found)
    if folder.name == PACKAGE and depth <= DEPTH_LIMIT and exact:
        return 0
    return 1 if _resembles(folder) else 2


def _resembles(folder: PurePosixPath) -> bool:
    """Return True for names such as `cifar_course (1)`, `cifar_course-main`, `Cifar_Course`."""
    return folder.name.lower().startswith(PACKAGE)


def _is_exact(member: Member) -> bool:
    return member.path.suffix == ".py" and member.path.stem in syllabus.modules()


def _shown(folder: PurePosixPath) -> str:
    return f"{folder}/" if folder.name else "the top folder"


def _several(folders: list[PurePosixPath]) -> str:
    if all(folder.name == PACKAGE for folder in folders):
        return f"found several {PACKAGE}/ folders ({', '.join(map(str, folders))}); keep one"
    places = ", ".join(map(_shown, folders))
    found = f"found no folder {PACKAGE}/, and modules in several folders ({places})"
    return f"{found}; put the right ones into {PACKAGE}/"


def _nothing(members: list[Member]) -> str:
    """Return what to do about a submission without modules."""
    plain = [member.path for member in members if member.open]
    notebooks = [path for path in plain if path.suffix.lower() == ".ipynb"]
    python = [path for path in plain if path.suffix == ".py" and COURSE.isdisjoint(path.parts)]
    if python:
        wanted = ", ".join(f"{module}.py" for module in syllabus.modules())
        found = f"found none of the modules among {_first(python)}"
        return f"{found}: name them {wanted}, in a folder {PACKAGE}/"
    if notebooks:
        found = f"found notebooks only ({_first(notebooks)}), which are not graded"
        return f"{found}: hand in the modules, as {PACK} packs them"
    return f"found no folder {PACKAGE}/ with the modules: hand in the file that {PACK} writes"


def _first(paths: list[PurePosixPath]) -> str:
    more = [f"and {len(paths) - NAMED:,} more"] if len(paths) > NAMED else []
    return ", ".join([*map(str, paths[:NAMED]), *more])
