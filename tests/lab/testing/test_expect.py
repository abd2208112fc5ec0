"""Expectations: an error that a law asks for, and what came instead of it."""

import pytest

from cifar_lab.course.verdict import FailureKind
from cifar_lab.testing.expect import Mismatch, expect_error
from cifar_lab.testing.learner import Failure, LearnerError


def raising(error: Exception):
    def call():
        raise error

    return call


def error_of(*types: str, message: str = "5 is too large") -> LearnerError:
    return LearnerError([*types, "Exception"], message, [], "f(5)")


def test_the_error_and_those_derived_from_it_are_right():
    for types in (["ValueError"], ["UnicodeDecodeError", "UnicodeError", "ValueError"]):
        expect_error(ValueError, raising(error_of(*types)), because="5 is too large")


def test_another_error_is_named():
    with pytest.raises(Mismatch, match="It raised KeyError: 5 is too large"):
        expect_error(ValueError, raising(error_of("KeyError")), because="5 is too large")


def test_a_value_is_named():
    with pytest.raises(Mismatch, match="It returned 3"):
        expect_error(ValueError, lambda: 3, because="5 is too large")


@pytest.mark.parametrize("kind", [FailureKind.TIMEOUT, FailureKind.CRASH])
def test_code_that_was_ended_has_raised_nothing(kind):
    with pytest.raises(Failure):
        expect_error(ValueError, raising(Failure(kind, "60 s", "f(5)")), because="")
