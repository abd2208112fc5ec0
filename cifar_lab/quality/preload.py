"""What every judged mutant needs, imported once in the server that its process is forked from.

Imported and no more: where anything of TensorFlow has run, a forked child would hang.
"""

import gc
import importlib
import inspect
import sys

# a process begins by importing the command that asked for it, and so what that one imports
import typer  # noqa: F401

from cifar_lab.course import syllabus
from cifar_lab.execution import keras_import
from cifar_lab.publishing import notebooks, run_results  # noqa: F401

keras_import.import_keras()
sys.path.insert(0, str(syllabus.ROOT))
for exercise in syllabus.exercises().values():
    names = syllabus.test_file(exercise).relative_to(syllabus.ROOT).with_suffix("").parts
    importlib.import_module(".".join(names))
# a test that fails asks where its lines come from: the search through TensorFlow's thousands of
# modules is made here once, and what is here already need not be looked through for garbage
inspect.getmodule(inspect.currentframe())
gc.freeze()
