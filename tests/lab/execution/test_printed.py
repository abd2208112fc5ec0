"""Prints of learner code stand below the message of the test that failed."""

import pytest

from cifar_lab.course import syllabus
from cifar_lab.execution.printed import LIMIT, Printed
from cifar_lab.grading.run import judge
from cifar_lab.testing.options import GradingOptions


@pytest.fixture
def message(submission_with, reference):
    """Return a function that adds a `one_hot`, and returns the first failure's message."""
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")

    def first(lines, **options):
        body = "".join(f"    {line}\n" for line in lines.splitlines())
        folder = submission_with(
            normalization=f"{text}\n\ndef one_hot(labels, num_classes):\n{body}"
        )
        verdicts = judge(folder, syllabus.find(["one_hot"]), GradingOptions(**options))
        return verdicts["normalization.one_hot"].first_failure.message

    return first


BOTH = [
    pytest.param({}, id="here"),
    pytest.param({"sandbox": True}, id="sandboxed", marks=pytest.mark.sandboxed),
]


@pytest.mark.parametrize("options", BOTH)
def test_prints_are_shown_below_the_message(message, options):
    shown = message('print("shape", labels.shape)\nreturn 1', **options)
    assert "\n\nYour code printed:\n  shape (" in shown
    assert shown.startswith("Called normalization.one_hot(")


@pytest.mark.parametrize("options", BOTH)
def test_the_last_lines_are_shown_when_code_raises(message, options):
    shown = message('for i in range(100):\n    print("line", i)\nraise ValueError("no")', **options)
    _, heading, lines = shown.partition("Your code printed (the last lines):\n")
    assert "ValueError: no" in shown and heading
    assert lines.splitlines() == [f"  line {i}" for i in range(80, 100)]


def test_prints_of_code_that_is_stopped_are_shown(message):
    shown = message('print("before")\nwhile True:\n    pass', seconds=0.5)
    assert "stopped after 0.5 s" in shown and "Your code printed:\n  before" in shown


def test_a_flood_and_commands_to_the_terminal_do_no_harm(message):
    lines = r"""
print("x" * 10_000_000)
print("\x1b[31mred\x1b[0m", "10%\r20%\r30%")
print("\x07 bell \u202e back <b>bold</b>")
return 1
"""
    shown = message(lines)
    assert len(shown) < 2 * LIMIT + 1000
    assert "red 10%" not in shown and "\x1b" not in shown and "\x07" not in shown
    assert "\n  30%\n" in shown and "\u202e" not in shown


def test_code_that_prints_nothing_has_no_such_heading(message):
    assert "printed" not in message("return 1")


def test_the_stream_has_what_code_expects_of_standard_output():
    printed = Printed()
    with printed.kept():
        import sys

        sys.stdout.buffer.write(b"bytes ")
        sys.stdout.flush()
        print("\ud800 is no character", file=sys.stdout)
        assert not sys.stdout.isatty()
    assert printed.take() == "bytes ? is no character\n"
    assert printed.take() == ""
