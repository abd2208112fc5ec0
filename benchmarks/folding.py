"""Time that folding BatchNormalization into the convolutions saves in the fast transfer recipe.

    python -m benchmarks.folding [IMAGE_SIZE]

Prints milliseconds per image for the frozen trunk, plain and folded, and their ratio, three times,
because times vary. The time does not depend on the weights, so none are needed.
"""

import sys
import time

import keras
import numpy as np

from cifar_lab.training import transfer_fast
from cifar_lab.training.fold_batchnorm import folded

IMAGES, BATCH = 512, 64


def milliseconds(model: keras.Model, images: np.ndarray) -> float:
    """Return the time per image."""
    model.predict(images[:BATCH], batch_size=BATCH, verbose=0)
    began = time.perf_counter()
    model.predict(images, batch_size=BATCH, verbose=0)
    return 1000 * (time.perf_counter() - began) / len(images)


def main() -> None:
    """Measure and print."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else transfer_fast.IMAGE_SIZE
    base = keras.applications.MobileNetV2((size, size, 3), include_top=False, weights=None)
    trunk = keras.Model(base.input, base.get_layer(transfer_fast.Choices().trunk_ends).output)
    lighter = folded(trunk)
    images = np.random.default_rng(0).uniform(-1, 1, (IMAGES, size, size, 3))
    for _ in range(3):
        plain, light = (milliseconds(model, images) for model in (trunk, lighter))
        print(f"{size} px: {plain:.2f} ms plain, {light:.2f} ms folded: {plain / light:.2f} times")


if __name__ == "__main__":
    main()
