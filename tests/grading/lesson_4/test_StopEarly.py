"""Tests of schedules.StopEarly: stopping when a metric stops improving."""

import pytest

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import pick

from .oracles import STOP, grid, without_ties


@exercise("schedules.StopEarly", main=True)
def test_stops_when_patience_runs_out(learner):
    """It stops after exactly `patience` epochs in a row without an improvement."""
    why = "the third epoch is the best one, and three epochs without improvement follow"
    STOP.holds(learner, grid(90, 80, 70, 75, 74, 73, 72), why, patience=3)
    why = "with a patience of 1, a single epoch without improvement is enough"
    STOP.holds(learner, grid(90, 80, 85, 80), why, patience=1)
    for metrics, patience in pick([], without_ties):
        why = f"{patience} epochs in a row without an improvement are enough, and fewer are not"
        STOP.holds(learner, metrics, why, patience=patience)


@exercise("schedules.StopEarly")
def test_improvement_resets_the_wait(learner):
    """An improvement begins the count again."""
    why = "there are never two epochs in a row without improvement before the end"
    STOP.holds(learner, grid(50, 51, 45, 46, 40, 41, 35, 36, 37), why, patience=2)


@exercise("schedules.StopEarly")
def test_stops_against_the_best(learner):
    """An improvement beats the best value so far, not the previous epoch's."""
    why = "40, 35 and 30 sixty-fourths fall, but stay above the best value, 20 sixty-fourths"
    STOP.holds(learner, grid(20, 40, 35, 30, 25), why, patience=3)


@exercise("schedules.StopEarly")
def test_standing_still_is_no_improvement(learner):
    """A metric that stays the same is no improvement, even with a min_delta of 0."""
    why = "an improvement beats the best value by *more* than min_delta, and 0 is not more than 0"
    STOP.holds(learner, grid(50, 40, 40, 40, 40), why, patience=3, min_delta=0.0)


@exercise("schedules.StopEarly")
def test_small_gains_do_not_stop_the_clock(learner):
    """A gain within min_delta is no improvement, and does not move the best value."""
    why = "a metric that creeps improves once it is more than min_delta better than the best value"
    settings = {"patience": 4, "min_delta": 2.5 / 64}
    STOP.holds(learner, grid(50, 49, 48, 47, 46, 45, 44, 44, 44, 44), why, **settings)
    up = grid(10, 11, 12, 13, 14, 14, 14)
    STOP.holds(learner, up, why, patience=2, mode="max", min_delta=1.5 / 64)


@exercise("schedules.StopEarly")
def test_larger_is_better_in_mode_max(learner):
    """In mode "max" a larger metric is an improvement."""
    why = "an accuracy improves when it rises"
    STOP.holds(learner, grid(10, 20, 30, 40, 39, 38, 37), why, patience=2, mode="max")


@exercise("schedules.StopEarly")
@pytest.mark.parametrize("mode", ["min", "max"])
def test_never_stops_at_the_first_metric(learner, mode):
    """The first metric is an improvement, whatever its size and sign."""
    why = "there is nothing better before the first epoch"
    for metrics in (grid(-50, -50, -50), grid(0, 0, 0), grid(640, 640, 640)):
        STOP.holds(learner, metrics, why, patience=2, mode=mode)


@exercise("schedules.StopEarly")
def test_stop_defaults(learner):
    """By default patience is 5, smaller is better, and every gain counts."""
    why = "the defaults are patience=5, mode='min', min_delta=0.0"
    STOP.holds(learner, grid(20, 19, 19, 18, 17, 20, 20, 19, 18, 18, 18), why)


@exercise("schedules.StopEarly")
def test_stop_by_position(learner):
    """The settings come in the order patience, mode, min_delta."""
    why = "the signature gives this order"
    STOP.holds(learner, grid(20, 23, 24, 24, 27, 28, 28), why, 2, "max", 1.5 / 64)


@exercise("schedules.StopEarly", constant=True)
def test_two_stop_rules_do_not_share(learner):
    """Two rules at work at once know nothing of each other."""
    one, two = (learner.schedules.StopEarly(patience=2) for _ in range(2))
    with learner.described(
        "update of two rules in turn, one for falling metrics, one for rising ones"
    ):
        found = [[one.update(m), two.update(1 - m)] for m in grid(30, 20, 10)]
    why = "best value and count belong to the object (`self`), not to the class or the module"
    expect(found).to_equal([[False, False], [False, False], [False, True]], because=why)


@exercise("schedules.StopEarly")
def test_stop_like_keras_on_any_history(learner, for_any):
    """On any history it stops where keras.callbacks.EarlyStopping does."""
    why = "an improvement beats the best value by more than min_delta, and resets the count; "
    why += "it is time to stop after `patience` epochs without one"

    @for_any(examples=40, drawn=STOP.any_history())
    def law(drawn):
        metrics, settings = drawn
        STOP.holds(learner, metrics, why, **settings)
