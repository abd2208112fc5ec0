"""Judge mutants: one of their exercise's own tests must fail.

Each is judged in a process of its own, for it may never end.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.grading.run import QUICK, judge
from cifar_lab.quality.mutants import Mutant

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["cifar_lab.quality.preload"])
PATIENCE = 120.0  # seconds; a mutant that takes longer is taken for one that never ends


class CannotScore(CourseError):
    """The reference itself does not pass where mutants are judged."""


def killers(some: list[Mutant]) -> Iterator[tuple[Mutant, str]]:
    """Each mutant, and what killed it: a test, mostly; "" for a survivor.

    Raises:
        CannotScore: The reference does not pass.
    """
    for id in {mutant.exercise: None for mutant in some}:
        killer = _killer(id, stubs.reference(id.partition(".")[0]))
        if killer:
            raise CannotScore(f"{id}: the reference does not pass: {killer}")
        for mutant in (m for m in some if m.exercise == id):
            yield mutant, _killer(id, mutant.text)


def _killer(id: str, text: str) -> str:
    """What is wrong with this text of an exercise's module, if anything is."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "cifar_course"
        package.mkdir()
        for module in syllabus.modules():
            code = text if module == id.partition(".")[0] else stubs.reference(module)
            (package / f"{module}.py").write_text(code, encoding="utf-8")
        return _judged_apart(Path(folder), id)


def _judged_apart(folder: Path, id: str) -> str:
    receiver, sender = SERVER.Pipe(duplex=False)
    child = SERVER.Process(target=_judge, args=(sender, folder, id))
    child.start()
    sender.close()
    try:
        if not receiver.poll(PATIENCE):
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


def _judge(sender: Connection, folder: Path, id: str) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    try:
        # a training for every mutant would take hours
        failure = judge(folder, syllabus.find([id]), tests=QUICK, stop_early=True)[id].first_failure
        sender.send(failure.name if failure else "")
    except Exception as error:
        sender.send(error)
