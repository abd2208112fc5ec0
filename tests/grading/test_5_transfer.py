"""Lesson 5: pixels for MobileNetV2, a head on a frozen base, and fine-tuning."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis.strategies import integers, lists

from cifar_lab.data import synthetic
from cifar_lab.testing import strategies
from cifar_lab.testing.expect import expect, expect_left_alone
from cifar_lab.testing.learner import LearnerError
from cifar_lab.testing.model_checks import (
    Compiling,
    expect_halved_after_three,
    expect_new_callbacks,
    expect_watches,
    the_callback,
)
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator
from cifar_lab.verifier import rebuild

# --- scale_pixels --------------------------------------------------------------------------------

PIXELS = np.array([[0, 1, 2, 64], [127, 128, 200, 255]], np.uint8)

# what pixels become by known mistakes
SCALE_MISTAKES = {
    "you scaled to 0..1: MobileNetV2 learnt with -1..1": lambda p: p / 255,
    "you divided by 127.5 and did not subtract 1: that is 0..2": lambda p: p / 127.5,
    "you scaled twice": lambda p: (p / 127.5 - 1) / 127.5 - 1,
    "you scaled to -0.5..0.5": lambda p: p / 255 - 0.5,
    "you did not scale at all": lambda p: p,
    "you centred with 128, and 255 does not reach 1": lambda p: (p - 128) / 128,
    "you centred with 127.5 and did not divide": lambda p: p - 127.5,
    "you subtracted 1 before you divided": lambda p: (p - 1) / 127.5,
}


def scaled(pixels):
    """The law."""
    return np.asarray(pixels, np.float64) / 127.5 - 1


def wrongly_scaled(pixels):
    """What each known mistake makes of pixels."""
    pixels = np.asarray(pixels, np.float64)
    return {mistake: formula(pixels) for mistake, formula in SCALE_MISTAKES.items()}


@exercise("transfer.scale_pixels")
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_pixels_from_minus_one_to_one(learner, dtype):
    """0 becomes -1, 255 becomes 1, evenly in between, for uint8 and for floats."""
    pixels = PIXELS.astype(dtype)
    mistakes = wrongly_scaled(pixels)
    if dtype == "uint8":
        mistakes["you calculated in uint8, where 2 * 200 is 144"] = (
            np.multiply(pixels, 2, dtype=np.uint8) / 255 - 1
        )
        mistakes["you divided without fractions (`//`)"] = pixels // 127.5 - 1
    expect(learner.transfer.scale_pixels(pixels)).to_be_close(
        scaled(pixels),
        because="the base's first convolution learnt on pixels from -1 to 1",
        atol=1e-5,
        mistakes=mistakes,
    )


@exercise("transfer.scale_pixels")
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
            "you standardised by the statistics of these images": (
                (pixels - pixels.mean()) / pixels.std()
            ),
            "you divided by the largest pixel of these images": pixels / high * 2 - 1,
        },
    )


@exercise("transfer.scale_pixels")
def test_new_float32_array(learner):
    """The result is a new float32 array; the images are as they were."""
    pixels = PIXELS.astype(np.float32)
    result = learner.transfer.scale_pixels(pixels)
    expect_left_alone(
        learner, images=pixels, because="the caller still needs the pixels: work on a copy"
    )
    others = map(learner.transfer.scale_pixels, (PIXELS, PIXELS.astype(np.float64)))
    for found in (result, *others):
        expect(found).to_have_dtype("float32", because="float64 takes twice the memory for nothing")


@exercise("transfer.scale_pixels")
def test_any_pixels(learner, for_any):
    """Images of any number, size, channels and dtype."""

    @for_any(images=strategies.images())
    def law(images):
        expect(learner.transfer.scale_pixels(images)).to_be_close(
            scaled(images), because="0 becomes -1 and 255 becomes 1, evenly in between", atol=1e-5
        )


# --- build_augmentation --------------------------------------------------------------------------

COPIES = 240
ARM = 6  # pixels from the middle to each of the other two spots


@lru_cache(maxsize=1)
def spots():
    """One image of three soft spots, one per channel: middle, right of it, below it."""
    places = np.arange(32)
    image = np.zeros((32, 32, 3))
    for channel, (row, column) in enumerate(((15.5, 15.5), (15.5, 15.5 + ARM), (15.5 + ARM, 15.5))):
        distance = (places[:, None] - row) ** 2 + (places - column) ** 2
        image[..., channel] = 255 * np.exp(-distance / (2 * 1.5**2))
    return image.astype(np.float32)


class Changes:
    """What augmentation did to each copy of `spots`, read off the places of the spots.

    Attributes:
        shift: pixels down and to the right, (n, 2).
        mirrored: whether right has become left and below has stayed below, or the other way round.
        upright: whether below is still below.
        angle: degrees by which the downward arm has turned, among the upright ones.
        zoom: lengths of the two arms, in their first lengths, (n, 2).
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
    """The learner's layers, and what they make of many copies of one image in training."""
    layers = learner.transfer.build_augmentation(**settings)
    expect(layers).to_be_a("model", because="build_augmentation returns a keras.Sequential")
    images = learner.tools.outputs_in_training(layers, np.repeat(spots()[None], COPIES, 0))
    learner.last_call = "build_augmentation() in training, on 240 copies of one image"
    expect(images).to_have_shape(
        (COPIES, 32, 32, 3), because="the images keep their size and channels"
    )
    return layers, np.asarray(images)


@exercise("transfer.build_augmentation")
def test_nothing_changes_at_inference(learner):
    """Outside training the images pass unchanged."""
    (images, _), _ = synthetic.draw(train=6, test=0, seed=5)
    layers = learner.transfer.build_augmentation()
    expect(layers).to_be_a("model", because="build_augmentation returns a keras.Sequential")
    expect(layers.predict(images)).to_be_close(
        images.astype(np.float32),
        because="what a image is must not depend on chance when it counts; and scaling is not "
        "augmentation's work",
        atol=0.01,
        mistakes=wrongly_scaled(images) | {"you scaled the pixels here": scaled(images)},
    )


@exercise("transfer.build_augmentation")
def test_pixels_stay_pixels(learner):
    """In training the pixels stay between 0 and 255, about as bright as they were."""
    (images, _), _ = synthetic.draw(train=60, test=0, seed=6)
    layers = learner.transfer.build_augmentation()
    expect(layers).to_be_a("model", because="build_augmentation returns a keras.Sequential")
    result = np.asarray(learner.tools.outputs_in_training(layers, images), np.float64)
    expect(result).to_be_true(
        result.min() >= -30 and result.max() <= 285 and result.max() > 100,
        "pixels from 0 to 255",
        because="scaling to -1..1 comes later, once, in build_transfer_model",
        mistake="you scaled the pixels here" if abs(result).max() < 3 else None,
    )


@exercise("transfer.build_augmentation")
def test_flipped_left_to_right(learner):
    """About half of the images are mirrored left to right, none is upside down."""
    changes = Changes(augmented(learner)[1])
    upside_down = float(np.mean(~changes.upright))
    mirrored = float(np.mean(changes.mirrored))
    mistake = None
    if upside_down > 0.15:
        plain = Changes(augmented(learner)[1])
        quarter = float(np.mean(np.abs(plain.angle) > 45)) if plain.upright.any() else 0
        mistake = "you flip vertically, too: a ship does not sail upside down"
        if quarter > 0.1:
            mistake = (
                "your rotation goes all the way round: RandomRotation's factor is a share of a "
                "full turn, so 0.05 is up to 18 degrees"
            )
    expect(upside_down).to_be_true(
        upside_down <= 0.15,
        "a share of nearly 0 that is upside down",
        because="cars, cats and ships are photographed upright, and the base knows them so",
        mistake=mistake,
    )
    expect(mirrored).to_be_true(
        0.3 < mirrored < 0.7,
        "a share of about 0.5 that is mirrored",
        because="a cat that looks to the left is as likely as one that looks to the right",
        mistake="there is no horizontal flip" if mirrored < 0.02 else None,
    )


@exercise("transfer.build_augmentation")
def test_turned_a_little(learner):
    """The images are rotated, by another angle each."""
    angles = Changes(augmented(learner)[1]).angle
    spread = float(np.std(angles)) if len(angles) else 0.0
    expect(spread).to_be_true(
        spread > 1,
        "angles that differ by more than a degree or so",
        because="a rotation of a few degrees changes every pixel and no class",
        mistake="there is no rotation" if spread < 0.8 else None,
    )


@exercise("transfer.build_augmentation")
def test_shifted_both_ways(learner):
    """The images are shifted, in height and in width, by another distance each."""
    down, right = np.std(Changes(augmented(learner)[1]).shift, axis=0)
    missing = [name for name, spread in (("height", down), ("width", right)) if spread < 0.25]
    expect([float(down), float(right)]).to_be_true(
        not missing,
        "distances (down, right) that differ by a pixel or so",
        because="an object is an object wherever it stands",
        mistake=f"there is no shift of the {' and of the '.join(missing)}" if missing else None,
    )


@exercise("transfer.build_augmentation")
def test_zoomed(learner):
    """The images are zoomed, by another factor each."""
    spread = float(np.mean(np.std(Changes(augmented(learner)[1]).zoom, axis=0)))
    expect(spread).to_be_true(
        spread > 0.019,
        "sizes that differ by some per cent",
        because="an object is an object near and far",
        mistake="there is no zoom",  # turning and shifting alone come to 0.016
    )


@exercise("transfer.build_augmentation")
def test_drawn_anew_each_time(learner):
    """Each image is changed in its own way, and at each call in another."""
    layers, first = augmented(learner, seed=3)
    again = learner.tools.outputs_in_training(layers, np.repeat(spots()[None], COPIES, 0))
    distance = np.abs(first - first[:1]).max((1, 2, 3))
    alike = float(np.mean(distance[1:] < 1))
    expect(alike).to_be_true(
        alike < 0.2,
        "a share of nearly 0 of the copies that look like the first one",
        because="images that all move together are the same few images again",
        mistake="all images of a batch get the same change" if alike > 0.9 else None,
    )
    repeated = float(np.mean(np.abs(np.asarray(again) - first).max((1, 2, 3)) < 1))
    expect(repeated).to_be_true(
        repeated < 0.2,
        "a share of nearly 0 that the second call changes in the same way as the first",
        because="each epoch is to see other images",
        mistake="every call draws the same numbers" if repeated > 0.9 else None,
    )


@exercise("transfer.build_augmentation")
def test_the_seed_decides(learner):
    """The same seed makes the same changes; without one, each time others."""

    def share_alike(**settings):
        first, second = (augmented(learner, **settings)[1] for _ in range(2))
        return float(np.mean(np.abs(first - second).max((1, 2, 3)) < 1))

    alike = share_alike(seed=3)
    expect(alike).to_be_true(
        alike > 0.9,
        "a share of nearly 1 of the copies that two sets of layers with seed=3 change alike",
        because="a run that cannot be repeated cannot be checked",
        mistake="`seed` does not reach the layers" if alike < 0.2 else None,
    )
    alike = share_alike()
    expect(alike).to_be_true(
        alike < 0.2,
        "a share of nearly 0 that two sets of layers without a seed change alike",
        because="None means a new start each time",
        mistake="the layers have a seed of their own" if alike > 0.9 else None,
    )


# --- build_transfer_model ------------------------------------------------------------------------

WIDE = 40  # the side of the small base's input


def built(learner, base, num_classes=10):
    """The learner's model on this base."""
    try:
        model = learner.transfer.build_transfer_model(base, num_classes=num_classes)
    except LearnerError as error:
        _explain_wrong_size(error)
        _explain_array_code(error)
        raise
    expect(model).to_be_a("model", because="build_transfer_model returns a keras.Model")
    return model


def _explain_wrong_size(error):
    """Keras refuses images of another size than the base's; say what that means."""
    if f"shape=(None, {WIDE}, {WIDE}, 3)" not in error.message:
        return
    mistake = None
    if "shape=(None, 32, 32, 3)" in error.message:
        mistake = "the 32x32 images go into the base as they are: enlarge them first"
    elif "shape=(None, 224, 224, 3)" in error.message:
        mistake = "you wrote 224 into your code: ask the base, whose input_shape says what it takes"
    expect(str(error)).to_be_true(
        False,
        f"images of {WIDE}x{WIDE}, which is what this base takes",
        because="a base that was built for one size takes that size; `base.input_shape` names it",
        mistake=mistake,
    )


def _explain_array_code(error):
    """NumPy refuses the tensors of which a model is put together; say what that means."""
    if "KerasTensor" in error.message and any("scale_pixels" in str(part) for part in error.lines):
        expect(str(error)).to_be_true(
            False,
            "a model that scales with layers",
            because="while a model is put together its tensors hold no numbers yet",
            mistake="you called scale_pixels in the model: it is for arrays, "
            "keras.layers.Rescaling is for models",
        )


def images_at_base(learner, images, training=False):
    """What reaches the first convolution of a small base, float64."""
    base = learner.tools.small_base(WIDE)
    model = built(learner, base)
    seen = learner.tools.recorded_input(model, base, images, training=training)
    learner.last_call = "build_transfer_model(base), and looked at what reaches the base"
    expect(seen is not None).to_equal(
        True,
        because="the base that was given is the one to use: a copy would miss what is done to it",
        mistakes={"you copied the base, or left it out": False},
    )
    expect(seen).to_have_shape(
        (len(images), WIDE, WIDE, 3), because="the base takes images of its own size"
    )
    return np.asarray(seen, np.float64)


@exercise("transfer.build_transfer_model")
def test_base_sees_pixels_from_minus_one_to_one(learner):
    """What reaches the base's first convolution is scaled to -1..1, once."""
    values = np.array([0, 51, 204, 255], np.float64)
    images = np.broadcast_to(values[:, None, None, None], (4, 32, 32, 3)).astype(np.uint8)
    seen = images_at_base(learner, images)
    middle = seen[:, WIDE // 2, WIDE // 2, 0]
    padded = np.allclose(middle, scaled(values), atol=1e-3)
    expect(np.ptp(seen, axis=(1, 2, 3))).to_be_true(
        np.ptp(seen, axis=(1, 2, 3)).max() < 0.01,
        "a spread of 0 over each image",
        because="a image of one colour still has one colour when it reaches the base",
        mistake="you padded the image instead of enlarging it" if padded else None,
    )
    expect(middle).to_be_close(
        scaled(values),
        because="images of one colour, 0, 51, 204 and 255, are to reach the base on "
        "MobileNetV2's scale",
        atol=1e-3,
        mistakes=wrongly_scaled(values)
        | {
            "you scaled 0..1 and again by 127.5": values / 255 / 127.5 - 1,
            "you scaled to -1..1, and then from 0..1 to -1..1": (values / 127.5 - 1) * 2 - 1,
        },
    )


@exercise("transfer.build_transfer_model")
def test_base_sees_the_whole_image(learner):
    """The image is enlarged as a whole, not cut, turned or mirrored."""
    ramp = np.linspace(0, 255, 32)
    image = np.zeros((1, 32, 32, 3), np.float32)
    image[..., 0] = ramp[:, None]  # dark above, bright below
    image[..., 1] = ramp  # dark on the left, bright on the right
    image[..., 2] = 90
    seen = images_at_base(learner, image)[0]
    wide = np.linspace(-1, 1, WIDE)
    right = np.stack([*np.meshgrid(wide, wide, indexing="ij"), np.full((WIDE, WIDE), 0)], -1)
    right[..., 2] = scaled(90)
    expect(seen).to_be_close(
        right,
        because="the base needs the whole image, the right way round",
        rtol=0,
        atol=0.1,
        mistakes={
            "rows and columns are exchanged": right.transpose(1, 0, 2),
            "the image is mirrored": right[:, ::-1],
            "the image is upside down": right[::-1],
            "red and blue are exchanged": right[..., ::-1],
        },
    )


@exercise("transfer.build_transfer_model")
def test_augments_in_training_only(learner):
    """In training each image reaches the base changed; otherwise as it is."""
    (image, _), _ = synthetic.draw(train=1, test=0, seed=8)
    copies = np.repeat(image, 8, 0)
    plain = images_at_base(learner, copies)
    expect(float(np.abs(plain - plain[:1]).max())).to_be_close(
        0,
        because="eight copies of a image are the same image at inference",
        atol=1e-3,
    )
    seen = images_at_base(learner, copies, training=True)
    changed = float(np.mean(np.abs(seen - plain).max((1, 2, 3)) > 0.05))
    expect(changed).to_be_true(
        changed > 0.7,
        "a share of nearly 1 of eight copies that augmentation has changed",
        because="the head would otherwise see the same images in every epoch",
        mistake="there is no augmentation in the model" if changed == 0 else None,
    )
    expect(float(np.abs(seen).max())).to_be_true(
        np.abs(seen).max() < 1.4,
        "pixels from -1 to 1 in training, too",
        because="augmentation is for pixels from 0 to 255: it comes before scaling, or leaves the "
        "scale alone",
    )


@exercise("transfer.build_transfer_model")
@pytest.mark.trains
def test_only_the_head_learns(learner):
    """Training moves the head's weights, and nothing in the base, moving statistics included."""
    base = learner.tools.small_base(WIDE)
    model = built(learner, base, num_classes=3)
    before = base.get_weights(), model.get_weights()
    learner.tools.compiled(model, 0.01)
    images = generator(2).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    model.fit(images, np.eye(3)[np.arange(6) % 3], epochs=2, batch_size=6)
    learner.last_call = "build_transfer_model(base, num_classes=3), and trained it for two steps"
    after = base.get_weights(), model.get_weights()
    moved = [pair for pair in zip(before[0], after[0], strict=True) if not np.array_equal(*pair)]
    layers = learner.tools.layers_of(base)
    only_statistics = moved and not any(layer["trains"] for layer in layers)
    mistake = "the base is not frozen" if moved else None
    if only_statistics:
        mistake = "BatchNormalization in the base still follows the batches"
    expect(len(moved)).to_be_true(
        not moved,
        "0 arrays of the base's weights that have changed",
        because="large steps of an untrained head would wreck what the base knows",
        mistake=mistake,
    )
    head = sum(not np.array_equal(*pair) for pair in zip(before[1], after[1], strict=True))
    expect(head).to_be_true(
        head >= 6,
        "at least 6 arrays of the head that have changed (two Dense, one BatchNormalization)",
        because="the head is what learns now",
        mistake="the whole model is frozen" if head == 0 else None,
    )


@exercise("transfer.build_transfer_model")
def test_base_is_left_frozen(learner):
    """Afterwards nothing in the base is trainable, whatever it was before."""
    base = learner.tools.small_base(WIDE)
    learner.tools.unfreeze(base, list(range(15)))
    built(learner, base)
    free = [layer["class"] for layer in learner.tools.layers_of(base) if layer["trains"]]
    learner.last_call = "build_transfer_model(base), and looked at what is trainable in the base"
    expect(free).to_equal([], because="the base that was given is frozen: base.trainable = False")


HEAD = ["GlobalAveragePooling2D", "Dense", "BatchNormalization", "Dropout", "Dense"]


def head_of(learner, num_classes=10):
    """The model, and its layers from the pooling on: (model, specs)."""
    base = learner.tools.small_base(WIDE)
    model = built(learner, base, num_classes)
    layers = model.summary_spec()
    learner.last_call = f"build_transfer_model(base, num_classes={num_classes})"
    names = [layer["class"] for layer in layers]
    last = len(names) - names[::-1].index("ReLU") if "ReLU" in names else 0
    if "GlobalAveragePooling2D" in names:
        last = names.index("GlobalAveragePooling2D")
    images = generator(7).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    rebuild.head(model, base, layers[last:], images)
    learner.last_call = f"build_transfer_model(base, num_classes={num_classes})"
    return model, layers[last:]


@exercise("transfer.build_transfer_model")
def test_layers_of_the_head(learner):
    """On the base: average pooling, Dense with ReLU, BatchNormalization, Dropout 0.5, Dense."""
    _, layers = head_of(learner)
    names = [layer["class"] for layer in layers]
    chain = [name for name in names if name in {*HEAD, "Flatten", "GlobalMaxPooling2D"}]
    mistakes = {
        "Flatten": "you used Flatten: pooling leaves one number per channel, a far smaller head",
        "GlobalMaxPooling2D": "you took the maximum of each channel, not its average",
    }
    known = [mistakes[name] for name in chain if name in mistakes]
    missing = [name for name in HEAD if chain.count(name) < HEAD.count(name)]
    expect(chain).to_be_true(
        chain == HEAD,
        ", ".join(HEAD) + ", in this order",
        because="pool, combine, normalise, drop, decide",
        mistake=[*known, *(f"there is no {name}" for name in missing), None][0],
    )
    first, last = (place for place, layer in enumerate(layers) if layer["class"] == "Dense")
    relus = [
        layer["class"] in ("ReLU", "Relu") or layer["settings"].get("activation") == "relu"
        for layer in layers[first:last]
    ]
    expect(names).to_be_true(
        any(relus),
        "a ReLU with the first Dense, as its activation or as a layer",
        because="without it, two Dense layers in a row are one linear map",
    )
    (rate,) = (layer["settings"]["rate"] for layer in layers if layer["class"] == "Dropout")
    expect(rate).to_be_close(0.5, because="the head drops half of what it sees in training")


@exercise("transfer.build_transfer_model")
def test_penalty_of_the_dense_layer(learner):
    """The loss carries 0.001 times the sum of squares of the first Dense layer's kernel."""
    model, layers = head_of(learner)
    units = [layer["settings"]["units"] for layer in layers if layer["class"] == "Dense"]
    expect(units).to_be_true(
        len(units) == 2, "two Dense layers in the head", because="one combines, one decides"
    )
    # weights of the test's own: with those of a tiny initialiser, no penalty would do as well
    weights = [generator(9).normal(0, 0.1, array.shape) for array in model.get_weights()]
    model.set_weights(weights)
    (hidden,) = [w for w in weights if w.shape == (16, units[0])][:1] or [np.zeros(1)]
    (output,) = [w for w in weights if w.shape == (units[0], 10)][-1:] or [np.zeros(1)]
    found = learner.tools.penalty(model)
    learner.last_call = "build_transfer_model(base), and looked at its penalty"
    squares = np.sum(hidden**2)
    expect(found).to_be_close(
        0.001 * squares,
        because="L2(0.001) on the kernel of the first Dense layer keeps its weights small",
        rtol=1e-3,
        mistakes={
            "there is no L2 penalty": 0,
            "you left L2 at Keras' default, 0.01": 0.01 * squares,
            "you took L1: the sum of absolute values": 0.001 * np.sum(np.abs(hidden)),
            "you put it on the output layer": 0.001 * np.sum(output**2),
            "both Dense layers have one": 0.001 * (squares + np.sum(output**2)),
            "you penalised the layer's outputs (activity_regularizer)": 0.0,
        },
    )


@exercise("transfer.build_transfer_model")
@pytest.mark.parametrize("num_classes", [10, 4])
def test_probabilities_of_num_classes(learner, num_classes):
    """The outputs are `num_classes` probabilities that sum to one."""
    base = learner.tools.small_base(WIDE)
    model = built(learner, base, num_classes)
    images = generator(4).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    result = model.predict(images)
    learner.last_call = f"build_transfer_model(base, num_classes={num_classes})"
    expect(result).to_have_shape(
        (3, num_classes),
        because="one row per image, one column per class",
        mistakes={"you ignored `num_classes`": (3, 10)} if num_classes != 10 else None,
    )
    expect(np.asarray(result).sum(-1)).to_be_close(
        np.ones(3), because="the output layer has a softmax", rtol=0, atol=1e-3
    )
    expect(float(np.min(result))).to_be_true(
        np.min(result) >= 0, "no negative probability", because="the output layer has a softmax"
    )
    expect(model.is_compiled()).to_equal(
        False,
        because="optimizer and loss are not part of a network: compile_for_fine_tuning adds them",
        mistakes={"you called `compile` in build_transfer_model": True},
    )


# --- unfreeze_last -------------------------------------------------------------------------------


def unfrozen(learner, base, *given, before=None):
    """Which layers of the base train after the learner's unfreeze_last, by place.

    `before` is `layers_of(base)` where learner code has had the base already: what its layers are
    is not for learner code to say.
    """
    before = before or learner.tools.layers_of(base)
    result = learner.transfer.unfreeze_last(base, *given)
    called = learner.last_call
    expect(result).to_be_a("model", because="the base that was given comes back")
    after = learner.tools.layers_of(base)
    layers = [{**old, "trains": new["trains"]} for old, new in zip(before, after, strict=True)]
    learner.last_call = called
    return layers, [place for place, layer in enumerate(layers) if layer["trains"]]


def expect_unfrozen(layers, found, count, because, known=None):
    """Exactly the last `count` layers train, those with BatchNormalization left out.

    `known` is what misconceptions would give instead; otherwise it is looked for here.
    """
    depth = len(layers)
    learns = [place for place, layer in enumerate(layers) if layer["trains"] is not None]
    norms = [place for place in learns if layers[place]["class"] == "BatchNormalization"]
    right = [place for place in learns if place >= depth - count and place not in norms]
    others = [place for place in learns if place not in norms]
    counted = [place for place in range(depth) if place not in norms]
    mistakes = {
        "nothing trains: the base's own `trainable` is still False, and overrides its layers'": [],
        "you are one layer too far down": [p for p in others if p >= depth - count - 1],
        "you are one layer short": [p for p in others if p > depth - count],
        "BatchNormalization was unfrozen with the rest": [p for p in learns if p >= depth - count],
        "the first layers are unfrozen, not the last": [p for p in others if p < count],
        "you counted without BatchNormalization": [p for p in learns if p in counted[-count:]],
        "you counted only layers that have weights": others[-count:],
    }
    if count == 0:
        # a slice from minus zero is everything
        mistakes = {"`layers[-0:]` is all layers, not none": others}
    expect(found).to_equal(
        right,
        because=because,
        mistakes={
            mistake: places
            for mistake, places in (mistakes if known is None else known).items()
            if places != right
        },
    )


@exercise("transfer.unfreeze_last")
@pytest.mark.parametrize("count", [7, 6])
def test_exactly_the_last_layers_train(learner, count):
    """Exactly the last `count` layers become trainable, BatchNormalization left out."""
    base = learner.tools.small_base(WIDE)
    learner.tools.freeze(base)
    layers, found = unfrozen(learner, base, count)
    expect_unfrozen(
        layers, found, count, because=f"of {len(layers)} layers these are among the last {count}"
    )


@exercise("transfer.unfreeze_last")
def test_the_rest_is_frozen_again(learner):
    """Layers before the last ones are frozen afterwards, whatever they were before."""
    base = learner.tools.small_base(WIDE)
    learner.tools.unfreeze(base, list(range(15)))
    layers, found = unfrozen(learner, base, 5)
    expect_unfrozen(
        layers,
        found,
        5,
        because="it may be called on a base that was unfrozen further down, or never frozen",
    )


@exercise("transfer.unfreeze_last")
def test_zero_freezes_all(learner):
    """`count=0` freezes everything."""
    base = learner.tools.small_base(WIDE)
    learner.tools.unfreeze(base, [2, 5, 8])
    layers, found = unfrozen(learner, base, 0)
    expect_unfrozen(layers, found, 0, because="the last 0 layers are none")


@exercise("transfer.unfreeze_last")
def test_more_than_there_are(learner):
    """A count beyond the depth unfreezes all, BatchNormalization left out."""
    base = learner.tools.small_base(WIDE)
    learner.tools.freeze(base)
    layers, found = unfrozen(learner, base, 1000)
    expect_unfrozen(layers, found, 1000, because="there are no more than all")


@exercise("transfer.unfreeze_last")
def test_twenty_of_mobilenet(learner):
    """By default, of MobileNetV2's 154 layers those from block_15_expand on."""
    base = learner.tools.mobilenet()
    learner.tools.freeze(base)
    layers, _ = unfrozen(learner, base)
    names = [layer["name"] for layer in layers if layer["trains"]]
    right = ["block_15_expand", "block_15_depthwise", "block_15_project"]
    right += ["block_16_expand", "block_16_depthwise", "block_16_project", "Conv_1"]
    norms = [*(f"{name}_BN" for name in right[:-1]), "Conv_1_bn"]
    expect(names).to_equal(
        right,
        because="the last 20 layers begin there, and BatchNormalization stays frozen",
        mistakes={
            "nothing trains: the base's own `trainable` is still False, and overrides its "
            "layers'": [],
            "BatchNormalization was unfrozen with the rest": [
                name for pair in zip(right, norms, strict=True) for name in pair
            ],
            "you knew BatchNormalization by `_BN` in its name, and Conv_1_bn is one, too": [
                *right,
                "Conv_1_bn",
            ],
            "you are one layer short": right[1:],
        },
    )
    # layer 21 from the end of MobileNetV2 has no weights; here every layer has
    base = learner.tools.regression([learner.tools.dense(2) for _ in range(24)], features=2)
    learner.tools.freeze(base)
    layers, found = unfrozen(learner, base)
    expect_unfrozen(layers, found, 20, because="count is 20 unless said otherwise")


@exercise("transfer.unfreeze_last")
def test_any_count(learner, for_any):
    """Any count, on a base of which any layers were trainable before."""
    base = learner.tools.small_base(WIDE)
    untouched = learner.tools.layers_of(base)

    @for_any(examples=8, count=integers(0, 17), before=lists(integers(0, 14), max_size=5))
    def law(count, before):
        learner.tools.unfreeze(base, before)
        layers, found = unfrozen(learner, base, count, before=untouched)
        why = f"these are among the last {count}, whatever was trainable before: {before}"
        expect_unfrozen(layers, found, count, because=why, known={})


@exercise("transfer.unfreeze_last")
def test_further_down_step_by_step(learner):
    """A base that was unfrozen by an earlier call can be unfrozen further down."""
    base = learner.tools.small_base(WIDE)
    learner.tools.freeze(base)
    untouched = learner.tools.layers_of(base)
    _, first = unfrozen(learner, base, 4, before=untouched)
    layers, found = unfrozen(learner, base, 8, before=untouched)
    learner.last_call = "unfreeze_last(base, 4), and then unfreeze_last(base, 8)"
    expect_unfrozen(
        layers,
        found,
        8,
        because="people unfreeze more and more of a base as training goes on",
        known={
            "you left the unfreezing to `base.trainable = True`: where the base's own switch is on "
            "already, TensorFlow's Keras does nothing; set every layer's": first
        },
    )


@exercise("transfer.unfreeze_last")
def test_same_base_comes_back(learner):
    """The base that comes back is the one that was given."""
    base = learner.tools.small_base(WIDE)
    result = learner.transfer.unfreeze_last(base, 3)
    expect(result).to_be_true(
        result == base,
        "the very base that was given",
        because="a copy would leave the model's own base frozen",
    )


@exercise("transfer.unfreeze_last")
@pytest.mark.trains
def test_statistics_stay_put(learner):
    """In training, the last convolutions move and BatchNormalization's statistics do not."""
    base = learner.tools.small_base(WIDE)
    before = learner.tools.layers_of(base)
    learner.transfer.unfreeze_last(base, 7)
    model = learner.tools.compiled(learner.tools.head_on(base), 0.01)
    images = generator(3).normal(size=(6, WIDE, WIDE, 3)).astype(np.float32)
    model.fit(images, np.eye(3)[np.arange(6) % 3], epochs=2, batch_size=6)
    after = learner.tools.layers_of(base)
    learner.last_call = "unfreeze_last(base, 7), and trained the model for two steps"
    moved = [
        place
        for place, (old, new) in enumerate(zip(before, after, strict=True))
        if not all(map(np.array_equal, old["weights"], new["weights"]))
    ]
    drifting = [place for place in moved if before[place]["class"] == "BatchNormalization"]
    expect(drifting).to_equal(
        [],
        because="its moving statistics belong to the millions of images that the base has seen; "
        "`fit` would replace them by those of your batches",
    )
    expect(moved).to_equal(
        [place for place, layer in enumerate(before) if place >= 8 and layer["class"] == "Conv2D"],
        because="the convolutions among the last 7 layers are what fine-tuning moves",
    )


# --- compile_for_fine_tuning ---------------------------------------------------------------------


@pytest.fixture
def compiling(learner):
    """What holds of the learner's compile_for_fine_tuning."""
    return Compiling(learner, learner.transfer.compile_for_fine_tuning, default_rate=1e-4)


@exercise("transfer.compile_for_fine_tuning")
def test_same_model_comes_back(compiling):
    """The model that comes back is the one that was given, compiled."""
    compiling.expect_same_model()


@exercise("transfer.compile_for_fine_tuning")
def test_adam_at_a_low_rate(compiling):
    """The optimizer is Adam, at the rate that was asked for, 0.0001 by default."""
    compiling.expect_adam()


@exercise("transfer.compile_for_fine_tuning")
def test_gradients_are_clipped(compiling, learner):
    """Gradients are clipped by their norm, 1.0 by default."""
    for settings, right in (({}, 1.0), ({"clipnorm": 0.25}, 0.25)):
        model = compiling.compiled(learner.tools.small_model(), **settings)
        spec = model.optimizer_spec()
        learner.last_call = f"compile_for_fine_tuning(model, {settings})"
        norms = [spec[name] for name in ("clipnorm", "global_clipnorm") if spec[name] is not None]
        mistake = "you did not clip the gradients"
        if spec["clipvalue"] is not None:
            mistake = "you clipped each number on its own (clipvalue), which bends the direction"
        elif norms:
            mistake = "you ignored `clipnorm`" if norms[0] == 1.0 else None
        expect(norms).to_be_true(
            len(norms) == 1 and abs(norms[0] - right) < 1e-6,
            f"gradients clipped to a norm of {right}",
            because="one bad batch must not throw away what the base has learnt",
            mistake=mistake,
        )


@exercise("transfer.compile_for_fine_tuning")
def test_loss_is_crossentropy(compiling):
    """The loss is the categorical cross-entropy of one-hot labels and probabilities."""
    compiling.expect_crossentropy()


@exercise("transfer.compile_for_fine_tuning")
def test_reports_accuracy(compiling):
    """Training reports the accuracy."""
    compiling.expect_accuracy()


@exercise("transfer.compile_for_fine_tuning")
@pytest.mark.trains
def test_thawed_layers_learn(compiling, learner):
    """A model that was compiled and trained before, and then unfrozen, is compiled anew."""
    base = learner.tools.small_base(WIDE)
    learner.tools.freeze(base)
    model = learner.tools.compiled(learner.tools.head_on(base), 0.01)
    images = generator(3).normal(size=(6, WIDE, WIDE, 3)).astype(np.float32)
    labels = np.eye(3)[np.arange(6) % 3]
    model.train_on_batch(images, labels)
    learner.tools.unfreeze(base, [11])
    result = compiling.compiled(model, learning_rate=0.01)
    before = base.get_weights()
    try:
        result.train_on_batch(images, labels)
    except LearnerError as error:
        if "Unknown variable" not in error.message:  # an optimizer that never heard of the layer
            raise
    moved = sum(not np.array_equal(*pair) for pair in zip(before, base.get_weights(), strict=True))
    learner.last_call = "compile_for_fine_tuning(model) after a layer was unfrozen, and trained"
    expect(moved).to_equal(
        1,
        because="the first step after `compile` fixes what learns",
        mistakes={"you left a compiled model as it was, so that the unfrozen layer never moves": 0},
    )


# --- fine_tuning_callbacks -----------------------------------------------------------------------


@exercise("transfer.fine_tuning_callbacks")
def test_watches_the_validation_loss(learner):
    """ReduceLROnPlateau watches val_loss, with patience 3 and factor 0.5."""
    spec = the_callback(
        learner,
        learner.transfer.fine_tuning_callbacks,
        "ReduceLROnPlateau",
        because="it halves the rate when the validation loss has stopped falling",
    )
    if spec["monitor"] == "val_accuracy":
        expect(spec["monitor"]).to_equal(
            "val_loss",
            because="fine-tuning moves the accuracy by tenths of a per cent; the loss shows more",
            mistakes={"you watched val_accuracy, as in lesson 4": "val_accuracy"},
        )
    expect_watches(spec, ["val_loss"])
    expect_halved_after_three(spec)


@exercise("transfer.fine_tuning_callbacks")
def test_new_objects_at_each_call(learner):
    """Each call returns new objects."""
    expect_new_callbacks(learner.transfer.fine_tuning_callbacks)


@exercise("transfer.fine_tuning_callbacks")
def test_the_rate_is_halved(learner):
    """In a run whose validation loss is lowest in epoch 4, the rate is halved after epoch 7."""
    callbacks = learner.transfer.fine_tuning_callbacks()
    losses = [1.0, 0.75, 0.5, 0.25, 0.5, 0.375, 0.5, 0.5]
    rising = [epoch / 16 for epoch in range(8)]  # an accuracy that always gets better
    metrics = {"val_loss": losses, "val_accuracy": rising, "loss": losses, "accuracy": rising}
    rate = 1e-4  # a min_lr that keeps the course's own rate from falling must show
    rates = learner.tools.simulate_training(callbacks, metrics, rate=rate)["rates"]
    learner.last_call = "fine_tuning_callbacks() for 8 epochs at 0.0001, the fourth the best"
    expect(rates).to_be_close(
        [rate] * 7 + [rate / 2],
        because="epochs 5, 6 and 7 were not better than epoch 4: epoch 8 has half the rate",
        mistakes={
            "the rate did not change at all; a min_lr that is as high would do that": [rate] * 8
        },
    )


# --- cache_features ------------------------------------------------------------------------------


def extracted(weights, images):
    """What `learner.tools.extractor` computes with these weights at inference, in NumPy."""
    kernel, bias, gamma, beta, mean, variance = map(np.float64, weights)
    out = np.asarray(images, np.float64).reshape(len(images), -1) / 255 @ kernel + bias
    return gamma * (out - mean) / np.sqrt(variance + 1e-3) + beta


def some_images(count):
    """Images for the extractor."""
    return generator(7).integers(0, 256, (count, 6, 5, 3)).astype(np.uint8)


@exercise("transfer.cache_features")
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
    expect(np.asarray(second)).to_be_true(
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
    called = learner.last_call
    seen = learner.tools.batches(model)
    learner.last_call = called
    expect(seen).to_be_true(
        bool(seen) and max(seen) <= 4 and sum(seen) == 10,
        "batches of at most 4 images, 10 in all",
        because="the activations of 50,000 images at once fit into no memory",
        mistake="you ignored `batch_size`" if seen == [10] else None,
    )
    model = learner.tools.extractor()
    learner.transfer.cache_features(model, some_images(65))
    expect(learner.tools.batches(model)).to_be_true(
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
