"""Tests of transfer.build_transfer_model: augmentation, scaling, a frozen base and a head."""

import numpy as np
import pytest

from cifar_lab.data import synthetic
from cifar_lab.testing.expect import expect
from cifar_lab.testing.learner import LearnerError
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator
from cifar_lab.verifier import rebuild

from .oracles import WIDE, scaled, wrongly_scaled


def built(learner, base, num_classes=10):
    """Return the learner's model on this base."""
    try:
        model = learner.transfer.build_transfer_model(base, num_classes=num_classes)
    except LearnerError as error:
        _explain_wrong_size(error)
        _explain_array_code(error)
        raise
    expect(model).to_be_a("model", because="build_transfer_model returns a keras.Model")
    return model


def _explain_wrong_size(error):
    """Explain Keras' error about images of another size than the base's."""
    if f"shape=(None, {WIDE}, {WIDE}, 3)" not in error.message:
        return
    mistake = None
    if "shape=(None, 32, 32, 3)" in error.message:
        mistake = "the 32x32 images go into the base as they are: enlarge them first"
    elif "shape=(None, 224, 224, 3)" in error.message:
        mistake = "you wrote 224 into your code: ask the base, whose input_shape says what it takes"
    expect(str(error)).to_satisfy(
        False,
        f"images of {WIDE}x{WIDE}, which is what this base takes",
        because="a base that was built for one size takes that size; `base.input_shape` names it",
        mistake=mistake,
    )


def _explain_array_code(error):
    """Explain NumPy's error about symbolic tensors."""
    if "KerasTensor" in error.message and any("scale_pixels" in str(part) for part in error.lines):
        expect(str(error)).to_satisfy(
            False,
            "a model that scales with layers",
            because="while a model is put together its tensors hold no numbers yet",
            mistake="you called scale_pixels in the model: it is for arrays, "
            "keras.layers.Rescaling is for models",
        )


def images_at_base(learner, images, training=False):
    """Return the inputs of the first convolution of a small base, float64."""
    base = learner.tools.small_base(WIDE)
    model = built(learner, base)
    with learner.described("build_transfer_model(base), and looked at what reaches the base"):
        seen = learner.tools.recorded_input(model, base, images, training=training)
    expect(seen is not None).to_equal(
        True,
        because="the base that was given is the one to use: a copy would miss what is done to it",
        mistakes={"you copied the base, or left it out": False},
    )
    expect(seen).to_have_shape(
        (len(images), WIDE, WIDE, 3), because="the base takes images of its own size"
    )
    return np.asarray(seen, np.float64)


@exercise("transfer.build_transfer_model", main=True)
def test_base_sees_pixels_from_minus_one_to_one(learner):
    """The inputs of the base's first convolution are scaled to -1..1, once."""
    values = np.array([0, 51, 204, 255], np.float64)
    images = np.broadcast_to(values[:, None, None, None], (4, 32, 32, 3)).astype(np.uint8)
    seen = images_at_base(learner, images)
    middle = seen[:, WIDE // 2, WIDE // 2, 0]
    padded = np.allclose(middle, scaled(values), atol=1e-3)
    expect(np.ptp(seen, axis=(1, 2, 3))).to_satisfy(
        np.ptp(seen, axis=(1, 2, 3)).max() < 0.01,
        "a spread of 0 over each image",
        because="an image of one color still has one color when it reaches the base",
        mistake="you padded the image instead of enlarging it" if padded else None,
    )
    expect(middle).to_be_close(
        scaled(values),
        because="images of one color, 0, 51, 204 and 255, are to reach the base on "
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
    """In training each image reaches the base changed; at inference it is unchanged."""
    (image, _), _ = synthetic.draw(train=1, test=0, seed=8)
    copies = np.repeat(image, 8, 0)
    plain = images_at_base(learner, copies)
    expect(float(np.abs(plain - plain[:1]).max())).to_be_close(
        0,
        because="eight copies of an image are the same image at inference",
        atol=1e-3,
    )
    seen = images_at_base(learner, copies, training=True)
    changed = float(np.mean(np.abs(seen - plain).max((1, 2, 3)) > 0.05))
    expect(changed).to_satisfy(
        changed > 0.7,
        "nearly all of eight copies changed by augmentation",
        because="the head would otherwise see the same images in every epoch",
        mistake="there is no augmentation in the model" if changed == 0 else None,
    )
    expect(float(np.abs(seen).max())).to_satisfy(
        np.abs(seen).max() < 1.4,
        "pixels from -1 to 1 in training, too",
        because="augmentation is for pixels from 0 to 255: it comes before scaling, or leaves the "
        "scale alone",
    )


@exercise("transfer.build_transfer_model")
@pytest.mark.trains
def test_only_the_head_learns(learner):
    """Training moves the head's weights, and nothing in the base, not even moving statistics."""
    base = learner.tools.small_base(WIDE)
    model = built(learner, base, num_classes=3)
    before = base.get_weights(), model.get_weights()
    learner.tools.compiled(model, 0.01)
    images = generator(2).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    with learner.described(
        "build_transfer_model(base, num_classes=3), and trained it for two steps"
    ):
        model.fit(images, np.eye(3)[np.arange(6) % 3], epochs=2, batch_size=6)
    after = base.get_weights(), model.get_weights()
    moved = [pair for pair in zip(before[0], after[0], strict=True) if not np.array_equal(*pair)]
    layers = learner.tools.layers_of(base)
    only_statistics = moved and not any(layer["trains"] for layer in layers)
    mistake = "the base is not frozen" if moved else None
    if only_statistics:
        mistake = "BatchNormalization in the base still follows the batches"
    expect(len(moved)).to_satisfy(
        not moved,
        "0 arrays of the base's weights that have changed",
        because="large steps of an untrained head would destroy the features of the base",
        mistake=mistake,
    )
    head = sum(not np.array_equal(*pair) for pair in zip(before[1], after[1], strict=True))
    expect(head).to_satisfy(
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
    with learner.described(
        "build_transfer_model(base), and looked at what is trainable in the base"
    ):
        free = [layer["class"] for layer in learner.tools.layers_of(base) if layer["trains"]]
    expect(free).to_equal([], because="the base that was given is frozen: base.trainable = False")


HEAD = ["GlobalAveragePooling2D", "Dense", "BatchNormalization", "Dropout", "Dense"]


def head_of(learner, num_classes=10):
    """Return the model and the specs of its layers from the pooling on."""
    base = learner.tools.small_base(WIDE)
    model = built(learner, base, num_classes)
    with learner.described(f"build_transfer_model(base, num_classes={num_classes})"):
        layers = model.summary_spec()
    names = [layer["class"] for layer in layers]
    last = len(names) - names[::-1].index("ReLU") if "ReLU" in names else 0
    if "GlobalAveragePooling2D" in names:
        last = names.index("GlobalAveragePooling2D")
    images = generator(7).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    with learner.described(f"build_transfer_model(base, num_classes={num_classes})"):
        rebuild.head(model, base, layers[last:], images)
    return model, layers[last:]


@exercise("transfer.build_transfer_model", main=True)
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
    expect(chain).to_satisfy(
        chain == HEAD,
        ", ".join(HEAD) + ", in this order",
        because="pool, combine, normalize, drop, decide",
        mistake=[*known, *(f"there is no {name}" for name in missing), None][0],
    )
    first, last = (place for place, layer in enumerate(layers) if layer["class"] == "Dense")
    relus = [
        layer["class"] in ("ReLU", "Relu") or layer["settings"].get("activation") == "relu"
        for layer in layers[first:last]
    ]
    expect(names).to_satisfy(
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
    dense = [layer for layer in layers if layer["class"] == "Dense"]
    units = [layer["settings"]["units"] for layer in dense]
    frozen = not any(layer["trainable"] for layer in dense)
    expect(units).to_satisfy(
        len(units) == 2,
        "two Dense layers in the head",
        because="one combines the features, one decides",
    )
    # weights of the test's own: with those of a tiny initializer, no penalty would do as well
    weights = [generator(9).normal(0, 0.1, array.shape) for array in model.get_weights()]
    model.set_weights(weights)
    (hidden,) = [w for w in weights if w.shape == (16, units[0])][:1] or [np.zeros(1)]
    (output,) = [w for w in weights if w.shape == (units[0], 10)][-1:] or [np.zeros(1)]
    with learner.described("build_transfer_model(base), and looked at its penalty"):
        found = learner.tools.penalty(model)
    squares = np.sum(hidden**2)
    expect(found).to_be_close(
        0.001 * squares,
        because="L2(0.001) on the kernel of the first Dense layer keeps its weights small",
        rtol=1e-3,
        mistakes={
            "the whole model is frozen, so that it has no penalty": 0 if frozen else np.nan,
            "there is no L2 penalty": 0,
            "you left L2 at Keras' default, 0.01": 0.01 * squares,
            "you took L1: the sum of absolute values": 0.001 * np.sum(np.abs(hidden)),
            "you put it on the output layer": 0.001 * np.sum(output**2),
            "both Dense layers have one": 0.001 * (squares + np.sum(output**2)),
            "you penalized the layer's outputs (activity_regularizer)": 0.0,
        },
    )


@exercise("transfer.build_transfer_model")
@pytest.mark.parametrize("num_classes", [10, 4])
def test_probabilities_of_num_classes(learner, num_classes):
    """The outputs are `num_classes` probabilities that sum to one."""
    base = learner.tools.small_base(WIDE)
    model = built(learner, base, num_classes)
    images = generator(4).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    with learner.described(f"build_transfer_model(base, num_classes={num_classes})"):
        result = model.predict(images)
    expect(result).to_have_shape(
        (3, num_classes),
        because="one row per image, one column per class",
        mistakes={"you ignored `num_classes`": (3, 10)} if num_classes != 10 else None,
    )
    expect(np.asarray(result).sum(-1)).to_be_close(
        np.ones(3), because="the output layer has a softmax", rtol=0, atol=1e-3
    )
    expect(float(np.min(result))).to_satisfy(
        np.min(result) >= 0, "no negative probability", because="the output layer has a softmax"
    )
    expect(model.is_compiled()).to_equal(
        False,
        because="optimizer and loss are not part of a network: compile_for_fine_tuning adds them",
        mistakes={"you called `compile` in build_transfer_model": True},
    )
