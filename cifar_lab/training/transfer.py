"""The recipe of lesson 5, as in the original: first a head on MobileNetV2, then fine-tuning.

Every image passes through the whole network in every epoch, augmented; nothing is cached.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import keras

from cifar_lab.data import Dataset, weights
from cifar_lab.training.accuracy import ensure_accuracy
from cifar_lab.training.checkpoint import Checkpoint
from cifar_lab.training.progress_bar import EpochBar
from cifar_lab.training.run import finish

MODULES = ("normalization", "schedules", "transfer")
IMAGE_SIZE = 224
EPOCHS = 10  # of fine-tuning, after those of the head


@dataclass(frozen=True)
class Stage:
    """A part of the run in which the same layers are trained."""

    name: str
    epochs: int
    learning_rate: float
    unfrozen: int  # number of the base's last layers that are trained


def train(
    modules: dict[str, ModuleType], dataset: Dataset, checkpoint: Checkpoint
) -> dict[str, Any]:
    """Train the head on the frozen base for three epochs, then fine-tune the last 20 layers.

    Args:
        modules: A submission's `MODULES`, by name.
        dataset: A tenth of its training images is held out for validation.
        checkpoint: Gives the run's settings, and the state to resume from.

    Returns:
        The entries of `metrics.json`.

    Raises:
        WeightsError: MobileNetV2's ImageNet weights are not on this machine.
    """
    settings = checkpoint.settings
    stages = (
        Stage("head", epochs=3, learning_rate=1e-3, unfrozen=0),
        Stage("fine-tuning", epochs=settings.epochs, learning_rate=1e-4, unfrozen=20),
    )
    base = weights.mobilenet(settings.image_size)
    keras.utils.set_random_seed(checkpoint.seed)
    parts = split(modules["normalization"], dataset, settings.seed)
    transfer = modules["transfer"]
    model = transfer.build_transfer_model(base)
    for number, stage in enumerate(stages):
        callbacks = transfer.fine_tuning_callbacks()
        transfer.unfreeze_last(base, stage.unfrozen)
        transfer.compile_for_fine_tuning(model, stage.learning_rate)
        ensure_accuracy(model)
        if not checkpoint.enter(number, callbacks):
            continue
        bar = EpochBar(stage.epochs, stage.name)
        try:
            modules["schedules"].train(
                model,
                parts["train"],
                parts["validation"],
                epochs=stage.epochs,
                batch_size=settings.batch_size,
                # the checkpoint comes last: it saves what the others decided after this epoch
                callbacks=[*callbacks, bar, checkpoint],
            )
        finally:
            bar.close()
    return finish(model, parts, dataset, checkpoint)


def split(normalization: ModuleType, dataset: Dataset, seed: int) -> dict[str, tuple]:
    """Return "train", "validation" and "test": pixels from 0 to 255 with one-hot labels."""
    x_train, y_train, x_validation, y_validation = normalization.train_validation_split(
        dataset.x_train, dataset.y_train, seed=seed
    )
    pairs = {
        "train": (x_train, y_train),
        "validation": (x_validation, y_validation),
        "test": (dataset.x_test, dataset.y_test),
    }
    classes = len(dataset.class_names)
    return {name: (x, normalization.one_hot(y, classes)) for name, (x, y) in pairs.items()}
