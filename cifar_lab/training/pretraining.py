"""A pretrained base for lesson 5: trained on ImageNet, or in a minute on synthetic images."""

import keras
import numpy as np

from cifar_lab.data import SYNTHETIC, Dataset, synthetic, weights

SIZE = 64  # pixels of a side, for the base that is trained here
IMAGENET_SIZE = 96  # enough to see what the lesson shows, and quick on a laptop
IMAGES, EPOCHS = 4000, 6


def base_for(dataset: Dataset) -> keras.Model:
    """Return a pretrained base for the images of `dataset`, and print what it is.

    On CIFAR-10, if its weights are on this machine, the base is MobileNetV2 as trained on ImageNet.
    Otherwise it is a small network, trained now on synthetic images of ten *other* shapes, none of
    which is in the lesson's data.

    Returns:
        A network without its top for pixels from -1 to 1, with a fixed square input.
    """
    if dataset.name != SYNTHETIC and weights.file().exists():
        print(f"The base: MobileNetV2, trained on ImageNet, for {IMAGENET_SIZE}x{IMAGENET_SIZE}.")
        return weights.mobilenet(IMAGENET_SIZE)
    print(f"The base: a small network that learns now, from {IMAGES:,} synthetic images of")
    print(f"  {', '.join(synthetic.PRETRAINING_CLASSES)}.")
    if dataset.name != SYNTHETIC:
        print("  (For MobileNetV2 with ImageNet's weights: cifar-course data --download)")
    base, accuracy = _trained_here()
    print(f"  It tells these ten apart in {accuracy:.0%} of 500 new images.")
    return base


def _trained_here() -> tuple[keras.Model, float]:
    keras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = synthetic.draw(IMAGES, 500, 1, synthetic.PRETRAINING_CLASSES)
    base = small_base(SIZE)
    enlarge = keras.Sequential(
        [keras.layers.Resizing(SIZE, SIZE), keras.layers.Rescaling(1 / 127.5, offset=-1)]
    )
    top = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((32, 32, 3)), enlarge, base, *top])
    steps = EPOCHS * -(-len(x) // 32)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=32, epochs=EPOCHS, verbose=0)
    right = model.predict(x_test, verbose=0).argmax(1) == y_test
    return base, float(np.mean(right))


def small_base(size: int) -> keras.Model:
    """Build six convolutions with BatchNormalization; the output has a side of size/8."""
    x = inputs = keras.Input((size, size, 3))
    for filters, strides in ((16, 2), (32, 2), (48, 1), (64, 2), (96, 1), (128, 1)):
        x = keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU()(x)
    return keras.Model(inputs, x, name="base")
