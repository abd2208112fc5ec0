"""A made-up class of submissions with known verdicts, and the time that grading it takes.

    python -m benchmarks.classroom make CLASS [--students 100] [--seed 0]
    python -m benchmarks.classroom judge CLASS OUT
    python -m benchmarks.classroom sandbox [--exercise NAME]...
    python -m benchmarks.classroom speed [--exercise NAME]... [--students 10 100]

`make` writes correct, unfinished, partly wrong, hostile and broken submissions, and the verdicts
that they must get. `judge` compares the results of `cifar-course grade CLASS --out OUT` with these.
`sandbox` grades the reference in one process and in the sandbox. `speed` grades copies of the
reference in the sandbox, with one worker and with two, in classes of several sizes, and with plain
pytest in a process per submission. Both print ratios.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.files import write_whole
from cifar_lab.course.verdict import Outcome
from cifar_lab.grading.results import Results
from cifar_lab.quality.answers import Answer, answers
from tests.lab.sandbox import test_hostile

app = typer.Typer(help=__doc__, rich_markup_mode=None, pretty_exceptions_enable=False)
# of 100 students
SHARES = {"correct": 25, "unfinished": 30, "wrong": 25, "hostile": 12, "broken": 8}
# attacks that need nothing outside, end by themselves, and are judged by one exercise
ATTACKS = [
    entry
    for entry in test_hostile.entries()
    if test_hostile.MODULE in entry.files
    and not {"judges", "seconds", "heavy"} & set(entry.settings)
    and not any("@" in text for text in entry.files.values())
    and not entry.title.startswith("honest")
]


def reference() -> dict[str, str]:
    """Return the text of the right answers by module."""
    return {
        module: (stubs.REFERENCE / "cifar_course" / f"{module}.py").read_text(encoding="utf-8")
        for module in syllabus.modules()
    }


class Student:
    """A submission in the making.

    Attributes:
        modules: Texts of the course's modules by name.
        others: Texts of all other files by path.
        expected: The points that each exercise must get: `full`, `less`, `none` or `any`.
        outcome: The outcome that the submission must get.
    """

    def __init__(self, chance: random.Random):
        self.chance = chance
        self.modules = reference()
        self.others: dict[str, str] = {}
        self.expected = dict.fromkeys(syllabus.exercises(), "full")
        self.outcome = Outcome.GRADED

    def correct(self) -> None:
        """Answer every exercise correctly, in files of any system."""
        if self.chance.random() < 0.3:
            self.modules = {name: text.replace("\n", "\r\n") for name, text in self.modules.items()}
        elif self.chance.random() < 0.3:
            self.modules = {name: "\ufeff" + text for name, text in self.modules.items()}

    def unfinished(self) -> None:
        """Leave the stubs from some exercise on."""
        done = self.chance.randrange(1, len(self.expected))
        for exercise in list(syllabus.exercises().values())[done:]:
            self._put_back(exercise)

    def wrong(self) -> None:
        """Give some wrong answers, of the kind that learners give."""
        self.unfinished()
        written = [id for id, wanted in self.expected.items() if wanted == "full"]
        known = [answer for answer in answers("wrong") if answer.exercise in written]
        for answer in self.chance.sample(known, min(3, len(known))):
            self._give(answer)

    def hostile(self) -> None:
        """Let lesson 1 attack the grader for its points."""
        self.unfinished()
        entry = self.chance.choice(ATTACKS)
        self.others = dict(entry.files)
        self.modules["normalization"] = self.others.pop(test_hostile.MODULE)
        for exercise in syllabus.find(["normalization"]):
            self.expected[exercise.id] = "any"
        self.expected[entry.judges[0].id] = "full" if entry.earns else "none"

    def broken(self) -> None:
        """Hand in nothing, or a module that does not parse."""
        if self.chance.random() < 0.5:
            self.modules, self.outcome = {}, Outcome.INVALID
            self.expected = {}
            return
        module = self.chance.choice(syllabus.modules())
        self.modules[module] = "def one_hot(:\n"
        for exercise in syllabus.find([module]):
            self.expected[exercise.id] = "none"

    def _put_back(self, exercise: syllabus.Exercise) -> None:
        text = self.modules[exercise.module]
        self.modules[exercise.module] = stubs.put_back(text, exercise.module, exercise.name)
        self.expected[exercise.id] = "none"

    def _give(self, answer: Answer) -> None:
        module = answer.exercise.partition(".")[0]
        self.modules[module] += answer.code
        for exercise in syllabus.find([module]):  # an answer may use other exercises
            if self.expected[exercise.id] == "full":
                self.expected[exercise.id] = "any"
        self.expected[answer.exercise] = "less"

    def write(self, target: Path) -> None:
        """Write the submission as a folder or a zip file, with the package at some depth."""
        inside = "/".join(["work", "final"][: self.chance.randrange(3)])
        files = {f"cifar_course/{name}.py": text for name, text in self.modules.items()}
        files = {
            f"{inside}/{name}".lstrip("/"): text for name, text in (files | self.others).items()
        }
        if self.chance.random() < 0.5:
            target.mkdir()
            for name, text in files.items():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(text.encode())
        else:
            with zipfile.ZipFile(target.with_name(target.name + ".zip"), "w") as archive:
                for name, text in files.items():
                    archive.writestr(name, text.encode())


def expectations(folder: Path) -> Path:
    """Return the file for the verdicts that a class must get."""
    return folder.with_name(f"{folder.name}.expected.json")


@app.command()
def make(folder: Path, students: int = 100, seed: int = 0) -> None:
    """Write a class to FOLDER, and beside it the verdicts that it must get."""
    chance = random.Random(seed)
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    chance.shuffle(kinds)
    folder.mkdir(parents=True)
    expected = {}
    for number in range(students):
        kind, student = kinds[number % len(kinds)], Student(chance)
        getattr(student, kind)()
        name = f"{kind}-{number:03}"
        student.write(folder / name)
        expected[name] = {"outcome": student.outcome, "exercises": student.expected}
    write_whole(expectations(folder), json.dumps(expected, indent=1) + "\n")
    print(f"{folder}: {students} submissions; {expectations(folder)}: the verdicts")


@app.command()
def judge(folder: Path, out: Path) -> None:
    """Compare the results in OUT with the verdicts that the class in FOLDER must get."""
    expected = json.loads(expectations(folder).read_text(encoding="utf-8"))
    results = {name: Results.read(out / "results" / f"{name}.json") for name in expected}
    graded = {test.exercise for one in results.values() for test in one.tests}
    wrong, counts = [], Counter()
    for name, wanted in expected.items():
        outcome = results[name].outcome
        if outcome != wanted["outcome"]:
            wrong.append(f"{name}: {outcome}, not {wanted['outcome']}")
        for exercise in graded & wanted["exercises"].keys():
            want, got = wanted["exercises"][exercise], _points(results[name], exercise)
            counts[got] += 1
            if want != got and want != "any" and not (want == "less" and got == "none"):
                wrong.append(f"{name}: {exercise} got {got}, not {want}")
    print("\n".join(wrong) or f"every verdict is right: {dict(counts)}")
    raise typer.Exit(bool(wrong))


def _points(results: Results, exercise: str) -> str:
    passed = [test.passed for test in results.tests if test.exercise == exercise]
    return "full" if passed and all(passed) else "less" if any(passed) else "none"


@app.command()
def sandbox(
    exercise: Annotated[list[str] | None, typer.Option(help="Judge these only.")] = None,
) -> None:
    """Print seconds for the reference: plain pytest, the sandbox, and importing Keras."""
    wanted = [entry.id for entry in syllabus.find(exercise or [])]
    plain = _plain(wanted)
    imports = _median([sys.executable, "-c", "import keras"])
    sandboxed = _plain(wanted, "--sandbox")
    for seconds, label in (
        (plain, "in one process"),
        (sandboxed, "in the sandbox"),
        (imports, "`import keras` alone"),
    ):
        print(f"{seconds:7.2f} s   {seconds / plain:.2f}   {label}")


@app.command()
def speed(
    students: Annotated[list[int] | None, typer.Option(help="Sizes of classes.")] = None,
    exercise: Annotated[list[str] | None, typer.Option(help="Judge these only.")] = None,
) -> None:
    """Print seconds per submission, the reference, in classes of several sizes."""
    sizes = students or [10, 100]
    wanted = [entry.id for entry in syllabus.find(exercise or [])]
    plain = _plain(wanted)
    print(f"{plain:7.2f} s   1.00   plain pytest, a process for each submission, one at a time")
    for size in sizes:
        for workers in (1, 2):
            each = _class(size, workers, wanted)
            label = f"in the sandbox, a class of {size}, {workers} at a time"
            print(f"{each:7.2f} s   {each / plain:.2f}   {label}", flush=True)


def _plain(wanted: list[str], *more: str) -> float:
    command = [sys.executable, "-m", "pytest", "-m", "grading", "-q", "-p", "no:cacheprovider"]
    command += [f"--exercise={id}" for id in wanted] + [f"--submission={stubs.REFERENCE}"]
    return _median([*command, *more])


def _median(command: list[str]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(command, cwd=syllabus.ROOT, capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    return sorted(times)[1]


def _class(size: int, workers: int, wanted: list[str]) -> float:
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place, "class"), Path(place, "out")
        for number in range(size):
            student = Student(random.Random(number))
            student.modules["normalization"] += f"\n# {number}\n"
            folder.mkdir(exist_ok=True)
            student.write(folder / f"s{number:03}")
        command = [sys.executable, "-m", "cifar_lab.cli", "grade", folder, "--out", out]
        command += ["--workers", workers, *(f"--exercise={id}" for id in wanted)]
        began = time.perf_counter()
        subprocess.run([*map(str, command)], capture_output=True, check=True)
        return (time.perf_counter() - began) / size


if __name__ == "__main__":
    app()
