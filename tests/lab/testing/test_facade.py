"""Test authors import names from `cifar_lab.testing`; what they do not use is not imported."""

import subprocess
import sys

import pytest


def python(code: str) -> str:
    """Run code in a fresh process and return its output."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_name_can_be_imported():
    code = "from cifar_lab.testing import *; from cifar_lab import testing"
    assert python(f"{code}; print(set(testing.__all__) - set(globals()))") == "set()"


@pytest.mark.parametrize("first", ["cifar_lab.testing.expect", "cifar_lab.testing.plugin"])
def test_a_module_does_not_take_the_place_of_its_function(first):
    code = f"import {first}; from cifar_lab.testing import expect; print(expect(1).actual)"
    assert python(code) == "1"


@pytest.mark.parametrize(
    ("names", "heavy"),
    [
        ("LearnerError", {"hypothesis", "scipy", "pytest", "jaxtyping"}),
        ("exercise, expect, images_like_cifar", {"hypothesis", "scipy"}),
        ("plugin", {"hypothesis", "scipy", "keras"}),
        ("Compiling", {"hypothesis", "keras"}),
    ],
)
def test_what_is_not_used_is_not_imported(names, heavy):
    code = f"import sys; from cifar_lab.testing import {names}; print({heavy} & set(sys.modules))"
    assert python(code) == "set()"


def test_an_unknown_name_is_an_import_error():
    with pytest.raises(ImportError, match="nonsense"):
        from cifar_lab.testing import nonsense  # noqa: F401
