"""The command `cifar-course`, with one function for each of its commands.

Functions import what they need: most commands need neither Keras nor Dask, and start at once.
"""

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cifar_lab import PACKAGE
from cifar_lab.course import board, progress, stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.submission import find_submission
from cifar_lab.course.verdict import ExerciseVerdict, Outcome, Status, as_json, total
from cifar_lab.execution import keras_import
from cifar_lab.execution.keras_import import KerasCannotStart, import_keras
from cifar_lab.learning import judging, versions
from cifar_lab.learning import names as names_of
from cifar_lab.learning import reset as reset_work
from cifar_lab.learning.describe import describe

# TensorFlow's messages at start-up are not for learners
keras_import.quiet()

FAILED, CANNOT_JUDGE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    no_args_is_help=False,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Image classification in Keras 3, exercise by exercise.",
)
screen = board.console(soft_wrap=True)

SubmissionOption = Annotated[
    str | None,
    typer.Option("--submission", metavar="DIR", help="The folder around the cifar_course/ to use."),
]
SecondsOption = Annotated[
    float | None,
    typer.Option("--seconds", min=1, metavar="S", help="Time limit of each test; by default 60 s."),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EXERCISE or LESSON]...", autocompletion=names_of.complete),
]
ExerciseName = Annotated[str, typer.Argument(metavar="EXERCISE", autocompletion=names_of.complete)]
ExerciseOrLesson = Annotated[
    str | None,
    typer.Argument(metavar="[EXERCISE or LESSON]", autocompletion=names_of.complete),
]


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


def _judge(
    folder: Path, exercises: list[syllabus.Exercise], **settings
) -> dict[str, ExerciseVerdict]:
    """Judge exercises, and remember the verdicts for the board."""
    with _interruptible("The verdicts so far are kept; run the command again for the others."):
        return judging.judge_and_remember(
            folder, exercises, while_keras_starts=_while_keras_starts, **settings
        )


def _while_keras_starts() -> contextlib.AbstractContextManager:
    """Return a spinner for the seconds that TensorFlow takes; nothing if nobody watches."""
    if not screen.is_terminal:
        return contextlib.nullcontext()
    return screen.status(f"starting {keras_import.backend_title()} ...")


@app.callback(invoke_without_command=True)
def show_board(
    context: typer.Context,
    submission: SubmissionOption = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show versions and platform, to report a problem.")
    ] = False,
) -> None:
    """Show the board: lessons, exercises, points, the next exercise."""
    if version:
        print(versions.describe())
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    folder = find_submission(submission)
    board.show(folder, _known_and_judged(folder, trusted=not submission), board.console())
    from cifar_lab import data

    print(data.describe())


def _known_and_judged(folder: Path, trusted: bool) -> dict[str, ExerciseVerdict]:
    """Return the verdicts on all exercises; judge those that are new or have changed.

    Args:
        folder: The submission.
        trusted: False judges all: somebody else's folder may hold verdicts that were edited.
    """
    every = syllabus.find([])
    known = progress.recall(folder, every) if trusted else {}
    changed = [exercise for exercise in every if exercise.id not in known]
    if changed:
        screen.print(f"Judging {len(changed)} exercises that are new or have changed ...")
        known |= _judge(folder, changed, again=True)
    return known


@app.command()
def check(
    names: Names = None,
    submission: SubmissionOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the verdicts to FILE.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Judge also what has not changed since.")
    ] = False,
    all_tests: Annotated[
        bool, typer.Option("--all-tests", help="Show every test that fails, not only the first.")
    ] = False,
    seconds: SecondsOption = None,
) -> None:
    """Judge exercises or lessons; without a name, all of them.

    Each verdict is printed as it falls. For an exercise that fails, the reason and the first hint
    are shown.
    """
    folder = find_submission(submission)
    if json_file and not json_file.parent.is_dir():
        raise UsageError(f"--json: there is no folder {json_file.parent}; create it first")
    exercises = syllabus.find(names or [])
    screen.print(f"Judged: {folder}")
    out = board.console(soft_wrap=True, file=sys.stdout)  # pytest replaces sys.stdout

    def show(verdict: ExerciseVerdict) -> None:
        if verdict.exercise != exercises[0]:
            out.print()
        sign = board.signs(out)[verdict.status]
        out.print(f"{sign} ", end="", style=board.COLORS[verdict.status])
        out.print(describe(verdict, all_tests), markup=False)
        out.file.flush()

    # somebody else's folder may hold verdicts that were edited
    again = again or bool(submission) or seconds is not None
    verdicts = _judge(folder, exercises, report=show, again=again, seconds=seconds)
    reached, possible = total(list(verdicts.values()))
    if len(verdicts) > 1:
        screen.print(f"\n{reached:g} of {possible:g} points", style="bold")
    if json_file:
        text = json.dumps(as_json(list(verdicts.values())), indent=1)
        write_whole(json_file, text + "\n")
    if not all(verdict.passed for verdict in verdicts.values()):
        raise typer.Exit(FAILED)


@app.command()
def watch(
    names: Names = None,
    submission: SubmissionOption = None,
    seconds: SecondsOption = None,
) -> None:
    """Judge an exercise whenever you save its module; move on when it passes."""
    from cifar_lab.learning.watch import Watch

    folder = find_submission(submission)
    with _interruptible("The verdicts so far are kept."):
        Watch(folder, syllabus.find(names or []), board.console(), seconds).run()


@app.command()
def hint(
    name: ExerciseOrLesson = None,
    level: Annotated[
        int | None,
        typer.Option(
            "--level", min=1, max=syllabus.HINT_LEVELS, help="1 is a nudge, 3 an outline."
        ),
    ] = None,
) -> None:
    """Show the next hint for an exercise; without a name, for the next exercise."""
    folder = find_submission()
    entry = names_of.at_work(folder, name)
    level = level or progress.next_hint_level(folder, entry)
    screen.print(f"{entry.id}, hint {level} of {len(entry.hints)}:", style="bold")
    screen.print(entry.hints[level - 1], markup=False, soft_wrap=False)
    more = "For the next hint, run the same command again."
    if level == len(entry.hints):
        more = "This was the last hint. The lesson explains the rest."
    screen.print(more, style="dim")


@app.command("solution")
def show_solution(
    name: ExerciseOrLesson = None,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="Show it before yours passes; the board notes it.")
    ] = False,
) -> None:
    """Show the reference's answer beside yours, after yours has passed.

    Without a name, it is about the next exercise.
    """
    from cifar_lab.learning.solution import solution

    folder = find_submission()
    entry = names_of.at_work(folder, name)
    with _interruptible("Nothing is shown."):
        found = solution(folder, entry, give_up)
    for title, text in found.titled:
        screen.print(f"{title}:\n", style="bold")
        screen.print(text + "\n", markup=False)


@app.command()
def reset(
    name: ExerciseOrLesson = None,
    every: Annotated[
        bool, typer.Option("--all", help="Put the stubs of all lessons back.")
    ] = False,
    submission: SubmissionOption = None,
) -> None:
    """Put the stub of an exercise or a lesson back; your answer is kept."""
    if (name is None) != every:
        raise UsageError("name an exercise or a lesson to reset, or write --all")
    folder = _learners_folder(submission)
    lessons = [entry for entry in syllabus.lessons() if every or name in entry.names]
    for lesson in lessons:
        screen.print(reset_work.reset_module(folder, lesson.module))
    if not lessons:
        screen.print(reset_work.reset_exercise(folder, names_of.one_exercise(name)))


@app.command()
def restore(name: ExerciseName, submission: SubmissionOption = None) -> None:
    """Bring the newest answer back that a reset has kept."""
    folder = _learners_folder(submission)
    screen.print(reset_work.restore(folder, names_of.one_exercise(name)))


def _learners_folder(submission: str | None) -> Path:
    folder = find_submission(submission)
    if folder == stubs.REFERENCE:
        raise UsageError("the reference has no stubs; name your own folder with --submission=DIR")
    return folder


@app.command("pack")
def pack_submission(
    out: Annotated[Path, typer.Argument(metavar="OUT.zip")],
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Pack at once: judge nothing, ask nothing.")
    ] = False,
    submission: SubmissionOption = None,
) -> None:
    """Pack your modules into the file that you hand in.

    What fails or is not written is listed first; in a terminal, you are asked.
    """
    from cifar_lab.publishing.pack import missing_in_grading, pack, zip_file

    folder, out = find_submission(submission), zip_file(out)
    modules = pack(folder, out, write=False)
    every = syllabus.find([])
    known = progress.recall(folder, every) if yes else _known_and_judged(folder, not submission)
    for status, text in (
        (Status.FAILED, "Fails"),
        (Status.NOT_WRITTEN, "Not written yet, packed as stubs"),
    ):
        found = [id for id, verdict in known.items() if verdict.status == status]
        if found:
            screen.print(f"{text}: {', '.join(found)}")
    for sentence in missing_in_grading(folder):
        screen.print(sentence, markup=False)
    complete = len(known) == len(every) and all(verdict.passed for verdict in known.values())
    if not (yes or complete) and sys.stdin.isatty() and not typer.confirm("Pack it all the same?"):
        raise typer.Exit(FAILED)
    pack(folder, out)
    screen.print(f"{out}: {', '.join(f'{module}.py' for module in modules)}")


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
        typer.Option(
            "--data", metavar="DATA", help="As CIFAR_COURSE_DATA: `synthetic`, or a path."
        ),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="transfer: run the frozen layers once, and cache them.")
    ] = False,
    image_size: Annotated[
        int | None,
        typer.Option(
            "--image-size", min=32, help="transfer: the side to which images are enlarged."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The run's folder.")
    ] = None,
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

    place = folder if syllabus.INSTALLED else syllabus.ROOT
    out = out or place / "runs" / f"{name}-{dataset.name.split()[0].lower()}-seed{seed}"
    settings = recipes.settings(name, dataset, seed, epochs, image_size)
    screen.print(f"Training {folder / PACKAGE} on {dataset.name}; the run's folder is {out}")
    with _interruptible("Run the same command again to resume."):
        metrics = recipes.run(folder, dataset, settings, out)
    for part in ("train", "validation", "test"):
        screen.print(f"{part:>10} accuracy on {dataset.name}: {metrics[f'{part}_accuracy']:.2%}")


@app.command()
def grade(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Holds a folder or an archive (.zip, .tar.gz) per student."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="The folder for the results.")],
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Submissions graded at a time.")
    ] = 2,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler.")
    ] = None,
    exercise: Annotated[
        list[str] | None,
        typer.Option("--exercise", metavar="NAME", help="Judge only this; may be repeated."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Grade only this submission; may be repeated."),
    ] = None,
    hidden: Annotated[
        Path | None,
        typer.Option("--hidden", metavar="FOLDER", help="Your own tests, with their own points."),
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
        str | None,
        typer.Option("--column", metavar="NAME", help="The gradebook's column for the points."),
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
    from cifar_lab.reports.overrides import FILE, Overrides
    from cifar_lab.sandbox.bubblewrap import refuse_readable
    from cifar_lab.sandbox.sandbox import check as check_sandbox
    from cifar_lab.testing.options import GradingOptions

    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name the one that holds the submissions")
    if hidden and not any(hidden.glob("test_*.py")):
        raise UsageError(f"--hidden: there is no test_*.py in {hidden}")
    if roster_file is None and (column is not None or overwrite):
        raise UsageError("--column and --overwrite are about the gradebook; add --roster FILE")
    wanted = tuple(e.id for e in syllabus.find(exercise or []))
    options = GradingOptions(
        exercise=wanted, sandbox=sandbox, hidden=str(hidden.resolve()) if hidden else None
    )
    try:
        with _interruptible("Run the same command again to grade the remaining submissions."):
            Overrides.read(out / FILE)  # a mistake in it is named now, not after an hour
            table = gradebook.read(roster_file, column, overwrite) if roster_file else None
            if table:
                _show(f"the points go into the column {table.title!r} of {roster_file}")
            if sandbox:
                refuse_readable({"FOLDER": folder, "OUT": out})
                check_sandbox(keras=any(map(syllabus.needs_keras, wanted)))
            skipped = intake.passed_over(folder, out)
            for name in batch.put_aside(folder, out):
                _show(f"{name} is no longer in {folder}: its files are in {out / 'removed'}")
            try:
                results = batch.grade_class(folder, out, options, workers, scheduler, only or ())
            except KeyboardInterrupt:
                done = write.publish(batch.results_in(folder, out), out, table, skipped).results
                count = sum(one.outcome == Outcome.GRADED for one in done)
                raise KeyboardInterrupt(
                    f"Interrupted: {out / 'grades.csv'} holds {count} of {len(done)} submissions."
                ) from None
            published = write.publish(results, out, table, skipped)
    except OSError as error:
        raise UsageError(
            f"{error}. Finished results are kept; run the same command again to grade the rest"
        ) from error
    notes = [*published.notes]
    notes += [f"skipped, because it is neither a folder nor an archive: {name}" for name in skipped]
    for note in notes:
        _show(note)
    if published.changes:
        _show("Changed since the last run:")
    for change in published.changes:
        _show(f"  {change}")
    for one in published.results:
        if one.outcome == Outcome.GRADING_ERROR:
            _show(f"{one.name}: grading error: {one.message}")
    for outcome, count in sorted(Counter(one.outcome for one in published.results).items()):
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
    out: Annotated[Path, typer.Option("--out", metavar="ZIP", help="The zip file to write.")],
) -> None:
    """Write the autograder to upload to Gradescope."""
    from cifar_lab.publishing import gradescope_bundle

    gradescope_bundle.write(out)
    screen.print(f"{out}: upload it as the assignment's autograder")


@app.command("init")
def begin(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Lay out a folder to work in: the lessons, and the modules that you write.

    DIR must be empty or new.
    """
    from cifar_lab.publishing import learner_folder

    for change in learner_folder.lay_out(folder):
        screen.print(change, markup=False)
    screen.print(f"Next: cd {folder}, then cifar-course, and open {learner_folder.FIRST_LESSON}")


@app.command("update")
def bring_up_to_date() -> None:
    """Bring newer lessons and exercises into your folder; your answers are not touched.

    Install a newer version of the course first. What is replaced is kept in a backup.
    """
    from cifar_lab.publishing import learner_folder

    changes = learner_folder.update(find_submission())
    for change in changes or ["Everything is up to date."]:
        screen.print(change, markup=False)


if __name__ == "__main__":
    main()
