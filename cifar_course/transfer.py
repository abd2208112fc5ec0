"""Lesson 5: transfer learning, from pixels to a fine-tuned MobileNetV2."""

import keras
import numpy as np
from jaxtyping import Float, Float32, Shaped


def scale_pixels(images: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Scale pixels from 0..255 to -1..1, the range that MobileNetV2 was trained on.

    Source: `keras.applications.mobilenet_v2.preprocess_input`.

    Args:
        images: Pixels of any shape, uint8 or floating, 0 to 255.

    Returns:
        A new float32 array of the same shape: 0 becomes -1, 255 becomes 1, linearly in between.
    """
    raise NotImplementedError("transfer.scale_pixels is not written yet: see lesson 5")


def build_augmentation(seed: int | None = None) -> keras.Sequential:
    """Build layers that change each training image a little and keep its class.

    The changes are rotation, width and height shift, horizontal flip and zoom, with new random
    numbers for each image at each call with `training=True`. Otherwise the images do not
    change.

    Args:
        seed: The start of the layers' random numbers: the same seed gives the same changes,
            None gives different ones each time. (Two layers with one seed would draw the same
            numbers.)

    Returns:
        A `keras.Sequential` for images `(n, height, width, channels)` with pixels from 0 to
        255.
    """
    raise NotImplementedError("transfer.build_augmentation is not written yet: see lesson 5")


def build_transfer_model(base: keras.Model, num_classes: int = 10) -> keras.Model:
    """Build a classifier for images: a new head on a frozen base.

    The order is: augmentation (in training only), resizing to the base's own input size and
    scaling to -1..1 (or first scaling, then resizing), the base, frozen and in inference mode,
    then GlobalAveragePooling2D, Dense of any width with ReLU and an L2 penalty of 0.001 on its
    kernel, BatchNormalization, Dropout of 0.5, and a softmax Dense.

    Args:
        base: A network without its top, with a fixed square input such as `(224, 224, 3)` and
            feature maps `(rows, columns, channels)` as output. All its layers are frozen.
        num_classes: Outputs of the softmax.

    Returns:
        A `keras.Model`, not compiled, from `(n, 32, 32, 3)` images with pixels from 0 to 255
        to `(n, num_classes)`.
    """
    raise NotImplementedError("transfer.build_transfer_model is not written yet: see lesson 5")


def unfreeze_last(base: keras.Model, count: int = 20) -> keras.Model:
    """Unfreeze exactly the last `count` of the base's layers, except BatchNormalization.

    Every other layer is frozen afterwards, whatever it was before. BatchNormalization stays
    frozen, because its moving statistics come from the images that the base was trained on.

    Args:
        base: A pre-trained network.
        count: Number of layers, from the end of `base.layers`. 0 freezes all of them; a count
            beyond the depth means all.

    Returns:
        The same base.
    """
    raise NotImplementedError("transfer.unfreeze_last is not written yet: see lesson 5")


def compile_for_fine_tuning(
    model: keras.Model, learning_rate: float = 1e-4, clipnorm: float = 1.0
) -> keras.Model:
    """Compile a transfer model for small steps with clipped gradients.

    The optimizer is Adam with gradient clipping by norm, the loss is
    `categorical_crossentropy`, the metric is accuracy. The first step after compiling fixes
    which weights are trained: compile again after unfreezing layers.

    Args:
        model: A classifier with softmax outputs, compiled before or not.
        learning_rate: Adam's learning rate.
        clipnorm: The largest norm of a gradient, for each array of weights by itself.

    Returns:
        The same model, compiled.
    """
    raise NotImplementedError("transfer.compile_for_fine_tuning is not written yet: see lesson 5")


def fine_tuning_callbacks() -> list[keras.callbacks.Callback]:
    """Return a new ReduceLROnPlateau on `val_loss`, with patience 3 and factor 0.5, in a list."""
    raise NotImplementedError("transfer.fine_tuning_callbacks is not written yet: see lesson 5")


def cache_features(
    model: keras.Model, images: Shaped[np.ndarray, "n ..."], batch_size: int = 64
) -> Float[np.ndarray, "n ..."]:
    """Return the outputs of a frozen feature extractor for all images, computed once.

    Args:
        model: The extractor. It runs in inference mode: no augmentation, no dropout.
        images: All images, in the form that the extractor takes.
        batch_size: Images per batch; larger batches need more memory.

    Returns:
        A new floating array with one output for each image, in the order of the images.
    """
    raise NotImplementedError("transfer.cache_features is not written yet: see lesson 5")
