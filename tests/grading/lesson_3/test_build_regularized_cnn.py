"""Tests of regularization.build_regularized_cnn: its layers, their settings, and that it learns."""

import numpy as np
import pytest

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator
from cifar_lab.verifier.rebuild import structure

# sizes that differ from each other and from the defaults
SMALL = {"input_shape": (16, 24, 2), "num_classes": 5, "filters": (4, 6, 8)}
OTHER = {"input_shape": (24, 8, 1), "num_classes": 3, "filters": (5, 3, 4)}
WANTED_RATES = [0.25, 0.4, 0.5]


class Network:
    """Structure of a model that has three convolutions and a Dense layer.

    Attributes:
        layers: What `structure` returns: one dict per layer, from the input to the output.
        convolutions: The indices of the three Conv2D in `layers`.
        first_dense: The index of the first Dense layer.
        output: The index of the last one.
    """

    def __init__(self, model):
        expect(model).to_be_a("model", because="build_regularized_cnn returns a keras.Model")
        self.layers = structure(model)
        expect([layer["class"] for layer in self.layers]).to_satisfy(
            bool(self.layers) and all(layer["input_shape"] for layer in self.layers),
            "a functional or Sequential model that knows the shape of its input",
            because="the network starts with keras.Input(input_shape)",
        )
        self.convolutions = self.indices("Conv2D")
        dense = self.indices("Dense")
        expect([layer["class"] for layer in self.layers]).to_satisfy(
            len(self.convolutions) == 3 and bool(dense) and dense[0] > self.convolutions[-1],
            "three Conv2D layers, then at least one Dense layer",
            because="this is lesson 2's network with Batch Normalization and dropout added",
        )
        self.first_dense, self.output = dense[0], dense[-1]

    def indices(self, kind):
        """Return the indices of Keras' own layers of this class."""
        return [
            index
            for index, layer in enumerate(self.layers)
            if layer["class"] == kind and layer["known"]
        ]

    def blocks(self):
        """Return three lists of layers, which start at the convolutions and end before Dense."""
        ends = [*self.convolutions[1:], self.first_dense]
        return [self.layers[a:b] for a, b in zip(self.convolutions, ends, strict=True)]

    def dropout_rates(self):
        """Return the rates of all Dropout layers before the output layer."""
        return [
            round(self.layers[index]["settings"]["rate"], 6)
            for index in self.indices("Dropout")
            if index < self.output
        ]


def network(learner, settings):
    """Return the structure of the learner's network with these settings."""
    return Network(learner.regularization.build_regularized_cnn(**settings))


@exercise("regularization.build_regularized_cnn", main=True)
@pytest.mark.parametrize("settings", [SMALL, OTHER], ids=["16x24x2", "24x8x1"])
def test_three_convolutions(learner, settings):
    """Three 3x3 "same" convolutions have the given `filters`, and a ReLU each."""
    found = network(learner, settings)
    convolutions = [found.layers[index] for index in found.convolutions]
    expect([layer["settings"]["filters"] for layer in convolutions]).to_equal(
        list(settings["filters"]),
        because="`filters` gives the number of filters of each convolution",
        mistakes={
            "you ignored `filters`": [64, 128, 256],
            "the filters are in the wrong order": list(settings["filters"][::-1]),
        },
    )
    for layer, channels in zip(
        convolutions, (settings["input_shape"][-1], *settings["filters"]), strict=False
    ):
        shape = [layer["settings"][name] for name in ("kernel_size", "strides", "padding")]
        expect(shape).to_equal(
            [[3, 3], [1, 1], "same"],
            because='each convolution is 3x3 with stride 1 and padding="same"',
        )
        filters = layer["settings"]["filters"]
        expect(layer["parameters"]).to_satisfy(
            layer["parameters"] in (9 * channels * filters, (9 * channels + 1) * filters),
            f"{9 * channels * filters} weights, and {filters} biases or none",
            because=f"this convolution has {channels} input channels and {filters} filters; a "
            "BatchNormalization makes its bias unnecessary",
        )
    for block in found.blocks():
        expect([layer["class"] for layer in block]).to_satisfy(
            any(_is_relu(layer) for layer in block),
            "a ReLU after each convolution, as its activation or as a layer",
            because="without it, two convolutions in a row are one linear map",
        )


def _is_relu(layer):
    # Keras has it as a layer, as an activation, and as a function (ReLU or Relu) in the graph
    return layer["class"] in ("ReLU", "Relu") or layer["settings"].get("activation") == "relu"


@exercise("regularization.build_regularized_cnn", main=True)
@pytest.mark.parametrize("settings", [SMALL, OTHER], ids=["16x24x2", "24x8x1"])
def test_pooled_and_flattened(learner, settings):
    """Each block has one 2x2 max-pooling, and the output of the third is flattened."""
    found = network(learner, settings)
    for block in found.blocks():
        pools = [layer for layer in block if layer["class"] in ("MaxPooling2D", "MaxPool")]
        halved = [
            [size // 2 for size in layer["input_shape"][1:3]] == layer["output_shape"][1:3]
            for layer in pools
        ]
        expect([layer["class"] for layer in block]).to_satisfy(
            halved == [True],
            "one 2x2 max-pooling in each block",
            because="as in lesson 2, each block halves the height and the width",
        )
    height, width, _ = settings["input_shape"]
    filters = settings["filters"][-1]
    expect(found.layers[found.first_dense]["input_shape"][1:]).to_equal(
        [(height // 8) * (width // 8) * filters],
        because=f"Flatten passes on all {height // 8}x{width // 8} places of {filters} channels",
        mistakes={
            "you averaged over rows and columns (GlobalAveragePooling2D) instead of Flatten": [
                filters
            ],
            "you left out Flatten: the Dense layer gets every pixel on its own": [
                height // 8,
                width // 8,
                filters,
            ],
        },
    )


@exercise("regularization.build_regularized_cnn", main=True)
def test_normalized_after_every_convolution(learner):
    """keras.layers.BatchNormalization follows every convolution, before or after its ReLU."""
    found = network(learner, SMALL)
    named = {
        "BatchNorm": "you used your own BatchNorm: use keras.layers.BatchNormalization, so that "
        "anyone can load the model",
        "LayerNormalization": "you used LayerNormalization, which takes its statistics from each "
        "image alone",
        "GroupNormalization": "you used GroupNormalization, which takes its statistics from each "
        "image alone",
    }
    for number, block in enumerate(found.blocks(), start=1):
        own = [layer for layer in block if layer["class"] == "BatchNormalization"]
        of_maps = [layer for layer in own if layer["known"] and len(layer["input_shape"]) == 4]
        mistakes = [named[layer["class"]] for layer in block if layer["class"] in named]
        if own and not of_maps:
            mistakes.append(
                "your BatchNormalization comes after Flatten, where it no longer sees channels"
            )
        expect([layer["class"] for layer in block]).to_satisfy(
            bool(of_maps),
            f"a BatchNormalization after convolution {number}, before Flatten",
            because="the outputs of each convolution shift while it learns, so that each needs "
            "its own normalization",
            mistake=[*mistakes, f"there is no BatchNormalization after convolution {number}"][0],
        )
    for layer in found.layers:
        if layer["class"] == "BatchNormalization":
            axis = layer["settings"]["axis"]
            expect(axis).to_satisfy(
                axis in (-1, len(layer["input_shape"]) - 1),
                "an axis of -1, the channels",
                because="images are channels last, and each channel has its own statistics",
            )
            expect(layer["trainable"]).to_equal(
                True, because="a frozen BatchNormalization never uses the batch's statistics"
            )


@exercise("regularization.build_regularized_cnn", main=True)
def test_dropout_rates(learner):
    """Dropout has the rates 0.25, 0.4 and 0.5 in this order, the 0.5 before the output layer."""
    found = network(learner, SMALL)
    rates = found.dropout_rates()
    remaining = iter(rates)
    in_order = all(any(rate == wanted for rate in remaining) for wanted in WANTED_RATES)
    expect(rates).to_satisfy(
        in_order,
        "the rates 0.25, 0.4 and 0.5 in this order, before the output layer",
        because="all later layers build on the early features, so that these are dropped least",
        mistake=_rates_mistake(found, rates),
    )
    after = [layer["class"] for layer in found.layers[found.output + 1 :]]
    expect(after).to_satisfy(
        not any("Dropout" in name or "Normalization" in name for name in after),
        "only a softmax after the output layer",
        because="probabilities that another layer changes no longer sum to one",
    )
    shapes = [
        found.layers[index]["settings"].get("noise_shape") for index in found.indices("Dropout")
    ]
    expect(shapes).to_satisfy(
        not any(shapes),
        "Dropout layers without noise_shape",
        because="noise_shape drops several elements together, and each should be dropped "
        "independently",
    )


def _rates_mistake(found, rates):
    classes = {layer["class"] for layer in found.layers}
    others = classes & {"SpatialDropout2D", "GaussianDropout", "AlphaDropout", "GaussianNoise"}
    everywhere = [found.layers[index]["settings"]["rate"] for index in found.indices("Dropout")]
    if others:
        return f"you used {others.pop()}: keras.layers.Dropout drops each element independently"
    if len(everywhere) > len(rates):
        return "a Dropout comes after the output layer, where it sets probabilities to zero"
    if sorted(rates) == WANTED_RATES:
        return "the three rates are there, but in another order"
    if sorted(round(1 - rate, 6) for rate in rates) == WANTED_RATES:
        return "you gave the fractions that are kept: Keras' rate is the fraction that is dropped"
    if not rates:
        return "there is no Dropout at all"
    missing = [f"{rate:g}" for rate in WANTED_RATES if rate not in rates]
    return f"there is no Dropout at {' and at '.join(missing)}" if missing else None


@exercise("regularization.build_regularized_cnn")
@pytest.mark.parametrize("settings", [SMALL, OTHER], ids=["16x24x2", "24x8x1"])
def test_softmax_of_num_classes(learner, settings):
    """The outputs are `num_classes` probabilities that sum to one."""
    model = learner.regularization.build_regularized_cnn(**settings)
    found = Network(model)
    classes = settings["num_classes"]
    expect(found.layers[found.output]["settings"]["units"]).to_equal(
        classes,
        because="the output layer has one unit per class",
        mistakes={"you ignored `num_classes`": 10},
    )
    images = generator(1).normal(size=(3, *settings["input_shape"])).astype(np.float32)
    # large inputs give large logits: without a softmax, they do not sum to one by chance
    result = model.predict(100 * images)
    expect(result).to_have_shape((3, classes), because="one row per image, one column per class")
    expect(np.asarray(result).sum(-1)).to_be_close(
        np.ones(3), because="the output layer has a softmax", rtol=0, atol=1e-3
    )
    softmaxes = [
        layer["class"]
        for layer in found.layers
        if layer["class"] == "Softmax" or layer["settings"].get("activation") == "softmax"
    ]
    expect(len(softmaxes)).to_equal(
        1,
        because="one softmax turns scores into probabilities",
        mistakes={"you applied softmax twice, which makes the probabilities more equal": 2},
    )


@exercise("regularization.build_regularized_cnn")
def test_not_compiled(learner):
    """The network is not compiled, and its Conv2D and Dense layers are trainable."""
    model = learner.regularization.build_regularized_cnn(**SMALL)
    found = Network(model)
    expect(model.is_compiled()).to_equal(
        False,
        because="the optimizer and the loss are not part of a network: compile_cnn adds them",
        mistakes={"you called `compile` in build_regularized_cnn": True},
    )
    frozen = [layer["class"] for layer in found.layers if not layer["trainable"]]
    frozen = [name for name in frozen if name in ("Conv2D", "Dense")]
    expect(frozen).to_equal([], because="every layer of a new network must be able to learn")


@exercise("regularization.build_regularized_cnn")
def test_default_network(learner):
    """By default, the network takes 32x32x3 images and has 64, 128, 256 filters and ten classes."""
    found = network(learner, {})
    convolutions = [found.layers[index] for index in found.convolutions]
    expect(found.layers[0]["input_shape"]).to_equal(
        [None, 32, 32, 3], because="CIFAR-10's images are 32x32x3"
    )
    expect([layer["settings"]["filters"] for layer in convolutions]).to_equal(
        [64, 128, 256], because="the signature says filters=(64, 128, 256)"
    )
    expect(found.layers[found.output]["settings"]["units"]).to_equal(
        10, because="CIFAR-10 has ten classes"
    )


@exercise("regularization.build_regularized_cnn")
@pytest.mark.trains
def test_learns_the_synthetic_dataset(learner, draw):
    """After 400 steps on the synthetic dataset, the network recognizes images it has not seen."""
    x, y, x_test, y_test = half_size_images(draw, 1600, 400)
    model = learner.regularization.build_regularized_cnn(x.shape[1:], filters=(8, 16, 32))
    expect(model).to_be_a("model", because="build_regularized_cnn returns a keras.Model")
    # with fewer steps the moving statistics would decide the result: 0.99**400 is below 2 %
    learner.tools.compiled(model, 5e-3).fit(x, y, epochs=4, batch_size=16)
    accuracy = float(np.mean(np.asarray(model.predict(x_test)).argmax(-1) == y_test))
    expect(accuracy).to_reach(
        "regularized_synthetic_accuracy",
        "an accuracy on 400 new images of the synthetic dataset",
        because="chance level is 0.1, and four epochs on 1,600 images take a correct network well "
        "beyond it",
    )


def half_size_images(draw, train, test):
    """Return standardized 16x16 images of the synthetic dataset; training labels are one-hot."""
    (x, y), (x_test, y_test) = draw(train, test, seed=13)
    mean, std = x.mean((0, 1, 2)), x.std((0, 1, 2))
    x, x_test = (
        ((part - mean) / std).reshape(len(part), 16, 2, 16, 2, 3).mean((2, 4)).astype(np.float32)
        for part in (x, x_test)
    )
    return x, np.eye(10, dtype=np.float32)[y], x_test, y_test
