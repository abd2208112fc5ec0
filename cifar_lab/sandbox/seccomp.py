"""Filter of system calls: a program for the kernel's seccomp, which the server loads.

It refuses calls that no exercise needs and that reach beyond the sandbox, outlast a test, or are
large parts of the kernel. Everything else is allowed: what Python, NumPy and TensorFlow call
differs too much between versions for a list of what they may. The program is classic BPF, as
described in the kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

import errno
import platform
import struct

from cifar_lab.testing.learner import GradingError

# numbers on x86_64 and on aarch64, from the kernel's unistd_64.h and asm-generic/unistd.h
REFUSED: dict[str, tuple[int, int | None]] = {
    # kernel keyrings belong to a user and outlive the sandbox
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # System V objects stay from one test to the next
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    # message queues stay from one test to the next
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184),
    "mq_getsetattr": (245, 185),
    # a new user namespace gives all capabilities within it
    "unshare": (272, 97),
    "setns": (308, 268),
    # mounts change what the sandbox can see, or give more room than /tmp
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # other processes are none of its business
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # files are opened by name, not by a handle that avoids the mounts
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    # large parts of the kernel that no exercise needs, with many known defects
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    # ways to run a process that old defects of the kernel need
    "personality": (135, 92),
    "modify_ldt": (154, None),
    # settings of the whole machine
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
}
MACHINES = {"x86_64": 0, "aarch64": 1}  # places in these pairs
AUDIT_ARCH = (0xC000003E, 0xC00000B7)  # linux/audit.h
CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)
LAST = 462  # the newest call that was looked at; newer ones do not exist in the sandbox
X32_BIT = 0x40000000  # calls of x86_64's 32-bit variant, which have other numbers
# CLONE_NEW*: time, mounts, cgroups, host names, IPC, users, processes, networks
NAMESPACES = (
    0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
)
FAMILIES = (1, 2, 10)  # of sockets: Unix, IPv4, IPv6; others reach the hypervisor or the kernel

# from linux/seccomp.h and linux/bpf_common.h
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in `struct seccomp_data`


def program(machine: str | None = None) -> bytes:
    """Return the filter for a kind of processor, as instructions of classic BPF.

    Args:
        machine: As in `platform.machine()`; by default this one.

    Raises:
        GradingError: There is no table of calls for this processor.
    """
    machine = machine or platform.machine()
    if machine not in MACHINES:
        raise GradingError(
            f"there is no filter of system calls for {machine}, only for {', '.join(MACHINES)}; "
            "--no-sandbox grades without a sandbox and stamps the results"
        )
    place = MACHINES[machine]
    instructions = [
        (LOAD, 0, 0, ARCHITECTURE),
        *_unless(JUMP_EQUAL, AUDIT_ARCH[place], KILL),
        (LOAD, 0, 0, NUMBER),
        *_if(JUMP_AT_LEAST, X32_BIT, KILL),
        *_if(JUMP_AT_LEAST, LAST + 1, REFUSE | errno.ENOSYS),
        # its flags are in memory, where a filter cannot look: libraries then call clone
        *_if(JUMP_EQUAL, CLONE3[place], REFUSE | errno.ENOSYS),
    ]
    for numbers in REFUSED.values():
        if numbers[place] is not None:
            instructions += _if(JUMP_EQUAL, numbers[place], REFUSE | errno.EPERM)
    families = [(JUMP_EQUAL, len(FAMILIES) - n, 0, f) for n, f in enumerate(FAMILIES)]
    instructions += [
        (JUMP_EQUAL, 0, 4, CLONE[place]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        *_if(JUMP_SET, NAMESPACES, REFUSE | errno.EPERM),
        (RETURN, 0, 0, ALLOW),
        (JUMP_EQUAL, 0, 2 + len(FAMILIES), SOCKET[place]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        *families,
        (RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)


def _if(test: int, value: int, action: int) -> list[tuple[int, int, int, int]]:
    """Return instructions that end the program with `action` if the test holds."""
    return [(test, 0, 1, value), (RETURN, 0, 0, action)]


def _unless(test: int, value: int, action: int) -> list[tuple[int, int, int, int]]:
    return [(test, 1, 0, value), (RETURN, 0, 0, action)]


def kernel_services(machine: str | None = None) -> dict[str, list[int]]:
    """Return harmless calls, by what they would reach: a number and arguments of each.

    Outside the sandbox each of them succeeds, or fails for another reason than the filter.
    """
    place = MACHINES[machine or platform.machine()]
    calls = {
        "kernel keyrings": ("keyctl", 0, -3, 0),  # the id of the session keyring
        "System V shared memory": ("shmget", 1, 0, 0),
        "System V semaphores": ("semget", 1, 0, 0),
        "System V message queues": ("msgget", 1, 0),
        "POSIX message queues": ("mq_open", 0, 0, 0, 0),
        "new namespaces": ("unshare", 0),
        "mounts": ("umount2", 0, 0),
        "other processes": ("kcmp", 0, 0, 0, 0, 0),
        "bpf": ("bpf", -1, 0, 0),
        "io_uring": ("io_uring_setup", 0, 0),
        "userfaultfd": ("userfaultfd", -1),
        "performance events": ("perf_event_open", 0, 0, 0, 0, 0),
    }
    return {what: [REFUSED[name][place], *arguments] for what, (name, *arguments) in calls.items()}
