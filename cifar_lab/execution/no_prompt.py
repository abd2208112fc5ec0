"""Keep learner code from waiting for a keyboard: no debugger opens, and standard input is empty."""

import builtins
import contextlib
import io
import pdb
import sys
from collections.abc import Callable, Iterator

PROMPTS = (
    (sys, "breakpointhook", "breakpoint()"),
    (pdb, "set_trace", "pdb.set_trace()"),
    (builtins, "input", "input()"),
)


@contextlib.contextmanager
def no_prompt() -> Iterator[None]:
    """Let calls that open a prompt raise, and give code within this context an empty stdin.

    A learner would not see the prompt, because pytest captures the output.
    """
    before = [getattr(owner, name) for owner, name, _ in PROMPTS]
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    for owner, name, call in PROMPTS:
        setattr(owner, name, _refusal(call))
    try:
        yield
    finally:
        sys.stdin = stdin
        for (owner, name, _), value in zip(PROMPTS, before, strict=True):
            setattr(owner, name, value)


def _refusal(call: str) -> Callable:
    def refuse(*args, **kwargs):
        raise RuntimeError(
            f"your code calls {call}: remove it, because `check` has no debugger and no keyboard"
        )

    return refuse
