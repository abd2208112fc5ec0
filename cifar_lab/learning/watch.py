"""`cifar-course watch`: judge an exercise whenever its module is saved."""

import queue
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from cifar_lab import PACKAGE
from cifar_lab.course import board, progress, stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.syllabus import Exercise
from cifar_lab.course.verdict import ExerciseVerdict, TestVerdict
from cifar_lab.execution.keras_import import backend_title
from cifar_lab.execution.loader import read_module
from cifar_lab.learning import editor, reset
from cifar_lab.learning.describe import describe
from cifar_lab.learning.judges import Judges, unfinished
from cifar_lab.learning.keyboard import keyboard
from cifar_lab.learning.saves import Saves

KEYS = "h hint  n next  p previous  l board  r run again  o open  x reset  q quit"
PATIENCE = 1.0  # seconds without a verdict after which a line says what takes so long


class Watch:
    """One session of `watch`.

    Args:
        folder: The submission.
        exercises: The exercises to go through.
        console: Where to print.
        seconds: Time limit of a test; by default the syllabus decides.
        options: Further arguments of the judges' processes.
    """

    def __init__(
        self,
        folder: Path,
        exercises: list[Exercise],
        console: Console,
        seconds: float | None = None,
        options: tuple[str, ...] = (),
    ):
        self._folder = folder
        self._exercises = exercises
        self._console = console
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._judges = Judges(folder, self._hear_judge, seconds, options)
        self._place = 0
        self._moves_on = True  # to the next exercise, if this one passes
        self._judged: str | None = None  # hash of the code of the last verdict, or of the next
        self._asked: float | None = None  # when a judge was asked for a verdict that has not come
        self._test, self._so_far = "", []  # the test that runs, the verdicts before it
        self._will_reset = False

    @property
    def exercise(self) -> Exercise:
        """The exercise at work."""
        return self._exercises[self._place]

    def run(self) -> None:
        """Watch until somebody quits."""
        saves = Saves(self._folder / PACKAGE, lambda names: self._events.put(("saved", names)))
        self._keyboard = keyboard(lambda key: self._events.put(("key", key)))
        try:
            self._greet()
            self._turn_to(self._next_open(0) or 0)
            while self._handle(*self._next_event()):
                pass
        finally:
            if self._keyboard:
                self._keyboard.close()
            saves.close()
            self._judges.close()

    def _greet(self) -> None:
        self._say(f"Watching {self._folder / PACKAGE}: a save is judged at once.")
        keys = f"Keys: {KEYS}" if self._keyboard else "No keyboard here; Ctrl-C ends it."
        self._say(keys, style="dim")

    # --- events --------------------------------------------------------------------------------

    def _hear_judge(self, exercise: Exercise, event: dict[str, Any]) -> None:
        self._events.put(("judge", (exercise, event)))

    def _next_event(self) -> tuple[str, Any]:
        while True:
            try:
                return self._events.get(timeout=self._patience())
            except queue.Empty:
                keras_starts = self.exercise.keras and not self._test
                what = f"starting {backend_title()}" if keras_starts else "judging"
                self._say(f"{what} ...", style="dim")
                self._asked = None

    def _patience(self) -> float | None:
        """Return the seconds until a line says what takes so long; None for never."""
        if self._asked is None:
            return None
        return max(self._asked + PATIENCE - time.monotonic(), 0)

    def _handle(self, kind: str, content: Any) -> bool:
        """Return False if the session ends."""
        if kind == "key":
            return all(self._press(key) for key in content)
        try:
            if kind == "saved":
                self._judge_if_changed()
            else:
                self._judge_says(*content)
        except OSError as error:  # a file that is being replaced
            self._say(str(error), style="red")
        return True

    def _press(self, key: str) -> bool:
        actions = {
            "h": self._hint,
            "n": lambda: self._step(1),
            "p": lambda: self._step(-1),
            "l": self._board,
            "r": lambda: self._judge(again=True),
            "o": self._open,
            "x": self._reset,
        }
        confirmed, self._will_reset = self._will_reset and key == "x", False
        try:
            if confirmed:
                self._say(reset.reset_exercise(self._folder, self.exercise))
            elif key in actions:
                actions[key]()
        except (CourseError, OSError) as error:
            self._say(str(error), style="red")
        return key != "q"

    # --- verdicts ------------------------------------------------------------------------------

    def _judge_if_changed(self) -> None:
        """Judge after a save, unless it changed nothing that the verdict depends on."""
        if self._hash() != self._judged:
            self._moves_on = True
            self._judge()

    def _hash(self) -> str:
        return progress.keys(self._folder, [self.exercise])[self.exercise.id]

    def _judge(self, again: bool = False) -> None:
        self._judged, self._test, self._so_far = self._hash(), "", []
        known = {} if again else progress.recall(self._folder, [self.exercise])
        if known:
            self._judges.give_up()
            self._show(known[self.exercise.id])
        else:
            self._asked = time.monotonic()
            self._judges.ask(self.exercise)

    def _judge_says(self, exercise: Exercise, event: dict[str, Any]) -> None:
        tests = [TestVerdict(**test) for test in event.get("tests", ())]
        if exercise != self.exercise:
            return
        if "begins" in event:
            self._test, self._so_far = event["begins"], tests
        elif "problem" in event:
            self._finish()
            self._say(event["problem"], style="red")
        elif "tests" in event:
            self._finish()
            self._show(ExerciseVerdict(exercise, tests))
        elif self._test is not None:  # it ended without a verdict
            test, self._test = self._test or "is judged", None
            folder = self._folder / PACKAGE
            self._asked = None
            self._show(unfinished(exercise, test, self._so_far, event["ended"], folder))

    def _finish(self) -> None:
        self._asked, self._test = None, None

    def _show(self, verdict: ExerciseVerdict) -> None:
        self._say("")
        self._say(f"{time.strftime('%H:%M:%S')} ", style="dim", end="")
        sign = board.signs(self._console)[verdict.status]
        self._say(f"{sign} ", style=board.COLORS[verdict.status], end="")
        self._say(describe(verdict, more="press h"))
        following = self._next_open(self._place + 1) if verdict.passed else None
        if verdict.passed and following is None:
            self._say(f"All {len(self._exercises)} exercises have passed.", style="bold green")
        elif verdict.passed and self._moves_on:
            self._turn_to(following)
        self._start_judges()

    def _start_judges(self) -> None:
        """Start the judges for this exercise and the next one while the learner writes."""
        for exercise in self._exercises[self._place : self._place + 2]:
            self._judges.start(exercise.keras)

    # --- moving on -----------------------------------------------------------------------------

    def _next_open(self, start: int) -> int | None:
        """Return the place of the first exercise from `start` on, in a circle, not passed yet."""
        known = progress.recall(self._folder, self._exercises)
        count = len(self._exercises)
        for place in (number % count for number in range(start, start + count)):
            id = self._exercises[place].id
            if id not in known or not known[id].passed:
                return place
        return None

    def _step(self, by: int) -> None:
        self._turn_to((self._place + by) % len(self._exercises), moves_on=False)

    def _turn_to(self, place: int, moves_on: bool = True) -> None:
        self._place, self._moves_on = place, moves_on
        exercise = self.exercise
        self._say("")
        self._say(exercise.id, style="bold", end="")
        self._say(
            f", about {exercise.minutes} minutes: {PACKAGE}/{exercise.module}.py, "
            f"line {self._line()}"
        )
        self._judge()

    def _line(self) -> int:
        try:
            text = read_module(self._folder, self.exercise.module)
            return stubs.first_line(text, self.exercise.name) or 1
        except (OSError, SyntaxError, ValueError):
            return 1

    # --- keys ----------------------------------------------------------------------------------

    def _hint(self) -> None:
        # the first hint stands below the verdict
        level = max(progress.next_hint_level(self._folder, self.exercise), 2)
        self._say(f"Hint {level} of {len(self.exercise.hints)}:", style="bold")
        self._say(self.exercise.hints[level - 1])

    def _board(self) -> None:
        known = progress.recall(self._folder, syllabus.find([]))
        board.show(self._folder, known, self._console)

    def _open(self) -> None:
        file = self._folder / PACKAGE / f"{self.exercise.module}.py"
        with self._keyboard.lent():
            editor.open_file(file, self._line())

    def _reset(self) -> None:
        self._will_reset = True
        self._say(
            f"x again puts the stub of {self.exercise.id} back; your answer is kept. "
            "Any other key: no."
        )

    def _say(self, text: str, **style) -> None:
        self._console.print(text, markup=False, **style)
