"""The graders are right: wrong answers fail by name, right ones pass however they are written."""

import pytest

from cifar_lab import syllabus
from cifar_lab.graders.answers import Answer, answers
from cifar_lab.grading.judge import judge


@pytest.fixture
def verdict(answered):
    """Judge an answer."""

    def of(answer: Answer, tests: str = "grading", stop_early: bool = False):
        exercises = syllabus.find([answer.exercise])
        return judge(answered(answer), exercises, tests, stop_early)[answer.exercise]

    return of


@pytest.mark.parametrize("answer", answers("wrong"), ids=str)
def test_wrong_answer_fails_by_name(answer, verdict):
    # most are named by the first test that fails, and without training a network
    quick = "grading and not trains"
    for tests, stop_early in ((quick, True), (quick, False), ("grading", False)):
        found = verdict(answer, tests, stop_early)
        messages = "\n".join(test.message for test in found.tests if not test.passed)
        if answer.says in messages:
            break
    assert not found.passed, "a wrong answer earned full points"
    assert answer.says and answer.says in messages, messages


@pytest.mark.parametrize("answer", answers("right"), ids=str)
def test_right_answer_passes(answer, verdict):
    found = verdict(answer)
    messages = "\n".join(test.message for test in found.tests if not test.passed)
    assert found.passed and found.points == found.exercise.points, messages


def test_every_exercise_has_wrong_answers(reference):
    counted = dict.fromkeys(syllabus.exercises(), 0)
    for answer in answers("wrong"):
        counted[answer.exercise] += 1
    assert all(count >= 2 for count in counted.values()), counted
