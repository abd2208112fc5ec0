"""Values in messages: numbers that say enough, and dtypes only where they matter."""

import numpy as np
import pytest

from cifar_lab.testing.describe import describe
from cifar_lab.testing.expect import Mismatch, expect


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([2.36e-6, 0.5, 1]), "float64 array (3) [2.36e-06, 0.5, 1]"),
        (np.array([-0.0, 1e-30], np.float32), "float32 array (2) [0, 1e-30]"),
        (np.array([[1, 2]], np.uint8), "uint8 array (1x2) [[1, 2]]"),
        (np.array([np.nan, -np.inf]), "float64 array (2) [nan, -inf]"),
        (np.linspace(0, 1, 100), "float64 array (100) [0, 0.010101, 0.020202, 0.030303, ...]"),
        (np.zeros((0, 3)), "float64 array (0x3)"),
        ([-0.0, 1e-9], "[0, 1e-09]"),
    ],
)
def test_numbers_are_told_from_zero(value, text):
    assert describe(value) == text


def test_expected_arrays_name_no_dtype_unless_it_is_asked_for():
    with pytest.raises(Mismatch) as error:
        expect(np.ones(2, np.float32)).to_be_close(np.zeros(2), because="it is so")
    assert str(error.value).startswith(
        "It returned float32 array (2) [1, 1].\nExpected array (2) [0, 0]."
    )
    with pytest.raises(Mismatch, match="Expected float64 numbers"):
        expect(np.ones(2, np.float32)).to_have_dtype("float64", because="it is so")
