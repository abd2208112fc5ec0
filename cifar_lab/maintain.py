"""For maintainers: cut the stubs, sync and run the notebooks, check that all is in step.

python -m cifar_lab.maintain stubs            cut cifar_course/ from solutions/
python -m cifar_lab.maintain sync             notebooks from the lessons' text
python -m cifar_lab.maintain execute [NN]     run them on the reference
python -m cifar_lab.maintain results [RUN...] enter finished runs into RESULTS.md
python -m cifar_lab.maintain mutants [NAME...] judge the reference with small errors in it
python -m cifar_lab.maintain messages [NAME...] write the golden messages of wrong answers
python -m cifar_lab.maintain margins          how far the trainings stay from their thresholds
python -m cifar_lab.maintain graders          write GRADERS.md from what these measured
python -m cifar_lab.maintain check            is everything in step?
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.publishing import notebooks, run_results
from cifar_lab.quality import graders_page, grading_tests, margins, messages, scores
from cifar_lab.quality.answers import answers

app = typer.Typer(help=__doc__, rich_markup_mode=None, pretty_exceptions_enable=False)
out = Console(highlight=False, soft_wrap=True)


@app.command("stubs")
def cut_stubs() -> None:
    """Cut cifar_course/ from solutions/; what is in cifar_course/ is overwritten."""
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
        list[str] | None, typer.Argument(help="lesson numbers; none means all")
    ] = None,
) -> None:
    """Run the lessons on the reference and the synthetic dataset, and keep the outputs."""
    there = {text.stem[:2]: text for text in notebooks.texts()}
    wanted = [number.zfill(2) for number in lesson or there]
    if unknown := [number for number in wanted if number not in there]:
        raise syllabus.UnknownExercise(f"no lesson {unknown[0]}: there are {', '.join(there)}")
    for number, text in there.items():
        if number in wanted:
            notebooks.sync(text)
            out.print(f"{text.stem}: running")
            notebooks.execute(text)


@app.command("results")
def enter_results(
    runs: Annotated[list[Path] | None, typer.Argument(help="folders of finished runs")] = None,
) -> None:
    """Keep what finished runs say, and write RESULTS.md's table anew."""
    for run in runs or []:
        out.print(run_results.keep(run).relative_to(syllabus.ROOT))
    write_whole(run_results.PAGE, run_results.page())


@app.command("mutants")
def run_mutants(
    names: Annotated[
        list[str] | None, typer.Argument(help="exercises, modules or lessons; none means all")
    ] = None,
) -> None:
    """Judge every mutant of what has changed since the last time; show those that survive."""
    wanted, kept = syllabus.find(names or []), scores.stored()
    for exercise in scores.eligible():
        if exercise in wanted and kept.get(exercise.id, {}).get("key") != scores.key(exercise):
            for mutant in scores.run(exercise):
                if mutant.id not in scores.equivalent(exercise):
                    out.print(f"{mutant.id} survives:", mutant.diff, sep="\n", markup=False)
            out.print(f"{exercise.id}: {scores.stored()[exercise.id]['killed']} killed")


@app.command("messages")
def write_messages(
    names: Annotated[
        list[str] | None, typer.Argument(help="exercises, modules or lessons; none means all")
    ] = None,
) -> None:
    """Judge the wrong answers of exercises, and write their golden messages."""
    for file in messages.rewrite(syllabus.find(names or [])):
        out.print(file.relative_to(syllabus.ROOT))


@app.command("margins")
def measure_margins(
    seeds: Annotated[int, typer.Option(help="trainings of each exercise")] = 20,
) -> None:
    """Train the reference from many seeds, and keep what it reaches."""
    for seed, exercise in margins.measure(seeds):
        out.print(f"seed {seed}: {exercise}")


@app.command("graders")
def write_graders() -> None:
    """Write GRADERS.md anew."""
    write_whole(graders_page.PAGE, graders_page.page())


@app.command()
def check() -> None:
    """Fail when stubs, notebooks, hints, results or the graders' figures are out of step."""
    missing = _missing_files()
    for problem in missing:
        out.print(problem)
    if missing:  # nothing else can be asked
        raise typer.Exit(1)
    problems = [
        *_stub_problems(),
        *_notebook_problems(),
        *_syllabus_problems(),
        *_grader_problems(),
    ]
    if run_results.PAGE.read_text(encoding="utf-8") != run_results.page():
        problems.append("RESULTS.md's table is not that of records/runs/: maintain results")
    problems += graders_page.problems()
    for problem in problems:
        out.print(problem)
    if problems:
        raise typer.Exit(1)
    out.print("stubs, notebooks, syllabus, results and graders are in step")


def _missing_files() -> list[str]:
    """What a lesson consists of, and is not there."""
    return [
        f"lesson {lesson.number} lacks {file.relative_to(syllabus.ROOT)}"
        for lesson in syllabus.lessons()
        for file in (
            stubs.REFERENCE / "cifar_course" / f"{lesson.module}.py",
            syllabus.ROOT / "cifar_course" / f"{lesson.module}.py",
            syllabus.ROOT / "lessons" / f"{lesson.notebook}.py",
            lesson.test_file,
        )
        if not file.is_file()
    ]


def _grader_problems() -> list[str]:
    """Exercises that nothing defines, judges or tries."""
    problems = []
    tried = {kind: Counter(a.exercise for a in answers(kind)) for kind in ("wrong", "right")}
    for id, exercise in syllabus.exercises().items():
        if not stubs.defines(stubs.reference(exercise.module), exercise.name):
            problems.append(f"{id}: solutions/cifar_course/{exercise.module}.py does not define it")
        if not grading_tests.tests(exercise):
            problems.append(f"{id} has no test in tests/grading/")
        for kind, least in (("wrong", 1), ("right", 4)):
            if tried[kind][id] < least:
                problems.append(
                    f"{id} has fewer than {least} answers in tests/corpus/answers/{kind}/"
                )
    return problems


def _stub_problems() -> list[str]:
    return [
        f"cifar_course/{lesson.module}.py is not the stub: python -m cifar_lab.maintain stubs"
        for lesson in syllabus.lessons()
        if (syllabus.ROOT / "cifar_course" / f"{lesson.module}.py").read_text(encoding="utf-8")
        != stubs.stub(lesson.module)
    ]


def _notebook_problems() -> list[str]:
    found, known = [], syllabus.exercises()
    for text in notebooks.texts():
        differing = notebooks.disagreements(text)
        found += [f"{problem}: python -m cifar_lab.maintain sync" for problem in differing]
        lesson = text.with_suffix(".ipynb")
        if lesson.exists() and notebooks.outputs(lesson):
            found.append(
                f"lessons/{lesson.name} carries outputs: python -m cifar_lab.maintain sync"
            )
        solution = notebooks.SOLUTIONS / lesson.name
        if solution.exists() and not notebooks.outputs(solution):
            found.append(
                f"solutions/{lesson.name} was never run: python -m cifar_lab.maintain execute"
            )
        for name, count in notebooks.verdicts(solution).items() if solution.exists() else ():
            there = len(grading_tests.tests(known[name])) if name in known else 0
            if count != there:
                found.append(
                    f"solutions/{lesson.name} tells of {count} tests of {name}, there are {there}: "
                    f"python -m cifar_lab.maintain execute {text.stem[:2]}"
                )
    return found


def _syllabus_problems() -> list[str]:
    problems = []
    for exercise in syllabus.exercises().values():
        if len(exercise.hints) != syllabus.HINT_LEVELS or not all(map(str.strip, exercise.hints)):
            problems.append(f"{exercise.id} needs {syllabus.HINT_LEVELS} hints in syllabus.toml")
        if not exercise.hard:
            problems.append(f"{exercise.id} does not say what is hard about it in syllabus.toml")
    points = sum(lesson.points for lesson in syllabus.lessons())
    if points != 100:
        problems.append(f"the points of all lessons come to {points:g}, not to 100")
    return problems


if __name__ == "__main__":
    try:
        app()
    except CourseError as problem:
        raise SystemExit(f"maintain: {problem}") from None
