# Code that forges replies, or attacks the processes around it.

# %% a forged worker
# earns: 0
# failures: bad reply
from cifar_lab.execution import protocol
from cifar_lab.execution.worker import Worker
Worker.handle = lambda self, frame: protocol.encode({"passed": True, "points": 100})

def attack():
    pass


# %% empty replies
# earns: 0
# failures: bad reply
from cifar_lab.execution import protocol
protocol.encode = lambda *a, **k: b""

def attack():
    pass


# %% a forged refusal
# earns: 0
# failures: bad reply
from cifar_lab.execution import protocol
from cifar_lab.execution.worker import Worker
Worker.handle = lambda self, frame: protocol.encode({"refused": "a grading error, surely"})

def attack():
    pass


# %% a reply of 2**63 bytes
# earns: 0
# failures: output limit
import os, stat, struct

def attack():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, struct.pack("<Q", 2**63))
        except OSError:
            pass


# %% a reply that never ends
# earns: 0
# failures: timeout
# seconds: 4
import os, stat, struct, time

def attack():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, struct.pack("<Q", 1000))
                while True:
                    os.write(fd, b"x")
                    time.sleep(1)
        except OSError:
            pass


# %% bytes that are not a frame
# earns: 0
# failures: bad reply
import os, stat, struct

def attack():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, struct.pack("<Q", 40) + b"passed" * 10)
        except OSError:
            pass


# %% replies in advance
# earns: 0
# failures: bad reply
import os, stat, struct
from cifar_lab.execution import protocol

def replies(result):
    frame = protocol.encode({"result": result, "arguments": []})
    return struct.pack("<Q", len(frame)) + frame

for fd in range(3, 256):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.write(fd, 3 * replies(None))
    except OSError:
        pass

def attack():
    pass


# %% an error with giant names, lines and message
# earns: 0
# failures: exception
from cifar_lab.execution import protocol
from cifar_lab.execution.worker import Worker

def handle(self, frame):
    if "import" in protocol.decode(frame, self._objects.named):
        return protocol.encode({"result": None, "arguments": []})
    many = [["x" * 10_000, 1, "\x1b[2J" * 1000]] * 100
    return protocol.encode({"error": {"types": ["a\n" * 9999] * 9, "message": "y" * 10**6, "lines": many}})

Worker.handle = handle

def attack():
    pass


# %% the channel is closed
# earns: 0
# failures: crash
import os

def attack():
    os.closerange(3, 256)


# %% another process keeps the channel open
# earns: 0
# failures: crash
import os, time

def attack():
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    os._exit(0)


# %% all processes are killed
# judges: normalization.standardize, normalization.one_hot
# earns: 2
# failures: crash, killed, exception, none
import os, signal

def attack():
    os.kill(-1, signal.SIGKILL)  # a second time nobody may be left: an exception


# %% the parent is killed
# judges: normalization.standardize, normalization.one_hot
# earns: 2
# failures: crash, killed, exception, none
import os, signal

def attack():
    os.kill(os.getppid(), signal.SIGKILL)  # a second time it may be the first process: an exception


# %% the parent is stopped
# judges: normalization.standardize, normalization.one_hot
# earns: 2
import os, signal, sys

def attack():
    if sys._getframe(1).f_locals["images"].dtype == "float64":  # in one test
        os.kill(os.getppid(), signal.SIGSTOP)


# %% the first process is killed
# earns: 0
import os, signal

def attack():
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGSEGV):
        try:
            os.kill(1, number)
        except OSError:
            pass


# %% the parent's limits are set to zero
# judges: normalization.standardize, normalization.one_hot
# earns: 2
import os, resource

def attack():
    for name in ("NPROC", "NOFILE", "FSIZE", "CPU"):
        resource.prlimit(os.getppid(), getattr(resource, f"RLIMIT_{name}"), (0, 0))


# %% limits are raised
# earns: 0
import os, resource

def attack():
    for who in (0, os.getppid(), 1):
        for name in ("AS", "NPROC", "FSIZE", "NOFILE"):
            limit = getattr(resource, f"RLIMIT_{name}")
            try:
                soft, hard = resource.prlimit(who, limit)
                if hard == resource.RLIM_INFINITY:  # the parent's: there is nothing to raise
                    continue
                resource.prlimit(who, limit, (hard * 2, hard * 2))
            except (OSError, ValueError):
                continue
            return True


# %% the parent's memory
# earns: 0
import ctypes, os

def attack():
    parent = os.getppid()
    for name in ("mem", "maps", "environ", "fd", "auxv", "root", "cwd", "exe"):
        path = f"/proc/{parent}/{name}"
        try:
            found = os.listdir(path) if name in ("fd", "root", "cwd") else open(path, "rb").read(1)
        except OSError:
            continue
        return found
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, parent, 0, 0) == 0:  # PTRACE_ATTACH
        return True
    text = ctypes.create_string_buffer(8)
    here = (ctypes.c_void_p * 2)(ctypes.addressof(text), 8)
    there = (ctypes.c_void_p * 2)(id(None), 8)
    return libc.process_vm_readv(parent, here, 1, there, 1, 0) > 0


# %% the parent's sockets
# earns: 0
import ctypes, os

def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.pidfd_open(os.getppid())
    for number in range(64):
        fd = libc.syscall(438, pid, number, 0)  # pidfd_getfd
        if fd >= 0:
            os.write(fd, b'{"status": 0}\n' * 20)
            return True


# %% commands for the parent on every socket
# earns: 0
# failures: crash, bad reply, output limit, timeout
# seconds: 4
import os, stat

def attack():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, b'{"do": "session", "seed": 0}\n{"status": 0}\n')
        except OSError:
            pass


# %% modules for the parent to import
# judges: normalization.standardize, schedules.step_decay
# earns: 1
from pathlib import Path

def attack():
    evil = "import os\nos._exit(0)\n"
    for name in ("keras", "tensorflow", "cifar_lab", "usercustomize", "sitecustomize"):
        Path(f"/tmp/{name}.py").write_text(evil)
        Path("/tmp/keras").mkdir(exist_ok=True)
        Path("/tmp/keras/__init__.py").write_text(evil)
        Path("/tmp/keras/keras.json").write_text('{"backend": "nonsense"}')


# %% files for the next test
# earns: 0
from pathlib import Path

def attack():
    if Path("/tmp/was-here").exists() or Path("/dev/shm/was-here").exists():
        return True
    for folder in ("/tmp", "/dev/shm", "/var/tmp", "/run"):
        try:
            Path(folder, "was-here").touch()
        except OSError:
            pass
