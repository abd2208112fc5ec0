"""The grader's own accidents: killed workers, a full disk, no bubblewrap. No result is lost."""

import contextlib
import csv
import json
import os
import random
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading import batch, grade_one
from cifar_lab.grading.results import GRADED, GRADING_ERROR
from cifar_lab.sandbox import sandbox

# a course cut to two exercises, so that a class takes minutes
TWO = ("normalization.one_hot", "normalization.standardize")
WRONG = "\n\ndef one_hot(labels, num_classes):\n    return None\n"


@pytest.fixture
def class_of(tmp_path, reference):
    """A folder of so many submissions; every third has one exercise wrong."""
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
    """Where copies of submissions lie while they are judged."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def words_for(folder: Path, out: Path) -> list[str]:
    only = [word for name in TWO for word in ("--exercise", name)]
    words = [sys.executable, "-m", "cifar_lab.cli", "grade", folder, "--out", out]
    return list(map(str, [*words, "--workers", 2, *only]))


def scores(out: Path) -> dict[str, float]:
    """Score by name; a result that is not whole, or not a grade, breaks this."""
    found = {}
    for file in (out / "results").iterdir():
        result = json.loads(file.read_text(encoding="utf-8"))
        assert result["extra_data"]["verdict"] == GRADED, file
        found[file.stem] = result["score"]
    return found


def right_scores(count: int) -> dict[str, float]:
    both = sum(syllabus.exercises()[name].points for name in TWO)
    lost = syllabus.exercises()[TWO[0]].points
    return {f"s{n:03}": both - lost * (n % 3 == 0) for n in range(count)}


def below(grading: subprocess.Popen) -> list[psutil.Process]:
    """Every process that the grader has started, and those that these have started."""
    try:
        return psutil.Process(grading.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_at_random(grading: subprocess.Popen, chance: random.Random, kills: int) -> int:
    """Kill so many processes below the grader once it grades; how many were."""
    done = 0
    while grading.poll() is None and done < kills:
        time.sleep(chance.uniform(1, 4))
        found = below(grading)
        if len(found) < 6:  # the workers are still coming up
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            chance.choice(found).kill()
            done += 1
    return done


@pytest.mark.sandboxed
@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.proof)])
def test_killed_workers_lose_and_double_nothing(class_of, tmp_path, count):
    words = words_for(class_of(count), tmp_path / "out")
    grading = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert kill_at_random(grading, random.Random(7), kills=max(3, count // 8)) >= 3
    said, _ = grading.communicate()
    # whatever was lost for good this time is listed, and made good by the next run
    again = subprocess.run(words, capture_output=True, text=True)
    assert again.returncode == 0, said + again.stderr
    assert scores(tmp_path / "out") == right_scores(count)
    rows = list(csv.DictReader((tmp_path / "out" / "grades.csv").open(encoding="utf-8")))
    assert sorted(row["name"] for row in rows) == sorted(right_scores(count))
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "out" / "results").iterdir()}
    assert subprocess.run(words, capture_output=True).returncode == 0
    assert before == {f: f.stat().st_mtime_ns for f in before}


@pytest.mark.sandboxed
def test_an_orphan_ends_and_leaves_nothing_behind(task, scratch):
    """Its worker is killed while it grades: it ends by itself, and its copy goes with it."""
    worker = (
        "import json, sys\n"
        "from cifar_lab.grading import batch\n"
        "batch._supervised(json.load(sys.stdin))"
    )
    words = [sys.executable, "-c", worker]
    supervising = subprocess.Popen(words, stdin=subprocess.PIPE, text=True)
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
def test_a_killed_run_is_gone_on_with(class_of, tmp_path):
    words = words_for(class_of(4), tmp_path / "out")
    grading = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = tmp_path / "out" / "results"
    while grading.poll() is None:
        graded = [f for f in results.glob("*.json") if "normalization" in f.read_text()]
        if graded:
            started = below(grading)
            grading.kill()
            for process in started:  # Dask's workers notice it themselves, a little later
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        time.sleep(0.1)
    kept = {file: file.stat().st_mtime_ns for file in graded}
    assert subprocess.run(words, capture_output=True).returncode == 0
    assert scores(tmp_path / "out") == right_scores(4)
    assert kept == {file: file.stat().st_mtime_ns for file in kept}


@pytest.fixture
def task(class_of, tmp_path) -> dict:
    """What a worker is told to do for one submission."""
    (tmp_path / "results").mkdir()
    return {
        "source": str(class_of(1) / "s000"),
        "name": "s000",
        "file": str(tmp_path / "results" / "s000.json"),
        "key": "key",
        "sandboxed": True,
        "exercises": list(TWO),
        "hidden": None,
        "secret": "secret",
    }


@pytest.mark.sandboxed
def test_a_submission_that_was_killed_is_judged_once_more(task, monkeypatch):
    judged, real = [], grade_one.judge

    def killed_at_first(folder, exercises, **how):
        verdicts = real(folder, exercises, **how)
        judged.append([exercise.id for exercise in exercises])
        if len(judged) == 1:
            test = verdicts[TWO[1]].tests[0]
            test.passed, test.failure_kind = False, "killed"
        return verdicts

    monkeypatch.setattr(grade_one, "judge", killed_at_first)
    assert grade_one.grade(**task) == GRADED
    assert judged == [[TWO[1], TWO[0]], [TWO[1]]]
    result = json.loads(Path(task["file"]).read_text(encoding="utf-8"))
    assert result["score"] == right_scores(1)["s000"]


def test_without_bubblewrap_it_is_the_graders_fault(task, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert grade_one.grade(**task) == GRADING_ERROR
    result = json.loads(Path(task["file"]).read_text(encoding="utf-8"))
    assert "score" not in result and "bubblewrap" in result["extra_data"]["words"]


@pytest.mark.sandboxed
def test_too_little_memory_for_a_child_is_the_graders_fault(task, monkeypatch):
    monkeypatch.setattr(sandbox, "Limits", partial(sandbox.Limits, memory=1))
    assert grade_one.grade(**task) == GRADING_ERROR
    result = json.loads(Path(task["file"]).read_text(encoding="utf-8"))
    assert "score" not in result
    assert result["extra_data"]["words"].count("GradingError") == 1  # no other test was tried


def test_a_full_disk_is_the_graders_fault(task):
    part = Path(task["file"] + ".part")
    part.symlink_to("/dev/full")
    assert batch._supervised(task) == GRADING_ERROR
    assert not Path(task["file"]).exists()


def test_a_grader_that_breaks_says_how(task):
    assert batch._supervised(task | {"no such": "setting"}) == GRADING_ERROR
    result = json.loads(Path(task["file"]).read_text(encoding="utf-8"))
    assert "score" not in result and "TypeError" in result["extra_data"]["words"]
    assert "TypeError" not in result["output"]  # students see no more than that it failed


def test_results_that_are_written_stay_whatever_comes_after(task):
    """A submission without a sandbox may end the grader badly once it has its results."""
    task |= {"sandboxed": False, "exercises": list(TWO)}
    module = Path(task["source"]) / "cifar_course" / "normalization.py"
    with module.open("a", encoding="utf-8") as file:
        file.write("\nimport atexit, os\natexit.register(lambda: os._exit(3))\n")
    batch._supervised(task)
    result = json.loads(Path(task["file"]).read_text(encoding="utf-8"))
    assert result["extra_data"]["verdict"] == GRADED
    assert result["score"] == right_scores(1)["s000"]


def test_a_disk_that_is_full_from_the_start_is_said(class_of, tmp_path):
    folder, out = class_of(2), tmp_path / "out"
    (out / "results").mkdir(parents=True)
    (out / "results" / "s000.json.part").symlink_to("/dev/full")
    done = subprocess.run(words_for(folder, out), capture_output=True, text=True, env=os.environ)
    assert done.returncode == 2 and "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_that_do_not_come_up_are_said(class_of, tmp_path, monkeypatch):
    def no_workers(**settings):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", no_workers)
    with pytest.raises(batch.NoCluster, match="Nanny failed to start"):
        batch.grade_class(class_of(1), tmp_path / "out", workers=1)
