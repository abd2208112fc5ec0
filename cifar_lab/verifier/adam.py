"""Adam's steps on a linear softmax classifier, in NumPy: what an optimizer says is not asked."""

import numpy as np
from scipy.special import softmax

FORGETS = 0.9, 0.999  # Keras' defaults of beta_1 and beta_2
EPSILON = 1e-7


def steps(
    weights: list[np.ndarray],
    batches: list[tuple[np.ndarray, np.ndarray]],
    rate: float,
    clipnorm: float | None = None,
    global_clipnorm: float | None = None,
) -> list[np.ndarray]:
    """Return kernel and bias after one step of Adam on each batch, by cross-entropy.

    Args:
        weights: Kernel `(features, classes)` and bias `(classes,)`.
        batches: Inputs and one-hot labels.
        rate: The learning rate.
        clipnorm: The largest norm of each array's gradient.
        global_clipnorm: The largest norm of both gradients together.
    """
    weights = [np.asarray(array, np.float64) for array in weights]
    means, squares = ([np.zeros_like(array) for array in weights] for _ in range(2))
    for count, (x, targets) in enumerate(batches, start=1):
        errors = (softmax(x @ weights[0] + weights[1], axis=-1) - targets) / len(x)
        gradients = _clipped([x.T @ errors, errors.sum(0)], clipnorm, global_clipnorm)
        for i, gradient in enumerate(gradients):
            means[i] += (1 - FORGETS[0]) * (gradient - means[i])
            squares[i] += (1 - FORGETS[1]) * (gradient**2 - squares[i])
            scaled = rate * np.sqrt(1 - FORGETS[1] ** count) / (1 - FORGETS[0] ** count)
            weights[i] = weights[i] - scaled * means[i] / (np.sqrt(squares[i]) + EPSILON)
    return weights


def _clipped(
    gradients: list[np.ndarray], each: float | None, together: float | None
) -> list[np.ndarray]:
    if together is not None:
        norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
        return [gradient * min(1, together / norm) for gradient in gradients]
    if each is not None:
        return [gradient * min(1, each / np.linalg.norm(gradient)) for gradient in gradients]
    return gradients
