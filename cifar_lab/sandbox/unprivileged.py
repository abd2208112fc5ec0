"""Isolation by an unprivileged user alone, for containers that do not let a sandbox be built."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.sandbox import bubblewrap
from cifar_lab.sandbox.sandbox import NoSandbox, Sandbox
from cifar_lab.sandbox.users import run_as

KILL_ALL = "import os; os.kill(-1, 9)"


class UnprivilegedUser(Sandbox):
    """One submission run by an unprivileged user, with the server, limits and probe of a sandbox.

    The user can neither read tests and points nor write results, as long as the folders of the
    course and of the results are closed to all but root. Not closed: the network, every other file
    that all users may read, every folder that all may write to, and the list of processes. Results
    state that they were graded this way.

    Raises:
        NoSandbox: The grader is not root, and cannot run anything as an unprivileged user.
        GradingError: The user can reach more than that.
    """

    REACHABLE = frozenset({"the network"})

    def _command_line(self, control: int) -> list[str]:
        if os.getuid() != 0:
            raise NoSandbox("only root can run a submission as an unprivileged user")
        self._files = tempfile.TemporaryDirectory(prefix="cifar-course-user-")
        folder = Path(self._files.name)
        folder.chmod(0o755)
        home = folder / "home"
        home.mkdir(0o700)
        os.chown(home, self.user, self.user)
        settings = {
            **bubblewrap.environment(),
            **{"HOME": str(home), "TMPDIR": str(home), "KERAS_HOME": str(home / "keras")},
            "PYTHONPATH": str(_copy_course(folder / "course")),
        }
        arguments = [*run_as(self.user), shutil.which("env"), f"--chdir={home}"]
        arguments += [f"{name}={value}" for name, value in settings.items()]
        return [*arguments, *bubblewrap.server_command(control, self.folder)]

    def close(self) -> None:
        """End the server and all other processes of the user, and remove the user's files."""
        if self._process is None:
            return
        super().close()
        kill = [*run_as(self.user), sys.executable, "-I", "-S", "-c", KILL_ALL]
        subprocess.run(kill, capture_output=True)  # its failure means that no process was left
        self._files.cleanup()


def _copy_course(folder: Path) -> Path:
    """Copy what the server needs of the course to a folder that the user can read; return it."""
    for name in bubblewrap.MOUNTED:
        source, copy = syllabus.LAB / name, folder / "cifar_lab" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, copy)
    return folder
