"""Session: the exchanges of one test with learner code in a sandbox."""

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cifar_lab.course.verdict import FailureKind
from cifar_lab.execution import protocol
from cifar_lab.execution.errors import FrameTooLargeError
from cifar_lab.testing.learner import Failure

if TYPE_CHECKING:
    from cifar_lab.sandbox.sandbox import Sandbox

READY_SECONDS = 5.0  # for a child that has answered one test to be ready for another
CHILD_ENDED = frozenset((FailureKind.CRASH, FailureKind.KILLED))
# a process gets these if it does something impossible; any other signal was sent to it
CRASH_SIGNALS = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP")


class Session:
    """Exchanges of one test with its child; takes requests as `Worker.handle` does.

    Args:
        sandbox: The sandbox that the child runs in.
        channel: The socket to the child.
        fork_again: Returns the channel of a new child; given if this one has answered other tests.
        failure: The failure that each exchange is to raise, if the test is not to run.

    Attributes:
        failure: The failure that ended the session, if any.
    """

    def __init__(
        self,
        sandbox: "Sandbox",
        channel: socket.socket | None = None,
        fork_again: Callable[[], socket.socket] | None = None,
        failure: Failure | None = None,
    ):
        self.channel = channel
        self.failure = failure
        self._sandbox = sandbox
        self._fork_again = fork_again
        self._imported: set[str] = set()

    def handle(self, request: bytes) -> bytes:
        """Send a request frame and return the reply frame.

        Raises:
            Failure: Learner code took too long, died, or sent something that is not a reply.
        """
        if self.failure is not None:
            raise self.failure
        start = time.monotonic()
        try:
            return self._exchange(request)
        except Failure as failure:
            self.failure = failure
            raise
        finally:
            self._sandbox.seconds_left -= time.monotonic() - start

    def import_first(self, module: str) -> None:
        """Import a module of the submission by itself, so that a hanging import costs one timeout.

        Raises:
            Failure: The import failed, in this test or in an earlier one.
        """
        failures = self._sandbox.import_failures
        if self.failure is not None:  # an earlier one, not this module's
            raise self.failure
        if module in failures:
            raise failures[module]
        if module in self._imported:
            return
        self._imported.add(module)
        try:
            self.handle(protocol.encode({"import": module}))
        except Failure as failure:
            if self._fork_again and failure.kind in CHILD_ENDED:
                # an earlier test ended this process, with a delay
                self._replace_child()
                self.import_first(module)
                return
            if failure.kind == FailureKind.TIMEOUT:
                reason = f"the import of {module}.py, which runs all code outside of functions"
                failure = Failure(failure.kind, f"{reason} ({failure.message})")
            self.failure = failures[module] = failure
            raise failure from None

    def _replace_child(self) -> None:
        self.channel, self._fork_again, self.failure = self._fork_again(), None, None
        self._imported.clear()

    def _exchange(self, request: bytes) -> bytes:
        limits = self._sandbox.limits
        seconds = max(min(limits.seconds, self._sandbox.seconds_left), 0)
        deadline = time.monotonic() + seconds
        try:
            if not seconds:
                raise TimeoutError
            if self._replied_early():
                raise Failure(FailureKind.BAD_REPLY, "it answered before it was asked")
            self.channel.settimeout(seconds)
            protocol.send_frame(self.channel, request)
            return protocol.receive_frame(self.channel, limits.reply, deadline)
        except TimeoutError:
            message = f"no answer within {seconds:.3g} seconds"
            raise Failure(FailureKind.TIMEOUT, message) from None
        except FrameTooLargeError as error:
            message = f"a reply of {error.length:,} bytes"
            raise Failure(FailureKind.OUTPUT_LIMIT, message) from None
        except OSError:
            self.channel.close()
            raise failure_from(self._sandbox.wait_status()) from None

    def _replied_early(self) -> bool:
        self.channel.settimeout(0)
        try:
            return bool(self.channel.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False


def is_ready(channel: socket.socket) -> bool:
    """Announce the next test to a child; return True if it takes the test."""
    try:
        channel.settimeout(READY_SECONDS)
        protocol.send_frame(channel, protocol.NEXT_TEST)
        return channel.recv(1) == protocol.READY
    except OSError:
        return False


def failure_from(status: int | None) -> Failure:
    """Return the failure of a child that ended before it answered.

    Args:
        status: Its wait status; None if its sandbox is gone, too.
    """
    if status is None:
        message = "the process that ran it is gone, and its sandbox with it"
        return Failure(FailureKind.KILLED, message)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        crashed = number in {getattr(signal, name) for name in CRASH_SIGNALS}
        kind = FailureKind.CRASH if crashed else FailureKind.KILLED
        return Failure(kind, f"signal {number} ended the process that ran it")
    message = f"the process that ran it exited with status {os.WEXITSTATUS(status)}"
    return Failure(FailureKind.CRASH, message)
