"""The process that judges, without the settings that a person made for other programs."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

# they select tests, load plugins, and turn warnings into errors
FOREIGN = ("PYTEST_", "PYTHONWARNINGS", "COV_", "COVERAGE_", "PY_COLORS", "FORCE_COLOR")


@contextlib.contextmanager
def neutral_process(folder: Path) -> Iterator[None]:
    """Hide foreign settings within this context, and make `folder` the current folder."""
    with _environment(), _default_warnings(), _no_log(), contextlib.chdir(folder):
        yield


def environment_without(prefixes: tuple[str, ...]) -> dict[str, str]:
    """Return the environment variables that have none of these prefixes."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


@contextlib.contextmanager
def hidden(prefixes: tuple[str, ...]) -> Iterator[None]:
    """Remove the environment variables with these prefixes within this context."""
    before = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith(prefixes)}
    try:
        yield
    finally:
        os.environ.update(before)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    with hidden((*FOREIGN, "NO_COLOR")):
        os.environ["NO_COLOR"] = "1"
        try:
            yield
        finally:
            del os.environ["NO_COLOR"]


@contextlib.contextmanager
def _default_warnings() -> Iterator[None]:
    # pytest keeps the filters that it finds, and adds its own if these options are empty
    options = sys.warnoptions[:]
    with warnings.catch_warnings():
        sys.warnoptions.clear()
        warnings.resetwarnings()
        try:
            yield
        finally:
            sys.warnoptions[:] = options


@contextlib.contextmanager
def _no_log() -> Iterator[None]:
    # TensorFlow gives advice on training loops to code that makes many small models, as tests do
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
