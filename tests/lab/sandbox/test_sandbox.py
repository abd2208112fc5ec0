"""The sandbox: what is behind it answers as in this process, and reaches nothing else."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading.run import QUICK, judge
from cifar_lab.sandbox import sandbox as sandboxes
from cifar_lab.testing.learner import Failure, Learner, LearnerError
from cifar_lab.testing.options import GradingOptions

# where an answer comes, it may come late on a busy machine; where none comes, nobody waits long
PATIENT = sandboxes.Limits(seconds=60, memory=2048 * sandboxes.MEBIBYTE)
HASTY = sandboxes.Limits(seconds=5, memory=2048 * sandboxes.MEBIBYTE)


@pytest.fixture
def behind(submission_with):
    """A submission whose lesson-1 module is `text`, in a sandbox with tight limits."""
    opened = []

    def make(text: str, limits: sandboxes.Limits = PATIENT) -> sandboxes.Sandbox:
        opened.append(sandboxes.Sandbox(submission_with(normalization=text), limits=limits))
        return opened[-1]

    yield make
    for sandbox in opened:
        sandbox.close()


def ask(sandbox: sandboxes.Sandbox, call, **session):
    """One test's session: what `call` gets out of the learner."""
    with sandbox.session(seed=0, **session) as open_session:
        return call(Learner(open_session.handle))


def one_hot(learner):
    return learner.normalization.one_hot(np.array([1, 0]), 2)


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
    here = judge(folder, wanted)
    there = judge(folder, wanted, GradingOptions(sandbox=True))
    assert {id: verdict.as_json() for id, verdict in here.items()} == {
        id: verdict.as_json() for id, verdict in there.items()
    }
    assert not here["normalization.standardize"].passed


@pytest.mark.sandboxed
@pytest.mark.parametrize("module", ["normalization", "schedules"])
def test_the_reference_earns_every_point_in_the_sandbox(reference, module):
    verdicts = judge(reference, syllabus.find([module]), GradingOptions(sandbox=True), QUICK)
    assert all(verdict.passed for verdict in verdicts.values()), verdicts


@pytest.mark.sandboxed
def test_each_test_meets_a_fresh_module(behind):
    counting = (
        RIGHT + "\ncalls = []\n\ndef prepare():\n    calls.append(1)\n    return len(calls)\n"
    )
    sandbox = behind(counting)
    for _ in range(2):
        assert ask(sandbox, lambda learner: learner.normalization.prepare()) == 1


HEARS = """
import signal

def prepare():
    names = "SIGINT", "SIGHUP", "SIGQUIT"
    return [signal.getsignal(getattr(signal, name)) != signal.SIG_IGN for name in names]
"""


@pytest.mark.sandboxed
def test_signals_are_heard_however_the_grader_was_started(behind):
    """Under `nohup` and in the background some are ignored, and so they are in what it starts."""
    names = signal.SIGINT, signal.SIGHUP, signal.SIGQUIT
    before = [signal.signal(name, signal.SIG_IGN) for name in names]
    try:
        heard = ask(behind(HEARS), prepare)
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)
    assert heard == [True, True, True]


def prepare(learner):
    return learner.normalization.prepare()


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
def test_tests_of_an_exercise_share_a_process_and_no_files(behind):
    sandbox = behind(REMEMBERS)
    found = [
        ask(sandbox, prepare, exercise=exercise)
        for exercise in ("cnn.conv2d", "cnn.conv2d", "cnn.softmax", "cnn.conv2d", None, None)
    ]
    assert [calls for calls, _ in found] == [1, 2, 1, 1, 1, 1]
    assert not any(seen for _, seen in found)


@pytest.mark.sandboxed
def test_a_hidden_test_runs_alone(behind):
    sandbox = behind(REMEMBERS)
    for alone, calls in ((False, 1), (True, 1), (False, 1), (False, 2)):
        assert ask(sandbox, prepare, exercise="cnn.conv2d", alone=alone)[0] == calls


ENDS_LATE = {
    "before the next test": "threading.Timer(0.2, os._exit, [1]).start()",
    "as the next test begins": "if hasattr(builtins, 'calls'): os._exit(1)",
}


@pytest.mark.sandboxed
@pytest.mark.parametrize("when", ENDS_LATE)
def test_a_process_that_ends_late_costs_nothing(behind, when):
    sandbox = behind(f"import builtins, os, threading\n{ENDS_LATE[when]}\n{REMEMBERS}")
    for _ in range(3):
        with sandbox.session(seed=0, exercise="cnn.conv2d") as session:
            assert prepare(Learner(session.handle, session.import_first)) == [1, False]
        time.sleep(1)
    assert not sandbox.hanging


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
        (f"Path({str(syllabus.LAB / 'syllabus.toml')!r}).exists()", False),
        ("Path('/course/cifar_lab/course/syllabus.toml').exists()", False),
        ("Path('/course/cifar_lab/execution/server.py').exists()", True),  # one can look, at that
        ("sorted(p.name for p in Path('/submission').iterdir())", ["cifar_course"]),
        ("[name for _, name in socket.if_nameindex() if name != 'lo']", []),
        ("os.getuid() == 0", False),
        ("sorted(int(p) for p in os.listdir('/proc') if p.isdigit())[0]", 1),
        ("len([p for p in os.listdir('/proc') if p.isdigit()]) <= 5", True),
        ("os.access('/submission/cifar_course/normalization.py', os.W_OK)", False),
        ("os.access('/course', os.W_OK) or os.access('/', os.W_OK)", False),
    ],
)
def test_learner_code_sees_little(behind, monkeypatch, found, expected):
    monkeypatch.setenv("A_SECRET", "the key")
    assert ask(behind(LOOK.format(found=found)), one_hot) == expected


@pytest.mark.sandboxed
def test_a_sandbox_that_does_not_stand_is_the_graders_fault(submission_with, monkeypatch):
    monkeypatch.setattr(
        sandboxes, "environment", lambda: {"PYTHONPATH": "/course", "A_SECRET": "x"}
    )
    with pytest.raises(sandboxes.GradingError, match="the environment: A_SECRET"):
        sandboxes.Sandbox(submission_with())


@pytest.mark.sandboxed
def test_a_child_that_does_not_come_up_is_the_graders_fault(behind):
    sandbox = behind(RIGHT, sandboxes.Limits(memory=1))
    with pytest.raises(sandboxes.GradingError, match="a test could not begin"):
        ask(sandbox, one_hot)


@pytest.mark.sandboxed
def test_a_parent_that_cannot_be_forked_is_the_graders_fault(behind, monkeypatch):
    sandbox = behind(RIGHT)
    order = sandbox._order
    crowd = {"threads": sandboxes.FORKABLE + 1}
    monkeypatch.setattr(sandbox, "_order", lambda o: crowd if o["do"] == "keras" else order(o))
    with (
        pytest.raises(sandboxes.GradingError, match="3 threads"),
        sandbox.session(seed=0, keras=True),
    ):
        pass


@pytest.mark.sandboxed
def test_a_reference_in_sight_is_the_graders_fault(submission_with, monkeypatch):
    monkeypatch.setattr(sandboxes.stubs, "REFERENCE", Path("/usr/bin"))
    with pytest.raises(sandboxes.GradingError, match=r"one reaches .*'the reference'"):
        sandboxes.Sandbox(submission_with())


def test_without_bubblewrap_it_refuses(submission_with, monkeypatch):
    monkeypatch.setattr(sandboxes.shutil, "which", lambda name: None)
    with pytest.raises(sandboxes.NoSandbox, match="Install the package `bubblewrap`"):
        sandboxes.Sandbox(submission_with())


@pytest.fixture
def somebody(monkeypatch):
    """The grader is not root, and its own processes come to 300."""
    monkeypatch.setattr(sandboxes.os, "getuid", lambda: 1000)
    monkeypatch.setattr(sandboxes, "_running", lambda: 300)
    monkeypatch.setattr(sandboxes.os, "cpu_count", lambda: 4)


def test_where_apparmor_forbids_namespaces_the_remedy_is_named(
    submission_with, somebody, monkeypatch, tmp_path
):
    (tmp_path / "restricted").write_text("1\n")
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho bwrap: setting up uid map >&2; exit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setattr(sandboxes, "RESTRICTION", tmp_path / "restricted")
    monkeypatch.setattr(sandboxes.shutil, "which", lambda name: str(tmp_path / name))
    with pytest.raises(sandboxes.NoSandbox, match=r"(?s)uid map.*bwrap-userns-restrict"):
        sandboxes.Sandbox(submission_with())
    (tmp_path / "restricted").write_text("0\n")
    with pytest.raises(sandboxes.GradingError, match="uid map") as caught:
        sandboxes.Sandbox(submission_with())
    assert not isinstance(caught.value, sandboxes.NoSandbox)


@pytest.mark.parametrize(
    ("release", "most"), [("5.13.9-generic", 300 + 4 * 128), ("5.14.0-1.el9", 128), ("6.8.0", 128)]
)
def test_processes_that_count_together_have_room_together(somebody, monkeypatch, release, most):
    """Older kernels count a user's processes across all sandboxes, and outside them too."""
    monkeypatch.setattr(sandboxes.os, "uname", lambda: SimpleNamespace(release=release))
    assert sandboxes._most_processes(sandboxes.Limits(processes=128)) == most
    monkeypatch.setattr(sandboxes.os, "getuid", lambda: 0)
    assert sandboxes._most_processes(sandboxes.Limits(processes=128)) == 128


def test_ones_own_threads_are_counted():
    before = sandboxes._running()
    hold = threading.Event()
    thread = threading.Thread(target=hold.wait, daemon=True)
    thread.start()
    assert sandboxes._running() > before > 0
    hold.set()


# --- code that does not behave --------------------------------------------------------------------

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
def test_a_fault_costs_its_own_test_only(behind, title):
    text, kind = FAILURES[title]
    limits = HASTY if kind == "timeout" else PATIENT
    sandbox = behind(text + "\n\ndef prepare():\n    return 42\n", limits)
    with pytest.raises(Failure) as caught:
        ask(sandbox, one_hot)
    assert caught.value.kind == kind
    if "import" not in title:
        assert ask(sandbox, lambda learner: learner.normalization.prepare()) == 42


@pytest.mark.sandboxed
def test_an_import_that_hangs_is_waited_for_once(behind):
    sandbox = behind("while True: pass\n", HASTY)
    for waited in (True, False):
        with sandbox.session(seed=0) as session:
            learner = Learner(session.handle, session.import_first)
            with pytest.raises(Failure) as caught:
                one_hot(learner)
            assert caught.value.kind == "timeout" and learner.failure is caught.value
            assert (session.failure is not None) == waited  # the second one asked nobody


@pytest.mark.sandboxed
def test_a_fault_is_not_blamed_on_the_next_module(behind):
    sandbox = behind("import os\ndef one_hot(*a):\n    os._exit(0)\n")
    with sandbox.session(seed=0) as session:
        learner = Learner(session.handle, session.import_first)
        for call in (one_hot, lambda learner: learner.schedules.step_decay(0, 0.1)):
            with pytest.raises(Failure):
                call(learner)
    assert not sandbox.hanging


@pytest.mark.sandboxed
def test_a_submission_has_so_much_time_in_all(behind):
    text = "import time\ndef one_hot(*a):\n    time.sleep(2)\n    return 1\n"
    sandbox = behind(text, sandboxes.Limits(total=3.5))
    assert ask(sandbox, one_hot) == 1
    for _ in range(2):
        with pytest.raises(Failure) as caught:
            ask(sandbox, one_hot)
        assert caught.value.kind == "timeout"


@pytest.mark.sandboxed
def test_an_exercise_that_hangs_is_waited_for_twice(behind):
    sandbox = behind("def one_hot(*a):\n    while True: pass\n", HASTY)
    for asked in (True, True, False):
        with sandbox.session(seed=0, exercise="normalization.one_hot") as session:
            assert (session.failure is None) == asked
            with pytest.raises(Failure):
                one_hot(Learner(session.handle, session.import_first))
    with sandbox.session(seed=0, exercise="normalization.prepare") as session:
        assert session.failure is None


@pytest.mark.sandboxed
def test_a_new_sandbox_is_built_where_the_old_one_was_torn_down(behind):
    killing = "import os\ndef one_hot(*a):\n    os.kill(-1, 9)\n    return 1\n"
    sandbox = behind(killing + "def prepare():\n    return 42\n")
    # kill(-1) spares who calls it; its answer and the end of its sandbox come in either order
    with contextlib.suppress(Failure):
        ask(sandbox, one_hot)
    assert ask(sandbox, lambda learner: learner.normalization.prepare()) == 42


@pytest.mark.sandboxed
def test_memory_ends_before_the_machines_does(behind):
    sandbox = behind("def one_hot(*a):\n    return len(bytearray(6 * 2**30))\n")
    with pytest.raises(LearnerError) as caught:
        ask(sandbox, one_hot)
    assert "MemoryError" in caught.value.types


@pytest.mark.sandboxed
def test_a_file_cannot_fill_the_disk(behind):
    sandbox = behind(
        "def one_hot(*a):\n    with open('/tmp/big', 'wb') as f:\n"
        "        for _ in range(300): f.write(bytes(2**20))\n    return 1\n"
    )
    with pytest.raises(LearnerError):
        ask(sandbox, one_hot)


@pytest.mark.sandboxed
def test_a_fork_bomb_runs_into_its_limit(behind):
    sandbox = behind(
        "import os, time\ndef one_hot(*a):\n    for _ in range(500):\n"
        "        if os.fork() == 0:\n            time.sleep(60)\n    return 1\n"
    )
    with pytest.raises(LearnerError) as caught:
        ask(sandbox, one_hot)
    assert "OSError" in caught.value.types  # fork says "resource temporarily unavailable"


@pytest.mark.sandboxed
def test_nothing_survives_a_test(behind):
    sandbox = behind(
        "import os, time\n"
        "def one_hot(*a):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\n"
        "    return 1\n"
        "def prepare():\n    return len([p for p in os.listdir('/proc') if p.isdigit()])\n"
    )
    before = ask(sandbox, lambda learner: learner.normalization.prepare())
    ask(sandbox, one_hot)
    assert ask(sandbox, lambda learner: learner.normalization.prepare()) == before


@pytest.mark.sandboxed
def test_a_giant_reply_is_refused_before_it_is_read(behind):
    limits = sandboxes.Limits(reply=sandboxes.MEBIBYTE)
    sandbox = behind("import numpy\ndef one_hot(*a):\n    return numpy.zeros(2**20)\n", limits)
    with pytest.raises(Failure) as caught:
        ask(sandbox, one_hot)
    assert caught.value.kind == "output limit"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\x00" * 16,
        b"nonsense that is no frame at all",
    ],
)
def test_a_reply_that_is_no_frame_is_a_fault(reply):
    with pytest.raises(Failure) as caught:
        one_hot(Learner(lambda frame: reply))
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
def test_a_frame_that_is_no_reply_is_a_fault(value):
    from cifar_lab.execution import protocol

    with pytest.raises(Failure) as caught:
        one_hot(Learner(lambda frame: protocol.encode(value)))
    assert caught.value.kind == "bad reply"


@pytest.mark.sandboxed
def test_closing_leaves_no_process(behind):
    sandbox = behind(RIGHT)
    assert ask(sandbox, one_hot).tolist() == [[0, 1], [1, 0]]
    process = sandbox._process.pid
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    assert children
    sandbox.close()
    for _ in range(100):  # the kernel ends them a moment later
        if not any(Path(f"/proc/{child}").exists() for child in children):
            return
        time.sleep(0.05)
    pytest.fail(f"these are still there: {children}")


@pytest.mark.sandboxed
def test_sandboxes_side_by_side_have_users_of_their_own(behind):
    whose = "import os\n\ndef one_hot(labels, num_classes):\n    return os.getuid()\n"
    first, second = behind(whose), behind(whose)
    assert ask(first, one_hot) == first.user != second.user == ask(second, one_hot)
    first.close()
    del first
    assert ask(behind(whose), one_hot) not in (0, second.user)


def test_grading_without_sandboxes_needs_nothing_that_windows_lacks():
    code = (
        "import sys\nsys.modules |= dict.fromkeys(('fcntl', 'resource', 'pwd', 'termios'))\n"
        "import cifar_lab.cli, cifar_lab.testing.plugin, cifar_lab.grading.run\n"
        "assert 'cifar_lab.sandbox.sandbox' not in sys.modules\n"
        "import cifar_lab.grading.batch, cifar_lab.grading.gradescope"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
