"""Command line of bubblewrap: namespaces, mounts and environment of a sandbox.

The functions build lists of arguments and start nothing.
"""

import os
import shutil
import sys
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.sandbox.limits import Limits
from cifar_lab.sandbox.users import run_as
from cifar_lab.testing.learner import GradingError

# of the course, the server needs only these; tests, reference and points stay outside
MOUNTED = ("__init__.py", "execution")
COURSE, SUBMISSION = Path("/course"), Path("/submission")  # where both are in the sandbox
SYSTEM = [Path(path) for path in ("/usr", "/lib", "/lib64", "/bin", "/sbin")]
OF_PYTHON = ("bin", "lib", "lib64", "pyvenv.cfg")  # in the folder of an installation
# the same number of threads on every machine: by default each of these libraries starts one or
# two per core, and a fixed limit on processes then fits some machines and fails on others
THREADS = {
    "OPENBLAS_NUM_THREADS": "1",  # started at import, and a process with threads cannot fork safely
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "2",
    "TF_NUM_INTEROP_THREADS": "2",
}
NOT_INSTALLED = (
    "bubblewrap is not installed, and without it a submission could write its own verdict. "
    "Install your system's package `bubblewrap`, or grade with --no-sandbox, which stamps every "
    "result as untrusted."
)
APPARMOR_SETTING = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
APPARMOR_ADVICE = (
    "This system's AppArmor denies bubblewrap the namespaces that it needs. AppArmor's profile for "
    "bubblewrap allows them (docs/classes.md): sudo apt install apparmor-profiles && "
    "sudo cp /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && "
    "sudo systemctl reload apparmor"
)


class NoSandbox(GradingError):
    """bubblewrap is not installed, or the system does not let it build a sandbox."""


def find_bubblewrap() -> str:
    """Return the path of bubblewrap.

    Raises:
        NoSandbox: It is not installed.
    """
    path = shutil.which("bwrap")
    if path is None:
        raise NoSandbox(with_apparmor_advice(NOT_INSTALLED))
    return path


def with_apparmor_advice(message: str) -> str:
    """Return the message, followed by advice if AppArmor restricts bubblewrap."""
    return f"{message}\n{APPARMOR_ADVICE}" if namespaces_are_restricted() else message


def namespaces_are_restricted() -> bool:
    """Return True if AppArmor denies bubblewrap its namespaces, as on Ubuntu since 23.10."""
    if os.getuid() == 0:
        return False
    try:
        return int(APPARMOR_SETTING.read_text()) > 0
    except (OSError, ValueError):
        return False


def command_line(
    bwrap: str, folder: Path, user: int | None, limits: Limits, control: int
) -> list[str]:
    """Return the command that starts the server in a sandbox.

    Args:
        bwrap: The path of bubblewrap.
        folder: The submission.
        user: The user to run the server as; None if the grader is not root.
        limits: Limits of the submission.
        control: File descriptor of the server's end of the control channel.
    """
    arguments = [bwrap, *namespaces(user), *mounts(folder, limits), "--chdir", "/tmp"]
    for name, value in environment().items():
        arguments += ["--setenv", name, value]
    become = [] if user is None else run_as(user)
    return [*arguments, "--", *become, *server_command(control, SUBMISSION)]


def namespaces(user: int | None) -> list[str]:
    """Return the arguments for namespaces and capabilities; for `user` see `command_line`."""
    arguments = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    arguments += ["--unshare-cgroup-try", "--die-with-parent", "--new-session"]
    arguments += ["--hostname", "sandbox"]
    if user is None:
        return [*arguments, "--unshare-user"]
    # Python may be in a folder that only root can read: root mounts it, and the user changes then
    arguments += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*arguments, "--cap-add", "CAP_SETPCAP"]


def mounts(folder: Path, limits: Limits) -> list[str]:
    """Return the arguments for the file system: all read-only except a small /tmp."""
    arguments = ["--proc", "/proc", "--dev", "/dev"]
    for keys in ("/proc/keys", "/proc/key-users"):  # the kernel's keyrings, by their names
        if Path(keys).exists():
            arguments += ["--ro-bind", "/dev/null", keys]
    arguments += ["--size", str(limits.tmp), "--perms", "1777", "--tmpfs", "/tmp"]
    for path in SYSTEM:
        if path.is_symlink():
            target = os.readlink(path)  # noqa: PTH115 - keep it relative
            arguments += ["--symlink", target, str(path)]
        elif path.exists():
            arguments += ["--ro-bind", str(path), str(path)]
    binds = [(str(path), path) for path in python_files()]
    binds += [(str(syllabus.LAB / name), COURSE / "cifar_lab" / name) for name in MOUNTED]
    binds += [(str(folder / "cifar_course"), SUBMISSION / "cifar_course")]
    for parent in sorted({parent for _, inside in binds for parent in inside.parents}):
        if str(parent) not in ("/", "/tmp"):
            # new folders that all may enter: outside they may be somebody's closed home
            arguments += ["--perms", "0755", "--dir", str(parent)]
    for outside, inside in binds:
        arguments += ["--ro-bind", outside, str(inside)]
    arguments += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


def python_files() -> list[Path]:
    """Return the folders and files that Python and its packages need, except those below /usr.

    A virtual environment's own folder may hold anything, a class with its results, for example.
    """
    executable = Path(sys.executable).resolve()
    prefixes = {Path(sys.base_prefix), Path(sys.prefix), executable.parent.parent}
    found = {prefix / name for prefix in prefixes for name in OF_PYTHON}
    return sorted(path for path in found if path.exists() and not path.is_relative_to("/usr"))


def refuse_readable(paths: dict[str, Path]) -> None:
    """Refuse paths that a submission could read.

    Args:
        paths: By description.

    Raises:
        GradingError: A path lies in a folder that every sandbox has.
    """
    mounted = [*SYSTEM, *python_files()]
    for name, path in paths.items():
        for folder in mounted:
            if path.resolve().is_relative_to(folder.resolve()):
                raise GradingError(
                    f"{name} ({path}) lies in {folder}, which every submission can read; move it"
                )


def environment() -> dict[str, str]:
    """Return the environment variables in the sandbox; there are no others."""
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


def server_command(control: int, submission: Path) -> list[str]:
    """Return the command that starts the server, in a sandbox or as an unprivileged user.

    Args:
        control: File descriptor of the server's end of the control channel.
        submission: The submission's folder, as the server sees it.
    """
    # -P: nothing is imported from the current folder, which learner code may write to
    python = [sys.executable, "-P", "-s", "-m", "cifar_lab.execution.server"]
    return [*python, str(control), str(submission), *syllabus.modules()]
