"""Submissions that attack the grader earn nothing for it; odd but honest ones lose nothing.

The submissions are cells of tests/corpus/hostile/*.py. Each is added to a module of the reference. Under
its title stands what must come of it:

    # earns: 2                          points; all there are if it does not say
    # failures: crash, none               what may have kept it from answering; `none` if it answered
    # verdict: invalid submission       of its intake
    # judges: normalization.one_hot     exercises; `normalization.standardize` if it does not say
    # seconds: 4                        for one call, where none comes to an end
    # place: before                     it stands before the reference's text, not after it
    # module: cnn                       what it is added to; `normalization` if it does not say
    # without: normalization            a module that is not handed in
    # heavy: yes                        it takes gigabytes or minutes: never in an ordinary run

A cell that defines `attack` does not know how to standardise: its answers are right where the
attack returns something true, and wrong everywhere else. Whatever it does, nobody outside hears
of it, no file appears, no process stays, and no secret is read.
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
from cifar_lab.sandbox import sandbox

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
    """One submission, and what must come of it."""

    title: str
    settings: dict[str, str]
    files: dict[str, str] = field(hash=False)

    @property
    def judges(self) -> list[syllabus.Exercise]:
        """The exercises that are judged."""
        return syllabus.find(self.settings.get("judges", "normalization.standardize").split(", "))

    @property
    def earns(self) -> float:
        """Points."""
        return float(self.settings.get("earns", sum(e.points for e in self.judges)))

    @property
    def problems(self) -> set[str]:
        """What may have kept it from answering."""
        return set(self.settings.get("failures", "none").split(", "))


def entries() -> list[Entry]:
    """The corpus."""
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
    """The corpus; what is no part of the sample is proof."""
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
    """What must not be seen, heard or changed; the words that a cell may name it by."""

    words: dict[str, str]
    heard: list[str] = field(default_factory=list)

    def put_into(self, text: str) -> str:
        """A cell's text with its @WORDS@ filled in."""
        for word, value in self.words.items():
            text = text.replace(f"@{word}@", value)
        return text


@pytest.fixture
def canaries(tmp_path: Path, monkeypatch) -> Iterator[Canaries]:
    """A label, a variable, a folder that all may write to, and three listeners."""
    mark = f"canary-{os.getpid()}-{random.randrange(10**9)}"
    outside, label = tmp_path / "outside", tmp_path / "label.txt"
    outside.mkdir()
    label.write_text(f"the label is {mark}", encoding="utf-8")
    for path, mode in ((outside, 0o777), (label, 0o644)):
        path.chmod(mode)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)  # the sandbox keeps it away, not these
    monkeypatch.setenv("A_SECRET", mark)
    words = {"LABEL": str(label), "OUTSIDE": str(outside), "SECRET": mark, "MARK": mark}
    words["ROOT"] = str(syllabus.ROOT)
    found = Canaries(words)
    with contextlib.ExitStack() as stack:
        for name, address in (("TCP", ("127.0.0.1", 0)), ("", f"\0{mark}"), ("UDP", ("", 0))):
            family = socket.AF_INET if name else socket.AF_UNIX
            kind = socket.SOCK_DGRAM if name == "UDP" else socket.SOCK_STREAM
            listener = stack.enter_context(socket.socket(family, kind))
            listener.bind(address)
            if name:
                words[name] = str(listener.getsockname()[1])
            stack.enter_context(_heard(listener, name or "abstract", found.heard))
        yield found


@contextlib.contextmanager
def _heard(listener: socket.socket, name: str, heard: list[str]) -> Iterator[None]:
    """Listen to a socket, and note whoever speaks."""

    def listen() -> None:
        with contextlib.suppress(OSError):
            if listener.type == socket.SOCK_STREAM:
                listener.listen()
                listener.accept()
            else:
                listener.recvfrom(1)
            heard.append(name)

    listener.settimeout(600)
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)


def survivors() -> list[str]:
    """Processes of sandboxes' users whose sandbox is gone."""
    if os.getuid() != 0:
        return []  # then the sandbox's user is ours
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (process / "status").read_text()
            user = int(re.search(r"^Uid:\t(\d+)", status, re.MULTILINE)[1])
            if user >= sandbox.FIRST_USER and not taken(user):
                found.append((process / "comm").read_text())
    return found


def taken(user: int) -> bool:
    """Whether a sandbox that stands has this user: others may grade at the same time."""
    with (sandbox.USERS / str(user)).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_for(condition: Callable[[], object]) -> bool:
    """Whether it comes true within some seconds: the kernel ends processes in its own time."""
    return any(condition() or time.sleep(0.05) for _ in range(100))


# --- the corpus -----------------------------------------------------------------------------------


@pytest.mark.sandboxed
@pytest.mark.parametrize("entry", parameters())
def test_a_submission_gets_what_it_deserves(entry, canaries, tmp_path, reference):
    given, taken = tmp_path / "given", tmp_path / "taken"
    for name, text in entry.files.items():
        file = given / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(canaries.put_into(text), encoding="utf-8")
    submission = intake.take_in(given, "eve", taken)
    expected = entry.settings.get("verdict", "graded")
    assert submission.valid == (expected == "graded"), submission
    verdicts = {}
    if submission.valid:
        seconds = float(entry.settings.get("seconds", 60))
        verdicts = judge(taken, entry.judges, sandbox=True, seconds=seconds)
    tests = [test for verdict in verdicts.values() for test in verdict.tests]
    said = "\n".join(f"{test.name}: {test.failure_kind}: {test.message}" for test in tests)
    assert total(list(verdicts.values()))[0] == entry.earns, said
    problems = {test.failure_kind or "none" for test in tests if not test.passed}
    assert problems <= entry.problems, said
    assert not canaries.heard
    assert canaries.words["SECRET"] not in said
    assert said.replace("\n", "").isprintable()
    assert not list(Path(canaries.words["OUTSIDE"]).iterdir())
    assert not list(Path("/tmp").glob(f"*{canaries.words['MARK']}*"))
    assert wait_for(lambda: not survivors()), survivors()


def test_the_corpus_is_large_and_says_what_it_expects():
    titles = [entry.title for entry in entries()]
    assert len(set(titles)) == len(titles) >= 60
    for entry in entries():
        assert "earns" in entry.settings or entry.title.startswith("honest"), entry.title


@pytest.mark.sandboxed
def test_a_cheat_whose_attack_succeeds_would_be_seen(tmp_path, reference):
    """What the corpus asserts would fail if an attack succeeded."""
    (tmp_path / "cifar_course").mkdir()
    text = _module(MODULE, "\ndef attack():\n    return True\n", {})
    (tmp_path / MODULE).write_text(text, encoding="utf-8")
    exercises = syllabus.find(["normalization.standardize"])
    (verdict,) = judge(tmp_path, exercises, sandbox=True).values()
    assert verdict.passed


# --- what no text can hold ------------------------------------------------------------------------


def _reference() -> bytes:
    return (stubs.REFERENCE / MODULE).read_bytes()


HONEST_BYTES = {
    "a byte order mark": lambda: b"\xef\xbb\xbf" + _reference(),
    "lines that end as on Windows": lambda: _reference().replace(b"\n", b"\r\n"),
    "lines that end as they once did": lambda: _reference().replace(b"\n", b"\r"),
    "no last line end": lambda: _reference().rstrip(),
}
NO_SOURCE = {
    "Latin-1": lambda: "# é\n".encode("latin-1") + _reference(),
    "UTF-16": lambda: _reference().decode().encode("utf-16"),
    "a zero byte": lambda: _reference() + b"\0",
    "a megabyte": lambda: _reference() + b"#" * 2**20,
}


@pytest.mark.sandboxed
@pytest.mark.parametrize("title", HONEST_BYTES)
def test_bytes_that_are_odd_but_honest_earn_everything(title, tmp_path, reference):
    package = tmp_path / "given" / "cifar_course"
    package.mkdir(parents=True)
    (package / "normalization.py").write_bytes(HONEST_BYTES[title]())
    assert intake.take_in(tmp_path / "given", "ada", tmp_path / "taken").valid
    exercises = syllabus.find(["normalization.standardize"])
    (verdict,) = judge(tmp_path / "taken", exercises, sandbox=True).values()
    assert verdict.passed, verdict


@pytest.mark.parametrize("title", NO_SOURCE)
def test_bytes_that_are_no_source_are_an_invalid_submission(title, tmp_path, reference):
    package = tmp_path / "given" / "cifar_course"
    package.mkdir(parents=True)
    (package / "normalization.py").write_bytes(NO_SOURCE[title]())
    assert not intake.take_in(tmp_path / "given", "ada", tmp_path / "taken").valid


@pytest.mark.parametrize("make", ["symlink", "pipe", "socket", "folder"])
def test_what_is_no_file_is_an_invalid_submission(make, tmp_path, monkeypatch):
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
