"""Tests of `cnn.build_cnn`: the weights, outputs and learning of a plain CNN."""

import numpy as np
import pytest
from scipy.special import expit

from cifar_lab.testing.expect import expect
from cifar_lab.testing.plugin import exercise
from cifar_lab.testing.samples import generator
from cifar_lab.verifier.rebuild import structure

from .oracles import forward, numbers, softmax, weight_shapes, zeros_around

# sizes that differ from each other and from the defaults: each weight has a shape of its own
SMALL = {"input_shape": (24, 32, 2), "num_classes": 5, "filters": (4, 6, 8)}
DEFAULTS = {"input_shape": (32, 32, 3), "num_classes": 10, "filters": (64, 128, 256)}


def expect_weights(model, settings):
    """Check that the weights are those of three convolutions and a Dense layer; return them."""
    expect(model).to_be_a("model", because="build_cnn returns a keras.Model")
    weights = model.get_weights()
    filters = settings["filters"]
    named = {
        f"you ignored `{name}`": weight_shapes(**{**settings, name: default})
        for name, default in DEFAULTS.items()
    }
    expect(sorted(list(array.shape) for array in weights)).to_equal(
        weight_shapes(**settings),
        because="the network has three 3x3 convolutions with biases, each reading the channels of "
        "the one before, three poolings that halve rows and columns, Flatten and one Dense layer",
        mistakes={
            "the model has no weights yet, because it does not know the shape of its input: begin "
            "with keras.Input(input_shape)": [],
            'the convolutions do not pad: padding="same" keeps the size': (
                weight_shapes(**settings, lost=2)
            ),
            "there is no pooling": weight_shapes(**settings, pools=0),
            "only one block pools": weight_shapes(**settings, pools=1),
            "only two blocks pool": weight_shapes(**settings, pools=2),
            "you averaged over rows and columns (GlobalAveragePooling2D), or left out Flatten": (
                weight_shapes(**settings, flat=filters[2])
            ),
            "each block has two convolutions": weight_shapes(**settings, twice=True),
            "the kernels are 5x5, not 3x3": weight_shapes(**settings, kernel=5),
            "the convolutions have no bias": weight_shapes(**settings, bias=False),
            "the filters are in the wrong order": (
                weight_shapes(**{**settings, "filters": filters[::-1]})
            ),
            **named,
        },
    )
    return weights


@exercise("cnn.build_cnn", main=True)
@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        {"input_shape": (24, 24, 1), "num_classes": 3, "filters": (2, 5, 4)},
        {"input_shape": (32, 24, 3), "num_classes": 7, "filters": (8, 4, 2)},
    ],
    ids=["24x32x2", "24x24x1", "32x24x3"],
)
def test_three_convolutions_and_a_dense_layer(learner, settings):
    """The weights are those of three 3x3 "same" convolutions with biases and one Dense layer."""
    expect_weights(learner.cnn.build_cnn(**settings), settings)


@exercise("cnn.build_cnn")
def test_the_default_network(learner):
    """By default, the network has 32x32x3 inputs, ten classes, and 64, 128 and 256 filters."""
    weights = expect_weights(learner.cnn.build_cnn(), DEFAULTS)
    expect(sum(array.size for array in weights)).to_equal(
        411_786,
        because="the convolutions have 1,792 + 73,856 + 295,168 parameters, the Dense layer 40,970",
    )


def random_weights(shape):
    """Return kernels that keep values near one from layer to layer, or biases that matter."""
    random = generator(len(shape) * shape[-1])
    if len(shape) == 1:
        return random.normal(0.1, 0.3, shape)
    return random.normal(0, 2 / np.sqrt(np.prod(shape[:-1])), shape)


@exercise("cnn.build_cnn", main=True)
def test_outputs_for_given_weights(learner):
    """The network computes three blocks of convolution, ReLU and max-pooling, then a softmax."""
    model = learner.cnn.build_cnn(**SMALL)
    weights = [random_weights(array.shape) for array in expect_weights(model, SMALL)]
    model.set_weights(weights)
    images = 2 * numbers(4, *SMALL["input_shape"])

    def outputs(**mistake):
        return forward(weights, images, **mistake)

    result = model.predict(images)
    expect(result).to_be_close(
        outputs(),
        because="each block is a convolution, then ReLU and 2x2 max-pooling; the outputs are "
        "probabilities",
        rtol=0,
        atol=3e-3,
        mistakes={
            "there is no ReLU after the convolutions": lambda: outputs(activation=lambda x: x),
            "the activation is a sigmoid, not a ReLU": lambda: outputs(activation=expit),
            "the activation is tanh, not a ReLU": lambda: outputs(activation=np.tanh),
            "the activation is a leaky ReLU, not a plain one": (
                lambda: outputs(activation=lambda x: np.maximum(x, 0) + 0.3 * np.minimum(x, 0))
            ),
            "there is no softmax: the outputs are logits": lambda: outputs(head=lambda z: z),
            "the outputs went through a sigmoid: a softmax makes them sum to one": (
                lambda: outputs(head=expit)
            ),
            "the softmax is applied twice": lambda: outputs(head=lambda z: softmax(softmax(z))),
            "the Dense layer has a ReLU before its softmax": (
                lambda: outputs(head=lambda z: softmax(np.maximum(z, 0)))
            ),
            "you average each window (AveragePooling2D) instead of taking its largest value": (
                lambda: outputs(pool=np.mean)
            ),
            "there is no pooling: the convolutions skip every second pixel (strides=2)": (
                lambda: outputs(
                    pool=None, zeros=lambda size, kernel_size, _: zeros_around(size, 3, 2)
                )
            ),
        },
    )


@exercise("cnn.build_cnn")
def test_the_outputs_are_probabilities(learner):
    """The outputs of a new network are `num_classes` probabilities that sum to one."""
    model = learner.cnn.build_cnn(**SMALL)
    expect(model).to_be_a("model", because="build_cnn returns a keras.Model")
    result = model.predict(50 * numbers(3, *SMALL["input_shape"]))
    expect(result).to_have_shape(
        (3, 5), because="there is one row per image and one column per class"
    )
    sums = np.asarray(result).sum(-1)
    expect(sums).to_be_close(
        np.ones(3), because="the last layer is a Dense layer with a softmax", rtol=0, atol=1e-3
    )


@exercise("cnn.build_cnn")
def test_plain_and_not_compiled(learner):
    """The network is not compiled, and has no dropout or normalization."""
    model = learner.cnn.build_cnn(**SMALL)
    expect(model).to_be_a("model", because="build_cnn returns a keras.Model")
    expect(model.is_compiled()).to_equal(
        False,
        because="optimizer and loss are not part of a network: compile_cnn, the next exercise, "
        "adds them",
        mistakes={"you called `compile` in build_cnn": True},
    )
    names = [layer["class"] for layer in structure(model)]
    extra = [name for name in names if "Dropout" in name or "Normalization" in name]
    expect(extra).to_equal([], because="this is the plain network that lesson 3 improves")


def synthetic_images(draw, train, test):
    """Return standardized images of the synthetic dataset, with one-hot labels for training."""
    (x, y), (x_test, y_test) = draw(train, test, seed=11)
    mean, std = x.mean((0, 1, 2)), x.std((0, 1, 2))
    x, x_test = (((part - mean) / std).astype(np.float32) for part in (x, x_test))
    return x, np.eye(10, dtype=np.float32)[y], x_test, y_test


def compiled(learner, filters, rate):
    """Return the learner's network, ready to train."""
    model = learner.cnn.build_cnn(filters=filters)
    expect_weights(model, {**DEFAULTS, "filters": filters})
    return learner.tools.compiled(model, rate)


@exercise("cnn.build_cnn")
@pytest.mark.trains
def test_overfits_one_batch(learner, draw):
    """Twenty steps are enough to overfit one batch of 20 images of the synthetic dataset."""
    x, y, _, _ = synthetic_images(draw, 20, 0)
    model = compiled(learner, (8, 8, 16), 0.01)
    with learner.described("train_on_batch twenty times, with the same 20 images"):
        losses = [model.train_on_batch(x, y)["loss"] for _ in range(20)]
    expect(losses[-1]).to_stay_below(
        "cnn_one_batch_loss",
        "a loss",
        because=f"guessing costs {np.log(10):.1f}, and a network that cannot even memorize 20 "
        "images is built incorrectly, or its weights cannot change",
    )


@exercise("cnn.build_cnn")
@pytest.mark.trains
def test_learns_the_synthetic_dataset(learner, draw):
    """Trained on 600 images of the synthetic dataset, the network recognizes new ones."""
    x, y, x_test, y_test = synthetic_images(draw, 600, 300)
    model = compiled(learner, (8, 8, 16), 0.005)
    model.fit(x, y, epochs=4, batch_size=30)
    accuracy = float(np.mean(np.asarray(model.predict(x_test)).argmax(-1) == y_test))
    expect(accuracy).to_reach(
        "cnn_synthetic_accuracy",
        "an accuracy on 300 new images of the synthetic dataset",
        because="guessing gives 0.1, and a correct network reaches about 0.64 after four epochs "
        "on 600 images",
    )
