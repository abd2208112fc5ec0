"""Who empties the arguments and answers for what is left earns nothing by it.

A test that computes what it expects after the call, from arrays or a model that learner code has
changed, would agree with every such answer.
"""

import pytest

from cifar_lab import syllabus
from cifar_lab.grading.judge import QUICK, judge

# answers as the reference does, on arguments that it has emptied: the caller's own, or copies
EMPTIED = """

import numpy as np


def _copied(value):
    return value.copy() if isinstance(value, np.ndarray) else value


def _emptied(function):
    def answer(*args, **kwargs):
        if not {in_place}:
            args = [_copied(value) for value in args]
            kwargs = {{name: _copied(value) for name, value in kwargs.items()}}
        given = [*args, *kwargs.values()]
        for array in given:
            if isinstance(array, np.ndarray):
                array[...] = 0
        models = [a for a in given if hasattr(a, "set_weights")]
        weights = [model.get_weights() for model in models]
        for model, were in zip(models, weights):
            model.set_weights([0 * w for w in were])
        result = function(*args, **kwargs)
        if not {in_place}:
            for model, were in zip(models, weights):
                model.set_weights(were)
        return result

    return answer


for _name in {names}:
    globals()[_name] = _emptied(globals()[_name])
"""
TAKES_ARRAYS = [
    *("normalization.channel_statistics", "normalization.standardize", "normalization.one_hot"),
    *("normalization.train_validation_split", "normalization.prepare"),
    *("cnn.conv2d", "cnn.max_pool2d", "cnn.softmax", "cnn.categorical_crossentropy"),
    *("regularization.batch_norm_train", "regularization.batch_norm_inference"),
    *("regularization.dropout", "transfer.scale_pixels", "transfer.cache_features"),
]


@pytest.mark.parametrize("exercise", syllabus.find(TAKES_ARRAYS), ids=lambda exercise: exercise.id)
def test_emptying_the_arguments_earns_nothing(exercise, reference, tmp_path):
    earned = {}
    for in_place in (True, False):
        package = tmp_path / str(in_place) / "cifar_course"
        package.mkdir(parents=True)
        for file in (reference / "cifar_course").glob("*.py"):
            (package / file.name).write_bytes(file.read_bytes())
        with (package / f"{exercise.module}.py").open("a", encoding="utf-8") as file:
            file.write(EMPTIED.format(in_place=in_place, names=[exercise.name]))
        (verdict,) = judge(package.parent, [exercise], QUICK).values()
        earned[in_place] = {test.name for test in verdict.tests if test.passed}
    assert earned[True] <= earned[False]
