"""Tests of `normalization.train_validation_split`: a random, complete and repeatable split."""

import numpy as np
import pytest
from hypothesis.strategies import floats, integers

from cifar_lab.testing.expect import expect, expect_error, expect_left_alone
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import any_seed, numbered_images, pick


def split(learner, images, labels, **settings):
    """Return the four arrays of the learner's split; the seed is drawn unless it is given."""
    settings |= {} if "seed" in settings else pick({}, lambda random: {"seed": any_seed(0)})
    result = learner.normalization.train_validation_split(images, labels, **settings)
    return expect(result).to_unpack(
        "train_images, train_labels, validation_images, validation_labels",
        because="the docstring names four arrays, in this order",
    )


@exercise("normalization.train_validation_split")
@pytest.mark.parametrize(("count", "fraction"), [(50, 0.1), (39, 0.25), (12, 0.5), (23, 0.2)])
def test_how_many_are_held_out(learner, count, fraction):
    """round(n * validation_fraction) images are held out, and the rest are for training."""
    held_out, rounded_down = round(count * fraction), int(count * fraction)
    images = numbered_images(count)
    parts = split(learner, images, np.arange(count), validation_fraction=fraction)
    sizes = (count - held_out, count - held_out, held_out, held_out)
    for part, size in zip(parts, sizes, strict=True):
        expect(len(np.atleast_1d(part))).to_equal(
            size,
            because=f"round({count} * {fraction}) = {held_out} images are for validation",
            mistakes={
                "training and validation are swapped": count - size,
                "you rounded down: use round()": count - rounded_down
                if size == count - held_out
                else rounded_down,
            },
        )
    _, _, _, by_default = split(learner, numbered_images(47), np.arange(47))
    expect(by_default).to_have_shape(
        (5,),
        because="validation_fraction is 0.1 by default, and round(47 * 0.1) = 5",
        mistakes={"you rounded down: use round()": (4,)},
    )


@exercise("normalization.train_validation_split", main=True)
def test_disjoint_and_complete(learner):
    """Every image is in exactly one of the two parts."""
    images, labels = numbered_images(40), np.arange(40)
    x_train, _, x_validation, _ = split(learner, images, labels, validation_fraction=0.3)
    numbers = np.concatenate([np.asarray(x_train), np.asarray(x_validation)])[:, 0, 0, 0]
    expect(np.sort(numbers)).to_equal(
        np.arange(40, dtype=np.uint16),
        because="an image in both parts would make validation a test of memory, and an image in "
        "neither part is wasted",
    )


@exercise("normalization.train_validation_split", main=True)
@pytest.mark.parametrize("column", [False, True])
def test_image_and_label_stay_paired(learner, column):
    """Every image keeps its label, and images and labels keep their shapes and dtypes."""
    images = numbered_images(30)
    # not the images' own numbers, which would hide a mix-up of the two
    labels = (np.arange(30, dtype=np.uint8) * 3 % 251)[:, None]
    labels = labels if column else labels[:, 0]
    parts = split(learner, images, labels, validation_fraction=0.2, seed=any_seed(4))
    for x, y in (parts[:2], parts[2:]):
        expect(y).to_equal(
            labels[np.asarray(x)[:, 0, 0, 0].astype(int)],
            because="images and labels must be shuffled in one and the same order",
        )
        for found, given, name in ((x, images, "images"), (y, labels, "labels")):
            expect(found).to_have_dtype(str(given.dtype), because=f"the {name} keep their dtype")
            expect(np.asarray(found).shape[1:]).to_equal(
                given.shape[1:], because=f"each of the {name} keeps its shape"
            )


@exercise("normalization.train_validation_split")
def test_shuffled(learner):
    """The held-out images are a random choice, and the training part is shuffled."""
    count = 200
    _, labels, _, held_out = split(
        learner, numbered_images(count), np.arange(count), validation_fraction=0.25
    )
    held_out, labels = np.sort(np.asarray(held_out)), np.asarray(labels)
    why = "datasets are often sorted by class: the last images may all be of one class"
    spread = np.ptp(held_out) >= 0.75 * count and len(np.unique(np.diff(held_out))) > 1
    expect(held_out).to_satisfy(spread, "numbers scattered over 0 to 199", because=why)
    expect(labels).to_satisfy(
        bool((np.diff(labels) < 0).sum() > 20),
        "the training part in a shuffled order",
        because="the docstring says that both parts are shuffled",
    )


@exercise("normalization.train_validation_split")
def test_the_seed_decides(learner):
    """The same seed gives the same split, and another seed gives another split."""
    images, labels = numbered_images(60), np.arange(60)

    def held_out(**settings):
        return np.sort(np.asarray(split(learner, images, labels, **settings)[3]))

    one, two = any_seed(7), any_seed(8)
    first, again, other = (held_out(seed=seed) for seed in (one, one, two))
    expect(again).to_equal(
        first, because="a result that cannot be repeated cannot be checked: seed the generator"
    )
    expect(other).to_satisfy(
        not np.array_equal(other, first),
        "other held-out images for another seed",
        because="`seed` must reach the random generator",
    )
    by_default = np.sort(
        np.asarray(learner.normalization.train_validation_split(images, labels)[3])
    )
    expect(by_default).to_equal(held_out(seed=0), because="the seed is 0 by default")


@exercise("normalization.train_validation_split")
def test_arguments_are_left_alone(learner):
    """The caller's images and labels are the same before and after."""
    images, labels = numbered_images(30), np.arange(30)
    split(learner, images, labels, seed=any_seed(4))
    expect_left_alone(
        learner,
        images=images,
        labels=labels,
        because="the parts are new arrays; shuffling in place would change the caller's order",
    )


@exercise("normalization.train_validation_split", constant=True)
def test_invalid_arguments(learner):
    """ValueError is raised unless 0 < validation_fraction < 1 and the lengths agree."""
    images, labels = numbered_images(10), np.arange(10)
    call = learner.normalization.train_validation_split
    for fraction in (0.0, 1.0, -0.1, 1.5):
        expect_error(
            ValueError,
            lambda fraction=fraction: call(images, labels, validation_fraction=fraction),
            because=f"validation_fraction must lie strictly between 0 and 1; {fraction} does not",
        )
    for wrong in (np.arange(9), np.arange(11)):
        expect_error(
            ValueError,
            lambda wrong=wrong: call(images, wrong),
            because=f"10 images and {len(wrong)} labels cannot be paired",
        )


@exercise("normalization.train_validation_split")
def test_any_split(learner, for_any):
    """Any count, fraction and seed give parts of the right size, complete and correctly paired."""

    @for_any(count=integers(5, 60), fraction=floats(0.05, 0.95), seed=integers(0, 2**31 - 1))
    def law(count, fraction, seed):
        held_out = round(count * fraction)
        if not 0 < held_out < count:
            return  # the contract leaves open what happens if a part is empty
        labels = np.arange(count) * 7 % 11
        x_train, y_train, x_validation, y_validation = split(
            learner, numbered_images(count), labels, validation_fraction=fraction, seed=seed
        )
        why = f"round({count} * {fraction:g}) = {held_out} images are for validation"
        expect(x_validation).to_have_shape((held_out, 2, 3, 1), because=why)
        expect(x_train).to_have_shape((count - held_out, 2, 3, 1), because=why)
        numbers = np.concatenate([np.asarray(x_train), np.asarray(x_validation)])[:, 0, 0, 0]
        expect(np.sort(numbers)).to_equal(
            np.arange(count, dtype=np.uint16), because="every image is in exactly one part"
        )
        for x, y in ((x_train, y_train), (x_validation, y_validation)):
            expect(y).to_equal(
                labels[np.asarray(x)[:, 0, 0, 0].astype(int)],
                because="every image keeps its own label",
            )
