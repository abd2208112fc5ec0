# Attacks on the machine: files, network, processes, memory.

# %% the canary label
# earns: 0
import os
from pathlib import Path

def attack():
    label = "@LABEL@"
    if not os.path.islink("/tmp/link"):
        Path("/tmp/link").symlink_to(label)
    places = ["", "/proc/1/root", "/proc/self/root", f"/proc/{os.getppid()}/root", "/oldroot", "/tmp/.."]
    for place in [*places, *(f"/proc/{pid}/cwd/../../.." for pid in os.listdir("/proc") if pid.isdigit())]:
        try:
            raise RuntimeError(Path(place + label).read_text())
        except OSError:
            continue
    try:
        return Path("/tmp/link").read_text()
    except OSError:
        return False


# %% the canary in the environment
# earns: 0
import os
from pathlib import Path

def attack():
    for pid in ["self", "1", *os.listdir("/proc")]:
        try:
            found = Path("/proc", pid, "environ").read_bytes()
        except OSError:
            continue
        if b"@SECRET@" in found:
            raise RuntimeError(found)
    return "@SECRET@" in str(dict(os.environ))


# %% the network
# earns: 0
import socket

def attack():
    heard = False
    for address in (("127.0.0.1", @TCP@), ("::1", @TCP@), ("192.0.2.1", 80)):
        try:
            socket.create_connection(address, timeout=1).sendall(b"here")
            heard = True
        except OSError:
            pass
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(b"here", ("127.0.0.1", @UDP@))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            udp.sendto(b"here", ("255.255.255.255", @UDP@))
    except OSError:
        pass
    try:
        socket.getaddrinfo("example.org", 80)
        heard = True
    except OSError:
        pass
    return heard


# %% an abstract socket
# earns: 0
import socket

def attack():
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(socket.AF_UNIX, kind) as abstract:
                abstract.connect("\0@MARK@")
                abstract.sendall(b"here")
                return True
        except OSError:
            continue


# %% files outside /tmp
# earns: 0
import os, sys
from pathlib import Path

def attack():
    for folder in ("@OUTSIDE@", "/submission", "/submission/cifar_course", "/course", "/course/cifar_lab",
                   "/usr", "/etc", "/", "/root", "/home", "/var", "/dev", "/dev/shm", sys.prefix):
        for way in (lambda p: p.write_text("x"), lambda p: p.mkdir(), os.mkfifo,
                    lambda p: p.symlink_to("/etc/passwd")):
            try:
                way(Path(folder, "@MARK@"))
            except OSError:
                continue
            return True
    Path("/tmp/@MARK@").write_text("this one is a /tmp of its own")


# %% forged results
# earns: 0
from pathlib import Path

def attack():
    for name in ("@OUTSIDE@/results.json", "results/results.json", "../results.json",
                 "/autograder/results/results.json", "/submission/results.json", "/results.json"):
        try:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text('{"score": 100, "passed": true}')
        except OSError:
            pass


# %% all files are deleted
# judges: normalization.standardize, normalization.one_hot
# earns: 2
import shutil

def attack():
    for folder in ("@OUTSIDE@", "@ROOT@", "/submission", "/course", "/tmp", "/dev", "/proc"):
        shutil.rmtree(folder, ignore_errors=True)


# %% permissions are changed
# earns: 0
import os

def attack():
    done = False
    for path in ("/submission/cifar_course/normalization.py", "/course", "/", "/usr/bin/env"):
        try:
            os.chmod(path, 0o7777)
            done = True
        except OSError:
            pass
    for change in (os.setuid, os.setgid, os.seteuid):
        try:
            change(0)
            done = True
        except OSError:
            pass
    return done or os.getuid() == 0


# %% mounts and namespaces of its own
# earns: 0
import ctypes, os
from pathlib import Path

def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(0x10000000 | 0x00020000)  # a user and a mount namespace
    remount, bind, detach = 32, 4096, 2
    for path in (b"/", b"/submission/cifar_course", b"/course/cifar_lab/execution/worker.py", b"/dev"):
        libc.mount(None, path, None, remount | bind, None)
        libc.umount2(path, detach)
    libc.chroot(b"/proc/1/root")
    try:
        Path("/submission/cifar_course/@MARK@").touch()
        return True
    except OSError:
        return Path("@LABEL@").exists()


# %% notes in the kernel for the next test
# earns: 0
import ctypes, os, platform

def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    create = 0o1600
    kept = [libc.shmget(4711, 4096, create), libc.semget(4711, 1, create), libc.msgget(4711, create)]
    add_key, queue = (248, 240) if platform.machine() == "x86_64" else (217, 180)
    kept.append(libc.syscall(add_key, b"user", b"note", b"7", ctypes.c_long(1), ctypes.c_long(-4)))
    kept.append(libc.syscall(queue, b"note", ctypes.c_long(os.O_CREAT | os.O_RDWR), 0o600, None))
    try:
        kept.append(os.open("/dev/shm/note", os.O_CREAT | os.O_RDWR))
    except OSError:
        pass
    return any(number != -1 for number in kept)


# %% namespaces, in every way there is
# earns: 0
import ctypes, os, platform

def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    new_user, child_ended = 0x10000000, 17
    if libc.unshare(new_user) == 0:
        return True
    clone = 56 if platform.machine() == "x86_64" else 220
    for number, arguments in ((clone, (new_user | child_ended, 0, 0, 0, 0)), (435, (0, 0))):
        child = libc.syscall(number, *map(ctypes.c_long, arguments))
        if child == 0:
            os._exit(0)
        if child > 0:
            return True
    return ctypes.get_errno() != 38  # clone3 is said not to exist


# %% open file descriptors
# earns: 0
import os, stat

def attack():
    kinds = []
    for fd in range(3, 256):
        try:
            kinds.append(stat.S_ISSOCK(os.fstat(fd).st_mode))
            if os.readlink(f"/proc/self/fd/{fd}") == "/dev/null":
                kinds.pop()
        except OSError:
            continue
    return kinds != [True]  # its own channel


# %% more memory than there is
# earns: 0
# failures: memory
def attack():
    return bytearray(2**36)


# %% more memory than there is, at import
# earns: 0
# failures: memory
hoard = bytearray(2**36)


# %% leaks without garbage collection
# earns: 0
import gc
gc.disable()

def attack():
    for _ in range(100_000):
        loop = []
        loop.append(loop)


# %% one large file
# judges: normalization.standardize, normalization.one_hot
# earns: 2
# failures: exception
def attack():
    with open("/tmp/big", "wb") as file:
        for _ in range(1000):
            file.write(bytes(2**20))


# %% many files
# judges: normalization.standardize, normalization.one_hot
# earns: 2
import os

def attack():
    os.makedirs("/tmp/" + "d/" * 400, exist_ok=True)
    for number in range(5_000):
        open(f"/tmp/{number}", "w").close()


# %% a folder without permissions
# judges: normalization.standardize, normalization.one_hot
# earns: 2
import os

def attack():
    if not os.path.exists("/tmp/closed"):
        os.makedirs("/tmp/closed/inner")
        os.chmod("/tmp/closed", 0)


# %% endless forks
# earns: 0
# failures: exception
import os, time

def attack():
    for _ in range(1000):
        if os.fork() == 0:
            time.sleep(60)


# %% forks of forks
# judges: normalization.standardize, normalization.one_hot
# earns: 2
# failures: timeout, crash, exception, killed, bad reply, none
# seconds: 4
import os

def attack():
    while True:
        try:
            os.fork()
        except OSError:
            pass


# %% endless threads
# earns: 0
# failures: exception
import threading, time

def attack():
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


# %% a process that outlives its test
# judges: normalization.standardize, normalization.one_hot
# earns: 2
import os, time
from pathlib import Path

def attack():
    if sum(name.isdigit() for name in os.listdir("/proc")) > 3:
        return True  # more than the first process, the server and this one
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for _ in range(600):
                time.sleep(0.1)
                try:
                    Path("@OUTSIDE@/survived").touch()
                except OSError:
                    pass
        os._exit(0)


# %% programs in the background
# judges: normalization.standardize, normalization.one_hot
# earns: 2
import subprocess

def attack():
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    subprocess.Popen(["sh", "-c", "trap '' TERM HUP; sleep 600 & sleep 600"])


# %% megabytes of output
# earns: 0
import os, sys

def attack():
    for _ in range(100):
        print("passed" * 100_000)
        os.write(2, b"passed" * 100_000)
    sys.__stdout__.write("PASSED [100%]")


# %% a reply above the limit
# earns: 0
# failures: output limit
# heavy: yes
import numpy as np

def standardize(images, mean, std):
    images[...] = 0
    return np.zeros(600 * 2**20, np.uint8)


# %% the grader's modules and environment
# earns: 0
import os, sys

def attack():
    for word in ("PYTEST_CURRENT_TEST", "CIFAR_COURSE_DATA", "SSH_AUTH_SOCK"):
        if word in os.environ:
            return True
    return any(name.startswith(("cifar_lab.testing.expect", "_pytest")) for name in sys.modules)
