"""Comparisons of floats hold on other processors, whose kernels sum in another order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cifar_lab.course import syllabus

# what NumPy has kernels for beyond its baseline, and this processor has
EXTENSIONS = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
KERNELS = {
    "one thread": {"OMP_NUM_THREADS": "1"},
    "no oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "oneDNN with SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "oneDNN with AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    # NumPy leaves products of matrices to OpenBLAS, which chooses kernels by itself
    "NumPy with SSE": {
        "NPY_DISABLE_CPU_FEATURES": " ".join(EXTENSIONS),
        "OPENBLAS_CORETYPE": "Nehalem",
    },
}
# a file that contains this text compares computed floats, or the outputs of notebooks
COMPARES = re.compile("assert_allclose|nbval")
TESTS = Path(__file__).parent
RUNS = {
    "the course's own tests": [
        str(f) for f in sorted(TESTS.rglob("test_*.py")) if COMPARES.search(f.read_text("utf-8"))
    ],
    "the reference": ["-m", "grading", "--submission=solutions"],
    "right answers": [str(TESTS / "quality" / "test_answers.py"), "-k", "test_right_answer_passes"],
}


@pytest.mark.proof
@pytest.mark.parametrize("arguments", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("settings", KERNELS.values(), ids=KERNELS)
def test_floats_agree_with_other_kernels(settings, arguments, reference):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=syllabus.ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-8000:]
