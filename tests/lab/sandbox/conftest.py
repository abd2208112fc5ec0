"""Sandboxes with submissions of a few lines."""

from collections.abc import Callable, Iterator

import pytest

from cifar_lab.sandbox.limits import MEBIBYTE, Limits
from cifar_lab.sandbox.sandbox import Sandbox
from cifar_lab.testing.learner import Learner

SECONDS = 60  # an answer may come late on a busy machine; a test of a timeout gives fewer


@pytest.fixture
def sandbox_of(submission_with) -> Iterator[Callable[..., Sandbox]]:
    """Open a sandbox with a submission whose lesson-1 module is `text`; keywords are limits."""
    opened = []

    def make(text: str, **limits) -> Sandbox:
        folder = submission_with(normalization=text)
        limits = {"seconds": SECONDS, "memory": 2048 * MEBIBYTE} | limits
        opened.append(Sandbox(folder, limits=Limits(**limits)))
        return opened[-1]

    yield make
    for sandbox in opened:
        sandbox.close()


@pytest.fixture
def ask() -> Callable:
    """Call a function with the learner of one session; keywords are the session's settings."""

    def ask(sandbox: Sandbox, call: Callable[[Learner], object], **settings) -> object:
        with sandbox.session(seed=0, **settings) as session:
            return call(Learner(session.handle))

    return ask
