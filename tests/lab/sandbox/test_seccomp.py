"""The filter of system calls: what it refuses, in theory and in a sandbox."""

import errno
import platform
import re
import socket
import struct
from pathlib import Path

import pytest

from cifar_lab.sandbox import sandbox, seccomp
from cifar_lab.testing.learner import GradingError

KILL, ALLOW = "kill", "allow"
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
ALLOW_ALL = struct.pack("<HBBI", seccomp.RETURN, 0, 0, seccomp.ALLOW)
THREAD = 0x3D0F00  # the flags of a new thread
FORK = 0x01200011


def answer(machine: str, number: int, argument: int = 0, architecture: int | None = None):
    """Run the program on a call as the kernel does; return ALLOW, KILL or an errno."""
    arch = seccomp.AUDIT_ARCH[seccomp.MACHINES[machine]] if architecture is None else architecture
    data = struct.pack("<IIQQ", number & 0xFFFFFFFF, arch, 0, argument)
    place, value = 0, 0
    instructions = list(struct.iter_unpack("<HBBI", seccomp.program(machine)))
    while True:
        code, true, false, k = instructions[place]
        place += 1
        match code:
            case seccomp.LOAD:
                (value,) = struct.unpack_from("<I", data, k)
            case seccomp.RETURN:
                return {seccomp.ALLOW: ALLOW, seccomp.KILL: KILL}.get(k, k & 0xFFFF)
            case seccomp.JUMP_EQUAL:
                place += true if value == k else false
            case seccomp.JUMP_AT_LEAST:
                place += true if value >= k else false
            case seccomp.JUMP_SET:
                place += true if value & k else false


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_refused_calls_are_refused_and_others_allowed(machine):
    place = seccomp.MACHINES[machine]
    refused = {numbers[place] for numbers in seccomp.REFUSED.values()} - {None}
    special = {seccomp.CLONE3[place], seccomp.SOCKET[place]}
    for number in set(range(seccomp.LAST + 1)) - special:
        assert answer(machine, number) == (errno.EPERM if number in refused else ALLOW), number
    for number in (seccomp.LAST + 1, seccomp.LAST + 500, seccomp.CLONE3[place]):
        assert answer(machine, number) == errno.ENOSYS


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_processes_and_threads_start_and_namespaces_do_not(machine):
    clone = seccomp.CLONE[seccomp.MACHINES[machine]]
    assert answer(machine, clone, FORK) == answer(machine, clone, THREAD) == ALLOW
    for bit in (0x80, *(1 << n for n in (17, *range(25, 31)))):
        assert answer(machine, clone, FORK | bit) == errno.EPERM, hex(bit)


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_sockets_of_few_families_can_be_made(machine):
    number = seccomp.SOCKET[seccomp.MACHINES[machine]]
    allowed = {family for family in range(60) if answer(machine, number, family) == ALLOW}
    assert allowed == {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}
    assert answer(machine, number, socket.AF_VSOCK) == errno.EAFNOSUPPORT


def test_calls_of_another_architecture_end_the_process():
    read, i386 = 0, 0x40000003
    assert answer("x86_64", read, architecture=i386) == KILL
    assert answer("aarch64", read, architecture=seccomp.AUDIT_ARCH[0]) == KILL
    assert answer("x86_64", seccomp.X32_BIT | read) == KILL


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_the_numbers_are_those_of_the_kernel(machine):
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} is not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[machine].read_text())
    known = {name: int(number) for name, number in found}
    place = seccomp.MACHINES[machine]
    table = {name: numbers[place] for name, numbers in seccomp.REFUSED.items()}
    table |= {"clone": seccomp.CLONE[place], "clone3": seccomp.CLONE3[place]}
    table["socket"] = seccomp.SOCKET[place]
    assert table == {name: known.get(name) for name in table}


def test_another_processor_gets_no_sandbox():
    with pytest.raises(GradingError, match="no filter of system calls for riscv64"):
        seccomp.program("riscv64")


@pytest.mark.sandboxed
def test_without_the_filter_the_probe_names_what_can_be_reached(submission_with, monkeypatch):
    monkeypatch.setattr(seccomp, "program", lambda: ALLOW_ALL)
    with pytest.raises(GradingError, match="is not closed") as error:
        sandbox.Sandbox(submission_with())
    # what a container around the tests refuses already is not named
    assert "new namespaces" in str(error.value) or "System V" in str(error.value)


@pytest.mark.sandboxed
def test_with_the_filter_nothing_can_be_reached(submission_with):
    assert platform.machine() in seccomp.MACHINES
    sandbox.Sandbox(submission_with()).close()
