"""The recipe of lessons 1 to 4: a convolutional network from scratch."""

from types import ModuleType
from typing import Any

import keras

from cifar_lab.data import Dataset
from cifar_lab.training.accuracy import ensure_accuracy
from cifar_lab.training.checkpoint import Checkpoint
from cifar_lab.training.progress_bar import EpochBar
from cifar_lab.training.run import finish

MODULES = ("normalization", "cnn", "regularization", "schedules")
EPOCHS = 30
IMAGE_SIZE = 32


def train(
    modules: dict[str, ModuleType], dataset: Dataset, checkpoint: Checkpoint
) -> dict[str, Any]:
    """Train lesson 3's network from scratch with lesson 4's callbacks.

    Args:
        modules: A submission's `MODULES`, by name.
        dataset: A tenth of its training images is held out for validation.
        checkpoint: Gives the run's settings, and the state to resume from.

    Returns:
        The entries of `metrics.json`.
    """
    settings = checkpoint.settings
    keras.utils.set_random_seed(checkpoint.seed)
    training, validation, test = modules["normalization"].prepare(
        dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test, seed=settings.seed
    )
    model = modules["regularization"].build_regularized_cnn()
    model = modules["cnn"].compile_cnn(model)
    ensure_accuracy(model)
    callbacks = modules["schedules"].training_callbacks()
    checkpoint.enter(0, callbacks)
    bar = EpochBar(settings.epochs)
    try:
        modules["schedules"].train(
            model,
            training,
            validation,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            # the checkpoint comes last: it saves what the others decided after this epoch
            callbacks=[*callbacks, bar, checkpoint],
        )
    finally:
        bar.close()
    parts = {"train": training, "validation": validation, "test": test}
    return finish(model, parts, dataset, checkpoint)
