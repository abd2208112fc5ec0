"""Mutation scores: every mutant is judged by its exercise's own tests, and one of them must fail.

records/graders/mutants.json keeps what came out, tests/corpus/mutants.toml what a person has to say: which
exercises are left to the catalogue of wrong answers, and which survivors are equivalent, and why.
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
SAID = syllabus.ROOT / "tests" / "corpus" / "mutants.toml"


@lru_cache(maxsize=1)
def said() -> dict:
    """What tests/corpus/mutants.toml says."""
    return tomllib.loads(SAID.read_text(encoding="utf-8"))


def eligible() -> list[Exercise]:
    """The exercises whose reference is mutated."""
    return [e for id, e in syllabus.exercises().items() if id not in said()["left_out"]]


def equivalent(exercise: Exercise) -> set[str]:
    """The ids of its mutants that are listed as equivalent, with an argument."""
    return {
        e["mutant"] for e in said()["equivalent"] if e["exercise"] == exercise.id and e["cases"]
    }


def mutants_of(exercise: Exercise) -> list[Mutant]:
    """All mutants of an exercise's reference."""
    return mutants(stubs.reference(exercise.module), exercise.id)


def key(exercise: Exercise) -> str:
    """Changes where the mutants do, or the tests that judge them."""
    parts = [mutant.id for mutant in mutants_of(exercise)] + [grading_tests.everything(exercise)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def stored() -> dict[str, dict]:
    """The scores that are kept, by exercise."""
    return json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}


def keep(exercise: Exercise, key: str, killed: int, survivors: list[Mutant], seconds: float):
    """Enter an exercise's score."""
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
    """Judge all mutants of an exercise and keep the score; yields those that survive."""
    # the key first: the files may change while the mutants run
    before, started, killed, survivors = key(exercise), time.monotonic(), 0, []
    for mutant, killer in killers(mutants_of(exercise)):
        if killer:
            killed += 1
        else:
            survivors.append(mutant)
            yield mutant
    keep(exercise, before, killed, survivors, time.monotonic() - started)
