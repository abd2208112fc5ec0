"""Decorators that say which exercise a grading test belongs to, and pytest's markers behind them.

@exercise("normalization.standardize", main=True)
def test_subtract_mean_divide_by_std(learner):
    \"\"\"Each channel becomes (value - mean) / std, also for uint8 images.\"\"\"

An exercise has one main law or several. No answer passes one without computing something right: its
inputs are drawn. Side laws, such as "the input is left alone", hold for trivial answers as well, so
they earn points only if a main law holds. A law with constant inputs could be learned by heart, so
it earns points only if all laws with drawn inputs hold.
"""

from collections.abc import Callable

import pytest

from cifar_lab.course import syllabus

MARKERS = (
    "grading: judges a submission",
    "exercise(name, main, constant): the exercise that a test belongs to, and its role there",
    "hidden(points): an instructor's own test",
    "gpu: a full run, which needs a GPU; carries no points",
    "trains: trains a network for some seconds",
    "proof: long; run by `pytest -m proof`",
)


def exercise(
    name: str, *, main: bool = False, constant: bool = False
) -> Callable[[Callable], Callable]:
    """Mark a test as one of the laws of an exercise.

    Args:
        name: Id of the exercise.
        main: Trivial answers do not pass the test.
        constant: The test draws no inputs: they are the same in every run.

    Raises:
        ValueError: The syllabus has no such exercise, or a main law has constant inputs.
    """
    if name not in syllabus.exercises():
        raise ValueError(f"{name} is not in the syllabus")
    if main and constant:
        raise ValueError(f"{name}: constant inputs can be learned by heart; a main law draws them")
    mark = pytest.mark.exercise(name=name, main=main, constant=constant)
    return lambda test: pytest.mark.grading(mark(test))


def hidden(name: str, points: float) -> Callable[[Callable], Callable]:
    """Mark an instructor's own test of an exercise, worth `points` beside the course's 100."""
    mark = exercise(name)
    return lambda test: pytest.mark.hidden(points=float(points))(mark(test))


def register(config: pytest.Config) -> None:
    """Declare the markers that grading tests carry."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)


def exercise_of(test: pytest.Item) -> str | None:
    """Return the id of the exercise that a test belongs to; None for other tests."""
    marker = test.get_closest_marker("exercise")
    return marker.kwargs["name"] if marker else None


def hidden_points(test: pytest.Item) -> float | None:
    """Return the points of an instructor's own test; None for the course's tests."""
    marker = test.get_closest_marker("hidden")
    return marker.kwargs["points"] if marker else None


def role_of(test: pytest.Item) -> dict[str, bool]:
    """Return `main` and `constant` of a test of an exercise."""
    marker = test.get_closest_marker("exercise")
    return {name: marker.kwargs[name] for name in ("main", "constant")}
