"""The course as data: lessons, exercises and thresholds, read from `syllabus.toml`."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cifar_lab.course.errors import CourseError

LAB = Path(__file__).resolve().parents[1]
TABLE = LAB / "course" / "syllabus.toml"
# an installed package brings lessons, tests and settings along in a folder of its own
EDITION = LAB / "edition"
INSTALLED = EDITION.is_dir()
ROOT = EDITION if INSTALLED else LAB.parent
GRADING_TESTS = ROOT / "tests" / "grading"
HINT_LEVELS = 3


@dataclass(frozen=True)
class Exercise:
    """One function or class that a learner writes."""

    module: str
    name: str
    points: float
    minutes: int
    difficulty: int  # 1 to 5
    hard: str
    hints: tuple[str, ...]
    keras: bool  # a right answer uses Keras

    @property
    def id(self) -> str:
        """Module and name, such as `normalization.standardize`."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Lesson:
    """One module, one notebook, one folder of grading tests."""

    number: int
    module: str
    notebook: str
    title: str
    minutes: int
    exercises: tuple[Exercise, ...]
    keras: bool  # its module imports Keras

    @property
    def points(self) -> float:
        """The points of all its exercises."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def names(self) -> tuple[str, str]:
        """Names that commands take for the lesson: its module and its number."""
        return self.module, str(self.number)

    @property
    def test_folder(self) -> Path:
        """Folder of the lesson's grading tests: a file per exercise, and `oracles.py`."""
        return GRADING_TESTS / f"lesson_{self.number}"


class UnknownExercise(CourseError, LookupError):
    """Name that is neither an exercise nor a lesson."""


@lru_cache(maxsize=1)
def lessons() -> tuple[Lesson, ...]:
    """Return all lessons, in order."""
    return tuple(_lesson(entry) for entry in _table()["lessons"])


def lesson(name: str | int) -> Lesson:
    """Return the lesson of this module, or of this number.

    Raises:
        UnknownExercise: There is none.
    """
    for entry in lessons():
        if name in (entry.module, entry.number):
            return entry
    raise UnknownExercise(f"there is no lesson {name!r}: `cifar-course` lists the names")


@lru_cache(maxsize=1)
def exercises() -> dict[str, Exercise]:
    """Return every exercise by id, in order."""
    return {e.id: e for lesson in lessons() for e in lesson.exercises}


def test_file(exercise: Exercise) -> Path:
    """Return the file of an exercise's grading tests."""
    return lesson(exercise.module).test_folder / f"test_{exercise.name}.py"


def test_files(exercise: Exercise) -> list[Path]:
    """Return the files that judge an exercise: its tests, and its lesson's oracles if any."""
    file = test_file(exercise)
    oracles = file.with_name("oracles.py")
    return [file, oracles] if oracles.exists() else [file]


def modules() -> tuple[str, ...]:
    """Return the names of the modules that a submission may hold."""
    return tuple(entry.module for entry in lessons())


def needs_keras(exercise: str) -> bool:
    """Return True if the module of this exercise, given by id, imports Keras."""
    return lesson(exercise.partition(".")[0]).keras


def uses_keras(exercise: str) -> bool:
    """Return True if a right answer to this exercise, given by id, uses Keras."""
    return exercises()[exercise].keras


def thresholds() -> dict[str, float]:
    """Return every number that some result must reach, by name."""
    return _table()["thresholds"]


def threshold(name: str) -> float:
    """Return the number of this name that some result must reach."""
    return thresholds()[name]


def seconds_per_test(trains: bool) -> float:
    """Return the time limit of one grading test for learners: longer if it trains a network."""
    return _table()["seconds"]["training_test" if trains else "test"]


def trained_thresholds() -> set[str]:
    """Return the names of the thresholds of grading tests that train; full runs have others."""
    return {name for name in thresholds() if not name.endswith("_full_run")}


def find(names: list[str] | tuple[str, ...]) -> list[Exercise]:
    """Return the exercises that `names` mean, each once, in the order of the course.

    Args:
        names: Ids (`normalization.standardize`), names (`standardize`), modules (`normalization`)
            or lesson numbers (`1`). No names at all mean every exercise.

    Raises:
        UnknownExercise: A name is none of these, or several exercises have it.
    """
    wanted = set() if names else set(exercises())
    for name in names:
        namesakes = [e.id for e in exercises().values() if e.name == name]
        if len(namesakes) > 1:
            raise UnknownExercise(f"{name!r} is the name of several: {', '.join(namesakes)}")
        meant = {
            e.id
            for entry in lessons()
            for e in entry.exercises
            if name in (e.id, e.name, *entry.names)
        }
        if not meant:
            raise UnknownExercise(_unknown(name))
        wanted |= meant
    return [exercise for id, exercise in exercises().items() if id in wanted]


def _unknown(name: str) -> str:
    import difflib

    elsewhere = [e.id for e in exercises().values() if e.name == name.rpartition(".")[2]]
    if elsewhere:
        return f"there is no exercise {name!r}: it is {' or '.join(elsewhere)}"
    names = (exercise.name for exercise in exercises().values())
    known = [*names, *exercises(), *modules(), *(str(lesson.number) for lesson in lessons())]
    close = difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean {close[0]}?" if close else "`cifar-course` lists the names"
    return f"there is no exercise or lesson {name!r}: {advice}"


@lru_cache(maxsize=1)
def _table() -> dict:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def _lesson(entry: dict) -> Lesson:
    found = tuple(
        Exercise(
            module=entry["module"],
            name=e["name"],
            points=e["points"],
            minutes=e["minutes"],
            difficulty=e["difficulty"],
            hard=e.get("hard", ""),
            hints=tuple(e.get("hints", ())),
            keras=e.get("keras", entry.get("keras", True)),
        )
        for e in entry.get("exercises", [])
    )
    return Lesson(
        number=entry["number"],
        module=entry["module"],
        notebook=entry["notebook"],
        title=entry["title"],
        minutes=entry["minutes"],
        exercises=found,
        keras=entry.get("keras", True),
    )
