"""Tests of transfer.unfreeze_last: exactly which layers of a base train."""

import numpy as np
import pytest
from hypothesis.strategies import integers, lists

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator

from .oracles import WIDE


def unfrozen(learner, base, *given, before=None):
    """Return, for each layer of the base, if it trains after the learner's unfreeze_last.

    `before` is `layers_of(base)` where learner code has had the base already: what its layers are
    is not for learner code to say.
    """
    before = before or learner.tools.layers_of(base)
    result = learner.transfer.unfreeze_last(base, *given)
    expect_same_base(result, base)
    with learner.described(learner.last_call):
        after = learner.tools.layers_of(base)
    layers = [{**old, "trains": new["trains"]} for old, new in zip(before, after, strict=True)]
    return layers, [place for place, layer in enumerate(layers) if layer["trains"]]


def expect_same_base(result, base):
    """Expect the model that came back to be the base that was given."""
    expect(result).to_be_a("model", because="the base that was given comes back")
    expect(result).to_satisfy(
        result == base,
        "the very base that was given",
        because="a copy would leave the model's own base frozen",
    )


def expect_unfrozen(layers, found, count, because, known=None):
    """Expect exactly the last `count` layers to train, except BatchNormalization.

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


@exercise("transfer.unfreeze_last", main=True)
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
    with learner.described("unfreeze_last(base, 4), and then unfreeze_last(base, 8)"):
        layers, found = unfrozen(learner, base, 8, before=untouched)
    expect_unfrozen(
        layers,
        found,
        8,
        because="people unfreeze more and more of a base during training",
        known={
            "you left the unfreezing to `base.trainable = True`: where the base's own switch is on "
            "already, TensorFlow's Keras does nothing; set every layer's": first
        },
    )


@exercise("transfer.unfreeze_last")
def test_same_base_comes_back(learner):
    """The base that comes back is the one that was given."""
    base = learner.tools.small_base(WIDE)
    expect_same_base(learner.transfer.unfreeze_last(base, 3), base)


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
    with learner.described("unfreeze_last(base, 7), and trained the model for two steps"):
        after = learner.tools.layers_of(base)
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
