"""Tests of `cnn.compile_cnn`: Adam, categorical cross-entropy and accuracy, on the same model."""

import pytest

from cifar_lab.testing.model_checks import Compiling
from cifar_lab.testing.plugin import exercise


@pytest.fixture
def compiling(learner):
    """Return the checks of a function that compiles a classifier, applied to compile_cnn."""
    return Compiling(learner, learner.cnn.compile_cnn, default_rate=1e-3)


@exercise("cnn.compile_cnn")
def test_the_same_model_comes_back(compiling):
    """The returned model is the one that was given, compiled."""
    compiling.expect_same_model()


@exercise("cnn.compile_cnn")
def test_adam_at_the_given_rate(compiling):
    """The optimizer is Adam with the given learning rate, 0.001 by default."""
    compiling.expect_adam()


@exercise("cnn.compile_cnn", main=True)
def test_loss_is_categorical_crossentropy(compiling):
    """The loss is the categorical cross-entropy of one-hot labels and probabilities."""
    compiling.expect_crossentropy()


@exercise("cnn.compile_cnn")
def test_accuracy_is_reported(compiling):
    """Training reports accuracy: the fraction of images whose largest output is the true class."""
    compiling.expect_accuracy()
