"""The command `cifar-course`: turns words into calls of the other rooms."""

import json
import os
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cifar_lab.course import board, progress, stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.course.submission import find_submission
from cifar_lab.course.verdict import Status
from cifar_lab.execution.keras_import import import_keras
from cifar_lab.execution.loader import PACKAGE, read_module
from cifar_lab.notebook import in_words

# what TensorFlow says at start-up is not for learners
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

FAILED, CANNOT_JUDGE = 1, 2

app = typer.Typer(
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Image classification in Keras 3, exercise by exercise.",
)
screen = board.console(soft_wrap=True)

Submission = Annotated[
    str | None, typer.Option(metavar="DIR", help="The folder around the cifar_course/ to use.")
]
ExerciseName = Annotated[str, typer.Argument(metavar="EXERCISE")]


def main() -> None:
    """Run the command; problems a person can mend become one line and status 2."""
    for stream in (sys.stdout, sys.stderr):
        # what a console cannot show must not end the program
        stream.reconfigure(errors="replace")
    try:
        app(standalone_mode=True)
    except (CourseError, OSError) as problem:
        _stop(problem)


def _stop(problem: object) -> None:
    print(f"cifar-course: {problem}", file=sys.stderr)
    raise SystemExit(CANNOT_JUDGE)


def _judge(folder: Path, exercises: list[syllabus.Exercise]) -> dict:
    from cifar_lab.grading.run import CannotJudge, judge

    try:
        verdicts = judge(folder, exercises)
    except CannotJudge as problem:
        _stop(problem)
    except KeyboardInterrupt as interrupt:
        print(interrupt or "Interrupted", "Nothing was judged.", sep="\n", file=sys.stderr)
        raise SystemExit(130) from None
    progress.remember(folder, verdicts)
    return verdicts


@app.callback(invoke_without_command=True)
def show_board(context: typer.Context, submission: Submission = None) -> None:
    """The board: lessons, exercises, points, what is next."""
    if context.invoked_subcommand is not None:
        return
    folder = find_submission(submission)
    every = syllabus.find([])
    # what another's folder says about its own verdicts, anybody may have written
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
    submission: Submission = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the verdicts there.")
    ] = None,
) -> None:
    """Judge exercises or lessons (all, if none is named); the first hint for what fails."""
    folder = find_submission(submission)
    if json_file and not json_file.parent.is_dir():
        _stop(f"--json: there is no folder {json_file.parent}")
    verdicts = _judge(folder, syllabus.find(names or []))
    screen.print(f"Judged: {folder}")
    for verdict in verdicts.values():
        sign = board.signs(screen)[verdict.status]
        screen.print(f"{sign} ", end="", style=board.COLORS[verdict.status])
        screen.print(in_words(verdict), markup=False)
    reached, possible = board.total(list(verdicts.values()))
    if len(verdicts) > 1:
        screen.print(f"{reached:g} of {possible:g} points", style="bold")
    if json_file:
        from cifar_lab.course.verdict import as_json

        text = json.dumps(as_json(list(verdicts.values())), indent=1)
        write_whole(json_file, text + "\n")
    if not all(verdict.passed for verdict in verdicts.values()):
        raise typer.Exit(FAILED)


@app.command()
def hint(
    exercise: ExerciseName,
    level: Annotated[
        int | None, typer.Option(min=1, max=syllabus.HINT_LEVELS, help="1 nudges, 3 outlines.")
    ] = None,
) -> None:
    """The next hint for an exercise."""
    entry = _one(exercise)
    level = level or progress.next_hint_level(find_submission(), entry)
    screen.print(f"{entry.id}, hint {level} of {len(entry.hints)}:", style="bold")
    screen.print(entry.hints[level - 1], markup=False, soft_wrap=False)
    more = "Ask again, and it says more."
    if level == len(entry.hints):
        more = "That was the last hint: the lesson has the rest."
    screen.print(more, style="dim")


@app.command()
def reset(exercise: ExerciseName, submission: Submission = None) -> None:
    """Put an exercise's stub back (or a whole module's); the answer is kept in a backup."""
    folder = find_submission(submission)
    if folder == stubs.REFERENCE:
        _stop("the reference has no stubs to put back")
    whole_module = exercise in syllabus.modules()
    module = exercise if whole_module else _one(exercise).module
    file = folder / PACKAGE / f"{module}.py"
    if not file.exists():
        write_whole(file, stubs.stub(module))
        screen.print(f"{file} was missing: the stub is back")
        return
    if whole_module:
        text = stubs.stub(module)
    else:
        try:
            text = read_module(folder, module)
        except UnicodeDecodeError as error:
            _stop(f"{file.name} is not UTF-8 ({error}): save it as UTF-8. Nothing was reset")
        text = stubs.put_back(text, module, _one(exercise).name)
    copy = progress.back_up(folder, module)
    write_whole(file, text)
    screen.print(f"{exercise} is a stub again. Your answer is kept in {copy}")


def _one(name: str) -> syllabus.Exercise:
    found = syllabus.find([name])
    if len(found) != 1 or found[0].id != name:
        raise syllabus.UnknownExercise(
            f"name one exercise, such as {found[0].id}: {name!r} means {len(found)} of them"
        )
    return found[0]


@app.command()
def pack(out: Annotated[Path, typer.Argument(metavar="OUT.zip")], submission: Submission = None):
    """Pack the submission: the course's modules, checked."""
    folder = find_submission(submission)
    texts = {}
    for lesson in syllabus.lessons():
        file = folder / PACKAGE / f"{lesson.module}.py"
        try:
            texts[lesson.module] = file.read_bytes()
        except FileNotFoundError:
            _stop(f"{file} is missing: cifar-course reset {lesson.module} puts its stub back")
    part = out.with_name(out.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for module, text in texts.items():
            archive.writestr(f"{PACKAGE}/{module}.py", text)
    if problems := _problems_of(part):
        part.unlink()
        _stop("; ".join(problems) + ". Nothing was packed")
    part.replace(out)
    screen.print(f"{out}: {', '.join(f'{module}.py' for module in texts)}")
    verdicts = progress.recall(folder, syllabus.find([]))
    unwritten = [id for id, verdict in verdicts.items() if verdict.status == Status.NOT_WRITTEN]
    if unwritten:
        screen.print(f"Not written yet, packed as stubs: {', '.join(unwritten)}")


def _problems_of(submission: Path) -> list[str]:
    """What grading would find wrong with a submission before it judges it."""
    from cifar_lab.grading import intake

    with tempfile.TemporaryDirectory() as folder:
        return intake.take_in(submission, "submission", Path(folder, "taken")).problems


@app.command()
def data(
    download: Annotated[
        bool, typer.Option("--download", help="Fetch it; the only use of the network.")
    ] = False,
) -> None:
    """What data is there: CIFAR-10, and the weights for lesson 5."""
    from cifar_lab import data as lab_data
    from cifar_lab.data import weights

    try:
        if download:
            screen.print(f"CIFAR-10 is in {lab_data.download()}")
            weights.download()
        screen.print(lab_data.describe(), markup=False)
        screen.print(weights.describe(), markup=False)
    except (lab_data.DataError, weights.WeightsError) as error:
        _stop(error)


@app.command()
def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="What to train: cnn or transfer.")
    ],
    submission: Submission = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="As CIFAR_COURSE_DATA: drawn, or a path.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="transfer: run the frozen part once, and cache it.")
    ] = False,
    image_size: Annotated[
        int | None, typer.Option(min=32, help="transfer: the side to which images are enlarged.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run's folder.")] = None,
) -> None:
    """A full run: minutes to hours. Interrupted, the same command goes on."""
    if recipe not in ("cnn", "transfer"):
        _stop(f"there is no recipe {recipe!r}: cnn and transfer are the ones there are")
    if recipe == "cnn" and (fast or image_size):
        _stop("--fast and --image-size belong to `train transfer`")
    name = f"{recipe}-fast" if fast else recipe
    folder = find_submission(submission)
    from cifar_lab import data as lab_data
    from cifar_lab.data import weights

    try:
        dataset = lab_data.load(data)
    except lab_data.DataError as error:
        _stop(error)
    import_keras()
    from cifar_lab.training import recipes
    from cifar_lab.training.run import RunError

    out = out or syllabus.ROOT / "runs" / f"{name}-{dataset.name.split()[0].lower()}-seed{seed}"
    settings = recipes.settings(name, dataset, seed, epochs, image_size)
    screen.print(f"Training {folder / PACKAGE} on {dataset.name}; the run's folder is {out}")
    try:
        metrics = recipes.run(folder, dataset, settings, out)
    except (RunError, weights.WeightsError) as error:
        _stop(error)
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on where it was.", file=sys.stderr)
        raise SystemExit(130) from None
    for part in ("train", "validation", "test"):
        screen.print(f"{part:>10} accuracy on {dataset.name}: {metrics[f'{part}_accuracy']:.2%}")


@app.command()
def grade(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder or zip file per student.")
    ],
    out: Annotated[Path, typer.Option(metavar="OUT", help="Where the results go.")],
    workers: Annotated[int, typer.Option(min=1, help="Submissions at a time.")] = 2,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A running Dask scheduler.")
    ] = None,
    exercise: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Judge this only; several times.")
    ] = None,
    hidden: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Your own tests, with their own points.")
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox/--no-sandbox", help="Without: for code that you trust.")
    ] = True,
    roster_file: Annotated[
        Path | None,
        typer.Option("--roster", metavar="FILE", help="A gradebook from Canvas or Moodle to fill."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its column for the points.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace its entries that are not empty.")
    ] = False,
) -> None:
    """Grade every submission in FOLDER, each in a sandbox of its own; a second run resumes."""
    from cifar_lab.grading import batch, intake
    from cifar_lab.reports import gradebook, sanitize, write
    from cifar_lab.sandbox.sandbox import check as check_sandbox
    from cifar_lab.testing.options import GradingOptions

    if not folder.is_dir():
        _stop(f"{folder} is not a folder")
    if hidden and not any(hidden.glob("test_*.py")):
        _stop(f"--hidden: there is no test_*.py in {hidden}")
    if roster_file is None and (column is not None or overwrite):
        _stop("--column and --overwrite are about the gradebook: --roster FILE is missing")
    try:
        table = gradebook.read(roster_file, column, overwrite) if roster_file else None
        if table:
            screen.print(
                sanitize.visible(f"the points go into the column {table.title!r} of {roster_file}"),
                markup=False,
                highlight=False,
            )
        wanted = tuple(e.id for e in syllabus.find(exercise or []))
        if sandbox:
            check_sandbox(keras=any(map(syllabus.needs_keras, wanted)))
        options = GradingOptions(
            exercise=wanted, sandbox=sandbox, hidden=str(hidden.resolve()) if hidden else None
        )
        results = batch.grade_class(folder, out, options, workers, scheduler)
        passed_over = intake.passed_over(folder, out)
        notes = write.publish(results, out, table, passed_over)
    except OSError as error:
        _stop(f"{error}. What is graded is kept: run the same command to grade the rest")
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command to grade the rest.", file=sys.stderr)
        raise SystemExit(130) from None
    notes = [f"roster: {note}" for note in notes]
    notes += [f"passed over, neither a folder nor a zip file: {name}" for name in passed_over]
    for note in notes:
        screen.print(sanitize.visible(note), markup=False, highlight=False)
    for outcome, count in sorted(Counter(one.outcome for one in results).items()):
        screen.print(f"{count:>6} {outcome}")
    screen.print(f"{out / 'class.html'}, {out / 'grades.csv'}, {out / 'results'}")


@app.command("handout")
def write_handout(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Write the learners' edition, without solutions, into an empty or new folder."""
    from cifar_lab.publishing import handout

    try:
        count = handout.write(folder)
    except handout.HandoutError as problem:
        _stop(problem)
    screen.print(f"{folder}: the learners' edition, {count} files, no solutions")


@app.command("gradescope")
def write_autograder(
    out: Annotated[Path, typer.Option(metavar="ZIP", help="Where the bundle goes.")],
) -> None:
    """Write the autograder to upload to Gradescope."""
    from cifar_lab.publishing import gradescope_bundle, handout

    try:
        gradescope_bundle.write(out)
    except (handout.HandoutError, OSError) as problem:
        _stop(problem)
    screen.print(f"{out}: upload it as the assignment's autograder")


if __name__ == "__main__":
    main()
