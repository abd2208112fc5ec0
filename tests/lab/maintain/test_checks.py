"""`maintain check` names what an exercise or lesson lacks, and files that belong to none."""

from dataclasses import replace

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.maintain import __main__ as commands
from cifar_lab.maintain import checks
from cifar_lab.publishing import lesson_files


@pytest.fixture
def syllabus_with(monkeypatch):
    """Return a function that changes the course's first lesson."""
    first, *others = syllabus.lessons()

    def put(**changes):
        lessons = (replace(first, **changes), *others)
        monkeypatch.setattr(syllabus, "lessons", lambda: lessons)
        known = {e.id: e for lesson in lessons for e in lesson.exercises}
        monkeypatch.setattr(syllabus, "exercises", lambda: known)

    return put


def test_nothing_is_missing_or_stray_here(reference):
    assert checks.missing_files() == checks.exercise_problems() == checks.stray_files() == []


def test_an_exercise_that_is_only_in_the_syllabus(syllabus_with, reference):
    (first, *_) = syllabus.lessons()
    new = replace(first.exercises[0], name="brightness")
    syllabus_with(exercises=(*first.exercises, new))
    assert checks.exercise_problems() == [
        "normalization.brightness: solutions/cifar_course/normalization.py does not define it",
        "normalization.brightness has no test in tests/grading/",
        "normalization.brightness has fewer than 1 answers in tests/corpus/answers/wrong/",
        "normalization.brightness has fewer than 4 answers in tests/corpus/answers/right/",
    ]


def test_a_lesson_that_is_only_in_the_syllabus(syllabus_with, reference):
    (first, *_) = syllabus.lessons()
    new = tuple(replace(exercise, module="attention") for exercise in first.exercises)
    syllabus_with(number=9, module="attention", notebook="09_attention", exercises=new)
    assert checks.missing_files() == [
        "lesson 9 lacks solutions/cifar_course/attention.py",
        "lesson 9 lacks cifar_course/attention.py",
        "lesson 9 lacks lessons/09_attention.py",
        *(f"lesson 9 lacks tests/grading/lesson_9/test_{e.name}.py" for e in first.exercises),
    ]


def test_an_unknown_lesson_is_not_executed():
    with pytest.raises(syllabus.UnknownExercise, match="no lesson 09"):
        commands.execute(["9"])


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Put an empty course in place of the real one; returns a function that adds empty files."""
    monkeypatch.setattr(syllabus, "ROOT", tmp_path)
    monkeypatch.setattr(syllabus, "GRADING_TESTS", tmp_path / "tests" / "grading")
    monkeypatch.setattr(stubs, "REFERENCE", tmp_path / "solutions")
    monkeypatch.setattr(
        lesson_files, "FULL_RUNS", tmp_path / "tests" / "grading" / "test_full_runs.py"
    )

    def add(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()

    return add


def test_files_of_lessons_and_exercises_are_not_stray(course):
    course(
        *("lessons/01_normalization.py", "lessons/01_normalization.ipynb"),
        *("solutions/01_normalization.ipynb", "solutions/cifar_course/__init__.py"),
        "solutions/cifar_course/normalization.py",
        *("tests/grading/lesson_1/test_standardize.py", "tests/grading/lesson_1/oracles.py"),
        "tests/grading/test_full_runs.py",
        *("tests/corpus/answers/right/cnn.py", "tests/corpus/answers/wrong/cnn.py"),
        *("tests/corpus/hostile/endings.py", "tests/corpus/mutants.toml"),
        *("tests/corpus/messages/cnn.softmax.txt", "tests/corpus/messages/cnn/softmax.md"),
        # made by running notebooks and tests
        *("lessons/.ipynb_checkpoints/01_normalization-checkpoint.ipynb",),
        *("tests/grading/lesson_1/__pycache__/oracles.pyc", "solutions/.cifar-course/hints.json"),
    )
    assert checks.stray_files() == []


@pytest.mark.parametrize(
    "name",
    [
        *("lessons/1_normalization.py", "lessons/roster.csv", "lessons/01_normalization.py.orig"),
        *("solutions/01_attention.ipynb", "solutions/cifar_course/normalisation.py"),
        *("tests/grading/lesson_1/test_softmax.py", "tests/grading/lesson_9/oracles.py"),
        *("tests/grading/test_standardize.py", "tests/grading/lesson_1/test_standardise.py"),
        *("tests/corpus/answers/right/cnn.txt", "tests/corpus/answers/almost/cnn.py"),
        *("tests/corpus/hostile/notes.md", "tests/corpus/mutants.toml~"),
        *("tests/corpus/messages/cnn.softmux.txt", "tests/corpus/messages/softmax.txt"),
    ],
)
def test_a_file_that_belongs_to_nothing_is_named(course, name):
    course("tests/corpus/mutants.toml", name)
    assert checks.stray_files() == [
        f"{name} belongs to no lesson and no exercise: delete or move it"
    ]
