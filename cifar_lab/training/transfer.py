"""The recipe of lesson 5, as in the original: a head on MobileNetV2, then its last layers, too.

Every image goes through the whole network in every epoch, augmented; nothing is cached.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from cifar_lab.data import Dataset, weights
from cifar_lab.training.run import Checkpoint, EpochBar, Settings, finish

MODULES = ("normalization", "schedules", "transfer")
IMAGE_SIZE = 224
EPOCHS = 10  # of fine-tuning; the head's come before them


@dataclass(frozen=True)
class Stage:
    """A part of the run in which the same layers learn."""

    name: str
    epochs: int
    learning_rate: float
    unfrozen: int  # how many of the base's last layers


def train(
    modules: dict[str, ModuleType], dataset: Dataset, settings: Settings, out: Path
) -> dict[str, Any]:
    """Three epochs of the head on the frozen base, then fine-tuning of its last 20 layers.

    Args:
        modules: A submission's `MODULES`, by name.
        dataset: Where a tenth of the training images is held out for validation.
        settings: Seed, epochs of fine-tuning, batch size, image size.
        out: The run's folder; an unfinished run in it is resumed.

    Returns:
        What `metrics.json` says.

    Raises:
        RunError: `out` holds another run.
        weights.WeightsError: MobileNetV2's ImageNet weights are not on this machine.
    """
    stages = (
        Stage("head", epochs=3, learning_rate=1e-3, unfrozen=0),
        Stage("fine-tuning", epochs=settings.epochs, learning_rate=1e-4, unfrozen=20),
    )
    base = weights.mobilenet(settings.image_size)
    checkpoint = Checkpoint(out, settings)
    keras.utils.set_random_seed(checkpoint.seed)
    parts = split(modules["normalization"], dataset, settings.seed)
    transfer = modules["transfer"]
    model = transfer.build_transfer_model(base)
    for number, stage in enumerate(stages):
        callbacks = transfer.fine_tuning_callbacks()
        transfer.unfreeze_last(base, stage.unfrozen)
        transfer.compile_for_fine_tuning(model, stage.learning_rate)
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
                # the checkpoint comes last: it notes what the others decided after this epoch
                callbacks=[*callbacks, bar, checkpoint],
            )
        finally:
            bar.close()
    return finish(model, parts, dataset, checkpoint)


def split(normalization: ModuleType, dataset: Dataset, seed: int) -> dict[str, tuple]:
    """Pixels from 0 to 255 with one-hot labels: "train", "validation" and "test"."""
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
