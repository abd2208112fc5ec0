"""Probe from inside the sandbox: what this process can reach, as far as it must not."""

import os
import socket
import sys
from pathlib import Path

UNROUTED = ("192.0.2.1", 80)  # an address reserved for documentation
ALLOWED_ENVIRONMENT = frozenset(
    (
        *("HOME", "KERAS_HOME", "PATH", "PWD", "TMPDIR", "LANG", "LC_CTYPE", "PYTHONPATH"),
        *("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES", "PYTHONDONTWRITEBYTECODE"),
        *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
        *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    )
)


def reachable(secrets: dict[str, str], submission: Path) -> list[str]:
    """Return descriptions of all that can be reached from this process and should not be.

    Args:
        secrets: Paths that must not exist in here, by description.
        submission: The submission's folder.
    """
    found = [name for name, path in secrets.items() if os.path.exists(path)]  # noqa: PTH110
    if _network_is_reachable():
        found.append("the network")
    folders = ("/", "/usr", str(Path(__file__).parent), sys.prefix, str(submission))
    found += [f"{folder}, to write" for folder in folders if _is_writable(Path(folder))]
    if os.getuid() == 0:
        found.append("the rights of root")
    settings = [name for name in os.environ if name not in ALLOWED_ENVIRONMENT]
    if settings:
        found.append("the environment: " + ", ".join(settings))
    return found


def _network_is_reachable() -> bool:
    try:
        with socket.create_connection(UNROUTED, timeout=1):
            return True
    except OSError as error:
        return error.errno is None  # a timeout: packets have a route


def _is_writable(folder: Path) -> bool:
    try:
        with (folder / ".cifar-course-probe").open("w"):
            return True
    except OSError:
        return False
