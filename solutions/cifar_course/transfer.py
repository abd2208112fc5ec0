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
    # <answer>
    return np.asarray(images, np.float32) / np.float32(127.5) - 1
    # </answer>


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
    # <answer>
    # a layer each from one seed would draw the same numbers: they get neighbouring ones
    seeds = [None] * 4 if seed is None else range(seed, seed + 4)
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seeds[0]),
            keras.layers.RandomRotation(0.03, seed=seeds[1]),  # of a full turn: 11 degrees
            keras.layers.RandomTranslation(0.1, 0.1, seed=seeds[2]),
            keras.layers.RandomZoom(0.1, seed=seeds[3]),
        ],
        name="augmentation",
    )
    # </answer>


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
    # <answer>
    base.trainable = False
    size = base.input_shape[1]
    inputs = keras.Input((32, 32, 3))
    x = build_augmentation()(inputs)  # on 32x32, where it is cheap
    x = keras.layers.Resizing(size, size, interpolation="bicubic")(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    penalty = keras.regularizers.L2(0.001)
    x = keras.layers.Dense(256, activation="relu", kernel_regularizer=penalty)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)
    # </answer>


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
    # <answer>
    base.trainable = True  # the switch of the whole base must be on for any layer's to count
    first = len(base.layers) - count  # not layers[-count:], which is everything for 0
    for place, layer in enumerate(base.layers):
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place >= first and not is_norm
    return base
    # </answer>


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
    # <answer>
    optimizer = keras.optimizers.Adam(learning_rate, clipnorm=clipnorm)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model
    # </answer>


def fine_tuning_callbacks() -> list[keras.callbacks.Callback]:
    """ReduceLROnPlateau on `val_loss` with patience 3 and factor 0.5; new at each call."""
    # <answer>
    return [keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=3, factor=0.5)]
    # </answer>


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
    # <answer>
    return model.predict(images, batch_size=batch_size, verbose=0)
    # </answer>
