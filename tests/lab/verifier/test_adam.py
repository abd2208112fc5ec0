"""Optimizers are judged by their steps, not by their names."""

import pytest

from cifar_lab.course import syllabus
from cifar_lab.execution.worker import Worker
from cifar_lab.testing.learner import Learner
from cifar_lab.testing.model_checks import Compiling

TAKES = """

class Adam(keras.optimizers.{base}):
    {body}

def compile_cnn(model, learning_rate=1e-3):
    optimizer = Adam(learning_rate, clipnorm={clipnorm})
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model
"""
UNCLIPPED = "_clip_gradients = lambda self, gradients: gradients"


def judged(submission_with, reference, **parts) -> None:
    """Judge a compile_cnn whose optimizer is a subclass named Adam."""
    text = (reference / "cifar_course" / "cnn.py").read_text(encoding="utf-8")
    folder = submission_with(cnn=text + TAKES.format(**parts))
    learner = Learner(Worker(folder, syllabus.modules()).handle)
    checks = Compiling(learner, learner.cnn.compile_cnn, default_rate=1e-3)
    checks.expect_adam()  # it says what it should
    checks.expect_crossentropy()


@pytest.mark.parametrize("clipnorm", [None, 0.25])
def test_a_subclass_that_is_adam_passes(submission_with, reference, clipnorm):
    judged(submission_with, reference, base="Adam", body="pass", clipnorm=clipnorm)


@pytest.mark.parametrize(
    ("base", "body", "clipnorm"),
    [("SGD", "pass", None), ("RMSprop", "pass", None), ("Adam", UNCLIPPED, 0.25)],
)
def test_another_optimizer_under_adams_name_fails(submission_with, reference, base, body, clipnorm):
    with pytest.raises(AssertionError, match="takes these steps"):
        judged(submission_with, reference, base=base, body=body, clipnorm=clipnorm)
