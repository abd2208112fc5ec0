"""Lesson 5: transfer learning, from pixels to a fine-tuned MobileNetV2."""

import keras
import numpy as np
from jaxtyping import Float, Float32, Shaped


def scale_pixels(images: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Pixels from 0..255 to -1..1, as MobileNetV2 saw them when it learnt.

    Source: `keras.applications.mobilenet_v2.preprocess_input`.

    Args:
        images: Pixels of any shape, uint8 or floating, 0 to 255.

    Returns:
        A new float32 array: 0 becomes -1, 255 becomes 1, evenly in between.
    """
    raise NotImplementedError("transfer.scale_pixels is not written yet: see lesson 5")


def build_augmentation(seed: int | None = None) -> keras.Sequential:
    """Layers that change each training picture a little, and leave its class alone.

    Rotation, shifts of width and height, horizontal flip and zoom, drawn anew for each
    picture at each call with `training=True`. Otherwise the pictures pass unchanged.

    Args:
        seed: Where the layers' random numbers start: the same seed, the same changes. None
            for a new start each time. (Two layers with one seed would draw the same numbers.)

    Returns:
        A `keras.Sequential` for pixels from 0 to 255, `(n, height, width, channels)`.
    """
    raise NotImplementedError("transfer.build_augmentation is not written yet: see lesson 5")


def build_transfer_model(base: keras.Model, num_classes: int = 10) -> keras.Model:
    """A new head on a frozen base: pictures in, probabilities out.

    In this order: augmentation (in training only), resizing to the base's own input size and
    scaling to -1..1 (or first scaling, then resizing), the base, frozen and in inference mode,
    then GlobalAveragePooling2D, Dense with ReLU and an L2 penalty of 0.001 on its kernel,
    BatchNormalization, Dropout of 0.5, and a softmax Dense.

    Args:
        base: A network without its top, with a fixed square input such as `(224, 224, 3)`,
            and maps `(rows, columns, channels)` as output. All its layers are frozen.
        num_classes: Outputs of the softmax.

    Returns:
        A `keras.Model` for 32x32x3 images with pixels from 0 to 255. It has not been compiled.
    """
    raise NotImplementedError("transfer.build_transfer_model is not written yet: see lesson 5")


def unfreeze_last(base: keras.Model, count: int = 20) -> keras.Model:
    """Thaw exactly the last `count` of the base's layers, except BatchNormalization.

    Every other layer is frozen afterwards, whatever it was before. BatchNormalization stays
    frozen, for its moving statistics belong to the millions of images that the base has seen.

    Args:
        base: A pre-trained network.
        count: How many of `base.layers`, from the end. 0 freezes all of them; a count beyond
            the depth means all.

    Returns:
        The same base.
    """
    raise NotImplementedError("transfer.unfreeze_last is not written yet: see lesson 5")


def compile_for_fine_tuning(
    model: keras.Model, learning_rate: float = 1e-4, clipnorm: float = 1.0
) -> keras.Model:
    """Make a transfer model ready for small, careful steps.

    Adam with gradient clipping by norm, the loss `categorical_crossentropy`, and accuracy as
    metric. What learns is fixed by the first step after compiling, so this is called again
    after layers were thawed.

    Args:
        model: A classifier with softmax outputs, compiled before or not.
        learning_rate: Of Adam.
        clipnorm: The longest gradient, of each array of weights by itself.

    Returns:
        The same model.
    """
    raise NotImplementedError("transfer.compile_for_fine_tuning is not written yet: see lesson 5")


def fine_tuning_callbacks() -> list[keras.callbacks.Callback]:
    """ReduceLROnPlateau on `val_loss` with patience 3 and factor 0.5; new at each call."""
    raise NotImplementedError("transfer.fine_tuning_callbacks is not written yet: see lesson 5")


def cache_features(
    model: keras.Model, images: Shaped[np.ndarray, "n ..."], batch_size: int = 64
) -> Float[np.ndarray, "n ..."]:
    """What a frozen feature extractor makes of all images, computed once.

    Args:
        model: The extractor. It runs in inference mode: no augmentation, no dropout.
        images: As the extractor takes them.
        batch_size: How many images are in memory as activations at once.

    Returns:
        The outputs, one for each image, in the order of the images.
    """
    raise NotImplementedError("transfer.cache_features is not written yet: see lesson 5")
