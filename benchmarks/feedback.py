"""Time from a command, or from a save, to its feedback, for learners and instructors.

    python -m benchmarks.feedback [--runs 3] [--grading]

Prints the median of several runs, beside `python -c "import keras"` on the same machine in the same
minutes, because machines differ: compare the ratios. `watch` is measured from the moment a module
is saved to the moment its verdict is printed.
"""

import argparse
import os
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cifar_lab.course import stubs, syllabus

PYTHON = sys.executable
COMMAND = (PYTHON, "-m", "cifar_lab.cli")
NUMPY_EXERCISES = ("normalization.standardize", "cnn.softmax", "regularization.dropout")
WATCHED = ("normalization.standardize", "cnn.softmax", "cnn.compile_cnn")


def seconds(command: tuple[str, ...], runs: int, folder: Path = syllabus.ROOT) -> float:
    """Return the median wall-clock time of a command, after a run that fills the disk cache."""
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        run(command, folder)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def run(command: tuple[str, ...], folder: Path) -> None:
    """Run a command in a folder, with this checkout of the course."""
    environment = {**os.environ, "PYTHONPATH": str(syllabus.ROOT)}
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)


def commands(runs: int) -> Iterator[tuple[str, float]]:
    """Yield names and times of commands."""
    yield "python -c pass", seconds((PYTHON, "-c", "pass"), runs)
    yield "import keras", seconds((PYTHON, "-c", "import keras"), runs)
    with learners_folder() as folder:
        run((*COMMAND, "check"), folder)  # so that there are verdicts to remember
        for exercise in NUMPY_EXERCISES:
            check = (*COMMAND, "check", exercise)
            yield f"check {exercise}", seconds((*check, "--again"), runs, folder)
        yield "the same, unchanged", seconds(check, runs, folder)
        yield "the board, unchanged", seconds(COMMAND, runs, folder)


@contextmanager
def learners_folder() -> Iterator[Path]:
    """Provide a folder with the reference's modules."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(stubs.REFERENCE / "cifar_course", Path(folder, "cifar_course"))
        yield Path(folder)


def saves(runs: int) -> Iterator[tuple[str, float]]:
    """Yield names and times from a save to the verdict in `watch`."""
    for exercise in WATCHED:
        with learners_folder() as folder, watching(folder, exercise) as verdict:
            verdict()
            file = folder / "cifar_course" / f"{exercise.partition('.')[0]}.py"
            times = []
            for number in range(runs + 1):
                with file.open("a", encoding="utf-8") as module:
                    module.write(f"# {number}\n")
                began = time.perf_counter()
                verdict()
                times.append(time.perf_counter() - began)
        yield f"watch {exercise}: from save to verdict", statistics.median(times[1:])


@contextmanager
def watching(folder: Path, exercise: str) -> Iterator[Callable[[], None]]:
    """Start `watch`; provide a function that waits for the next verdict."""
    process = subprocess.Popen(
        (*COMMAND, "watch", exercise),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(syllabus.ROOT)},
    )
    verdicts: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in process.stdout:
            if f"{exercise}: passed" in line:
                verdicts.put(line)

    threading.Thread(target=read, daemon=True).start()
    try:
        yield verdicts.get
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--grading", action="store_true", help="also all grading tests")
    options = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    measured = dict(commands(options.runs)) | dict(saves(options.runs))
    if options.grading:
        grading = (PYTHON, "-m", "pytest", "-m", "grading", "-q", "--submission=solutions")
        measured[" ".join(grading[2:])] = seconds(grading, 1)
    keras = measured["import keras"]
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    for name, value in measured.items():
        print(f"{value:7.2f} s   {value / keras:5.2f} x `import keras`   {name}")


if __name__ == "__main__":
    main()
