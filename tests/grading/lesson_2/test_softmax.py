"""Tests of `cnn.softmax`: each row of logits becomes probabilities, however large the logits."""

import numpy as np
import pytest
from hypothesis.strategies import sampled_from
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise

from .oracles import numbers, softmax


def expect_softmax(learner, logits, because, mistakes=None):
    """Check that `softmax` gives SciPy's values, as a floating array."""
    with np.errstate(all="ignore"):
        powers = np.exp(logits.astype(np.float64))
        overflowing = powers / powers.sum(-1, keepdims=True)
    right = softmax(logits)
    result = learner.cnn.softmax(logits)
    expect(result).to_be_close(
        right,
        because=because,
        rtol=1e-4,
        atol=1e-6,
        mistakes={
            "exp overflowed, or every exp became 0: subtract each row's largest logit first": (
                overflowing
            ),
            "you normalized over the whole batch, not row by row (axis)": (
                lambda: scipy_softmax(logits.astype(np.float64))
            ),
            "you normalized the columns: each row is one image": (
                lambda: scipy_softmax(logits.astype(np.float64), axis=0)
            ),
            "you did not divide by the sum": lambda: powers,
            "you divided by the largest power: dividing by the sum makes a row sum to one": (
                lambda: right / right.max(-1, keepdims=True)
            ),
            "you left out the exponential": lambda: logits / logits.sum(-1, keepdims=True),
            "you applied a sigmoid to each logit": lambda: expit(logits),
            "you returned the logarithm of the softmax": lambda: np.log(right),
            "you took powers of 2: exp is a power of e": lambda: softmax(logits * np.log(2)),
            **(mistakes or {}),
        },
    )
    expect(result).to_have_dtype("floating", because="probabilities lie between 0 and 1")


@exercise("cnn.softmax", main=True)
def test_each_row_is_a_distribution(learner):
    """Each row is exp(z) divided by the sum of exp(z)."""
    for dtype in (np.float32, np.float64):
        logits = (3 * numbers(5, 4) + 0.5).astype(dtype)
        expect_softmax(
            learner, logits, because="each row is one image, whose probabilities sum to one"
        )


@exercise("cnn.softmax", constant=True)
@pytest.mark.parametrize("shift", [1e4, -1e4])
def test_large_logits(learner, shift):
    """Logits of +-10,000 neither overflow nor give 0/0."""
    logits = np.array([[0.0, 1.0, -1.0], [2.0, 2.0, 0.5]]) + shift
    expect_softmax(
        learner,
        logits,
        because="a constant that is added to all logits cancels: only differences count",
    )


@exercise("cnn.softmax", constant=True)
def test_every_row_has_its_own_scale(learner):
    """Very different rows, and very different logits within a row, do not affect each other."""
    logits = np.array(
        [[1e4, 1e4 - 1, 0.0], [-1e4, -1e4 + 2, -1e4], [1e4, -1e4, 0], [0.1, 0.2, 0.3]]
    )
    with np.errstate(all="ignore"):
        powers = np.exp(logits - logits.max())
        one_shift = powers / powers.sum(-1, keepdims=True)
        powers = np.exp(logits - logits.max(0))
        by_column = powers / powers.sum(-1, keepdims=True)
    expect_softmax(
        learner,
        logits,
        because="each row is a separate image",
        mistakes={
            "you subtracted the largest logit of the whole batch, not of each row": one_shift,
            "you subtracted the largest logit of each column, not of each row": by_column,
        },
    )


@exercise("cnn.softmax")
@pytest.mark.parametrize("shape", [(1, 6), (4, 1), (3, 3)])
def test_any_number_of_rows_and_classes(learner, shape):
    """A single row, a single class, and as many rows as classes give the right probabilities."""
    expect_softmax(
        learner, numbers(*shape), because="every row sums to one, even with a single class"
    )


@exercise("cnn.softmax")
def test_logits_are_left_alone(learner):
    """The caller's logits are the same before and after."""
    for dtype in (np.float32, np.float64):
        logits = numbers(3, 4).astype(dtype)
        learner.cnn.softmax(logits)
        expect_left_alone(
            learner,
            logits=logits,
            because="softmax returns a new array; `logits -= ...` would change the caller's",
        )


@exercise("cnn.softmax")
def test_any_logits(learner, for_any):
    """Any logits from -10,000 to 10,000, float32 or float64, give the right probabilities."""

    @for_any(
        logits=strategies.arrays(strategies.shapes(2, 2)),
        scale=sampled_from([0.01, 1, 30, 1000, 9000]),
        shift=sampled_from([0, 1000, -1000]),
    )
    def law(logits, scale, shift):
        logits = (scale * logits + shift).astype(logits.dtype)
        result = learner.cnn.softmax(logits)
        expect(result).to_be_close(
            softmax(logits),
            because="each row is exp(z) divided by the sum of exp(z)",
            rtol=1e-3,
            atol=1e-5,
        )
