"""The names that a grading test imports.

    from cifar_lab.testing import exercise, expect, images_like_cifar, strategies

`strategies` is a module: what hypothesis draws for the fixture `for_any`.
"""

from importlib import import_module
from typing import Any

# not on first use: the module `expect` would then stand where the function of that name belongs
from cifar_lab.testing.expect import Mismatch, expect, expect_error, expect_left_alone, fail
from cifar_lab.testing.learner import Failure, GradingError, Learner, LearnerError, Proxy

# imported on first use, by module: pytest, SciPy and hypothesis take a second together
_LATER = {
    "markers": ("exercise", "hidden"),
    "samples": (
        "any_seed",
        "draw",
        "generator",
        "images_like_cifar",
        "near",
        "numbered_images",
        "pick",
    ),
    "model_checks": (
        "Compiling",
        "expect_halved_after_three",
        "expect_new_callbacks",
        "expect_watches",
        "the_callback",
    ),
}

__all__ = [
    "Failure",
    "GradingError",
    "Learner",
    "LearnerError",
    "Mismatch",
    "Proxy",
    "expect",
    "expect_error",
    "expect_left_alone",
    "fail",
    "strategies",
    *(name for names in _LATER.values() for name in names),
]


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
