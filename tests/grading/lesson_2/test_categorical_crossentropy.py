"""Tests of `cnn.categorical_crossentropy`: the mean of -log(probability of the true class)."""

import itertools

import numpy as np
import pytest
from hypothesis.strategies import integers, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator

from .oracles import crossentropy, numbers, softmax


def random_batch(count=6, classes=4, seed=0):
    """Return one-hot targets, and probabilities that are far from 0 and 1."""
    targets = np.eye(classes)[generator(seed).integers(0, classes, count)]
    return targets, softmax(2 * numbers(count, classes, seed=seed + 1))


@exercise("cnn.categorical_crossentropy", main=True)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mean_negative_log_of_the_true_class(learner, dtype):
    """The loss is the mean of -log(probability of the true class), a natural logarithm."""
    targets, probabilities = (part.astype(dtype) for part in random_batch())
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
            "you summed the logarithms of all classes, not only of the true one": (
                -logs.sum(-1).mean()
            ),
            "you summed a binary cross-entropy per class, as if each were a yes-or-no question": (
                -(targets * logs + (1 - targets) * np.log(1 - probabilities)).sum(-1).mean()
            ),
            "you averaged a binary cross-entropy, as if each class were a yes-or-no question": (
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
    """The loss is a mean over the batch, for any number of images and classes."""

    @for_any(
        count=integers(1, 40),
        classes=integers(2, 10),
        dtype=sampled_from(strategies.FLOATS),
        seed=strategies.seeds,
    )
    def law(count, classes, dtype, seed):
        targets, probabilities = (p.astype(dtype) for p in random_batch(count, classes, seed))
        right = crossentropy(targets, probabilities)
        expect(learner.cnn.categorical_crossentropy(targets, probabilities)).to_be_close(
            right,
            because="the loss is a mean over the images of the batch",
            rtol=1e-4,
            mistakes={"you summed over the batch: take the mean": right * count},
        )


@exercise("cnn.categorical_crossentropy", constant=True)
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
            mistake = "0 times infinity became NaN"
        elif cost <= 10:
            mistake = (
                "you clip the probabilities at too large a value, so that large errors cost too "
                "little"
            )
        expect(loss).to_satisfy(
            bool(np.isfinite(cost) and cost > 10),
            "a finite loss, in which the image with probability 0 costs more than 10",
            because="one infinite cost would make the loss of the whole batch infinite, and a "
            "prediction this wrong must still cost a lot",
            mistake=mistake,
        )


@exercise("cnn.categorical_crossentropy", constant=True)
def test_zero_for_another_class(learner):
    """A probability of 0 for a wrong class costs nothing, and a perfect prediction costs 0."""
    targets = np.eye(3)[[0, 2]]
    for rows, right in (([[0.5, 0.5, 0], [0, 0.75, 0.25]], np.log(8) / 2), (targets, 0.0)):
        expect(learner.cnn.categorical_crossentropy(targets, np.array(rows))).to_be_close(
            right,
            because="only the true class's probability counts",
            rtol=1e-4,
            atol=1e-5,
            mistakes={"0 * log(0) became NaN: keep the probabilities away from 0": np.nan},
        )


@exercise("cnn.categorical_crossentropy", constant=True)
def test_rows_are_not_renormalized(learner):
    """Rows that do not sum to one are used as they are."""
    targets = np.eye(3)[[0, 1, 2]]
    probabilities = np.array([[0.2, 0.1, 0.1], [0.3, 0.6, 0.9], [0.05, 0.05, 0.4]])
    right = crossentropy(targets, probabilities)
    expect(learner.cnn.categorical_crossentropy(targets, probabilities)).to_be_close(
        right,
        because="the softmax makes rows sum to one; if the loss did so, too, it would hide that "
        "a network has no softmax",
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
    """The caller's targets and probabilities are the same before and after."""
    for dtype in (np.float32, np.float64):
        targets, probabilities = (part.astype(dtype) for part in random_batch())
        probabilities[0] = targets[0]  # zeros tempt learners to clip in place
        learner.cnn.categorical_crossentropy(targets, probabilities)
        expect_left_alone(
            learner,
            targets=targets,
            probabilities=probabilities,
            because="a loss does not change its arguments: clip a copy of the probabilities",
        )
