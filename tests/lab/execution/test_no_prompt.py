"""Learner code cannot wait for a keyboard, neither in-process nor in a sandbox."""

import builtins
import pdb
import sys

import pytest

from cifar_lab.execution.no_prompt import no_prompt
from cifar_lab.execution.worker import Worker
from cifar_lab.testing.learner import Learner, LearnerError

CALLS = {
    "breakpoint()": "breakpoint()",
    "input()": "input('number? ')",
    "pdb.set_trace()": "import pdb; pdb.set_trace()",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("where", ["in a function", "at import"])
def test_a_prompt_is_an_error_with_a_remedy(submission_with, call, where):
    text = f"{CALLS[call]}\ndef one_hot(*a):\n    return 1\n"
    if where == "in a function":
        text = f"def one_hot(*a):\n    {CALLS[call]}\n"
    folder = submission_with(normalization=text)
    learner = Learner(Worker(folder, ("normalization",)).handle)
    with pytest.raises(LearnerError) as raised:
        learner.normalization.one_hot()
    assert f"your code calls {call}: remove it" in raised.value.message


def test_standard_input_is_empty_and_everything_is_put_back():
    def state():
        return sys.stdin, sys.breakpointhook, pdb.set_trace, builtins.input

    before = state()
    with pytest.raises(ZeroDivisionError), no_prompt():
        assert sys.stdin.read() == "" and sys.stdin.buffer.read() == b""
        sys.stdin = None
        raise ZeroDivisionError
    assert state() == before
