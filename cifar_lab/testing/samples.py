"""Inputs of grading tests: small, awkward arrays, and images that no submission has seen.

In a learner's checkout the inputs are always the same. In a graded run the run's secret decides on
them, so that their answers cannot be known beforehand.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cifar_lab.data import synthetic

T = TypeVar("T")


@dataclass
class Drawing:
    """State of the drawing of inputs in this process.

    Attributes:
        secret: The run's secret; "" means the inputs that everybody can draw.
        count: Number of times that a test has drawn inputs.
    """

    secret: str = ""
    count: int = 0


DRAWING = Drawing()


def seed_of(*parts: object) -> int:
    """Return a seed that the run's secret and `parts` decide on; without a secret, the last part.

    Each call counts as a drawing of inputs.
    """
    DRAWING.count += 1
    if not DRAWING.secret:
        return int(parts[-1])
    return int.from_bytes(hashlib.sha256(repr((DRAWING.secret, *parts)).encode()).digest())


def generator(seed: int = 0) -> np.random.Generator:
    """Return a generator for one test; learner code may change the global one."""
    return np.random.default_rng(seed_of(int(seed)))


def pick(default: T, drawn: Callable[[np.random.Generator], T]) -> T:
    """Return `default`, and in a graded run `drawn(generator)`; the same default gives the same."""
    random = np.random.default_rng(seed_of(repr(default), 0))
    return drawn(random) if DRAWING.secret else default


def near(value: float) -> float:
    """Return `value`, and in a graded run a number from 0.8 to 1.25 times it, with four digits."""
    return pick(value, lambda random: float(f"{value * random.uniform(0.8, 1.25):.4g}"))


def any_seed(default: int) -> int:
    """Return `default`, and in a graded run another seed."""
    return pick(default, lambda random: int(random.integers(2**31)))


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


def draw(train: int, test: int, seed: int):
    """Return `synthetic.draw` for networks whose accuracy is scored.

    The secret decides on the images and on the numbers of the classes.
    """
    random = np.random.default_rng(seed_of("images", seed))
    if not DRAWING.secret:
        return synthetic.draw(train, test, seed)
    classes = tuple(random.permutation(synthetic.CLASS_NAMES).tolist())
    return synthetic.draw(train, test, int(random.integers(2**31)), classes)
