"""Verdicts of a class, kept by what they depend on, so that only what has changed is judged.

A folder holds one file for each version of a module together with the modules that it imports.
Submissions with the same version share its verdicts.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cifar_lab.course import progress
from cifar_lab.course.files import write_whole
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict, FailureKind
from cifar_lab.grading.key import settings_of
from cifar_lab.testing.options import GradingOptions

REPEATABLE = (None, FailureKind.EXCEPTION)  # other failures may be accidents of the machine


class Kept:
    """The verdicts that are kept for one submission.

    Args:
        folder: Holds the verdicts of the class.
        submission: The submission to judge.
        options: The settings of the grading; a secret may differ from that of a kept verdict.
    """

    def __init__(self, folder: Path, submission: Path, options: GradingOptions):
        self.folder = folder
        self.submission = submission
        self.settings = settings_of(options)

    def recall(self, exercises: list[Exercise]) -> dict[str, ExerciseVerdict]:
        """Return the verdicts, by exercise id, that still hold."""
        found = {}
        for file, keys in self._places(exercises).items():
            entries = _read(file)
            for exercise, key in keys:
                entry = entries.get(exercise.id)
                if entry and entry["key"] == key:
                    found[exercise.id] = ExerciseVerdict.from_record(exercise, entry)
        return found

    def keep(self, verdicts: Iterable[ExerciseVerdict]) -> None:
        """Keep the verdicts that the same code would get again."""
        kept = {
            verdict.exercise.id: verdict
            for verdict in verdicts
            if all(test.failure_kind in REPEATABLE for test in verdict.every_test)
        }
        exercises = [verdict.exercise for verdict in kept.values()]
        for file, keys in self._places(exercises).items():
            self.folder.mkdir(exist_ok=True)
            new = {e.id: {"key": key, **kept[e.id].as_record()} for e, key in keys}
            write_whole(file, json.dumps(_read(file) | new))

    def _places(self, exercises: list[Exercise]) -> dict[Path, list[tuple[Exercise, str]]]:
        """Return, by the file that is for their module's version, exercises with their keys."""
        places, known = defaultdict(list), progress.keys(self.submission, exercises)
        for exercise in exercises:
            module, key = known[exercise.id].split()
            name = hashlib.sha256(f"{module} {self.settings}".encode()).hexdigest()
            places[self.folder / f"{name[:32]}.json"].append((exercise, key))
        return places


def _read(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # judged again, and written again
        return {}
