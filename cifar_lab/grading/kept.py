"""Verdicts of a class, kept by what they depend on, so that only what has changed is judged.

A folder holds one file for each version of a module together with the modules that it imports.
Submissions with the same version share its verdicts.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cifar_lab.course import progress
from cifar_lab.course.files import write_whole
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict, FailureKind, TestVerdict
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
        for exercise in exercises:
            file, key = self._place(exercise)
            entry = _read(file).get(exercise.id)
            if entry and entry["key"] == key:
                found[exercise.id] = _decoded(exercise, entry)
        return found

    def keep(self, verdicts: Iterable[ExerciseVerdict]) -> None:
        """Keep the verdicts that the same code would get again."""
        for verdict in verdicts:
            if all(test.failure_kind in REPEATABLE for test in verdict.every_test):
                file, key = self._place(verdict.exercise)
                self.folder.mkdir(exist_ok=True)
                entries = _read(file) | {verdict.exercise.id: _encoded(verdict, key)}
                write_whole(file, json.dumps(entries))

    def _place(self, exercise: Exercise) -> tuple[Path, str]:
        """Return the file for the version of the exercise's module, and the key in it."""
        module, key = progress.keys(self.submission, [exercise])[exercise.id].split()
        name = hashlib.sha256(f"{module} {self.settings}".encode()).hexdigest()
        return self.folder / f"{name[:32]}.json", key


def _read(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # judged again, and written again
        return {}


def _encoded(verdict: ExerciseVerdict, key: str) -> dict[str, Any]:
    return {
        "key": key,
        "judged_at": verdict.judged_at,
        "secret": verdict.secret,
        "tests": [asdict(test) for test in verdict.tests],
        "hidden": [[asdict(test), points] for test, points in verdict.hidden],
    }


def _decoded(exercise: Exercise, entry: dict[str, Any]) -> ExerciseVerdict:
    return ExerciseVerdict(
        exercise,
        tests=[TestVerdict(**test) for test in entry["tests"]],
        hidden=[(TestVerdict(**test), points) for test, points in entry["hidden"]],
        judged_at=entry["judged_at"],
        secret=entry["secret"],
    )
