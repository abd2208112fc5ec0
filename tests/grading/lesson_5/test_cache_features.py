"""Tests of transfer.cache_features: features computed once, in order, without augmentation."""

import numpy as np
import pytest
from hypothesis.strategies import integers

from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator


def extracted(weights, images):
    """Return the outputs of `learner.tools.extractor` with these weights, by NumPy."""
    kernel, bias, gamma, beta, mean, variance = map(np.float64, weights)
    out = np.asarray(images, np.float64).reshape(len(images), -1) / 255 @ kernel + bias
    return gamma * (out - mean) / np.sqrt(variance + 1e-3) + beta


def some_images(count):
    """Return images for the extractor."""
    return generator(7).integers(0, 256, (count, 6, 5, 3)).astype(np.uint8)


@exercise("transfer.cache_features", main=True)
@pytest.mark.parametrize(("count", "batch_size"), [(11, 4), (8, 4), (3, 64)])
def test_features_of_all_images_in_order(learner, count, batch_size):
    """The features of all images, in their order, the last, smaller batch included."""
    model, images = learner.tools.extractor(), some_images(count)
    # before the call: the model is learner code's to change
    right = extracted(model.get_weights(), images)
    result = learner.transfer.cache_features(model, images, batch_size=batch_size)
    expect(result).to_have_shape(
        (count, 4),
        because="one row for each image, whatever the size of a batch",
        mistakes={
            "you dropped the last batch, which is smaller": (count // batch_size * batch_size, 4),
            "you returned a list of batches, or a batch too many": (
                -(-count // batch_size),
                batch_size,
                4,
            ),
        },
    )
    expect(result).to_be_close(
        right,
        because="features are cached once and belong to their images: nothing random, nothing "
        "reordered",
        atol=1e-3,
        rtol=1e-3,
    )


@exercise("transfer.cache_features")
def test_any_number_and_batch(learner, for_any):
    """Any number of images, in batches of any size."""
    model = learner.tools.extractor()
    weights = model.get_weights()

    @for_any(examples=6, count=integers(1, 20), batch_size=integers(1, 24))
    def law(count, batch_size):
        images = some_images(count)
        result = learner.transfer.cache_features(model, images, batch_size=batch_size)
        expect(result).to_be_close(
            extracted(weights, images), because="one row for each image", atol=1e-3, rtol=1e-3
        )


@exercise("transfer.cache_features")
def test_the_same_twice(learner):
    """Two calls give the same features: no augmentation, no dropout, no batch statistics."""
    model, images = learner.tools.extractor(), some_images(7)
    before = model.get_weights()
    first, second = (learner.transfer.cache_features(model, images) for _ in range(2))
    expect(second).to_have_shape((7, 4), because="one row for each image")
    expect(np.asarray(second)).to_satisfy(
        np.allclose(first, second, atol=1e-4),
        "the same numbers in both calls",
        because="a cache is filled once: what chance did then would stay in it for ever",
        mistake="the extractor runs in training mode: it augments and drops",
    )
    moved = sum(not np.array_equal(*p) for p in zip(before, model.get_weights(), strict=True))
    expect(moved).to_equal(
        0,
        because="a frozen extractor stays as it is",
        mistakes={"the extractor ran in training mode: its moving statistics moved": 2},
    )


@exercise("transfer.cache_features")
def test_a_batch_at_a_time(learner):
    """No more than `batch_size` images go through the extractor at once."""
    model = learner.tools.extractor()
    learner.transfer.cache_features(model, some_images(10), batch_size=4)
    with learner.described(learner.last_call):
        seen = learner.tools.batches(model)
    expect(seen).to_satisfy(
        bool(seen) and max(seen) <= 4 and sum(seen) == 10,
        "batches of at most 4 images, 10 in all",
        because="the activations of 50,000 images at once fit into no memory",
        mistake="you ignored `batch_size`" if seen == [10] else None,
    )
    model = learner.tools.extractor()
    learner.transfer.cache_features(model, some_images(65))
    expect(learner.tools.batches(model)).to_satisfy(
        max(learner.tools.batches(model)) <= 64,
        "batches of at most 64 images",
        because="batch_size is 64 unless said otherwise",
    )


@exercise("transfer.cache_features")
def test_images_are_left_alone(learner):
    """The images are the same before and after."""
    images = some_images(5)
    learner.transfer.cache_features(learner.tools.extractor(), images)
    expect_left_alone(learner, images=images, because="the caller still needs the images")
