"""Settings of learner code and of the machine change no other verdict."""

import os
import random
import signal

import numpy as np
import pytest

from cifar_lab.course import syllabus
from cifar_lab.execution import keras_import, settings
from cifar_lab.grading.run import judge

CHANGES = {
    "a dtype policy": "keras.mixed_precision.set_global_policy('mixed_float16')",
    "a data format": "keras.config.set_image_data_format('channels_first')",
    "graphs": "import tensorflow as tf; tf.compat.v1.disable_eager_execution()",
}
ALL = (
    "import os, random, signal, sys, tempfile, warnings\nimport numpy as np\n"
    "np.seterr(all='raise')\nrandom.seed(5)\nnp.random.seed(5)\nwarnings.simplefilter('error')\n"
    "os.chdir(tempfile.gettempdir())\nos.environ['LEARNER'] = 'was here'\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsys.setrecursionlimit(5000)\n"
    "np.set_printoptions(precision=1)\n"
)


@pytest.mark.parametrize("title", CHANGES)
def test_settings_of_one_module_do_not_fail_another(submission_with, reference, title):
    keras_import.import_keras()
    text = (reference / "cifar_course" / "cnn.py").read_text(encoding="utf-8")
    line = "import keras\n"
    folder = submission_with(cnn=text.replace(line, f"{line}{CHANGES[title]}\n", 1))
    exercises = syllabus.find(["cnn.softmax", "cnn.build_cnn", "transfer.build_augmentation"])
    verdicts = judge(folder, exercises)
    assert verdicts["transfer.build_augmentation"].passed, verdicts
    assert settings._read()["dtype policy"] == "float32"


def test_settings_of_a_module_reach_neither_tests_nor_the_next_run(submission_with, reference):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    before = settings._read()
    states = random.getstate(), np.random.get_state()[1].tolist()
    folder = submission_with(normalization=text + "\n" + ALL)
    (verdict,) = judge(folder, syllabus.find(["normalization.standardize"])).values()
    assert settings._read() == before
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states
    assert verdict.passed, verdict


def test_settings_of_a_module_last_from_call_to_call(tmp_path):
    before = settings._read()
    seen = []

    def handle(frame: bytes) -> bytes:
        seen.append((np.geterr()["over"], os.environ.get("LEARNER")))
        np.seterr(all="raise")
        os.environ["LEARNER"] = "was here"
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return frame

    own = settings.with_own_settings(handle, tmp_path)
    for _ in range(2):
        own(b"")
        assert settings._read() == before
    assert seen == [("warn", None), ("raise", "was here")]


def test_a_notebooks_settings_change_no_verdict(reference, monkeypatch):
    with np.errstate(all="raise"):
        (verdict,) = judge(reference, syllabus.find(["normalization.one_hot"])).values()
        assert verdict.passed and np.geterr()["over"] == "raise"


def test_learner_code_runs_in_an_empty_folder(submission_with, reference, monkeypatch):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    code = "import os\nassert os.listdir() == []\n"
    folder = submission_with(normalization=code + text)
    monkeypatch.chdir(folder)
    (verdict,) = judge(folder, syllabus.find(["normalization.one_hot"])).values()
    assert verdict.passed, verdict


@pytest.mark.parametrize(
    "setting", ['"image_data_format": "channels_first"', '"floatx": "float64"']
)
def test_the_machines_keras_json_changes_no_verdict(reference, command, tmp_path, setting):
    (tmp_path / "keras.json").write_text(f'{{"backend": "tensorflow", {setting}}}')
    names = ("cnn.build_cnn", "transfer.build_augmentation")
    arguments = ("check", *names, f"--submission={reference}")
    done = command(*arguments, env={"KERAS_HOME": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_backend_that_is_not_there_is_named(reference, command, tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "no_such_backend"}')
    environment = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": ""}
    done = command("check", "cnn.compile_cnn", f"--submission={reference}", env=environment)
    assert done.returncode == 2
    assert f"'no_such_backend', which {tmp_path / 'keras.json'} names" in done.stderr
    assert "KERAS_BACKEND=tensorflow" in done.stderr


def test_the_backend_is_read_as_keras_reads_it(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert keras_import.backend() == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert keras_import.backend() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert keras_import.backend() == "torch"
