"""The recipes by name; `run` trains one of them with a submission's modules."""

import importlib
from pathlib import Path
from typing import Any

from cifar_lab import PACKAGE
from cifar_lab.course import syllabus
from cifar_lab.data import Dataset
from cifar_lab.execution.loader import Modules
from cifar_lab.training import cnn, transfer, transfer_fast
from cifar_lab.training.checkpoint import Checkpoint, Settings
from cifar_lab.training.code_version import code_version

RECIPES = {"cnn": cnn, "transfer": transfer, "transfer-fast": transfer_fast}


def settings(
    recipe: str, dataset: Dataset, seed: int, epochs: int | None, image_size: int | None
) -> Settings:
    """Return a run's settings; those that are None are the recipe's own."""
    chosen = RECIPES[recipe]
    return Settings(
        recipe=recipe,
        data=dataset.name,
        seed=seed,
        epochs=epochs or chosen.EPOCHS,
        image_size=image_size or chosen.IMAGE_SIZE,
    )


def run(folder: Path, dataset: Dataset, settings: Settings, out: Path) -> dict[str, Any]:
    """Train `settings.recipe` with the modules of the submission in `folder`.

    Args:
        folder: The submission.
        dataset: A tenth of its training images is held out for validation.
        settings: The run's settings.
        out: The run's folder; an unfinished run in it is resumed.

    Returns:
        The entries of `metrics.json`.

    Raises:
        RunError: The run cannot start or resume.
        WeightsError: The recipe needs ImageNet weights, and they are not on this machine.
    """
    recipe = RECIPES[settings.recipe]
    checkpoint = Checkpoint(out, settings, code_version(folder, Path(recipe.__file__)))
    with Modules(folder, syllabus.modules()).active():
        modules = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in recipe.MODULES}
        return recipe.train(modules, dataset, checkpoint)
