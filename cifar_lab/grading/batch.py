"""Grade a class of submissions side by side on Dask, each in a sandbox of its own.

There is one task per submission. A task starts a process that judges the submission and writes the
results in one piece. An interruption, a killed worker or a second run therefore costs at most the
submissions that were being graded.
"""

import contextlib
import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.verdict import Outcome
from cifar_lab.grading import intake, neutral
from cifar_lab.grading.key import key_of
from cifar_lab.grading.results import SCORED, Results, ResultsError, not_graded
from cifar_lab.testing.options import GradingOptions

TIMEOUT = 3600  # seconds for one submission: every single call is limited already
RETRIES = 2  # of a task whose process broke: Dask starts it again
STDERR_LIMIT = 2_000  # characters of a grader that broke
QUIET_DASK = {  # by default Dask wakes fifty times a second, which takes a sixth of a core
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
}


class NoCluster(CourseError):
    """Dask is not installed, or its workers did not start."""


class GraderBroke(Exception):
    """The process that graded a submission ended without results."""


def grade_class(
    folder: Path,
    out: Path,
    options: GradingOptions,
    workers: int,
    scheduler: str | None = None,
) -> list[Results]:
    """Grade every submission in `folder` whose results are not there yet.

    Args:
        folder: Folders and zip files, one per student.
        out: Gets `results/NAME.json` for each submission.
        options: The settings of the grading, without a secret: each submission gets its own.
        workers: Number of submissions at a time on this machine.
        scheduler: Address of a Dask scheduler to use instead; its workers see the same paths.

    Returns:
        The results of every submission.
    """
    found = intake.submissions(folder, out)
    (out / "results").mkdir(parents=True, exist_ok=True)
    files = {name: (out / "results" / f"{name}.json").resolve() for name in found}
    keys = {name: key_of(source, options) for name, source in found.items()}
    todo = [name for name in found if not _is_done(files[name], keys[name])]
    for name in todo:
        not_graded(intake.Submission(name, found[name].name), options).write(files[name])
    tasks = [
        {
            "source": str(found[name].resolve()),
            "name": name,
            "file": str(files[name]),
            "key": keys[name],
            "options": replace(options, secret=_secret_of(out, keys[name])).to_json(),
        }
        for name in todo
    ]
    if tasks:
        _run(tasks, workers, scheduler)
    return [Results.read(file) for file in files.values()]


def _secret_of(out: Path, key: str) -> str:
    """Return a submission's secret: the same in every run, another after every change."""
    file = out / ".secret"
    if not file.exists():
        write_whole(file, secrets.token_hex() + "\n")
        file.chmod(0o600)
    return hashlib.sha256(f"{file.read_text()} {key}".encode()).hexdigest()


def _is_done(file: Path, key: str) -> bool:
    try:
        results = Results.read(file)
    except (OSError, ResultsError):
        return False
    return results.outcome in SCORED and results.key == key


def _run(tasks: list[dict[str, Any]], workers: int, scheduler: str | None) -> None:
    """Run the tasks with a progress bar; print what did not end with a grade."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )
    by_key = {f"{task['name']}-{task['key']}": task for task in tasks}
    with _client(min(workers, len(tasks)), scheduler) as client, bar:
        from distributed import as_completed

        line = bar.add_task("submissions", total=len(tasks))
        futures = [
            client.submit(_grade_in_process, task, key=key, retries=RETRIES)
            for key, task in by_key.items()
        ]
        for future, outcome in as_completed(futures, with_results=True, raise_errors=False):
            task = by_key[future.key]
            if future.status != "finished":
                error = future.exception() if future.status == "error" else future.status
                outcome = _note_grading_error(task, str(error))
            if outcome != Outcome.GRADED:
                bar.console.print(f"{task['name']}: {outcome}", highlight=False)
            bar.advance(line)


@contextlib.contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Connect to a Dask scheduler, or start workers on this machine."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(neutral.hidden(("DASK_",)))  # Dask reads its settings when imported
        try:
            import dask
            from distributed import Client, LocalCluster
        except ModuleNotFoundError as missing:
            raise NoCluster(
                'grading a class needs Dask: python -m pip install -c constraints.txt -e ".[class]"'
            ) from missing
        stack.enter_context(dask.config.set(QUIET_DASK))
        if scheduler is None:
            settings = {"threads_per_worker": 1, "dashboard_address": None, "memory_limit": 0}
            try:
                cluster = stack.enter_context(LocalCluster(n_workers=workers, **settings))
            except RuntimeError as error:
                raise NoCluster(
                    f"no workers started on this machine ({error}): run the same command again"
                ) from error
        yield stack.enter_context(Client(scheduler or cluster))


def _grade_in_process(task: dict[str, Any]) -> Outcome:
    """Grade one submission in a process of its own, on a worker.

    Raises:
        GraderBroke: The process ended without results.
    """
    with neutral.hidden(neutral.FOREIGN):
        done = subprocess.run(
            [sys.executable, "-m", "cifar_lab.grading.grade_one"],
            capture_output=True,
            text=True,
            input=json.dumps(task),  # every user of the machine can read arguments
            timeout=TIMEOUT,
        )
    file = Path(task["file"])
    if done.returncode and not _is_done(file, task["key"]):
        stderr = done.stderr.strip()[-STDERR_LIMIT:]
        raise GraderBroke(stderr or f"the grader ended with status {done.returncode}")
    return Results.read(file).outcome


def _note_grading_error(task: dict[str, Any], message: str) -> Outcome:
    """Write that the grader broke, unless there are results; return the outcome."""
    file = Path(task["file"])
    if _is_done(file, task["key"]):  # its worker was killed, and the process still finished
        return Results.read(file).outcome
    submission = intake.Submission(task["name"], Path(task["source"]).name)
    options = GradingOptions.from_json(task["options"])
    error = Outcome.GRADING_ERROR
    results = Results.of(submission, error, task["key"], options, message=message)
    with contextlib.suppress(OSError):  # the disk may be full
        results.write(file)
    return error
