"""Tests of regularization.build_regularized_cnn."""

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
    """What a model's layers say of it: its convolutions, blocks and output."""

    def __init__(self, model):
        expect(model).to_be_a("model", because="build_regularized_cnn returns a keras.Model")
        self.layers = structure(model)
        expect([layer["class"] for layer in self.layers]).to_be_true(
            bool(self.layers) and all(layer["input_shape"] for layer in self.layers),
            "a functional or Sequential model that knows the shape of its input",
            because="it begins with keras.Input(input_shape)",
        )
        self.convolutions = self.places("Conv2D")
        dense = self.places("Dense")
        expect([layer["class"] for layer in self.layers]).to_be_true(
            len(self.convolutions) == 3 and bool(dense) and dense[0] > self.convolutions[-1],
            "three Conv2D layers, then at least one Dense layer",
            because="it is lesson 2's network, with normalisation and dropout added",
        )
        self.first_dense, self.output = dense[0], dense[-1]

    def places(self, kind):
        """Where Keras' own layers of this class stand."""
        return [
            place
            for place, layer in enumerate(self.layers)
            if layer["class"] == kind and layer["known"]
        ]

    def blocks(self):
        """The layers from each convolution to the next, and from the last to the first Dense."""
        ends = [*self.convolutions[1:], self.first_dense]
        return [self.layers[a:b] for a, b in zip(self.convolutions, ends, strict=True)]

    def rates(self):
        """The rates of all dropout layers before the output."""
        return [
            round(self.layers[place]["settings"]["rate"], 6)
            for place in self.places("Dropout")
            if place < self.output
        ]


def network(learner, settings):
    """The learner's network with these settings."""
    return Network(learner.regularization.build_regularized_cnn(**settings))


@exercise("regularization.build_regularized_cnn")
@pytest.mark.parametrize("settings", [SMALL, OTHER], ids=["16x24x2", "24x8x1"])
def test_three_convolutions(learner, settings):
    """Three 3x3 "same" convolutions with the filters that were asked for, each with a ReLU."""
    found = network(learner, settings)
    convolutions = [found.layers[place] for place in found.convolutions]
    expect([layer["settings"]["filters"] for layer in convolutions]).to_equal(
        list(settings["filters"]),
        because="`filters` says how many each convolution has",
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
        expect(layer["parameters"]).to_be_true(
            layer["parameters"] in (9 * channels * filters, (9 * channels + 1) * filters),
            f"{9 * channels * filters} weights, and {filters} biases or none",
            because=f"the kernels read {channels} channels and write {filters}; with "
            "BatchNormalization behind it, the bias may be left out",
        )
    for block in found.blocks():
        expect([layer["class"] for layer in block]).to_be_true(
            any(_is_relu(layer) for layer in block),
            "a ReLU after each convolution, as its activation or as a layer",
            because="without it, two convolutions in a row are one linear map",
        )


def _is_relu(layer):
    # Keras has it as a layer, as an activation, and as a function (ReLU or Relu) in the graph
    return layer["class"] in ("ReLU", "Relu") or layer["settings"].get("activation") == "relu"


@exercise("regularization.build_regularized_cnn")
@pytest.mark.parametrize("settings", [SMALL, OTHER], ids=["16x24x2", "24x8x1"])
def test_pooled_and_flattened(learner, settings):
    """Each block ends in 2x2 max-pooling; after the third, everything is flattened."""
    found = network(learner, settings)
    for block in found.blocks():
        pools = [layer for layer in block if layer["class"] in ("MaxPooling2D", "MaxPool")]
        halved = [
            [size // 2 for size in layer["input_shape"][1:3]] == layer["output_shape"][1:3]
            for layer in pools
        ]
        expect([layer["class"] for layer in block]).to_be_true(
            halved == [True],
            "one 2x2 max-pooling in each block",
            because="as in lesson 2, each block halves rows and columns",
        )
    height, width, _ = settings["input_shape"]
    filters = settings["filters"][-1]
    expect(found.layers[found.first_dense]["input_shape"][1:]).to_equal(
        [(height // 8) * (width // 8) * filters],
        because=f"Flatten hands all {height // 8}x{width // 8} places of {filters} channels on",
        mistakes={
            "you averaged over rows and columns (GlobalAveragePooling2D) instead of Flatten": [
                filters
            ],
            "you left out Flatten: the Dense layer reads single pixels": [
                height // 8,
                width // 8,
                filters,
            ],
        },
    )


@exercise("regularization.build_regularized_cnn")
def test_normalised_after_every_convolution(learner):
    """keras.layers.BatchNormalization follows every convolution, before or after its ReLU."""
    found = network(learner, SMALL)
    named = {
        "BatchNorm": "you used your own BatchNorm: keras.layers.BatchNormalization is asked for, "
        "which anyone can load",
        "LayerNormalization": "LayerNormalization takes its statistics from each image alone",
        "GroupNormalization": "GroupNormalization takes its statistics from each image alone",
    }
    for number, block in enumerate(found.blocks(), start=1):
        own = [layer for layer in block if layer["class"] == "BatchNormalization"]
        of_maps = [layer for layer in own if layer["known"] and len(layer["input_shape"]) == 4]
        mistakes = [named[layer["class"]] for layer in block if layer["class"] in named]
        if own and not of_maps:
            mistakes.append("it comes after Flatten, where a channel is torn into single places")
        expect([layer["class"] for layer in block]).to_be_true(
            bool(of_maps),
            f"a BatchNormalization after convolution {number}, before everything is flattened",
            because="each convolution hands on a distribution that shifts as it learns; each "
            "gets its own normalisation",
            mistake=[*mistakes, f"there is none after convolution {number}"][0],
        )
    for layer in found.layers:
        if layer["class"] == "BatchNormalization":
            axis = layer["settings"]["axis"]
            expect(axis).to_be_true(
                axis in (-1, len(layer["input_shape"]) - 1),
                "an axis of -1, the channels",
                because="images are channels last, and each channel has its own statistics",
            )
            expect(layer["trainable"]).to_equal(
                True, because="a frozen BatchNormalization never looks at its batch"
            )


@exercise("regularization.build_regularized_cnn")
def test_dropout_rates(learner):
    """Dropout at 0.25, 0.4 and 0.5 in this order, the 0.5 before the output layer."""
    found = network(learner, SMALL)
    rates = found.rates()
    remaining = iter(rates)
    in_order = all(any(rate == wanted for rate in remaining) for wanted in WANTED_RATES)
    expect(rates).to_be_true(
        in_order,
        "the rates 0.25, 0.4 and 0.5 in this order, before the output layer",
        because="everything that follows is built on early features: they are thinned out least",
        mistake=_rates_mistake(found, rates),
    )
    after = [layer["class"] for layer in found.layers[found.output + 1 :]]
    expect(after).to_be_true(
        not any("Dropout" in name or "Normalization" in name for name in after),
        "nothing but a softmax after the output layer",
        because="what changes the probabilities afterwards keeps them from summing to one",
    )
    shapes = [
        found.layers[place]["settings"].get("noise_shape") for place in found.places("Dropout")
    ]
    expect(shapes).to_be_true(
        not any(shapes),
        "no noise_shape",
        because="with one, several elements are dropped together; each is to be dropped on its own",
    )


def _rates_mistake(found, rates):
    classes = {layer["class"] for layer in found.layers}
    others = classes & {"SpatialDropout2D", "GaussianDropout", "AlphaDropout", "GaussianNoise"}
    everywhere = [found.layers[place]["settings"]["rate"] for place in found.places("Dropout")]
    if others:
        return f"{others.pop()} is not keras.layers.Dropout, which drops each element on its own"
    if len(everywhere) > len(rates):
        return "a Dropout comes after the output layer, where it silences classes"
    if sorted(rates) == WANTED_RATES:
        return "the three rates are there, but in another order"
    if sorted(round(1 - rate, 6) for rate in rates) == WANTED_RATES:
        return "you gave the shares that are kept: Keras' rate is the share that is dropped"
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
    # far from zero: logits, too, sum to something else than one
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
        mistakes={"the softmax comes twice, which flattens the probabilities": 2},
    )


@exercise("regularization.build_regularized_cnn")
def test_not_compiled(learner):
    """The network is not compiled, and all that can learn in it is trainable."""
    model = learner.regularization.build_regularized_cnn(**SMALL)
    found = Network(model)
    expect(model.is_compiled()).to_equal(
        False,
        because="optimizer and loss are not part of a network: compile_cnn adds them",
        mistakes={"you called `compile` in build_regularized_cnn": True},
    )
    frozen = [layer["class"] for layer in found.layers if not layer["trainable"]]
    frozen = [name for name in frozen if name in ("Conv2D", "Dense")]
    expect(frozen).to_equal([], because="every layer of a new network is there to learn")


@exercise("regularization.build_regularized_cnn")
def test_default_network(learner):
    """Without arguments: 32x32x3 images, ten classes, 64, 128 and 256 filters."""
    found = network(learner, {})
    convolutions = [found.layers[place] for place in found.convolutions]
    expect(found.layers[0]["input_shape"]).to_equal(
        [None, 32, 32, 3], because="CIFAR-10's images are 32x32x3"
    )
    expect([layer["settings"]["filters"] for layer in convolutions]).to_equal(
        [64, 128, 256], because="the signature says so"
    )
    expect(found.layers[found.output]["settings"]["units"]).to_equal(
        10, because="CIFAR-10 has ten classes"
    )


@exercise("regularization.build_regularized_cnn")
@pytest.mark.trains
def test_learns_the_synthetic_dataset(learner, draw):
    """After 400 steps on the synthetic dataset, the network recognises images it has not seen."""
    x, y, x_test, y_test = half_size_images(draw, 1600, 400)
    model = learner.regularization.build_regularized_cnn(x.shape[1:], filters=(8, 16, 32))
    expect(model).to_be_a("model", because="build_regularized_cnn returns a keras.Model")
    # fewer steps would judge the moving statistics, not the network: 0.99**400 is below 2 %
    learner.tools.compiled(model, 5e-3).fit(x, y, epochs=4, batch_size=16)
    accuracy = float(np.mean(np.asarray(model.predict(x_test)).argmax(-1) == y_test))
    expect(accuracy).to_reach(
        "regularized_synthetic_accuracy",
        "an accuracy on 400 new images of the synthetic dataset",
        because="chance is 0.1; four passes over 1,600 images take a sound network well beyond",
    )


def half_size_images(draw, train, test):
    """Standardised 16x16 images of the synthetic dataset, with one-hot labels for training."""
    (x, y), (x_test, y_test) = draw(train, test, seed=13)
    mean, std = x.mean((0, 1, 2)), x.std((0, 1, 2))
    x, x_test = (
        ((part - mean) / std).reshape(len(part), 16, 2, 16, 2, 3).mean((2, 4)).astype(np.float32)
        for part in (x, x_test)
    )
    return x, np.eye(10, dtype=np.float32)[y], x_test, y_test
