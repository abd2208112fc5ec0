"""Laws for any input: the smallest that breaks one is shown, and nothing is left behind."""

import importlib
import itertools
import subprocess
import sys

import pytest
from hypothesis.strategies import integers

from cifar_lab.course import syllabus
from cifar_lab.grading.run import judge
from cifar_lab.testing.expect import Mismatch, expect
from cifar_lab.testing.learner import Failure, Learner
from cifar_lab.testing.properties import for_any


@pytest.fixture
def learner():
    """Provide a learner that no law here calls."""
    return Learner(lambda frame: frame)


def seen(learner, seed: int) -> list[int]:
    """Return the inputs of a law that always holds."""
    numbers = []

    @for_any(learner, seed)(number=integers(0, 10_000))
    def law(number):
        numbers.append(number)

    return numbers


def test_the_seed_decides_on_the_inputs(learner):
    first, again, other = (seen(learner, seed) for seed in (1, 1, 2))
    assert first == again != other and len(first) == 20


def test_imported_code_does_not_decide_on_the_inputs(learner, tmp_path, monkeypatch):
    before = [seen(learner, seed) for seed in range(20)]
    numbers = ", ".join(map(str, range(1000, 1100, 7)))
    (tmp_path / "with_numbers.py").write_text(f"NUMBERS = [{numbers}]\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("with_numbers")
    assert [seen(learner, seed) for seed in range(20)] == before


def test_the_smallest_input_is_shown(learner):
    with pytest.raises(Mismatch) as found:

        @for_any(learner, 0)(number=integers(0, 10_000))
        def law(number):
            with learner.described(f"f({number})"):
                expect(number).to_satisfy(number < 700, "a number below 700", because="so it is")

    assert learner.last_call == "f(700)" and "It returned 700." in str(found.value)


def test_exercises_are_judged_without_the_private_names_of_hypothesis(reference, tmp_path):
    """Another version of hypothesis may have none of the names that `properties` patches."""
    code = (
        "import hypothesis, sys\n"
        "sys.modules['hypothesis.internal.constants_ast'] = None\n"
        "from pathlib import Path\n"
        "from cifar_lab.course import syllabus\n"
        "from cifar_lab.grading.run import judge\n"
        f"verdicts = judge(Path({str(reference)!r}), syllabus.find(['normalization.one_hot']))\n"
        "print([verdict.status for verdict in verdicts.values()])\n"
    )
    # hypothesis may now leave its folder where the process runs
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert "PASSED" in done.stdout, done.stderr


def test_an_answer_that_changes_is_no_grading_error(learner):
    calls = itertools.count()
    with pytest.raises(Mismatch):

        @for_any(learner, 0)(number=integers(0, 9))
        def law(number):
            expect(next(calls)).to_satisfy(next(calls) != 7, "another", because="so it is")


def test_nothing_is_asked_after_a_failure(learner):
    asked = []
    with pytest.raises(Failure):

        @for_any(learner, 0)(number=integers(0, 9))
        def law(number):
            asked.append(number)
            learner.failure = Failure("timeout", "it takes too long")
            raise learner.failure

    assert len(asked) == 1


def test_a_learner_sees_the_smallest_input(submission_with, reference):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    wrong = """

right_one_hot = one_hot


def one_hot(labels, num_classes):
    found = right_one_hot(labels, num_classes)
    if num_classes > 7:
        found[0] = 0
    return found
"""
    folder = submission_with(normalization=text + wrong)
    verdict = judge(folder, syllabus.find(["normalization.one_hot"]))["normalization.one_hot"]
    (failed,) = (test for test in verdict.tests if not test.passed)
    assert failed.name == "Any labels of any integer dtype, flat or in a column"
    assert "one_hot(uint8 array (1)" in failed.message and ", 8)" in failed.message


def test_nothing_is_left_behind(command, reference, tmp_path):
    done = command("check", "normalization.one_hot", "--submission", reference, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert list(tmp_path.iterdir()) == []
