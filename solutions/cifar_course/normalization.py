"""Lesson 1: from raw pixels to data that a network learns from easily.

NumPy only: nothing here needs Keras.
"""

import numpy as np
from jaxtyping import Float, Float32, Integer, Shaped


def channel_statistics(
    images: Shaped[np.ndarray, "images height width channels"],
) -> tuple[Float[np.ndarray, " channels"], Float[np.ndarray, " channels"]]:
    """Mean and population standard deviation of each colour channel.

    Every image, row and column counts towards one mean per channel. The standard
    deviation divides by the number of pixels N, not by N - 1:

        mean = sum(x) / N,    std = sqrt(sum((x - mean)**2) / N)

    Args:
        images: Pixels of the *training* part alone, uint8 or floating. Fifty thousand
            images are fifty million terms per channel: accumulate in float64.

    Returns:
        mean, std: one number per channel each, in the units of `images`.
    """
    # <answer>
    # one statistic per channel: a convolution treats every place alike, but red is not blue
    over = (0, 1, 2)
    # float64 sums: float32 ones drift over fifty million terms
    return images.mean(axis=over, dtype=np.float64), images.std(axis=over, dtype=np.float64)
    # </answer>


def standardize(
    images: Shaped[np.ndarray, "images height width channels"],
    mean: Float[np.ndarray, " channels"],
    std: Float[np.ndarray, " channels"],
) -> Float32[np.ndarray, "images height width channels"]:
    """Shift and scale each channel: `(images - mean) / std`.

    Args:
        images: Pixels, uint8 or floating.
        mean: What to subtract from each channel.
        std: What to divide each channel by. A channel whose `std` is zero is constant:
            it carries no information and comes back as zeros.

    Returns:
        A new float32 array of the same shape; `images`, `mean` and `std` stay as they are.
    """
    # <answer>
    # divided by infinity, a constant channel becomes zeros
    scale = np.where(std == 0, np.inf, std)
    return ((images - mean) / scale).astype(np.float32)
    # </answer>


def one_hot(
    labels: Integer[np.ndarray, " images"] | Integer[np.ndarray, "images 1"],
    num_classes: int,
) -> Float32[np.ndarray, "images classes"]:
    """Each label as a row of zeros with a single one at the label's place.

    Args:
        labels: Integers 0 to `num_classes - 1`, as a vector or, as Keras' CIFAR-10 loader
            returns them, as a column.
        num_classes: The length of each row.

    Returns:
        float32, one row per label.

    Raises:
        ValueError: A label lies outside 0 to `num_classes - 1`.
    """
    # <answer>
    labels = np.ravel(labels)
    # a negative label would silently count from the end of the row
    outside = (labels < 0) | (labels >= num_classes)
    if outside.any():
        raise ValueError(
            f"label {labels[outside][0]} is outside 0..{num_classes - 1}, "
            f"the labels of {num_classes} classes"
        )
    return np.eye(num_classes, dtype=np.float32)[labels]
    # </answer>


def train_validation_split(
    images: Shaped[np.ndarray, "images height width channels"],
    labels: Shaped[np.ndarray, "images ..."],
    validation_fraction: float = 0.1,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hold out a random part of the training data for validation.

    The two parts are disjoint and together complete, and every image keeps its label.

    Args:
        images: All images that may be trained on.
        labels: One label per image.
        validation_fraction: The share held out, strictly between 0 and 1;
            `round(len(images) * validation_fraction)` images are held out.
        seed: The same seed gives the same split, another seed another one.

    Returns:
        train_images, train_labels, validation_images, validation_labels: shuffled, with
        the dtypes and trailing shapes that came in. `images` and `labels` stay as they are.

    Raises:
        ValueError: `validation_fraction` is not between 0 and 1, or `images` and `labels`
            differ in length.
    """
    # <answer>
    if not 0 < validation_fraction < 1:
        raise ValueError(
            f"validation_fraction must lie strictly between 0 and 1, not {validation_fraction}"
        )
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels: each image needs one")
    # one order for both arrays keeps every image with its label
    order = np.random.default_rng(seed).permutation(len(images))
    held_out = round(len(images) * validation_fraction)
    validation, training = order[:held_out], order[held_out:]
    return images[training], labels[training], images[validation], labels[validation]
    # </answer>


def prepare(
    train_images: Shaped[np.ndarray, "images height width channels"],
    train_labels: Integer[np.ndarray, "images ..."],
    test_images: Shaped[np.ndarray, "test_images height width channels"],
    test_labels: Integer[np.ndarray, "test_images ..."],
    num_classes: int = 10,
    validation_fraction: float = 0.1,
    seed: int = 0,
) -> tuple[
    tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]
]:
    """Everything between the files and the network: split, standardise, one-hot.

    All three parts are standardised with the statistics of the *training part alone*, the
    images that are left after the validation images are held out. Statistics that had seen
    validation or test images would carry information about them into training.

    Args:
        train_images, train_labels: What may be trained on; validation is split off here.
        test_images, test_labels: Touched by nothing but the final scaling.
        num_classes: The length of a one-hot row.
        validation_fraction: The share of the training images held out.
        seed: Decides the split.

    Returns:
        (x_train, y_train), (x_validation, y_validation), (x_test, y_test): images float32,
        standardised; labels float32, one-hot.
    """
    # <answer>
    x_train, y_train, x_validation, y_validation = train_validation_split(
        train_images, train_labels, validation_fraction, seed
    )
    mean, std = channel_statistics(x_train)
    parts = ((x_train, y_train), (x_validation, y_validation), (test_images, test_labels))
    return tuple((standardize(x, mean, std), one_hot(y, num_classes)) for x, y in parts)
    # </answer>
