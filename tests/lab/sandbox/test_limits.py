"""Limits fit the kernel's way of counting processes, and are named in words."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from cifar_lab.sandbox import limits


@pytest.mark.parametrize(
    ("release", "most"), [("5.13.9-generic", 300 + 4 * 128), ("5.14.0-1.el9", 128), ("6.8.0", 128)]
)
def test_one_count_for_all_sandboxes_has_room_for_all(monkeypatch, release, most):
    """Older kernels count a user's processes across all sandboxes, and outside them too."""
    monkeypatch.setattr(limits, "count_own_processes", lambda: 300)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert limits.process_limit(128) == most
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert limits.process_limit(128) == 128


def test_threads_of_the_user_are_counted(tmp_path, monkeypatch):
    # two processes, of one and of three threads: those of this machine come and go
    for thread in ("7/task/7", "8/task/8", "8/task/9", "8/task/10", "self/task/7"):
        (tmp_path / thread).mkdir(parents=True)
    assert limits.count_own_processes(tmp_path) == 4
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    assert limits.count_own_processes(tmp_path) == 0


def test_this_process_is_counted():
    assert limits.count_own_processes() >= len(list(Path("/proc/self/task").iterdir()))


def test_no_core_file_is_written():
    assert limits.Limits().as_rlimits()["RLIMIT_CORE"] == 0


def test_hard_limits_are_named_with_their_units():
    named = limits.describe_hard_limits({"RLIMIT_NOFILE": 64, "RLIMIT_AS": 2**31})
    assert named == "address space (ulimit -v) 2,048 MiB, open files (ulimit -n) 64"
    assert limits.describe_hard_limits({}) == "none"
