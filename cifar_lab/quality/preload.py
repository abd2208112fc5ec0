"""Import everything that a judged process needs, once, in the server that it is forked from.

The server must import TensorFlow without running any of it: otherwise a forked process hangs.
"""

import typer  # noqa: F401

from cifar_lab.execution import keras_import
from cifar_lab.grading.run import import_tests

# a forked process first runs the file of the running command again, which imports these
from cifar_lab.publishing import notebooks, run_results  # noqa: F401
from cifar_lab.quality import graders_page, messages  # noqa: F401

keras_import.import_keras()
import_tests()
