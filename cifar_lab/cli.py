"""The command `cifar-course`, with one function for each of its commands.

Functions import what they need: most commands need neither Keras nor Dask, and start at once.
"""

import contextlib
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cifar_lab.course import board, progress, stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.submission import find_submission
from cifar_lab.course.verdict import ExerciseVerdict, Outcome, Status, as_json, total
from cifar_lab.execution.keras_import import KerasCannotStart, import_keras
from cifar_lab.execution.loader import PACKAGE, read_module
from cifar_lab.notebook import describe

# TensorFlow's messages at start-up are not for learners
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

FAILED, CANNOT_JUDGE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Image classification in Keras 3, exercise by exercise.",
)
screen = board.console(soft_wrap=True)

SubmissionOption = Annotated[
    str | None, typer.Option(metavar="DIR", help="The folder around the cifar_course/ to use.")
]
ExerciseName = Annotated[str, typer.Argument(metavar="EXERCISE")]


class UsageError(CourseError):
    """The arguments of a command do not fit each other, or the files they name."""


def main() -> None:
    """Run the command; an error that a person can correct becomes one line and status 2."""
    for stream in (sys.stdout, sys.stderr):
        # a character that the console cannot show must not end the program
        stream.reconfigure(errors="replace")
    try:
        app(standalone_mode=True)
    except (CourseError, KerasCannotStart, OSError) as problem:
        print(f"cifar-course: {problem}", file=sys.stderr)
        raise SystemExit(CANNOT_JUDGE) from None


@contextlib.contextmanager
def _interruptible(advice: str) -> Iterator[None]:
    """Turn Ctrl-C into two lines and status 130."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        print(f"\n{interrupt or 'Interrupted'}", advice, sep="\n", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None


def _judge(folder: Path, exercises: list[syllabus.Exercise]) -> dict[str, ExerciseVerdict]:
    """Judge exercises, and remember the verdicts for the board."""
    from cifar_lab.grading.run import judge

    keys = progress.keys(folder, exercises)
    with _interruptible("Nothing was judged."):
        if any(syllabus.needs_keras(exercise.id) for exercise in exercises):
            import_keras()  # before pytest captures what a failing import prints
        verdicts = judge(folder, exercises)
    progress.remember(folder, verdicts, keys)
    return verdicts


@app.callback(invoke_without_command=True)
def show_board(context: typer.Context, submission: SubmissionOption = None) -> None:
    """Show the board: lessons, exercises, points, the next exercise."""
    if context.invoked_subcommand is not None:
        return
    folder = find_submission(submission)
    every = syllabus.find([])
    # somebody else's folder may hold verdicts that were edited
    known = {} if submission else progress.recall(folder, every)
    changed = [exercise for exercise in every if exercise.id not in known]
    if changed:
        screen.print(f"Judging {len(changed)} exercises that are new or have changed ...")
        known |= _judge(folder, changed)
    board.show(folder, known, board.console())
    from cifar_lab import data

    print(data.describe())


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[EXERCISE or LESSON]...")] = None,
    submission: SubmissionOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the verdicts to FILE.")
    ] = None,
) -> None:
    """Judge exercises or lessons; without a name, all of them.

    For an exercise that fails, the reason and the first hint are shown.
    """
    folder = find_submission(submission)
    if json_file and not json_file.parent.is_dir():
        raise UsageError(f"--json: there is no folder {json_file.parent}; create it first")
    verdicts = _judge(folder, syllabus.find(names or []))
    screen.print(f"Judged: {folder}")
    for verdict in verdicts.values():
        sign = board.signs(screen)[verdict.status]
        screen.print(f"{sign} ", end="", style=board.COLORS[verdict.status])
        screen.print(describe(verdict), markup=False)
    reached, possible = total(list(verdicts.values()))
    if len(verdicts) > 1:
        screen.print(f"{reached:g} of {possible:g} points", style="bold")
    if json_file:
        text = json.dumps(as_json(list(verdicts.values())), indent=1)
        write_whole(json_file, text + "\n")
    if not all(verdict.passed for verdict in verdicts.values()):
        raise typer.Exit(FAILED)


@app.command()
def hint(
    exercise: ExerciseName,
    level: Annotated[
        int | None,
        typer.Option(min=1, max=syllabus.HINT_LEVELS, help="1 is a nudge, 3 an outline."),
    ] = None,
) -> None:
    """Show the next hint for an exercise."""
    entry = _one_exercise(exercise)
    level = level or progress.next_hint_level(find_submission(), entry)
    screen.print(f"{entry.id}, hint {level} of {len(entry.hints)}:", style="bold")
    screen.print(entry.hints[level - 1], markup=False, soft_wrap=False)
    more = "For the next hint, run the same command again."
    if level == len(entry.hints):
        more = "This was the last hint. The lesson explains the rest."
    screen.print(more, style="dim")


def _one_exercise(name: str) -> syllabus.Exercise:
    found = syllabus.find([name])
    if len(found) != 1 or name not in (found[0].id, found[0].name):
        raise syllabus.UnknownExercise(
            f"{name!r} means {len(found)} exercises; name one, such as {found[0].id}"
        )
    return found[0]


@app.command()
def reset(exercise: ExerciseName, submission: SubmissionOption = None) -> None:
    """Put the stub of an exercise back; your answer is kept.

    A module's name instead of an exercise puts all its stubs back.
    """
    folder = find_submission(submission)
    if folder == stubs.REFERENCE:
        raise UsageError("the reference has no stubs; name your own folder with --submission=DIR")
    whole_module = exercise in syllabus.modules()
    module = exercise if whole_module else _one_exercise(exercise).module
    file = folder / PACKAGE / f"{module}.py"
    if not file.exists():
        write_whole(file, stubs.stub(module))
        screen.print(f"{file} was missing; it holds the stubs again")
        return
    if whole_module:
        text = stubs.stub(module)
    else:
        text = stubs.put_back(_read(folder, module), module, _one_exercise(exercise).name)
    copy = progress.back_up(folder, module)
    write_whole(file, text)
    screen.print(f"{exercise} is a stub again. Your answer is kept in {copy}")


def _read(folder: Path, module: str) -> str:
    try:
        return read_module(folder, module)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{module}.py is not UTF-8 ({error}). Save it as UTF-8, then reset it again"
        ) from error


@app.command("pack")
def pack_submission(
    out: Annotated[Path, typer.Argument(metavar="OUT.zip")], submission: SubmissionOption = None
) -> None:
    """Pack your modules into the file that you hand in."""
    from cifar_lab.publishing.pack import missing_in_grading, pack

    folder = find_submission(submission)
    modules = pack(folder, out)
    screen.print(f"{out}: {', '.join(f'{module}.py' for module in modules)}")
    for sentence in missing_in_grading(folder):
        screen.print(sentence, markup=False)
    verdicts = progress.recall(folder, syllabus.find([]))
    unwritten = [id for id, verdict in verdicts.items() if verdict.status == Status.NOT_WRITTEN]
    if unwritten:
        screen.print(f"Not written yet, packed as stubs: {', '.join(unwritten)}")


@app.command("data")
def show_data(
    download: Annotated[
        bool,
        typer.Option("--download", help="Fetch CIFAR-10 and the weights; needs the network."),
    ] = False,
) -> None:
    """Show which data is there, and the weights for lesson 5."""
    from cifar_lab import data
    from cifar_lab.data import weights

    if download:
        screen.print(f"CIFAR-10 is in {data.download()}")
        weights.download()
    try:
        screen.print(data.summary(read=True), markup=False)
    finally:
        screen.print(weights.describe(), markup=False)


@app.command()
def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="The network to train: cnn or transfer.")
    ],
    submission: SubmissionOption = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="As CIFAR_COURSE_DATA: `synthetic`, or a path."),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="transfer: run the frozen layers once, and cache them.")
    ] = False,
    image_size: Annotated[
        int | None, typer.Option(min=32, help="transfer: the side to which images are enlarged.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run's folder.")] = None,
) -> None:
    """Train on all data: minutes to hours.

    After an interruption, the same command resumes the run.
    """
    if recipe not in ("cnn", "transfer"):
        raise UsageError(f"there is no recipe {recipe!r}; choose cnn or transfer")
    if recipe == "cnn" and (fast or image_size):
        raise UsageError("--fast and --image-size are options of `train transfer`; leave them out")
    name = f"{recipe}-fast" if fast else recipe
    folder = find_submission(submission)
    from cifar_lab.data import load

    dataset = load(data)
    import_keras()
    from cifar_lab.training import recipes

    out = out or syllabus.ROOT / "runs" / f"{name}-{dataset.name.split()[0].lower()}-seed{seed}"
    settings = recipes.settings(name, dataset, seed, epochs, image_size)
    screen.print(f"Training {folder / PACKAGE} on {dataset.name}; the run's folder is {out}")
    with _interruptible("Run the same command again to resume."):
        metrics = recipes.run(folder, dataset, settings, out)
    for part in ("train", "validation", "test"):
        screen.print(f"{part:>10} accuracy on {dataset.name}: {metrics[f'{part}_accuracy']:.2%}")


@app.command()
def grade(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Holds a folder or zip file per student.")
    ],
    out: Annotated[Path, typer.Option(metavar="OUT", help="The folder for the results.")],
    workers: Annotated[int, typer.Option(min=1, help="Submissions graded at a time.")] = 2,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A running Dask scheduler.")
    ] = None,
    exercise: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Judge only this; may be repeated.")
    ] = None,
    hidden: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Your own tests, with their own points.")
    ] = None,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox/--no-sandbox",
            help="Without a sandbox: only for code that you trust; the results say so.",
        ),
    ] = True,
    roster_file: Annotated[
        Path | None,
        typer.Option("--roster", metavar="FILE", help="A gradebook from Canvas or Moodle to fill."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The gradebook's column for the points.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace its entries that are not empty.")
    ] = False,
) -> None:
    """Grade every submission in FOLDER, each in its own sandbox.

    Run again, the command grades what is new or has changed.
    """
    from cifar_lab.grading import batch, intake
    from cifar_lab.reports import gradebook, write
    from cifar_lab.sandbox.sandbox import check as check_sandbox
    from cifar_lab.testing.options import GradingOptions

    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name the one that holds the submissions")
    if hidden and not any(hidden.glob("test_*.py")):
        raise UsageError(f"--hidden: there is no test_*.py in {hidden}")
    if roster_file is None and (column is not None or overwrite):
        raise UsageError("--column and --overwrite are about the gradebook; add --roster FILE")
    # another program, or another grading, may use the port of Dask's page, which nobody looks at
    warnings.filterwarnings("ignore", r"\s*Port \d+ is already in use")
    wanted = tuple(e.id for e in syllabus.find(exercise or []))
    options = GradingOptions(
        exercise=wanted, sandbox=sandbox, hidden=str(hidden.resolve()) if hidden else None
    )
    try:
        with _interruptible("Run the same command again to grade the remaining submissions."):
            table = gradebook.read(roster_file, column, overwrite) if roster_file else None
            if table:
                _show(f"the points go into the column {table.title!r} of {roster_file}")
            if sandbox:
                check_sandbox(keras=any(map(syllabus.needs_keras, wanted)))
            results = batch.grade_class(folder, out, options, workers, scheduler)
            skipped = intake.passed_over(folder, out)
            notes = write.publish(results, out, table, skipped)
    except OSError as error:
        raise UsageError(
            f"{error}. Finished results are kept; run the same command again to grade the rest"
        ) from error
    notes = [f"roster: {note}" for note in notes]
    notes += [f"skipped, because it is neither a folder nor a zip file: {name}" for name in skipped]
    for note in notes:
        _show(note)
    for one in results:
        if one.outcome == Outcome.GRADING_ERROR:
            _show(f"{one.name}: grading error: {one.message}")
    for outcome, count in sorted(Counter(one.outcome for one in results).items()):
        screen.print(f"{count:>6} {outcome}")
    screen.print(f"{out / 'class.html'}, {out / 'grades.csv'}, {out / 'results'}")


def _show(text: str) -> None:
    """Print a line that may hold names from submissions and gradebooks."""
    from cifar_lab.reports import sanitize

    screen.print(sanitize.visible(text), markup=False, highlight=False)


@app.command("handout")
def write_handout(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Write the learners' edition, without solutions, into DIR.

    DIR must be empty or new.
    """
    from cifar_lab.publishing import handout

    edition = handout.write(folder)
    screen.print(f"{folder}: the learners' edition, {edition.files} files, no solutions")
    screen.print(f"Left out: {', '.join(edition.left_out)}", markup=False)


@app.command("gradescope")
def write_autograder(
    out: Annotated[Path, typer.Option(metavar="ZIP", help="The zip file to write.")],
) -> None:
    """Write the autograder to upload to Gradescope."""
    from cifar_lab.publishing import gradescope_bundle

    gradescope_bundle.write(out)
    screen.print(f"{out}: upload it as the assignment's autograder")


if __name__ == "__main__":
    main()
