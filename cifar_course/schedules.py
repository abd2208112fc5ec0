"""Lesson 4: how fast to learn, when to slow down, and when to stop."""

import math

import keras
import numpy as np


def step_decay(epoch: int, initial_rate: float, factor: float = 0.5, every: int = 10) -> float:
    """The learning rate that is multiplied by `factor` after every `every` epochs.

    Args:
        epoch: Counted from 0.
        initial_rate: The rate of epochs 0 to `every - 1`.
        factor: What each step multiplies the rate by.
        every: Epochs from one step to the next.
    """
    raise NotImplementedError("schedules.step_decay is not written yet: see lesson 4")


def warmup_cosine(
    step: int, total_steps: int, warmup_steps: int, peak_rate: float, final_rate: float = 0.0
) -> float:
    """A learning rate that rises in a straight line, then falls along half a cosine.

        rising:   peak_rate * step / warmup_steps                          step < warmup_steps
        falling:  final_rate + (peak_rate - final_rate) * (1 + cos(pi * t)) / 2

    where t runs from 0 at `warmup_steps` to 1 at `total_steps`; afterwards the rate stays at
    `final_rate`.
    Source: Loshchilov and Hutter, "SGDR" (2017), formula 5, after a warm-up as in Goyal et
    al., "Accurate, Large Minibatch SGD" (2017).

    Args:
        step: Optimizer steps (batches) taken so far, from 0.
        total_steps: Where `final_rate` is reached; the warm-up is part of it.
        warmup_steps: Where `peak_rate` is reached; 0 starts there. Less than `total_steps`.
        peak_rate: The highest rate.
        final_rate: The lowest rate: a rate, not a fraction of the peak.
    """
    raise NotImplementedError("schedules.warmup_cosine is not written yet: see lesson 4")


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """`warmup_cosine` as a schedule that a Keras optimizer takes for its learning rate.

    Args:
        total_steps, warmup_steps, peak_rate, final_rate: as in `warmup_cosine`.
    """

    def __init__(
        self, total_steps: int, warmup_steps: int, peak_rate: float, final_rate: float = 0.0
    ):
        super().__init__()
        raise NotImplementedError("schedules.WarmupCosine is not written yet: see lesson 4")

    def __call__(self, step):
        """The rate at `step`, a number or (inside `fit`) a tensor: use `keras.ops`."""
        raise NotImplementedError("schedules.WarmupCosine is not written yet: see lesson 4")

    def get_config(self) -> dict:
        """The four settings, so that a saved optimizer can make this schedule again."""
        raise NotImplementedError("schedules.WarmupCosine is not written yet: see lesson 4")


class ReduceOnPlateau:
    """Multiply the learning rate by `factor` when a metric has stopped improving.

    The rule of `keras.callbacks.ReduceLROnPlateau` without cooldown, as a plain class: after
    `patience` epochs in a row without an improvement the rate drops and the count starts
    again. An improvement beats the best value so far by more than `min_delta`.

    Args:
        learning_rate: The rate to start from.
        patience: Epochs without improvement before the rate drops.
        factor: What the rate is multiplied by.
        mode: "max" where a larger metric is better (accuracy), "min" where a smaller one is.
        min_delta: How much better counts as better.
        min_rate: No drop goes below this; a rate that is already below it is left alone.
    """

    def __init__(
        self,
        learning_rate: float,
        patience: int = 3,
        factor: float = 0.5,
        mode: str = "max",
        min_delta: float = 1e-4,
        min_rate: float = 0.0,
    ):
        raise NotImplementedError("schedules.ReduceOnPlateau is not written yet: see lesson 4")

    def update(self, metric: float) -> float:
        """Take the metric of the epoch that just ended; return the next epoch's rate."""
        raise NotImplementedError("schedules.ReduceOnPlateau is not written yet: see lesson 4")


class StopEarly:
    """Stop training when a metric has stopped improving.

    The rule of `keras.callbacks.EarlyStopping`, as a plain class: True after `patience`
    epochs in a row without an improvement on the best value so far by more than `min_delta`.

    Args:
        patience: Epochs without improvement before training stops.
        mode: "min" where a smaller metric is better (loss), "max" where a larger one is.
        min_delta: How much better counts as better.
    """

    def __init__(self, patience: int = 5, mode: str = "min", min_delta: float = 0.0):
        raise NotImplementedError("schedules.StopEarly is not written yet: see lesson 4")

    def update(self, metric: float) -> bool:
        """Take the metric of the epoch that just ended; True when training should stop."""
        raise NotImplementedError("schedules.StopEarly is not written yet: see lesson 4")


def training_callbacks() -> list[keras.callbacks.Callback]:
    """The two callbacks of a full training run, new ones at each call.

    EarlyStopping on `val_loss` or `val_accuracy`, with a patience of 5 to 10 epochs, which
    restores the best weights; ReduceLROnPlateau on `val_accuracy`, patience 3, factor 0.5.
    """
    raise NotImplementedError("schedules.training_callbacks is not written yet: see lesson 4")


def train(
    model: keras.Model,
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    epochs: int = 30,
    batch_size: int = 64,
    callbacks: list[keras.callbacks.Callback] | None = None,
) -> dict[str, list[float]]:
    """Fit a compiled model and return its learning curves.

    Args:
        model: Compiled; its weights change.
        training: (x, y) to learn from.
        validation: (x, y) to watch: measured after every epoch, never learnt from.
        epochs: How often to go through the training data, at most.
        batch_size: Images per optimizer step.
        callbacks: What may look on and interfere; `None` means none.

    Returns:
        One list per metric, one number per epoch: `loss`, `accuracy`, `val_loss`,
        `val_accuracy`, and what the callbacks add, such as `learning_rate`.
    """
    raise NotImplementedError("schedules.train is not written yet: see lesson 4")
