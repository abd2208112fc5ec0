"""Tests of transfer.compile_for_fine_tuning: Adam at a low rate with clipped gradients."""

import numpy as np
import pytest

from cifar_lab.testing.expect import expect
from cifar_lab.testing.learner import LearnerError
from cifar_lab.testing.model_checks import Compiling
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator

from .oracles import WIDE


@pytest.fixture
def compiling(learner):
    """Return the shared checks of the learner's compile_for_fine_tuning."""
    return Compiling(learner, learner.transfer.compile_for_fine_tuning, default_rate=1e-4)


@exercise("transfer.compile_for_fine_tuning")
def test_same_model_comes_back(compiling):
    """The model that comes back is the one that was given, compiled."""
    compiling.expect_same_model()


@exercise("transfer.compile_for_fine_tuning")
def test_adam_at_a_low_rate(compiling):
    """The optimizer is Adam, at the rate that was asked for, 0.0001 by default."""
    compiling.expect_adam()


@exercise("transfer.compile_for_fine_tuning")
def test_gradients_are_clipped(compiling, learner):
    """Gradients are clipped by their norm, 1.0 by default."""
    for settings, right in (({}, 1.0), ({"clipnorm": 0.25}, 0.25)):
        model = compiling.compiled(learner.tools.small_model(), **settings)
        with learner.described(f"compile_for_fine_tuning(model, {settings})"):
            spec = model.optimizer_spec()
        norms = [spec[name] for name in ("clipnorm", "global_clipnorm") if spec[name] is not None]
        mistake = "you did not clip the gradients"
        if spec["clipvalue"] is not None:
            mistake = "you clipped each number on its own (clipvalue), which bends the direction"
        elif norms:
            mistake = "you ignored `clipnorm`" if norms[0] == 1.0 else None
        expect(norms).to_satisfy(
            len(norms) == 1 and abs(norms[0] - right) < 1e-6,
            f"gradients clipped to a norm of {right}",
            because="one bad batch must not throw away what the base has learned",
            mistake=mistake,
        )


@exercise("transfer.compile_for_fine_tuning", main=True)
def test_loss_is_crossentropy(compiling):
    """The loss is the categorical cross-entropy of one-hot labels and probabilities."""
    compiling.expect_crossentropy()


@exercise("transfer.compile_for_fine_tuning")
def test_reports_accuracy(compiling):
    """Training reports the accuracy."""
    compiling.expect_accuracy()


@exercise("transfer.compile_for_fine_tuning")
@pytest.mark.trains
def test_unfrozen_layers_learn(compiling, learner):
    """A model that was compiled and trained before, and then unfrozen, is compiled again."""
    base = learner.tools.small_base(WIDE)
    learner.tools.freeze(base)
    model = learner.tools.compiled(learner.tools.head_on(base), 0.01)
    images = generator(3).normal(size=(6, WIDE, WIDE, 3)).astype(np.float32)
    labels = np.eye(3)[np.arange(6) % 3]
    model.train_on_batch(images, labels)
    learner.tools.unfreeze(base, [11])
    result = compiling.compiled(model, learning_rate=0.01)
    before = base.get_weights()
    try:
        result.train_on_batch(images, labels)
    except LearnerError as error:
        if "Unknown variable" not in error.message:  # an optimizer that never heard of the layer
            raise
    with learner.described(
        "compile_for_fine_tuning(model) after a layer was unfrozen, and trained"
    ):
        moved = sum(
            not np.array_equal(*pair) for pair in zip(before, base.get_weights(), strict=True)
        )
    expect(moved).to_equal(
        1,
        because="the first step after `compile` fixes what learns",
        mistakes={"you left a compiled model as it was, so that the unfrozen layer never moves": 0},
    )
