"""Tests of schedules.train: a training run: data, epochs, callbacks, history."""

import numpy as np
import pytest

from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise

from .oracles import contradicted, gradient_descent, images, points, recognizes, trained


def epochs_run(history: dict) -> int:
    """Return the number of epochs in the history."""
    losses = history.get("loss")
    expect(losses).to_satisfy(
        isinstance(losses, list),
        "a list of floats for loss",
        because="a learning curve has one number for each epoch",
    )
    return len(losses)


@exercise("schedules.train")
def test_history_is_a_dict_of_lists(learner):
    """It returns loss, accuracy, val_loss and val_accuracy: lists with one float per epoch."""
    model = learner.tools.compiled_model()
    history = trained(learner, model, points(12), points(6, seed=1), epochs=3)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        values = history.get(name)
        expect(sorted(history)).to_satisfy(
            values is not None,
            f"{name} among the names",
            because="`fit` measures on both parts when it gets validation_data",
        )
        expect(values).to_satisfy(
            isinstance(values, list) and [type(v) for v in values] == [float] * 3,
            f"a list of 3 floats for {name}, as 3 epochs were asked for",
            because="each epoch adds one number to each curve",
        )


@exercise("schedules.train", main=True)
def test_learns_from_the_training_data_alone(learner):
    """The model learns from the training data alone, with the optimizer it was compiled with."""
    model = learner.tools.compiled_model(rate=0.5)
    training, validation = points(10), contradicted(points(8, seed=1))
    before = model.get_weights()
    # one batch holds all points, so an epoch is one step of gradient descent in any order
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


@exercise("schedules.train", main=True)
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
    with learner.described("train(model, training, validation, callbacks=[...]) with 65 images"):
        planned, steps = learner.tools.epochs_planned(callback), learner.tools.steps_taken(model)
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
        because="the caller still works with these arrays",
    )


@exercise("schedules.train")
@pytest.mark.trains
def test_network_learns(learner, draw):
    """A small network that `train` trains learns the synthetic dataset."""
    model = learner.tools.compiled_cnn()
    training, test = images(draw)
    trained(learner, model, training, test, epochs=2, batch_size=32)
    recognizes(learner, model, test)
