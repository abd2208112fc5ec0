"""Lesson 1: from raw pixels to data that a network learns from easily.

This module uses NumPy only and does not import Keras.
"""

import numpy as np
from jaxtyping import Float, Float32, Integer, Shaped


def channel_statistics(
    images: Shaped[np.ndarray, "images height width channels"],
) -> tuple[Float[np.ndarray, " channels"], Float[np.ndarray, " channels"]]:
    """Return the mean and population standard deviation of each color channel.

    Every image, row and column counts towards one mean per channel. The standard deviation
    divides by the number of pixels N, not by N - 1:

        mean = sum(x) / N,    std = sqrt(sum((x - mean)**2) / N)

    Args:
        images: Pixels of the *training* part alone, uint8 or floating. Fifty thousand
            images are fifty million terms per channel: accumulate in float64.

    Returns:
        mean, std: floating, one number per channel each, in the units of `images`.
    """
    # <answer>
    # not per pixel: a convolution treats every place alike, so every place is scaled alike
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

    Source: LeCun et al., "Efficient BackProp" (1998), section 4.3.

    Args:
        images: Pixels, uint8 or floating.
        mean: The number to subtract from each channel.
        std: The number to divide each channel by. A channel whose `std` is zero is constant:
            it carries no information and becomes zeros.

    Returns:
        A new float32 array of the same shape, in standard deviations from the mean. `images`,
        `mean` and `std` do not change.
    """
    # <answer>
    # division by infinity turns a constant channel into zeros
    scale = np.where(std == 0, np.inf, std)
    return ((images - mean) / scale).astype(np.float32)
    # </answer>


def one_hot(
    labels: Integer[np.ndarray, " images"] | Integer[np.ndarray, "images 1"],
    num_classes: int,
) -> Float32[np.ndarray, "images classes"]:
    """Turn each label into a row of zeros with a single one at the label's index.

    Args:
        labels: Integers from 0 to `num_classes - 1`, as a vector or, as Keras' CIFAR-10
            loader returns them, as a column.
        num_classes: The length of each row.

    Returns:
        A float32 array with one row per label.

    Raises:
        ValueError: A label lies outside 0 to `num_classes - 1`.
    """
    # <answer>
    labels = np.ravel(labels)
    # NumPy counts a negative label from the end of the row, without an error
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

    Every image goes into exactly one of the two parts and keeps its label.

    Args:
        images: All images that may be trained on.
        labels: One label per image.
        validation_fraction: The fraction to hold out, strictly between 0 and 1;
            `round(len(images) * validation_fraction)` images are held out.
        seed: The same seed gives the same split, another seed gives another split.

    Returns:
        train_images, train_labels, validation_images, validation_labels: new arrays,
        shuffled, with the dtypes and trailing shapes of `images` and `labels`. `images` and
        `labels` do not change.

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
    # one order for both arrays, so that every image keeps its label
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
    """Prepare all data for a network: split, standardize and one-hot encode.

    All three parts are standardized with the statistics of the *training part alone*: the
    images that are left after the validation images are held out. Statistics that include
    validation or test images would carry information about them into training.

    Args:
        train_images: Images that may be trained on; the validation images are taken from them.
        train_labels: One integer label per training image.
        test_images: Images to standardize; no statistics are computed from them.
        test_labels: One integer label per test image.
        num_classes: The length of a one-hot row.
        validation_fraction: The fraction of the training images to hold out.
        seed: The seed of the split.

    Returns:
        (x_train, y_train), (x_validation, y_validation), (x_test, y_test): images float32,
        standardized; labels float32, one-hot.
    """
    # <answer>
    x_train, y_train, x_validation, y_validation = train_validation_split(
        train_images, train_labels, validation_fraction, seed
    )
    mean, std = channel_statistics(x_train)
    parts = ((x_train, y_train), (x_validation, y_validation), (test_images, test_labels))
    return tuple((standardize(x, mean, std), one_hot(y, num_classes)) for x, y in parts)
    # </answer>
