"""The recipes by name, and a run of one of them with a submission's modules."""

import importlib
from pathlib import Path
from typing import Any

from cifar_lab.course import syllabus
from cifar_lab.data import Dataset
from cifar_lab.execution.loader import PACKAGE, Modules
from cifar_lab.training import cnn, transfer, transfer_fast
from cifar_lab.training.run import Settings

RECIPES = {"cnn": cnn, "transfer": transfer, "transfer-fast": transfer_fast}


def settings(
    recipe: str, dataset: Dataset, seed: int, epochs: int | None, image_size: int | None
) -> Settings:
    """A recipe's own settings where none are asked for."""
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

    Returns:
        What `metrics.json` in `out` says.

    Raises:
        RunError: The run cannot start or go on.
        weights.WeightsError: It needs ImageNet weights, and they are not there.
    """
    recipe = RECIPES[settings.recipe]
    with Modules(folder, syllabus.modules()).active():
        modules = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in recipe.MODULES}
        return recipe.train(modules, dataset, settings, out)
