"""The model card of a run: what was trained, on which data, how good it is, what it is not for."""

import math
from typing import Any

from cifar_lab import data

Z = 1.96  # of a normal distribution: 95 % lie within
CIFAR10 = (
    "CIFAR-10 (Krizhevsky 2009) has no clear license. Its images were collected from the internet "
    "for 80 Million Tiny Images, a dataset that its authors have withdrawn."
)
OTHER_DATA = "The course draws these images itself; they share its MIT license."
WEIGHTS = (
    "The network contains MobileNetV2 with ImageNet weights, published by Keras under the Apache "
    "License 2.0."
)
NOT_FOR = (
    "The network is the result of an exercise. It knows ten classes and gives one of them to every "
    "image, also to a face or a text, often with a high probability. Do not use it for decisions "
    "about people, where an error costs anything, or on images unlike those it was trained on."
)


def model_card(metrics: dict[str, Any], test_images: int) -> str:
    """Return the text of MODEL_CARD.md.

    Args:
        metrics: The entries of `metrics.json`.
        test_images: The number of images that the test accuracy was measured on.
    """
    low, high = interval(metrics["test_accuracy"], test_images)
    source = CIFAR10 if metrics["data"] == data.CIFAR10 else OTHER_DATA
    lines = [
        f"# {metrics['recipe']}, trained on {metrics['data']}",
        "",
        f"Trained on {metrics['date']} with cifar-course, recipe `{metrics['recipe']}`: "
        f"{metrics['epochs_run']} epochs, seed {metrics['seed']}, {metrics['parameters']:,} "
        f"parameters, {metrics['backend']} with Keras {metrics['keras']}, {metrics['hardware']}.",
        "",
        "## Accuracy",
        "",
        f"- test: {metrics['test_accuracy']:.2%}, 95 % interval {low:.2%} to {high:.2%} "
        f"({test_images:,} images; another seed varies more than this)",
        f"- validation: {metrics['validation_accuracy']:.2%}",
        f"- train: {metrics['train_accuracy']:.2%}",
        "",
        "## Data",
        "",
        source,
        *([WEIGHTS] if metrics["recipe"].startswith("transfer") else []),
        "",
        "## What it must not be used for",
        "",
        NOT_FOR,
    ]
    return "\n".join(lines) + "\n"


def interval(accuracy: float, images: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval for an accuracy that was measured on so many images.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927).
    """
    spread = Z**2 / images
    center = (accuracy + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(accuracy * (1 - accuracy) / images + spread / (4 * images))
    return center - half, center + half
