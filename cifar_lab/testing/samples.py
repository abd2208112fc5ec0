"""Inputs of grading tests: small, awkward arrays, and images that no submission has seen."""

import hashlib
from collections.abc import Callable

import numpy as np

from cifar_lab.data import synthetic


def generator(seed: int = 0) -> np.random.Generator:
    """Return a generator for one test; learner code may change the global one."""
    return np.random.default_rng(seed)


def images_like_cifar(
    count: int = 5, height: int = 7, width: int = 6, channels: int = 3, seed: int = 0
) -> np.ndarray:
    """Return uint8 images whose channels differ in mean and spread.

    They are not square, so that an answer that mixes up axes fails.
    """
    random = generator(seed)
    centers = np.linspace(60, 190, channels) if channels > 1 else np.array([90.0])
    spreads = np.linspace(20, 55, channels)
    noise = random.normal(size=(count, height, width, channels))
    return np.clip(np.round(centers + spreads * noise), 0, 255).astype(np.uint8)


def numbered_images(count: int, height: int = 2, width: int = 3, channels: int = 1) -> np.ndarray:
    """Return uint16 images whose pixels all hold the image's own number, so that it is known."""
    numbers = np.arange(count, dtype=np.uint16)[:, None, None, None]
    return np.broadcast_to(numbers, (count, height, width, channels)).copy()


def drawing(secret: str) -> Callable:
    """Return a `synthetic.draw` for networks whose accuracy is scored: `draw(train, test, seed)`.

    Args:
        secret: Decides on the images and on the numbers of the classes, so that neither is known
            beforehand; "" means the images that everybody can draw.
    """

    def draw(train: int, test: int, seed: int):
        if not secret:
            return synthetic.draw(train, test, seed)
        digest = hashlib.sha256(f"{secret} {seed}".encode()).digest()
        random = np.random.default_rng([*digest])
        classes = tuple(random.permutation(synthetic.CLASS_NAMES).tolist())
        return synthetic.draw(train, test, int(random.integers(2**31)), classes)

    return draw
