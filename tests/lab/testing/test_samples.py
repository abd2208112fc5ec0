"""Inputs of grading tests are fixed in a learner's checkout, and secret in a graded run."""

import numpy as np
import pytest

from cifar_lab.data import synthetic
from cifar_lab.testing import samples
from cifar_lab.testing.samples import DRAWING, any_seed, draw, generator, near, pick


@pytest.fixture
def secret(monkeypatch):
    """Return a function that sets the secret of this process."""
    return lambda text: monkeypatch.setattr(DRAWING, "secret", text)


@pytest.mark.parametrize(
    "value",
    [
        lambda: generator(3).uniform(),
        lambda: near(0.5),
        lambda: any_seed(7),
        lambda: pick([2, 0], lambda random: random.integers(0, 9, 12).tolist()),
        lambda: int(samples.images_like_cifar().sum()),
        lambda: int(draw(20, 0, 3)[0][0].sum()),
    ],
)
def test_a_secret_decides_on_inputs_and_repeats_them(secret, value):
    plain, found = value(), []
    for text in ("one", "two", "one", ""):
        secret(text)
        found.append(value())
    one, two, again, without = found
    assert one == again and without == plain
    assert one != two and plain not in (one, two)


def test_without_a_secret_inputs_are_those_of_the_seed():
    assert generator(3).uniform() == np.random.default_rng(3).uniform()
    assert near(0.3) == 0.3 and any_seed(4) == 4
    assert pick([], lambda random: [1]) == []


def test_numbers_stay_near(secret):
    for number in range(50):
        secret(f"secret {number}")
        assert 0.8 * 0.3 <= near(0.3) <= 1.25 * 0.3


def test_each_use_is_counted(secret):
    before = DRAWING.count
    generator(), near(1.0), any_seed(1), pick(0, lambda random: 1), draw(20, 0, 3)
    assert DRAWING.count == before + 5


# --- images to score networks on ----------------------------------------------------------------


def test_without_a_secret_everybody_draws_the_same():
    for ours, theirs in zip(draw(20, 10, 3), synthetic.draw(20, 10, 3), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_a_secret_decides_on_images_and_on_the_numbers_of_classes(secret):
    secret("one")
    (x, y), _ = draw(200, 0, 3)
    again = draw(200, 0, 3)[0]
    np.testing.assert_array_equal(x, again[0])
    np.testing.assert_array_equal(y, again[1])
    assert not np.array_equal(x, draw(200, 0, 4)[0][0])
    assert np.bincount(y).tolist() == [20] * 10  # still ten classes, each as often
    secret("two")
    assert not np.array_equal(x, draw(200, 0, 3)[0][0])


def test_a_secret_gives_the_same_shape_another_number(secret, monkeypatch):
    asked = []
    monkeypatch.setattr(synthetic, "draw", lambda *settings: asked.append(settings[3]))
    for text in ("one", "two", "three"):
        secret(text)
        draw(20, 0, 3)
    assert len(set(asked)) == 3
    assert all(sorted(classes) == sorted(synthetic.CLASS_NAMES) for classes in asked)
