"""Wrong answers fail with their golden messages; right answers pass, however they are written."""

import random
from functools import lru_cache

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import ExerciseVerdict
from cifar_lab.grading.run import QUICK, judge
from cifar_lab.quality import corpus, grading_tests, messages
from cifar_lab.quality.answers import Answer, answers
from cifar_lab.testing.expect import DIAGNOSIS

SEED = 2026


@pytest.fixture
def verdict(answered):
    """Judge an answer."""

    def of(answer: Answer, tests: str):
        exercises = syllabus.find([answer.exercise])
        return judge(answered(answer), exercises, tests=tests)[answer.exercise]

    return of


def failures(verdict: ExerciseVerdict) -> str:
    """Return the messages of all tests that fail."""
    return "\n".join(test.message for test in verdict.tests if not test.passed)


@lru_cache(maxsize=1)
def trained() -> set[Answer]:
    """Return one right answer of each exercise, whose network is trained in every run.

    The proof in tests/lab/quality/test_fairness.py trains all of them.
    """
    chance, by_exercise = random.Random(SEED), {}
    for answer in answers("right"):
        by_exercise.setdefault(answer.exercise, []).append(answer)
    return {chance.choice(some) for some in by_exercise.values()}


@pytest.mark.parametrize("answer", answers("wrong"), ids=str)
def test_wrong_answer_fails_by_name(answer, verdict):
    exercise = syllabus.exercises()[answer.exercise]
    first = messages.first(answer)
    golden = messages.stored(exercise).get(answer.title, "")
    assert messages.aligned(first, golden) == golden, (
        f"the message changed: python -m cifar_lab.maintain messages {exercise.id}"
    )
    # learners read the first message: it names this misconception or none
    assert answer.says in first or DIAGNOSIS not in first, first
    said = first
    # the first message names the misconception of most answers
    for tests in (QUICK, *([grading_tests.TRAINING] if grading_tests.trains(exercise) else [])):
        if answer.says not in said:
            said += failures(verdict(answer, tests))
    assert answer.says and answer.says in said, said


def test_golden_messages_belong_to_answers(reference):
    found = [
        f"{cell.file}: {cell.title}"
        for exercise in syllabus.exercises().values()
        for cell in corpus.cells(messages.path(exercise))
    ]
    assert sorted(found) == sorted(map(str, answers("wrong")))
    assert {file.stem for file in messages.MESSAGES.iterdir()} == syllabus.exercises().keys()


def test_numbers_of_another_machine_agree():
    golden = "It returned [ 0.5, 1.  , -2.e-07], 3 of 4.\n  cnn.py, line 12: return x\n"
    here = "It returned [0.50001, 0.999999, 0.], 3 of 4.\n  cnn.py, line 345: return x\n"
    assert messages.aligned(here, golden) == golden


@pytest.mark.parametrize(
    "other",
    [
        "It gave [0.5], 3 of 4, nan",
        "It returned [0.51], 3 of 4, nan",
        "It returned [0.5], 2 of 4, nan",
        "It returned [0.5], 3 of 4, 1.0",
        "It returned [0.5], 3 of 4",
    ],
)
def test_other_texts_and_other_numbers_do_not_agree(other):
    golden = "It returned [0.5], 3 of 4, nan"
    assert messages.aligned(other, golden) != golden


@pytest.mark.parametrize("answer", answers("right"), ids=str)
def test_right_answer_passes(answer, verdict):
    found = verdict(answer, "grading" if answer in trained() else QUICK)
    assert found.passed and found.points == found.exercise.points, failures(found)


def test_every_exercise_has_wrong_answers(reference):
    counted = dict.fromkeys(syllabus.exercises(), 0)
    for answer in answers("wrong"):
        counted[answer.exercise] += 1
    assert all(count >= 2 for count in counted.values()), counted
