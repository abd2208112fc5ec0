"""Measure and store mutation scores: the tests of an exercise must kill each of its mutants.

`records/graders/mutants.json` stores the scores. `tests/corpus/mutants.toml` holds the decisions of
people: exercises that are not mutated, and mutants that are equivalent to the reference.
"""

import hashlib
import json
import time
import tomllib
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from cifar_lab import hardware
from cifar_lab.course import stubs, syllabus
from cifar_lab.course.files import write_whole
from cifar_lab.course.syllabus import Exercise
from cifar_lab.quality import grading_tests
from cifar_lab.quality.mutants import Mutant, mutants
from cifar_lab.quality.run_mutants import killers

STORE = syllabus.ROOT / "records" / "graders" / "mutants.json"
DECISIONS = syllabus.ROOT / "tests" / "corpus" / "mutants.toml"


@lru_cache(maxsize=1)
def decisions() -> dict:
    """Return the content of `tests/corpus/mutants.toml`."""
    return tomllib.loads(DECISIONS.read_text(encoding="utf-8"))


def eligible() -> list[Exercise]:
    """Return the exercises whose reference is mutated."""
    return [e for id, e in syllabus.exercises().items() if id not in decisions()["left_out"]]


def equivalent(exercise: Exercise) -> set[str]:
    """Return the ids of an exercise's mutants that are argued to be equivalent."""
    listed = decisions()["equivalent"]
    return {e["mutant"] for e in listed if e["exercise"] == exercise.id and e["cases"]}


def mutants_of(exercise: Exercise) -> list[Mutant]:
    """Return all mutants of an exercise."""
    return mutants(stubs.reference(exercise.module), exercise.id)


def key(exercise: Exercise) -> str:
    """Return a hash of the mutants of an exercise and of the code that judges them."""
    parts = [mutant.id for mutant in mutants_of(exercise)] + grading_tests.judging_code(exercise)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def stored() -> dict[str, dict]:
    """Return the stored scores by exercise."""
    return json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}


def store(exercise: Exercise, key: str, killed: int, survivors: list[Mutant], seconds: float):
    """Store the score of an exercise."""
    scores = stored() | {
        exercise.id: {
            "key": key,
            "killed": killed,
            "survivors": {mutant.id: mutant.change for mutant in survivors},
            "seconds": round(seconds),
            "date": date.today().isoformat(),
            "hardware": hardware.cpu(),
        }
    }
    in_order = {id: scores[id] for id in syllabus.exercises() if id in scores}
    STORE.parent.mkdir(parents=True, exist_ok=True)
    write_whole(STORE, json.dumps(in_order, indent=1) + "\n")


def run(exercise: Exercise) -> Iterator[Mutant]:
    """Judge all mutants of an exercise and store the score; yield the mutants that survive."""
    # the key comes first, because files may change while the mutants run
    before, started, killed, survivors = key(exercise), time.monotonic(), 0, []
    for mutant, killer in killers(mutants_of(exercise)):
        if killer:
            killed += 1
        else:
            survivors.append(mutant)
            yield mutant
    store(exercise, before, killed, survivors, time.monotonic() - started)
