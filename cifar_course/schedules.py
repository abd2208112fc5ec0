"""Lesson 4: learning-rate schedules, plateau rules and the training run."""

import math

import keras
import numpy as np


def step_decay(epoch: int, initial_rate: float, factor: float = 0.5, every: int = 10) -> float:
    """Return a learning rate that is multiplied by `factor` after every `every` epochs.

    Args:
        epoch: The current epoch, counted from 0.
        initial_rate: The rate of epochs 0 to `every - 1`.
        factor: The number that each step multiplies the rate by.
        every: Epochs from one step to the next.

    Returns:
        The learning rate of this epoch.
    """
    raise NotImplementedError("schedules.step_decay is not written yet: see lesson 4")


def warmup_cosine(
    step: int, total_steps: int, warmup_steps: int, peak_rate: float, final_rate: float = 0.0
) -> float:
    """Return a learning rate that rises linearly, then falls along half a cosine.

        rising:   peak_rate * step / warmup_steps                          step < warmup_steps
        falling:  final_rate + (peak_rate - final_rate) * (1 + cos(pi * t)) / 2

    where t runs from 0 at `warmup_steps` to 1 at `total_steps`. After `total_steps` the rate
    stays at `final_rate`.

    Source: Loshchilov and Hutter, "SGDR" (2017), formula 5, after a warm-up as in Goyal et
    al., "Accurate, Large Minibatch SGD" (2017).

    Args:
        step: Optimizer steps (batches) taken so far, from 0.
        total_steps: The step at which `final_rate` is reached; the warm-up is part of it.
        warmup_steps: The step at which `peak_rate` is reached, less than `total_steps`; with
            0 the rate starts at `peak_rate`.
        peak_rate: The highest rate.
        final_rate: The lowest rate: a rate, not a fraction of the peak.

    Returns:
        The learning rate at this step.
    """
    raise NotImplementedError("schedules.warmup_cosine is not written yet: see lesson 4")


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Learning-rate schedule for Keras optimizers that computes `warmup_cosine`.

    Args:
        total_steps: As in `warmup_cosine`.
        warmup_steps: As in `warmup_cosine`.
        peak_rate: As in `warmup_cosine`.
        final_rate: As in `warmup_cosine`.
    """

    def __init__(
        self, total_steps: int, warmup_steps: int, peak_rate: float, final_rate: float = 0.0
    ):
        super().__init__()
        raise NotImplementedError("schedules.WarmupCosine is not written yet: see lesson 4")

    def __call__(self, step):
        """Return the rate at `step`, a number or (inside `fit`) a tensor: use `keras.ops`."""
        raise NotImplementedError("schedules.WarmupCosine is not written yet: see lesson 4")

    def get_config(self) -> dict:
        """Return the four settings, from which Keras recreates a saved schedule."""
        raise NotImplementedError("schedules.WarmupCosine is not written yet: see lesson 4")


class ReduceOnPlateau:
    """Rule that multiplies the learning rate by `factor` when a metric stops improving.

    It is the rule of `keras.callbacks.ReduceLROnPlateau` without cooldown, as a plain class.
    After `patience` epochs in a row without an improvement, the rate drops and the count
    starts again. An improvement beats the best value so far by more than `min_delta`.

    Args:
        learning_rate: The initial rate.
        patience: Epochs without an improvement before the rate drops.
        factor: The number that each drop multiplies the rate by.
        mode: "max" if a larger metric is better (accuracy), "min" if a smaller one is (loss).
        min_delta: An improvement is larger than this.
        min_rate: No drop goes below this rate; a rate that is already below it does not change.
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
        """Take the metric of the epoch that just ended and return the rate for the next one."""
        raise NotImplementedError("schedules.ReduceOnPlateau is not written yet: see lesson 4")


class StopEarly:
    """Rule that stops training when a metric stops improving.

    It is the rule of `keras.callbacks.EarlyStopping`, as a plain class. Training should stop
    after `patience` epochs in a row without an improvement. An improvement beats the best
    value so far by more than `min_delta`.

    Args:
        patience: Epochs without an improvement before training stops.
        mode: "min" if a smaller metric is better (loss), "max" if a larger one is (accuracy).
        min_delta: An improvement is larger than this.
    """

    def __init__(self, patience: int = 5, mode: str = "min", min_delta: float = 0.0):
        raise NotImplementedError("schedules.StopEarly is not written yet: see lesson 4")

    def update(self, metric: float) -> bool:
        """Take the metric of the epoch that just ended and return True if training should stop.

        After the first True, further results are undefined.
        """
        raise NotImplementedError("schedules.StopEarly is not written yet: see lesson 4")


def training_callbacks() -> list[keras.callbacks.Callback]:
    """Return the two callbacks of a full training run, new objects at each call.

    - EarlyStopping on `val_loss` or `val_accuracy`, with a patience of 5 to 10 epochs; it
      restores the best weights.
    - ReduceLROnPlateau on `val_accuracy`, with patience 3 and factor 0.5.
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
        model: A compiled model; its weights change.
        training: (x, y) to learn from.
        validation: (x, y) to measure after every epoch; the model does not learn from it.
        epochs: The largest number of passes over the training data.
        batch_size: Images per optimizer step.
        callbacks: Callbacks for Keras' `fit`; `None` means none.

    Returns:
        One list per metric, one number per epoch: `loss`, `accuracy`, `val_loss`,
        `val_accuracy`, and others that callbacks add, such as `learning_rate`.
    """
    raise NotImplementedError("schedules.train is not written yet: see lesson 4")
