"""Tests of schedules.ReduceOnPlateau: a rate that drops when a metric stops improving."""

import numpy as np
import pytest

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise

from .oracles import REDUCE, grid


@exercise("schedules.ReduceOnPlateau", main=True)
def test_drops_when_patience_runs_out(learner):
    """The rate drops after exactly `patience` epochs in a row without an improvement."""
    why = "the fourth epoch is the best one; two epochs without improvement later the rate drops"
    metrics = grid(20, 30, 31, 40, 39, 39, 41)
    REDUCE.holds(learner, metrics, why, learning_rate=0.1, patience=2, factor=0.3)
    REDUCE.holds(
        learner,
        grid(20, 19, 21, 21),
        "with a patience of 1, a single epoch without improvement is enough",
        learning_rate=0.1,
        patience=1,
    )


@exercise("schedules.ReduceOnPlateau")
def test_improvement_resets_the_count(learner):
    """An improvement begins the count again."""
    why = "there are never three epochs in a row without improvement before the end"
    metrics = grid(10, 9, 9, 12, 11, 11, 14, 13, 12, 13)
    REDUCE.holds(learner, metrics, why, learning_rate=0.2, patience=3)


@exercise("schedules.ReduceOnPlateau")
def test_drop_after_drop(learner):
    """After a drop the count begins again, and the next drop starts from the lower rate."""
    why = "a lower rate gets `patience` epochs to show what it can do, every time"
    metrics = grid(40, 30, 30, 30, 30, 30, 30, 30, 30)
    REDUCE.holds(learner, metrics, why, learning_rate=0.8, patience=2, factor=0.25)


@exercise("schedules.ReduceOnPlateau")
def test_reduces_against_the_best(learner):
    """An improvement beats the best value so far, not the previous epoch's, also after a drop."""
    why = "20, 25 and 30 sixty-fourths grow, but stay below the best value, 40 sixty-fourths"
    metrics = grid(40, 20, 25, 30, 35, 38, 39)
    REDUCE.holds(learner, metrics, why, learning_rate=0.1, patience=3)


@exercise("schedules.ReduceOnPlateau")
def test_small_gains_do_not_count(learner):
    """A gain within min_delta is no improvement, and does not move the best value."""
    why = "a metric that creeps up improves once it is more than min_delta above the best value"
    metrics = grid(10, 11, 12, 13, 14, 15, 15, 15, 16)
    REDUCE.holds(learner, metrics, why, learning_rate=0.1, patience=2, min_delta=2.5 / 64)
    down = grid(30, 29, 28, 27, 26, 26, 26, 26)
    settings = {"patience": 2, "mode": "min", "min_delta": 1.5 / 64}
    REDUCE.holds(learner, down, why.replace("up", "down"), learning_rate=0.1, **settings)
    why = "an improvement beats the best value by *more* than min_delta, and 0 is not more than 0"
    REDUCE.holds(learner, grid(10, 10, 10), why, learning_rate=0.1, patience=2, min_delta=0.0)


@exercise("schedules.ReduceOnPlateau")
def test_smaller_is_better_in_mode_min(learner):
    """In mode "min" a smaller metric is an improvement."""
    why = "a loss improves when it falls"
    metrics = grid(90, 80, 70, 71, 72, 60, 61, 62)
    REDUCE.holds(learner, metrics, why, learning_rate=0.1, patience=2, mode="min")


@exercise("schedules.ReduceOnPlateau")
@pytest.mark.parametrize("mode", ["min", "max"])
def test_first_metric_is_the_best_so_far(learner, mode):
    """The first metric is an improvement, whatever its size and sign."""
    why = "there is nothing better before the first epoch"
    for metrics in (grid(-50, -50, -50), grid(0, 0, 0), grid(640, 640, 640)):
        REDUCE.holds(learner, metrics, why, learning_rate=0.1, patience=2, mode=mode)


@exercise("schedules.ReduceOnPlateau")
def test_rate_stays_above_min_rate(learner):
    """The rate never falls below min_rate, and is never raised to it."""
    why = "0.1 * 0.5 = 0.05, then 0.03 instead of 0.025, and there it stays"
    metrics = grid(*[10] * 6)
    REDUCE.holds(learner, metrics, why, learning_rate=0.1, patience=1, min_rate=0.03)
    why = "the rate begins below min_rate: it does not drop, and is left alone"
    REDUCE.holds(learner, metrics, why, learning_rate=0.01, patience=1, min_rate=0.03)


@exercise("schedules.ReduceOnPlateau")
def test_reduce_defaults(learner):
    """By default patience is 3, the factor 0.5, larger is better, and there is no lowest rate."""
    why = "the defaults are patience=3, factor=0.5, mode='max', min_delta=1e-4, min_rate=0.0"
    metrics = grid(10, 11, 12, 12, 12, 12, 12, 11, 10, 9, 8, 7, 13, 13)
    REDUCE.holds(learner, metrics, why, learning_rate=0.01)
    for gain in (0.00007, 0.00015):
        REDUCE.holds(learner, [0.25, *[0.25 + gain] * 3], why, learning_rate=0.01)


@exercise("schedules.ReduceOnPlateau")
def test_reduce_by_position(learner):
    """The settings come in the signature's order."""
    given = (0.4, 1, 0.25, "min", 1.5 / 64, 0.05)
    REDUCE.holds(learner, grid(20, 19, 18, 18, 17, 17), "the signature gives this order", *given)


@exercise("schedules.ReduceOnPlateau", constant=True)
def test_two_rules_do_not_share(learner):
    """Two rules at work at once know nothing of each other."""
    one, two = (learner.schedules.ReduceOnPlateau(rate, patience=2) for rate in (0.8, 0.2))
    with learner.described(
        "update of two rules in turn, one for falling metrics, one for rising ones"
    ):
        found = [[one.update(m), two.update(1 - m)] for m in grid(10, 9, 8, 8)]
    right = np.array([[0.8, 0.2], [0.8, 0.2], [0.4, 0.2], [0.4, 0.2]])
    why = "best value, count and rate belong to the object (`self`), not to the class or module"
    expect(found).to_be_close(right, because=why, atol=0)


@exercise("schedules.ReduceOnPlateau")
def test_reduce_like_keras_on_any_history(learner, for_any):
    """On any history the rate follows the rule of keras.callbacks.ReduceLROnPlateau."""
    why = "an improvement beats the best value by more than min_delta, and resets the count; "
    why += "a drop comes after `patience` epochs without one, and resets it, too"

    @for_any(examples=40, drawn=REDUCE.any_history())
    def law(drawn):
        metrics, settings = drawn
        REDUCE.holds(learner, metrics, why, **settings)
