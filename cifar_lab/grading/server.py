"""Runs inside the wall: imports what is heavy once, and forks a clean child for every test.

    python -m cifar_lab.grading.server FD FOLDER MODULE...

FD is a socket to the grader. Each message on it is one JSON line; with "session" comes another
socket, on which a forked child answers the frames of one test. Learner code runs in such children
alone, so nothing that it does outlives its test.
"""

import array
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import tempfile
from pathlib import Path

from cifar_lab.grading.worker import Worker

LENGTH = struct.Struct("<Q")
READY = b"+"  # a child's first byte: what goes wrong before it is not the learner's fault
PR_SET_DUMPABLE = 4
SCRATCH = Path(tempfile.gettempdir())  # where alone learner code may write


def main() -> None:
    """Obey the grader until it hangs up."""
    # its children are of the same user: nobody may look into its memory or at its sockets
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError("this process cannot be closed to its children")
    control = socket.socket(fileno=int(sys.argv[1]))
    folder, modules = Path(sys.argv[2]), tuple(sys.argv[3:])
    own = set(SCRATCH.iterdir())  # Python itself may be mounted there
    buffer = b""
    while True:
        buffer, sockets = _receive(control, buffer)
        if not buffer:
            return
        line, _, buffer = buffer.partition(b"\n")
        order = json.loads(line)
        answer = {}
        if order["do"] == "limit":
            for name, value in order["limits"].items():
                resource.setrlimit(getattr(resource, name), (value, value))
        elif order["do"] == "probe":
            answer = _probe(order["secrets"])
        elif order["do"] == "keras":
            from cifar_lab.quiet import import_keras

            import_keras()
            answer = {"threads": len(os.listdir("/proc/self/task"))}  # noqa: PTH208
        elif order["do"] == "session":
            answer = {"status": _session(control, sockets[0], folder, modules, order["seed"])}
        control.sendall(json.dumps(answer).encode() + b"\n")
        if order["do"] == "session":
            _remove(set(SCRATCH.iterdir()) - own)


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


def _session(control, descriptor: int, folder: Path, modules: tuple[str, ...], seed: int) -> int:
    """Fork a child for one test, wait for its end, leave nothing of it; its wait status."""
    child = os.fork()
    if child == 0:
        control.close()
        try:
            _answer(socket.socket(fileno=descriptor), folder, modules, seed)
        finally:
            os._exit(0)  # learner code may have left threads and atexit functions behind
    os.close(descriptor)
    status = os.waitpid(child, 0)[1]
    _kill_all_others()
    return status


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


def _remove(paths: set[Path]) -> None:
    """Remove files and folders: what one test wrote is not there for the next."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _answer(channel: socket.socket, folder: Path, modules: tuple[str, ...], seed: int) -> None:
    """Answer frames until the grader hangs up."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    worker = Worker(folder, modules, seed, walled=True)
    channel.sendall(READY)
    while True:
        head = _exactly(channel, LENGTH.size)
        if head is None:
            return
        frame = _exactly(channel, LENGTH.unpack(head)[0])
        reply = worker.handle(frame)
        channel.sendall(LENGTH.pack(len(reply)) + reply)


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
    )
)


if __name__ == "__main__":
    main()
