"""The board: lessons, exercises, points, what is next."""

import io
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cifar_lab.course import progress, syllabus
from cifar_lab.course.verdict import ExerciseVerdict, Status, total, total_hidden

SIGNS = dict(zip(Status, "✓✗· ", strict=True))
PLAIN_SIGNS = dict(zip(Status, "+x. ", strict=True))
GIVEN_UP = " *"
COLORS = dict(zip(Status, ("green", "red", "dim", "dim"), strict=True))


def console(**settings) -> Console:
    """Return a console for the board, without the highlighting of numbers and names."""
    return Console(highlight=False, **settings)


def signs(target: Console) -> Mapping[str, str]:
    """Return a sign for each status; plain ASCII unless `target` can show more."""
    return SIGNS if target.encoding.lower().startswith("utf") else PLAIN_SIGNS


def show(folder: Path, verdicts: Mapping[str, ExerciseVerdict], target: Console) -> None:
    """Print the board for the submission in `folder`."""
    judged = [verdict for verdict in verdicts.values() if verdict.tests]
    target.print(f"Judged: {folder}", soft_wrap=True)
    given_up = progress.given_up(folder)
    target.print(_table(verdicts, given_up, target))
    if given_up:
        target.print(f"{GIVEN_UP.strip()} its solution was shown before it passed", style="dim")
    reached, _ = total(judged)
    possible = sum(e.points for e in syllabus.exercises().values())
    target.print(f"{reached:g} of {possible:g} points", style="bold")
    hidden, worth = total_hidden(judged)
    if worth:
        target.print(f"Hidden tests: {hidden:g} of {worth:g} points")
    following = next_exercise(verdicts)
    if following:
        notebook = f"lessons/{syllabus.lesson(following.module).notebook}.ipynb"
        minutes = f"about {following.minutes} minutes"
        target.print(f"Next: {following.id}, {minutes}: open {notebook}", soft_wrap=True)
    else:
        target.print("All done. To hand it in: cifar-course pack submission.zip", soft_wrap=True)


def next_exercise(verdicts: Mapping[str, ExerciseVerdict]) -> syllabus.Exercise | None:
    """Return the first exercise that has not passed."""
    for id, exercise in syllabus.exercises().items():
        if id not in verdicts or not verdicts[id].passed:
            return exercise
    return None


def as_text(folder: Path, verdicts: Mapping[str, ExerciseVerdict]) -> str:
    """Return the board as plain text, with characters that standard output can encode."""
    buffer = io.TextIOWrapper(io.BytesIO(), encoding=sys.stdout.encoding or "ascii", newline="\n")
    show(folder, verdicts, console(file=buffer, width=80, force_jupyter=False))
    buffer.flush()
    return buffer.buffer.getvalue().decode(buffer.encoding)


def _table(
    verdicts: Mapping[str, ExerciseVerdict], given_up: Collection[str], target: Console
) -> Table:
    sign = signs(target)
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("exercise", no_wrap=True)
    table.add_column("status")
    table.add_column("points", justify="right")
    for lesson in syllabus.lessons():
        table.add_row(f"[bold]{lesson.number} {lesson.module}[/]")
        for exercise in lesson.exercises:
            verdict = verdicts.get(exercise.id)
            status = verdict.status if verdict else Status.NOT_JUDGED
            points = f"{verdict.points:g}" if verdict else "-"
            table.add_row(
                f"  {exercise.name}{GIVEN_UP if exercise.id in given_up else ''}",
                f"[{COLORS[status]}]{sign[status]} {status}[/]",
                f"{points} / {exercise.points:g}",
                end_section=exercise is lesson.exercises[-1],
            )
    return table
