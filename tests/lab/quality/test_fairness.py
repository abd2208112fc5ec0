"""Verdicts depend neither on seed and secret, nor on the order of the tests, nor on the threads."""

import random

import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading.run import QUICK, judge
from cifar_lab.quality import grading_tests
from cifar_lab.quality.answers import answers
from cifar_lab.testing.options import GradingOptions

RUNS = 20
SEED, SAMPLE, SAMPLED_RUNS = 2026, 6, 3  # of an ordinary run; the rest is proof

TRAINED = [a for a in answers("right") if grading_tests.trains(syllabus.exercises()[a.exercise])]


class Shuffled:
    """Plugin that runs the grading tests in another order."""

    def __init__(self, seed: int):
        self.seed = seed

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Shuffle the tests."""
        random.Random(self.seed).shuffle(items)


def failures(folder, exercises, tests: str, seeds: range) -> dict[int, list[str]]:
    """Return the failures by seed; each seed also gives a secret and an order of the tests."""
    found = {}
    for seed in seeds:
        options = GradingOptions(grading_seed=seed, secret=f"secret {seed}")
        verdicts = judge(folder, exercises, options, tests, plugins=[Shuffled(seed)])
        found[seed] = [
            f"{test.name}: {test.message}"
            for verdict in verdicts.values()
            for test in verdict.tests
            if not test.passed
        ]
    return {seed: failed for seed, failed in found.items() if failed}


@pytest.mark.parametrize("answer", random.Random(SEED).sample(answers("right"), SAMPLE), ids=str)
def test_some_right_answers_with_some_seeds(answer, answered):
    exercises = syllabus.find([answer.exercise])
    assert not failures(answered(answer), exercises, QUICK, range(1, 1 + SAMPLED_RUNS))


@pytest.mark.proof
@pytest.mark.parametrize("answer", answers("right"), ids=str)
def test_right_answers_with_every_seed(answer, answered):
    exercises = syllabus.find([answer.exercise])
    assert not failures(answered(answer), exercises, QUICK, range(RUNS))


@pytest.mark.proof
@pytest.mark.parametrize("answer", TRAINED, ids=str)
def test_right_answers_train_with_every_seed(answer, answered):
    exercises = syllabus.find([answer.exercise])
    assert not failures(answered(answer), exercises, grading_tests.TRAINING, range(RUNS))


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(RUNS))
def test_the_reference_with_every_seed(seed, reference):
    everything = list(syllabus.exercises().values())
    assert not failures(reference, everything, "grading", range(seed, seed + 1))


@pytest.mark.proof
@pytest.mark.parametrize("threads", [1, 4])
def test_any_number_of_threads(threads, command, reference):
    limits = {
        name: str(threads)
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    }
    found = command("check", "--submission", reference, env=limits)
    assert found.returncode == 0, found.stdout


def test_a_random_verdict_is_noticed(submission_with):
    random_answer = """
import numpy as np

def one_hot(labels, num_classes):
    labels = np.asarray(labels).ravel()
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError
    shift = np.random.randint(3) == 0 and num_classes > 3
    return np.eye(num_classes, dtype=np.float32)[(labels + shift) % num_classes]
"""
    folder = submission_with(normalization=random_answer)
    exercises = syllabus.find(["normalization.one_hot"])
    assert failures(folder, exercises, "grading", range(3))
