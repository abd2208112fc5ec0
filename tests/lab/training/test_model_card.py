"""The model card states accuracy with its interval, data, and what the network is not for."""

import pytest
from scipy.stats import binomtest

from cifar_lab import data
from cifar_lab.training.model_card import interval, model_card

METRICS = {
    "recipe": "cnn",
    "data": data.CIFAR10,
    "date": "2026-11-22",
    "epochs_run": 30,
    "seed": 0,
    "parameters": 411_000,
    "backend": "tensorflow",
    "keras": "3.15.1",
    "hardware": "2 CPU cores",
    "test_accuracy": 0.83,
    "validation_accuracy": 0.84,
    "train_accuracy": 0.93,
}


@pytest.mark.parametrize(("right", "images"), [(50, 100), (0, 10), (10, 10), (8322, 10_000)])
def test_the_interval_is_wilsons(right, images):
    expected = binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert interval(right / images, images) == pytest.approx(tuple(expected), abs=1e-5)


def test_a_card_of_cifar_10():
    card = model_card(METRICS, test_images=10_000)
    assert "test: 83.00%, 95 % interval 82.25% to 83.72% (10,000 images" in card
    assert "no clear license" in card and "MobileNetV2" not in card
    assert "must not be used for" in card


def test_a_card_of_the_synthetic_dataset_and_of_pretrained_weights():
    card = model_card(METRICS | {"data": "synthetic dataset", "recipe": "transfer-fast"}, 400)
    assert "no clear license" not in card and "MIT license" in card
    assert "Apache License 2.0" in card
