"""Tests of transfer.build_augmentation: random changes of images, in training only."""

from functools import lru_cache

import numpy as np

from cifar_lab.data import synthetic
from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise

from .oracles import scaled, wrongly_scaled

COPIES = 240
TOGETHER = "all images of a batch get the same change"


ARM = 6  # pixels from the middle to each of the other two spots


@lru_cache(maxsize=1)
def spots():
    """Return one image with a soft spot per channel: in the middle, right of it, below it."""
    places = np.arange(32)
    image = np.zeros((32, 32, 3))
    for channel, (row, column) in enumerate(((15.5, 15.5), (15.5, 15.5 + ARM), (15.5 + ARM, 15.5))):
        distance = (places[:, None] - row) ** 2 + (places - column) ** 2
        image[..., channel] = 255 * np.exp(-distance / (2 * 1.5**2))
    return image.astype(np.float32)


class Changes:
    """Changes that augmentation made to each copy of `spots`, measured at the spots.

    Attributes:
        shift: pixels down and to the right, (n, 2).
        mirrored: True if right has become left and below has stayed below, or the reverse.
        upright: True if below is still below.
        angle: degrees by which the downward arm has turned, for upright copies.
        zoom: lengths of the two arms, relative to their original lengths, (n, 2).
    """

    def __init__(self, images):
        images = np.asarray(images, np.float64)
        places = np.arange(32)
        # only what is bright: a copy that is mirrored in at the edge stays out of it
        weights = np.where(images > 0.4 * images.max((1, 2), keepdims=True), images, 0)
        total = weights.sum((1, 2)) + 1e-9
        rows = (weights * places[:, None, None]).sum((1, 2)) / total
        columns = (weights * places[None, :, None]).sum((1, 2)) / total
        spots = np.stack([rows, columns], -1)  # (n, channel, 2)
        right, down = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
        self.shift = spots[:, 0] - 15.5
        self.mirrored = right[:, 1] * down[:, 0] - right[:, 0] * down[:, 1] < 0
        self.upright = down[:, 0] > 0
        self.angle = np.degrees(np.arctan2(down[:, 1], down[:, 0]))[self.upright]
        self.zoom = np.stack([np.hypot(*right.T), np.hypot(*down.T)], -1) / ARM


def augmented(learner, **settings):
    """Return the learner's layers, and their outputs for many copies of one image in training."""
    layers = learner.transfer.build_augmentation(**settings)
    expect(layers).to_be_a("model", because="build_augmentation returns a keras.Sequential")
    with learner.described("build_augmentation() in training, on 240 copies of one image"):
        images = learner.tools.outputs_in_training(layers, np.repeat(spots()[None], COPIES, 0))
    expect(images).to_have_shape(
        (COPIES, 32, 32, 3), because="the images keep their size and channels"
    )
    return layers, np.asarray(images)


def alike(images):
    """Return the fraction of the other images that look like the first one."""
    return float(np.mean(np.abs(images - images[:1]).max((1, 2, 3))[1:] < 1))


@exercise("transfer.build_augmentation")
def test_nothing_changes_at_inference(learner):
    """Outside training the images pass unchanged."""
    (images, _), _ = synthetic.draw(train=6, test=0, seed=5)
    layers = learner.transfer.build_augmentation()
    expect(layers).to_be_a("model", because="build_augmentation returns a keras.Sequential")
    expect(layers.predict(images)).to_be_close(
        images.astype(np.float32),
        because="at inference the result must not depend on chance, and scaling is not "
        "augmentation's work",
        atol=0.01,
        mistakes={"you scaled the pixels here": scaled(images)} | wrongly_scaled(images),
    )


@exercise("transfer.build_augmentation")
def test_pixels_stay_pixels(learner):
    """In training the pixels stay between 0 and 255, about as bright as they were."""
    (images, _), _ = synthetic.draw(train=60, test=0, seed=6)
    layers = learner.transfer.build_augmentation()
    expect(layers).to_be_a("model", because="build_augmentation returns a keras.Sequential")
    result = np.asarray(learner.tools.outputs_in_training(layers, images), np.float64)
    expect(result).to_satisfy(
        result.min() >= -30 and result.max() <= 285 and result.max() > 100,
        "pixels from 0 to 255",
        because="scaling to -1..1 comes later, once, in build_transfer_model",
        mistake="you scaled the pixels here" if abs(result).max() < 3 else None,
    )


@exercise("transfer.build_augmentation", main=True)
def test_flipped_left_to_right(learner):
    """About half of the images are mirrored left to right, none is upside down."""
    images = augmented(learner)[1]
    changes = Changes(images)
    upside_down = float(np.mean(~changes.upright))
    mirrored = float(np.mean(changes.mirrored))
    mistake = None
    if upside_down > 0.15:
        plain = Changes(augmented(learner)[1])
        quarter = float(np.mean(np.abs(plain.angle) > 45)) if plain.upright.any() else 0
        mistake = "you flip vertically, too: a ship does not sail upside down"
        if quarter > 0.1:
            mistake = (
                "your rotation goes all the way round: RandomRotation's factor is a fraction of a "
                "full turn, so 0.05 is up to 18 degrees"
            )
    expect(upside_down).to_satisfy(
        upside_down <= 0.15,
        "a fraction of nearly 0 upside down",
        because="cars, cats and ships are photographed upright, and the base knows them so",
        mistake=mistake,
    )
    mistake = "there is no horizontal flip" if mirrored < 0.02 else None
    # images that all change together say nothing about flips
    if alike(images) > 0.9 and np.abs(images - spots()).max() > 1:
        mistake = TOGETHER
    expect(mirrored).to_satisfy(
        0.3 < mirrored < 0.7,
        "a fraction of about 0.5 mirrored",
        because="a cat that looks to the left is as likely as one that looks to the right",
        mistake=mistake,
    )


@exercise("transfer.build_augmentation", main=True)
def test_turned_a_little(learner):
    """The images are rotated, by another angle each."""
    angles = Changes(augmented(learner)[1]).angle
    spread = float(np.std(angles)) if len(angles) else 0.0
    expect(spread).to_satisfy(
        spread > 1,
        "angles that differ by more than a degree or so",
        because="a rotation of a few degrees changes every pixel and no class",
        mistake="there is no rotation" if spread < 0.8 else None,
    )


@exercise("transfer.build_augmentation", main=True)
def test_shifted_both_ways(learner):
    """The images are shifted, in height and in width, by another distance each."""
    down, right = np.std(Changes(augmented(learner)[1]).shift, axis=0)
    missing = [name for name, spread in (("height", down), ("width", right)) if spread < 0.25]
    expect([float(down), float(right)]).to_satisfy(
        not missing,
        "distances (down, right) that differ by a pixel or so",
        because="an object keeps its class wherever it stands in the image",
        mistake=f"there is no shift of the {' and of the '.join(missing)}" if missing else None,
    )


@exercise("transfer.build_augmentation", main=True)
def test_zoomed(learner):
    """The images are zoomed, by another factor each."""
    spread = float(np.mean(np.std(Changes(augmented(learner)[1]).zoom, axis=0)))
    expect(spread).to_satisfy(
        spread > 0.019,
        "sizes that differ by a few percent",
        because="an object keeps its class near and far",
        mistake="there is no zoom",  # turning and shifting alone come to 0.016
    )


@exercise("transfer.build_augmentation")
def test_changes_differ_each_time(learner):
    """Each image is changed in its own way, and at each call in another."""
    layers, first = augmented(learner, seed=3)
    again = learner.tools.outputs_in_training(layers, np.repeat(spots()[None], COPIES, 0))
    fraction = alike(first)
    expect(fraction).to_satisfy(
        fraction < 0.2,
        "a fraction of nearly 0 of the copies that look like the first one",
        because="images that all move together are the same few images again",
        mistake=TOGETHER if fraction > 0.9 else None,
    )
    repeated = float(np.mean(np.abs(np.asarray(again) - first).max((1, 2, 3)) < 1))
    expect(repeated).to_satisfy(
        repeated < 0.2,
        "a fraction of nearly 0 that the second call changes in the same way as the first",
        because="each epoch should see different images",
        mistake="every call draws the same numbers" if repeated > 0.9 else None,
    )


@exercise("transfer.build_augmentation")
def test_the_seed_decides(learner):
    """The same seed makes the same changes; without one, each time others."""

    def fraction_alike(**settings):
        first, second = (augmented(learner, **settings)[1] for _ in range(2))
        return float(np.mean(np.abs(first - second).max((1, 2, 3)) < 1))

    alike = fraction_alike(seed=3)
    expect(alike).to_satisfy(
        alike > 0.9,
        "a fraction of nearly 1 of the copies that two sets of layers with seed=3 change alike",
        because="a run that cannot be repeated cannot be checked",
        mistake="`seed` does not reach the layers" if alike < 0.2 else None,
    )
    alike = fraction_alike()
    expect(alike).to_satisfy(
        alike < 0.2,
        "a fraction of nearly 0 that two sets of layers without a seed change alike",
        because="None means a new start each time",
        mistake="the layers have a seed of their own" if alike > 0.9 else None,
    )
