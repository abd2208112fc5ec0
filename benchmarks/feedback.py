"""Time from a command to its feedback, for learners and instructors.

    python -m benchmarks.feedback [--runs 3] [--grading]

Prints the median of several runs of each command, beside `python -c pass` and
`python -c "import keras"` on the same machine, because machines differ.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from cifar_lab.course import syllabus

PYTHON = sys.executable
COMMANDS = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "import keras": [PYTHON, "-c", "import keras"],
    "check normalization.standardize": [
        *(PYTHON, "-m", "cifar_lab.cli", "check", "normalization.standardize"),
        *("--submission", str(syllabus.ROOT / "solutions")),
    ],
}
GRADING = {
    "pytest -m grading --submission solutions": [
        *(PYTHON, "-m", "pytest", "-m", "grading", "-q"),
        *("--submission", str(syllabus.ROOT / "solutions")),
    ]
}


def seconds(command: list[str], runs: int) -> float:
    """Return the median wall-clock time of a command, after a run that fills the disk cache."""
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(command, cwd=syllabus.ROOT, capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--grading", action="store_true", help="also all grading tests")
    options = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    measured = {name: seconds(command, options.runs) for name, command in COMMANDS.items()}
    if options.grading:
        measured |= {name: seconds(command, 1) for name, command in GRADING.items()}
    keras = measured["import keras"]
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    for name, value in measured.items():
        print(f"{value:7.2f} s   {value / keras:5.2f} x `import keras`   {name}")


if __name__ == "__main__":
    main()
