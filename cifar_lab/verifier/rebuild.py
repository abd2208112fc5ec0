"""Compare the layers that a model names with what the model computes.

In a sandbox everything that a model says about itself is a claim. So its layers are rebuilt here
with its weights, and must give its predictions. They are rebuilt in plain NumPy: no Keras object
is made from a claim, only the layers in `LAYERS` are possible, and the size of each computation
is known before it starts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from cifar_lab.course.verdict import FailureKind
from cifar_lab.testing.learner import Failure, Proxy
from cifar_lab.testing.samples import generator

MOST_INPUTS = 2**20  # numbers in one image
MOST_WORK = 2**33  # multiplications in one layer
IMAGES = 2


class NotListed(Exception):
    """A layer that cannot be rebuilt, so that a person must look at it."""


def structure(model: Proxy) -> list[dict[str, Any]]:
    """Return `model.summary_spec()`, compared with the model's predictions unless it is trusted.

    Raises:
        Failure: `invalid model`: a network with these layers and weights predicts something else.
    """
    spec = model.summary_spec()
    if not model.learner.trusted:
        with _claims(model):
            shape = spec[0]["input_shape"][1:]
            if np.prod(shape, dtype=float) > MOST_INPUTS:
                raise NotListed(f"images of {shape}")
            images = generator(29).normal(size=(IMAGES, *shape)).astype(np.float32)
            weights = model.get_weights()
            _compare(rebuilt(spec, weights, images), model.predict(images))
    return spec


def head(model: Proxy, base: Proxy, spec: list[dict[str, Any]], images: np.ndarray) -> None:
    """Compare the layers that follow the course's own base with the predictions.

    Args:
        model: The model around the base.
        base: The base that it was built on.
        spec: The layers after the base, as the model names them.
        images: Images that the model takes.

    Raises:
        Failure: As in `structure`.
    """
    if model.learner.trusted:
        return
    with _claims(model):
        features = base.predict(model.learner.tools.recorded_input(model, base, images))
        weights = model.get_weights()
        ours = weights[len(weights) - sum(map(_arrays_of, spec)) :]
        _compare(rebuilt(spec, ours, np.asarray(features)), model.predict(images))


@contextmanager
def _claims(model: Proxy) -> Iterator[None]:
    """Turn errors in the block, which are due to the model's claims, into flags or a Failure."""
    try:
        yield
    except NotListed as layer:
        model.learner.flags.append(f"judged without rebuilding its model: {layer}")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        learner = model.learner
        wrong = f"the layers that it names and its weights do not give its predictions ({error})"
        learner.failure = Failure(FailureKind.INVALID_MODEL, wrong, learner.last_call)
        raise learner.failure from None


def _compare(found: np.ndarray, claimed: Any) -> None:
    claimed = np.asarray(claimed, np.float64)
    if claimed.shape != found.shape:
        raise ValueError(f"shape {claimed.shape}, not {found.shape}")
    if not np.allclose(claimed, found, rtol=1e-2, atol=1e-4):
        raise ValueError(f"they differ by {np.abs(claimed - found).max():.3g}")


def rebuilt(spec: list[dict[str, Any]], weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return the output of a chain of layers for `x` at inference, in float64.

    Args:
        spec: The layers, as `summary_spec` names them.
        weights: All their weights in Keras' order.
        x: The input of the first layer, channels last.

    Raises:
        NotListed: A layer, a setting or a size that cannot be rebuilt here.
        ValueError: Such layers have other weights.
    """
    if len(weights) != sum(map(_arrays_of, spec)):
        raise ValueError(f"{len(weights)} arrays of weights")
    left = iter([np.asarray(array, np.float64) for array in weights])
    x = np.asarray(x, np.float64)
    for layer in spec:
        settings = layer["settings"]
        compute = LAYERS.get(layer["class"]) if layer["known"] else None
        if compute is None or settings.get("data_format", "channels_last") != "channels_last":
            raise NotListed(str(layer["class"])[:60])
        x = compute(x, settings, left)
        x = _activated(x, settings.get("activation", "linear"))
    return x


def _arrays_of(layer: dict[str, Any]) -> int:
    settings = layer["settings"]
    if layer["class"] in ("Conv2D", "Dense"):
        return 1 + bool(settings["use_bias"])
    if layer["class"] == "BatchNormalization":
        return 2 + bool(settings["scale"]) + bool(settings["center"])
    return 0


def _activated(x: np.ndarray, name: str) -> np.ndarray:
    if name not in ACTIVATIONS:
        raise NotListed(f"the activation {str(name)[:60]}")
    return ACTIVATIONS[name](x)


def _conv2d(x: np.ndarray, settings: dict, weights: Iterator[np.ndarray]) -> np.ndarray:
    kernel = next(weights)
    if list(settings["dilation_rate"]) != [1, 1] or settings["groups"] != 1:
        raise NotListed("Conv2D with dilation or groups")
    size, steps = np.array(kernel.shape[:2]), np.array(settings["strides"])
    if settings["padding"] == "same":  # the odd pixel goes below and right
        lost = np.maximum((-(-np.array(x.shape[1:3]) // steps) - 1) * steps + size, x.shape[1:3])
        lost = lost - x.shape[1:3]
        x = np.pad(x, [(0, 0), *((n // 2, n - n // 2) for n in map(int, lost)), (0, 0)])
    rows, columns = (np.array(x.shape[1:3]) - size) // steps + 1
    if len(x) * rows * columns * kernel.size > MOST_WORK:
        raise NotListed("a convolution of that size")
    out = np.zeros((len(x), rows, columns, kernel.shape[3]))
    for i, j in np.ndindex(*kernel.shape[:2]):
        part = x[:, i : i + rows * steps[0] : steps[0], j : j + columns * steps[1] : steps[1]]
        out += part[:, :rows, :columns] @ kernel[i, j]
    return out + next(weights) if settings["use_bias"] else out


def _dense(x: np.ndarray, settings: dict, weights: Iterator[np.ndarray]) -> np.ndarray:
    out = x @ next(weights)
    return out + next(weights) if settings["use_bias"] else out


def _batch_norm(x: np.ndarray, settings: dict, weights: Iterator[np.ndarray]) -> np.ndarray:
    if settings["axis"] not in (-1, x.ndim - 1):
        raise NotListed("BatchNormalization over another axis")
    gamma = next(weights) if settings["scale"] else 1
    beta = next(weights) if settings["center"] else 0
    mean, variance = next(weights), next(weights)
    return gamma * (x - mean) / np.sqrt(variance + settings["epsilon"]) + beta


def _pooling(reduce: Callable) -> Callable:
    def pool(x: np.ndarray, settings: dict, weights: Iterator[np.ndarray]) -> np.ndarray:
        height, width = settings["pool_size"]
        if list(settings["strides"]) != [height, width] or settings["padding"] != "valid":
            raise NotListed("pooling with overlap or padding")
        rows, columns = x.shape[1] // height, x.shape[2] // width
        x = x[:, : rows * height, : columns * width]
        return reduce(x.reshape(len(x), rows, height, columns, width, -1), (2, 4))

    return pool


def _relu(x: np.ndarray, settings: dict, weights: Iterator[np.ndarray]) -> np.ndarray:
    # as a layer it has settings, as a bare function none
    if settings.get("negative_slope", 0) or settings.get("threshold", 0):
        raise NotListed("ReLU with a slope or a threshold")
    return np.clip(x, 0, settings.get("max_value", np.inf))


def _unchanged(x: np.ndarray, settings: dict, weights: Iterator[np.ndarray]) -> np.ndarray:
    return x


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "softmax": lambda x: softmax(x, axis=-1),
    "sigmoid": expit,
    "tanh": np.tanh,
}
LAYERS: dict[str, Callable] = {
    "Conv2D": _conv2d,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "MaxPooling2D": _pooling(np.max),
    "AveragePooling2D": _pooling(np.mean),
    "GlobalAveragePooling2D": lambda x, settings, weights: x.mean((1, 2)),
    "GlobalMaxPooling2D": lambda x, settings, weights: x.max((1, 2)),
    "Flatten": lambda x, settings, weights: x.reshape(len(x), -1),
    "ReLU": _relu,
    "Relu": _relu,
    "Softmax": lambda x, settings, weights: softmax(x, axis=-1),
    # `_activated` does the rest
    "Activation": _unchanged,
    # these work in training only
    "Dropout": _unchanged,
    "SpatialDropout2D": _unchanged,
    "GaussianDropout": _unchanged,
    "GaussianNoise": _unchanged,
}
