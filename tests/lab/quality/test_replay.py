"""Answers that were recorded in another run earn nothing in a graded run.

The attack: everybody can run the tests against a right answer, and write down what it returned. The
submission is a table from arguments to results.
"""

import base64
import pickle
import zlib
from pathlib import Path

import pytest

from cifar_lab import PACKAGE
from cifar_lab.course import stubs, syllabus
from cifar_lab.course.verdict import total
from cifar_lab.grading.run import judge
from cifar_lab.testing.options import GradingOptions

# the part that both have: it finds the place of a call in the table
KEY = """
import base64, functools, hashlib, pickle, zlib
import numpy as np

def key(*parts):
    return hashlib.sha256(pickle.dumps(parts)).digest()[:8]
"""
RECORD = """
TABLE = {{}}

def recorded(name, function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        place = key(name, args, kwargs)
        try:
            TABLE[place] = function(*args, **kwargs), None
        except Exception as error:
            TABLE[place] = None, type(error)
            raise
        finally:
            with open({file!r}, "ab") as file:
                pickle.dump((place, TABLE[place]), file)
        return TABLE[place][0]
    return call

class Recorded:
    def __init__(self, *args, **kwargs):
        self.rule = self.RULE(*args, **kwargs)
        self.history = [type(self).__name__, args, kwargs]

    def update(self, metric):
        self.history.append(metric)
        return recorded("update", lambda *_: self.rule.update(metric))(*self.history)

for exercise in {names!r}:
    if isinstance(globals()[exercise], type):
        globals()[exercise] = type(exercise, (Recorded,), {{"RULE": globals()[exercise]}})
    else:
        globals()[exercise] = recorded(exercise, globals()[exercise])
"""
REPLAY = """
TABLE = pickle.loads(zlib.decompress(base64.b85decode({table!r})))

def replayed(name):
    def call(*args, **kwargs):
        result, error = TABLE.get(key(name, args, kwargs), (0.0, None))
        if error:
            raise error
        return result
    return call

class Replayed:
    def __init__(self, *args, **kwargs):
        self.history = [type(self).__name__, args, kwargs]

    def update(self, metric):
        self.history.append(metric)
        return replayed("update")(*self.history)

for exercise in {names!r}:
    made = type(exercise, (Replayed,), {{}}) if exercise[0].isupper() else replayed(exercise)
    globals()[exercise] = made
"""
PLAIN = [exercise for exercise in syllabus.exercises().values() if not exercise.keras]


def write(folder: Path, ending: str, reference: bool, **parts) -> Path:
    (folder / PACKAGE).mkdir(parents=True)
    for lesson in syllabus.lessons():
        names = [exercise.name for exercise in lesson.exercises if exercise in PLAIN]
        text = (stubs.reference(lesson.module) if reference else "") + KEY
        text += ending.format(names=names, **parts)
        (folder / PACKAGE / f"{lesson.module}.py").write_text(text, encoding="utf-8")
    return folder


def points(folder: Path, secret: str | None = None) -> float:
    return total([*judge(folder, PLAIN, GradingOptions(secret=secret)).values()])[0]


@pytest.fixture(scope="module")
def replay(tmp_path_factory) -> Path:
    """Return a submission that repeats what the reference returned in a run without a secret."""
    folder = tmp_path_factory.mktemp("replay")
    file, table = folder / "table", {}
    points(write(folder / "recorder", RECORD, reference=True, file=str(file)))
    with file.open("rb") as stream:
        while stream.peek(1):
            place, answer = pickle.load(stream)
            table[place] = answer
    packed = base64.b85encode(zlib.compress(pickle.dumps(table))).decode()
    return write(folder / "replay", REPLAY, reference=False, table=packed)


def test_the_table_answers_all_questions_of_the_run_that_it_was_made_from(replay):
    assert points(replay) == sum(exercise.points for exercise in PLAIN)


def test_the_table_knows_no_answer_in_a_graded_run(replay):
    assert points(replay, secret="of this run") == 0
