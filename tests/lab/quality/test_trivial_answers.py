"""Answers that know nothing earn nothing, and the laws that they can pass say so."""

import os
from collections import defaultdict
from pathlib import Path

import pytest

from cifar_lab import PACKAGE
from cifar_lab.course import stubs, syllabus
from cifar_lab.course.verdict import total
from cifar_lab.grading.run import QUICK, judge
from cifar_lab.quality.fork_server import SERVER
from cifar_lab.testing.markers import exercise_of, role_of
from cifar_lab.testing.options import GradingOptions
from cifar_lab.testing.samples import DRAWING

# what each answer returns for its arguments; `first` is the first one, as an array
KINDS = {
    "zeros": "np.zeros(first.shape, np.float32)",
    "zeros of the same dtype": "np.zeros_like(first)",
    "ones": "np.ones(first.shape, np.float32)",
    "identity": "args[0]",
    "a copy": "first.copy()",
    "a float32 copy": "first.astype(np.float32)",
    "all arguments": "[*args, *args]",
    "None": "None",
    "NaN": "np.full(first.shape, np.nan, np.float32)",
    "ValueError": "fail()",
    "random numbers": "np.random.default_rng().random(first.shape)",
    "False": "False",
    "one": "1",
    "an empty list": "[]",
    "an empty dict": "{}",
    "an empty model": "keras.Sequential([keras.layers.Identity()])",
}
QUICKLY = ("zeros", "identity", "None", "ValueError", "an empty model")  # the rest is proof
START = """
import keras
import numpy as np

def fail():
    raise ValueError("no")

def trivial(*args):
    first = np.asarray(args[0]) if args else np.zeros(3)
    return {answer}
"""
FUNCTION = """
def {name}(*args, **kwargs):
    return trivial(*args, *kwargs.values())
"""
CLASSES = {
    "BatchNorm": """
class BatchNorm(keras.layers.Layer):
    def __init__(self, *args, **kwargs):
        super().__init__()

    def call(self, x, training=False):
        return trivial(x)
""",
    "WarmupCosine": """
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, *args, **kwargs):
        self.settings = kwargs

    def __call__(self, step):
        return trivial(step)

    def get_config(self):
        return self.settings
""",
    "ReduceOnPlateau": """
class ReduceOnPlateau:
    def __init__(self, *args, **kwargs):
        pass

    def update(self, metric):
        return trivial(metric)
""",
}
CLASSES["StopEarly"] = CLASSES["ReduceOnPlateau"].replace("ReduceOnPlateau", "StopEarly")


def trivial(answer: str, folder: Path) -> Path:
    """Write a submission whose every function returns a trivial answer."""
    (folder / PACKAGE).mkdir(parents=True)
    for lesson in syllabus.lessons():
        parts = [START.format(answer=answer)]
        for name in (exercise.name for exercise in lesson.exercises):
            parts.append(CLASSES.get(name) or FUNCTION.format(name=name))
        (folder / PACKAGE / f"{lesson.module}.py").write_text("".join(parts), encoding="utf-8")
    return folder


class Record:
    """Plugin that notes, for each law, its role and how often each of its cases draws inputs."""

    def __init__(self):
        self.draws = defaultdict(list)
        self.roles = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        before = DRAWING.count
        done = yield
        law = (exercise_of(item), item.originalname)
        self.draws[law].append(DRAWING.count - before)
        self.roles[law] = role_of(item)
        return done


def judged(folder: Path, secret: str | None, exercises: list, plugins: tuple = ()) -> dict:
    """Judge a submission; return its verdicts."""
    return judge(folder, exercises, GradingOptions(secret=secret), tests=QUICK, plugins=plugins)


def in_child(folder: Path, secret: str) -> tuple[float, list[str]]:
    """Return the points of a submission, and the laws that earned some, from another process."""
    receiver, sender = SERVER.Pipe(duplex=False)
    child = SERVER.Process(target=_points, args=(sender, folder, secret))
    child.start()
    sender.close()
    found = receiver.recv()
    child.join()
    return found


def _points(sender, folder: Path, secret: str) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    verdicts = judged(folder, secret, [*syllabus.exercises().values()]).values()
    earned = [
        f"{verdict.exercise.id}: {test.name}"
        for verdict in verdicts
        for test in verdict.tests
        if test.passed and verdict.counts(test)
    ]
    sender.send((total([*verdicts])[0], earned))


@pytest.mark.parametrize(
    "kind",
    [kind if kind in QUICKLY else pytest.param(kind, marks=pytest.mark.proof) for kind in KINDS],
)
def test_a_trivial_answer_earns_nothing(kind, tmp_path):
    points, earned = in_child(trivial(KINDS[kind], tmp_path / "submission"), secret=kind)
    assert points == 0, earned


def test_each_exercise_has_a_main_law_and_constant_laws_are_marked():
    record, plain = Record(), [e for e in syllabus.exercises().values() if not e.keras]
    judged(stubs.REFERENCE, None, plain, (record,))
    for law, counts in record.draws.items():
        assert record.roles[law]["constant"] == (not any(counts)), law
    main = {exercise for (exercise, _), role in record.roles.items() if role["main"]}
    assert main == {exercise.id for exercise in plain}
