"""A class that does not exist: results as grading writes them, the same for the same seed."""

import ast
import random
from collections.abc import Iterable
from functools import cache

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import ExerciseVerdict, FailureKind, Outcome, TestVerdict
from cifar_lab.grading import intake
from cifar_lab.grading.results import Results
from cifar_lab.quality import grading_tests
from cifar_lab.testing.options import GradingOptions

FIRST = (
    "Ada Alan Barbara Chidi Dana Edsger Emre Fatima Grace Hedy Irene Jun Katherine Linus Mei Noor"
)
LAST = (
    "Adeyemi Brandt Costa Dijkstra Eriksen Fischer Gupta Hopper Ito Jansen Keller Lovelace Okafor"
)
OBSERVED = (
    "It returned float64 array (4x5) [0., 0., 1., ...].",
    "It returned None.",
    "It raised IndexError: index 4 is out of bounds for axis 0 with size 4.",
    "It returned float32 array (3x1x3) [[[0., 1., 0.]], ...].",
)
MISTAKES = {
    "normalization.one_hot": "the column's axis stayed in the result: flatten the labels first",
    "normalization.prepare": "you took the statistics of all images, not of the training part",
    "cnn.conv2d": "you flipped the kernels: what networks call convolution is cross-correlation",
    "cnn.softmax": "you normalized over the batch instead of over the classes",
    "regularization.batch_norm_train": "you took the unbiased variance: divide by N",
    "regularization.BatchNorm": "you swapped momentum's two weights",
    "regularization.dropout": "you did not scale up what was kept",
    "schedules.warmup_cosine": "you counted the warm-up among the steps of the decay",
}
SANDBOXED = GradingOptions(sandbox=True)


def results_of_class(count: int = 40, seed: int = 0) -> list[Results]:
    """Return results of `count` students: most graded, a few that a teacher must review."""
    draw = random.Random(seed)
    names = draw.sample(
        [f"{one} {other}" for one in FIRST.split() for other in LAST.split()], count
    )
    found = [graded(name, draw.betavariate(3.5, 2), draw) for name in names[3:]]
    problem = "not readable: File is not a zip file"
    broken = "a grading test broke:\nOSError: [Errno 28] No space left on device"
    return [
        *found,
        results_of(names[0], Outcome.INVALID, (), "There is nothing to judge.", [problem]),
        results_of(names[1], Outcome.GRADING_ERROR, message=broken),
        results_of(names[2], Outcome.NOT_GRADED, message="Not graded yet."),
    ]


def results_of(
    original: str,
    outcome: Outcome,
    verdicts: Iterable[ExerciseVerdict] = (),
    message: str = "",
    problems: Iterable[str] = (),
) -> Results:
    """Return results of a submission of this name, graded in the sandbox."""
    submission = intake.Submission(intake.safe_name(original), original, problems=list(problems))
    return Results.of(submission, outcome, "k", SANDBOXED, verdicts, message)


def graded(original: str, skill: float, draw: random.Random) -> Results:
    """Return results of one student: more skill passes more tests and writes more exercises."""
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
            kinds = [FailureKind.TIMEOUT, FailureKind.CRASH]
            test.passed, test.failure_kind = False, draw.choice(kinds)
            test.message = f"Called {exercise.id}(...).\nIt took longer than 20 s."
    return results_of(original, Outcome.GRADED, verdicts.values())


def _test(
    law: str, exercise: str, written: bool, chance: float, draw: random.Random
) -> TestVerdict:
    if not written:
        message = f"{exercise} is not written yet: see the lesson"
        return TestVerdict(law, False, message, not_written=exercise)
    if draw.random() < chance:
        return TestVerdict(law, main=True)
    observed = random.Random(law).choice(OBSERVED)  # one test mostly fails in one way
    mistake = MISTAKES.get(exercise) if draw.random() < 0.6 else None
    lines = [f"Called {exercise}(uint8 array (4x7x6x3) [63, 120, ...]).", observed]
    lines += ["Expected float32 array (4x5) [0., 0., 1., ...].", "Because the loss compares it."]
    lines += [f"It looks as if {mistake}."] if mistake else []
    return TestVerdict(law, False, "\n".join(lines), mistake=mistake)


@cache
def laws() -> dict[str, list[str]]:
    """Return the first lines of the grading tests, by exercise."""
    found: dict[str, list[str]] = {id: [] for id in syllabus.exercises()}
    for exercise in syllabus.exercises().values():
        for test in grading_tests.tests(exercise):
            found[exercise.id].append(ast.get_docstring(test).splitlines()[0].rstrip("."))
    return found
