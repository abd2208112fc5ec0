"""Maintain the course: cut stubs, run notebooks, measure graders, check everything.

python -m cifar_lab.maintain stubs             cut cifar_course/ from solutions/
python -m cifar_lab.maintain sync              write the notebooks from the lessons' text
python -m cifar_lab.maintain execute [NN]      run the lessons on the reference
python -m cifar_lab.maintain results [RUN...]  enter finished runs into RESULTS.md
python -m cifar_lab.maintain mutants [NAME...] judge the mutants of the reference
python -m cifar_lab.maintain messages [NAME...] write the golden messages of wrong answers
python -m cifar_lab.maintain margins           measure how far training runs stay from thresholds
python -m cifar_lab.maintain graders           write GRADERS.md from these measurements
python -m cifar_lab.maintain site [DIR]        build the site, without executing anything
python -m cifar_lab.maintain addresses         copy pyproject.toml's addresses to badges and forms
python -m cifar_lab.maintain check             name everything that is missing or out of date
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.maintain import checks, english, linters
from cifar_lab.publishing import addresses, notebooks, run_results, site
from cifar_lab.quality import graders_page, margins, messages, scores

app = typer.Typer(
    help=__doc__.splitlines()[0],
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False, soft_wrap=True)


@app.command("stubs")
def cut_stubs() -> None:
    """Cut cifar_course/ from solutions/, overwriting answers."""
    for file in stubs.write_all(syllabus.ROOT):
        out.print(file.relative_to(syllabus.ROOT))


@app.command()
def sync() -> None:
    """Write every lesson's notebooks from its text."""
    for text in notebooks.texts():
        notebooks.sync(text)
        out.print(f"{text.stem}: synced")


@app.command()
def execute(
    lesson: Annotated[
        list[str] | None, typer.Argument(help="Lesson numbers; all if none is given.")
    ] = None,
) -> None:
    """Run lessons on the reference, and store the outputs."""
    texts = {text.stem[:2]: text for text in notebooks.texts()}
    wanted = [number.zfill(2) for number in lesson or texts]
    if unknown := [number for number in wanted if number not in texts]:
        raise syllabus.UnknownExercise(f"no lesson {unknown[0]}; choose from {', '.join(texts)}")
    for number, text in texts.items():
        if number in wanted:
            notebooks.sync(text)
            out.print(f"{text.stem}: running")
            notebooks.execute(text)


@app.command("results")
def enter_results(
    runs: Annotated[list[Path] | None, typer.Argument(help="Folders of finished runs.")] = None,
) -> None:
    """Enter finished runs into RESULTS.md."""
    for run in runs or []:
        out.print(run_results.keep(run).relative_to(syllabus.ROOT))
    write_whole(run_results.PAGE, run_results.page())


@app.command("mutants")
def run_mutants(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Exercises, modules or lessons; all if none is given."),
    ] = None,
) -> None:
    """Judge the mutants of changed exercises; show survivors."""
    wanted, stored = syllabus.find(names or []), scores.stored()
    for exercise in scores.eligible():
        if exercise in wanted and stored.get(exercise.id, {}).get("key") != scores.key(exercise):
            for mutant in scores.run(exercise):
                if mutant.id not in scores.equivalent(exercise):
                    out.print(f"{mutant.id} survives:", mutant.diff, sep="\n", markup=False)
            out.print(f"{exercise.id}: {scores.stored()[exercise.id]['killed']} killed")


@app.command("messages")
def write_messages(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Exercises, modules or lessons; all if none is given."),
    ] = None,
) -> None:
    """Judge the wrong answers of exercises, and write their golden messages."""
    for file in messages.rewrite(syllabus.find(names or [])):
        out.print(file.relative_to(syllabus.ROOT))


@app.command("margins")
def measure_margins(
    seeds: Annotated[int, typer.Option("--seeds", help="Training runs of each exercise.")] = 20,
) -> None:
    """Train the reference from many seeds, and store its values."""
    for seed, exercise in margins.measure(seeds):
        out.print(f"seed {seed}: {exercise}")


@app.command("graders")
def write_graders() -> None:
    """Write GRADERS.md from the stored measurements."""
    write_whole(graders_page.PAGE, graders_page.page())


@app.command("site")
def build_site(
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = syllabus.ROOT / "build" / "site",
) -> None:
    """Build the site into DIR."""
    site.build(folder)
    out.print(folder / "index.html")


@app.command("addresses")
def write_addresses() -> None:
    """Put the addresses of pyproject.toml into badges, notebooks and forms."""
    for file in addresses.rewrite():
        out.print(file.relative_to(syllabus.ROOT))


@app.command()
def check() -> None:
    """Name what is missing, out of date, stray or out of style.

    Includes the linters ruff and typos, and the rules for the course's English.
    """
    problems = checks.missing_files()
    if not problems:  # the other checks read these files
        problems = [*checks.problems(), *addresses.problems()]
        problems += [*linters.problems(), *english.problems()]
    for problem in problems:
        out.print(problem, markup=False)
    if problems:
        raise typer.Exit(1)
    out.print("Everything is up to date.")


if __name__ == "__main__":
    try:
        app()
    except CourseError as problem:
        raise SystemExit(f"maintain: {problem}") from None
