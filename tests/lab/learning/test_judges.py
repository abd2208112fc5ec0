"""The processes that judge for `watch`: forked children, or one that loads modules again."""

import queue
import sys

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import FailureKind, Status
from cifar_lab.learning import judge_server
from cifar_lab.learning.judges import Judges, unfinished

linux = pytest.mark.skipif(not judge_server.FORKS, reason="no forks on this system")
WAYS = [pytest.param((), marks=linux, id="fork"), pytest.param(("--no-fork",), id="no fork")]
ENDLESS = "    while True:\n        pass\n"


@pytest.fixture
def lesson_1(submission_with, reference):
    """Return a function that adds a `one_hot` to the reference's lesson 1."""
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    head = "def one_hot(labels, num_classes):\n"
    return lambda body="": submission_with(
        normalization=f"{text}\n\n{head}{body}" if body else text
    )


@pytest.fixture
def judges():
    """Return a function that opens judges, and their events in a queue."""
    opened = []

    def make(folder, *options, seconds=None):
        events = queue.Queue()
        opened.append(Judges(folder, lambda *event: events.put(event), seconds, options))
        return opened[-1], events

    yield make
    for each in opened:
        each.close()


def exercise(name):
    (found,) = syllabus.find([name])
    return found


def outcome(events):
    """Return the events of one request, merged: the last verdicts, and how it ended."""
    merged = {}
    while "ended" not in merged:
        _, event = events.get()
        if "begins" not in event:
            merged.pop("begins", None)
        merged |= event
    return merged


def passed(found):
    return bool(found["tests"]) and all(test["passed"] for test in found["tests"])


@pytest.mark.parametrize("options", WAYS)
def test_a_changed_module_is_judged_again(lesson_1, judges, options):
    process, events = judges(lesson_1("    return 1\n"), *options)
    for body, right in (("    return 1\n", False), ("", True), ("    return 2\n", False)):
        lesson_1(body)
        process.ask(exercise("one_hot"))
        assert passed(outcome(events)) == right


@pytest.mark.parametrize("options", WAYS)
def test_the_next_question_ends_an_endless_loop(lesson_1, judges, options):
    process, events = judges(lesson_1(ENDLESS), *options)
    process.ask(exercise("one_hot"))
    assert "begins" in events.get()[1]
    lesson_1()
    process.ask(exercise("one_hot"))
    assert passed(outcome(events))


@pytest.mark.parametrize("options", WAYS)
def test_code_that_ends_the_process_is_a_failure_and_the_next_question_is_answered(
    lesson_1, judges, options
):
    folder = lesson_1("    import os\n    os._exit(3)\n")
    process, events = judges(folder, *options)
    process.ask(exercise("one_hot"))
    test = events.get()[1]["begins"]
    end = outcome(events)
    verdict = unfinished(exercise("one_hot"), test, [], end["ended"], folder / "cifar_course")
    assert verdict.status == Status.FAILED
    assert verdict.first_failure.failure_kind == FailureKind.CRASH
    lesson_1()
    process.ask(exercise("one_hot"))
    assert passed(outcome(events))


@linux
def test_a_computation_in_c_is_ended_and_its_line_is_named(lesson_1, judges, monkeypatch):
    """Python cannot interrupt it, so the child ends itself."""
    folder = lesson_1("    return sum(range(10**14))\n")
    process, events = judges(folder, "--grace=0.5", seconds=0.5)
    process.ask(exercise("one_hot"))
    found = outcome(events)
    verdict = unfinished(exercise("one_hot"), "law", [], found["ended"], folder / "cifar_course")
    failure = verdict.first_failure
    assert failure.failure_kind == FailureKind.TIMEOUT
    lines = (folder / "cifar_course" / "normalization.py").read_text().splitlines()
    assert f"normalization.py, line {len(lines)}: return sum(range(10**14))" in failure.message


@linux
def test_keras_is_imported_once(lesson_1, judges):
    """The children that judge inherit it, and train networks."""
    process, events = judges(lesson_1())
    for name in ("compile_cnn", "one_hot", "BatchNorm"):
        process.ask(exercise(name))
        assert passed(outcome(events)), name
    assert len(process._processes) == 2


@linux
def test_a_child_imports_nothing_that_its_parent_could_have(submission_with, judges, tmp_path):
    """Otherwise each verdict would wait for it again."""
    seen = tmp_path / "modules"
    code = (
        "import sys\n"
        "def one_hot(labels, num_classes):\n"
        f"    open({str(seen)!r}, 'w').write(' '.join(sys.modules))\n"
    )
    process, events = judges(submission_with(normalization=code))
    process.ask(exercise("one_hot"))
    outcome(events)
    assert {"scipy.stats", "hypothesis", "scipy.signal"} <= set(seen.read_text().split())


def test_a_keras_that_cannot_start_is_named(lesson_1, judges, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    process, events = judges(lesson_1())
    process.ask(exercise("compile_cnn"))
    assert "Keras cannot start" in outcome(events)["problem"]


def test_closing_ends_the_judges_and_what_they_run(lesson_1, judges, tmp_path):
    own = tmp_path / "pid"
    body = f"    import os\n    open({str(own)!r}, 'w').write(str(os.getpid()))\n" + ENDLESS
    process, events = judges(lesson_1(body))
    process.ask(exercise("one_hot"))
    events.get()
    while not own.exists() or not own.read_text():
        pass
    process.close()
    if sys.platform == "linux":
        status = f"/proc/{own.read_text()}/status"
        try:
            with open(status) as file:  # noqa: PTH123
                assert "State:\tZ" in file.read()
        except FileNotFoundError:
            pass
