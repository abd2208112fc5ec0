"""Measure how far the reference stays from each threshold of a training run, for many seeds.

`records/graders/margins.json` stores every value that was measured.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from statistics import mean, stdev

from cifar_lab import hardware
from cifar_lab.course import stubs, syllabus
from cifar_lab.course.files import write_whole
from cifar_lab.grading.run import judge
from cifar_lab.quality import grading_tests
from cifar_lab.testing.expect import MEASURED

STORE = syllabus.ROOT / "records" / "graders" / "margins.json"
ENOUGH = 5  # standard deviations


@dataclass(frozen=True)
class Margin:
    """Values of one exercise that were compared with one threshold."""

    exercise: str
    threshold: str
    values: list[float]  # one for each seed, from 0
    date: str
    hardware: str

    @property
    def bound(self) -> float:
        """The current threshold."""
        return syllabus.threshold(self.threshold)

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return mean(self.values)

    @property
    def deviation(self) -> float:
        """Sample standard deviation over the seeds."""
        return stdev(self.values)

    @property
    def worst(self) -> float:
        """Value nearest to the threshold, or farthest beyond it on the wrong side."""
        return min(self.values) if self.mean > self.bound else max(self.values)

    @property
    def deviations(self) -> float:
        """Distance from the mean to the threshold, in standard deviations."""
        return abs(self.mean - self.bound) / self.deviation


def stored() -> list[Margin]:
    """Return the stored margins in the order of the course."""
    if not STORE.exists():
        return []
    return [Margin(**entry) for entry in json.loads(STORE.read_text(encoding="utf-8"))]


def measure(seeds: int) -> Iterator[tuple[int, str]]:
    """Grade the training runs of the reference with each seed, and store the values they reach.

    Yields:
        seed, exercise: those that were just measured.
    """
    found: dict[tuple[str, str], list[float]] = {}
    todo = [e for e in syllabus.exercises().values() if grading_tests.trains(e)]
    for seed in range(seeds):
        for exercise in todo:
            MEASURED.clear()
            judge(stubs.REFERENCE, [exercise], tests=grading_tests.TRAINING, grading_seed=seed)
            for threshold, values in MEASURED.items():
                found.setdefault((exercise.id, threshold), []).extend(values)
            yield seed, exercise.id
        # some exercises train without a threshold
        todo = [e for e in todo if any(e.id == id for id, _ in found)]
    how = date.today().isoformat(), hardware.cpu()
    kept = [vars(Margin(*names, values, *how)) for names, values in found.items()]
    STORE.parent.mkdir(parents=True, exist_ok=True)
    write_whole(STORE, json.dumps(kept, indent=1) + "\n")
