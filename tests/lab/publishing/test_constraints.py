"""constraints.txt pins every package that an installation may bring, within pyproject's bounds."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cifar_lab.course import syllabus

LINES = [
    line
    for line in (syllabus.ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
PINS = dict(line.split("==") for line in LINES)
PROJECT = tomllib.loads((syllabus.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def stated() -> Iterator[Requirement]:
    """Yield the requirements of pyproject.toml."""
    for line in (*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)):
        if (requirement := Requirement(line)).name != PROJECT["name"]:
            yield requirement


def brought(requirement: Requirement, seen: set[tuple[str, frozenset]]) -> Iterator[str]:
    """Yield a requirement and all that it brings, as far as it is installed here."""
    key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
    if key in seen:
        return
    seen.add(key)
    yield key[0]
    try:
        lines = requires(requirement.name) or []
    except PackageNotFoundError:
        return
    for line in lines:
        further = Requirement(line)
        extras = [{"extra": extra} for extra in (*requirement.extras, "")]
        if further.marker is None or any(further.marker.evaluate(extra) for extra in extras):
            yield from brought(further, seen)


def test_each_line_is_an_exact_version_and_they_are_sorted():
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in LINES)
    assert sorted(LINES, key=str.lower) == LINES and len(PINS) == len(LINES)


@pytest.mark.parametrize("requirement", [*stated()], ids=str)
def test_a_requirement_is_pinned_within_its_bounds(requirement):
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_what_requirements_bring_is_pinned():
    seen: set[tuple[str, frozenset]] = set()
    names = {name for requirement in stated() for name in brought(requirement, seen)}
    assert len(names) > 80
    assert names - {canonicalize_name(name) for name in PINS} == set()
