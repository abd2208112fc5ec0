"""The synthetic dataset has the same bytes everywhere, is balanced, varied, and hard enough."""

import hashlib
import time

import numpy as np
import pytest
from scipy.optimize import minimize

from cifar_lab.data import cifar10, synthetic

TRAIN_HASH = "2401bbbf4a8fbb619b36c81137d16fcfaea64a50e45d5ec23d156f638b1a01d4"
TEST_HASH = "83e491e6efc8305a8e4ba0c3354822785cdcd674d3f2617c58cce366061a4435"
PRETRAINING_HASH = "771e27460f9b6e2dd59b381afcd50b4461282523f665f17488e0200bb7a0c827"


@pytest.fixture(scope="module")
def whole():
    return synthetic.draw()


def sha256(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        # in one byte order, so that the hash does not depend on the machine
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


# The same bytes everywhere


def test_the_bytes_are_the_same_on_every_machine(whole):
    (x_train, y_train), (x_test, y_test) = whole
    assert sha256(x_train, y_train) == TRAIN_HASH
    assert sha256(x_test, y_test) == TEST_HASH


def test_the_pretraining_bytes_are_the_same_on_every_machine():
    (x, y), _ = synthetic.draw(200, 0, seed=1, classes=synthetic.PRETRAINING_CLASSES)
    assert sha256(x, y) == PRETRAINING_HASH


@pytest.mark.parametrize("count", [1, 9, 10, 101])
def test_the_first_images_do_not_depend_on_how_many_are_drawn(whole, count):
    (x_train, y_train), (x_test, y_test) = whole
    (few_x, few_y), (few_x_test, few_y_test) = synthetic.draw(count, count)
    np.testing.assert_array_equal(few_x, x_train[:count])
    np.testing.assert_array_equal(few_y, y_train[:count])
    np.testing.assert_array_equal(few_x_test, x_test[:count])
    np.testing.assert_array_equal(few_y_test, y_test[:count])


def test_another_seed_gives_other_images_in_another_order():
    (x, y), _ = synthetic.draw(100, 0, seed=1)
    (other_x, other_y), _ = synthetic.draw(100, 0, seed=2)
    assert not (x == other_x).all(axis=(1, 2, 3)).any()
    assert not np.array_equal(y, other_y)


def test_no_image_is_drawn_twice(whole):
    (x_train, _), (x_test, _) = whole
    assert len({x.tobytes() for x in np.concatenate([x_train, x_test])}) == 5000


# The arrays


def test_images_are_uint8_and_labels_int64(whole):
    for (x, y), count in zip(whole, (4000, 1000), strict=True):
        assert x.shape == (count, 32, 32, 3) and x.dtype == np.uint8
        assert y.shape == (count,) and y.dtype == np.int64


def test_every_ten_images_hold_each_class_once(whole):
    for _, y in whole:
        rounds = np.sort(y.reshape(-1, 10), axis=1)
        np.testing.assert_array_equal(rounds, np.tile(np.arange(10), (len(rounds), 1)))
        assert len({tuple(order) for order in y.reshape(-1, 10)}) > 90  # and in random order


def test_a_caller_may_change_the_arrays():
    (x, y), _ = synthetic.draw(20, 0)
    before = x.copy(), y.copy()
    x[:], y[:] = 0, 0
    (again_x, again_y), _ = synthetic.draw(20, 0)
    np.testing.assert_array_equal(again_x, before[0])
    np.testing.assert_array_equal(again_y, before[1])


def test_drawing_the_default_dataset_takes_two_seconds_at_most():
    synthetic._draw_part.cache_clear()
    start = time.process_time()
    synthetic.draw()
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"classes": ("disc", "airplane")}, "airplane"),
        ({"classes": ()}, "must be some of disc, ring"),
        ({"train": -1}, "cannot draw -1"),
    ],
)
def test_impossible_arguments_are_refused(arguments, wrong):
    with pytest.raises(ValueError, match=wrong):
        synthetic.draw(**arguments)


def test_the_classes_have_names_of_their_own():
    assert len(set(synthetic.CLASS_NAMES)) == 10
    assert len(set(synthetic.PRETRAINING_CLASSES)) >= 8
    assert not set(cifar10.CLASS_NAMES) & set(synthetic.SHAPES)
    assert not set(synthetic.CLASS_NAMES) & set(synthetic.PRETRAINING_CLASSES)


def test_a_label_is_a_position_in_the_classes_asked_for():
    """The same shape drawn under two lists of classes is found under its own label in each."""
    (x, y), _ = synthetic.draw(40, 0, classes=("star", "dots"))
    (swapped_x, swapped_y), _ = synthetic.draw(40, 0, classes=("dots", "star"))
    same = (x == swapped_x).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(same, y == 1 - swapped_y)


# What an image shows


@pytest.mark.parametrize("name", synthetic.SHAPES)
def test_every_shape_fills_a_fair_part_of_its_square_and_stays_inside(name):
    places = np.arange(-512, 512, 4, dtype=np.int32)
    inside = synthetic.SHAPES[name](places[None, None, :], places[None, :, None])[0]
    assert 0.1 < inside.sum() / (128 * 128) < 0.9
    far = np.hypot(places[None, :], places[:, None])[inside].max()
    assert 220 < far < 345  # the corner of the widest square is at 1.35 radii


def test_channels_differ_in_mean_and_spread(whole):
    (x, _), _ = whole
    mean, std = x.mean(axis=(0, 1, 2)), x.std(axis=(0, 1, 2))
    assert (np.diff(mean) < -10).all() and (np.diff(std) < -5).all()


def test_few_pixels_are_cut_off_at_black_or_white(whole):
    (x, _), _ = whole
    assert ((x == 0) | (x == 255)).mean() < 0.01


def accuracy_of_linear_softmax(x, y, x_test, y_test, penalty, steps=200):
    """Return the test accuracy of multinomial logistic regression, trained by L-BFGS."""
    targets = np.eye(10, dtype=np.float32)[y]

    def loss_and_gradient(flat):
        weights = flat.reshape(-1, 10).astype(np.float32)
        logits = x @ weights
        logits -= logits.max(axis=1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        loss = -(targets * log_p).sum() / len(y) + penalty / 2 * (weights**2).sum()
        gradient = x.T @ (np.exp(log_p) - targets) / len(y) + penalty * weights
        return float(loss), gradient.ravel().astype(np.float64)

    start = np.zeros(x.shape[1] * 10)
    found = minimize(
        loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": steps}
    )
    return ((x_test @ found.x.reshape(-1, 10)).argmax(axis=1) == y_test).mean()


def test_color_alone_says_little_about_the_class(whole):
    """A linear classifier on each image's mean and deviation per channel is little above chance."""
    (x, y), (x_test, y_test) = whole

    def colors(images):
        numbers = np.hstack([images.mean(axis=(1, 2)), images.std(axis=(1, 2))]) / 64 - 1
        return np.hstack([numbers, np.ones((len(numbers), 1))]).astype(np.float32)

    assert accuracy_of_linear_softmax(colors(x), y, colors(x_test), y_test, 1e-4) < 0.22


def flat_and_standardized(whole):
    (x, y), (x_test, y_test) = whole
    mean, std = x.mean(axis=(0, 1, 2)), x.std(axis=(0, 1, 2))

    def flat(images):
        standard = ((images - mean) / std).reshape(len(images), -1)
        return np.hstack([standard, np.ones((len(standard), 1))]).astype(np.float32)  # with a bias

    return flat(x), y, flat(x_test), y_test


def test_a_linear_classifier_stays_below_55_percent(whole):
    """Averaging pixels two by two costs no accuracy and is fast; `proof` uses all pixels."""
    coarse = tuple((x.reshape(-1, 16, 2, 16, 2, 3).mean(axis=(2, 4)), y) for x, y in whole)
    accuracy = accuracy_of_linear_softmax(*flat_and_standardized(coarse), penalty=0.1, steps=50)
    assert 0.2 < accuracy < 0.55


@pytest.mark.proof
@pytest.mark.parametrize("penalty", [0.01, 0.1, 1.0])
def test_a_linear_classifier_stays_below_55_percent_with_any_penalty(whole, penalty):
    accuracy = accuracy_of_linear_softmax(*flat_and_standardized(whole), penalty=penalty)
    assert 0.2 < accuracy < 0.55


# Deep networks


def train(whole, filters, regularized, epochs):
    """Return the test accuracy of lesson 2's network, or with `regularized` of lesson 3's."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = whole
    mean, std = x.mean(axis=(0, 1, 2)), x.std(axis=(0, 1, 2))
    network = keras.Sequential([layers.Input((32, 32, 3))])
    for number, width in enumerate(filters):
        network.add(layers.Conv2D(width, 3, padding="same"))
        if regularized:
            network.add(layers.BatchNormalization())
        network.add(layers.ReLU())
        network.add(layers.MaxPooling2D())
        if regularized and number < 2:
            network.add(layers.Dropout((0.25, 0.4)[number]))
    network.add(layers.Flatten())
    if regularized:
        network.add(layers.Dropout(0.5))
    network.add(layers.Dense(10, activation="softmax"))
    network.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy")
    standard, standard_test = ((p - mean) / std for p in (x, x_test))
    network.fit(standard, np.eye(10)[y], batch_size=64, epochs=epochs, verbose=0)
    return (network.predict(standard_test, verbose=0).argmax(axis=1) == y_test).mean()


@pytest.mark.proof
def test_the_lesson_3_network_passes_90_percent(whole):
    assert train(whole, (64, 128, 256), regularized=True, epochs=12) > 0.9


@pytest.mark.proof
def test_a_small_network_learns_in_400_steps(whole):
    """Graders train networks of this size: 1,000 images, 25 epochs of 16 steps."""
    (x, y), test = whole
    part = (x[:1000], y[:1000]), test
    assert train(part, (16, 32, 64), regularized=False, epochs=25) > 0.7
