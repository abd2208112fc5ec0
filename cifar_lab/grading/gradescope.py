"""Grade a submission on Gradescope, where `run_autograder` starts this module.

python -m cifar_lab.grading.gradescope FOLDER    grade FOLDER/submission (there: /autograder)
"""

import os
import secrets
import sys
from dataclasses import replace
from pathlib import Path

from cifar_lab.course.verdict import Outcome
from cifar_lab.grading.grade_one import grade
from cifar_lab.grading.intake import Submission
from cifar_lab.grading.key import key_of
from cifar_lab.grading.results import not_graded
from cifar_lab.sandbox import sandbox
from cifar_lab.testing.options import GradingOptions

NAME = "submission"
ROOT_ONLY = ("source", "results", "submission_metadata.json")


def run(autograder: Path) -> Outcome:
    """Grade the submission that Gradescope has put into `autograder`/submission.

    Returns:
        `GRADED`, `INVALID` or `GRADING_ERROR`.
    """
    file = autograder / "results" / "results.json"
    source = autograder / "submission"
    options = GradingOptions(sandbox=True, secret=secrets.token_hex())
    not_graded(Submission(NAME, NAME), options).write(file)  # whatever breaks below: no zero
    _close_to_submissions(autograder)
    options = replace(options, unprivileged_user=not _can_build_sandboxes())
    return grade(str(source), NAME, str(file), key_of(source, options), options)


def _close_to_submissions(autograder: Path) -> None:
    """Leave to root alone what no submission may read or write, with or without a sandbox."""
    os.umask(0o022)  # files that the submission's user needs are made readable
    for name in ROOT_ONLY:
        path = autograder / name
        if path.exists():
            path.chmod(0o700)


def _can_build_sandboxes() -> bool:
    """Return True if sandboxes can be built in this container; typically they cannot."""
    try:
        sandbox.check()
    except sandbox.GradingError as error:
        print(f"No sandbox: {error}")
        return False
    return True


if __name__ == "__main__":
    print(run(Path(sys.argv[1])))
