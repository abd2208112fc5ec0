"""A session names how learner code failed, and a failure costs its own test only."""

import contextlib

import numpy as np
import pytest

from cifar_lab.execution import protocol
from cifar_lab.sandbox.limits import MEBIBYTE
from cifar_lab.testing.learner import Failure, Learner
from cifar_lab.testing.messages import message

SHORT = 5  # seconds for a call that never answers


def one_hot(learner):
    return learner.normalization.one_hot(np.array([1, 0]), 2)


def prepare(learner):
    return learner.normalization.prepare()


FAILURES = {
    "a loop": ("def one_hot(*a):\n    while True: pass\n", "timeout"),
    "a loop at import": ("while True: pass\n", "timeout"),
    "it ends the process": ("import os\ndef one_hot(*a):\n    os._exit(0)\n", "crash"),
    "it ends the process at import": ("import os\nos._exit(0)\n", "crash"),
    "a segmentation fault": ("import ctypes\ndef one_hot(*a):\n    ctypes.string_at(0)\n", "crash"),
    "it kills itself": ("import os\ndef one_hot(*a):\n    os.kill(os.getpid(), 9)\n", "killed"),
    "it closes everything": (
        "import os\ndef one_hot(*a):\n    os.closerange(0, 200)\n    return 1\n",
        "crash",
    ),
}


@pytest.mark.sandboxed
@pytest.mark.parametrize("title", FAILURES)
def test_a_failure_costs_its_own_test_only(sandbox_of, ask, title):
    text, kind = FAILURES[title]
    limits = {"seconds": SHORT} if kind == "timeout" else {}
    sandbox = sandbox_of(text + "\n\ndef prepare():\n    return 42\n", **limits)
    with pytest.raises(Failure) as caught:
        ask(sandbox, one_hot)
    assert caught.value.kind == kind
    if "import" not in title:
        assert ask(sandbox, prepare) == 42


@pytest.mark.sandboxed
def test_a_failure_is_not_attributed_to_the_next_module(sandbox_of):
    sandbox = sandbox_of("import os\ndef one_hot(*a):\n    os._exit(0)\n")
    with sandbox.session(seed=0) as session:
        learner = Learner(session.handle, session.import_first)
        for call in (one_hot, lambda learner: learner.schedules.step_decay(0, 0.1)):
            with pytest.raises(Failure):
                call(learner)
    assert not sandbox.import_failures


@pytest.mark.sandboxed
def test_a_new_sandbox_replaces_one_that_learner_code_ended(sandbox_of, ask):
    killing = "import os\ndef one_hot(*a):\n    os.kill(-1, 9)\n    return 1\n"
    sandbox = sandbox_of(killing + "def prepare():\n    return 42\n")
    # kill(-1) spares its caller: the answer and the end of the sandbox come in either order
    with contextlib.suppress(Failure):
        ask(sandbox, one_hot)
    assert ask(sandbox, prepare) == 42


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.sandboxed
def test_a_hanging_import_costs_one_timeout(sandbox_of):
    sandbox = sandbox_of("while True: pass\n", seconds=SHORT)
    for waited in (True, False):
        with sandbox.session(seed=0) as session:
            learner = Learner(session.handle, session.import_first)
            with pytest.raises(Failure) as caught:
                one_hot(learner)
            assert caught.value.kind == "timeout" and learner.failure is caught.value
            assert "the import of normalization.py" in caught.value.message
            said = message(caught.value, learner)
            assert "This took too long: the import of" in said and "raised" not in said
            assert (session.failure is not None) == waited  # the second one sent nothing


@pytest.mark.sandboxed
def test_a_hanging_exercise_costs_two_timeouts(sandbox_of):
    sandbox = sandbox_of("def one_hot(*a):\n    while True: pass\n", seconds=SHORT)
    for asked in (True, True, False):
        with sandbox.session(seed=0, exercise="normalization.one_hot") as session:
            assert (session.failure is None) == asked
            with pytest.raises(Failure):
                one_hot(Learner(session.handle, session.import_first))
    with sandbox.session(seed=0, exercise="normalization.prepare") as session:
        assert session.failure is None


@pytest.mark.sandboxed
def test_a_submission_has_a_time_limit_in_all(sandbox_of, ask):
    text = "import time\ndef one_hot(*a):\n    time.sleep(2)\n    return 1\n"
    sandbox = sandbox_of(text, total=3.5)
    assert ask(sandbox, one_hot) == 1
    for _ in range(2):
        with pytest.raises(Failure) as caught:
            ask(sandbox, one_hot)
        assert caught.value.kind == "timeout"


# --- replies --------------------------------------------------------------------------------------


@pytest.mark.sandboxed
def test_a_giant_reply_is_refused_before_it_is_read(sandbox_of, ask):
    text = "import numpy\ndef one_hot(*a):\n    return numpy.zeros(2**20)\n"
    with pytest.raises(Failure) as caught:
        ask(sandbox_of(text, reply=MEBIBYTE), one_hot)
    assert caught.value.kind == "output limit"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\x00" * 16,
        b"nonsense that is no frame at all",
    ],
)
def test_a_reply_that_is_not_a_frame_is_a_failure(reply):
    with pytest.raises(Failure) as caught:
        one_hot(Learner(lambda request: reply))
    assert caught.value.kind == "bad reply"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"result": 1},
        {"result": 1, "arguments": []},
        {"result": 1, "arguments": [1]},
        {"error": "none"},
        {"error": {"types": ["ValueError"], "message": 5, "lines": []}},
        {"error": {"types": [["ValueError"]], "message": "", "lines": []}},
    ],
)
def test_a_frame_that_is_not_a_reply_is_a_failure(value):
    reply = protocol.encode(value)
    with pytest.raises(Failure) as caught:
        one_hot(Learner(lambda request: reply))
    assert caught.value.kind == "bad reply"
