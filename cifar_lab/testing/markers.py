"""Decorators that say which exercise a grading test belongs to, and pytest's markers behind them.

@exercise("normalization.standardize")
def test_input_is_left_alone(learner):
    \"\"\"The caller's images are the same before and after.\"\"\"
"""

from collections.abc import Callable

import pytest

from cifar_lab.course import syllabus

MARKERS = (
    "grading: judges a submission",
    "exercise(name): the exercise that a test belongs to",
    "hidden(points): an instructor's own test",
    "gpu: a full run, which needs a GPU; carries no points",
    "trains: trains a network for some seconds",
    "proof: long; run by `pytest -m proof`",
)


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Mark a test as one of the laws of an exercise.

    Raises:
        ValueError: The syllabus has no such exercise.
    """
    if name not in syllabus.exercises():
        raise ValueError(f"{name} is not in the syllabus")
    return lambda test: pytest.mark.grading(pytest.mark.exercise(name=name)(test))


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
