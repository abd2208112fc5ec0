"""Tests of schedules.training_callbacks: callbacks with the right settings."""

from cifar_lab.testing.expect import expect
from cifar_lab.testing.model_checks import (
    expect_halved_after_three,
    expect_new_callbacks,
    expect_watches,
    the_callback,
)
from cifar_lab.testing.plugin import exercise


def settings_of(learner, name: str) -> dict:
    """Return the settings of the one callback of this class."""
    return the_callback(
        learner,
        learner.schedules.training_callbacks,
        name,
        because="EarlyStopping ends the training, ReduceLROnPlateau reduces the rate",
    )


@exercise("schedules.training_callbacks", main=True)
def test_early_stopping_settings(learner):
    """EarlyStopping watches val_loss or val_accuracy, with a patience of 5 to 10."""
    spec = settings_of(learner, "EarlyStopping")
    expect_watches(spec, ["val_loss", "val_accuracy"])
    expect(spec["patience"]).to_satisfy(
        5 <= spec["patience"] <= 10,
        "a patience of 5 to 10 epochs",
        because="a validation metric jitters: less would stop by accident, more wastes epochs",
        mistake="you left patience at Keras' default, 0" if spec["patience"] == 0 else None,
    )


@exercise("schedules.training_callbacks", main=True)
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
    expect(len(run["rates"])).to_satisfy(
        10 <= len(run["rates"]) <= 15,
        "a stop 5 to 10 epochs after the best one, epoch 5",
        because="patience counts the epochs without improvement",
    )


RATE = 0.001  # a min_lr that keeps the course's own rate from falling must show


def rehearsed(learner) -> dict:
    """Return a run in which both validation metrics are best in epoch 5."""
    callbacks = learner.schedules.training_callbacks()
    accuracy = [0.25, 0.375, 0.5, 0.625, 0.75, *[0.625, 0.5, 0.5625] * 5]
    metrics = {"val_accuracy": accuracy, "val_loss": [1 - value for value in accuracy]}
    with learner.described(
        "training_callbacks() for 20 epochs at 0.001, the fifth of them the best"
    ):
        run = learner.tools.simulate_training(callbacks, metrics, rate=RATE)
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
