"""No odd return value of learner code breaks a grading test."""

import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading.run import QUICK, judge

ODD = {
    "None": "None",
    "a text": "'text'",
    "an empty list": "[]",
    "a dict": "{'a': None}",
    "a number": "7",
    "true": "True",
    "not a number": "float('nan')",
    "an array without axes": "np.array(3.0)",
    "an empty array": "np.zeros((0, 3))",
    "an array of NaN": "np.full((2, 3), np.nan)",
    "a large array of another shape": "np.ones((1, 2, 3, 4, 5))",
    "a list of None": "[None, None, None]",
    "uneven lists": "[[None, 1], [2, 'x'], []]",
    "six pairs": "[[1, 2]] * 6",
    "texts in an array": "np.array(['a', 'b'])",
    "an object": "object()",
    "a function": "len",
    "itself": "sys.modules",
    "a layer": "keras.layers.ReLU()",
    "a model": "keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])",
    "an untouched model": "keras.Sequential()",
}


IN_EVERY_RUN = ("uneven lists",)  # each takes a dozen seconds; the others are marked proof


@pytest.mark.parametrize(
    "title",
    [
        title if title in IN_EVERY_RUN else pytest.param(title, marks=pytest.mark.proof)
        for title in ODD
    ],
)
def test_no_odd_return_breaks_a_grader(submission_with, title):
    texts = {}
    for lesson in syllabus.lessons():
        if "keras" in ODD[title] and not lesson.keras:
            continue
        lines = ["import sys", "import numpy as np", "import keras" if lesson.keras else ""]
        for exercise in lesson.exercises:
            lines.append(f"def {exercise.name}(*args, **kwargs):\n    return {ODD[title]}\n")
        texts[lesson.module] = "\n".join(lines)
    exercises = syllabus.find(list(texts))
    verdicts = judge(submission_with(**texts), exercises, tests=QUICK)
    passed = {id: [test.name for test in v.tests if test.passed] for id, v in verdicts.items()}
    assert not any(verdict.passed for verdict in verdicts.values()), passed
