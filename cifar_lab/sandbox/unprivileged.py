"""A worker that is only another user: for containers that forbid sandboxes within them."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.sandbox import sandbox


class UnprivilegedUser(sandbox.Sandbox):
    """One submission as another user's process, with the server, limits and probe of a sandbox.

    The user can neither read tests and points nor write results, as long as the course's folder
    and that of the results are closed to all but root. Whatever anybody may read on the machine,
    and its network, stay open: who grades this way says so in the results.

    Raises:
        NoSandbox: The grader is not root, and cannot start anything as somebody else.
        GradingError: The user can reach more than that.
    """

    OPEN = frozenset({"the network"})

    def _command(self, control: int) -> list[str]:
        if os.getuid() != 0:
            raise sandbox.NoSandbox("only root can run a submission as another user")
        self._place = tempfile.TemporaryDirectory(prefix="cifar-course-user-")
        place = Path(self._place.name)
        place.chmod(0o755)
        home = place / "home"
        home.mkdir(0o700)
        os.chown(home, self.user, self.user)
        settings = {
            **sandbox.environment(),
            **{"HOME": str(home), "TMPDIR": str(home), "KERAS_HOME": str(home / "keras")},
            "PYTHONPATH": str(_course(place)),
        }
        words = [*sandbox.as_user(self.user), shutil.which("env"), f"--chdir={home}"]
        words += [f"{name}={value}" for name, value in settings.items()]
        return [*words, *sandbox.server(control, self.folder)]

    def close(self) -> None:
        """End the server and whatever else the user still runs; their files go, too."""
        if self._process is None:
            return
        super().close()
        kill = [sys.executable, "-I", "-S", "-c", "import os; os.kill(-1, 9)"]
        # it fails where there is nobody left, and that is well
        subprocess.run([*sandbox.as_user(self.user), *kill], capture_output=True)
        self._place.cleanup()


def _course(place: Path) -> Path:
    """The few files that the server needs, copied to where the user can read them."""
    for name in sandbox.INSIDE:
        source, copy = syllabus.LAB / name, place / "course" / "cifar_lab" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, copy)
    return place / "course"
