"""Tests of `cnn.max_pool2d`: the largest value of each window, for each image and channel."""

import numpy as np
import pytest
from hypothesis.strategies import integers

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator, images_like_cifar

from .oracles import numbers, pooled


def expect_pooling(learner, images, because, **settings):
    """Check that `max_pool2d` gives exactly the oracle's values, and return its result."""
    right = pooled(images, **settings)
    size = settings.get("pool_size", 2)
    overlapping = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    short = [-n % size for n in images.shape[1:3]]
    filled = [
        np.pad(images, ((0, 0), (0, short[0]), (0, short[1]), (0, 0)), mode=mode)
        for mode in ("constant", "edge")
    ]
    result = learner.cnn.max_pool2d(images, **settings)
    expect(result).to_equal(
        right,
        because=because,
        mistakes={
            "you took the mean of each window": lambda: pooled(images, reduce=np.mean, **settings),
            "you took the smallest value of each window": (
                lambda: pooled(images, reduce=np.min, **settings)
            ),
            "you kept one pixel of each window and never looked at the others": (
                lambda: images[:, : right.shape[1] * size : size, : right.shape[2] * size : size]
            ),
            "your windows overlap: the stride is pool_size": lambda: overlapping.max((-2, -1)),
            "you kept incomplete windows at the edge": lambda: pooled(filled[1], **settings),
            "you filled incomplete windows with zeros": lambda: pooled(filled[0], **settings),
            "negative values came out as zeros: start from the window's own values, not from 0": (
                lambda: np.maximum(right, 0)
            ),
            "you took one maximum over all channels": (
                lambda: np.broadcast_to(right.max(-1, keepdims=True), right.shape)
            ),
            "you ignored `pool_size`": lambda: pooled(images),
            "you dropped the channel axis": right[..., 0],
        },
    )
    return result


@exercise("cnn.max_pool2d", main=True)
def test_the_largest_of_each_window(learner):
    """Each 2 x 2 window of each image and channel gives its largest value."""
    images = generator(1).permutation(2 * 4 * 6 * 3).reshape(2, 4, 6, 3).astype(np.float32)
    expect_pooling(
        learner,
        images,
        because="windows lie side by side; each image and channel is pooled on its own",
    )


@exercise("cnn.max_pool2d")
@pytest.mark.parametrize("pool_size", [1, 2, 3, 4])
def test_incomplete_windows_are_dropped(learner, pool_size):
    """Rows and columns at the lower and right edge that do not fill a window are dropped."""
    images = images_like_cifar(count=2, height=7, width=9, channels=2)
    # the largest values are those that only incomplete windows hold, if there are any
    images[:, -1], images[:, :, -1] = 255, 255
    expect_pooling(
        learner,
        images,
        pool_size=pool_size,
        because=f"7 x 9 pixels hold {7 // pool_size} x {9 // pool_size} whole windows",
    )


@exercise("cnn.max_pool2d")
def test_negative_values(learner):
    """Windows of negative values give their largest value, not 0."""
    expect_pooling(
        learner,
        -1.0 - numbers(2, 5, 4, 2) ** 2,
        because="the maximum of -3, -2, -5 and -4 is -2; an initial value or padding of 0 would "
        "be larger",
    )


@exercise("cnn.max_pool2d")
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_pooling_keeps_the_dtype(learner, dtype):
    """The result has the images' dtype."""
    images = images_like_cifar(count=1, height=4, width=4).astype(dtype)
    result = expect_pooling(learner, images, because="a maximum is one of the window's values")
    expect(result).to_have_dtype(
        dtype, because="a maximum is one of the window's values: nothing is computed"
    )


@exercise("cnn.max_pool2d")
def test_pooling_leaves_the_images_alone(learner):
    """The caller's images are the same before and after."""
    images = images_like_cifar(count=2, height=5, width=6)
    learner.cnn.max_pool2d(images, pool_size=2)
    expect_left_alone(learner, images=images, because="max_pool2d returns a new array")


@exercise("cnn.max_pool2d")
def test_any_images_and_windows(learner, for_any):
    """Any images, with windows of any size that fits, give the largest value of each window."""

    @for_any(images=strategies.images(), pool_size=integers(1, 4))
    def law(images, pool_size):
        pool_size = min(pool_size, *images.shape[1:3])
        expect(learner.cnn.max_pool2d(images, pool_size)).to_equal(
            pooled(images, pool_size), because="each whole window gives its largest value"
        )
