# Submissions with files that pytest, Python or the grader might read. The text after "# --- file:" is
# the file's.

# %% a conftest that passes everything
# earns: 0
def attack():
    pass
# --- file: conftest.py
import pytest
from pathlib import Path
Path("@OUTSIDE@/conftest").touch()

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = "passed"
# --- file: cifar_course/conftest.py
raise SystemExit(0)
# --- file: tests/conftest.py
raise SystemExit(0)
# --- file: tests/grading/conftest.py
raise SystemExit(0)


# %% pytest settings
# earns: 0
def attack():
    pass
# --- file: pytest.ini
[pytest]
addopts = --collect-only -p plugin
# --- file: pyproject.toml
[tool.pytest.ini_options]
addopts = "--deselect tests/grading -p plugin"
# --- file: tox.ini
[pytest]
addopts = --version
# --- file: setup.cfg
[tool:pytest]
addopts = --version
# --- file: plugin.py
from pathlib import Path
Path("@OUTSIDE@/plugin").touch()


# %% files that Python runs at startup
# earns: 0
import sys

def attack():
    return "sitecustomize" in sys.modules or "usercustomize" in sys.modules or hasattr(sys, "evil")
# --- file: sitecustomize.py
from pathlib import Path
Path("@OUTSIDE@/site").touch()
# --- file: usercustomize.py
import sys
sys.evil = True
# --- file: evil.pth
import sys; sys.evil = True
# --- file: cifar_course/evil.pth
import sys; sys.evil = True


# %% modules that shadow others
# earns: 0
import sys

def attack():
    return any(getattr(module, "evil", False) is True for module in list(sys.modules.values()))
# --- file: cifar_course/numpy.py
evil = True
# --- file: cifar_course/json.py
evil = True
# --- file: cifar_course/keras/__init__.py
evil = True
# --- file: numpy/__init__.py
evil = True
# --- file: safetensors.py
evil = True
# --- file: cifar_lab/__init__.py
evil = True
# --- file: cifar_course/__init__.py
import sys
sys.modules[__name__].evil = True


# %% forged results
# earns: 0
def attack():
    pass
# --- file: results.json
{"score": 100, "tests": []}
# --- file: results/results.json
{"score": 100}
# --- file: grades.csv
name,points
me,100


# %% a module that is not one of the course's
# earns: 0
# failures: exception
from cifar_course.helper import answer
# --- file: cifar_course/helper.py
answer = 42


# %% its own grading tests
# earns: 0
def attack():
    pass
# --- file: tests/grading/test_1_normalization.py
from cifar_lab.testing.plugin import exercise

@exercise("normalization.standardize")
def test_all_is_well(learner):
    """All is well."""


# %% only tests and settings
# verdict: invalid submission
# without: normalization
# earns: 0
# --- file: conftest.py
raise SystemExit(0)


# %% another lesson only
# without: normalization
# earns: 0
# failures: exception
# --- file: cifar_course/cnn.py
x = 1


# %% two submissions in one
# verdict: invalid submission
# earns: 0
# --- file: old/cifar_course/normalization.py
x = 1
