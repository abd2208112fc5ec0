"""The server in a sandbox: imports what is slow to import once, and forks a clean child per test.

    python -m cifar_lab.execution.server FD FOLDER MODULE...

FD is the control channel to the grader. With the command "session" comes another socket, on which
a forked child answers the requests of one test, and of further tests that the grader sends there.
Learner code runs only in such children, so nothing that it does outlives them.
"""

import contextlib
import os
import shutil
import socket
import sys
from pathlib import Path

# every module of the course imports it: here, so that no child has to
import jaxtyping  # noqa: F401

from cifar_lab.execution import keras_trial, probe, processes, protocol, system_calls
from cifar_lab.execution.protocol import Command
from cifar_lab.execution.worker import Worker


class Server:
    """Answers the grader's commands until the control channel is closed.

    Args:
        control: The control channel.
        folder: The submission.
        modules: The names of the modules that it may hold.
    """

    def __init__(self, control: protocol.ControlChannel, folder: Path, modules: tuple[str, ...]):
        self._control = control
        self._folder = folder
        self._modules = modules
        self._limits: dict[str, int] = {}
        self._initial_files = set(processes.SCRATCH.iterdir())  # Python may be mounted there

    def run(self) -> None:
        """Receive commands and reply to each."""
        with contextlib.suppress(ConnectionError):
            while True:
                message, descriptors = self._control.receive()
                self._control.send(self._execute(message, descriptors))
                if message["do"] == Command.SESSION:
                    self._remove_new_files()

    def _execute(self, message: dict, descriptors: list[int]) -> dict:
        match message["do"]:
            case Command.LIMIT:
                self._limits = message["limits"]
            case Command.FILTER:
                system_calls.load_filter(bytes.fromhex(message["program"]))
            case Command.PROBE:
                found = probe.reachable(message["secrets"], self._folder)
                return {"reached": found + system_calls.reachable(message["services"])}
            case Command.IMPORT_KERAS:
                return keras_trial.import_and_try_keras()
            case Command.SESSION:
                return {"status": self._session(descriptors[0], message["seed"])}
        return {}

    def _session(self, descriptor: int, seed: int) -> int:
        """Fork a child that answers tests, and wait until it ends; return its wait status."""
        child = processes.fork()
        if child == 0:
            self._control.close()
            try:
                self._answer_tests(socket.socket(fileno=descriptor), seed)
            finally:
                os._exit(0)  # learner code may have left threads and atexit functions behind
        os.close(descriptor)
        return processes.wait_and_kill_all(child)

    def _answer_tests(self, channel: socket.socket, seed: int) -> None:
        """Answer requests, test after test, until the grader closes the channel."""
        processes.set_limits(self._limits)
        worker = self._begin_test(channel, seed)
        while True:
            request = protocol.receive_frame(channel)
            if request != protocol.NEXT_TEST:
                protocol.send_frame(channel, worker.handle(request))
            elif "keras" in sys.modules:
                worker = self._begin_test(channel, seed)
            else:
                channel.sendall(protocol.FINISHED)  # a fresh fork of a small process is fast
                return

    def _begin_test(self, channel: socket.socket, seed: int) -> Worker:
        self._remove_new_files()
        processes.reset_streams_and_folder()
        worker = Worker(self._folder, self._modules, seed, sandboxed=True)
        channel.sendall(protocol.READY)
        return worker

    def _remove_new_files(self) -> None:
        """Remove what a test wrote, so that the next one does not find it."""
        for path in set(processes.SCRATCH.iterdir()) - self._initial_files:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def main() -> None:
    """Serve until the grader closes the control channel."""
    processes.forbid_inspection()
    processes.restore_signals()
    connection = socket.socket(fileno=int(sys.argv[1]))
    control = protocol.ControlChannel(connection, max_descriptors=1)
    Server(control, Path(sys.argv[2]), tuple(sys.argv[3:])).run()


if __name__ == "__main__":
    main()
