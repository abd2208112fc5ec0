"""Limits of what one submission may use."""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 2**20
OPEN_FILES = 256


@dataclass(frozen=True)
class Limits:
    """Limits of one submission; `Sandbox.import_keras` raises `memory` and `processes` if needed.

    Attributes:
        memory: Address space of a process, in bytes; TensorFlow alone takes 4 GiB.
        processes: Processes of a user, threads included: TensorFlow starts one thread per core for
            every pipeline of images.
        file: Size of a file, in bytes.
        tmp: Size of /tmp, in bytes.
        reply: Size of a reply, in bytes.
        seconds: Time for one call of learner code, or for one import of it.
        total: Time for all of them together, in seconds.
    """

    memory: int = 8192 * MEBIBYTE
    processes: int = 128
    file: int = 64 * MEBIBYTE
    tmp: int = 128 * MEBIBYTE
    reply: int = 512 * MEBIBYTE
    seconds: float = 60.0
    total: float = 1800.0

    def as_rlimits(self) -> dict[str, int]:
        """Return the resource limits of a process, by their names in `resource`."""
        return {
            "RLIMIT_AS": self.memory,
            "RLIMIT_NPROC": process_limit(self.processes),
            "RLIMIT_FSIZE": self.file,
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": OPEN_FILES,
        }


def process_limit(processes: int) -> int:
    """Return the limit to set so that a sandbox may run so many processes.

    Since Linux 5.14 a user's processes are counted per user namespace, and a grader that is root
    runs each sandbox as a user of its own. Otherwise one count holds all processes of the grader's
    user, those of the sandboxes on all cores included.
    """
    version = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    if os.getuid() == 0 or version >= (5, 14):
        return processes
    return count_own_processes() + processes * (os.cpu_count() or 1)


def count_own_processes(proc: Path = Path("/proc")) -> int:
    """Return the number of processes of this user, threads included."""
    count = 0
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if process.stat().st_uid == os.getuid():
                count += len(list((process / "task").iterdir()))
    return count


def describe_hard_limits(limits: dict[str, int]) -> str:
    """Return the hard limits of a shell in words, such as "open files (ulimit -n) 256"."""
    units = {
        "RLIMIT_AS": ("address space (ulimit -v)", MEBIBYTE, " MiB"),
        "RLIMIT_NPROC": ("processes and threads (ulimit -u)", 1, ""),
        "RLIMIT_FSIZE": ("size of a file (ulimit -f)", MEBIBYTE, " MiB"),
        "RLIMIT_NOFILE": ("open files (ulimit -n)", 1, ""),
    }
    described = [
        f"{name} {limits[key] // size:,}{unit}"
        for key, (name, size, unit) in units.items()
        if key in limits
    ]
    return ", ".join(described) or "none"
