"""A class that does not exist: results as grading writes them, the same for the same seed."""

import ast
import random
from functools import cache
from typing import Any

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import ExerciseVerdict, TestVerdict
from cifar_lab.grading import intake, results
from cifar_lab.quality import grading_tests

FIRST = (
    "Ada Alan Barbara Chidi Dana Edsger Emre Fatima Grace Hedy Ines Jun Katherine Linus Mei Noor"
)
LAST = (
    "Adeyemi Brandt Costa Dijkstra Eriksen Fischer Gupta Hopper Ito Jansen Keller Lovelace Okafor"
)
CAME = (
    "It returned float64 array (4x5) [0., 0., 1., ...].",
    "It returned None.",
    "It raised IndexError: index 4 is out of bounds for axis 0 with size 4.",
    "It returned float32 array (3x1x3) [[[0., 1., 0.]], ...].",
)
MISTAKES = {
    "normalization.one_hot": "the column's axis stayed in the result: flatten the labels first",
    "normalization.prepare": "you took the statistics of all images, not of the training part",
    "cnn.conv2d": "you flipped the kernels: what networks call convolution is cross-correlation",
    "cnn.softmax": "you normalised over the batch instead of over the classes",
    "regularization.batch_norm_train": "you took the unbiased variance: divide by N",
    "regularization.BatchNorm": "you swapped momentum's two weights",
    "regularization.dropout": "you did not scale up what was kept",
    "schedules.warmup_cosine": "you counted the warm-up among the steps of the decay",
}


def results_of_class(count: int = 40, seed: int = 0) -> list[dict[str, Any]]:
    """Results of `count` students: most graded, a few with what a teacher must look at."""
    draw = random.Random(seed)
    names = draw.sample(
        [f"{one} {other}" for one in FIRST.split() for other in LAST.split()], count
    )
    found = [graded(name, draw.betavariate(3.5, 2), draw) for name in names[3:]]
    invalid, broken, waiting = (submission(name) for name in names[:3])
    invalid.problems.append("not readable: File is not a zip file")
    words = "a grading test broke:\nOSError: [Errno 28] No space left on device"
    return [
        *found,
        results.make_results(invalid, {}, results.INVALID, "k", True, "There is nothing to judge."),
        results.make_results(broken, {}, results.GRADING_ERROR, "k", True, words),
        results.make_results(waiting, {}, results.NOT_GRADED, "k", True, "Not graded yet."),
    ]


def submission(original: str) -> intake.Submission:
    """A submission of this name."""
    return intake.Submission(intake.safe_name(original), original)


def graded(original: str, skill: float, draw: random.Random) -> dict[str, Any]:
    """Results of one student: the more skill, the more laws hold and the more is written."""
    every = list(syllabus.exercises().values())
    written = len(every) if skill > 0.55 else int(len(every) * (skill + 0.4))
    verdicts = {}
    for number, exercise in enumerate(every):
        chance = min(0.98, 0.5 + 0.7 * skill - 0.06 * exercise.difficulty)
        tests = [
            _test(law, exercise.id, number < written, chance, draw) for law in laws()[exercise.id]
        ]
        verdicts[exercise.id] = ExerciseVerdict(exercise, tests)
    if draw.random() < 0.08:
        exercise = draw.choice(every)
        for test in verdicts[exercise.id].tests:
            test.passed, test.failure_kind = False, draw.choice(["timeout", "crash"])
            test.message = f"Called {exercise.id}(...).\nIt took longer than 20 s."
    return results.make_results(submission(original), verdicts, results.GRADED, "k", True)


def _test(
    law: str, exercise: str, written: bool, chance: float, draw: random.Random
) -> TestVerdict:
    if not written:
        message = f"{exercise} is not written yet: see the lesson"
        return TestVerdict(law, False, message, not_written=exercise)
    if draw.random() < chance:
        return TestVerdict(law)
    came = random.Random(law).choice(CAME)  # one law mostly fails in one way
    mistake = MISTAKES.get(exercise) if draw.random() < 0.6 else None
    lines = [f"Called {exercise}(uint8 array (4x7x6x3) [63, 120, ...]).", came]
    lines += ["Expected float32 array (4x5) [0., 0., 1., ...].", "Because the loss compares it."]
    lines += [f"It looks as if {mistake}."] if mistake else []
    return TestVerdict(law, False, "\n".join(lines), mistake=mistake)


@cache
def laws() -> dict[str, list[str]]:
    """The first lines of the grading tests, by exercise."""
    found: dict[str, list[str]] = {id: [] for id in syllabus.exercises()}
    for exercise in syllabus.exercises().values():
        for test in grading_tests.tests(exercise):
            found[exercise.id].append(ast.get_docstring(test).splitlines()[0].rstrip("."))
    return found
