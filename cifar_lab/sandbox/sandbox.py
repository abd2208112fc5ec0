"""The sandbox: learner code behind bubblewrap, in a process that can only claim return values.

Nothing of the course is to be seen in there but the few files that answer calls, and the submission.
No expected values, no labels, no points, no network, no home; read-only but for a small /tmp.
"""

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.verdict import FailureKind
from cifar_lab.execution import protocol
from cifar_lab.testing.learner import Failure, GradingError

# all that the worker needs of the course; tests, reference and points stay outside
INSIDE = ("__init__.py", "execution")
COURSE, SUBMISSION = Path("/course"), Path("/submission")
LENGTH = struct.Struct("<Q")  # before every frame, as in server.py
FIRST_USER = 61_000  # where the grader runs as root, every sandbox has a user of its own
USERS = Path("/run/cifar-course")  # a locked file for each of them that is taken
PATIENCE = 2  # timeouts of an exercise
AGAIN, READY = LENGTH.pack(0), b"+"  # as in server.py
START = 60  # seconds for a child to come up
NEXT = 5  # seconds for one that is up to be ready for another test
MARGIN = 3  # times what a small network needs on this machine, at least, is allowed
FORKABLE = 2  # threads: a fork of a process with more may wait for a lock that nobody holds
MEBIBYTE = 2**20
RESTRICTION = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
APPARMOR = (
    "This system's AppArmor forbids bubblewrap the namespaces that it needs. Its own profile for "
    "it allows them (docs/classes.md): sudo apt install apparmor-profiles && "
    "sudo cp /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && "
    "sudo systemctl reload apparmor"
)
# the same number of threads on every machine: by default each of these libraries starts one or
# two for every core, and a fixed limit on processes then fits some machines and fails on others
THREADS = {
    "OPENBLAS_NUM_THREADS": "1",  # at import, and a process with more than FORKABLE cannot fork
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "2",
    "TF_NUM_INTEROP_THREADS": "2",
}
ENDINGS = (FailureKind.CRASH, FailureKind.KILLED)
# how a process ends that does something impossible; any other signal was sent to it
OWN_SIGNALS = frozenset(
    (
        *(signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE),
        *(signal.SIGILL, signal.SIGSYS, signal.SIGTRAP),
    )
)


class NoSandbox(GradingError):
    """bubblewrap is not there, or may not do its work."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use; of memory and processes more, where Keras needs it (`MARGIN`)."""

    memory: int = 8192 * MEBIBYTE  # address space of a process; TensorFlow alone takes 4 GiB
    # of a user, threads included: TensorFlow starts one per core for every pipeline of images
    processes: int = 128
    file: int = 64 * MEBIBYTE
    tmp: int = 128 * MEBIBYTE
    reply: int = 512 * MEBIBYTE
    seconds: float = 60.0  # for one call of learner code, or one import of it
    total: float = 1800.0  # seconds for all of them together


class Sandbox:
    """One submission behind its own sandbox.

    Args:
        folder: The submission: a folder with a `cifar_course/`.
        limits: What the submission may use.
        hidden: The folder of an instructor's own tests, which nobody may see from inside.

    Raises:
        NoSandbox: There is no bubblewrap.
        GradingError: The sandbox does not stand.
    """

    OPEN: frozenset[str] = frozenset()  # what can be reached from inside, and is said to be

    def __init__(self, folder: Path, limits: Limits | None = None, hidden: Path | None = None):
        if os.name == "nt":
            raise NoSandbox(
                "a sandbox needs Linux; --no-sandbox grades without, and stamps the results"
            )
        self.folder, self.hidden = folder, hidden
        self.user, self._taken = _free_user() if os.getuid() == 0 else (os.getuid(), None)
        self.limits = limits or Limits()
        self._has_keras = False
        self.left = self.limits.total
        self.hanging: dict[str, Failure] = {}  # modules whose import does not come to an end
        self._timeouts: Counter[str | None] = Counter()  # by exercise
        self._kept: tuple[str, socket.socket] | None = None  # an exercise and its child
        self._process: subprocess.Popen | None = None
        self._start()

    # --- the sandbox itself --------------------------------------------------------------------

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryDirectory() as outside:
            canary = Path(outside, "canary-label")
            canary.write_text("7", encoding="utf-8")
            self._process = subprocess.Popen(
                self._command(theirs.fileno()),
                env={},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            theirs.close()
            self._control, self._buffer, self._has_keras = ours, b"", False
            self._limit(self.limits)
            secrets = {
                "the canary label": str(canary),
                "the tests": str(syllabus.GRADING_TESTS),
                "the reference": str(stubs.REFERENCE),
                "the points": str(syllabus.TABLE),
            }
            if self.hidden:
                secrets["the hidden tests"] = str(self.hidden)
            reached = self._order({"do": "probe", "secrets": secrets})["reached"]
        if beyond := sorted(set(reached) - self.OPEN):
            self.close()
            raise GradingError(f"the sandbox does not stand: from inside one reaches {beyond}")

    def _command(self, control: int) -> list[str]:
        """What starts the server; `control` is its end of the socket."""
        return _behind_bubblewrap(self.folder, self.user, self.limits, control)

    def _limit(self, limits: Limits) -> None:
        """Set what each child may use."""
        by_name = {
            "RLIMIT_AS": limits.memory,
            "RLIMIT_NPROC": _most_processes(limits),
            "RLIMIT_FSIZE": limits.file,
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": 256,
        }
        self._order({"do": "limit", "limits": by_name})

    def close(self) -> None:
        """End the sandbox and everything in it."""
        if self._kept:
            self._kept[1].close()
            self._kept = None
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stderr.close()
        self._control.close()
        self._process = None

    def _order(self, order: dict, seconds: float = 120) -> dict:
        """Tell the server inside what to do; its answer."""
        line = json.dumps(order).encode() + b"\n"
        try:
            self._control.settimeout(seconds)
            self._control.sendall(line)
            return self._answer(seconds)
        except (OSError, ValueError) as error:
            words = f"the sandbox came down: {self._last_words() or error}"
            if _namespaces_are_restricted():
                raise NoSandbox(f"{words}\n{APPARMOR}") from error
            raise GradingError(words) from error

    def _answer(self, seconds: float) -> dict:
        self._control.settimeout(seconds)
        while b"\n" not in self._buffer:
            part = self._control.recv(65536)
            if not part:
                raise ConnectionError("it hung up")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def _last_words(self) -> str:
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return ""
        return self._process.stderr.read(2000).decode(errors="replace").strip()

    # --- tests --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def session(
        self, seed: int, keras: bool = False, exercise: str | None = None, alone: bool = False
    ) -> Iterator["Session"]:
        """Learner code, freshly imported for one test.

        Args:
            seed: Where random generators start.
            keras: Whether it is to find Keras imported.
            exercise: Where Keras is imported, tests of one exercise in a row run in the same
                process: for TensorFlow to begin to compute takes longer than most of them.
                After `PATIENCE` timeouts of an exercise its other tests do not wait.
            alone: This test has a process of its own all the same.
        """
        session = Session(self)
        if self._timeouts[exercise] >= PATIENCE:
            words = f"{PATIENCE} other tests of it took too long already"
            session.failure = Failure(FailureKind.TIMEOUT, words)
            yield session
            return
        shared = exercise and not alone
        fresh = partial(self._child, seed, keras)
        if shared and (channel := self._kept_for(exercise)):
            session.channel, session.renew = channel, fresh
        else:
            self._end_kept()
            session.channel = fresh()
        try:
            yield session
        finally:
            kind = session.failure.kind if session.failure else None
            if kind is None and shared:
                self._kept = (exercise, session.channel)
            else:
                session.channel.close()
            if kind is None and not shared:
                self.ending()
            elif kind and kind not in ENDINGS:
                self.close()  # it goes on, and nobody waits for it
            if kind == FailureKind.TIMEOUT and exercise:
                self._timeouts[exercise] += 1

    def _kept_for(self, exercise: str) -> socket.socket | None:
        """The channel of the child that the last test of the exercise has left, if it is ready."""
        if not self._kept or self._kept[0] != exercise or not _is_ready(self._kept[1]):
            return None
        channel, self._kept = self._kept[1], None
        return channel

    def _end_kept(self) -> None:
        if self._kept:
            self._kept[1].close()
            self._kept = None
            self.ending()

    def _child(self, seed: int, keras: bool) -> socket.socket:
        """The channel of a fresh child; what an earlier test has damaged is built anew."""
        try:
            return self._fork(seed, keras)
        except GradingError:
            self.close()
            return self._fork(seed, keras)

    def _fork(self, seed: int, keras: bool) -> socket.socket:
        if self._process is None:
            self._start()
        if keras:
            self.import_keras()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                line = json.dumps({"do": "session", "seed": seed}).encode() + b"\n"
                socket.send_fds(self._control, [line], [theirs.fileno()])
            ours.settimeout(START)
            if not ours.recv(1):
                raise ConnectionError("no child came up")
        except OSError as error:
            ours.close()
            raise GradingError(f"a test could not begin: {self._last_words() or error}") from error
        return ours

    def import_keras(self) -> None:
        """Import Keras in the parent of all children, and see what it needs on this machine.

        Raises:
            GradingError: A child cannot train a network of the course's own.
        """
        if self._process is None:
            self._start()
        if self._has_keras:
            return
        found = self._order({"do": "keras"})
        if found["threads"] > FORKABLE:
            raise GradingError(f"Keras started {found['threads']} threads: a fork of it may hang")
        if found["status"] != 0:
            raise GradingError(
                "TensorFlow cannot train here, whoever wrote the code. The limits of the shell "
                f"that started this are: {_limits_in_words(found['hard'])}"
            )
        needed = {name: MARGIN * found[name] for name in ("processes", "memory")}
        more = {name: max(getattr(self.limits, name), n) for name, n in needed.items()}
        self._limit(replace(self.limits, **more))
        self._has_keras = True

    def ending(self) -> int | None:
        """The wait status of the last child; None, and the sandbox is gone, if it does not end."""
        try:
            return self._answer(seconds=10)["status"]
        except (OSError, ValueError):
            self.close()
            return None


class Session:
    """Takes request frames and returns reply frames, as `Worker.handle` does in this process."""

    def __init__(self, sandbox: Sandbox):
        self.channel: socket.socket | None = None
        self.renew: Callable[[], socket.socket] | None = None  # where it was another test's
        self.failure: Failure | None = None
        self._sandbox = sandbox
        self._imported: set[str] = set()

    def handle(self, frame: bytes) -> bytes:
        """One exchange.

        Raises:
            Failure: Learner code took too long, died, or sent something that is no reply.
        """
        if self.failure is not None:
            raise self.failure
        limits, start = self._sandbox.limits, time.monotonic()
        seconds = max(min(limits.seconds, self._sandbox.left), 0)
        try:
            if not seconds:
                raise TimeoutError
            if self._has_spoken():
                raise Failure(FailureKind.BAD_REPLY, "it answered before it was asked")
            self.channel.settimeout(seconds)
            self.channel.sendall(LENGTH.pack(len(frame)) + frame)
            (length,) = LENGTH.unpack(self._exactly(LENGTH.size, start + seconds))
            if length > limits.reply:
                raise Failure(FailureKind.OUTPUT_LIMIT, f"a reply of {length:,} bytes")
            return self._exactly(length, start + seconds)
        except TimeoutError:
            self.failure = Failure(FailureKind.TIMEOUT, f"no answer within {seconds:.3g} seconds")
        except OSError:
            self.channel.close()
            self.failure = _failure_of(self._sandbox.ending())
        except Failure as failure:
            self.failure = failure
        finally:
            self._sandbox.left -= time.monotonic() - start
        raise self.failure

    def _has_spoken(self) -> bool:
        self.channel.settimeout(0)
        try:
            return bool(self.channel.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False

    def import_first(self, module: str) -> None:
        """Import a module of the submission by itself, so that one that hangs does so only once.

        Raises:
            Failure: It did not come to an end, in this test or in an earlier one.
        """
        hanging = self._sandbox.hanging
        if self.failure is not None:  # an earlier one, not this module's
            raise self.failure
        if module in hanging:
            raise hanging[module]
        if module in self._imported:
            return
        self._imported.add(module)
        try:
            self.handle(protocol.encode({"import": module}))
        except Failure as failure:
            if self.renew and failure.kind in ENDINGS:
                # it was an earlier test that ended this process, if late
                self.channel, self.renew, self.failure = self.renew(), None, None
                self._imported.clear()
                self.import_first(module)
                return
            hanging[module] = failure
            raise

    def _exactly(self, count: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.channel.settimeout(left)
            part = self.channel.recv(min(count - len(data), MEBIBYTE))
            if not part:
                raise ConnectionError("it hung up")
            data += part
        return bytes(data)


def _is_ready(channel: socket.socket) -> bool:
    """Whether a child that has answered one test takes another."""
    try:
        channel.settimeout(NEXT)
        channel.sendall(AGAIN)
        return channel.recv(1) == READY
    except OSError:
        return False


def _failure_of(status: int | None) -> Failure:
    """How a child ended before it answered."""
    if status is None:
        return Failure(
            FailureKind.KILLED, "the process that ran it is gone, and its sandbox with it"
        )
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        kind = FailureKind.CRASH if number in OWN_SIGNALS else FailureKind.KILLED
        return Failure(kind, f"signal {number} ended the process that ran it")
    return Failure(
        FailureKind.CRASH, f"the process that ran it ended itself: {os.WEXITSTATUS(status)}"
    )


def check(keras: bool = True) -> None:
    """Build a sandbox around nothing, train a small network behind it, and take it down again.

    Args:
        keras: Whether what will be judged needs Keras.

    Raises:
        NoSandbox: There is no bubblewrap.
        GradingError: The sandbox does not stand, or this machine's limits do not let Keras train.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Path(folder, "cifar_course").mkdir()
        with contextlib.closing(Sandbox(Path(folder))) as sandbox:
            if keras:
                sandbox.import_keras()


def _limits_in_words(limits: dict[str, int]) -> str:
    units = {
        "RLIMIT_AS": ("address space (ulimit -v)", MEBIBYTE, " MiB"),
        "RLIMIT_NPROC": ("processes and threads (ulimit -u)", 1, ""),
        "RLIMIT_FSIZE": ("size of a file (ulimit -f)", MEBIBYTE, " MiB"),
        "RLIMIT_NOFILE": ("open files (ulimit -n)", 1, ""),
    }
    named = [
        f"{name} {limits[key] // size:,}{unit}"
        for key, (name, size, unit) in units.items()
        if key in limits
    ]
    return ", ".join(named) or "none"


# --- bubblewrap -----------------------------------------------------------------------------------


def _behind_bubblewrap(folder: Path, user: int, limits: Limits, control: int) -> list[str]:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        words = (
            "bubblewrap is not installed, and without it nothing keeps a submission from its own "
            "verdict. Install the package `bubblewrap` of your system; --no-sandbox grades without "
            "it, and stamps every result as untrusted."
        )
        raise NoSandbox(f"{words}\n{APPARMOR}" if _namespaces_are_restricted() else words)
    as_root = os.getuid() == 0
    words = [bwrap, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    if as_root:
        # the interpreter may lie where only root can look; a user of its own comes after the mounts
        words += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        words += ["--cap-add", "CAP_SETPCAP"]
    else:
        words += ["--unshare-user"]
    words += [*_mounts(folder, limits), "--chdir", "/tmp"]
    for name, value in environment().items():
        words += ["--setenv", name, value]
    words += ["--"]
    if as_root:
        words += as_user(user)
    return [*words, *server(control, SUBMISSION)]


def _free_user() -> tuple[int, IO]:
    """A user who is in no other sandbox on this machine: limits on processes count by user.

    Returns:
        The user's id, and a file: as long as it is open the user is taken.
    """
    import fcntl  # Windows, where the bundle for Gradescope can be made, has none

    USERS.mkdir(mode=0o700, exist_ok=True)
    for user in itertools.count(FIRST_USER):
        file = (USERS / str(user)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return user, file
        except BlockingIOError:
            file.close()


def as_user(user: int) -> list[str]:
    """Words that run what follows them as a user who can become no other."""
    words = [shutil.which("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return [*words, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


def server(control: int, submission: Path) -> list[str]:
    """Words that start the server inside."""
    # -P: nothing is imported from the current folder, which is learner code's own
    words = [sys.executable, "-P", "-s", "-m", "cifar_lab.execution.server"]
    return [*words, str(control), str(submission), *syllabus.modules()]


def _namespaces_are_restricted() -> bool:
    """Whether AppArmor keeps bubblewrap from its work, as on Ubuntu since 23.10."""
    if os.getuid() == 0:
        return False
    try:
        return int(RESTRICTION.read_text()) > 0
    except (OSError, ValueError):
        return False


def _most_processes(limits: Limits) -> int:
    """The limit to set on processes.

    Since Linux 5.14 they are counted within a sandbox's own user namespace, and where the grader is
    root each sandbox is a user. Otherwise the count is one of all that the grader's user runs, sandboxes
    on every core included.
    """
    version = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    if os.getuid() == 0 or version >= (5, 14):
        return limits.processes
    return _running() + limits.processes * (os.cpu_count() or 1)


def _running() -> int:
    """Processes and threads of this user."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if process.stat().st_uid == os.getuid():
                count += len(list((process / "task").iterdir()))
    return count


def _mounts(folder: Path, limits: Limits) -> list[str]:
    words = ["--proc", "/proc", "--dev", "/dev"]
    words += ["--size", str(limits.tmp), "--perms", "1777", "--tmpfs", "/tmp"]
    for system in ("/usr", "/lib", "/lib64", "/bin", "/sbin"):
        path = Path(system)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), system]  # noqa: PTH115 - relative, as it is
        elif path.exists():
            words += ["--ro-bind", system, system]
    binds = [(str(prefix), prefix) for prefix in _prefixes()]
    binds += [(str(syllabus.LAB / name), COURSE / "cifar_lab" / name) for name in INSIDE]
    binds += [(str(folder / "cifar_course"), SUBMISSION / "cifar_course")]
    for parent in sorted({parent for _, inside in binds for parent in inside.parents}):
        if str(parent) not in ("/", "/tmp"):
            # made anew and open to all: outside it may be somebody's closed home
            words += ["--perms", "0755", "--dir", str(parent)]
    for outside, inside in binds:
        words += ["--ro-bind", outside, str(inside)]
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/"]


def _prefixes() -> list[Path]:
    """Where Python and its packages are, as far as it is not below /usr."""
    executable = Path(sys.executable).resolve()
    found = {Path(sys.base_prefix), Path(sys.prefix), executable.parent.parent}
    return sorted(prefix for prefix in found if not prefix.is_relative_to("/usr"))


def environment() -> dict[str, str]:
    """The settings that are known inside, and no others."""
    return {
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "KERAS_HOME": "/tmp/keras",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(COURSE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        **THREADS,
    }
