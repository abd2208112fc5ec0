"""Tests of `normalization.standardize`: (value - mean) / std for each channel, in float32."""

import numpy as np
import pytest
from hypothesis.strategies import booleans

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator, images_like_cifar

MEAN = np.array([100.5, 90.25, 130.0])
STD = np.array([50.0, 20.5, 64.0])


@exercise("normalization.standardize", main=True)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_subtract_mean_divide_by_std(learner, dtype):
    """Each channel becomes (value - mean) / std, also for uint8 images."""
    images = images_like_cifar(count=4).astype(dtype)
    right = (images.astype(np.float64) - MEAN) / STD
    with np.errstate(over="ignore"):
        wrapped = (images - MEAN.astype(np.uint8)) / STD if dtype == "uint8" else right
    expect(learner.normalization.standardize(images, mean=MEAN, std=STD)).to_be_close(
        right,
        because="the result says how many standard deviations a value lies above the mean of "
        "its channel",
        rtol=1e-4,
        atol=1e-5,
        mistakes={
            "you subtracted in uint8, where 3 - 5 is 254: convert the images first": wrapped,
            "you divided before you subtracted": images / STD - MEAN,
            "you divided by the variance": (images - MEAN) / STD**2,
            "you multiplied by the standard deviation": (images - MEAN) * STD,
            "you scaled to 0..1 first, but the statistics are in the units of the images": (
                (images / 255.0 - MEAN) / STD
            ),
            "you used the statistics of these images instead of `mean` and `std`": (
                (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
            ),
            "you forgot to divide by the standard deviation": images - MEAN,
        },
    )


@exercise("normalization.standardize")
def test_result_is_float32(learner):
    """The result is float32, whatever dtype the images have."""
    for dtype in (np.uint8, np.float64):
        images = images_like_cifar(count=2).astype(dtype)
        result = learner.normalization.standardize(images, mean=MEAN, std=STD)
        expect(result).to_have_dtype(
            "float32", because="networks compute in float32, and float64 takes twice the memory"
        )


@exercise("normalization.standardize")
def test_constant_channel_becomes_zeros(learner):
    """A channel whose standard deviation is zero becomes zeros."""
    images = images_like_cifar(count=3)
    images[..., 1] = 77
    mean = images.mean((0, 1, 2), dtype=np.float64)
    std = images.std((0, 1, 2), dtype=np.float64)
    right = (images - mean) / np.where(std == 0, 1, std)
    result = learner.normalization.standardize(images, mean=mean, std=std)
    with np.errstate(all="ignore"):
        unguarded = (images - mean) / std
    expect(result).to_be_close(
        right,
        because="0/0 is NaN, and a NaN in the images makes weights NaN during training",
        rtol=1e-4,
        atol=1e-5,
        mistakes={"you divided by zero where the channel is constant": unguarded},
    )
    # test images may differ from the mean, even in a channel that is constant in training
    result = learner.normalization.standardize(images, mean=mean - 2, std=std)
    expect(np.asarray(result)[..., 1]).to_equal(
        np.zeros(images.shape[:3], np.float32),
        because="a channel that is constant in training carries no information: it becomes "
        "zeros, even if these images differ from the mean",
    )


@exercise("normalization.standardize")
def test_input_is_left_alone(learner):
    """The caller's images, mean and std are the same before and after."""
    for dtype in (np.uint8, np.float32):
        images, mean, std = images_like_cifar(count=4).astype(dtype), MEAN, STD.copy()
        std[1] = 0  # tempts learners to write `std[std == 0] = 1`
        learner.normalization.standardize(images, mean=mean, std=std)
        expect_left_alone(
            learner,
            images=images,
            mean=mean,
            std=std,
            because="standardize returns a new array; `images -= mean` or `std[std == 0] = 1` "
            "would change the caller's",
        )


@exercise("normalization.standardize")
def test_any_images_and_statistics(learner, for_any):
    """Images of any size and dtype, with any statistics, become (value - mean) / std or zeros."""

    @for_any(images=strategies.images(), seed=strategies.seeds, constant=booleans())
    def law(images, seed, constant):
        random, channels = generator(seed), images.shape[-1]
        mean, std = random.uniform(0, 255, channels), random.uniform(1, 90, channels)
        if constant:
            std[0] = 0
        right = (images - mean) / np.where(std == 0, np.inf, std)
        expect(learner.normalization.standardize(images, mean=mean, std=std)).to_be_close(
            right,
            because="each channel becomes (value - mean) / std, and zeros if its std is zero",
            rtol=1e-4,
            atol=1e-4,
        )
