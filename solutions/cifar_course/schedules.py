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
    # <answer>
    return initial_rate * factor ** (epoch // every)
    # </answer>


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
    # <answer>
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    progress = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * progress)) / 2
    # </answer>


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """`warmup_cosine` as a schedule that a Keras optimizer takes for its learning rate.

    Args:
        total_steps, warmup_steps, peak_rate, final_rate: as in `warmup_cosine`.
    """

    def __init__(
        self, total_steps: int, warmup_steps: int, peak_rate: float, final_rate: float = 0.0
    ):
        super().__init__()
        # <answer>
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.peak_rate = peak_rate
        self.final_rate = final_rate
        # </answer>

    def __call__(self, step):
        """The rate at `step`, a number or (inside `fit`) a tensor: use `keras.ops`."""
        # <answer>
        step = keras.ops.cast(step, "float32")
        # both branches are computed, whatever the step is: neither is to divide by zero
        rising = self.peak_rate * step / max(self.warmup_steps, 1)
        progress = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        cosine = keras.ops.cos(math.pi * keras.ops.minimum(progress, 1.0))
        falling = self.final_rate + (self.peak_rate - self.final_rate) * (1 + cosine) / 2
        return keras.ops.where(step < self.warmup_steps, rising, falling)
        # </answer>

    def get_config(self) -> dict:
        """The four settings, so that a saved optimizer can make this schedule again."""
        # <answer>
        return {
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "peak_rate": self.peak_rate,
            "final_rate": self.final_rate,
        }
        # </answer>


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
        # <answer>
        self.learning_rate = learning_rate
        self.patience = patience
        self.factor = factor
        self.sign = 1 if mode == "max" else -1
        self.min_delta = min_delta
        self.min_rate = min_rate
        self.best = None
        self.wait = 0
        # </answer>

    def update(self, metric: float) -> float:
        """Take the metric of the epoch that just ended; return the next epoch's rate."""
        # <answer>
        # larger is better from here on, whatever the mode
        metric = self.sign * metric
        if self.best is None or metric > self.best + self.min_delta:
            self.best = metric
            self.wait = 0
            return self.learning_rate
        self.wait += 1
        if self.wait >= self.patience:
            # a rate that starts below min_rate is left alone, never raised to it
            if self.learning_rate > self.min_rate:
                self.learning_rate = max(self.learning_rate * self.factor, self.min_rate)
            self.wait = 0
        return self.learning_rate
        # </answer>


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
        # <answer>
        self.patience = patience
        self.sign = 1 if mode == "max" else -1
        self.min_delta = min_delta
        self.best = None
        self.wait = 0
        # </answer>

    def update(self, metric: float) -> bool:
        """Take the metric of the epoch that just ended; True when training should stop."""
        # <answer>
        metric = self.sign * metric
        if self.best is None or metric > self.best + self.min_delta:
            self.best = metric
            self.wait = 0
            return False
        self.wait += 1
        return self.wait >= self.patience
        # </answer>


def training_callbacks() -> list[keras.callbacks.Callback]:
    """The two callbacks of a full training run, new ones at each call.

    EarlyStopping on `val_loss` or `val_accuracy`, with a patience of 5 to 10 epochs, which
    restores the best weights; ReduceLROnPlateau on `val_accuracy`, patience 3, factor 0.5.
    """
    # <answer>
    return [
        # patient enough that the rate is reduced, and has time to help, before training stops
        keras.callbacks.EarlyStopping(
            monitor="val_accuracy", mode="max", patience=8, restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau(
            monitor="val_accuracy", mode="max", patience=3, factor=0.5
        ),
    ]
    # </answer>


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
    # <answer>
    history = model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    return {name: [float(value) for value in values] for name, values in history.history.items()}
    # </answer>
