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
    # <answer>
    return initial_rate * factor ** (epoch // every)
    # </answer>


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
    # <answer>
    if step < warmup_steps:
        return peak_rate * step / warmup_steps
    progress = min((step - warmup_steps) / (total_steps - warmup_steps), 1.0)
    return final_rate + (peak_rate - final_rate) * (1 + math.cos(math.pi * progress)) / 2
    # </answer>


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
        # <answer>
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.peak_rate = peak_rate
        self.final_rate = final_rate
        # </answer>

    def __call__(self, step):
        """Return the rate at `step`, a number or (inside `fit`) a tensor: use `keras.ops`."""
        # <answer>
        step = keras.ops.cast(step, "float32")
        # `where` computes both branches at every step, so neither may divide by zero
        rising = self.peak_rate * step / max(self.warmup_steps, 1)
        progress = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        cosine = keras.ops.cos(math.pi * keras.ops.minimum(progress, 1.0))
        falling = self.final_rate + (self.peak_rate - self.final_rate) * (1 + cosine) / 2
        return keras.ops.where(step < self.warmup_steps, rising, falling)
        # </answer>

    def get_config(self) -> dict:
        """Return the four settings, from which Keras recreates a saved schedule."""
        # <answer>
        return {
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "peak_rate": self.peak_rate,
            "final_rate": self.final_rate,
        }
        # </answer>


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
        """Take the metric of the epoch that just ended and return the rate for the next one."""
        # <answer>
        # from here on, larger is better in both modes
        metric = self.sign * metric
        if self.best is None or metric > self.best + self.min_delta:
            self.best = metric
            self.wait = 0
            return self.learning_rate
        self.wait += 1
        if self.wait >= self.patience:
            # a rate that starts below min_rate must not be raised to it
            if self.learning_rate > self.min_rate:
                self.learning_rate = max(self.learning_rate * self.factor, self.min_rate)
            self.wait = 0
        return self.learning_rate
        # </answer>


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
        # <answer>
        self.patience = patience
        self.sign = 1 if mode == "max" else -1
        self.min_delta = min_delta
        self.best = None
        self.wait = 0
        # </answer>

    def update(self, metric: float) -> bool:
        """Take the metric of the epoch that just ended and return True if training should stop.

        After the first True, further results are undefined.
        """
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
    """Return the two callbacks of a full training run, new objects at each call.

    - EarlyStopping on `val_loss` or `val_accuracy`, with a patience of 5 to 10 epochs; it
      restores the best weights.
    - ReduceLROnPlateau on `val_accuracy`, with patience 3 and factor 0.5.
    """
    # <answer>
    return [
        # more patience than ReduceLROnPlateau: a lower rate can help before training stops
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
