"""The course as data: what `syllabus.toml` says, checked and typed."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cifar_lab.course.errors import CourseError

LAB = Path(__file__).resolve().parents[1]
TABLE = LAB / "course" / "syllabus.toml"
ROOT = LAB.parent
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

    @property
    def id(self) -> str:
        """Module and name, such as `normalization.standardize`."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Lesson:
    """One module, one notebook, one file of grading tests."""

    number: int
    module: str
    notebook: str
    title: str
    minutes: int
    exercises: tuple[Exercise, ...]
    keras: bool  # whether its module imports Keras

    @property
    def points(self) -> float:
        """Of all its exercises."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def test_file(self) -> Path:
        """Where the lesson's grading tests are."""
        return GRADING_TESTS / f"test_{self.number}_{self.module}.py"


class UnknownExercise(CourseError, LookupError):
    """A name that is neither an exercise nor a lesson."""


@lru_cache(maxsize=1)
def lessons() -> tuple[Lesson, ...]:
    """All lessons, in order."""
    return tuple(_lesson(entry) for entry in _table()["lessons"])


@lru_cache(maxsize=1)
def exercises() -> dict[str, Exercise]:
    """Every exercise by id, in order."""
    return {e.id: e for lesson in lessons() for e in lesson.exercises}


def lesson_of(exercise: Exercise) -> Lesson:
    """Return the lesson that an exercise belongs to."""
    (lesson,) = (lesson for lesson in lessons() if lesson.module == exercise.module)
    return lesson


def modules() -> tuple[str, ...]:
    """The modules that a submission may hold."""
    return tuple(lesson.module for lesson in lessons())


def needs_keras(exercise: str) -> bool:
    """Whether the module of this exercise, given by id, imports Keras."""
    module = exercise.partition(".")[0]
    return any(lesson.keras for lesson in lessons() if lesson.module == module)


def threshold(name: str) -> float:
    """A number that some result must reach."""
    return _table()["thresholds"][name]


def trained_thresholds() -> set[str]:
    """The names of those that graders hold trainings against; full runs have their own."""
    return {name for name in _table()["thresholds"] if not name.endswith("_full_run")}


def find(names: list[str] | tuple[str, ...]) -> list[Exercise]:
    """The exercises that `names` mean, each once, in the order of the course.

    Args:
        names: Ids (`normalization.standardize`), modules (`normalization`) or lesson numbers
            (`1`). No names at all mean every exercise.

    Raises:
        UnknownExercise: A name that is none of these.
    """
    wanted = set() if names else set(exercises())
    for name in names:
        meant = {
            e.id
            for lesson in lessons()
            for e in lesson.exercises
            if name in (e.id, lesson.module, str(lesson.number))
        }
        if not meant:
            raise UnknownExercise(_unknown(name))
        wanted |= meant
    return [exercise for id, exercise in exercises().items() if id in wanted]


def _unknown(name: str) -> str:
    import difflib

    known = [*exercises(), *modules(), *(str(lesson.number) for lesson in lessons())]
    by_last_part = [id for id in exercises() if id.partition(".")[2] == name]
    close = by_last_part or difflib.get_close_matches(name, known, n=1)
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
