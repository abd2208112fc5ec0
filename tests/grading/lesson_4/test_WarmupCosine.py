"""Tests of schedules.WarmupCosine: the same as a Keras schedule, saved and loaded too."""

import pytest

from cifar_lab.testing.expect import expect, fail
from cifar_lab.testing.learner import LearnerError
from cifar_lab.testing.plugin import exercise

from .oracles import (
    arguments_text,
    images,
    is_warmup_cosine,
    near_rates,
    recognizes,
    schedule,
    schedules,
)


def schedules_rates(learner, steps, because, *given, **settings):
    """Compare the rates of the learner's schedule with the right ones."""
    given, settings = near_rates(given, settings)
    made = schedule(learner, *given, **settings)
    row = ", ".join(str(step) for step in steps)
    with learner.described(
        f"WarmupCosine({arguments_text(given, settings)})(step) for step = {row}"
    ):
        found = [made.call(step) for step in steps]
    is_warmup_cosine(found, steps, because, *given, **settings)


@exercise("schedules.WarmupCosine", main=True)
def test_same_rates_as_warmup_cosine(learner):
    """The schedule gives the rates of `warmup_cosine`: up, down, and level after the end."""
    settings = {"total_steps": 20, "warmup_steps": 4, "peak_rate": 0.3, "final_rate": 0.06}
    steps = [0, 1, 3, 4, 5, 8, 12, 16, 19, 20, 21, 28, 36, 500]
    schedules_rates(learner, steps, "it is the same formula, with keras.ops", **settings)


@exercise("schedules.WarmupCosine")
def test_schedule_without_warm_up(learner):
    """Without a warm-up the schedule starts at peak_rate, and nothing is NaN."""
    settings = {"total_steps": 6, "warmup_steps": 0, "peak_rate": 0.2, "final_rate": 0.05}
    why = "keras.ops.where computes both branches, also the one that divides by warmup_steps"
    schedules_rates(learner, [0, 1, 3, 6, 7], why, **settings)


@exercise("schedules.WarmupCosine")
def test_schedule_settings_by_position(learner):
    """The settings come in the signature's order, and final_rate is 0 by default."""
    schedules_rates(learner, [0, 2, 3, 6, 9, 10], "as in `warmup_cosine`", 9, 3, 0.5, 0.1)
    schedules_rates(learner, [0, 2, 3, 6, 9, 10], "the default is 0.0", 9, 3, 0.5)


@exercise("schedules.WarmupCosine")
def test_any_schedule(learner, for_any):
    """The formula holds for any length, warm-up and rates, in float32, too."""

    @for_any(examples=12, drawn=schedules())
    def law(drawn):
        steps, settings = drawn
        schedules_rates(learner, steps, "rise and fall follow the same formula", **settings)


@exercise("schedules.WarmupCosine")
@pytest.mark.parametrize("warmup_steps", [2, 0])
def test_rates_inside_training(learner, warmup_steps):
    """An optimizer that is given the schedule takes steps of just these lengths."""
    settings = {"total_steps": 5, "warmup_steps": warmup_steps, "peak_rate": 0.25}
    made = schedule(learner, **settings, final_rate=0.05)
    try:
        found = learner.tools.rates_used(made, steps=7)
    except LearnerError as error:
        if error.not_written:
            raise
        fail(
            f"Training with the schedule raised {error}",
            "seven steps of an optimizer",
            "inside `fit` the step is a tensor without a value yet",
            "you used Python's `if`, `min` or `math.cos` on the step: keras.ops.where, minimum "
            "and cos work on tensors",
        )
    why = "the first step of an optimizer is step 0, and has the rate 0 if there is a warm-up"
    with learner.described("an optimizer with this WarmupCosine for 7 steps"):
        is_warmup_cosine(found, list(range(7)), why, **settings, final_rate=0.05)


@exercise("schedules.WarmupCosine")
@pytest.mark.trains
def test_network_learns_with_the_schedule(learner, draw):
    """A small network whose optimizer has the schedule learns the synthetic dataset."""
    settings = {"total_steps": 80, "warmup_steps": 10, "peak_rate": 0.02}
    model = learner.tools.compiled_cnn(rate=schedule(learner, **settings))
    training, test = images(draw)
    model.fit(*training, epochs=2, batch_size=32)
    recognizes(learner, model, test)


@exercise("schedules.WarmupCosine")
def test_config_makes_the_schedule_again(learner):
    """`get_config` holds all four settings: a schedule made from it gives the same rates."""
    settings = {"total_steps": 14, "warmup_steps": 4, "peak_rate": 0.3, "final_rate": 0.06}
    made = schedule(learner, **settings)
    try:
        again = made.config_round_trip()
    except LearnerError as error:
        if error.not_written:
            raise
        fail(
            f"WarmupCosine.from_config(schedule.get_config()) raised {error}",
            "another WarmupCosine",
            "Keras calls the class with what get_config returned, as keywords: its keys are the "
            "names of the four settings, and nothing else",
        )
    again = expect(again).to_be_a("schedule", because="from_config makes it again")
    steps = [0, 2, 4, 9, 14, 20]
    with learner.described(
        "WarmupCosine.from_config(schedule.get_config())(step), for several steps"
    ):
        found = [again.call(step) for step in steps]
    why = "otherwise a saved model resumes with another schedule: the config needs every setting"
    is_warmup_cosine(found, steps, why, **settings)
