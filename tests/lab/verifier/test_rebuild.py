"""The layers that a model names must give its predictions; images of a secret dataset."""

import numpy as np
import pytest

from cifar_lab.course import syllabus
from cifar_lab.execution.handles import summary_spec
from cifar_lab.execution.worker import Worker
from cifar_lab.testing.learner import Failure, Learner
from cifar_lab.testing.samples import generator
from cifar_lab.verifier import rebuild


def own_model(*chain, shape=None):
    """Return a Sequential of these layers."""
    import keras

    return keras.Sequential([*([keras.Input(shape)] if shape else []), *chain])


def layers_of(make) -> list:
    """Return the layers that a function of `keras.layers` makes."""
    import keras

    return make(keras.layers)


# functions, so that listing these tests imports no Keras
CHAINS = {
    "convolutions": lambda layers: [
        layers.Conv2D(3, 3, padding="same", activation="relu"),
        layers.Conv2D(4, (2, 5), strides=2, padding="same", use_bias=False),
        layers.ReLU(max_value=0.5),
        layers.Conv2D(2, 3, strides=(1, 2), activation="tanh"),
    ],
    "normalized": lambda layers: [
        layers.Conv2D(4, 3),
        layers.BatchNormalization(epsilon=0.1),
        layers.BatchNormalization(scale=False),
        layers.Activation("sigmoid"),
        layers.BatchNormalization(center=False, axis=3),
        layers.SpatialDropout2D(0.5),
    ],
    "pooled": lambda layers: [
        layers.MaxPooling2D(),
        layers.AveragePooling2D((2, 1)),
        layers.Flatten(),
    ],
    "averaged": lambda layers: [
        layers.GaussianNoise(1.0),
        layers.GlobalAveragePooling2D(),
        layers.Softmax(),
    ],
    "largest": lambda layers: [layers.GaussianDropout(0.5), layers.GlobalMaxPooling2D()],
    "dense": lambda layers: [
        layers.Flatten(),
        layers.Dense(5, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(4, use_bias=False, activation="softmax"),
    ],
    "layers for activations": lambda layers: [
        layers.Conv2D(3, 3, activation=layers.ReLU()),
        layers.Activation(layers.Softmax()),
    ],
    "nested": lambda layers: [own_model(layers.Conv2D(2, 3), layers.ReLU()), layers.Flatten()],
}


@pytest.mark.parametrize("name", CHAINS)
def test_rebuilt_layers_compute_what_keras_computes(name):
    model = own_model(*layers_of(CHAINS[name]), shape=(11, 9, 3))
    random = generator(3)
    model.set_weights([random.uniform(0.2, 1.0, w.shape) for w in model.get_weights()])
    x = random.normal(size=(2, 11, 9, 3)).astype(np.float32)
    found = rebuild.rebuilt(summary_spec(model), model.get_weights(), x)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-3, atol=1e-4)


def test_every_listed_layer_is_tried():
    tried = {type(layer).__name__ for chain in CHAINS.values() for layer in layers_of(chain)}
    assert set(rebuild.LAYERS) - tried == {"Relu"}  # the bare function, which needs a functional


ODD = {
    "LeakyReLU": lambda layers: layers.LeakyReLU(),
    "another activation": lambda layers: layers.Activation("gelu"),
    "a layer for an activation": lambda layers: layers.Conv2D(3, 3, activation=layers.LeakyReLU()),
    "an activation with a bound": lambda layers: layers.Conv2D(3, 3, activation=layers.ReLU(6)),
    "the learner's own activation": lambda layers: layers.Conv2D(3, 3, activation=abs),
    "a slope": lambda layers: layers.ReLU(negative_slope=0.1),
    "padded pooling": lambda layers: layers.MaxPooling2D(padding="same"),
    "overlapping pooling": lambda layers: layers.MaxPooling2D(3, strides=1),
    "dilation": lambda layers: layers.Conv2D(3, 3, dilation_rate=2),
    "groups": lambda layers: layers.Conv2D(3, 3, groups=3),
    "another axis": lambda layers: layers.BatchNormalization(axis=1),
    "channels first": lambda layers: layers.Flatten(data_format="channels_first"),
}


@pytest.mark.parametrize("title", ODD)
def test_other_layers_are_not_rebuilt(title):
    model = own_model(layers_of(ODD[title]), shape=(9, 9, 3))
    with pytest.raises(rebuild.NotListed):
        rebuild.rebuilt(summary_spec(model), model.get_weights(), np.ones((2, 9, 9, 3)))


# --- claims ---------------------------------------------------------------------------------------


@pytest.fixture
def untrusted(reference):
    """Return the reference as a learner that is not trusted, as in a sandbox."""
    return Learner(Worker(reference, syllabus.modules()).handle, trusted=False)


def built(learner):
    return learner.regularization.build_regularized_cnn((16, 24, 2), 5, (4, 6, 8))


def lying(monkeypatch, method: str, change):
    """Make models answer `method` with `change` of the truth."""
    from cifar_lab.execution import handles

    honest = handles.METHODS["model"][method]
    monkeypatch.setitem(
        handles.METHODS["model"], method, lambda model, *args: change(honest(model, *args))
    )


def test_an_honest_network_passes(untrusted):
    model = built(untrusted)
    assert rebuild.structure(model) == model.summary_spec()
    assert untrusted.flags == []


def without_pooling(spec):
    return [layer for layer in spec if layer["class"] != "MaxPooling2D"]


def larger_padding(spec):
    return [{**one, "settings": {**one["settings"], "padding": "valid"}} for one in spec]


def more(spec):
    return [*spec, spec[-1]]


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("summary_spec", without_pooling),
        ("summary_spec", larger_padding),
        ("summary_spec", more),
        ("summary_spec", lambda spec: []),
        ("summary_spec", lambda spec: [{"class": "Conv2D", "known": True}]),
        ("get_weights", lambda weights: [weight + 0.1 for weight in weights]),
        ("get_weights", lambda weights: weights[:-1]),
        ("get_weights", lambda weights: None),
        ("predict", lambda outputs: np.eye(5)[[0, 1]]),
        ("predict", lambda outputs: outputs[:1]),
    ],
)
def test_a_claim_that_does_not_fit_is_an_invalid_model(untrusted, monkeypatch, method, change):
    model = built(untrusted)
    lying(monkeypatch, method, change)
    with pytest.raises(Failure) as caught:
        rebuild.structure(model)
    assert caught.value.kind == "invalid model" and untrusted.failure is caught.value
    assert caught.value.call.startswith("model.")


def other_activation(spec):
    return [{**one, "settings": {**one["settings"], "activation": "gelu"}} for one in spec]


def own_layer(spec):
    return [{**one, "known": False} for one in spec]


def giant(spec):
    return [{**spec[0], "input_shape": [None, 2**40, 2**40, 3]}, *spec[1:]]


@pytest.mark.parametrize("change", [other_activation, own_layer, giant])
def test_what_cannot_be_rebuilt_is_flagged_for_a_person(untrusted, monkeypatch, change):
    model = built(untrusted)
    lying(monkeypatch, "summary_spec", change)
    rebuild.structure(model)
    assert len(untrusted.flags) == 1


def test_a_convolution_is_sized_before_it_is_computed(monkeypatch):
    model = own_model(layers_of(lambda layers: layers.Conv2D(3, 3)), shape=(9, 9, 3))
    monkeypatch.setattr(rebuild, "MOST_WORK", 100)
    with pytest.raises(rebuild.NotListed, match="size"):
        rebuild.rebuilt(summary_spec(model), model.get_weights(), np.ones((2, 9, 9, 3)))


def test_the_head_on_a_base_must_give_its_predictions(untrusted, monkeypatch):
    base = untrusted.tools.small_base(40)
    model = untrusted.transfer.build_transfer_model(base, num_classes=3)
    spec = model.summary_spec()
    names = [layer["class"] for layer in spec]
    spec = spec[names.index("GlobalAveragePooling2D") :]
    images = generator(7).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    rebuild.head(model, base, spec, images)
    assert untrusted.flags == []
    dense = next(layer for layer in spec if layer["class"] == "Dense")
    assert dense["settings"].pop("activation") == "relu"
    with pytest.raises(Failure):
        rebuild.head(model, base, spec, images)
