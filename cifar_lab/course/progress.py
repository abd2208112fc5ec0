"""Notes about a learner, in `.cifar-course/` beside their modules.

They hold verdicts on code that has not changed since, the hints that were given, and backups of
modules that were reset. Without the notes, everything is judged again.
"""

import ast
import hashlib
import json
from datetime import datetime
from pathlib import Path

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.files import write_whole
from cifar_lab.course.fingerprint import fingerprint
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict, TestVerdict
from cifar_lab.execution.loader import read_module

FOLDER = ".cifar-course"


def _load(folder: Path, name: str) -> dict:
    try:
        content = json.loads((folder / FOLDER / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _save(folder: Path, name: str, content: dict) -> None:
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
        write_whole(folder / FOLDER / name, json.dumps(content, indent=1))
    except OSError:
        pass  # a read-only submission is judged, too, but not remembered


# --- verdicts ----------------------------------------------------------------------------------


def recall(folder: Path, exercises: list[Exercise]) -> dict[str, ExerciseVerdict]:
    """Return the verdicts that still hold, because nothing they depend on has changed.

    Untouched stubs are `not written`, and nothing is run for them.
    """
    saved, current, found = _load(folder, "verdicts.json"), keys(folder, exercises), {}
    for exercise in exercises:
        entry = saved.get(exercise.id)
        if _is_stub(folder, exercise):
            tests = [TestVerdict("is written", False, not_written=exercise.id)]
            found[exercise.id] = ExerciseVerdict(exercise, tests)
        elif entry and entry["key"] == current[exercise.id]:
            found[exercise.id] = ExerciseVerdict.from_record(exercise, entry)
    return found


def remember(folder: Path, verdicts: dict[str, ExerciseVerdict], keys: dict[str, str]) -> None:
    """Keep verdicts for the next time.

    Args:
        folder: The submission.
        verdicts: By exercise id.
        keys: Returned by `keys` before the exercises were judged, because a file that changes
            meanwhile must not be remembered with the verdict on its old content.
    """
    saved = _load(folder, "verdicts.json")
    for id, verdict in verdicts.items():
        saved[id] = {"key": keys[id], **verdict.as_record()}
    _save(folder, "verdicts.json", saved)


def _is_stub(folder: Path, exercise: Exercise) -> bool:
    try:
        text = read_module(folder, exercise.module)
        return stubs.is_stub(text, exercise.module, exercise.name)
    except (OSError, UnicodeDecodeError):
        return False


def keys(folder: Path, exercises: list[Exercise]) -> dict[str, str]:
    """Return a hash of all that the verdict on each exercise depends on, by its id."""
    modules = {e.module for e in exercises}
    answers = {module: _hash_with_sisters(folder, module) for module in modules}
    return {e.id: f"{answers[e.module]} {fingerprint([e])}" for e in exercises}


def _hash_with_sisters(folder: Path, module: str) -> str:
    digest = hashlib.sha256()
    for name in sorted(_with_sisters(folder, module)):
        file = folder / "cifar_course" / f"{name}.py"
        digest.update(name.encode() + (file.read_bytes() if file.is_file() else b"missing"))
    return digest.hexdigest()


def _with_sisters(folder: Path, module: str, found: frozenset[str] = frozenset()) -> set[str]:
    """Return a module and those that it imports, also inside of its functions."""
    found = found | {module}
    try:
        nodes = list(ast.walk(ast.parse(read_module(folder, module))))
    except (OSError, SyntaxError, ValueError):
        return set(found)
    named = {word for node in nodes for word in _imported(node)}
    for sister in named & set(syllabus.modules()) - found:
        found = found | _with_sisters(folder, sister, frozenset(found))
    return set(found)


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {part for alias in node.names for part in alias.name.split(".")}
    if isinstance(node, ast.ImportFrom):
        return {*(node.module or "").split("."), *(alias.name for alias in node.names)}
    return set()


# --- hints and backups -------------------------------------------------------------------------


def next_hint_level(folder: Path, exercise: Exercise) -> int:
    """Return the level after the last one that was given, and note that it is given now."""
    given = _load(folder, "hints.json")
    level = min(given.get(exercise.id, 0) + 1, len(exercise.hints))
    _save(folder, "hints.json", {**given, exercise.id: level})
    return level


def note_given_up(folder: Path, exercise: Exercise) -> None:
    """Note that the solution was shown before the exercise had passed."""
    _save(folder, "given_up.json", {**_load(folder, "given_up.json"), exercise.id: True})


def given_up(folder: Path) -> set[str]:
    """Return the ids of the exercises whose solution was shown before they had passed."""
    return set(_load(folder, "given_up.json"))


def backup_folder(folder: Path) -> Path:
    """Return the folder with the backups of a submission's modules."""
    return folder / FOLDER / "backups"


def backups(folder: Path, module: str) -> list[Path]:
    """Return the backups of a module, the newest first."""
    return sorted(backup_folder(folder).glob(f"{module}-*.py"), reverse=True)


def back_up(folder: Path, module: str) -> Path:
    """Copy a module into the backups and return the copy."""
    kept = backup_folder(folder)
    kept.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    copy = kept / f"{module}-{stamp}.py"
    copy.write_bytes((folder / "cifar_course" / f"{module}.py").read_bytes())
    return copy
