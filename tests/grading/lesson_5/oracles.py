"""Right answers of lesson 5, and the helpers that several of its tests use."""

import numpy as np

# wrong scales, by the mistake that leads to them
SCALE_MISTAKES = {
    "you scaled to 0..1: MobileNetV2 learned with -1..1": lambda p: p / 255,
    "you divided by 127.5 and did not subtract 1: that is 0..2": lambda p: p / 127.5,
    "you scaled twice": lambda p: (p / 127.5 - 1) / 127.5 - 1,
    "you scaled to -0.5..0.5": lambda p: p / 255 - 0.5,
    "you did not scale at all": lambda p: p,
    "you centered with 128, and 255 does not reach 1": lambda p: (p - 128) / 128,
    "you centered with 127.5 and did not divide": lambda p: p - 127.5,
    "you subtracted 1 before you divided": lambda p: (p - 1) / 127.5,
}


def scaled(pixels):
    """Return the pixels scaled to -1..1."""
    return np.asarray(pixels, np.float64) / 127.5 - 1


def wrongly_scaled(pixels):
    """Return the pixels as each known mistake scales them, by mistake."""
    pixels = np.asarray(pixels, np.float64)
    return {mistake: formula(pixels) for mistake, formula in SCALE_MISTAKES.items()}


WIDE = 40  # the side of the small base's input
