"""Accidents of the grader: killed workers, a full disk, no bubblewrap. No result is lost."""

import contextlib
import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import distributed
import filelock
import psutil
import pytest
from rich.progress import Progress

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import FailureKind, Outcome
from cifar_lab.grading import batch, grade_one
from cifar_lab.grading.run import CannotJudge
from cifar_lab.sandbox import sandbox
from cifar_lab.testing.options import GradingOptions

# a course cut to two exercises, so that a class takes minutes
TWO = ("normalization.one_hot", "normalization.standardize")
WRONG = "\n\ndef one_hot(labels, num_classes):\n    return None\n"


@pytest.fixture
def class_of(tmp_path, reference):
    """Make a folder of so many submissions; every third has one exercise wrong."""
    right = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")

    def make(count: int) -> Path:
        for number in range(count):
            package = tmp_path / "class" / f"s{number:03}" / "cifar_course"
            package.mkdir(parents=True)
            text = right + (WRONG if number % 3 == 0 else "") + f"\n# {number}\n"
            (package / "normalization.py").write_text(text, encoding="utf-8")
        return tmp_path / "class"

    return make


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch) -> Path:
    """Return the folder for copies of submissions while they are judged."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def command_for(folder: Path, out: Path) -> list[str]:
    """Return the command line that grades the two exercises."""
    only = [argument for name in TWO for argument in ("--exercise", name)]
    command = [sys.executable, "-m", "cifar_lab.cli", "grade", folder, "--out", out]
    return list(map(str, [*command, "--workers", 2, *only]))


def scores(out: Path) -> dict[str, float]:
    """Return scores by name; fail at results that are cut off or no grade."""
    found = {}
    for file in (out / "results").iterdir():
        result = json.loads(file.read_text(encoding="utf-8"))
        assert result["extra_data"]["outcome"] == Outcome.GRADED, file
        found[file.stem] = result["score"]
    return found


def right_scores(count: int) -> dict[str, float]:
    """Return the scores that a class of this size must get."""
    both = sum(syllabus.exercises()[name].points for name in TWO)
    lost = syllabus.exercises()[TWO[0]].points
    return {f"s{n:03}": both - lost * (n % 3 == 0) for n in range(count)}


def below(grading: subprocess.Popen) -> list[psutil.Process]:
    """Return every process that the grader has started, directly or not."""
    try:
        return psutil.Process(grading.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def submission_of(process: psutil.Process) -> int | None:
    """Return the process that grades the submission for which `process` works, if there is one."""
    for candidate in [process, *process.parents()]:
        if any(argument.endswith("grade_one") for argument in candidate.cmdline()):
            return candidate.pid
    return None


def kill_at_random(grading: subprocess.Popen, chance: random.Random, kills: int) -> int:
    """Kill so many processes below the grader once it grades; return the number of kills.

    No submission is hit twice: it is judged twice at most, since its own code may end it each time.
    """
    hit: list[int | None] = []
    while grading.poll() is None and len(hit) < kills:
        time.sleep(chance.uniform(0.1, 0.5))
        found = below(grading)
        if len(found) < 6:  # the workers are still starting
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            process = chance.choice(found)
            grader = submission_of(process)
            if grader is None or grader not in hit:
                process.kill()
                hit.append(grader)
    return len(hit)


@pytest.mark.sandboxed
@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.proof)])
def test_killed_workers_lose_and_double_nothing(class_of, tmp_path, count):
    command = command_for(class_of(count), tmp_path / "out")
    grading = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert kill_at_random(grading, random.Random(7), kills=max(3, count // 8)) >= 3
    said, _ = grading.communicate()
    # submissions that were lost this time are listed, and graded by the next run
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0, said + again.stderr
    assert scores(tmp_path / "out") == right_scores(count)
    rows = list(csv.DictReader((tmp_path / "out" / "grades.csv").open(encoding="utf-8")))
    assert sorted(row["name"] for row in rows) == sorted(right_scores(count))
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "out" / "results").iterdir()}
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert before == {f: f.stat().st_mtime_ns for f in before}


@pytest.mark.sandboxed
def test_an_orphan_ends_and_leaves_nothing_behind(task, scratch):
    """Kill a worker while its process grades: the process ends and removes its copy."""
    worker = (
        "import json, sys\n"
        "from cifar_lab.grading import batch\n"
        "batch._grade_in_process(json.load(sys.stdin))"
    )
    command = [sys.executable, "-c", worker]
    supervising = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    supervising.stdin.write(json.dumps(task))
    supervising.stdin.close()
    while not any(scratch.iterdir()):
        time.sleep(0.01)
    orphans = below(supervising)
    supervising.kill()
    supervising.wait()
    _, alive = psutil.wait_procs(orphans, timeout=60)
    assert orphans and not alive
    assert not any(scratch.iterdir()) and not Path(task["file"]).exists()


@pytest.mark.sandboxed
def test_a_killed_run_is_resumed(class_of, tmp_path):
    command = command_for(class_of(4), tmp_path / "out")
    grading = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = tmp_path / "out" / "results"
    while grading.poll() is None:
        graded = [f for f in results.glob("*.json") if "normalization" in f.read_text()]
        if graded:
            started = below(grading)
            grading.kill()
            for process in started:  # Dask's workers would notice it a little later
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        time.sleep(0.1)
    kept = {file: file.stat().st_mtime_ns for file in graded}
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert scores(tmp_path / "out") == right_scores(4)
    assert kept == {file: file.stat().st_mtime_ns for file in kept}


@pytest.fixture
def task(class_of, tmp_path) -> dict:
    """Return the task of a worker for one submission."""
    (tmp_path / "results").mkdir()
    options = GradingOptions(exercise=TWO, sandbox=True, secret="secret")
    return {
        "source": str(class_of(1) / "s000"),
        "name": "s000",
        "file": str(tmp_path / "results" / "s000.json"),
        "key": "key",
        "options": options.to_json(),
    }


def grade_here(task: dict) -> tuple[Outcome, dict]:
    """Grade a task in this process; return the outcome and the results."""
    options = GradingOptions.from_json(task["options"])
    outcome = grade_one.grade(**task | {"options": options})
    return outcome, json.loads(Path(task["file"]).read_text(encoding="utf-8"))


@pytest.mark.sandboxed
def test_a_submission_that_was_killed_is_judged_once_more(task, monkeypatch):
    judged, real = [], grade_one.judge

    def killed_at_first(folder, exercises, *arguments, **settings):
        verdicts = real(folder, exercises, *arguments, **settings)
        judged.append([exercise.id for exercise in exercises])
        if len(judged) == 1:
            test = verdicts[TWO[1]].tests[0]
            test.passed, test.failure_kind = False, FailureKind.KILLED
        return verdicts

    monkeypatch.setattr(grade_one, "judge", killed_at_first)
    outcome, results = grade_here(task)
    assert outcome == Outcome.GRADED
    assert judged == [[TWO[1], TWO[0]], [TWO[1]]]
    assert results["score"] == right_scores(1)["s000"]


@pytest.mark.parametrize(("failures", "outcome"), [(1, "graded"), (2, "grading error")])
def test_a_grading_error_is_tried_once_more(task, monkeypatch, failures, outcome):
    task["options"] |= {"sandbox": False}
    tries, real = [], grade_one.judge

    def broken_at_first(folder, exercises, *arguments, **settings):
        if exercises:
            tries.append(len(tries) + 1)
            if len(tries) <= failures:
                raise CannotJudge(f"failure {len(tries)}")
        return real(folder, exercises, *arguments, **settings)

    monkeypatch.setattr(grade_one, "judge", broken_at_first)
    found, results = grade_here(task)
    assert found == results["extra_data"]["outcome"] == outcome
    assert tries == [1, 2]
    if outcome == "grading error":
        assert results["extra_data"]["message"] == "failure 2" and "score" not in results
    else:
        assert results["score"] == right_scores(1)["s000"]


def test_without_bubblewrap_it_is_a_grading_error(task, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    outcome, results = grade_here(task)
    assert outcome == Outcome.GRADING_ERROR
    assert "score" not in results and "bubblewrap" in results["extra_data"]["message"]


@pytest.mark.sandboxed
def test_too_little_memory_for_a_child_is_a_grading_error(task, monkeypatch):
    monkeypatch.setattr(sandbox, "Limits", partial(sandbox.Limits, memory=1))
    outcome, results = grade_here(task)
    assert outcome == Outcome.GRADING_ERROR and "score" not in results
    assert results["extra_data"]["message"].count("GradingError") == 1  # no other test was tried


FULL_DISK = """
import errno, pathlib

def open(self, mode="r", *rest, original=pathlib.Path.open, **settings):
    if mode == "xb" and "results" in self.parts:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))
    return original(self, mode, *rest, **settings)

pathlib.Path.open = open
"""


@pytest.fixture
def full_disk(tmp_path, monkeypatch):
    """Let the folder of results have no space left, in this process and in those it starts."""
    place = tmp_path / "full disk"
    place.mkdir()
    (place / "sitecustomize.py").write_text(FULL_DISK, encoding="utf-8")
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(place), known])))
    monkeypatch.setattr(Path, "open", Path.open)  # put back afterwards
    exec(FULL_DISK, {})


def test_a_full_disk_is_a_grading_error(task, full_disk):
    with pytest.raises(batch.GraderBroke, match="No space left"):
        batch._grade_in_process(task)
    assert batch._note_grading_error(task, "No space left") == Outcome.GRADING_ERROR
    assert not Path(task["file"]).exists()


def test_a_grader_that_breaks_says_how(task):
    with pytest.raises(batch.GraderBroke, match="TypeError") as broken:
        batch._grade_in_process(task | {"no such": "setting"})
    assert batch._note_grading_error(task, str(broken.value)) == Outcome.GRADING_ERROR
    result = json.loads(Path(task["file"]).read_text(encoding="utf-8"))
    assert "score" not in result and "TypeError" in result["extra_data"]["message"]
    assert "TypeError" not in result["output"]  # students see no more than that it failed


@pytest.mark.parametrize(("failures", "outcome"), [(1, "graded"), (9, "grading error")])
def test_a_grader_that_breaks_is_started_again(class_of, tmp_path, monkeypatch, failures, outcome):
    """Grade a class on Dask; the process that grades breaks at first."""
    tries = tmp_path / "tries"
    site = tmp_path / "site" / "sitecustomize.py"  # every Python runs it when it starts
    site.parent.mkdir()
    site.write_text(
        "import os, sys\n"
        "if 'cifar_lab.grading.grade_one' in sys.orig_argv:\n"
        f"    with open({str(tries)!r}, 'a+') as file:\n"
        "        file.write('x')\n"
        "        file.seek(0)\n"
        f"        if len(file.read()) <= {failures}:\n"
        "            print('out of order', file=sys.stderr, flush=True)\n"
        "            file.close()\n"
        "            os._exit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site.parent), str(syllabus.ROOT)]))
    options = GradingOptions(exercise=TWO)
    (results,) = batch.grade_class(class_of(1), tmp_path / "out", options, workers=1)
    assert results.outcome == outcome
    assert tries.read_text() == "x" * min(failures + 1, 1 + batch.RETRIES)
    if outcome == "grading error":
        assert results.message == "out of order" and results.points is None
    else:
        assert results.points == right_scores(1)["s000"]


def test_results_that_are_written_stay_whatever_comes_after(task):
    """A submission without a sandbox may break the grader after the results are written."""
    task["options"] |= {"sandbox": False}
    module = Path(task["source"]) / "cifar_course" / "normalization.py"
    with module.open("a", encoding="utf-8") as file:
        file.write("\nimport atexit, os\natexit.register(lambda: os._exit(3))\n")
    assert batch._grade_in_process(task) == Outcome.GRADED
    assert batch._note_grading_error(task, "its worker was killed") == Outcome.GRADED
    result = json.loads(Path(task["file"]).read_text(encoding="utf-8"))
    assert result["extra_data"]["outcome"] == Outcome.GRADED
    assert result["score"] == right_scores(1)["s000"]


def test_a_disk_that_is_full_from_the_start_is_said(class_of, tmp_path, full_disk):
    folder, out = class_of(2), tmp_path / "out"
    done = subprocess.run(command_for(folder, out), capture_output=True, text=True, env=os.environ)
    assert done.returncode == 2 and "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def graded_in(out: Path) -> list[Path]:
    """Return the results that hold a grade."""
    return [f for f in (out / "results").glob("*.json") if '"graded"' in f.read_text("utf-8")]


@pytest.mark.sandboxed
def test_an_interrupted_class_leaves_its_tables(class_of, tmp_path, scratch):
    out = tmp_path / "out"
    grading = subprocess.Popen(
        command_for(class_of(8), out),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not graded_in(out):
        time.sleep(0.05)
    started = below(grading)
    grading.send_signal(signal.SIGINT)
    _, said = grading.communicate()
    count = len(graded_in(out))
    assert grading.returncode == 130 and 1 <= count < 8
    assert said.splitlines()[-2:] == [
        f"Interrupted: {out / 'grades.csv'} holds {count} of 8 submissions.",
        "Run the same command again to grade the remaining submissions.",
    ]
    _, alive = psutil.wait_procs(started, timeout=60)
    assert started and not alive
    assert not any(scratch.iterdir())
    rows = list(csv.DictReader((out / "grades.csv").open(encoding="utf-8")))
    assert [row["outcome"] for row in rows].count("graded") == count and len(rows) == 8
    assert (out / "class.html").exists()
    assert subprocess.run(command_for(tmp_path / "class", out), capture_output=True).returncode == 0
    assert scores(out) == right_scores(8)
    log = (out / "grading.log").read_text("utf-8")
    assert f"8 submissions, {8 - count} of them to grade" in log
    assert log.count(": graded\n") >= 8 - count


@pytest.mark.sandboxed
def test_nothing_listens_while_a_class_is_graded(class_of, tmp_path):
    """Start no Dask scheduler on this machine: those who connect to one can run code."""
    out = tmp_path / "out"
    grading = subprocess.Popen(command_for(class_of(3), out), stdout=subprocess.DEVNULL)
    listening, seen = set(), 0
    while grading.poll() is None:
        for process in [psutil.Process(grading.pid), *below(grading)]:
            with contextlib.suppress(psutil.Error):
                listening |= {c.laddr for c in process.net_connections() if c.status == "LISTEN"}
                seen += 1
        time.sleep(0.1)
    assert grading.returncode == 0 and seen > 10
    assert not listening


def test_a_second_grading_into_the_same_folder_is_refused(class_of, tmp_path):
    folder, out = class_of(1), tmp_path / "out"
    out.mkdir()
    with (
        filelock.FileLock(out / ".lock"),
        pytest.raises(batch.Busy, match="another command is grading into"),
    ):
        batch.grade_class(folder, out, GradingOptions(), workers=1)
    assert not any((out / "results").iterdir())


def test_a_dask_scheduler_grades_a_class(class_of, tmp_path):
    quiet = {"threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0}
    options = GradingOptions(exercise=TWO, sandbox=False)
    with distributed.LocalCluster(n_workers=1, **quiet) as cluster:
        address = cluster.scheduler_address
        (results,) = batch.grade_class(class_of(1), tmp_path / "out", options, 1, address)
    assert results.points == right_scores(1)["s000"]


@pytest.mark.parametrize(
    ("completed", "shown"), [(0, ""), (1, "0:01:30 left"), (4, "0:00:00 left")]
)
def test_the_time_left_is_shown_from_the_first_submission_on(completed, shown):
    progress = Progress(get_time=lambda: 30.0)
    progress.add_task("submissions", total=4)
    progress.update(0, completed=completed)
    task = progress.tasks[0]
    task.start_time = 0.0
    assert batch.TimeLeft().render(task).plain == shown
