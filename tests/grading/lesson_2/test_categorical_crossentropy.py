"""Tests of cnn.categorical_crossentropy."""

import itertools

import numpy as np
import pytest
from hypothesis.strategies import integers, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator

from .oracles import crossentropy, numbers, softmax


def predictions(count=6, classes=4, seed=0):
    """One-hot targets, and probabilities that are neither sure nor hopeless."""
    targets = np.eye(classes)[generator(seed).integers(0, classes, count)]
    return targets, softmax(2 * numbers(count, classes, seed=seed + 1))


@exercise("cnn.categorical_crossentropy")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mean_negative_log_of_the_true_class(learner, dtype):
    """Minus the natural logarithm of the true class's probability, averaged over the batch."""
    targets, probabilities = (part.astype(dtype) for part in predictions())
    right, logs = crossentropy(targets, probabilities), np.log(probabilities)
    expect(learner.cnn.categorical_crossentropy(targets, probabilities)).to_be_close(
        right,
        because="each image costs -log(probability of its true class), and the loss is their mean",
        rtol=1e-4,
        mistakes={
            "you summed over the batch: take the mean": right * len(targets),
            "you averaged over images and classes: sum over the classes first": (
                right / targets.shape[1]
            ),
            "the sign is wrong: the logarithm of a probability is negative": -right,
            "you took the logarithm to base 2": right / np.log(2),
            "you took the logarithm to base 10": right / np.log(10),
            "you returned one loss for each image": -(targets * logs).sum(-1),
            "you summed the logarithms of all classes, not of the true one": -logs.sum(-1).mean(),
            "you computed the binary cross-entropy, a yes or no for each class": (
                -(targets * logs + (1 - targets) * np.log(1 - probabilities)).sum(-1).mean()
            ),
            "you averaged a binary cross-entropy, a yes or no for each class": (
                -(targets * logs + (1 - targets) * np.log(1 - probabilities)).mean()
            ),
            "you computed the squared error": ((targets - probabilities) ** 2).sum(-1).mean(),
            "you computed the mean squared error": ((targets - probabilities) ** 2).mean(),
            "you applied a softmax: the rows are probabilities already": (
                crossentropy(targets, softmax(probabilities))
            ),
            "you left out the logarithm": -(targets * probabilities).sum(-1).mean(),
            "you averaged the probabilities first: the logarithm comes before the mean": (
                -np.log((targets * probabilities).sum(-1).mean())
            ),
        },
    )


@exercise("cnn.categorical_crossentropy")
def test_any_batch(learner, for_any):
    """Any number of images and classes: the mean does not depend on the batch size."""

    @for_any(
        count=integers(1, 40),
        classes=integers(2, 10),
        dtype=sampled_from(strategies.FLOATS),
        seed=strategies.seeds,
    )
    def law(count, classes, dtype, seed):
        targets, probabilities = (p.astype(dtype) for p in predictions(count, classes, seed))
        right = crossentropy(targets, probabilities)
        expect(learner.cnn.categorical_crossentropy(targets, probabilities)).to_be_close(
            right,
            because="the loss is a mean over the images of the batch",
            rtol=1e-4,
            mistakes={"you summed over the batch: take the mean": right * count},
        )


@exercise("cnn.categorical_crossentropy")
def test_zero_for_the_true_class(learner):
    """A probability of 0 for the true class costs something finite, more than 10."""
    targets = np.eye(3)[[0, 1]]
    for row, dtype in itertools.product((0, 1), (np.float32, np.float64)):
        probabilities = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], dtype)
        probabilities[row] = (targets[row] == 0) / 2
        loss = learner.cnn.categorical_crossentropy(targets, probabilities)
        number = np.asarray(loss, np.float64) if np.ndim(loss) == 0 else np.array(np.nan)
        cost = 2 * float(number) - np.log(2)  # the other image costs log(2)
        mistake = None
        if np.isinf(cost):
            mistake = "you took the logarithm of 0"
        elif np.isnan(cost):
            mistake = "a 0 times infinity became NaN"
        elif cost <= 10:
            mistake = "the floor under the probabilities is so high that it hides grave errors"
        expect(loss).to_be_true(
            bool(np.isfinite(cost) and cost > 10),
            "a finite loss, in which the image with probability 0 costs more than 10",
            because="one infinite image would make the loss of all the others meaningless, "
            "and a hopeless answer must still cost a lot",
            mistake=mistake,
        )


@exercise("cnn.categorical_crossentropy")
def test_zero_for_another_class(learner):
    """A probability of 0 for a wrong class costs nothing, and a sure and right answer is free."""
    targets = np.eye(3)[[0, 2]]
    for rows, right in (([[0.5, 0.5, 0], [0, 0.75, 0.25]], np.log(8) / 2), (targets, 0.0)):
        expect(learner.cnn.categorical_crossentropy(targets, np.array(rows))).to_be_close(
            right,
            because="only the true class's probability counts",
            rtol=1e-4,
            atol=1e-5,
            mistakes={"0 * log(0) became NaN: keep the probabilities away from 0": np.nan},
        )


@exercise("cnn.categorical_crossentropy")
def test_rows_are_not_renormalised(learner):
    """Rows that do not sum to one are taken as they are."""
    targets = np.eye(3)[[0, 1, 2]]
    probabilities = np.array([[0.2, 0.1, 0.1], [0.3, 0.6, 0.9], [0.05, 0.05, 0.4]])
    right = crossentropy(targets, probabilities)
    expect(learner.cnn.categorical_crossentropy(targets, probabilities)).to_be_close(
        right,
        because="making rows sum to one is the softmax's work; done here, it would hide a "
        "network that forgot its softmax",
        rtol=1e-4,
        mistakes={
            "you divided each row by its sum": crossentropy(
                targets, probabilities / probabilities.sum(-1, keepdims=True)
            ),
            "you applied a softmax: the rows are probabilities already": crossentropy(
                targets, softmax(probabilities)
            ),
        },
    )


@exercise("cnn.categorical_crossentropy")
def test_both_arguments_are_left_alone(learner):
    """Targets and probabilities are the same before and after."""
    for dtype in (np.float32, np.float64):
        targets, probabilities = (part.astype(dtype) for part in predictions())
        probabilities[0] = targets[0]
        learner.cnn.categorical_crossentropy(targets, probabilities)
        expect_left_alone(
            learner,
            targets=targets,
            probabilities=probabilities,
            because="a loss only looks; clip a copy of the probabilities",
        )
