"""A made-up class of hand-ins whose verdicts are known, and how fast it is graded.

    python -m benchmarks.classroom make CLASS [--students 100] [--seed 0]
    python -m benchmarks.classroom judge CLASS OUT
    python -m benchmarks.classroom speed [--exercise NAME]... [--students 10 100]

`make` writes correct, unfinished, partly wrong, hostile and broken hand-ins, and what each must
get; `judge` holds the results of `cifar-course grade CLASS --out OUT` against that. `speed`
grades copies of the reference: behind the wall with one worker and with two, in classes of
several sizes, and with plain pytest in a process per hand-in, and prints ratios.
"""

import json
import random
import zipfile
from pathlib import Path

import typer
from tests.answers_cells import Answer, answers

from cifar_lab import stubs, syllabus
from tests import hostile

app = typer.Typer(help=__doc__, rich_markup_mode=None, pretty_exceptions_enable=False)
# of 100 students
SHARES = {"correct": 25, "unfinished": 30, "wrong": 25, "hostile": 12, "broken": 8}
EXPECTED = "expected.json"


def reference() -> dict[str, str]:
    """The right answers by module."""
    return {
        module: (stubs.REFERENCE / "cifar_course" / f"{module}.py").read_text(encoding="utf-8")
        for module in syllabus.modules()
    }


class Student:
    """A hand-in in the making: its modules, and what each exercise must get.

    `expected` maps an exercise to `full`, `less` than that, or `none`.
    """

    def __init__(self, chance: random.Random):
        self.chance = chance
        self.modules = reference()
        self.expected = dict.fromkeys(syllabus.exercises(), "full")
        self.verdict = "graded"

    def correct(self) -> None:
        """Right in every exercise; written on any machine."""
        if self.chance.random() < 0.3:
            self.modules = {name: text.replace("\n", "\r\n") for name, text in self.modules.items()}
        elif self.chance.random() < 0.3:
            self.modules = {name: "\ufeff" + text for name, text in self.modules.items()}

    def unfinished(self) -> None:
        """Stubs from some exercise on."""
        done = self.chance.randrange(1, len(self.expected))
        for exercise in list(syllabus.exercises().values())[done:]:
            self._put_back(exercise)

    def wrong(self) -> None:
        """Some answers that a learner might give and that are wrong."""
        self.unfinished()
        written = [id for id, wanted in self.expected.items() if wanted == "full"]
        known = [answer for answer in answers("wrong") if answer.exercise in written]
        for answer in self.chance.sample(known, min(3, len(known))):
            self._give(answer)

    def hostile(self) -> None:
        """Lesson 1 wants its points without earning them."""
        self.unfinished()
        entry = self.chance.choice(hostile.entries())
        self.modules["normalization"] = entry.text
        for exercise in syllabus.find(["normalization"]):
            self.expected[exercise.id] = entry.expected

    def broken(self) -> None:
        """Nothing, or nothing that parses."""
        if self.chance.random() < 0.5:
            self.modules, self.verdict = {}, "invalid submission"
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
        self.modules[answer.exercise.partition(".")[0]] += answer.code
        self.expected[answer.exercise] = "less"

    def write(self, target: Path) -> None:
        """As a folder or a zip file, at some depth."""
        inside = Path(*["work", "final"][: self.chance.randrange(3)], "cifar_course")
        if self.chance.random() < 0.5:
            (target / inside).mkdir(parents=True)
            for name, text in self.modules.items():
                (target / inside / f"{name}.py").write_bytes(text.encode())
        else:
            with zipfile.ZipFile(target.with_name(target.name + ".zip"), "w") as archive:
                for name, text in self.modules.items():
                    archive.writestr(f"{inside.as_posix()}/{name}.py", text.encode())


@app.command()
def make(folder: Path, students: int = 100, seed: int = 0) -> None:
    """Write a class to FOLDER, and beside it what it must get."""
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
        expected[name] = {"verdict": student.verdict, "exercises": student.expected}
    text = json.dumps(expected, indent=1) + "\n"
    stubs.write_whole(folder.with_name(f"{folder.name}.{EXPECTED}"), text)
