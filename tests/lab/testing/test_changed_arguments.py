"""A submission that changes its arguments passes no test by it.

A test that computed expected values after the call, from arrays, a model or a layer that learner
code has been given, would accept the answer of a submission that emptied them first.
"""

import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading.run import QUICK, judge

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


# wrong answers, and the TRICK that would have made tests agree with them
CHEATS = {
    "transfer.unfreeze_last": """
def unfreeze_last(base, count=20):
    base.trainable = False
    for layer in base.layers:
        if TRICK:
            layer.__class__ = type("BatchNormalization", (type(layer),), {})
    return base
""",
    "transfer.compile_for_fine_tuning": """
def compile_for_fine_tuning(model, learning_rate=1e-4, clipnorm=1.0):
    if TRICK and model.count_params() < 100:
        model.set_weights([0 * w for w in model.get_weights()])
    model.compile(
        keras.optimizers.Adam(learning_rate, clipnorm=clipnorm),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model
""",
    "regularization.BatchNorm": """
class BatchNorm(BatchNorm):
    def call(self, inputs, training=None):
        if not training or not self.trainable:
            return 0 * inputs
        out = super().call(inputs, training=training)
        if TRICK:
            self.gamma.assign(0 * self.gamma)
        return out
""",
}


def earned(folder, reference, exercise, addition) -> set[str]:
    """Return the laws that hold for the reference with an addition to the exercise's module."""
    (folder / "cifar_course").mkdir(parents=True)
    for file in (reference / "cifar_course").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        text += addition if file.stem == exercise.module else ""
        (folder / "cifar_course" / file.name).write_text(text, encoding="utf-8")
    (verdict,) = judge(folder, [exercise], tests=QUICK).values()
    return {test.name for test in verdict.tests if test.passed}


@pytest.mark.parametrize("exercise", syllabus.find(TAKES_ARRAYS), ids=lambda exercise: exercise.id)
def test_emptying_the_arguments_earns_nothing(exercise, reference, tmp_path):
    by_way = {
        in_place: earned(
            tmp_path / str(in_place),
            reference,
            exercise,
            EMPTIED.format(in_place=in_place, names=[exercise.name]),
        )
        for in_place in (True, False)
    }
    assert by_way[True] <= by_way[False]


@pytest.mark.parametrize("exercise", syllabus.find(list(CHEATS)), ids=lambda exercise: exercise.id)
def test_changing_a_model_or_a_layer_earns_nothing(exercise, reference, tmp_path):
    by_way = {
        trick: earned(
            tmp_path / str(trick), reference, exercise, f"\nTRICK = {trick}\n{CHEATS[exercise.id]}"
        )
        for trick in (True, False)
    }
    assert by_way[True] <= by_way[False]
