"""Runs inside the sandbox: imports what is heavy once, and forks clean children for its tests.

    python -m cifar_lab.execution.server FD FOLDER MODULE...

FD is a socket to the grader. Each message on it is one JSON line; with "session" comes another
socket, on which a forked child answers the frames of a test, and of others that may follow it
there. Learner code runs in such children alone, so nothing that it does outlives them.
"""

import array
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

# every module of the course imports it: here, so that no child has to
import jaxtyping  # noqa: F401

from cifar_lab.execution.worker import Worker

LENGTH = struct.Struct("<Q")
READY = b"+"  # a child is ready for a test: what goes wrong before is not the learner's fault
OVER = b"-"  # another one is to take the next test (said, since its own children may stay on)
AGAIN = LENGTH.pack(0)  # in the place of a frame: another test begins
PR_SET_DUMPABLE = 4
SCRATCH = Path(tempfile.gettempdir())  # where alone learner code may write


def main() -> None:
    """Obey the grader until it hangs up."""
    # its children are of the same user: nobody may look into its memory or at its sockets
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError("this process cannot be closed to its children")
    _hear_signals()
    control = socket.socket(fileno=int(sys.argv[1]))
    folder, modules = Path(sys.argv[2]), tuple(sys.argv[3:])
    own = set(SCRATCH.iterdir())  # Python itself may be mounted there
    buffer, limits = b"", {}
    while True:
        buffer, sockets = _receive(control, buffer)
        if not buffer:
            return
        line, _, buffer = buffer.partition(b"\n")
        order = json.loads(line)
        answer = {}
        if order["do"] == "limit":
            limits = order["limits"]
        elif order["do"] == "probe":
            answer = _probe(order["secrets"])
        elif order["do"] == "keras":
            from cifar_lab.execution.keras_import import import_keras

            import_keras()
            answer = {"threads": _threads(), **_trial()}
        elif order["do"] == "session":
            where = {"folder": folder, "modules": modules, "limits": limits}
            child = partial(_answer, **where, seed=order["seed"], own=own)
            answer = {"status": _session(control, sockets[0], child)}
        control.sendall(json.dumps(answer).encode() + b"\n")
        if order["do"] == "session":
            _tidy_up(own)


def _limit(limits: dict[str, int]) -> None:
    """Set limits of this process and its children; where the shell's are harder, those stay."""
    for name, value in limits.items():
        number = getattr(resource, name)
        _, hard = resource.getrlimit(number)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (value, value))


def _trial() -> dict:
    """Train a small network in a child, as learner code would, under the shell's limits alone.

    Returns:
        The child's wait status, what it needed ("processes", threads included, and "memory", bytes
        of address space; not if it has died), and the shell's hard limits by name.
    """
    needed, theirs = os.pipe()
    child = _fork()
    if child == 0:
        try:
            _start_afresh()
            os.write(theirs, json.dumps(_train()).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(theirs)
    status = os.waitpid(child, 0)[1]
    _kill_all_others()
    with os.fdopen(needed, "rb") as pipe:
        found = json.loads(pipe.read() or b"{}")
    hard = {
        name: limit
        for name in ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE")
        if (limit := resource.getrlimit(getattr(resource, name))[1]) != resource.RLIM_INFINITY
    }
    return {"status": status, "hard": hard, **found}


def _train() -> dict[str, int]:
    """Train a small network for one batch and validate it; what that took."""
    import keras
    import numpy as np

    threads = []

    class Counting(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            # the pipelines of training and of validation are both at work now
            threads.append(_threads())

    layers = [
        keras.Input((8, 8, 3)),
        *(keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    data = np.zeros((8, 8, 8, 3)), np.zeros((8, 2))
    model.fit(*data, validation_data=data, verbose=0, callbacks=[Counting()])
    peak = re.search(r"VmPeak:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return {"processes": max(threads), "memory": int(peak[1]) * 1024}


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def _hear_signals() -> None:
    """As in a terminal, however the grader was started: `nohup` and `&` have these ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for unheard in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(unheard, signal.SIG_DFL)


def _receive(control: socket.socket, buffer: bytes) -> tuple[bytes, list[int]]:
    """At least one whole line, and the sockets that came with it."""
    found = array.array("i")
    while b"\n" not in buffer:
        data, extra, _, _ = control.recvmsg(65536, socket.CMSG_LEN(4))
        if not data:
            return b"", []
        for _, _, payload in extra:
            found.frombytes(payload[: len(payload) - len(payload) % found.itemsize])
        buffer += data
    return buffer, list(found)


def _session(control: socket.socket, descriptor: int, answer: Callable) -> int:
    """Fork a child that answers, wait for its end, leave nothing of it; its wait status."""
    child = _fork()
    if child == 0:
        control.close()
        try:
            answer(socket.socket(fileno=descriptor))
        finally:
            os._exit(0)  # learner code may have left threads and atexit functions behind
    os.close(descriptor)
    status = os.waitpid(child, 0)[1]
    _kill_all_others()
    return status


def _fork() -> int:
    """As `os.fork`; those killed a moment ago count against the limit until they are buried."""
    for _ in range(20):
        try:
            return os.fork()
        except BlockingIOError:
            time.sleep(0.05)
    return os.fork()


def _kill_all_others() -> None:
    """End whatever the child has left behind, grandchildren included."""
    try:
        os.kill(-1, signal.SIGKILL)  # everybody in here but this process and the first
    except ProcessLookupError:
        return
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


def _tidy_up(own: set[Path]) -> None:
    """Remove all files and folders but these: what one test wrote is not there for the next."""
    for path in set(SCRATCH.iterdir()) - own:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _answer(
    channel: socket.socket,
    folder: Path,
    modules: tuple[str, ...],
    limits: dict[str, int],
    seed: int,
    own: set[Path],
) -> None:
    """Answer frames, test after test, until the grader hangs up."""
    _limit(limits)
    head: bytes | None = AGAIN
    while head is not None:
        if head == AGAIN:
            _tidy_up(own)
            _start_afresh()
            worker = Worker(folder, modules, seed, sandboxed=True)
            channel.sendall(READY)
        else:
            reply = worker.handle(_exactly(channel, LENGTH.unpack(head)[0]))
            channel.sendall(LENGTH.pack(len(reply)) + reply)
        head = _exactly(channel, LENGTH.size)
        if head == AGAIN and "keras" not in sys.modules:
            channel.sendall(OVER)  # a process so small is soon forked afresh
            return


def _start_afresh() -> None:
    """Standard streams that lead nowhere and a folder to write in, whatever became of them."""
    os.chdir(SCRATCH)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    if nowhere > 2:
        os.close(nowhere)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stderr = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        part = channel.recv(min(count - len(data), 2**20))
        if not part:
            return None
        data += part
    return bytes(data)


def _probe(secrets: dict[str, str]) -> dict:
    """What this process can reach; the grader compares it with what it must not."""
    reached = [name for name, path in secrets.items() if os.path.exists(path)]  # noqa: PTH110
    try:
        with socket.create_connection(("192.0.2.1", 80), timeout=1):
            pass
        reached.append("the network")
    except OSError as error:
        if error.errno is None:  # it waited for an answer: there is a route
            reached.append("the network")
    for folder in ("/", "/usr", str(Path(__file__).parent), sys.prefix, sys.argv[2]):
        try:
            with (Path(folder) / ".cifar-course-probe").open("w"):
                pass
            reached.append(f"{folder}, to write")
        except OSError:
            pass
    if os.getuid() == 0:
        reached.append("the rights of root")
    settings = [name for name in os.environ if name not in ALLOWED_ENVIRONMENT]
    if settings:
        reached.append("the environment: " + ", ".join(settings))
    return {"reached": reached}


ALLOWED_ENVIRONMENT = frozenset(
    (
        *("HOME", "KERAS_HOME", "PATH", "PWD", "TMPDIR", "LANG", "LC_CTYPE", "PYTHONPATH"),
        *("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES", "PYTHONDONTWRITEBYTECODE"),
        *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
        *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    )
)


if __name__ == "__main__":
    main()
