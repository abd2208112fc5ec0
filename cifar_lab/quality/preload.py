"""Import everything that a judged process needs, once, in the server that it is forked from.

The server must import TensorFlow without running any of it: otherwise a forked process hangs.
"""

import contextlib
import gc
import inspect
import io

import pytest
import typer  # noqa: F401

from cifar_lab.course import syllabus
from cifar_lab.execution import keras_import

# a forked process first runs the file of the running command again, which imports these
from cifar_lab.publishing import notebooks, run_results  # noqa: F401
from cifar_lab.quality import graders_page, grading_tests, messages  # noqa: F401

keras_import.import_keras()
with contextlib.redirect_stdout(io.StringIO()):  # pytest itself imports the grading tests
    pytest.main(
        [
            "--collect-only",
            "-mgrading",
            "-qq",
            f"--rootdir={syllabus.ROOT}",
            f"--config-file={syllabus.ROOT / 'pyproject.toml'}",
            "--disable-plugin-autoload",
            "-pno:cacheprovider",
            "--noconftest",
            *map(str, grading_tests.files()),
        ]
    )
# the first test that fails searches all modules for its source lines, and TensorFlow has thousands
inspect.getmodule(inspect.currentframe())
gc.freeze()  # no child looks through the imported objects for garbage
