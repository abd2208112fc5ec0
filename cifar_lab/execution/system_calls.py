"""Filter of system calls: loaded into this process for good, and tried."""

import ctypes
import errno

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
INSTRUCTION = 8  # bytes


class Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def load_filter(program: bytes) -> None:
    """Let the kernel run a seccomp program at every system call, in later children, too.

    Args:
        program: Instructions of classic BPF.

    Raises:
        OSError: The kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    described = Program(len(program) // INSTRUCTION, program)
    settings = (
        (PR_SET_NO_NEW_PRIVS, 1, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(described)),
    )
    for setting, value, pointer in settings:
        if libc.prctl(setting, ctypes.c_ulong(value), pointer, 0, 0):
            raise OSError(ctypes.get_errno(), "system calls cannot be filtered")


def reachable(calls: dict[str, list[int]]) -> list[str]:
    """Return which calls are not refused.

    Args:
        calls: A number and its arguments, by description.
    """
    return [what for what, call in calls.items() if not _is_refused(call)]


def _is_refused(call: list[int]) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result = libc.syscall(*map(ctypes.c_long, call))
    return result == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)
