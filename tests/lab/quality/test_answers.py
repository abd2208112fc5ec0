"""The graders are right: wrong answers fail by name, right ones pass however they are written."""

import random
from functools import lru_cache

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import ExerciseVerdict
from cifar_lab.grading.run import QUICK, judge
from cifar_lab.quality import grading_tests
from cifar_lab.quality.answers import Answer, answers

TRAINING = "grading and trains"
SEED = 2026


@pytest.fixture
def verdict(answered):
    """Judge an answer."""

    def of(answer: Answer, tests: str, stop_early: bool = False):
        exercises = syllabus.find([answer.exercise])
        verdicts = judge(answered(answer), exercises, tests=tests, stop_early=stop_early)
        return verdicts[answer.exercise]

    return of


def failures(verdict: ExerciseVerdict) -> str:
    """The messages of all tests that fail."""
    return "\n".join(test.message for test in verdict.tests if not test.passed)


@lru_cache(maxsize=1)
def trained() -> set[Answer]:
    """One right answer of each exercise trains its network in every run: all do in the proof,
    tests/lab/quality/test_fairness.py.
    """
    chance, by_exercise = random.Random(SEED), {}
    for answer in answers("right"):
        by_exercise.setdefault(answer.exercise, []).append(answer)
    return {chance.choice(some) for some in by_exercise.values()}


@pytest.mark.parametrize("answer", answers("wrong"), ids=str)
def test_wrong_answer_fails_by_name(answer, verdict):
    # most are named by the first test that fails, and without training a network
    messages, passes = "", [(QUICK, True), (QUICK, False)]
    if grading_tests.trains(syllabus.exercises()[answer.exercise]):
        passes.append((TRAINING, False))
    for tests, stop_early in passes:
        messages += failures(verdict(answer, tests, stop_early))
        if answer.says in messages:
            break
    assert messages, "a wrong answer earned full points"
    assert answer.says and answer.says in messages, messages


@pytest.mark.parametrize("answer", answers("right"), ids=str)
def test_right_answer_passes(answer, verdict):
    found = verdict(answer, "grading" if answer in trained() else QUICK)
    assert found.passed and found.points == found.exercise.points, failures(found)


def test_every_exercise_has_wrong_answers(reference):
    counted = dict.fromkeys(syllabus.exercises(), 0)
    for answer in answers("wrong"):
        counted[answer.exercise] += 1
    assert all(count >= 2 for count in counted.values()), counted
