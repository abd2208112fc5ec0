"""The recipe of lessons 1 to 4: a convolutional network from scratch."""

from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from cifar_lab.data import Dataset
from cifar_lab.training.run import Checkpoint, EpochBar, Settings, finish

MODULES = ("normalization", "cnn", "regularization", "schedules")
EPOCHS = 30
IMAGE_SIZE = 32


def train(
    modules: dict[str, ModuleType], dataset: Dataset, settings: Settings, out: Path
) -> dict[str, Any]:
    """Lesson 3's network trained from scratch with lesson 4's callbacks.

    Args:
        modules: A submission's `MODULES`, by name.
        dataset: Where a tenth of the training images is held out for validation.
        settings: Seed, epochs, batch size.
        out: The run's folder; an unfinished run in it is resumed.

    Returns:
        What `metrics.json` says.

    Raises:
        RunError: `out` holds another run.
    """
    checkpoint = Checkpoint(out, settings)
    keras.utils.set_random_seed(checkpoint.seed)
    training, validation, test = modules["normalization"].prepare(
        dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test, seed=settings.seed
    )
    model = modules["regularization"].build_regularized_cnn()
    model = modules["cnn"].compile_cnn(model)
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
            # the checkpoint comes last: it notes what the others decided after this epoch
            callbacks=[*callbacks, bar, checkpoint],
        )
    finally:
        bar.close()
    parts = {"train": training, "validation": validation, "test": test}
    return finish(model, parts, dataset, checkpoint)
