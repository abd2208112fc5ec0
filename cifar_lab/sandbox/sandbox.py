"""Sandbox: one submission in processes that can return values and reach nothing else.

Threat model. Learner code is hostile: it may run any program and send any bytes. It must not read
expected values, labels or points, write a verdict, or harm the grader, another submission or the
machine. It runs in a sandbox of bubblewrap (`bubblewrap.py`), in children of a server
(`cifar_lab.execution.server`); the grader decides on their replies outside.

Covered, each line with tests that prove it (`hostile[FILE: TITLE]` is a submission in
tests/corpus/hostile/):

- Reading tests, reference, points, hidden tests: they are not mounted.
  test_learner_code_reaches_only_what_it_needs, hostile[lies: a search for answers on the disk]
- Reading other files of the machine, or the grader's environment: neither is in the sandbox.
  hostile[reach: the canary label], hostile[reach: the canary in the environment]
- A mistake in mounts or environment: the server probes at its start what it can reach.
  test_a_sandbox_that_is_not_closed_is_a_grading_error,
  test_a_reference_in_sight_is_a_grading_error
- Network and abstract sockets: the sandbox has no network.
  hostile[reach: the network], hostile[reach: an abstract socket]
- Writing and deleting files: all is read-only but a small /tmp.
  test_nothing_but_tmp_can_be_written, hostile[reach: files outside /tmp],
  hostile[reach: all files are deleted]
- More rights: the user is unprivileged, without capabilities, and other than that of any other
  running sandbox if the grader is root. hostile[reach: permissions are changed],
  hostile[reach: mounts and namespaces of its own],
  test_sandboxes_at_the_same_time_have_different_users
- Other students' code and results: of Python, only libraries are mounted, and FOLDER and OUT must
  not lie in them. test_of_a_virtual_environment_only_its_library_is_mounted,
  test_a_class_where_submissions_can_read_is_refused
- Namespaces, mounts, keyrings, System V objects, message queues, io_uring, bpf and more: a filter
  refuses their system calls, and the server tries it at its start.
  test_refused_calls_are_refused_and_others_allowed,
  test_without_the_filter_the_probe_names_what_can_be_reached,
  test_the_names_of_kernel_keys_cannot_be_read,
  hostile[reach: notes in the kernel for the next test],
  hostile[reach: namespaces, in every way there is]
- The server's memory and sockets: they are closed to its children.
  hostile[frames: the parent's memory], hostile[frames: the parent's sockets]
- Damaged and forged replies: they end as wrong answers or failures, never as verdicts.
  hostile[frames: a forged worker], hostile[frames: replies in advance],
  test_damaged_frames_are_rejected_or_harmless, test_a_frame_that_is_not_a_reply_is_a_failure
- Objects that equal everything, or run code when they are loaded: only plain values are decoded.
  hostile[lies: an array that equals everything],
  hostile[lies: an object that runs code when it is unpickled]
- Answers learned by heart from other runs, and answers that know nothing: the inputs are drawn from
  a secret, and side laws earn points only if a main law holds.
  test_the_table_knows_no_answer_in_a_graded_run, test_a_trivial_answer_earns_nothing
- Forged layers of a model: its predictions are computed again outside, from layers and weights.
  hostile[models: a small model with a large one's spec]
- Files that pytest or Python would run: only the course's modules of a submission are loaded.
  hostile[planted: a conftest that passes everything],
  hostile[planted: files that Python runs at startup]
- Endless calls and imports: a call and a submission have time limits.
  test_a_submission_has_a_time_limit_in_all, test_a_hanging_import_costs_one_timeout,
  hostile[endings: a loop that no signal ends]
- Memory of a process, number of processes, size of a file, of /tmp and of a reply: limited.
  test_a_process_has_a_memory_limit, test_the_number_of_processes_has_a_limit,
  test_a_file_has_a_size_limit, test_a_giant_reply_is_refused_before_it_is_read,
  hostile[reach: endless threads]
- Traces for the next test: processes are killed and files in /tmp removed.
  test_nothing_survives_a_test, test_tests_of_an_exercise_share_a_process_and_no_files,
  hostile[frames: files for the next test]
- Ending or stopping the server: the next test gets a new sandbox.
  test_a_new_sandbox_replaces_one_that_learner_code_ended, hostile[frames: the parent is stopped]

Not covered:

- Memory of a submission as a whole: `Limits.memory` is for one process, and there may be
  `Limits.processes` of them; files in /tmp and shared memory come on top. The number of files in
  /tmp has only the kernel's default limit.
- CPU time: there is no fair share. Time limits are of wall-clock time, so one submission can slow
  another down, and use every core.
- Tests that share a process (see `Sandbox.session`): Python's state is kept between them.
- The kernel: the filter refuses what is known to be of no use (`seccomp.py`) and allows every other
  system call, so a bug of the kernel may open the sandbox. /proc shows the machine's load, memory
  and kernel version.
- Python: /usr, and `bin` and `lib` of Python and of its environment, are mounted read-only, with
  every package that is installed there, and so is `cifar_lab/execution`.
- Claims: the learner's process reports what optimizers, callbacks and training steps do, and what
  arguments are after a call. Learner code can forge these reports.
- Work outside: the grader decodes replies, by `json` and safetensors, compiles modules and rebuilds
  models. Its own memory and time for that are not limited.
- All that `UnprivilegedUser` leaves open (`unprivileged.py`), which is used only if no sandbox can
  be built.
"""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.verdict import FailureKind
from cifar_lab.execution import protocol
from cifar_lab.execution.keras_import import ADVICE
from cifar_lab.execution.protocol import Command
from cifar_lab.sandbox import bubblewrap, seccomp, users
from cifar_lab.sandbox.bubblewrap import NoSandbox
from cifar_lab.sandbox.limits import Limits, describe_hard_limits
from cifar_lab.sandbox.session import CHILD_ENDED, Session, is_ready
from cifar_lab.testing.learner import Failure, GradingError

COMMAND_SECONDS = 120.0  # for the server to carry out a command
CHILD_SECONDS = 60.0  # for a child to start
WAIT_SECONDS = 10.0  # for a child to end
STDERR_SECONDS, STDERR_BYTES = 2.0, 2000
MAX_TIMEOUTS = 2  # of an exercise; its other tests are not run then
MAX_PARENT_THREADS = 2  # a fork of a process with more may wait for a lock that no thread holds
MARGIN = 3  # a submission may use so many times what a small network takes on this machine


class Sandbox:
    """One submission in its own sandbox.

    Args:
        folder: The submission: a folder with a `cifar_course/`.
        limits: Limits of the submission.
        hidden: The folder of an instructor's own tests, which must not be readable from inside.

    Raises:
        NoSandbox: The system cannot build a sandbox.
        GradingError: The sandbox could not be built, or it is not closed.
    """

    REACHABLE: frozenset[str] = frozenset()  # what may be reached from inside

    def __init__(self, folder: Path, limits: Limits | None = None, hidden: Path | None = None):
        if not hasattr(os, "getuid"):  # Windows
            raise NoSandbox(
                "a sandbox needs Linux; --no-sandbox grades without one and stamps the results"
            )
        self.folder, self.hidden = folder, hidden
        self.limits = limits or Limits()
        self.seconds_left = self.limits.total
        self.import_failures: dict[str, Failure] = {}  # by module
        as_root = os.getuid() == 0
        self.user, self._user_lock = users.reserve_user() if as_root else (os.getuid(), None)
        self._has_keras = False
        self._timeouts: Counter[str | None] = Counter()  # by exercise
        self._idle_child: tuple[str, socket.socket] | None = None  # its exercise and channel
        self._process: subprocess.Popen | None = None
        self._start()

    # --- the server -----------------------------------------------------------------------------

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                self._command_line(theirs.fileno()),
                env={},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._control, self._has_keras = protocol.ControlChannel(ours), False
        self._request(Command.LIMIT, limits=self.limits.as_rlimits())
        self._request(Command.FILTER, program=seccomp.program().hex())
        if reached := sorted(set(self._probe()) - self.REACHABLE):
            self.close()
            raise GradingError(f"the sandbox is not closed: from inside one can reach {reached}")

    def _command_line(self, control: int) -> list[str]:
        """Return the command that starts the server; `control` is its end of the socket."""
        bwrap = bubblewrap.find_bubblewrap()
        user = self.user if os.getuid() == 0 else None
        return bubblewrap.command_line(bwrap, self.folder, user, self.limits, control)

    def _probe(self) -> list[str]:
        """Return what can be reached from inside and should not be."""
        with tempfile.TemporaryDirectory() as folder:
            canary = Path(folder, "canary-label")
            canary.write_text("7", encoding="utf-8")
            secrets = {
                "the canary label": str(canary),
                "the tests": str(syllabus.GRADING_TESTS),
                "the reference": str(stubs.REFERENCE),
                "the points": str(syllabus.TABLE),
            }
            if self.hidden:
                secrets["the hidden tests"] = str(self.hidden)
            services = seccomp.kernel_services()
            return self._request(Command.PROBE, secrets=secrets, services=services)["reached"]

    def _request(self, command: Command, **arguments) -> dict:
        """Send a command to the server and return its reply."""
        try:
            self._control.send({"do": command, **arguments}, seconds=COMMAND_SECONDS)
            return self._control.receive(COMMAND_SECONDS)[0]
        except (OSError, ValueError) as error:
            message = f"the sandbox ended: {self._stderr_text() or error}"
            if bubblewrap.namespaces_are_restricted():
                raise NoSandbox(bubblewrap.with_apparmor_advice(message)) from error
            raise GradingError(message) from error

    def _stderr_text(self) -> str:
        """Return what the server printed before it ended; nothing if it has not ended."""
        try:
            self._process.wait(timeout=STDERR_SECONDS)
        except subprocess.TimeoutExpired:
            return ""
        return self._process.stderr.read(STDERR_BYTES).decode(errors="replace").strip()

    def import_keras(self) -> None:
        """Import Keras in the server, and raise the limits to what it needs on this machine.

        Raises:
            GradingError: A child cannot train a network of the course's own.
        """
        if self._process is None:
            self._start()
        if self._has_keras:
            return
        try:
            found = self._request(Command.IMPORT_KERAS)
        except GradingError as error:
            raise GradingError(f"Keras cannot start in the sandbox ({error}). {ADVICE}") from error
        if found["threads"] > MAX_PARENT_THREADS:
            raise GradingError(f"Keras started {found['threads']} threads: a fork of it may hang")
        if found["status"] != 0:
            raise GradingError(
                "TensorFlow cannot train here, not even the course's own code. The limits of the "
                f"shell that started this are: {describe_hard_limits(found['hard'])}"
            )
        needed = {name: MARGIN * found[name] for name in ("processes", "memory")}
        more = {name: max(getattr(self.limits, name), n) for name, n in needed.items()}
        self._request(Command.LIMIT, limits=replace(self.limits, **more).as_rlimits())
        self._has_keras = True

    def close(self) -> None:
        """End the sandbox and everything in it."""
        if self._idle_child:
            self._idle_child[1].close()
            self._idle_child = None
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stderr.close()
        self._control.close()
        self._process = None

    # --- tests ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def session(
        self, seed: int, keras: bool = False, exercise: str | None = None, alone: bool = False
    ) -> Iterator[Session]:
        """Open a session with learner code that is freshly imported for one test.

        With Keras, tests of one exercise in a row share a process: TensorFlow takes longer to
        start computing than most tests take.

        Args:
            seed: Seed of the global random generators.
            keras: True if the server is to import Keras first.
            exercise: The test's exercise; after `MAX_TIMEOUTS` timeouts its tests are not run.
            alone: True if the test must not share a process with another.
        """
        if self._timeouts[exercise] >= MAX_TIMEOUTS:
            message = f"{MAX_TIMEOUTS} other tests of it took too long already"
            yield Session(self, failure=Failure(FailureKind.TIMEOUT, message))
            return
        shared_by = None if alone else exercise
        fork = partial(self._fork_or_restart, seed, keras)
        if channel := self._take_idle_child(shared_by):
            session = Session(self, channel, fork_again=fork)
        else:
            session = Session(self, fork())
        try:
            yield session
        finally:
            self._end_session(session, exercise, shared_by)

    def _end_session(self, session: Session, exercise: str | None, shared_by: str | None) -> None:
        kind = session.failure.kind if session.failure else None
        if kind == FailureKind.TIMEOUT and exercise:
            self._timeouts[exercise] += 1
        if kind is None and shared_by:
            self._idle_child = (shared_by, session.channel)
            return
        session.channel.close()
        if kind is None:
            self.wait_status()
        elif kind not in CHILD_ENDED:
            self.close()  # the child still runs, and there is no use in waiting for it

    def _take_idle_child(self, exercise: str | None) -> socket.socket | None:
        """Return the channel of a child that answered the exercise's last test, if it is ready.

        A child that is of no use is ended.
        """
        if self._idle_child is None:
            return None
        known, channel = self._idle_child
        if known == exercise and is_ready(channel):
            self._idle_child = None
            return channel
        self._idle_child = None
        channel.close()
        self.wait_status()
        return None

    def _fork_or_restart(self, seed: int, keras: bool) -> socket.socket:
        """Return the channel of a new child, in a new sandbox if an earlier test broke this one."""
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
                message = {"do": Command.SESSION, "seed": seed}
                self._control.send(message, [theirs.fileno()], COMMAND_SECONDS)
            ours.settimeout(CHILD_SECONDS)
            if not ours.recv(1):
                raise ConnectionError("no child started")
        except OSError as error:
            ours.close()
            raise GradingError(f"a test could not begin: {self._stderr_text() or error}") from error
        return ours

    def wait_status(self) -> int | None:
        """Return the wait status of the last child; close the sandbox if there is none in time."""
        try:
            return self._control.receive(WAIT_SECONDS)[0]["status"]
        except (OSError, ValueError):
            self.close()
            return None


def check(keras: bool = True) -> None:
    """Check that this machine can build a sandbox and, with Keras, train a small network in it.

    Args:
        keras: True if what will be judged needs Keras.

    Raises:
        NoSandbox: The system cannot build a sandbox.
        GradingError: The sandbox is not closed, or this machine's limits do not let Keras train.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Path(folder, "cifar_course").mkdir()
        with contextlib.closing(Sandbox(Path(folder))) as sandbox:
            if keras:
                sandbox.import_keras()
