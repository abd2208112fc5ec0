"""Lesson 4: learning rates and when to stop."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis.strategies import (
    builds,
    composite,
    fixed_dictionaries,
    floats,
    integers,
    lists,
    sampled_from,
    tuples,
)

from cifar_lab.testing.expect import expect, expect_left_alone, fail
from cifar_lab.testing.learner import LearnerError
from cifar_lab.testing.model_checks import (
    expect_halved_after_three,
    expect_new_callbacks,
    expect_watches,
    the_callback,
)
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator


def complete(defaults: Mapping[str, Any], given: tuple, settings: dict) -> dict[str, Any]:
    """All settings by name: those by position, those by keyword, and the defaults."""
    return {**defaults, **dict(zip(defaults, given, strict=False)), **settings}


# --- step_decay --------------------------------------------------------------------------------

STEP_DEFAULTS = {"initial_rate": None, "factor": 0.5, "every": 10}


def step_decay(epochs: np.ndarray, rate: float, factor: float, every: int) -> np.ndarray:
    """The law: the rate after as many factors as there are whole steps up to each epoch."""
    return rate * factor ** np.floor(epochs / every)


STEP_MISTAKES: dict[str, Callable] = {
    "you counted fractions of a step (`/`): whole steps come from `//`": (
        lambda epochs, rate, factor, every: rate * factor ** (epochs / every)
    ),
    "you stepped one epoch late, as with `>` for `>=`": (
        lambda epochs, rate, factor, every: (
            rate * factor ** np.maximum(np.ceil(epochs / every) - 1, 0)
        )
    ),
    "you counted epochs from 1: they begin at 0": (
        lambda epochs, rate, factor, every: step_decay(epochs + 1, rate, factor, every)
    ),
    "you rounded the number of steps to the nearest, not down": (
        lambda epochs, rate, factor, every: rate * factor ** np.round(epochs / every)
    ),
    "you reduced the rate once only": (
        lambda epochs, rate, factor, every: np.where(epochs < every, rate, rate * factor)
    ),
    "you multiplied by factor * steps: it is factor to the power of steps": (
        lambda epochs, rate, factor, every: np.where(
            epochs < every, rate, rate * factor * (epochs // every)
        )
    ),
    "you reduced the rate at every epoch": (
        lambda epochs, rate, factor, every: rate * factor**epochs
    ),
    "you divided by the factor": (
        lambda epochs, rate, factor, every: step_decay(epochs, rate, 1 / factor, every)
    ),
}


def decays(learner, epochs, because, *given, **settings):
    """Compare a learner's rates at several epochs with the law."""
    found = [learner.schedules.step_decay(epoch, *given, **settings) for epoch in epochs]
    in_order(learner, "schedules.step_decay", "epoch", epochs, given, settings)
    values = complete(STEP_DEFAULTS, given, settings).values()
    mistakes = {text: wrong(np.array(epochs), *values) for text, wrong in STEP_MISTAKES.items()}
    right = step_decay(np.array(epochs), *values)
    expect(numbers(found)).to_be_close(right, because=because, rtol=1e-6, atol=0, mistakes=mistakes)


def in_order(learner, name, argument, values, given, settings):
    """Describe a row of calls, for the message."""
    row = ", ".join(f"{value:g}" for value in values)
    learner.last_call = f"{name}({in_words(given, settings, argument)}) for {argument} = {row}"


def in_words(given, settings, *first: str) -> str:
    """Arguments by position and by keyword, as they are written in a call."""
    return ", ".join([*first, *map(repr, given), *(f"{k}={v!r}" for k, v in settings.items())])


def numbers(found: list) -> list | None:
    """What came back, call by call; None where every call returned None."""
    return None if all(value is None for value in found) else found


@exercise("schedules.step_decay")
def test_one_step_down_every_so_many_epochs(learner):
    """The rate is multiplied by the factor once every `every` epochs."""
    why = "the steps are at epochs 3, 6, 9, ...: as many as `every` fits whole into the epoch"
    epochs = [0, 1, 2, 3, 4, 5, 6, 8, 9, 30]
    decays(learner, epochs, why, initial_rate=0.4, factor=0.3, every=3)


@exercise("schedules.step_decay")
def test_step_decay_defaults(learner):
    """By default the rate is halved every 10 epochs."""
    why = "epochs count from 0: the tenth one, number 9, has the first rate, number 10 half of it"
    decays(learner, [0, 1, 8, 9, 10, 11, 19, 20, 29, 30], why, initial_rate=0.01)


@exercise("schedules.step_decay")
def test_step_decay_by_position(learner):
    """The settings come in the order initial_rate, factor, every."""
    decays(learner, [0, 4, 5, 10], "the signature gives this order", 0.2, 0.1, 5)


@exercise("schedules.step_decay")
def test_any_decay(learner, for_any):
    """Any epoch, rate, factor and length of a step."""

    @for_any(
        epoch=integers(0, 200),
        rate=floats(1e-4, 1),
        factor=floats(0.1, 1),
        every=integers(1, 40),
    )
    def law(epoch, rate, factor, every):
        right = rate
        for _ in range(every, epoch + 1, every):
            right *= factor
        expect(learner.schedules.step_decay(epoch, rate, factor, every)).to_be_close(
            right,
            because=f"{every} fits {epoch // every} times into {epoch}",
            rtol=1e-5,
            atol=1e-9,  # float32 has no smaller rates
        )


# --- warmup_cosine -----------------------------------------------------------------------------


WARMUP_DEFAULTS = {"total_steps": None, "warmup_steps": None, "peak_rate": None, "final_rate": 0.0}


def warmup_cosine(steps: np.ndarray, total: int, warmup: int, peak: float, final: float):
    """The law, for an array of steps."""
    angle = np.interp(steps, [warmup, total], [0, np.pi])
    risen = np.minimum(steps / warmup, 1) if warmup else 1
    return np.where(steps < warmup, peak * risen, final + (peak - final) * np.cos(angle / 2) ** 2)


def wrong_rise(rise: Callable) -> Callable:
    """The law with another warm-up."""
    return lambda steps, total, warmup, peak, final: np.where(
        steps < warmup,
        rise(steps, max(warmup, 1), peak, final),
        warmup_cosine(steps, total, warmup, peak, final),
    )


def wrong_fall(fall: Callable) -> Callable:
    """The law with another way down."""
    return lambda steps, total, warmup, peak, final: np.where(
        steps < warmup,
        warmup_cosine(steps, total, warmup, peak, final),
        fall(steps, total, warmup, peak, final),
    )


def half_cosine(progress, peak, final):
    """From peak to final while progress goes from 0 to 1."""
    return final + (peak - final) * (1 + np.cos(np.pi * progress)) / 2


WARMUP_MISTAKES = {
    "your warm-up is one step ahead: step 0 has the rate 0": wrong_rise(
        lambda step, warmup, peak, final: peak * (step + 1) / warmup
    ),
    "your warm-up ends one step early, at warmup_steps - 1": wrong_rise(
        lambda step, warmup, peak, final: peak * step / max(warmup - 1, 1)
    ),
    "your warm-up ends one step late, at warmup_steps + 1": wrong_rise(
        lambda step, warmup, peak, final: peak * step / (warmup + 1)
    ),
    "your warm-up starts at final_rate: it starts at 0": wrong_rise(
        lambda step, warmup, peak, final: final + (peak - final) * step / warmup
    ),
    "there is no warm-up: the peak rate comes at once": wrong_rise(
        lambda step, warmup, peak, final: peak + 0 * step
    ),
    "you took final_rate for a fraction of the peak, as `alpha` of Keras' CosineDecay: here it "
    "is a rate": (
        lambda steps, total, warmup, peak, final: warmup_cosine(
            steps, total, warmup, peak, final * peak
        )
    ),
    "your total_steps excludes the warm-up, as `decay_steps` of Keras' CosineDecay does: here "
    "the warm-up is part of it": (
        lambda steps, total, warmup, peak, final: warmup_cosine(
            steps, total + warmup, warmup, peak, final
        )
    ),
    "the cosine began at step 0 instead of warmup_steps, so the rate jumps at the peak": (
        wrong_fall(
            lambda step, total, warmup, peak, final: half_cosine(
                np.minimum(step / total, 1), peak, final
            )
        )
    ),
    "you did not stop at total_steps: the cosine comes up again": wrong_fall(
        lambda step, total, warmup, peak, final: half_cosine(
            (step - warmup) / (total - warmup), peak, final
        )
    ),
    "after total_steps you returned 0: the rate stays at final_rate": wrong_fall(
        lambda step, total, warmup, peak, final: np.where(
            step > total, 0, half_cosine((step - warmup) / (total - warmup), peak, final)
        )
    ),
    "you added final_rate on top: the height of the cosine is peak_rate - final_rate": wrong_fall(
        lambda step, total, warmup, peak, final: (
            final + half_cosine(np.minimum((step - warmup) / (total - warmup), 1), peak, 0)
        )
    ),
    "you left out final_rate": wrong_fall(
        lambda step, total, warmup, peak, final: half_cosine(
            np.minimum((step - warmup) / (total - warmup), 1), peak, 0
        )
    ),
    "you did not halve 1 + cos: it runs from 2 to 0": wrong_fall(
        lambda step, total, warmup, peak, final: (
            final
            + (peak - final)
            * (1 + np.cos(np.pi * np.minimum((step - warmup) / (total - warmup), 1)))
        )
    ),
    "you took a quarter of a cosine: half of one goes to pi": wrong_fall(
        lambda step, total, warmup, peak, final: (
            final
            + (peak - final) * np.cos(np.pi / 2 * np.minimum((step - warmup) / (total - warmup), 1))
        )
    ),
    "the rate falls in a straight line, not along a cosine": wrong_fall(
        lambda step, total, warmup, peak, final: np.interp(step, [warmup, total], [peak, final])
    ),
    "the cosine goes the wrong way: 1 + cos(pi * t) falls, 1 - cos(pi * t) rises": wrong_fall(
        lambda step, total, warmup, peak, final: half_cosine(
            1 - np.minimum((step - warmup) / (total - warmup), 1), peak, final
        )
    ),
}


def warms_up(learner, steps, because, *given, **settings):
    """Compare a learner's rates at several steps with the law."""
    found = [learner.schedules.warmup_cosine(step, *given, **settings) for step in steps]
    in_order(learner, "schedules.warmup_cosine", "step", steps, given, settings)
    is_warmup_cosine(found, steps, because, *given, **settings)


def is_warmup_cosine(found, steps, because, *given, **settings):
    """Compare rates with the law; float32 is precise enough."""
    steps, values = np.array(steps), complete(WARMUP_DEFAULTS, given, settings).values()
    mistakes = {text: wrong(steps, *values) for text, wrong in WARMUP_MISTAKES.items()}
    right = warmup_cosine(steps, *values)
    # relative to the largest rate: near its end, 1 + cos is a small difference of large numbers
    atol = 2e-6 * float(right.max())
    expect(numbers(found)).to_be_close(
        right, because=because, rtol=1e-5, atol=atol, mistakes=mistakes
    )


@exercise("schedules.warmup_cosine")
def test_straight_line_up_to_the_peak(learner):
    """The rate rises in a straight line from 0 at step 0 to peak_rate at warmup_steps."""
    settings = {"total_steps": 20, "warmup_steps": 5, "peak_rate": 0.3, "final_rate": 0.03}
    why = "step k of the warm-up has the rate peak_rate * k / warmup_steps"
    warms_up(learner, [0, 1, 2, 3, 4, 5], why, **settings)


@exercise("schedules.warmup_cosine")
def test_half_a_cosine_down(learner):
    """From warmup_steps to total_steps the rate falls along half a cosine to final_rate."""
    settings = {"total_steps": 24, "warmup_steps": 4, "peak_rate": 0.2, "final_rate": 0.05}
    why = "half-way between the peak at step 4 and the end at step 24 lies the mean of both rates"
    warms_up(learner, [4, 5, 9, 14, 19, 23, 24], why, **settings)


@exercise("schedules.warmup_cosine")
def test_final_rate_after_the_end(learner):
    """After total_steps the rate stays at final_rate."""
    settings = {"total_steps": 10, "warmup_steps": 2, "peak_rate": 0.5, "final_rate": 0.02}
    why = "training may go on longer than planned, and must not speed up again"
    warms_up(learner, [9, 10, 11, 14, 18, 26, 1000], why, **settings)


@exercise("schedules.warmup_cosine")
def test_no_warm_up(learner):
    """Without a warm-up the rate starts at peak_rate."""
    settings = {"total_steps": 8, "warmup_steps": 0, "peak_rate": 0.4, "final_rate": 0.1}
    why = "warmup_steps=0 means that the peak is at step 0; there is nothing to divide by"
    warms_up(learner, [0, 1, 4, 8, 9], why, **settings)


@exercise("schedules.warmup_cosine")
def test_final_rate_is_zero_by_default(learner):
    """By default the rate falls to 0."""
    settings = {"total_steps": 12, "warmup_steps": 1, "peak_rate": 0.6}
    warms_up(learner, [0, 1, 3, 11, 12, 20], "the default of final_rate is 0.0", **settings)


@exercise("schedules.warmup_cosine")
def test_warmup_cosine_by_position(learner):
    """The settings come in the order total_steps, warmup_steps, peak_rate, final_rate."""
    warms_up(learner, [0, 2, 3, 6, 9], "the signature gives this order", 9, 3, 0.5, 0.1)


@exercise("schedules.warmup_cosine")
def test_any_warm_up_and_length(learner, for_any):
    """The formula holds for any length, warm-up and rates."""

    @for_any(drawn=schedules())
    def law(drawn):
        steps, settings = drawn
        warms_up(learner, steps, "rise and fall follow the docstring's formula", **settings)


@composite
def schedules(draw) -> tuple[list[int], dict]:
    """Steps and settings: up to a thousand steps, rates from 0.0001 to 1."""
    total = draw(integers(2, 1000))
    warmup = draw(integers(0, total - 1))
    peak = draw(floats(1e-3, 1))
    final = peak * draw(floats(0, 0.9))
    steps = [0, warmup, total, *draw(lists(integers(0, 2 * total), max_size=4))]
    settings = {"total_steps": total, "warmup_steps": warmup}
    return steps, {**settings, "peak_rate": peak, "final_rate": final}


# --- WarmupCosine ------------------------------------------------------------------------------


def schedule(learner, *given, **settings):
    """A learner's schedule."""
    made = learner.schedules.WarmupCosine(*given, **settings)
    return expect(made).to_be_a(
        "schedule", because="an optimizer takes a keras.optimizers.schedules.LearningRateSchedule"
    )


def schedules_rates(learner, steps, because, *given, **settings):
    """Compare the rates of a learner's schedule with the law."""
    made = schedule(learner, *given, **settings)
    found = [made.call(step) for step in steps]
    row = ", ".join(str(step) for step in steps)
    learner.last_call = f"WarmupCosine({in_words(given, settings)})(step) for step = {row}"
    is_warmup_cosine(found, steps, because, *given, **settings)


@exercise("schedules.WarmupCosine")
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
    learner.last_call = "an optimizer with this WarmupCosine for 7 steps"
    why = "the first step of an optimizer is step 0, and has the rate 0 if there is a warm-up"
    is_warmup_cosine(found, list(range(7)), why, **settings, final_rate=0.05)


@exercise("schedules.WarmupCosine")
@pytest.mark.trains
def test_network_learns_with_the_schedule(learner, draw):
    """A small network whose optimizer has the schedule learns the synthetic dataset."""
    settings = {"total_steps": 80, "warmup_steps": 10, "peak_rate": 0.02}
    model = learner.tools.compiled_cnn(rate=schedule(learner, **settings))
    training, test = images(draw)
    model.fit(*training, epochs=2, batch_size=32)
    recognises(learner, model, test)


def images(draw) -> list[tuple[np.ndarray, np.ndarray]]:
    """1,280 training and 200 test images of the synthetic dataset, at half the size, labels one-hot."""
    return [
        ((x[:, ::2, ::2] / 64 - 1.7).astype(np.float32), np.eye(10, dtype=np.float32)[y])
        for x, y in draw(1280, 200, seed=0)
    ]


def recognises(learner, model, test: tuple[np.ndarray, np.ndarray]) -> None:
    """The network must be far above chance on images that it has not seen."""
    x, y = test
    right = float(np.mean(np.argmax(model.predict(x), 1) == y.argmax(1)))
    learner.last_call = "the network on 200 new images of the synthetic dataset, after 80 steps"
    expect(right).to_reach(
        "scheduled_synthetic_accuracy",
        "a accuracy",
        because="chance gives 0.1, and the reference reaches about 0.55",
    )


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
    found = [again.call(step) for step in steps]
    learner.last_call = "WarmupCosine.from_config(schedule.get_config())(step), for several steps"
    why = "a saved model would else go on with another schedule: every setting belongs in there"
    is_warmup_cosine(found, steps, why, **settings)


# --- the two rules about plateaus --------------------------------------------------------------

# Metrics lie on a grid of 1/64, where sums are exact in any floating type.


def grid(*numerators: int) -> list[float]:
    """Metrics, in sixty-fourths."""
    return [numerator / 64 for numerator in numerators]


def improvements(
    metrics, mode, min_delta, *, first=None, strict=True, creep=False, previous=False
) -> list[bool]:
    """For each epoch, whether it beats the best one so far by more than min_delta.

    The keywords after the star make the wrong laws: a best value that is there from the
    start, `>=` for `>`, a best value that moves with every gain, the previous epoch for the best.
    """
    best, found = first, []
    for metric in metrics:
        gain = math.inf if best is None else metric - best if mode == "max" else best - metric
        found.append(gain > min_delta or (gain == min_delta and not strict))
        if found[-1] or (creep and gain > 0) or previous:
            best = metric
    return found


LOOKS = ("first", "strict", "creep", "previous")


def count_waits(better: list[bool], patience: int, *, once_up=False, restart=True) -> list[bool]:
    """For each epoch, whether patience has run out; the count begins again after that.

    The keywords make the wrong laws: a count that improvements do not reset, and one that
    goes on after it has run out.
    """
    wait, found = 0, []
    for improved in better:
        wait = 0 if improved and not once_up else wait + (not improved)
        found.append(wait >= patience and not improved)
        if found[-1] and restart:
            wait = 0
    return found


COUNTS = ("once_up", "restart")


REDUCE_DEFAULTS = {
    **{"learning_rate": None, "patience": 3, "factor": 0.5},
    **{"mode": "max", "min_delta": 1e-4, "min_rate": 0.0},
}
STOP_DEFAULTS = {"patience": 5, "mode": "min", "min_delta": 0.0}


def plateau_rates(metrics, learning_rate, **given) -> list[float]:
    """The law of ReduceOnPlateau: the rate after each epoch."""
    settings = {**REDUCE_DEFAULTS, **given}
    rate, found = learning_rate, []
    for drop in run_out(metrics, settings):
        if drop and (rate > settings["min_rate"] or settings.get("raises")):
            start = learning_rate if settings.get("from_start") else rate
            rate = max(start * settings["factor"], settings["min_rate"])
        found.append(rate)
    return found


def stops(metrics, **given) -> list[bool]:
    """The law of StopEarly: whether to stop after each epoch, up to the first True."""
    found = run_out(metrics, {**STOP_DEFAULTS, **given})
    return found[: found.index(True) + 1] if True in found else found


def run_out(metrics, settings: Mapping[str, Any]) -> list[bool]:
    """For each epoch, whether patience has run out, by the law or a wrong one."""
    looks = {name: settings[name] for name in LOOKS if name in settings}
    counts = {name: settings[name] for name in COUNTS if name in settings}
    better = improvements(metrics, settings["mode"], settings["min_delta"], **looks)
    return count_waits(better, settings["patience"], **counts)


# Each makes the settings of a wrong law out of those of the right one.
RULE_MISTAKES: dict[str, Callable[[dict], dict]] = {
    "you waited one epoch too long, as with `>` for `>=`: patience epochs without improvement "
    "are enough": lambda s: {**s, "patience": s["patience"] + 1},
    "you waited one epoch less than patience": lambda s: {**s, "patience": s["patience"] - 1},
    "an improvement did not reset your count: patience is about epochs in a row": (
        lambda s: {**s, "once_up": True}
    ),
    "you compared with the previous epoch instead of the best one so far": (
        lambda s: {**s, "previous": True}
    ),
    "your best value moved up with gains within min_delta: a metric that creeps would then never "
    "improve": lambda s: {**s, "creep": True},
    "you left out min_delta: a gain must be larger than it": lambda s: {**s, "min_delta": 0.0},
    "an equal metric counted as an improvement, as with `>=` for `>`": (
        lambda s: {**s, "min_delta": 0.0, "strict": False}
    ),
    "you always took larger for better, whatever the mode": lambda s: {**s, "mode": "max"},
    "you always took smaller for better, whatever the mode": lambda s: {**s, "mode": "min"},
    "you took the two modes for each other": (
        lambda s: {**s, "mode": "min" if s["mode"] == "max" else "max"}
    ),
    "your best value starts at 0 instead of the first metric": lambda s: {**s, "first": 0.0},
}
REDUCE_MISTAKES = {
    **RULE_MISTAKES,
    "your count went on after a drop, so the rate drops again at once: reset it": (
        lambda s: {**s, "restart": False}
    ),
    "you left out min_rate": lambda s: {**s, "min_rate": 0.0},
    "you raised a rate that was below min_rate: it is left alone": lambda s: {**s, "raises": True},
    "you multiplied the first rate instead of the present one, so only one drop is seen": (
        lambda s: {**s, "from_start": True}
    ),
    "you divided by the factor": lambda s: {**s, "factor": 1 / s["factor"]},
    "you multiplied by 1 - factor": lambda s: {**s, "factor": 1 - s["factor"]},
}


@dataclass(frozen=True)
class Rule:
    """A learner's class beside its law: runs both, compares, and names what it recognises."""

    name: str
    defaults: Mapping[str, Any]  # in the signature's order
    law: Callable[..., list]
    mistakes: Mapping[str, Callable[[dict], dict]]

    def holds(self, learner, metrics, because: str, *given, **settings) -> None:
        """The learner's rule must answer to these metrics as the law does."""
        right = self.law(metrics, **complete(self.defaults, given, settings))
        metrics = metrics[: len(right)]
        found = self.answers(learner, metrics, *given, **settings)
        if same(found, right):
            return
        mistake = self.recognised(learner)
        row = ", ".join(f"{metric:g}" for metric in metrics)
        learner.last_call = f"{self.name}({in_words(given, settings)}), then update with {row}"
        if all(answer is None for answer in found):
            fail("Every update returned None: is there a `return`?", in_a_row(right), because)
        fail(f"It returned {in_a_row(found)}.", in_a_row(right), because, mistake)

    def answers(self, learner, metrics, *given, **settings) -> list:
        """A new rule's answers to these metrics, up to the first True."""
        rule = getattr(learner.schedules, self.name)(*given, **settings)
        expect(rule).to_be_a("rule", because=f"{self.name} is a class with a method `update`")
        found = []
        for metric in metrics:
            found.append(rule.update(metric))
            if found[-1] is True:
                break
        return found

    def recognised(self, learner) -> str | None:
        """The wrong law that explains the learner's answers to many other histories."""
        probes = self.histories(40, seed=1)
        answers = [self.answers(learner, metrics, **settings) for metrics, settings in probes]
        for text, wrong in self.mistakes.items():
            explained = [self.law(metrics, **wrong(settings)) for metrics, settings in probes]
            if all(map(same, answers, explained)):
                return text
        return None

    def any_history(self):
        """A strategy for metrics and settings, with plateaus and ties among them."""
        gain = sampled_from([0, 1, -1, 2, -2, 3, -3])
        settings = {
            "learning_rate": floats(1e-3, 1),
            "patience": integers(1, 4),
            "factor": sampled_from([0.1, 0.3, 0.7]),
            "mode": sampled_from(["min", "max"]),
            "min_delta": sampled_from([0.5 / 64, 1.5 / 64, 2.5 / 64]),
            "min_rate": sampled_from([0.0, 0.02, 0.2, 2.0]),
        }
        metrics = builds(
            lambda start, gains: grid(*(start + np.cumsum([0, *gains])).tolist()),
            integers(-9, 100),
            lists(gain, min_size=1, max_size=18),
        )
        return tuples(metrics, fixed_dictionaries({name: settings[name] for name in self.defaults}))

    def histories(self, count: int, seed: int) -> list[tuple[list[float], dict]]:
        """Metrics and settings at random, with plateaus and ties among them."""
        random = generator(seed)
        return [self._history(random) for _ in range(count)]

    def _history(self, random: np.random.Generator) -> tuple[list[float], dict]:
        steps = random.choice([-3, -2, -1, 0, 0, 1, 2, 3], size=int(random.integers(8, 20)))
        metrics = grid(*(int(random.integers(-9, 100)) + np.cumsum(steps)).tolist())
        settings = {
            "learning_rate": float(10 ** random.uniform(-3, 0)),
            "patience": int(random.integers(1, 5)),
            "factor": float(random.choice([0.1, 0.3, 0.7])),
            "mode": str(random.choice(["min", "max"])),
            # between the lines of the grid: no gain is within 1e-6 of it
            "min_delta": float(random.choice([0.5, 1.5, 2.5]) / 64),
            "min_rate": float(random.choice([0, 0.02, 0.2, 2])),
        }
        return metrics, {name: settings[name] for name in self.defaults}


def same(found: list, right: list) -> bool:
    """Whether answers agree: True and False exactly, rates to 1e-6."""
    if len(found) != len(right) or not all(isinstance(f, bool | int | float) for f in found):
        return False
    if isinstance(right[0], bool):
        return all(f is r for f, r in zip(found, right, strict=True))
    return bool(np.allclose(found, right, rtol=1e-6, atol=0))


def in_a_row(values: list) -> str:
    """All values of a short history."""
    return "[" + ", ".join(f"{v:.6g}" if type(v) is float else repr(v) for v in values) + "]"


REDUCE = Rule(
    "ReduceOnPlateau",
    REDUCE_DEFAULTS,
    plateau_rates,
    REDUCE_MISTAKES,
)
STOP = Rule("StopEarly", STOP_DEFAULTS, stops, RULE_MISTAKES)

# --- ReduceOnPlateau ---------------------------------------------------------------------------


@exercise("schedules.ReduceOnPlateau")
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


@exercise("schedules.ReduceOnPlateau")
def test_two_rules_do_not_share(learner):
    """Two rules at work at once know nothing of each other."""
    one, two = (learner.schedules.ReduceOnPlateau(rate, patience=2) for rate in (0.8, 0.2))
    found = [[one.update(m), two.update(1 - m)] for m in grid(10, 9, 8, 8)]
    learner.last_call = "update of two rules in turn, one for falling metrics, one for rising ones"
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


# --- StopEarly ---------------------------------------------------------------------------------


@exercise("schedules.StopEarly")
def test_stops_when_patience_runs_out(learner):
    """It stops after exactly `patience` epochs in a row without an improvement."""
    why = "the third epoch is the best one, and three epochs without improvement follow"
    STOP.holds(learner, grid(90, 80, 70, 75, 74, 73, 72), why, patience=3)
    why = "with a patience of 1, a single epoch without improvement is enough"
    STOP.holds(learner, grid(90, 80, 85, 80), why, patience=1)


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


@exercise("schedules.StopEarly")
def test_two_stop_rules_do_not_share(learner):
    """Two rules at work at once know nothing of each other."""
    one, two = (learner.schedules.StopEarly(patience=2) for _ in range(2))
    found = [[one.update(m), two.update(1 - m)] for m in grid(30, 20, 10)]
    learner.last_call = "update of two rules in turn, one for falling metrics, one for rising ones"
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


# --- training_callbacks ------------------------------------------------------------------------


def settings_of(learner, name: str) -> dict:
    """The settings of the one callback of this class."""
    return the_callback(
        learner,
        learner.schedules.training_callbacks,
        name,
        because="EarlyStopping ends the training, ReduceLROnPlateau reduces the rate",
    )


@exercise("schedules.training_callbacks")
def test_early_stopping_settings(learner):
    """EarlyStopping watches val_loss or val_accuracy, with a patience of 5 to 10."""
    spec = settings_of(learner, "EarlyStopping")
    expect_watches(spec, ["val_loss", "val_accuracy"])
    expect(spec["patience"]).to_be_true(
        5 <= spec["patience"] <= 10,
        "a patience of 5 to 10 epochs",
        because="a validation metric jitters: less would stop by accident, more wastes epochs",
        mistake="you left patience at Keras' default, 0" if spec["patience"] == 0 else None,
    )


@exercise("schedules.training_callbacks")
def test_reduce_lr_settings(learner):
    """ReduceLROnPlateau watches val_accuracy, with patience 3 and factor 0.5."""
    spec = settings_of(learner, "ReduceLROnPlateau")
    expect_watches(spec, ["val_accuracy"])
    expect_halved_after_three(spec)


@exercise("schedules.training_callbacks")
def test_new_callbacks_at_each_call(learner):
    """Each call returns new objects."""
    expect_new_callbacks(learner.schedules.training_callbacks)


@exercise("schedules.training_callbacks")
def test_best_weights_are_restored(learner):
    """When training stops early, the model gets the weights of its best epoch back."""
    run = rehearsed(learner)
    expect(run["weight"]).to_equal(
        5.0,
        because="epoch 5 of these 20 had the best validation metrics: its weights are the ones "
        "to keep",
        mistakes={
            "you left out restore_best_weights=True: the last epoch's weights stay": (
                float(len(run["rates"]))
            )
        },
    )
    expect(len(run["rates"])).to_be_true(
        10 <= len(run["rates"]) <= 15,
        "a stop 5 to 10 epochs after the best one, epoch 5",
        because="patience counts the epochs without improvement",
    )


RATE = 0.001  # a min_lr that keeps the course's own rate from falling must show


def rehearsed(learner) -> dict:
    """A run in which both validation metrics are best in epoch 5."""
    callbacks = learner.schedules.training_callbacks()
    accuracy = [0.25, 0.375, 0.5, 0.625, 0.75, *[0.625, 0.5, 0.5625] * 5]
    metrics = {"val_accuracy": accuracy, "val_loss": [1 - value for value in accuracy]}
    run = learner.tools.simulate_training(callbacks, metrics, rate=RATE)
    learner.last_call = "training_callbacks() for 20 epochs at 0.001, the fifth of them the best"
    return run


@exercise("schedules.training_callbacks")
def test_rate_is_reduced(learner):
    """The optimizer's rate is halved three epochs after the best one."""
    run = rehearsed(learner)
    right = [RATE] * 8 + [RATE / 2] * 2
    expect(run["rates"][:10]).to_be_close(
        right,
        because="epoch 5 was the best, epochs 6 to 8 were not better: epoch 9 has half the rate",
        mistakes={
            "the rate did not change at all; a min_lr that is as high would do that": [RATE] * 10
        },
    )


# --- train -------------------------------------------------------------------------------------


def points(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of three classes that a straight line tells apart, with one-hot labels."""
    labels = np.arange(count) % 3
    x = 2 * np.eye(3, 4)[labels] + 0.3 * generator(seed).normal(size=(count, 4))
    return x.astype(np.float32), np.eye(3, dtype=np.float32)[labels]


def contradicted(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The same points with every label wrong."""
    x, y = pair
    return x, np.roll(y, 1, axis=1)


def trained(learner, *given, **settings):
    """The history that `train` returns."""
    history = learner.schedules.train(*given, **settings)
    expect(history).to_be_true(
        isinstance(history, dict),
        "a dict: name to list of floats",
        because="it can be plotted and saved without Keras",
        mistake="you returned Keras' History object: its `.history` is the dict"
        if getattr(history, "kind", None) == "callback"
        else None,
    )
    return history


def epochs_run(history: dict) -> int:
    """How many epochs the history tells of."""
    losses = history.get("loss")
    expect(losses).to_be_true(
        isinstance(losses, list),
        "a list of floats for loss",
        because="a learning curve has one number for each epoch",
    )
    return len(losses)


def gradient_descent(weights, training, validation, epochs: int, rate: float):
    """Softmax regression in plain NumPy, a step an epoch: the history, and the weights then."""
    kernel, bias = (np.asarray(w, np.float64) for w in weights)
    history = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}

    def measure(x, y, prefix: str) -> np.ndarray:
        scores = np.exp(x @ kernel + bias)
        shares = scores / scores.sum(1, keepdims=True)
        history[f"{prefix}loss"].append(-np.mean(np.log((shares * y).sum(1))))
        history[f"{prefix}accuracy"].append(np.mean(shares.argmax(1) == y.argmax(1)))
        return shares

    for _ in range(epochs):
        x, y = training
        error = (measure(x, y, "") - y) / len(x)
        kernel, bias = kernel - rate * x.T @ error, bias - rate * error.sum(0)
        measure(*validation, "val_")
    return history, [kernel, bias]


@exercise("schedules.train")
def test_history_is_a_dict_of_lists(learner):
    """It returns loss, accuracy, val_loss and val_accuracy: a list each, a float an epoch."""
    model = learner.tools.compiled_model()
    history = trained(learner, model, points(12), points(6, seed=1), epochs=3)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        values = history.get(name)
        expect(sorted(history)).to_be_true(
            values is not None,
            f"{name} among the names",
            because="`fit` measures on both parts when it gets validation_data",
        )
        expect(values).to_be_true(
            isinstance(values, list) and [type(v) for v in values] == [float] * 3,
            f"a list of 3 floats for {name}, as 3 epochs were asked for",
            because="each epoch adds one number to each curve",
        )


@exercise("schedules.train")
def test_learns_from_the_training_data_alone(learner):
    """The model learns from the training data alone, with the optimizer it was compiled with."""
    model = learner.tools.compiled_model(rate=0.5)
    training, validation = points(10), contradicted(points(8, seed=1))
    before = model.get_weights()
    # a batch holds all: every epoch is one step of gradient descent, in whatever order
    trained(learner, model, training, validation, epochs=4, batch_size=100)
    expect(model.optimizer_spec()["class"]).to_equal(
        "SGD",
        because="the model comes with the optimizer it was compiled with, and keeps it",
        mistakes={"you compiled the model again, with Adam": "Adam"},
    )
    expected = gradient_descent(before, training, validation, 4, rate=0.5)[1]
    both = tuple(np.concatenate(pair) for pair in zip(training, validation, strict=True))

    def after(data, epochs=4):
        return gradient_descent(before, data, validation, epochs, rate=0.5)[1][0]

    expect(model.get_weights()[0]).to_be_close(
        expected[0],
        because="four epochs of one batch are four steps on the training data, from the weights "
        "that the model had",
        rtol=1e-3,
        atol=1e-4,
        mistakes={
            "the model was not trained at all (or only a copy of it)": before[0],
            "you trained on the validation data": lambda: after(validation),
            "you trained on training and validation data together": lambda: after(both),
            "you held out a part of the training data again (validation_split=0.1)": (
                lambda: after([part[:9] for part in training])
            ),
            "you held out a part of the training data again (validation_split=0.2)": (
                lambda: after([part[:8] for part in training])
            ),
            "the weights are those after one epoch: you trained for one only, or a callback of "
            "your own has put the best ones back": lambda: after(training, epochs=1),
        },
    )


@exercise("schedules.train")
def test_curves_are_right(learner):
    """The curves are those of the training data, and after each epoch of the validation data."""
    model = learner.tools.compiled_model(rate=0.5)
    training, validation = points(10), contradicted(points(8, seed=1))
    before = model.get_weights()
    found = trained(learner, model, training, validation, epochs=4, batch_size=100)
    right = gradient_descent(before, training, validation, 4, rate=0.5)[0]
    on_training = gradient_descent(before, training, training, 4, rate=0.5)[0]
    for name, values in right.items():
        expect(found.get(name)).to_be_close(
            values,
            because=f"this is the {name} of a classifier trained for four steps"
            + (", on validation labels that are all wrong" if name[:4] == "val_" else ""),
            rtol=1e-3,
            atol=1e-4,
            mistakes={
                "you measured on the training data again": on_training[name],
                "you took training and validation for each other": (
                    lambda name=name: gradient_descent(before, validation, training, 4, 0.5)[0][
                        name
                    ]
                ),
            },
        )


@exercise("schedules.train")
def test_nothing_stops_it(learner):
    """Without callbacks it trains all epochs, even where the validation metrics get worse."""
    model = learner.tools.compiled_model()
    # a patience of 10, the longest that the course asks for, would end it after 11 epochs
    history = trained(learner, model, points(9), contradicted(points(6)), epochs=12)
    expect(epochs_run(history)).to_equal(
        12,
        because="`callbacks=None` means that none interfere",
        mistakes={"epochs did not reach `fit`, whose default is 1": 1},
    )


@exercise("schedules.train")
def test_batch_size_decides_the_steps(learner):
    """An epoch takes as many steps as there are batches."""
    model = learner.tools.compiled_model()
    trained(learner, model, points(12), points(6), epochs=2, batch_size=5)
    expect(learner.tools.steps_taken(model)).to_equal(
        6,
        because="12 images in batches of 5 make 3 steps (5, 5 and 2), in each of 2 epochs",
        mistakes={
            "you left batch_size at Keras' default": 2,
            "epochs did not reach `fit`": 3,
            "you took epochs and batch_size for each other": 30,
        },
    )


@exercise("schedules.train")
def test_callbacks_are_passed_on(learner):
    """Callbacks are called in training: one that stops it after two epochs does."""
    model = learner.tools.compiled_model()
    callbacks = [learner.tools.stop_after(2)]
    history = trained(learner, model, points(9), points(6), epochs=6, callbacks=callbacks)
    expect(epochs_run(history)).to_equal(
        2,
        because="this callback stops training at the end of the second of six epochs",
        mistakes={"the callbacks did not reach `fit`": 6},
    )


@exercise("schedules.train")
def test_train_defaults(learner):
    """By default it trains for 30 epochs in batches of 64."""
    model, callback = learner.tools.compiled_model(), learner.tools.stop_after(1)
    trained(learner, model, points(65), points(6), callbacks=[callback])
    planned, steps = learner.tools.epochs_planned(callback), learner.tools.steps_taken(model)
    learner.last_call = "train(model, training, validation, callbacks=[...]) with 65 images"
    expect(planned).to_equal(
        30,
        because="epochs is 30 by default, and `fit` tells each callback how many it plans",
        mistakes={
            "you left epochs at Keras' default, 1": 1,
            "the callbacks did not reach `fit`": 0,
        },
    )
    expect(steps).to_equal(
        2,
        because="65 images are a batch of 64 and one of 1: two steps in the only epoch",
        mistakes={"you left batch_size at Keras' default, 32": 3},
    )


@exercise("schedules.train")
def test_data_are_left_alone(learner):
    """The caller's arrays are the same before and after."""
    model = learner.tools.compiled_model()
    (x, y), (x_validation, y_validation) = points(9), points(6, seed=1)
    trained(learner, model, (x, y), (x_validation, y_validation), epochs=1)
    expect_left_alone(
        learner,
        x_train=x,
        y_train=y,
        x_validation=x_validation,
        y_validation=y_validation,
        because="others go on working with these arrays",
    )


@exercise("schedules.train")
@pytest.mark.trains
def test_network_learns(learner, draw):
    """A small network that `train` trains learns the synthetic dataset."""
    model = learner.tools.compiled_cnn()
    training, test = images(draw)
    trained(learner, model, training, test, epochs=2, batch_size=32)
    recognises(learner, model, test)
