"""Tests of normalization.prepare."""

from itertools import chain

import numpy as np
import pytest
from hypothesis.strategies import floats, integers

from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator, images_like_cifar


def prepared(learner, seed=0, count=60, classes=4):
    """A dataset whose test images differ from its training images, and what `prepare` makes."""
    random = generator(3)
    train_images = images_like_cifar(count=count, seed=1)
    # a wide spread from image to image: statistics of another part differ clearly
    train_images = (train_images * random.uniform(0.3, 1.0, (count, 1, 1, 1))).astype(np.uint8)
    test_images = images_like_cifar(count=9, seed=2) // 2
    train_labels, test_labels = np.arange(count) % classes, np.arange(9) % classes
    given = (train_images, train_labels, test_images, test_labels)
    result = learner.normalization.prepare(
        *given, num_classes=classes, validation_fraction=0.25, seed=seed
    )
    return given, result


@exercise("normalization.prepare")
def test_shapes_and_dtypes(learner):
    """Three pairs: float32 images, and one-hot labels of num_classes columns."""
    _, result = prepared(learner)
    pairs = three_pairs(result)
    for (x, y), count in zip(pairs, (45, 15, 9), strict=True):
        expect(x).to_have_shape(
            (count, 7, 6, 3), because="60 images, a quarter held out; 9 to test"
        )
        expect(y).to_have_shape((count, 4), because="labels come one-hot, num_classes=4 columns")
        expect(x).to_have_dtype("float32", because="standardised images are float32")


def three_pairs(result):
    """The result of `prepare`, if it is three pairs."""
    expect(result).to_be_true(
        isinstance(result, list)
        and len(result) == 3
        and all(isinstance(pair, list) and len(pair) == 2 for pair in result),
        "three pairs: (x_train, y_train), (x_validation, y_validation), (x_test, y_test)",
        because="the docstring promises them in this order",
    )
    for x, y in result:
        expect(x).to_be_true(
            np.shape(x)[1:] == (7, 6, 3),
            "images of the shape that they had, 7x6 with 3 channels",
            because="standardising changes values, not shapes",
        )
        expect(y).to_be_true(
            np.ndim(y) == 2 and np.shape(y)[1] == 4,
            "one row for each label, 4 columns",
            because="labels come one-hot, num_classes=4 columns",
        )
    return result


@exercise("normalization.prepare")
def test_training_part_has_mean_zero_and_std_one(learner):
    """After standardising, each channel of the training part has mean 0 and std 1."""
    _, result = prepared(learner)
    (x_train, _), (x_validation, _), _ = three_pairs(result)
    everything = np.concatenate([np.asarray(x_train), np.asarray(x_validation)])
    x_train, leak = np.asarray(x_train), np.abs(everything.mean((0, 1, 2))).max() < 1e-3
    mistake = "the statistics come from all training images, before the split" if leak else None
    centred = np.abs(x_train.mean((0, 1, 2), dtype=np.float64)).max() < 1e-3
    scaled = np.abs(x_train.std((0, 1, 2), dtype=np.float64) - 1).max() < 1e-3
    expect(x_train).to_be_true(
        bool(centred and scaled),
        "a training part whose channels have mean 0 and standard deviation 1",
        because="the statistics are those of the training part alone",
        mistake=mistake,
    )


@exercise("normalization.prepare")
@pytest.mark.parametrize("part", ["validation", "test"])
def test_other_parts_use_the_training_statistics(learner, part):
    """Validation and test images are scaled with the training part's statistics."""
    given, result = prepared(learner)
    (x_train, _), (x_validation, _), (x_test, _) = three_pairs(result)
    statistics, found = statistics_behind(given[0], x_train, x_validation, x_test, given[2])
    expect(found[part]).to_be_close(
        statistics["right"][part],
        because="in use, a network meets one image at a time: it must be scaled as in training",
        rtol=1e-3,
        atol=1e-3,
        mistakes={
            f"you standardised the {part} images with their own statistics": (
                statistics["own"][part]
            ),
            "the statistics come from all training images, before the split": (
                statistics["leaked"][part]
            ),
        },
    )


def statistics_behind(train_images, x_train, x_validation, x_test, test_images):
    """Which raw image is where, and what each choice of statistics would give.

    Standardising keeps the order of a channel's values, so an image is recognised by its ranks.
    """
    raw = train_images.astype(np.float64)
    kept, held = (recognise(raw, np.asarray(x, np.float64)) for x in (x_train, x_validation))
    raws = {"validation": raw[held], "test": test_images.astype(np.float64)}

    def scaled(choose):
        return {
            name: (x - choose(x).mean((0, 1, 2))) / choose(x).std((0, 1, 2))
            for name, x in raws.items()
        }

    choices = {
        "right": scaled(lambda x: raw[kept]),
        "own": scaled(lambda x: x),
        "leaked": scaled(lambda x: raw),
    }
    return choices, {"validation": x_validation, "test": x_test}


def recognise(raw, scaled):
    """For each scaled image, the index of the raw one that correlates with it perfectly."""

    def directions(images):
        flat = images[..., 0].reshape(len(images), -1)
        flat = flat - flat.mean(1, keepdims=True)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)

    return (directions(scaled) @ directions(raw).T).argmax(1)


@exercise("normalization.prepare")
def test_labels_follow_their_images(learner):
    """Every image still has its own label after all three steps."""
    (train_images, train_labels, _, test_labels), result = prepared(learner)
    (x_train, y_train), (x_validation, y_validation), (_, y_test) = three_pairs(result)
    for x, y in ((x_train, y_train), (x_validation, y_validation)):
        origin = recognise(train_images.astype(np.float64), np.asarray(x, np.float64))
        expect(y).to_equal(
            np.eye(4, dtype=np.float32)[train_labels[origin]],
            because="a network that learns from shuffled labels learns nothing",
        )
    expect(y_test).to_equal(
        np.eye(4, dtype=np.float32)[test_labels], because="the test images keep their order"
    )


@exercise("normalization.prepare")
def test_fraction_and_seed_are_passed_on(learner):
    """`seed` decides which images are held out, and the inputs stay as they are."""
    given, first = prepared(learner, seed=0)
    _, again = prepared(learner, seed=0)
    fresh, other = prepared(learner, seed=1)
    first, again, other = (np.asarray(three_pairs(r)[1][0]) for r in (first, again, other))
    expect(again).to_be_close(first, because="the same seed gives the same split", atol=1e-4)
    expect(other).to_be_true(
        not np.array_equal(first, other),
        "other validation images for another seed",
        because="`seed` belongs to the split: pass it on",
    )
    for ours, original in zip(given, fresh, strict=True):
        expect(ours).to_equal(original, because="prepare must not change the arrays it is given")
    by_default = learner.normalization.prepare(*given)
    named = learner.normalization.prepare(*given, num_classes=10, validation_fraction=0.1, seed=0)
    expect(by_default).to_be_true(
        all(map(alike, chain(*by_default), chain(*named))),
        "what num_classes=10, validation_fraction=0.1 and seed=0 give",
        because="these are the signature's defaults",
    )


def alike(first, second):
    """Compare two arrays as closely as computed floats agree."""
    return np.shape(first) == np.shape(second) and np.allclose(first, second, atol=1e-4)


@exercise("normalization.prepare")
def test_prepare_any_dataset(learner, for_any):
    """Any sizes, share and seed: the training part is standardised, the labels are one-hot."""

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
        pairs = expect(result).to_unpack("training, validation, test", because="three pairs")
        for pair, size in zip(pairs, sizes, strict=True):
            x, y = expect(pair).to_unpack("x, y", because="each part is a pair")
            expect(x).to_have_shape((size, 7, 6, 3), because="every image is in its part")
            expect(y).to_have_shape((size, classes), because="one column for each class")
        x_train = np.asarray(pairs[0][0], np.float64)
        expect(np.stack([x_train.mean((0, 1, 2)), x_train.std((0, 1, 2))])).to_be_close(
            np.array([[0.0] * 3, [1.0] * 3]),
            because="the training part is standardised with its own statistics",
            atol=1e-3,
        )
