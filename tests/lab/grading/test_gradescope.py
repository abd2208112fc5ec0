"""The bundle for Gradescope: its layout, and its grading with and without sandboxes."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.stubs import OPEN
from cifar_lab.grading import gradescope
from cifar_lab.grading.results import NO_FULL_SANDBOX
from cifar_lab.publishing import gradescope_bundle
from cifar_lab.sandbox import sandbox, unprivileged
from cifar_lab.sandbox.users import FIRST_USER

needs_the_sandbox = pytest.mark.skipif(
    shutil.which("bwrap") is None or os.getuid() != 0, reason="needs bubblewrap, and to be root"
)
# the capabilities that containers leave to root by default
CONTAINER = (
    *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"),
    *("NET_BIND_SERVICE", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP"),
)
# tries to read secrets when it is imported, and leaves a process behind
SPY = """
import os, time

def can(path, mode):
    return os.access(path, mode)

found = {{
    "tests": can({tests!r}, os.R_OK),
    "points": can({points!r}, os.R_OK),
    "results": can({results!r}, os.R_OK) or can(os.path.dirname({results!r}), os.W_OK),
    "root": os.getuid() == 0,
    "secret": "A_SECRET" in os.environ,
}}
try:
    with open({report!r}, "w") as file:
        file.write(repr(sorted(name for name in found if found[name])))
except OSError:
    pass

def prepare(*data, **settings):  # judged last: no new server ends its processes
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    os.kill(os.getppid(), 9)  # the server, which would have ended it
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory, reference) -> zipfile.ZipFile:
    """Write the bundle and open it."""
    file = tmp_path_factory.mktemp("bundle") / "autograder.zip"
    gradescope_bundle.write(file)
    with zipfile.ZipFile(file) as opened:
        yield opened


def test_the_bundle_is_written_where_a_link_leads(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "autograder.zip"
    link.symlink_to(tmp_path / "elsewhere" / "bundle.zip")
    gradescope_bundle.write(link)
    assert link.is_symlink() and zipfile.is_zipfile(link)
    assert [file.name for file in tmp_path.rglob("*.zip*")] == ["autograder.zip", "bundle.zip"]


@pytest.fixture
def autograder(archive):
    """Lay out Gradescope's folder for a grading, elsewhere than in /autograder."""
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        for name in ("submission/cifar_course", "results"):
            (place / name).mkdir(parents=True)
        archive.extractall(place / "source")
        for entry in archive.infolist():
            (place / "source" / entry.filename).chmod(entry.external_attr >> 16)
        shutil.copy(place / "source" / "run_autograder", place)
        _cut(place / "source" / "cifar_lab" / "course" / "syllabus.toml")
        (place / "venv").symlink_to(sys.prefix)
        (place / "submission_metadata.json").write_text("{}")
        yield place


def _cut(course: Path) -> None:
    """Cut the course to its first lesson, which needs no Keras: the tests then take seconds."""
    text = course.read_text(encoding="utf-8")
    first, second = (match.start() for match in [*re.finditer(r"^\[\[lessons\]\]", text, re.M)][:2])
    course.write_text(text[:second], encoding="utf-8")
    assert first < second


def container() -> list[str]:
    """Return arguments that run a command as root in a container without sandboxes."""
    arguments = ["bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc"]
    arguments += ["--die-with-parent", "--cap-drop", "ALL"]
    for capability in CONTAINER:
        arguments += ["--cap-add", f"CAP_{capability}"]
    # an image's Python is readable for all; here it may lie where only root can read
    prefixes = {Path(sys.prefix), Path(sys.base_prefix)}
    closed = {p for prefix in prefixes for p in prefix.parents if not p.stat().st_mode & 0o001}
    for folder in sorted(closed):
        arguments += ["--perms", "0755", "--tmpfs", str(folder)]
    for parent in sorted({p for prefix in prefixes for p in prefix.parents}):
        if closed & {parent, *parent.parents}:
            arguments += ["--perms", "0755", "--dir", str(parent)]
    for prefix in sorted(prefixes):
        arguments += ["--ro-bind", str(prefix), str(prefix)]
    return arguments


def run(autograder: Path, within: list[str]) -> dict:
    """Grade what is in the folder; return the results."""
    done = subprocess.run(
        [*within, autograder / "run_autograder", autograder],
        env={"PATH": os.environ["PATH"], "A_SECRET": "x"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((autograder / "results" / "results.json").read_text(encoding="utf-8"))


def put(autograder: Path, text: str) -> None:
    """Put lesson 1 alone into the submission."""
    file = autograder / "submission" / "cifar_course" / "normalization.py"
    file.write_text(text, encoding="utf-8")


# --- the bundle -----------------------------------------------------------------------------------


def test_both_scripts_are_at_the_root_and_executable(archive, tmp_path):
    for name in ("setup.sh", "run_autograder"):
        entry = archive.getinfo(name)
        assert entry.external_attr >> 16 == 0o100755 and entry.create_system == 3
        script = archive.read(name)
        assert script.startswith(b"#!/usr/bin/env bash\n") and b"\r" not in script
        assert subprocess.run(["bash", "-n"], input=script).returncode == 0


def test_all_that_grading_needs_is_in_it_and_no_answers(archive):
    names = archive.namelist()
    for lesson in syllabus.lessons():
        for exercise in lesson.exercises:
            assert syllabus.test_file(exercise).relative_to(syllabus.ROOT).as_posix() in names
        assert f"cifar_course/{lesson.module}.py" in names
    assert {"pyproject.toml", "constraints.txt", "cifar_lab/course/syllabus.toml"} <= set(names)
    for name in names:
        assert not name.startswith(("solutions/", "lessons/", "tests/corpus/answers/")), name
        lines = map(str.strip, archive.read(name).decode().splitlines())
        assert not name.endswith(".py") or OPEN not in lines, name


def test_the_command_writes_it(reference, command, tmp_path):
    done = command("gradescope", "--out", tmp_path / "autograder.zip")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["autograder.zip"]
    done = command("gradescope", "--out", tmp_path / "nowhere" / "autograder.zip")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


# --- a submission -------------------------------------------------------------------------------


@needs_the_sandbox
@pytest.mark.parametrize("within", ["a machine", "a container"])
def test_a_submission_is_graded(autograder, reference, within):
    put(autograder, (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8"))
    found = run(autograder, [] if within == "a machine" else container())
    points = sum(e.points for e in syllabus.find(["normalization"]))
    assert found.get("score") == points, found["output"]
    assert points == pytest.approx(sum(t["score"] for t in found["tests"]))
    assert sum(test["max_score"] for test in found["tests"]) == pytest.approx(points)
    assert {test["status"] for test in found["tests"]} == {"passed"}
    data = found["extra_data"]
    assert data["outcome"] == "graded" and data["trusted"] == (within == "a machine")
    assert (NO_FULL_SANDBOX in found["output"]) == (within == "a container")


@needs_the_sandbox
@pytest.mark.parametrize("within", ["a machine", "a container"])
def test_a_submission_reaches_nothing_and_leaves_nobody(autograder, within):
    spied = autograder / "spied"
    spied.touch()
    spied.chmod(0o666)
    text = SPY.format(
        tests=str(autograder / "source" / "tests" / "grading"),
        points=str(autograder / "source" / "cifar_lab" / "course" / "syllabus.toml"),
        results=str(autograder / "results" / "results.json"),
        report=str(spied),
    )
    put(autograder, text)
    users = f"stat --format %u /proc/[0-9]* > {autograder / 'users'} || true"
    afterwards = ["bash", "-euc", f'"$@"; {users}', "bash"]
    found = run(autograder, [] if within == "a machine" else [*container(), *afterwards])
    assert found["extra_data"]["outcome"] == "graded" and found["score"] == 0
    # in a sandbox it cannot even report what it has read
    assert spied.read_text() == ("" if within == "a machine" else "[]")
    if within == "a container":
        users = map(int, (autograder / "users").read_text().split())
        assert max(users) < FIRST_USER


@needs_the_sandbox
def test_an_unprivileged_user_who_can_read_the_tests_is_a_grading_error(autograder):
    """The course's folder is still open to everybody."""
    code = (
        "from pathlib import Path; from cifar_lab.sandbox.unprivileged import UnprivilegedUser\n"
        f"UnprivilegedUser(Path({str(autograder / 'submission')!r}))"
    )
    done = subprocess.run(
        [*container(), str(autograder / "venv" / "bin" / "python"), "-c", code],
        env={"PYTHONPATH": str(autograder / "source"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    message = done.stderr.splitlines()[-1]
    assert (
        "GradingError: the sandbox is not closed" in message
        and "['the points', 'the reference', 'the tests']" in message
    )


def test_only_root_can_start_an_unprivileged_user(submission_with, monkeypatch):
    monkeypatch.setattr(unprivileged.os, "getuid", lambda: 1000)
    with pytest.raises(sandbox.NoSandbox, match="only root"):
        unprivileged.UnprivilegedUser(submission_with())


def test_a_grading_that_breaks_is_not_graded_and_no_zero(tmp_path, monkeypatch):
    def broken(*task):
        raise OSError("no space left on device")

    for name in ("submission", "results"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(gradescope, "grade", broken)
    monkeypatch.setattr(gradescope, "_can_build_sandboxes", lambda: True)
    with pytest.raises(OSError, match="no space"):
        gradescope.run(tmp_path)
    found = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert found["extra_data"]["outcome"] == "not graded" and "score" not in found
