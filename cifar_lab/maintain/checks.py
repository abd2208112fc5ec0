"""Checks that lessons, exercises, stubs, notebooks and published figures fit together.

Each check returns a list of problems, one line each, with the command that solves the problem.
"""

from collections import Counter
from pathlib import Path

from cifar_lab.course import stubs, syllabus
from cifar_lab.publishing import lesson_files, notebooks, run_results
from cifar_lab.quality import graders_page, grading_tests
from cifar_lab.quality.answers import answers

FEWEST = {"wrong": 1, "right": 4}  # answers of each exercise in the corpus
# folders in which every file belongs to a lesson or an exercise
CLOSED = ("lessons", "solutions", "tests/corpus", "tests/grading")
GENERATED = {"__pycache__", ".ipynb_checkpoints", ".cifar-course"}


def problems() -> list[str]:
    """Return the problems that all checks find; `missing_files` must have found none."""
    return [
        *stray_files(),
        *stub_problems(),
        *notebook_problems(),
        *syllabus_problems(),
        *exercise_problems(),
        *result_problems(),
        *graders_page.problems(),
    ]


def missing_files() -> list[str]:
    """Return the files that a lesson lacks."""
    return [
        f"lesson {lesson.number} lacks {file.relative_to(syllabus.ROOT)}"
        for lesson in syllabus.lessons()
        for file in (
            stubs.REFERENCE / "cifar_course" / f"{lesson.module}.py",
            syllabus.ROOT / "cifar_course" / f"{lesson.module}.py",
            syllabus.ROOT / "lessons" / f"{lesson.notebook}.py",
            *map(syllabus.test_file, lesson.exercises),
        )
        if not file.is_file()
    ]


def stray_files() -> list[str]:
    """Return the files in `CLOSED` folders that belong to no lesson and no exercise."""
    known = _known_files()
    return [
        f"{file.relative_to(syllabus.ROOT)} belongs to no lesson and no exercise: delete or move it"
        for folder in CLOSED
        for file in sorted((syllabus.ROOT / folder).rglob("*"))
        if file.is_file()
        and not GENERATED.intersection(file.parts)
        and file not in known
        and not _is_message(file)
    ]


def _known_files() -> set[Path]:
    corpus = syllabus.ROOT / "tests" / "corpus"
    known = {corpus / "mutants.toml", lesson_files.FULL_RUNS}
    known |= set((corpus / "hostile").glob("*.py"))
    reference = stubs.REFERENCE / "cifar_course"
    known |= {reference / "__init__.py", stubs.REFERENCE / "questions.md"}
    for lesson in syllabus.lessons():
        known.update(lesson_files.notebooks_of(lesson), lesson_files.grading_tests_of(lesson))
        known.add(stubs.REFERENCE / f"{lesson.notebook}.ipynb")
        known.add(reference / f"{lesson.module}.py")
        known |= {corpus / "answers" / kind / f"{lesson.module}.py" for kind in FEWEST}
    return known


def _is_message(file: Path) -> bool:
    """Return True for the golden messages of an exercise."""
    if syllabus.ROOT / "tests" / "corpus" / "messages" not in file.parents:
        return False
    ids = syllabus.exercises()
    return file.stem in ids or f"{file.parent.name}.{file.stem}" in ids


def stub_problems() -> list[str]:
    """Return the modules in cifar_course/ that differ from their stubs."""
    return [
        f"cifar_course/{lesson.module}.py is not the stub: python -m cifar_lab.maintain stubs"
        for lesson in syllabus.lessons()
        if (syllabus.ROOT / "cifar_course" / f"{lesson.module}.py").read_text(encoding="utf-8")
        != stubs.stub(lesson.module)
    ]


def notebook_problems() -> list[str]:
    """Return the differences between lessons, notebooks and stored outputs."""
    found = []
    for text in notebooks.texts():
        differing = notebooks.disagreements(text)
        found += [f"{problem}: python -m cifar_lab.maintain sync" for problem in differing]
        lesson = text.with_suffix(".ipynb")
        if lesson.exists() and notebooks.outputs(lesson):
            found.append(f"lessons/{lesson.name} has outputs: python -m cifar_lab.maintain sync")
        solution = notebooks.SOLUTIONS / lesson.name
        if solution.exists():
            found += _output_problems(solution)
    return found


def _output_problems(solution: Path) -> list[str]:
    remedy = f"python -m cifar_lab.maintain execute {solution.stem[:2]}"
    if not notebooks.outputs(solution):
        return [f"solutions/{solution.name} was never run: {remedy}"]
    found, exercises = [], syllabus.exercises()
    if missing := notebooks.missing_figures(solution):
        found.append(f"solutions/{solution.name} lacks the figures of {missing} cells: {remedy}")
    if undescribed := notebooks.undescribed_figures(solution):
        found.append(f"solutions/{solution.name}: {undescribed} figures have no text: {remedy}")
    for name, count in notebooks.verdicts(solution).items():
        tests = len(grading_tests.tests(exercises[name])) if name in exercises else 0
        if count != tests:
            found.append(
                f"solutions/{solution.name} shows {count} tests of {name}; it has {tests}: {remedy}"
            )
    return found


def syllabus_problems() -> list[str]:
    """Return the entries that the syllabus lacks, and a wrong sum of points."""
    found = []
    for exercise in syllabus.exercises().values():
        if len(exercise.hints) != syllabus.HINT_LEVELS or not all(map(str.strip, exercise.hints)):
            found.append(f"{exercise.id} needs {syllabus.HINT_LEVELS} hints in syllabus.toml")
        if not exercise.hard:
            found.append(f"{exercise.id} needs an entry `hard` in syllabus.toml")
    points = sum(lesson.points for lesson in syllabus.lessons())
    if points != 100:
        found.append(f"the points of all lessons add up to {points:g}, not to 100")
    return found


def exercise_problems() -> list[str]:
    """Return the exercises without a reference, a test, or enough answers in the corpus."""
    found = []
    counts = {kind: Counter(answer.exercise for answer in answers(kind)) for kind in FEWEST}
    for id, exercise in syllabus.exercises().items():
        if not stubs.defines(stubs.reference(exercise.module), exercise.name):
            found.append(f"{id}: solutions/cifar_course/{exercise.module}.py does not define it")
        if not grading_tests.tests(exercise):
            found.append(f"{id} has no test in tests/grading/")
        for kind, fewest in FEWEST.items():
            if counts[kind][id] < fewest:
                found.append(
                    f"{id} has fewer than {fewest} answers in tests/corpus/answers/{kind}/"
                )
    return found


def result_problems() -> list[str]:
    """Return a line if RESULTS.md does not show the stored runs."""
    if run_results.PAGE.read_text(encoding="utf-8") == run_results.page():
        return []
    return ["RESULTS.md is out of date: python -m cifar_lab.maintain results"]
