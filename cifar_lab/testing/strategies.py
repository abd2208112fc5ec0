"""Strategies of hypothesis for grading tests: small sizes, dtypes and values of the contract.

Sizes shrink to the smallest that still fails; values come from a seed, so that no two are equal.
"""

import numpy as np
from hypothesis.strategies import SearchStrategy, builds, integers, sampled_from, tuples

from cifar_lab.testing.samples import generator, images_like_cifar

DTYPES = ("uint8", "float32", "float64")
FLOATS = ("float32", "float64")

seeds = integers(0, 2**16)


def images() -> SearchStrategy[np.ndarray]:
    """Return a strategy for a few images `(n, height, width, channels)`, 0 to 255, any dtype."""

    def make(dtype: str, **sizes) -> np.ndarray:
        return images_like_cifar(**sizes).astype(dtype)

    sizes = {"count": integers(1, 4), "height": integers(1, 9), "width": integers(1, 9)}
    return builds(make, sampled_from(DTYPES), channels=integers(1, 4), seed=seeds, **sizes)


def arrays(shape: SearchStrategy[tuple[int, ...]]) -> SearchStrategy[np.ndarray]:
    """Return a strategy for arrays of numbers from -1 to 1, float32 or float64."""

    def make(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
        return generator(seed).uniform(-1, 1, shape).astype(dtype)

    return builds(make, shape, sampled_from(FLOATS), seeds)


def shapes(fewest_axes: int, most_axes: int, longest: int = 6) -> SearchStrategy[tuple[int, ...]]:
    """Return a strategy for shapes without an empty axis."""
    size = integers(1, longest)
    return integers(fewest_axes, most_axes).flatmap(lambda axes: tuples(*[size] * axes))
