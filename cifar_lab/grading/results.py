"""What a judgement looks like outside: Gradescope's results, a gradebook's table."""

import csv
import hashlib
import io
import json
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cifar_lab.course import syllabus
from cifar_lab.course.files import write_whole
from cifar_lab.course.fingerprint import fingerprint
from cifar_lab.course.verdict import ExerciseVerdict, total, total_hidden
from cifar_lab.grading.intake import Submission, files_below
from cifar_lab.reports import sanitize

NOT_GRADED, GRADED = "not graded", "graded"
INVALID, GRADING_ERROR = "invalid submission", "grading error"
UNTRUSTED = "Graded without a sandbox: this code could have written its own verdict."
UNPRIVILEGED = (
    "Graded without a full sandbox: this code ran as another user, who could neither read the tests "
    "nor write results, but had the network and whatever the machine lets anybody read."
)
LARGE = 2**24  # bytes of a file
COLUMNS = ("name", "original", "points", "verdict", "trusted")


def make_results(
    submission: Submission,
    verdicts: Mapping[str, ExerciseVerdict],
    verdict: str,
    key: str,
    trusted: bool,
    words: str = "",
    stamp: str = UNTRUSTED,
) -> dict[str, Any]:
    """One student's results, in Gradescope's format for autograders.

    Args:
        submission: As it was taken in.
        verdicts: By exercise id; none for a submission that was not judged.
        verdict: `graded`, `not graded`, `invalid submission` or `grading error`.
        key: Of the submission, the course and the environment: the same key, the same results.
        trusted: Whether there was a sandbox.
        words: What else a reader should know; of a grading error, what staff should.
        stamp: What is said where it cannot be trusted.
    """
    # what the grader says of its own fault may quote a hidden test: it is not for students
    public = "The grader failed; this is no grade." if verdict == GRADING_ERROR else words
    lines = [public, "" if trusted else stamp, *submission.problems]
    if submission.ignored:
        lines.append("Not part of a submission, and ignored: " + ", ".join(submission.ignored))
    flags = {flag for v in verdicts.values() for test in v.tests for flag in test.flags}
    found = {
        "output": "\n".join(line for line in lines if line),
        "tests": [entry for v in verdicts.values() for entry in _tests(v)],
        "extra_data": {
            **asdict(submission),
            "verdict": verdict,
            "key": key,
            "trusted": trusted,
            "flags": sorted(flags),
            "words": words,
        },
    }
    if verdict in (GRADED, INVALID):  # the grader's own fault is nobody's zero
        every = list(verdicts.values())
        found["score"] = round(total(every)[0] + total_hidden(every)[0], 2)
    return found


def write_results(file: Path, found: Mapping[str, Any]) -> None:
    """Keep one student's results, whole or not at all."""
    write_whole(file, json.dumps(found, indent=1) + "\n")


def write_not_graded(file: Path, submission: Submission, trusted: bool) -> None:
    """What stands in the results' place until there are any: no score, so nobody's zero."""
    write_results(file, make_results(submission, {}, NOT_GRADED, "", trusted, "Not graded yet."))


def _tests(verdict: ExerciseVerdict) -> list[dict[str, Any]]:
    # the shares are exact here; only their sum is rounded
    worth = float(verdict.exercise.points) / max(len(verdict.tests), 1)
    public = [(test, worth, False) for test in verdict.tests]
    hidden = [(test, points, True) for test, points in verdict.hidden]
    return [
        {
            "name": f"{verdict.exercise.id}: {test.name}",
            "score": points if test.passed else 0.0,
            "max_score": points,
            "status": "passed" if test.passed else "failed",
            # of a hidden test a student sees name and verdict
            "output": "" if is_hidden else test.message,
            "extra_data": {
                "mistake": None if is_hidden else test.mistake,
                "failure_kind": test.failure_kind,
                "hidden": is_hidden,
                "not_written": test.not_written,
            },
        }
        for test, points, is_hidden in [*public, *hidden]
    ]


def gradebook(found: Iterable[dict[str, Any]]) -> str:
    """`grades.csv`: a line for each submission."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        data = one["extra_data"]
        points = one.get("score", "")
        row = (data["name"], data["original"], points, data["verdict"], data["trusted"])
        writer.writerow([sanitize.cell(value) for value in row])
    return table.getvalue()


def key_of(source: Path, asked: str) -> str:
    """What the results of a submission depend on: its bytes, the course's, the packages', the task."""
    course = fingerprint(syllabus.exercises().values())
    total_hash = hashlib.sha256(f"{course} {asked}".encode())
    files = files_below(source) if source.is_dir() else [source]
    for file in (file for file in files if not file.is_dir()):
        total_hash.update(f"{file.relative_to(source.parent)}\0".encode(errors="replace"))
        total_hash.update(_content(file))
    return total_hash.hexdigest()[:32]


def _content(file: Path) -> bytes:
    """What tells one state of a file from another."""
    try:
        state = file.lstat()
        if not stat.S_ISREG(state.st_mode):
            return b"no plain file"
        if state.st_size > LARGE:  # a dataset, say, which nobody reads
            return f"{state.st_size} bytes of {state.st_mtime_ns}".encode()
        return file.read_bytes()
    except OSError:  # whatever is wrong with it, intake says so
        return b"unreadable"
