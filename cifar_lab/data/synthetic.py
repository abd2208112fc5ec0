"""The synthetic dataset: images of ten shapes, so that the course works without any download.

Color, light, place, size, rotation, texture and noise vary from image to image and are independent
of the class: only the shape depends on it. The same seed gives the same bytes on every machine and
NumPy version, because everything is integer arithmetic on the raw output of PCG64. NumPy guarantees
that this output never changes; the methods of `np.random.Generator` may change.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Int, Int16, Int64, UInt8, UInt64

SIZE = 32  # pixels along an edge
CHUNK = 50  # images painted at once: few enough to stay in the processor's cache

# each image uses this many random numbers of 64 bits, for these purposes
ORDER, SETTINGS, TEXTURE, NOISE = slice(0, 1), slice(1, 16), slice(16, 24), slice(24, 408)
NUMBERS = NOISE.stop

Coordinates = Int[np.ndarray, "images rows columns"]
Inside = Bool[np.ndarray, "images rows columns"]
Images = UInt8[np.ndarray, "images 32 32 3"]
Labels = Int64[np.ndarray, " images"]


# The shapes. Each function returns which points belong to the shape: u is to the right and v down,
# both in 1/256 of the shape's radius.


def disc(u: Coordinates, v: Coordinates) -> Inside:
    return u * u + v * v <= 245**2


def ring(u: Coordinates, v: Coordinates) -> Inside:
    return disc(u, v) & (u * u + v * v >= 135**2)


def triangle(u: Coordinates, v: Coordinates) -> Inside:
    return (v <= 190) & (430 * abs(u) <= 250 * (v + 240))


def square(u: Coordinates, v: Coordinates) -> Inside:
    return np.maximum(abs(u), abs(v)) <= 210


def cross(u: Coordinates, v: Coordinates) -> Inside:
    return (np.maximum(abs(u), abs(v)) <= 245) & (np.minimum(abs(u), abs(v)) <= 75)


def star(u: Coordinates, v: Coordinates) -> Inside:
    """Return the points of a pentagram: those inside at least four of its five lines."""
    lines = ((0, -100), (95, -31), (59, 81), (-59, 81), (-95, -31))
    return sum((a * u + b * v <= 9200).astype(np.int8) for a, b in lines) >= 4


def moon(u: Coordinates, v: Coordinates) -> Inside:
    return disc(u, v) & ((u - 110) ** 2 + v * v >= 200**2)


def heart(u: Coordinates, v: Coordinates) -> Inside:
    lobes = (abs(u) - 115) ** 2 + (v + 75) ** 2 <= 125**2
    return lobes | ((v >= -60) & (300 * abs(u) <= 235 * (240 - v)))


def stripes(u: Coordinates, v: Coordinates) -> Inside:
    return (np.maximum(abs(u), abs(v)) <= 235) & ((u + 235) // 95 % 2 == 0)


def checks(u: Coordinates, v: Coordinates) -> Inside:
    return (np.maximum(abs(u), abs(v)) <= 235) & (((u + 240) // 120 + (v + 240) // 120) % 2 == 0)


def arrow(u: Coordinates, v: Coordinates) -> Inside:
    head = (v <= 0) & (abs(u) <= v + 250)
    return head | ((v > 0) & (v <= 240) & (abs(u) <= 80))


def hourglass(u: Coordinates, v: Coordinates) -> Inside:
    return (abs(v) <= 235) & (10 * abs(u) <= 8 * abs(v) + 150)


def diamond(u: Coordinates, v: Coordinates) -> Inside:
    return 16 * abs(u) + 10 * abs(v) <= 2500


def bowl(u: Coordinates, v: Coordinates) -> Inside:
    return (v >= -100) & (u * u + (v + 100) ** 2 <= 255**2)


def pill(u: Coordinates, v: Coordinates) -> Inside:
    return u * u + np.maximum(abs(v) - 140, 0) ** 2 <= 110**2


def frame(u: Coordinates, v: Coordinates) -> Inside:
    return square(u, v) & (np.maximum(abs(u), abs(v)) >= 115)


def target(u: Coordinates, v: Coordinates) -> Inside:
    return (u * u + v * v <= 90**2) | (disc(u, v) & (u * u + v * v >= 165**2))


def dots(u: Coordinates, v: Coordinates) -> Inside:
    return (abs(u) - 140) ** 2 + (abs(v) - 140) ** 2 <= 95**2


def hammer(u: Coordinates, v: Coordinates) -> Inside:
    top = (abs(u) <= 230) & (v >= -230) & (v <= -80)
    return top | ((abs(u) <= 75) & (v > -80) & (v <= 240))


def clover(u: Coordinates, v: Coordinates) -> Inside:
    far, near = np.maximum(abs(u), abs(v)), np.minimum(abs(u), abs(v))
    return (far - 130) ** 2 + near**2 <= 130**2


_COURSE = (disc, ring, triangle, square, cross, star, moon, heart, stripes, checks)
_OTHERS = (arrow, hourglass, diamond, bowl, pill, frame, target, dots, hammer, clover)

SHAPES: dict[str, Callable[[Coordinates, Coordinates], Inside]] = {
    shape.__name__: shape for shape in _COURSE + _OTHERS
}
CLASS_NAMES: tuple[str, ...] = tuple(shape.__name__ for shape in _COURSE)
PRETRAINING_CLASSES: tuple[str, ...] = tuple(shape.__name__ for shape in _OTHERS)


def draw(
    train: int = 4000, test: int = 1000, seed: int = 0, classes: tuple[str, ...] = CLASS_NAMES
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """Draw a training and a test part; the same arguments give the same bytes everywhere.

    Args:
        train: Number of training images. The first 100 of 4,000 are the same as the 100 of 100.
        test: Number of test images.
        seed: Another seed gives other images.
        classes: Names out of `SHAPES`; a label is a position in this tuple. The default is the ten
            classes of the course, `PRETRAINING_CLASSES` are ten others.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 images and int64 labels, which the caller may
        change. Every ten images in a row hold each of ten classes once, in random order.

    Raises:
        ValueError: A class is unknown, or a number is negative.
    """
    unknown = [name for name in classes if name not in SHAPES]
    if unknown or not classes:
        raise ValueError(f"classes must be some of {', '.join(SHAPES)}; got {classes!r}")
    if train < 0 or test < 0:
        raise ValueError(f"cannot draw {train} training and {test} test images")
    parts = (_draw_part(n, seed, part, tuple(classes)) for part, n in enumerate((train, test)))
    return tuple((x.copy(), y.copy()) for x, y in parts)


@lru_cache(maxsize=8)
def _draw_part(count: int, seed: int, part: int, classes: tuple[str, ...]):
    """Return one part's images and labels, cached: a notebook asks for the same ones often."""
    rounds = -(-count // len(classes))  # whole rounds of all classes, so that counts are balanced
    numbers = np.random.PCG64((seed, part)).random_raw(rounds * len(classes) * NUMBERS)
    numbers = numbers.reshape(-1, NUMBERS)
    order = numbers[:, ORDER].reshape(rounds, len(classes))
    labels = np.argsort(order, axis=1, kind="stable").reshape(-1)[:count].astype(np.int64)
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for label, name in enumerate(classes):
        of_this_class = np.flatnonzero(labels == label)
        for start in range(0, len(of_this_class), CHUNK):
            chosen = of_this_class[start : start + CHUNK]
            images[chosen] = _paint(SHAPES[name], numbers[chosen])
    return images, labels


def _paint(shape: Callable, numbers: UInt64[np.ndarray, "images numbers"]) -> Images:
    """Draw images of one shape, each decided by its own random numbers."""
    settings = iter(numbers[:, SETTINGS].T)

    def choose(low: int, high: int) -> Int[np.ndarray, "images 1 1"]:
        """Return an integer from low to high, both included, for every image."""
        spread = next(settings) % np.uint64(high - low + 1)
        return (spread.astype(np.int32) + np.int32(low))[:, None, None]

    def level(low: int, high: int) -> Int16[np.ndarray, "images 1 1 1"]:
        return choose(low, high)[..., None].astype(np.int16)

    def color(low: int, high: int) -> Int16[np.ndarray, "images 3 1 1"]:
        return np.concatenate([level(low, high) for _ in "rgb"], axis=1)

    # channels first and 16 bits until the end: NumPy is much faster that way
    covered = _coverage(shape, choose)[:, None]
    hills = _hills(numbers[:, TEXTURE])
    ground = color(16, 116) + ((hills[:, :1] * level(0, 3)) >> 3)
    paint = color(120, 255) + ((hills[:, 1:] * level(0, 3)) >> 3)
    image = (ground * (4 - covered) + paint * covered) >> 2
    noise = _bytes(numbers[:, NOISE]).reshape(image.shape)
    image += (noise * level(2, 10)) >> 5
    # more red and less blue, so that the channels' statistics differ
    gain, lift = np.array([[15, 13, 10], [18, 14, 10]], np.int16)[:, :, None, None]
    image = ((image * gain) >> 4) + lift
    return np.clip(image, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def _coverage(shape: Callable, choose: Callable) -> Int16[np.ndarray, "images 32 32"]:
    """Count how many of each pixel's four quarters lie in the shape, rotated and placed."""
    radius = choose(34, 56)  # lengths on the image are in quarter pixels
    height = radius * choose(28, 36) // 32
    # a rotation by twice atan(turn / 64), up to 40 degrees: exact in integers, unlike sin and cos
    turn = choose(-23, 23)
    cosine, sine = 4096 - turn * turn, 128 * turn
    scale = 4096 + turn * turn
    places = 2 * np.arange(2 * SIZE, dtype=np.int32) - (2 * SIZE - 1)
    x = places[None, None, :] - choose(-16, 16)
    y = places[None, :, None] - choose(-16, 16)
    mirror = 2 * choose(0, 1) - 1
    along, down = 256 * 4096 // radius, 256 * 4096 // height
    u = mirror * ((cosine * along // scale * x + sine * along // scale * y) >> 12)
    v = (cosine * down // scale * y - sine * down // scale * x) >> 12
    quarters = shape(u, v).astype(np.int16)
    rows = quarters[:, 0::2] + quarters[:, 1::2]
    return rows[:, :, 0::2] + rows[:, :, 1::2]


def _hills(numbers: UInt64[np.ndarray, "images 8"]) -> Int16[np.ndarray, "images 2 32 32"]:
    """Return two smooth textures, -128 to 127: five by five heights, linear in between."""
    heights = _bytes(numbers)[:, :50].reshape(-1, 2, 5, 5)
    place = np.arange(SIZE, dtype=np.int16)
    slope = np.maximum(0, 8 - abs(place[:, None] - 8 * np.arange(5, dtype=np.int16)))
    return (slope @ heights @ slope.T) >> 6


def _bytes(numbers: UInt64[np.ndarray, "images numbers"]) -> Int16[np.ndarray, "images bytes"]:
    """Return the bytes as integers from -128 to 127, in the same order on every machine."""
    return np.ascontiguousarray(numbers, "<u8").view(np.int8).astype(np.int16)
