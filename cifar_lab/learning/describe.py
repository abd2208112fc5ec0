"""A verdict in words, as plain text and as HTML."""

import re
from html import escape

from cifar_lab.course.verdict import ExerciseVerdict, Status, TestVerdict

SIGNS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.NOT_WRITTEN: "…"}
# of middle lightness, for light and dark themes; the sign says the same without color
COLORS = {Status.PASSED: "#3d8fd1", Status.FAILED: "#d9730d", Status.NOT_WRITTEN: "#8a8a8a"}
# how the lines of a message begin, and what stands beside them in a table
OPENINGS = {
    "Called ": "Called",
    "It returned ": "Returned",
    "It raised ": "Raised",
    "Expected ": "Expected",
    "Because ": "Because",
    "It looks as if ": "It looks as if",
}
BOX = "border-left:4px solid {color};padding:2px 12px;margin:6px 0"
CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0;background:none"


def describe(verdict: ExerciseVerdict, all_tests: bool = False, more: str = "") -> str:
    """Return a verdict as text, with the first failure's message and the first hint.

    Args:
        verdict: The verdict.
        all_tests: Show the messages of all tests that failed.
        more: What to do for the next hint; by default the command.
    """
    exercise = verdict.exercise
    lines = [f"{exercise.id}: {verdict.status}, {_counts(verdict)}"]
    if condition := _condition(verdict):
        lines.append(condition)
    failure = verdict.first_failure
    if verdict.status == Status.FAILED:
        shown = [test for test in verdict.tests if not test.passed] if all_tests else [failure]
        for test in shown:
            lines += ["", f"{test.name}:", *("  " + line for line in test.message.splitlines())]
    if not verdict.passed:
        # the first hint is about the idea, not about a mistake that the message has named
        heading = "In general" if failure.mistake else "Hint"
        lines += ["", f"{heading}: {exercise.hints[0]}"]
        lines += [f"More: {more or f'cifar-course hint {exercise.id}'}"]
    return "\n".join(lines)


def _counts(verdict: ExerciseVerdict) -> str:
    """Return the numbers of tests and points of a verdict."""
    points = f"{verdict.points:g} of {verdict.exercise.points:g} points"
    if verdict.status == Status.NOT_WRITTEN:
        return points
    # "failed, 5 of 6 tests" would read as five failures
    passed = " passed" if verdict.status == Status.FAILED else ""
    right = sum(test.passed for test in verdict.tests)
    return f"{right} of {len(verdict.tests)} tests{passed}, {points}"


def _condition(verdict: ExerciseVerdict) -> str:
    """Return what must pass before tests that passed earn points; "" if they do already."""
    main = [test.name for test in verdict.tests if test.main]
    if verdict.status != Status.FAILED or verdict.points or not main:
        return ""
    if not any(test.passed for test in verdict.tests):
        return ""
    return f"What passed earns points once this holds, too: {' Or: '.join(main)}"


def as_html(verdict: ExerciseVerdict, link: str = "", note: str = "") -> str:
    """Return a verdict as HTML that any theme can show, with all hints folded.

    Args:
        verdict: The verdict.
        link: Where the module's file is.
        note: A sentence to put below the first line.
    """
    exercise, color = verdict.exercise, COLORS[verdict.status]
    module = f"{exercise.module}.py"
    place = escape(module)
    if link:
        place = f'<a style="color:inherit" href="{escape(link)}">{place}</a>'
    parts = [
        f'<div><b style="color:{color}">{SIGNS[verdict.status]} {verdict.status}</b> '
        f"<code>{escape(exercise.id)}</code>, {escape(_counts(verdict))} ({place})</div>"
    ]
    for line in filter(None, (_condition(verdict), note)):
        parts.append(f"<div>{escape(line)}</div>")
    if verdict.status == Status.FAILED:
        parts.append(_failure_as_html(verdict.first_failure))
    if not verdict.passed:
        parts.append(_hints_as_html(exercise.hints))
    return f'<div style="{BOX.format(color=color)}">{"".join(parts)}</div>'


def _failure_as_html(test: TestVerdict) -> str:
    """Return the name of a test that failed, and its message as a table."""
    rows, rest = [], []
    for line in test.message.splitlines():
        opening = next((begin for begin in OPENINGS if line.startswith(begin)), None)
        if opening and not rest:
            rows.append((OPENINGS[opening], line.removeprefix(opening)))
        else:
            rest.append(line)
    table = "".join(
        f'<tr style="background:none"><th style="{CELL}">{title}</th>'
        f'<td style="{CELL}">{_value_as_html(title, text)}</td></tr>'
        for title, text in rows
    )
    more = f"<pre>{escape(chr(10).join(rest))}</pre>" if rest else ""
    table = f'<table style="font-size:inherit">{table}</table>'
    return f"<div>{escape(test.name)}:</div>{table}{more}"


def _value_as_html(title: str, text: str) -> str:
    is_code = title in ("Called", "Returned", "Raised", "Expected")
    return f"<code>{escape(text)}</code>" if is_code else escape(text)


def _marked_up(text: str) -> str:
    """Return a text of the syllabus, in which code has backticks and emphasis has stars."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"(?<![\w*])\*(\w[^*]*\w)\*(?![\w*])", r"<em>\1</em>", text)


def _hints_as_html(hints: tuple[str, ...]) -> str:
    """Return hints that unfold one after the other: each holds the next."""
    inner = ""
    for number, hint in reversed(list(enumerate(hints, 1))):
        inner = (
            f"<details><summary>Hint {number} of {len(hints)}</summary>"
            f"<div style='padding-left:12px'>{_marked_up(hint)}{inner}</div></details>"
        )
    return inner
