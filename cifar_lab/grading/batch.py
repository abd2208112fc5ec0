"""Grade a class of submissions side by side, each in a sandbox of its own.

There is one task per submission. A task starts a process that judges the submission and writes the
results in one piece. An interruption, a killed worker or a second run therefore costs at most the
submissions that were being graded.
"""

import contextlib
import hashlib
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import filelock
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.verdict import Outcome
from cifar_lab.grading import intake, neutral
from cifar_lab.grading.key import key_of
from cifar_lab.grading.results import SCORED, Results, ResultsError, not_graded
from cifar_lab.grading.workers import executor
from cifar_lab.testing.options import GradingOptions

TIMEOUT = 3600  # seconds for one submission: every single call is limited already
# files of a submission in OUT: their endings, by folder
REPORTS = {"results": ".json", "feedback": ".html", "junit": ".xml"}
RETRIES = 2  # of a task whose process broke, after all others
STDERR_LIMIT = 2_000  # characters of a grader that broke
_running: set[subprocess.Popen] = set()  # the processes that grade, on this machine
log = logging.getLogger(__name__)


class Busy(CourseError):
    """Another command grades into the same folder."""


class NoSubmission(CourseError):
    """Name that no submission of the class has."""


class GraderBroke(Exception):
    """The process that graded a submission ended without results."""


def grade_class(
    folder: Path,
    out: Path,
    options: GradingOptions,
    workers: int,
    scheduler: str | None = None,
    only: Collection[str] = (),
) -> Iterator[Results]:
    """Grade every submission in `folder` whose results are not there yet.

    After Ctrl-C, `results_in(folder, out)` returns what is there.

    Args:
        folder: Folders and archives, one per student.
        out: Gets `results/NAME.json` for each submission, and `grading.log`.
        options: The settings of the grading, without a secret: each submission gets its own.
        workers: Number of submissions at a time on this machine.
        scheduler: Address of a Dask scheduler to use instead; its workers see the same paths.
        only: Names of the submissions to grade; none means all. The others keep their results.

    Returns:
        The results of every submission that has any.

    Raises:
        Busy: Another command grades into `out`.
        NoSubmission: `only` has a name that no submission has.
    """
    found = intake.submissions(folder, out)
    wanted = _named(only, found)
    if not out.exists():
        out.mkdir(mode=0o700, parents=True)  # results are for staff
    (out / "results").mkdir(exist_ok=True)
    with _alone(out), _log(out / "grading.log"):
        files = _files(found, out)
        keys = {name: key_of(found[name], options) for name in wanted}
        todo = [name for name in wanted if not _is_done(files[name], keys[name])]
        for name in todo:
            not_graded(intake.Submission(name, found[name].name), options).write(files[name])
        tasks = [
            {
                "source": str(found[name].resolve()),
                "name": name,
                "file": str(files[name]),
                "key": keys[name],
                "options": replace(options, secret=_secret_of(out, keys[name])).to_json(),
                "kept": str((out / "verdicts").resolve()),
            }
            for name in todo
        ]
        log.info("%d submissions, %d of them to grade", len(found), len(todo))
        if tasks:
            _run(tasks, workers, scheduler)
    return results_in(folder, out)


def put_aside(folder: Path, out: Path) -> list[str]:
    """Move what `out` has of submissions that are gone from `folder` to `out`/removed.

    Returns:
        The names of these submissions.

    Raises:
        Busy: Another command grades into `out`.
    """
    found, gone = intake.submissions(folder, out), set()
    if not out.exists():
        return []
    with _alone(out):
        for kind, ending in REPORTS.items():
            for file in out.glob(f"{kind}/*{ending}"):
                if file.stem not in found:
                    (out / "removed" / kind).mkdir(parents=True, exist_ok=True)
                    file.replace(out / "removed" / kind / file.name)
                    gone.add(file.stem)
    return sorted(gone)


def results_in(folder: Path, out: Path) -> Iterator[Results]:
    """Read the results of all submissions in `folder` that have any in `out`, one at a time."""
    for file in _files(intake.submissions(folder, out), out).values():
        if file.exists():
            yield Results.read(file)


def _named(only: Collection[str], found: dict[str, Path]) -> list[str]:
    """Return the safe names of the submissions that `only` names; of all if it is empty."""
    known = {source.name: name for name, source in found.items()} | {name: name for name in found}
    for name in only:
        if name not in known:
            raise NoSubmission(f"there is no submission {name!r}; class.html has their names")
    wanted = {known[name] for name in only} or set(found)
    return [name for name in found if name in wanted]


def _files(found: dict[str, Path], out: Path) -> dict[str, Path]:
    return {name: (out / "results" / f"{name}.json").resolve() for name in found}


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep other commands from grading into `out`; the system ends this with the process.

    Raises:
        Busy: One is grading already.
    """
    try:
        with filelock.FileLock(out / ".lock", blocking=False):
            yield
    except filelock.Timeout as busy:
        raise Busy(
            f"another command is grading into {out}; wait for it, or name another --out"
        ) from busy


@contextlib.contextmanager
def _log(file: Path) -> Iterator[None]:
    """Append what the course's modules log to `file`."""
    course = logging.getLogger("cifar_lab")
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before, level = course.propagate, course.level
    course.addHandler(handler)
    course.setLevel(logging.INFO)
    course.propagate = False
    try:
        yield
    finally:
        course.removeHandler(handler)
        handler.close()
        course.propagate = before
        course.setLevel(level)


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
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeLeft())
    with executor(min(workers, len(tasks)), scheduler) as pool, bar:
        line = bar.add_task("submissions", total=len(tasks))
        for tries_left in reversed(range(1 + RETRIES)):
            broken = []
            with contextlib.closing(_finished(pool, tasks)) as finished:
                for task, outcome, error in finished:
                    if error and tries_left:
                        log.warning("%s: will be tried again: %s", task["name"], error)
                        broken.append(task)
                        continue
                    outcome = outcome or _note_grading_error(task, str(error))
                    log.info("%s: %s", task["name"], outcome)
                    if outcome != Outcome.GRADED:
                        bar.console.print(f"{task['name']}: {outcome}", highlight=False)
                    bar.advance(line)
            tasks = broken


def _finished(pool: Executor, tasks: list[dict]) -> Iterator[tuple]:
    """Run the tasks; yield each with its outcome or its error when it ends.

    If this is left early, the tasks that have not begun are dropped and the others interrupted.
    """
    futures = {pool.submit(_grade_in_process, task): task for task in tasks}
    try:
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], None if error else future.result(), error
    finally:
        for future in futures:
            future.cancel()
        for process in [*_running]:
            # like Ctrl-C, so that the copy of the submission is removed, too
            process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)


class TimeLeft(ProgressColumn):
    """The time left, from the first finished submission on."""

    def render(self, task: Task) -> Text:
        """Return hours, minutes and seconds, or nothing before the first is finished."""
        if not task.completed or task.elapsed is None:
            return Text("")
        left = task.elapsed * (task.total - task.completed) / task.completed
        return Text(f"{timedelta(seconds=round(left))} left", style="progress.remaining")


def _grade_in_process(task: dict[str, Any]) -> Outcome:
    """Grade one submission in a process of its own.

    Raises:
        GraderBroke: The process ended without results.
    """
    command = [sys.executable, "-m", "cifar_lab.grading.grade_one"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    settings = {"text": True, "env": neutral.environment_without(neutral.FOREIGN)}
    if os.name == "posix":  # Ctrl-C reaches it once, from here
        settings["process_group"] = 0
    with subprocess.Popen(command, **pipes, **settings) as process:
        _running.add(process)
        try:
            # not as an argument: every user of the machine can read those
            _, stderr = process.communicate(json.dumps(task), timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            _running.discard(process)
    file = Path(task["file"])
    if process.returncode and not _is_done(file, task["key"]):
        stderr = stderr.strip()[-STDERR_LIMIT:]
        raise GraderBroke(stderr or f"the grader ended with status {process.returncode}")
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
