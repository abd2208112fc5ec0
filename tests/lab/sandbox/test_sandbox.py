"""Learner code in the sandbox answers as in this process, and reaches nothing else."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cifar_lab.course import syllabus
from cifar_lab.execution.protocol import Command
from cifar_lab.grading.run import QUICK, judge
from cifar_lab.sandbox import bubblewrap
from cifar_lab.sandbox import sandbox as sandboxes
from cifar_lab.testing.learner import GradingError, Learner, LearnerError
from cifar_lab.testing.options import GradingOptions


def one_hot(learner):
    return learner.normalization.one_hot(np.array([1, 0]), 2)


def prepare(learner):
    return learner.normalization.prepare()


RIGHT = """
import numpy as np

def one_hot(labels, num_classes):
    return np.eye(num_classes, dtype=np.float32)[labels.reshape(-1)]
"""

# --- the same verdicts ----------------------------------------------------------------------------

WRONG = {
    "in place": """
def standardize(images, mean, std):
    images -= images.mean()
    return images
""",
    "an exception": """
def standardize(images, mean, std):
    raise KeyError("what now")
""",
    "no return": """
def standardize(images, mean, std):
    pass
""",
}


@pytest.mark.sandboxed
@pytest.mark.parametrize("title", WRONG)
def test_a_wrong_answer_gets_the_same_verdict_in_the_sandbox(reference, submission_with, title):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    folder = submission_with(normalization=text + WRONG[title])
    wanted = syllabus.find(["normalization"])
    here, there = (
        judge(folder, wanted, GradingOptions(sandbox=sandbox, secret="same"))
        for sandbox in (False, True)
    )
    assert {id: verdict.as_json() for id, verdict in here.items()} == {
        id: verdict.as_json() for id, verdict in there.items()
    }
    assert not here["normalization.standardize"].passed


@pytest.mark.sandboxed
@pytest.mark.parametrize("module", ["normalization", "schedules"])
def test_the_reference_earns_every_point_in_the_sandbox(reference, module):
    verdicts = judge(reference, syllabus.find([module]), GradingOptions(sandbox=True), QUICK)
    assert all(verdict.passed for verdict in verdicts.values()), verdicts


HANDLED_SIGNALS = """
import signal

def prepare():
    names = "SIGINT", "SIGHUP", "SIGQUIT"
    return [signal.getsignal(getattr(signal, name)) != signal.SIG_IGN for name in names]
"""


@pytest.mark.sandboxed
def test_signals_are_handled_although_the_grader_ignores_them(sandbox_of, ask):
    """Under `nohup` and in the background the grader ignores some; its children inherit that."""
    names = signal.SIGINT, signal.SIGHUP, signal.SIGQUIT
    before = [signal.signal(name, signal.SIG_IGN) for name in names]
    try:
        handled = ask(sandbox_of(HANDLED_SIGNALS), prepare)
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)
    assert handled == [True, True, True]


# --- processes of tests ---------------------------------------------------------------------------


@pytest.mark.sandboxed
def test_each_test_gets_a_fresh_module(sandbox_of, ask):
    counting = (
        RIGHT + "\ncalls = []\n\ndef prepare():\n    calls.append(1)\n    return len(calls)\n"
    )
    sandbox = sandbox_of(counting)
    for _ in range(2):
        assert ask(sandbox, prepare) == 1


REMEMBERS = """
import builtins
import sys
from pathlib import Path
from types import SimpleNamespace as Fake

sys.modules["keras"] = Fake(utils=Fake(set_random_seed=print))
note = Path("/tmp/note")

def prepare():
    builtins.calls = getattr(builtins, "calls", 0) + 1
    seen = note.exists()
    note.touch()
    return [builtins.calls, seen]
"""


@pytest.mark.sandboxed
def test_tests_of_an_exercise_share_a_process_and_no_files(sandbox_of, ask):
    sandbox = sandbox_of(REMEMBERS)
    found = [
        ask(sandbox, prepare, exercise=exercise)
        for exercise in ("cnn.conv2d", "cnn.conv2d", "cnn.softmax", "cnn.conv2d", None, None)
    ]
    assert [calls for calls, _ in found] == [1, 2, 1, 1, 1, 1]
    assert not any(seen for _, seen in found)


@pytest.mark.sandboxed
def test_a_hidden_test_runs_alone(sandbox_of, ask):
    sandbox = sandbox_of(REMEMBERS)
    for alone, calls in ((False, 1), (True, 1), (False, 1), (False, 2)):
        assert ask(sandbox, prepare, exercise="cnn.conv2d", alone=alone)[0] == calls


ENDS_LATE = {
    "before the next test": "threading.Timer(0.2, os._exit, [1]).start()",
    "as the next test begins": "if hasattr(builtins, 'calls'): os._exit(1)",
}


@pytest.mark.sandboxed
@pytest.mark.parametrize("when", ENDS_LATE)
def test_a_process_that_ends_late_costs_nothing(sandbox_of, when):
    sandbox = sandbox_of(f"import builtins, os, threading\n{ENDS_LATE[when]}\n{REMEMBERS}")
    for _ in range(3):
        with sandbox.session(seed=0, exercise="cnn.conv2d") as session:
            assert prepare(Learner(session.handle, session.import_first)) == [1, False]
        time.sleep(1)
    assert not sandbox.import_failures


@pytest.mark.sandboxed
def test_nothing_survives_a_test(sandbox_of, ask):
    sandbox = sandbox_of(
        "import os, time\n"
        "def one_hot(*a):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\n"
        "    return 1\n"
        "def prepare():\n    return len([p for p in os.listdir('/proc') if p.isdigit()])\n"
    )
    before = ask(sandbox, prepare)
    ask(sandbox, one_hot)
    assert ask(sandbox, prepare) == before


@pytest.mark.sandboxed
def test_closing_leaves_no_process(sandbox_of, ask):
    sandbox = sandbox_of(RIGHT)
    assert ask(sandbox, one_hot).tolist() == [[0, 1], [1, 0]]
    process = sandbox._process.pid
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    assert children
    sandbox.close()
    for _ in range(100):  # the kernel ends them a moment later
        if not any(Path(f"/proc/{child}").exists() for child in children):
            return
        time.sleep(0.05)
    pytest.fail(f"these are still running: {children}")


# --- what learner code can reach ------------------------------------------------------------------

LOOK = """
import os
import socket
from pathlib import Path

def one_hot(labels, num_classes):
    return {found}
"""


@pytest.mark.sandboxed
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("sorted(os.environ.get(n, '') for n in ('A_SECRET', 'PYTEST_CURRENT_TEST'))", ["", ""]),
        (f"Path({str(syllabus.GRADING_TESTS)!r}).exists()", False),
        (f"Path({str(syllabus.TABLE)!r}).exists()", False),
        ("Path('/course/cifar_lab/course/syllabus.toml').exists()", False),
        ("Path('/course/cifar_lab/execution/server.py').exists()", True),
        ("sorted(p.name for p in Path('/submission').iterdir())", ["cifar_course"]),
        ("Path('/proc/net/dev').read_text().count(':')", 1),  # the loopback interface
        (f"Path({str(Path(sys.prefix, 'share'))!r}).exists()", False),
        ("os.getuid() == 0", False),
        ("sorted(int(p) for p in os.listdir('/proc') if p.isdigit())[0]", 1),
        ("len([p for p in os.listdir('/proc') if p.isdigit()]) <= 5", True),
        ("os.access('/submission/cifar_course/normalization.py', os.W_OK)", False),
        ("os.access('/course', os.W_OK) or os.access('/', os.W_OK)", False),
    ],
)
def test_learner_code_reaches_only_what_it_needs(sandbox_of, ask, monkeypatch, found, expected):
    monkeypatch.setenv("A_SECRET", "the key")
    assert ask(sandbox_of(LOOK.format(found=found)), one_hot) == expected


@pytest.mark.sandboxed
def test_the_names_of_kernel_keys_cannot_be_read(sandbox_of, ask):
    look = """
def one_hot(labels, num_classes):
    found = ""
    for name in ("keys", "key-users"):
        try:
            with open(f"/proc/{name}") as file:
                found += file.read()
        except OSError:
            pass
    return found
"""
    assert ask(sandbox_of(look), one_hot) == ""


@pytest.mark.sandboxed
def test_sandboxes_at_the_same_time_have_different_users(sandbox_of, ask):
    user = "import os\n\ndef one_hot(labels, num_classes):\n    return os.getuid()\n"
    first, second = sandbox_of(user), sandbox_of(user)
    assert ask(first, one_hot) == first.user != second.user == ask(second, one_hot)
    first.close()
    del first
    assert ask(sandbox_of(user), one_hot) not in (0, second.user)


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.sandboxed
def test_a_process_has_a_memory_limit(sandbox_of, ask):
    sandbox = sandbox_of("def one_hot(*a):\n    return len(bytearray(6 * 2**30))\n")
    with pytest.raises(LearnerError) as caught:
        ask(sandbox, one_hot)
    assert "MemoryError" in caught.value.types


@pytest.mark.sandboxed
def test_a_file_has_a_size_limit(sandbox_of, ask):
    sandbox = sandbox_of(
        "def one_hot(*a):\n    with open('/tmp/big', 'wb') as f:\n"
        "        for _ in range(300): f.write(bytes(2**20))\n    return 1\n"
    )
    with pytest.raises(LearnerError):
        ask(sandbox, one_hot)


@pytest.mark.sandboxed
def test_the_number_of_processes_has_a_limit(sandbox_of, ask):
    sandbox = sandbox_of(
        "import os, time\ndef one_hot(*a):\n    for _ in range(500):\n"
        "        if os.fork() == 0:\n            time.sleep(60)\n    return 1\n"
    )
    with pytest.raises(LearnerError) as caught:
        ask(sandbox, one_hot)
    assert "OSError" in caught.value.types  # fork says "resource temporarily unavailable"


# --- grading errors -------------------------------------------------------------------------------


@pytest.mark.sandboxed
def test_a_sandbox_that_is_not_closed_is_a_grading_error(submission_with, monkeypatch):
    leaking = {"PYTHONPATH": "/course", "A_SECRET": "x"}
    monkeypatch.setattr(bubblewrap, "environment", lambda: leaking)
    with pytest.raises(GradingError, match="the environment: A_SECRET"):
        sandboxes.Sandbox(submission_with())


@pytest.mark.sandboxed
def test_a_reference_in_sight_is_a_grading_error(submission_with, monkeypatch):
    monkeypatch.setattr(sandboxes.stubs, "REFERENCE", Path("/usr/bin"))
    with pytest.raises(GradingError, match=r"one can reach .*'the reference'"):
        sandboxes.Sandbox(submission_with())


@pytest.mark.sandboxed
def test_a_child_that_does_not_start_is_a_grading_error(sandbox_of, ask):
    sandbox = sandbox_of(RIGHT, memory=1)
    with pytest.raises(GradingError, match="a test could not begin"):
        ask(sandbox, one_hot)


@pytest.mark.sandboxed
def test_a_server_that_cannot_be_forked_is_a_grading_error(sandbox_of, monkeypatch):
    sandbox = sandbox_of(RIGHT)
    request = sandbox._request

    def crowded(command, **arguments):
        if command == Command.IMPORT_KERAS:
            return {"threads": sandboxes.MAX_PARENT_THREADS + 1}
        return request(command, **arguments)

    monkeypatch.setattr(sandbox, "_request", crowded)
    with pytest.raises(GradingError, match="3 threads"), sandbox.session(seed=0, keras=True):
        pass


def test_grading_without_sandboxes_needs_nothing_that_windows_lacks():
    code = (
        "import sys\nsys.modules |= dict.fromkeys(('fcntl', 'resource', 'pwd', 'termios'))\n"
        "import cifar_lab.cli, cifar_lab.testing.plugin, cifar_lab.grading.run\n"
        "assert 'cifar_lab.sandbox.sandbox' not in sys.modules\n"
        "import cifar_lab.grading.batch, cifar_lab.grading.gradescope"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
