"""Tests of `normalization.channel_statistics`: one mean and one population std per channel."""

import numpy as np
import pytest

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import images_like_cifar


@exercise("normalization.channel_statistics", main=True)
def test_one_mean_and_std_per_channel(learner):
    """Each channel has one mean and one std, over all images, rows and columns."""
    images = images_like_cifar(count=5)
    pixels = images.reshape(-1, 3).astype(np.float64)
    result = learner.normalization.channel_statistics(images)
    mean, std = expect(result).to_unpack("mean, std", because="the docstring promises a pair")
    why = "every image, row and column counts towards one number per channel"
    expect(mean).to_be_close(
        pixels.mean(0),
        because=why,
        mistakes={
            "you took one mean over everything (no `axis`)": pixels.mean(),
            "you took one mean per pixel (axis=0 alone)": images.mean(0),
            "you took one mean per image and channel (axis=(1, 2))": images.mean((1, 2)),
            "you returned (std, mean): the mean comes first": pixels.std(0),
        },
    )
    expect(std).to_be_close(
        pixels.std(0),
        because=why,
        rtol=1e-4,
        mistakes={
            "you divided by N - 1 (the sample standard deviation): the docstring says N": (
                lambda: pixels.std(0, ddof=1)
            ),
            "you returned the variance: the standard deviation is its square root": pixels.var(0),
            "you took one standard deviation over everything (no `axis`)": pixels.std(),
            "you averaged the standard deviations of the individual images": (
                images.std((1, 2)).mean(0)
            ),
            "you returned (std, mean): the mean comes first": pixels.mean(0),
        },
    )


@exercise("normalization.channel_statistics", constant=True)
def test_population_standard_deviation(learner):
    """The standard deviation divides by N, not by N - 1."""
    images = np.array([10, 20], np.uint8).reshape(1, 1, 2, 1)
    _, std = expect(learner.normalization.channel_statistics(images)).to_unpack(
        "mean, std", because="the docstring promises a pair"
    )
    expect(std).to_be_close(
        np.array([5.0]),
        because="10 and 20 both differ by 5 from their mean, 15; with only two pixels, dividing "
        "by N - 1 gives a clearly different result",
        mistakes={
            "you divided by N - 1 (ddof=1, or the `statistics` module's stdev)": np.array([50**0.5])
        },
    )


@exercise("normalization.channel_statistics")
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_channels_and_dtype(learner, dtype, channels):
    """One or four channels, uint8 or float, give one number for each channel."""
    images = images_like_cifar(count=3, channels=channels).astype(dtype)
    result = learner.normalization.channel_statistics(images)
    mean, std = expect(result).to_unpack("mean, std", because="the docstring promises a pair")
    for name, found, right in (
        ("mean", mean, images.mean((0, 1, 2), dtype=np.float64)),
        ("std", std, images.std((0, 1, 2), dtype=np.float64)),
    ):
        why = f"the {name} has shape (channels,), even for one channel"
        expect(found).to_be_close(right, because=why, rtol=1e-4)
        expect(found).to_have_dtype(
            "floating", because=f"the {name} of pixels is rarely a whole number"
        )


@exercise("normalization.channel_statistics", constant=True)
def test_many_float32_pixels_do_not_drift(learner):
    """Statistics of millions of float32 values keep their precision."""
    # two channels: NumPy sums a contiguous axis in pairs, which would hide the drift
    images = np.full((16, 256, 256, 2), 240.1, np.float32)
    images[::2] += np.float32(0.5)
    result = learner.normalization.channel_statistics(images)
    mean, std = expect(result).to_unpack("mean, std", because="the docstring promises a pair")
    why = "a float32 sum of many terms rounds at every step: accumulate with dtype=np.float64"
    expect(mean).to_be_close(images.mean((0, 1, 2), dtype=np.float64), because=why, rtol=2e-6)
    expect(std).to_be_close(images.std((0, 1, 2), dtype=np.float64), because=why, rtol=1e-3)


@exercise("normalization.channel_statistics")
def test_statistics_of_any_images(learner, for_any):
    """The statistics are right for images of any number, size, channels and dtype."""

    @for_any(images=strategies.images())
    def law(images):
        pixels = images.reshape(-1, images.shape[-1]).astype(np.float64)
        result = learner.normalization.channel_statistics(images)
        mean, std = expect(result).to_unpack("mean, std", because="the docstring promises a pair")
        why = "there is one number per channel, over all images, rows and columns"
        expect(mean).to_be_close(pixels.mean(0), because=why, rtol=1e-4)
        expect(std).to_be_close(pixels.std(0), because=why, rtol=1e-4, atol=1e-3)
