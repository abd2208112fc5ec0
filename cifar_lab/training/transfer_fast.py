"""The course's own transfer recipe: the frozen trunk runs once, and its outputs are cached.

The trunk processes each training image as it is and mirrored. Its outputs are cached, and only the
layers behind the trunk are trained on them. BatchNormalization, which is frozen anyway, is folded
into the convolutions.

Reasons for these choices (CIFAR-10, seed 0, two shared CPU cores, 2026-11-22; RESULTS.md has the
run):

- 128 pixels: the time grows with the square of the side, and at 224 would be three times as long.
- The trunk ends after block 12 instead of 14: four blocks are trained, not two; an epoch takes
  about 100 seconds, and the cache stays at 1.1 GB.
- Folding reduced the trunk's time from 4.7 to 2.8 ms per image (`python -m benchmarks.folding`).
- A cosine with label smoothing, from 0.0005: from 0.001, the validation accuracy swings between 64
  and 90 % while the rate is high, and ends lower (seed 1: 93.20 %, from 0.0005 94.04 %; two AMD
  cores, 2026-11-23).
- Seven epochs take 20 minutes on a slow machine. From 0.001, two were enough to be far above the
  original's 88.76 %, in a sixteenth of its time, and twelve were no better than seven (RESULTS.md).
"""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import keras
import numpy as np

from cifar_lab.data import Dataset, weights
from cifar_lab.training.checkpoint import Checkpoint, Settings
from cifar_lab.training.feature_cache import cached
from cifar_lab.training.fold_batchnorm import folded
from cifar_lab.training.progress_bar import EpochBar
from cifar_lab.training.run import finish
from cifar_lab.training.transfer import MODULES, split


@dataclass(frozen=True)
class Choices:
    """The choices of the recipe, for experiments with it."""

    trunk_ends: str = "block_12_add"  # the last frozen layer of the base
    views: int = 2  # of each training image: 1 as it is, 2 with its mirror image
    peak_rate: float = 5e-4
    label_smoothing: float = 0.1


IMAGE_SIZE = 128
EPOCHS = 7
__all__ = ["EPOCHS", "IMAGE_SIZE", "MODULES", "Choices", "train"]

CACHE = "features"  # a folder in the run's folder


def train(
    modules: dict[str, ModuleType],
    dataset: Dataset,
    checkpoint: Checkpoint,
    choices: Choices | None = None,
) -> dict[str, Any]:
    """Cache the frozen trunk's outputs for all images, then train the other layers on them.

    Args:
        modules: A submission's `MODULES`, by name.
        dataset: A tenth of its training images is held out for validation.
        checkpoint: Gives the run's settings, and the state to resume from. The cache is in its
            folder (about a gigabyte) until the run is finished.
        choices: By default the best ones that were measured.

    Returns:
        The entries of `metrics.json`; its seconds include those of the trunk.

    Raises:
        RunError: The disk is too small.
        WeightsError: MobileNetV2's ImageNet weights are not on this machine.
    """
    choices, settings = choices or Choices(), checkpoint.settings
    base = folded(weights.mobilenet(settings.image_size))
    parts = split(modules["normalization"], dataset, settings.seed)
    trunk, top = cut(base, choices.trunk_ends, modules["transfer"])
    features, trunk_seconds = _features(trunk, parts, choices, modules["transfer"], checkpoint)
    keras.utils.set_random_seed(checkpoint.seed)
    unfrozen = keras.Model(top.input, head(len(dataset.class_names))(top.output))
    # compiled apart, so that the whole network loads without the submission's schedule class
    model = keras.Model(unfrozen.input, unfrozen.output)
    x, y = features["train"], parts["train"][1]
    _compile(model, modules["schedules"], choices, settings, -(-len(y) // settings.batch_size))
    checkpoint.enter(0, [])
    bar = EpochBar(settings.epochs)
    try:
        model.fit(
            Views(x, y, settings.batch_size, checkpoint.seed),
            validation_data=Views(features["validation"], parts["validation"][1], 256),
            epochs=settings.epochs,
            callbacks=[bar, checkpoint],
            verbose=0,
        )
    finally:
        bar.close()
    checkpoint.seconds += trunk_seconds
    whole = keras.Model(trunk.input, unfrozen(trunk.output))
    more = {**asdict(choices), "trunk_seconds": round(trunk_seconds, 1)}
    metrics = finish(whole, parts, dataset, checkpoint, **more)
    del features, x  # Windows deletes no file that is still mapped into memory
    shutil.rmtree(checkpoint.out / CACHE, ignore_errors=True)
    return metrics


def cut(base: keras.Model, trunk_ends: str, transfer: ModuleType) -> tuple[keras.Model, ...]:
    """Cut the base in two: frozen from images to the layer `trunk_ends`, and unfrozen behind it."""
    names = [layer.name for layer in base.layers]
    transfer.unfreeze_last(base, len(names) - 1 - names.index(trunk_ends))
    border = base.get_layer(trunk_ends).output
    images = keras.Input((32, 32, 3))
    size = base.input_shape[1]
    x = keras.layers.Resizing(size, size, interpolation="bicubic")(images)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    trunk = keras.Model(images, keras.Model(base.input, border)(x))
    return trunk, keras.Model(border, base.output)


def head(num_classes: int) -> keras.Sequential:
    """Build lesson 5's head."""
    penalty = keras.regularizers.L2(0.001)
    return keras.Sequential(
        [
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(256, activation="relu", kernel_regularizer=penalty),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


def _compile(
    model: keras.Model, schedules: ModuleType, choices: Choices, settings: Settings, steps: int
) -> None:
    rate = schedules.WarmupCosine(
        settings.epochs * steps, warmup_steps=steps // 2, peak_rate=choices.peak_rate
    )
    model.compile(
        keras.optimizers.Adam(rate, clipnorm=1.0),
        keras.losses.CategoricalCrossentropy(label_smoothing=choices.label_smoothing),
        metrics=["accuracy"],
    )


def _features(
    trunk: keras.Model,
    parts: dict[str, tuple],
    choices: Choices,
    transfer: ModuleType,
    checkpoint: Checkpoint,
) -> tuple[dict[str, list[np.ndarray]], float]:
    """Return a list of views for "train" and "validation", and the seconds that they took."""
    images = {
        "train": [parts["train"][0], parts["train"][0][:, :, ::-1]][: choices.views],
        "validation": [parts["validation"][0]],
    }
    key = json.dumps([asdict(checkpoint.settings) | {"epochs": None}, choices.trunk_ends])
    # the split is learner code, and may have changed since; so may the weights
    key += _fingerprint([parts["train"][0], parts["validation"][0], *trunk.get_weights()])
    found: dict[str, list[np.ndarray]] = {}
    seconds = 0.0
    for part, views in images.items():
        for number, view in enumerate(views):
            file = checkpoint.out / CACHE / f"{part}-{number}.npy"
            made, took = cached(
                file,
                view,
                lambda some: transfer.cache_features(trunk, some),
                trunk.output_shape[1:],
                key,
            )
            found.setdefault(part, []).append(made)
            seconds += took
    return found, seconds


def _fingerprint(arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class Views(keras.utils.PyDataset):
    """Batches of cached features, one view of every image.

    Args:
        views: Arrays `(n, ...)`, each a view of the same images in the same order.
        targets: `(n, classes)`.
        batch_size: Rows of a batch; the last one may be smaller.
        seed: Seed for the order and the choice of views, which are new in each epoch; None keeps
            the order and the first view.
    """

    def __init__(
        self,
        views: list[np.ndarray],
        targets: np.ndarray,
        batch_size: int,
        seed: int | None = None,
    ):
        super().__init__()
        self.views = views
        self.targets = targets
        self.batch_size = batch_size
        self.random = None if seed is None else np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.targets) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        rows = np.sort(rows)  # faster to read from a disk; the loss does not depend on it
        x = np.empty((len(rows), *self.views[0].shape[1:]), np.float32)
        for view, features in enumerate(self.views):
            chosen = self.chosen[rows] == view
            x[chosen] = features[rows[chosen]]
        return x, self.targets[rows]

    def on_epoch_end(self) -> None:
        count = len(self.targets)
        self.order, self.chosen = np.arange(count), np.zeros(count, int)
        if self.random is not None:
            self.random.shuffle(self.order)
            self.chosen = self.random.integers(len(self.views), size=count)
