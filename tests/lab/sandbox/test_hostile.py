"""Submissions that attack the grader gain nothing by it; unusual but right ones lose nothing.

The submissions are cells of tests/corpus/hostile/*.py. Each is added to a module of the reference.
Lines under its title state what is expected:

    # earns: 2                          points; by default all
    # failures: crash, none             failure kinds that its tests may have; `none`: it answered
    # verdict: invalid submission       of its intake
    # judges: normalization.one_hot     exercises; by default `normalization.standardize`
    # seconds: 4                        for one call; given if a call never ends
    # place: before                     add it before the reference's text, not after it
    # module: cnn                       the module to add it to; by default `normalization`
    # without: normalization            a module that the submission lacks
    # heavy: yes                        it takes gigabytes or minutes: never in an ordinary run

A cell that defines `attack` answers right only if the attack returns something true. After each
submission no message has arrived outside, no file has been written, no process is left, and no
secret has been read.
"""

import contextlib
import fcntl
import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.verdict import total
from cifar_lab.grading import intake
from cifar_lab.grading.run import judge
from cifar_lab.quality import corpus
from cifar_lab.sandbox import users
from cifar_lab.testing.options import GradingOptions

FILE = re.compile(r"^# --- file: (.+)$\n", re.MULTILINE)
MODULE = "cifar_course/normalization.py"
ATTACKED = """

knows = standardize

def standardize(images, mean, std):
    if attack():
        return knows(images, mean, std)
    images[...] = 0
"""
SEED, SHARE = 2026, 3  # an ordinary run takes a third of the corpus


@dataclass(frozen=True)
class Entry:
    """One submission, and the results that are expected."""

    title: str
    settings: dict[str, str]
    files: dict[str, str] = field(hash=False)

    @property
    def judges(self) -> list[syllabus.Exercise]:
        """Return the exercises that are judged."""
        return syllabus.find(self.settings.get("judges", "normalization.standardize").split(", "))

    @property
    def earns(self) -> float:
        """Return the points."""
        return float(self.settings.get("earns", sum(e.points for e in self.judges)))

    @property
    def failures(self) -> set[str]:
        """Return the failure kinds that its tests may have."""
        return set(self.settings.get("failures", "none").split(", "))


def entries() -> list[Entry]:
    """Return the corpus."""
    found = []
    for cell in corpus.cells(corpus.CORPUS / "hostile"):
        code, *others = FILE.split(cell.text)
        files = dict(zip(others[::2], others[1::2], strict=True))
        entry = Entry(f"{cell.file}: {cell.title}", cell.settings, files)
        own = cell.settings.get("module", "normalization")
        for module in {own, *(exercise.module for exercise in entry.judges)}:
            if module != cell.settings.get("without"):
                name = f"cifar_course/{module}.py"
                files[name] = _module(name, code if module == own else "", cell.settings)
        found.append(entry)
    return found


def _module(name: str, code: str, settings: dict[str, str]) -> str:
    reference = (stubs.REFERENCE / name).read_text(encoding="utf-8")
    if settings.get("place") == "before":
        return code + reference
    return reference + code + (ATTACKED if "def attack" in code else "")


def parameters() -> list:
    """Return the corpus; only a sample of it runs without `-m proof`."""
    everything = entries()
    light = [entry for entry in everything if "heavy" not in entry.settings]
    sample = random.Random(SEED).sample(light, len(everything) // SHARE)
    return [
        pytest.param(entry, id=entry.title, marks=[] if entry in sample else [pytest.mark.proof])
        for entry in everything
    ]


# --- canaries -------------------------------------------------------------------------------------


@dataclass
class Canaries:
    """Files, sockets and secrets that no submission may reach.

    Attributes:
        placeholders: Their paths and values, by the names that a cell has for them.
        contacted: Names of the sockets that have received something.
    """

    placeholders: dict[str, str]
    contacted: list[str] = field(default_factory=list)

    def fill_in(self, text: str) -> str:
        """Return a cell's text with the value of each @PLACEHOLDER@."""
        for name, value in self.placeholders.items():
            text = text.replace(f"@{name}@", value)
        return text


@pytest.fixture
def canaries(tmp_path: Path, monkeypatch) -> Iterator[Canaries]:
    """Set up a label, an environment variable, a folder that all may write to, three sockets."""
    mark = f"canary-{os.getpid()}-{random.randrange(10**9)}"
    outside, label = tmp_path / "outside", tmp_path / "label.txt"
    outside.mkdir()
    label.write_text(f"the label is {mark}", encoding="utf-8")
    for path, mode in ((outside, 0o777), (label, 0o644)):
        path.chmod(mode)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)  # the sandbox is to protect the label, not these folders
    monkeypatch.setenv("A_SECRET", mark)
    values = {"LABEL": str(label), "OUTSIDE": str(outside), "SECRET": mark, "MARK": mark}
    values["ROOT"] = str(syllabus.ROOT)
    found = Canaries(values)
    with contextlib.ExitStack() as stack:
        for name, address in (("TCP", ("127.0.0.1", 0)), ("", f"\0{mark}"), ("UDP", ("", 0))):
            family = socket.AF_INET if name else socket.AF_UNIX
            kind = socket.SOCK_DGRAM if name == "UDP" else socket.SOCK_STREAM
            listener = stack.enter_context(socket.socket(family, kind))
            listener.bind(address)
            if name:
                values[name] = str(listener.getsockname()[1])
            stack.enter_context(_listening(listener, name or "abstract", found.contacted))
        yield found


@contextlib.contextmanager
def _listening(listener: socket.socket, name: str, contacted: list[str]) -> Iterator[None]:
    """Listen on a socket; add its name to `contacted` if something arrives."""

    def listen() -> None:
        with contextlib.suppress(OSError):
            if listener.type == socket.SOCK_STREAM:
                listener.listen()
                listener.accept()
            else:
                listener.recvfrom(1)
            contacted.append(name)

    listener.settimeout(600)
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)


def survivors() -> list[str]:
    """Return the processes of sandboxes' users whose sandbox has ended."""
    if os.getuid() != 0:
        return []  # then the sandbox's user is the grader's
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (process / "status").read_text()
            user = int(re.search(r"^Uid:\t(\d+)", status, re.MULTILINE)[1])
            if user >= users.FIRST_USER and not is_reserved(user):
                found.append((process / "comm").read_text())
    return found


def is_reserved(user: int) -> bool:
    """Return True if a running sandbox has this user: others may grade at the same time."""
    with (users.LOCKS / str(user)).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_for(condition: Callable[[], object]) -> bool:
    """Return True if the condition becomes true within 5 seconds: processes end with a delay."""
    return any(condition() or time.sleep(0.05) for _ in range(100))


# --- the corpus -----------------------------------------------------------------------------------


@pytest.mark.sandboxed
@pytest.mark.parametrize("entry", parameters())
def test_a_submission_gets_the_expected_results(entry, canaries, tmp_path, reference):
    given, taken = tmp_path / "given", tmp_path / "taken"
    for name, text in entry.files.items():
        file = given / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(canaries.fill_in(text), encoding="utf-8")
    submission = intake.take_in(given, "eve", taken)
    expected = entry.settings.get("verdict", "graded")
    assert submission.valid == (expected == "graded"), submission
    verdicts = {}
    if submission.valid:
        seconds = float(entry.settings.get("seconds", 60))
        verdicts = judge(taken, entry.judges, GradingOptions(sandbox=True, seconds=seconds))
    tests = [test for verdict in verdicts.values() for test in verdict.tests]
    messages = "\n".join(f"{test.name}: {test.failure_kind}: {test.message}" for test in tests)
    assert total(list(verdicts.values()))[0] == entry.earns, messages
    failures = {test.failure_kind or "none" for test in tests if not test.passed}
    assert failures <= entry.failures, messages
    assert not canaries.contacted
    assert canaries.placeholders["SECRET"] not in messages
    assert messages.replace("\n", "").isprintable()
    assert not list(Path(canaries.placeholders["OUTSIDE"]).iterdir())
    assert not list(Path("/tmp").glob(f"*{canaries.placeholders['MARK']}*"))
    assert wait_for(lambda: not survivors()), survivors()


def test_the_corpus_is_large_and_states_what_it_expects():
    titles = [entry.title for entry in entries()]
    assert len(set(titles)) == len(titles) >= 60
    for entry in entries():
        assert "earns" in entry.settings or entry.title.startswith("honest"), entry.title


@pytest.mark.sandboxed
def test_an_attack_that_succeeds_would_earn_points(tmp_path, reference):
    """The assertions on the corpus fail if an attack succeeds."""
    (tmp_path / "cifar_course").mkdir()
    text = _module(MODULE, "\ndef attack():\n    return True\n", {})
    (tmp_path / MODULE).write_text(text, encoding="utf-8")
    exercises = syllabus.find(["normalization.standardize"])
    (verdict,) = judge(tmp_path, exercises, GradingOptions(sandbox=True)).values()
    assert verdict.passed


# --- files that are not UTF-8 text ----------------------------------------------------------------


def _reference() -> bytes:
    return (stubs.REFERENCE / MODULE).read_bytes()


VALID_BYTES = {
    "a byte order mark": lambda: b"\xef\xbb\xbf" + _reference(),
    "Windows line ends": lambda: _reference().replace(b"\n", b"\r\n"),
    "old Mac line ends": lambda: _reference().replace(b"\n", b"\r"),
    "no line end at the end": lambda: _reference().rstrip(),
}
INVALID_BYTES = {
    "Latin-1": lambda: "# é\n".encode("latin-1") + _reference(),
    "UTF-16": lambda: _reference().decode().encode("utf-16"),
    "a zero byte": lambda: _reference() + b"\0",
    "a megabyte": lambda: _reference() + b"#" * 2**20,
}


@pytest.mark.sandboxed
@pytest.mark.parametrize("title", VALID_BYTES)
def test_unusual_but_valid_bytes_earn_everything(title, tmp_path, reference):
    package = tmp_path / "given" / "cifar_course"
    package.mkdir(parents=True)
    (package / "normalization.py").write_bytes(VALID_BYTES[title]())
    assert intake.take_in(tmp_path / "given", "ada", tmp_path / "taken").valid
    exercises = syllabus.find(["normalization.standardize"])
    (verdict,) = judge(tmp_path / "taken", exercises, GradingOptions(sandbox=True)).values()
    assert verdict.passed, verdict


@pytest.mark.parametrize("title", INVALID_BYTES)
def test_bytes_that_are_not_source_are_an_invalid_submission(title, tmp_path, reference):
    package = tmp_path / "given" / "cifar_course"
    package.mkdir(parents=True)
    (package / "normalization.py").write_bytes(INVALID_BYTES[title]())
    assert not intake.take_in(tmp_path / "given", "ada", tmp_path / "taken").valid


@pytest.mark.parametrize("make", ["symlink", "pipe", "socket", "folder"])
def test_a_module_that_is_not_a_file_is_an_invalid_submission(make, tmp_path, monkeypatch):
    package = tmp_path / "given" / "cifar_course"
    package.mkdir(parents=True)
    file, secret = package / "normalization.py", tmp_path / "secret"
    secret.write_text("the labels")
    if make == "symlink":
        file.symlink_to(secret)
    elif make == "pipe":
        os.mkfifo(file)
    elif make == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            monkeypatch.chdir(package)  # a socket's path must be short
            listener.bind(file.name)
    else:
        file.mkdir()
    assert not intake.take_in(tmp_path / "given", "eve", tmp_path / "taken").valid
