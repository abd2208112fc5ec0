"""Tests of transfer.scale_pixels: pixels from 0..255 to -1..1."""

import numpy as np
import pytest

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import pick

from .oracles import scaled, wrongly_scaled


def some_pixels(dtype):
    """Return a few pixels, the darkest and the brightest ones among them."""
    others = pick([1, 2, 64, 127, 128, 200], lambda random: random.integers(0, 256, 14).tolist())
    return np.array([0, *others, 255], dtype).reshape(2, -1)


@exercise("transfer.scale_pixels", main=True)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_pixels_from_minus_one_to_one(learner, dtype):
    """0 becomes -1, 255 becomes 1, evenly in between, for uint8 and for floats."""
    pixels = some_pixels(dtype)
    mistakes = wrongly_scaled(pixels)
    if dtype == "uint8":
        mistakes["you calculated in uint8, where 2 * 200 is 144"] = (
            np.multiply(pixels, 2, dtype=np.uint8) / 255 - 1
        )
        mistakes["you divided without fractions (`//`)"] = pixels // 127.5 - 1
    expect(learner.transfer.scale_pixels(pixels)).to_be_close(
        scaled(pixels),
        because="the base's first convolution learned on pixels from -1 to 1",
        atol=1e-5,
        mistakes=mistakes,
    )


@exercise("transfer.scale_pixels", constant=True)
def test_the_scale_is_fixed(learner):
    """The scale is that of 0..255, whatever the darkest and brightest pixels here are."""
    pixels = np.full((2, 3, 4, 3), 100, np.uint8)
    pixels[0, 0, 0] = 150
    low, high = 100.0, 150.0
    expect(learner.transfer.scale_pixels(pixels)).to_be_close(
        scaled(pixels),
        because="a dark image must stay dark: the scale is the same for all",
        atol=1e-5,
        mistakes={
            "you scaled by the smallest and largest pixel of these images": (
                (pixels - low) / (high - low) * 2 - 1
            ),
            "you standardized by the statistics of these images": (
                (pixels - pixels.mean()) / pixels.std()
            ),
            "you divided by the largest pixel of these images": pixels / high * 2 - 1,
        },
    )


@exercise("transfer.scale_pixels")
def test_new_float32_array(learner):
    """The result is a new float32 array; the images are as they were."""
    pixels = some_pixels("float32")
    result = learner.transfer.scale_pixels(pixels)
    expect_left_alone(
        learner, images=pixels, because="the caller still needs the pixels: work on a copy"
    )
    others = map(learner.transfer.scale_pixels, map(some_pixels, ("uint8", "float64")))
    for found in (result, *others):
        expect(found).to_have_dtype(
            "float32", because="float64 takes twice the memory without any gain"
        )


@exercise("transfer.scale_pixels")
def test_any_pixels(learner, for_any):
    """Images of any number, size, channels and dtype."""

    @for_any(images=strategies.images())
    def law(images):
        expect(learner.transfer.scale_pixels(images)).to_be_close(
            scaled(images), because="0 becomes -1 and 255 becomes 1, evenly in between", atol=1e-5
        )
