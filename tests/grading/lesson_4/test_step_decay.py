"""Tests of schedules.step_decay: a rate that is multiplied by a factor every few epochs."""

from collections.abc import Callable

import numpy as np
from hypothesis.strategies import floats, integers

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise

from .oracles import complete, in_order, near_rates, numbers, step_decay

DECAY_DEFAULTS = {"initial_rate": None, "factor": 0.5, "every": 10}


DECAY_MISTAKES: dict[str, Callable] = {
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
    """Compare the learner's rates at several epochs with the right ones."""
    given, settings = near_rates(given, settings)
    with learner.described(in_order("schedules.step_decay", "epoch", epochs, given, settings)):
        found = [learner.schedules.step_decay(epoch, *given, **settings) for epoch in epochs]
    values = complete(DECAY_DEFAULTS, given, settings).values()
    mistakes = {text: wrong(np.array(epochs), *values) for text, wrong in DECAY_MISTAKES.items()}
    right = step_decay(np.array(epochs), *values)
    expect(numbers(found)).to_be_close(right, because=because, rtol=1e-6, atol=0, mistakes=mistakes)


@exercise("schedules.step_decay", main=True)
def test_one_step_down_every_so_many_epochs(learner):
    """The rate is multiplied by the factor once every `every` epochs."""
    why = "the steps are at epochs 4, 8, 12, ...: as many as `every` fits whole into the epoch"
    # epoch 6 differs for steps that are rounded and epochs that are counted from 1
    epochs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 40]
    decays(learner, epochs, why, initial_rate=0.4, factor=0.3, every=4)


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
