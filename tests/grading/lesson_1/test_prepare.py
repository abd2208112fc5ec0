"""Tests of `normalization.prepare`: split, standardize with training statistics, one-hot encode."""

from itertools import chain

import numpy as np
import pytest
from hypothesis.strategies import floats, integers

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator, images_like_cifar


def prepare_example(learner, seed=0, count=60, classes=4):
    """Return a dataset whose parts differ in their statistics, and what `prepare` makes of it."""
    random = generator(3)
    train_images = images_like_cifar(count=count, seed=1)
    # brightness varies from image to image: the statistics of two sets of images differ clearly
    train_images = (train_images * random.uniform(0.3, 1.0, (count, 1, 1, 1))).astype(np.uint8)
    test_images = images_like_cifar(count=9, seed=2) // 2
    train_labels, test_labels = np.arange(count) % classes, np.arange(9) % classes
    given = (train_images, train_labels, test_images, test_labels)
    result = learner.normalization.prepare(
        *given, num_classes=classes, validation_fraction=0.25, seed=seed
    )
    return given, result


def expect_three_pairs(result):
    """Check that `prepare` returned three pairs of images and one-hot labels, and return them."""
    expect(result).to_satisfy(
        isinstance(result, list)
        and len(result) == 3
        and all(isinstance(pair, list) and len(pair) == 2 for pair in result),
        "three pairs: (x_train, y_train), (x_validation, y_validation), (x_test, y_test)",
        because="the docstring promises them in this order",
    )
    for x, y in result:
        expect(x).to_satisfy(
            np.shape(x)[1:] == (7, 6, 3),
            "images of 7x6 pixels with 3 channels, as before",
            because="standardizing changes values, not shapes",
        )
        expect(y).to_satisfy(
            np.ndim(y) == 2 and np.shape(y)[1] == 4,
            "one row of 4 columns for each label",
            because="labels come back one-hot, with num_classes=4 columns",
        )
    return result


@exercise("normalization.prepare")
def test_shapes_and_dtypes(learner):
    """The result is three pairs of float32 images and one-hot labels."""
    _, result = prepare_example(learner)
    pairs = expect_three_pairs(result)
    for (x, y), count in zip(pairs, (45, 15, 9), strict=True):
        expect(x).to_have_shape(
            (count, 7, 6, 3),
            because="a quarter of the 60 images is held out, and 9 are test images",
        )
        expect(y).to_have_shape(
            (count, 4), because="labels come back one-hot, with num_classes=4 columns"
        )
        expect(x).to_have_dtype("float32", because="standardized images are float32")


@exercise("normalization.prepare", main=True)
def test_training_part_has_mean_zero_and_std_one(learner):
    """Each channel of the training part has mean 0 and standard deviation 1."""
    _, result = prepare_example(learner)
    (x_train, _), (x_validation, _), _ = expect_three_pairs(result)
    everything = np.concatenate([np.asarray(x_train), np.asarray(x_validation)])
    x_train, leak = np.asarray(x_train), np.abs(everything.mean((0, 1, 2))).max() < 1e-3
    mistake = "you took the statistics of all training images, before the split" if leak else None
    centered = np.abs(x_train.mean((0, 1, 2), dtype=np.float64)).max() < 1e-3
    scaled = np.abs(x_train.std((0, 1, 2), dtype=np.float64) - 1).max() < 1e-3
    expect(x_train).to_satisfy(
        bool(centered and scaled),
        "a training part whose channels have mean 0 and standard deviation 1",
        because="all images are standardized with the statistics of the training part alone",
        mistake=mistake,
    )


def standardized_by(train_images, test_images, x_train, x_validation):
    """Return the validation and test images as each choice of statistics standardizes them."""
    raw = train_images.astype(np.float64)
    kept, held_out = (
        indices_of_raw_images(raw, np.asarray(x, np.float64)) for x in (x_train, x_validation)
    )
    parts = {"validation": raw[held_out], "test": test_images.astype(np.float64)}

    def standardized(source):
        return {
            name: (x - source(x).mean((0, 1, 2))) / source(x).std((0, 1, 2))
            for name, x in parts.items()
        }

    return {
        "right": standardized(lambda x: raw[kept]),
        "own": standardized(lambda x: x),
        "leaked": standardized(lambda x: raw),
    }


def indices_of_raw_images(raw, standardized):
    """Return, for each standardized image, the index of its raw image.

    Standardizing is linear in each channel, so an image and its raw image correlate perfectly.
    """

    def unit_vectors(images):
        # one channel only: each channel is shifted and scaled differently
        flat = images[..., 0].reshape(len(images), -1)
        flat = flat - flat.mean(1, keepdims=True)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)

    return (unit_vectors(standardized) @ unit_vectors(raw).T).argmax(1)


@exercise("normalization.prepare")
@pytest.mark.parametrize("part", ["validation", "test"])
def test_other_parts_use_the_training_statistics(learner, part):
    """Validation and test images are standardized with the training part's statistics."""
    (train_images, _, test_images, _), result = prepare_example(learner)
    (x_train, _), (x_validation, _), (x_test, _) = expect_three_pairs(result)
    images = standardized_by(train_images, test_images, x_train, x_validation)
    expect({"validation": x_validation, "test": x_test}[part]).to_be_close(
        images["right"][part],
        because="new images must be on the scale of the images that the network learned from",
        rtol=1e-3,
        atol=1e-3,
        mistakes={
            f"you standardized the {part} images with their own statistics": images["own"][part],
            "you took the statistics of all training images, before the split": (
                images["leaked"][part]
            ),
        },
    )


@exercise("normalization.prepare", main=True)
def test_labels_follow_their_images(learner):
    """Every image keeps its own label through all three steps."""
    (train_images, train_labels, _, test_labels), result = prepare_example(learner)
    (x_train, y_train), (x_validation, y_validation), (_, y_test) = expect_three_pairs(result)
    for x, y in ((x_train, y_train), (x_validation, y_validation)):
        origin = indices_of_raw_images(train_images.astype(np.float64), np.asarray(x, np.float64))
        expect(y).to_equal(
            np.eye(4, dtype=np.float32)[train_labels[origin]],
            because="a network cannot learn from labels that belong to other images",
        )
    expect(y_test).to_equal(
        np.eye(4, dtype=np.float32)[test_labels], because="the test images keep their order"
    )


def alike(first, second):
    """Return True if two arrays agree as closely as computed floats do."""
    return np.shape(first) == np.shape(second) and np.allclose(first, second, atol=1e-4)


@exercise("normalization.prepare")
def test_seed_and_defaults(learner):
    """`seed` decides on the split, no array is changed, and the defaults are the signature's."""
    given, first = prepare_example(learner, seed=0)
    _, again = prepare_example(learner, seed=0)
    arrays, other = prepare_example(learner, seed=1)
    names = ("train_images", "train_labels", "test_images", "test_labels")
    expect_left_alone(
        learner,
        because="prepare must not change the caller's arrays",
        **dict(zip(names, arrays, strict=True)),
    )
    first, again, other = (np.asarray(expect_three_pairs(r)[1][0]) for r in (first, again, other))
    expect(again).to_be_close(first, because="the same seed gives the same split", atol=1e-4)
    expect(other).to_satisfy(
        not np.array_equal(first, other),
        "other validation images for another seed",
        because="`seed` decides on the split: pass it on",
    )
    by_default = learner.normalization.prepare(*given)
    named = learner.normalization.prepare(*given, num_classes=10, validation_fraction=0.1, seed=0)
    expect(by_default).to_satisfy(
        all(map(alike, chain(*by_default), chain(*named))),
        "the result of num_classes=10, validation_fraction=0.1 and seed=0",
        because="these are the signature's defaults",
    )


@exercise("normalization.prepare")
def test_prepare_any_dataset(learner, for_any):
    """Any sizes, fraction and seed give a standardized training part and one-hot labels."""

    @for_any(
        examples=10,
        count=integers(20, 40),
        classes=integers(1, 6),
        fraction=floats(0.2, 0.6),
        seed=strategies.seeds,
    )
    def law(count, classes, fraction, seed):
        images, labels = images_like_cifar(count=count, seed=seed), np.arange(count) % classes
        result = learner.normalization.prepare(
            images,
            labels,
            images[:4],
            labels[:4],
            num_classes=classes,
            validation_fraction=fraction,
            seed=seed,
        )
        sizes = (count - round(count * fraction), round(count * fraction), 4)
        pairs = expect(result).to_unpack(
            "training, validation, test", because="the docstring promises three pairs"
        )
        for pair, size in zip(pairs, sizes, strict=True):
            x, y = expect(pair).to_unpack("x, y", because="each part is a pair")
            expect(x).to_have_shape((size, 7, 6, 3), because="each part keeps all of its images")
            expect(y).to_have_shape((size, classes), because="there is one column for each class")
        x_train = np.asarray(pairs[0][0], np.float64)
        expect(np.stack([x_train.mean((0, 1, 2)), x_train.std((0, 1, 2))])).to_be_close(
            np.array([[0.0] * 3, [1.0] * 3]),
            because="the training part is standardized with its own statistics",
            atol=1e-3,
        )
