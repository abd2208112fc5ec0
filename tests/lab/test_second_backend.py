"""The builders and layers of lessons 3 to 5 are right on a second Keras backend, too."""

import importlib.util
import json
import os
import random
import subprocess
import sys

import pytest

from cifar_lab import hardware
from cifar_lab.course import syllabus
from cifar_lab.grading.run import QUICK
from cifar_lab.quality.answers import answers

BACKEND = "jax"
ON_KERAS = (
    *("regularization.BatchNorm", "regularization.build_regularized_cnn"),
    *("schedules.WarmupCosine", "schedules.train"),
    *("transfer.build_augmentation", "transfer.build_transfer_model"),
    *("transfer.unfreeze_last", "transfer.compile_for_fine_tuning", "transfer.cache_features"),
)
RIGHT = [a for a in answers("right") if a.exercise in ON_KERAS and "tensorflow" not in a.code]
SAMPLE = random.Random(2026).sample(RIGHT, 1)  # in an ordinary run; the others belong to `proof`

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec(BACKEND) is None, reason=f"{BACKEND} is not installed"
)


def grade(folder, exercises, tests: str) -> subprocess.CompletedProcess:
    """Grade a submission in a process whose Keras runs on the second backend."""
    names = [f"--exercise={name}" for name in exercises]
    return subprocess.run(
        [sys.executable, "-m", "pytest", f"-m{tests}", f"--submission={folder}", *names],
        cwd=syllabus.ROOT,
        env={**os.environ, "KERAS_BACKEND": BACKEND},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    "answer",
    [pytest.param(a, id=str(a), marks=[] if a in SAMPLE else pytest.mark.proof) for a in RIGHT],
)
def test_right_answers(answer, answered):
    done = grade(answered(answer), [answer.exercise], QUICK)
    assert done.returncode == 0, done.stdout


@pytest.mark.proof
def test_the_reference(reference):
    done = grade(reference, ON_KERAS, "grading")
    assert done.returncode == 0, done.stdout


def test_grading_uses_the_second_backend(submission_with, reference):
    text = (reference / "cifar_course" / "schedules.py").read_text(encoding="utf-8")
    assertion = "assert keras.backend.backend() == 'tensorflow'"
    done = grade(
        submission_with(schedules=f"{text}\n{assertion}\n"),
        ["schedules.step_decay"],
        "grading",
    )
    assert done.returncode == 1 and assertion in done.stdout, done.stdout


def test_a_full_run_names_the_processor(submission_with, reference, tmp_path):
    text = (reference / "cifar_course" / "regularization.py").read_text(encoding="utf-8")
    few = text.replace("filters: tuple[int, int, int] = (64, 128, 256)", "filters=(2, 4, 8)")
    submission, out = submission_with(regularization=few), tmp_path / "run"
    command = ["train", "cnn", "--data=synthetic", "--epochs=1", f"--submission={submission}"]
    subprocess.run(
        [sys.executable, "-m", "cifar_lab.cli", *command, f"--out={out}"],
        env={**os.environ, "KERAS_BACKEND": BACKEND, "JAX_PLATFORMS": "cpu"},
        check=True,
    )
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["backend"] == BACKEND and metrics["hardware"] == hardware.cpu()
