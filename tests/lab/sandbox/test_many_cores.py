"""Verdicts are the same on machines with any number of cores, and under a shell's limits."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cifar_lab.course import syllabus
from cifar_lab.grading.run import judge
from cifar_lab.sandbox import bubblewrap
from cifar_lab.sandbox.sandbox import Sandbox
from cifar_lab.testing.options import GradingOptions

CORES = (1, 3, 4, 16, 40, 64)
SOURCE = Path(__file__).with_name("fake_cores.c")
needs_a_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="there is no C compiler to fake a number of cores"
)


def library(cores: int, folder: Path) -> Path:
    """Build a library; a process that preloads it finds so many cores."""
    target = folder / f"fake_{cores}_cores.so"
    options = ["-shared", "-fPIC", "-O1", f"-DCORES={cores}", "-o", target, SOURCE, "-ldl"]
    subprocess.run(["gcc", *map(str, options)], check=True)
    return target


@pytest.fixture
def faked(tmp_path, monkeypatch):
    """Fake a number of cores in sandboxes and, with the returned variables, in commands."""

    def fake(cores: int) -> dict[str, str]:
        preloaded = library(cores, tmp_path)
        inside = "/tmp-" + preloaded.name
        mounts = bubblewrap.mounts
        extended = {**bubblewrap.environment(), "LD_PRELOAD": inside}

        def with_library(folder, limits):
            arguments = mounts(folder, limits)
            end = arguments.index("--remount-ro")
            return [*arguments[:end], "--ro-bind", str(preloaded), inside, *arguments[end:]]

        monkeypatch.setattr(bubblewrap, "mounts", with_library)
        monkeypatch.setattr(bubblewrap, "environment", lambda: extended)
        monkeypatch.setattr(Sandbox, "REACHABLE", frozenset({"the environment: LD_PRELOAD"}))
        return {"LD_PRELOAD": str(preloaded)}

    return fake


@needs_a_compiler
def test_the_number_of_cores_is_faked(faked):
    code = "import os; print(os.cpu_count())"
    done = subprocess.run([sys.executable, "-c", code], env=faked(40), capture_output=True)
    assert done.stdout.split() == [b"40"]


@needs_a_compiler
@pytest.mark.sandboxed
@pytest.mark.parametrize("cores", CORES)
def test_a_network_is_judged_in_the_sandbox(faked, reference, cores):
    """With a thread for every core, a fork would hang or the process limit would be reached."""
    faked(cores)
    verdicts = judge(reference, syllabus.find(["cnn.build_cnn"]), GradingOptions(sandbox=True))
    assert verdicts["cnn.build_cnn"].passed, verdicts


@needs_a_compiler
@pytest.mark.proof
@pytest.mark.sandboxed
@pytest.mark.parametrize("cores", CORES)
def test_all_lessons_in_the_sandbox(faked, reference, cores):
    faked(cores)
    verdicts = judge(reference, syllabus.find([]), GradingOptions(sandbox=True))
    assert all(verdict.passed for verdict in verdicts.values()), verdicts


@needs_a_compiler
@pytest.mark.proof
@pytest.mark.parametrize("cores", CORES)
def test_all_lessons_in_one_process(faked, command, reference, tmp_path, cores):
    arguments = ["--submission", reference, "--json", tmp_path / "verdicts.json"]
    done = command("check", *arguments, env=faked(cores))
    assert done.returncode == 0, done.stdout
    assert json.loads((tmp_path / "verdicts.json").read_text())["points"] == 100


# --- limits of the shell --------------------------------------------------------------------------


CHECK = """
from cifar_lab.sandbox import sandbox
try:
    sandbox.check()
except sandbox.GradingError as error:
    raise SystemExit(str(error))
"""


def checked(limit: str) -> subprocess.CompletedProcess:
    """Check the sandbox in a shell with this limit, such as "-n 200"."""
    shell = ["bash", "-c", f'ulimit {limit}; exec "$@"', "bash", sys.executable, "-c", CHECK]
    return subprocess.run(shell, capture_output=True, text=True, encoding="utf-8")


@pytest.mark.sandboxed
@pytest.mark.parametrize("limit", ["-n 200", "-f 32768", f"-v {6 * 2**20}"])
def test_the_lower_limit_applies(limit):
    """A limit of the shell that is lower than the sandbox's applies, and Keras still trains."""
    done = checked(limit)
    assert done.returncode == 0, done.stderr


@pytest.mark.sandboxed
def test_a_limit_that_is_too_low_is_named():
    done = checked(f"-v {2 * 2**20}")
    assert done.returncode == 1
    assert "TensorFlow cannot train here" in done.stderr
    assert "address space (ulimit -v) 2,048 MiB" in done.stderr
    assert len(done.stderr.splitlines()) == 1
