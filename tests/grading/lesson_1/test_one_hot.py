"""Tests of `normalization.one_hot`: one row per label, with a one at the label's index."""

import numpy as np
import pytest
from hypothesis.strategies import booleans, integers, sampled_from

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_error
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator, pick


@exercise("normalization.one_hot", main=True)
@pytest.mark.parametrize("dtype", ["int64", "uint8", "int32"])
def test_a_one_at_the_label(learner, dtype):
    """Row i holds a one at labels[i] and zeros elsewhere."""
    given = pick([2, 0, 3, 3], lambda random: [3, *random.integers(0, 4, 9).tolist()])
    columns, labels = np.eye(6, 5, -1, np.float32), np.array(given, dtype)
    right, shifted = columns[np.add(given, 1)], columns[given]
    result = learner.normalization.one_hot(labels, 5)
    expect(result).to_equal(
        right,
        because="a label is a name, not a quantity: each class has a column of its own",
        mistakes={
            "you counted the labels from 1: they begin at 0": shifted,
            "you made columns up to the largest label of this batch, not num_classes of them": (
                right[:, :4]
            ),
            "you returned one column per image: each image is a row": right.T,
        },
    )
    expect(result).to_have_dtype(
        "float32", because="the loss compares these rows with float32 outputs"
    )


@exercise("normalization.one_hot")
def test_labels_as_a_column(learner):
    """Labels of shape (n, 1), as Keras' CIFAR-10 loader returns them, give the same rows."""
    given = pick([1, 0, 2], lambda random: random.integers(0, 3, 9).tolist())
    labels, right = np.array(given)[:, None], np.eye(3, dtype=np.float32)[given]
    expect(learner.normalization.one_hot(labels, 3)).to_equal(
        right,
        because="a column of labels still has one label per image",
        mistakes={
            "the column's axis stayed in the result: flatten the labels first": right[:, None, :]
        },
    )


@exercise("normalization.one_hot", constant=True)
@pytest.mark.parametrize("bad", [4, -1, 7])
def test_label_out_of_range(learner, bad):
    """A label outside 0..num_classes-1 raises ValueError."""
    expect_error(
        ValueError,
        lambda: learner.normalization.one_hot(np.array([0, bad, 1]), 4),
        because=f"4 classes have no label {bad}; without a check, NumPy takes -1 for the last one",
    )
    expect(learner.normalization.one_hot(np.array([0, 3]), 4)).to_have_shape(
        (2, 4), because="0 and num_classes - 1 are both in range"
    )


@exercise("normalization.one_hot")
def test_any_labels(learner, for_any):
    """Any labels of any integer dtype, flat or in a column."""

    @for_any(
        count=integers(1, 9),
        num_classes=integers(1, 12),
        dtype=sampled_from(["uint8", "int8", "int32", "int64"]),
        column=booleans(),
        seed=strategies.seeds,
    )
    def law(count, num_classes, dtype, column, seed):
        labels = generator(seed).integers(0, num_classes, count).astype(dtype)
        right = (labels[:, None] == np.arange(num_classes)).astype(np.float32)
        given = labels[:, None] if column else labels
        expect(learner.normalization.one_hot(given, num_classes)).to_equal(
            right, because="row i holds a one at labels[i]"
        )
