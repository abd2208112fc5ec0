"""Judge mutants: one of their exercise's own tests must fail.

Each is judged in a forked child, for it may never end; TensorFlow is imported once, before.
"""

import multiprocessing
import os
import runpy
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from cifar_lab import quiet, stubs, syllabus
from cifar_lab.graders.mutants import Mutant
from cifar_lab.grading.judge import judge

# a training for every mutant would take hours: the tests that train are left out
TESTS = "grading and not trains"
PATIENCE = 60.0  # seconds; a mutant that takes longer is taken for one that never ends


class CannotScore(Exception):
    """The reference itself does not pass where mutants are judged."""


def killers(some: list[Mutant]) -> Iterator[tuple[Mutant, str]]:
    """Each mutant, and the test that killed it ("" for a survivor).

    Raises:
        CannotScore: The reference does not pass.
    """
    _warm_up(some)
    for id in {mutant.exercise: None for mutant in some}:
        started = time.monotonic()
        killer = _judged_apart(id, stubs.reference(id.partition(".")[0]), PATIENCE)
        if killer:
            raise CannotScore(f"{id}: the reference does not pass: {killer}")
        slow = 10 * (time.monotonic() - started)
        for mutant in (m for m in some if m.exercise == id):
            yield mutant, _judged_apart(id, mutant.text, max(PATIENCE, slow))


def _warm_up(some: list[Mutant]) -> None:
    """Import once what every forked child needs; were anything run, the children would hang."""
    modules = {mutant.exercise.partition(".")[0] for mutant in some}
    for lesson in syllabus.lessons():
        if lesson.module in modules:
            if lesson.keras:
                quiet.import_keras()
            runpy.run_path(str(lesson.test_file))


def _judged_apart(id: str, text: str, seconds: float) -> str:
    """The test that fails for this text of a module; judged in a process of its own."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(target=_judge, args=(sender, id, text))
    child.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            return "it takes too long"
        answer = receiver.recv()
    except EOFError:
        return "it crashes"
    finally:
        child.kill()
        child.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _judge(sender: Connection, id: str, text: str) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    module = id.partition(".")[0]
    try:
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder) / "cifar_course"
            package.mkdir()
            for name in syllabus.modules():
                code = text if name == module else stubs.reference(name)
                (package / f"{name}.py").write_text(code, encoding="utf-8")
            verdict = judge(Path(folder), syllabus.find([id]), TESTS, stop_early=True)[id]
        sender.send(verdict.first_failure.name if verdict.first_failure else "")
    except Exception as error:
        sender.send(error)
