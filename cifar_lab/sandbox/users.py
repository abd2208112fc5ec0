"""Users that a grader who is root runs submissions as: one per sandbox, without any rights."""

import itertools
import shutil
from pathlib import Path
from typing import IO

FIRST_USER = 61_000
LOCKS = Path("/run/cifar-course")  # a locked file for each user of a running sandbox


def reserve_user() -> tuple[int, IO]:
    """Reserve a user who runs no other sandbox on this machine: process limits count per user.

    Returns:
        The user's id, and the open lock file: closing it frees the user.
    """
    import fcntl  # Windows, where the bundle for Gradescope can be made, has none

    LOCKS.mkdir(mode=0o700, exist_ok=True)
    for user in itertools.count(FIRST_USER):
        file = (LOCKS / str(user)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return user, file
        except BlockingIOError:
            file.close()


def run_as(user: int) -> list[str]:
    """Return the arguments that run a command as a user who cannot become another one."""
    arguments = [shutil.which("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return [*arguments, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
