"""Tests of transfer.fine_tuning_callbacks: ReduceLROnPlateau on the validation loss."""

from cifar_lab.testing.expect import expect
from cifar_lab.testing.model_checks import (
    expect_halved_after_three,
    expect_new_callbacks,
    expect_watches,
    the_callback,
)
from cifar_lab.testing.plugin import exercise


@exercise("transfer.fine_tuning_callbacks", main=True)
def test_watches_the_validation_loss(learner):
    """ReduceLROnPlateau watches val_loss, with patience 3 and factor 0.5."""
    spec = the_callback(
        learner,
        learner.transfer.fine_tuning_callbacks,
        "ReduceLROnPlateau",
        because="it halves the rate when the validation loss has stopped falling",
    )
    if spec["monitor"] == "val_accuracy":
        expect(spec["monitor"]).to_equal(
            "val_loss",
            because="fine-tuning moves the accuracy by tenths of a per cent; the loss shows more",
            mistakes={"you watched val_accuracy, as in lesson 4": "val_accuracy"},
        )
    expect_watches(spec, ["val_loss"])
    expect_halved_after_three(spec)


@exercise("transfer.fine_tuning_callbacks")
def test_new_objects_at_each_call(learner):
    """Each call returns new objects."""
    expect_new_callbacks(learner.transfer.fine_tuning_callbacks)


@exercise("transfer.fine_tuning_callbacks", main=True)
def test_the_rate_is_halved(learner):
    """In a run whose validation loss is lowest in epoch 4, the rate is halved after epoch 7."""
    callbacks = learner.transfer.fine_tuning_callbacks()
    losses = [1.0, 0.75, 0.5, 0.25, 0.5, 0.375, 0.5, 0.5]
    rising = [epoch / 16 for epoch in range(8)]  # an accuracy that always gets better
    metrics = {"val_loss": losses, "val_accuracy": rising, "loss": losses, "accuracy": rising}
    rate = 1e-4  # a min_lr that keeps the course's own rate from falling must show
    with learner.described("fine_tuning_callbacks() for 8 epochs at 0.0001, the fourth the best"):
        rates = learner.tools.simulate_training(callbacks, metrics, rate=rate)["rates"]
    expect(rates).to_be_close(
        [rate] * 7 + [rate / 2],
        because="epochs 5, 6 and 7 were not better than epoch 4: epoch 8 has half the rate",
        mistakes={
            "the rate did not change at all; a min_lr that is as high would do that": [rate] * 8
        },
    )
