"""Learner code that takes too long is stopped at its line, and everything else is judged."""

import os
import signal
import time

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import FailureKind
from cifar_lab.execution.time_limit import TimeLimit
from cifar_lab.grading.run import judge
from cifar_lab.testing.options import GradingOptions

STUCK = {
    "a loop": "    while True:\n        rows = 1  # here\n",
    "a loop that catches everything": (
        "    for attempt in range(1):\n"
        "        try:\n"
        "            while True:\n                rows = 1  # here\n"
        "        except BaseException:\n            pass\n"
        "    while True:\n        rows = 2  # here\n"
    ),
}
if os.name == "posix":
    STUCK["a pause"] = "    import time\n    time.sleep(10_000)  # here\n"


@pytest.fixture
def lesson_1(submission_with, reference):
    """Return a function that adds lines to the reference's lesson 1."""
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    return lambda lines: submission_with(normalization=f"{text}\n\n{lines}")


@pytest.mark.parametrize("title", STUCK)
def test_an_endless_answer_fails_at_its_line_and_the_others_are_judged(lesson_1, title):
    folder = lesson_1("def one_hot(labels, num_classes):\n" + STUCK[title])
    exercises = syllabus.find(["standardize", "one_hot"])
    verdicts = judge(folder, exercises, GradingOptions(seconds=0.5))
    assert verdicts["normalization.standardize"].passed
    for test in verdicts["normalization.one_hot"].tests:
        assert test.failure_kind == FailureKind.TIMEOUT
        assert "stopped after 0.5 s in normalization.py, line " in test.message
        place = test.message.partition("stopped after")[2]
        assert "here" in place or "while True:" in place, test.message


def test_a_person_who_presses_ctrl_c_is_told_from_the_time_limit(lesson_1):
    folder = lesson_1(
        "import os, signal\n"
        "def one_hot(labels, num_classes):\n    os.kill(os.getpid(), signal.SIGINT)\n"
    )
    with pytest.raises(KeyboardInterrupt, match=r"Interrupted in normalization.py, line \d+: os"):
        judge(folder, syllabus.find(["one_hot"]), GradingOptions(seconds=100))


def test_a_background_job_ignores_ctrl_c_and_has_the_limit(lesson_1):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        folder = lesson_1("def one_hot(labels, num_classes):\n    while True:\n        pass\n")
        verdict = judge(folder, syllabus.find(["one_hot"]), GradingOptions(seconds=0.5))
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert verdict["normalization.one_hot"].first_failure.failure_kind == FailureKind.TIMEOUT


def test_several_calls_share_the_time():
    limit = TimeLimit(1.0)

    def wait_for(seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass

    limit.call(wait_for, 0.6)
    assert not limit.is_over
    with pytest.raises(KeyboardInterrupt):
        limit.call(wait_for, 1000)
    assert limit.is_over


def test_a_test_that_trains_has_more_time():
    assert syllabus.seconds_per_test(trains=False) == 60
    assert syllabus.seconds_per_test(trains=True) > 60
