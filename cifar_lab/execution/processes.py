"""Processes inside the sandbox: closed to each other, forked, limited, and killed to the last."""

import ctypes
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

PR_SET_DUMPABLE = 4
SCRATCH = Path(tempfile.gettempdir())  # the only folder that learner code may write to
FORK_ATTEMPTS, FORK_PAUSE = 20, 0.05  # seconds between two


def forbid_inspection() -> None:
    """Close this process's memory and file descriptors to other processes of its user.

    Raises:
        OSError: The kernel refused.
    """
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError("this process cannot be closed to its children")


def restore_signals() -> None:
    """Handle signals as in a terminal: `nohup` and `&` start the grader with these ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ignored in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_DFL)


def fork() -> int:
    """Call `os.fork`, again while it fails: killed processes count until the kernel reaps them."""
    for _ in range(FORK_ATTEMPTS):
        try:
            return os.fork()
        except BlockingIOError:
            time.sleep(FORK_PAUSE)
    return os.fork()


def set_limits(limits: dict[str, int]) -> None:
    """Set resource limits of this process and its children.

    Args:
        limits: Numbers by name, such as "RLIMIT_AS". A lower hard limit of the shell stays.
    """
    for name, value in limits.items():
        number = getattr(resource, name)
        _, hard = resource.getrlimit(number)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (value, value))


def count_threads() -> int:
    """Return the number of threads of this process."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def reset_streams_and_folder() -> None:
    """Point the standard streams to /dev/null and make the scratch folder the current one."""
    os.chdir(SCRATCH)
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    if devnull > 2:
        os.close(devnull)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stderr = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115


def wait_and_kill_all(child: int) -> int:
    """Wait for a child to end, then kill all that it has started; return its wait status."""
    status = os.waitpid(child, 0)[1]
    try:
        os.kill(-1, signal.SIGKILL)  # all processes of the sandbox but this one and the first
    except ProcessLookupError:
        return status
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return status
