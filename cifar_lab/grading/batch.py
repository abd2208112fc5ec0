"""A class of submissions, each graded in a sandbox of its own, side by side on Dask.

One task a submission. A task starts a process that judges and writes the results in one piece, so
whatever is interrupted, killed or run again costs at most the submissions that were under way.
"""

import contextlib
import hashlib
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.grading import intake
from cifar_lab.grading.results import (
    GRADED,
    GRADING_ERROR,
    INVALID,
    gradebook,
    key_of,
    make_results,
    write_not_graded,
    write_results,
)

ALL_TESTS = 3600  # seconds for one submission: every single call is limited already
TRIES = 2  # a grading error may be an accident of the machine
LAST_WORDS = 2_000  # characters of a grader that failed
CALM = {  # Dask looks after itself fifty times a second otherwise, a sixth of a core on its own
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
}


class NoCluster(CourseError):
    """Dask is not installed, or its workers did not come up."""


def grade_class(
    folder: Path,
    out: Path,
    workers: int,
    scheduler: str | None = None,
    sandboxed: bool = True,
    exercises: tuple[str, ...] = (),
    hidden: Path | None = None,
) -> list[dict[str, Any]]:
    """Grade every submission in `folder` whose results are not there yet.

    Args:
        folder: Folders and zip files, one for each student.
        out: Gets `results/NAME.json` for each, and `grades.csv`.
        workers: Submissions at a time, on this machine.
        scheduler: Address of a Dask scheduler to use instead; its workers see the same paths.
        sandboxed: Run submissions in a sandbox; without it, results are stamped as untrusted.
        exercises: What to judge, as in `syllabus.find`; none mean all.
        hidden: A folder of an instructor's own tests.

    Returns:
        The results of every submission, as `make_results` makes them.
    """
    found = intake.submissions(folder, out)
    (out / "results").mkdir(parents=True, exist_ok=True)
    files = {name: (out / "results" / f"{name}.json").resolve() for name in found}
    asked = json.dumps([sandboxed, exercises, key_of(hidden, "") if hidden else None])
    keys = {name: key_of(source, asked) for name, source in found.items()}
    todo = [name for name in found if not _is_done(files[name], keys[name])]
    for name in todo:
        write_not_graded(files[name], intake.Submission(name, found[name].name), sandboxed)
    if todo:
        tasks = [
            {
                "source": str(found[name].resolve()),
                "name": name,
                "file": str(files[name]),
                "key": keys[name],
                "sandboxed": sandboxed,
                "exercises": list(exercises),
                "hidden": str(hidden.resolve()) if hidden else None,
                "secret": _secret_of(out, keys[name]),
            }
            for name in todo
        ]
        _run(tasks, workers, scheduler)
    results = [json.loads(file.read_text(encoding="utf-8")) for file in files.values()]
    write_whole(out / "grades.csv", gradebook(results))
    return results


def _secret_of(out: Path, key: str) -> str:
    """A secret for one submission: the same in every run of the class, another for every change."""
    file = out / ".secret"
    if not file.exists():
        write_whole(file, secrets.token_hex() + "\n")
        file.chmod(0o600)
    return hashlib.sha256(f"{file.read_text()} {key}".encode()).hexdigest()


def _is_done(file: Path, key: str) -> bool:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))["extra_data"]
    except (OSError, ValueError, KeyError):
        return False
    judged = data["verdict"] in (GRADED, INVALID)
    return judged and data["key"] == key


def _run(tasks: list[dict[str, Any]], workers: int, scheduler: str | None) -> None:
    """One task a submission; as they end, the bar moves on."""
    try:
        import dask
        from distributed import Client, LocalCluster, as_completed
    except ModuleNotFoundError as missing:
        raise NoCluster(
            'grading a class needs Dask: python -m pip install -c constraints.txt -e ".[class]"'
        ) from missing
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )
    with dask.config.set(CALM), contextlib.ExitStack() as stack:
        if scheduler is None:
            how = {"threads_per_worker": 1, "dashboard_address": None, "memory_limit": 0}
            try:
                cluster = LocalCluster(n_workers=min(workers, len(tasks)), **how)
            except RuntimeError as error:
                raise NoCluster(f"no workers on this machine ({error}): try again") from error
            stack.enter_context(cluster)
        client = stack.enter_context(Client(scheduler or cluster))
        stack.enter_context(bar)
        line = bar.add_task("submissions", total=len(tasks))
        futures = [
            client.submit(_supervised, task, key=f"{task['name']}-{task['key']}", retries=TRIES)
            for task in tasks
        ]
        for future, verdict in as_completed(futures, with_results=True, raise_errors=False):
            words = verdict if future.status == "finished" else f"lost: {future.status}"
            if words != GRADED:
                bar.console.print(f"{future.key.rpartition('-')[0]}: {words}", highlight=False)
            bar.advance(line)


def _supervised(task: dict[str, Any]) -> str:
    """On a worker: grade one submission in a process of its own; its verdict."""
    words = [sys.executable, "-m", "cifar_lab.grading.grade_one"]
    verdict = GRADING_ERROR
    for _ in range(TRIES):
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            input=json.dumps(task),  # not among its words, which any user of the machine can read
            timeout=ALL_TESTS,
        )
        verdict = done.stdout.strip() if done.returncode == 0 else GRADING_ERROR
        if verdict != GRADING_ERROR:
            break
    if done.returncode and not _is_done(Path(task["file"]), task["key"]):
        submission = intake.Submission(task["name"], Path(task["source"]).name)
        words = done.stderr.strip()[-LAST_WORDS:] or f"it ended with status {done.returncode}"
        found = make_results(submission, {}, verdict, task["key"], task["sandboxed"], words)
        with contextlib.suppress(OSError):  # the disk may be what is full
            write_results(Path(task["file"]), found)
    return verdict
