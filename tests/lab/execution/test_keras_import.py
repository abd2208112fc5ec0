"""Keras starts quietly and in one folder; a failure to start is shown with the remedy."""

import os
import subprocess
import sys

import pytest

from cifar_lab.data import cifar10, weights
from cifar_lab.execution import keras_import

PRINTS = "import os\nos.write(2, b'compiled to use AVX instructions\\n')\n"
BROKEN = {
    "it raises": f"{PRINTS}raise ImportError('DLL load failed')\n",
    "it aborts": f"{PRINTS}os.abort()\n",
}


@pytest.fixture
def broken(tmp_path):
    """Return a function that makes a broken TensorFlow come first, as an environment."""

    def make(code: str) -> dict[str, str]:
        package = tmp_path / "packages" / "tensorflow"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(code, encoding="utf-8")
        path = f"{package.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        return {"PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"}

    return make


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize(
    "arguments", [("check", "cnn.build_cnn"), ("train", "cnn", "--data", "synthetic")], ids=str
)
def test_what_a_broken_tensorflow_printed_is_shown(empty, command, broken, case, arguments):
    done = command(*arguments, "--submission", empty, env=broken(BROKEN[case]))
    assert done.returncode not in (0, 1) and "Traceback" not in done.stderr
    assert done.stderr.startswith("compiled to use AVX instructions\n")
    assert done.stderr.count(keras_import.ADVICE) == 1
    if case == "it raises":
        assert done.returncode == 2 and "ImportError: DLL load failed" in done.stderr


@pytest.mark.sandboxed
@pytest.mark.parametrize("case", BROKEN)
def test_a_grading_error_shows_it(broken, tmp_path, case, monkeypatch):
    from cifar_lab.sandbox import bubblewrap
    from cifar_lab.sandbox.sandbox import Sandbox
    from cifar_lab.testing.learner import GradingError

    broken(BROKEN[case])
    package = ["--ro-bind", str(tmp_path / "packages" / "tensorflow"), "/tmp/tensorflow"]
    mounts, environment = bubblewrap.mounts, bubblewrap.environment
    monkeypatch.setattr(bubblewrap, "mounts", lambda *given: [*mounts(*given), *package])
    path = {"PYTHONPATH": f"/tmp:{bubblewrap.COURSE}"}
    monkeypatch.setattr(bubblewrap, "environment", lambda: {**environment(), **path})
    (tmp_path / "cifar_course").mkdir()
    tmp_path.chmod(0o755)
    sandbox = Sandbox(tmp_path)
    try:
        with pytest.raises(GradingError) as failed:
            sandbox.import_keras()
    finally:
        sandbox.close()
    assert "compiled to use AVX instructions" in str(failed.value)
    assert keras_import.ADVICE in str(failed.value)


def test_a_working_keras_prints_nothing(tmp_path):
    code = "from cifar_lab.execution.keras_import import import_keras; import_keras()"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_keras_data_and_weights_share_a_folder_with_a_tilde(tmp_path):
    """Keras itself takes `~` as a folder's name."""
    code = (
        "from cifar_lab.execution.keras_import import import_keras; import_keras()\n"
        "from cifar_lab.data import cifar10, weights\n"
        "print(cifar10.keras_folders()[0].parents[1], weights.file().parents[1], sep='\\n')\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "KERAS_HOME": "~/x"}
    environment["USERPROFILE"] = str(tmp_path)
    here = tmp_path / "here"
    here.mkdir()
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, env=environment, cwd=here, capture_output=True, text=True)
    assert done.stdout.splitlines() == [str(tmp_path / "x")] * 2, done.stderr
    assert (tmp_path / "x" / "keras.json").exists()
    assert list(here.iterdir()) == []


def test_without_a_home_the_folder_is_keras_own(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda text: text)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert {weights.file().parents[1], cifar10.keras_folders()[0].parents[1]} == {
        keras_import.keras_home()
    }
    assert keras_import.keras_home().is_absolute()
    monkeypatch.setenv("KERAS_HOME", "~/x")
    with pytest.raises(OSError, match="KERAS_HOME is ~/x"):
        weights.file()
