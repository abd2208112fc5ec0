"""Judge one version of an exercise in a process of its own, which may crash or never end.

The processes are forked from a server that has imported everything (`preload`), so each starts in
milliseconds and in the same state.
"""

import multiprocessing
import os
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.verdict import FailureKind, TestVerdict
from cifar_lab.grading.run import QUICK, judge

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["cifar_lab.quality.preload"])


def first_failure(
    exercise: str, text: str, tests: str = QUICK, patience: float = 600.0
) -> TestVerdict | None:
    """Return the first test of an exercise that fails, or None if all pass.

    Args:
        exercise: Id of the exercise that is judged.
        text: Its module; the reference stands in for the other modules.
        tests: Marker expression of the tests to run, for pytest.
        patience: Seconds after which the process is killed; this counts as a failed test.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "cifar_course"
        package.mkdir()
        for module in syllabus.modules():
            code = text if module == exercise.partition(".")[0] else stubs.reference(module)
            (package / f"{module}.py").write_text(code, encoding="utf-8")
        return _judge_in_child(Path(folder), exercise, tests, patience)


def _judge_in_child(folder: Path, exercise: str, tests: str, patience: float) -> TestVerdict | None:
    receiver, sender = SERVER.Pipe(duplex=False)
    child = SERVER.Process(target=_judge, args=(sender, folder, exercise, tests))
    child.start()
    sender.close()
    try:
        if not receiver.poll(patience):
            return TestVerdict("timeout", passed=False, failure_kind=FailureKind.TIMEOUT)
        answer = receiver.recv()
    except EOFError:
        return TestVerdict("crash", passed=False, failure_kind=FailureKind.CRASH)
    finally:
        child.kill()
        child.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _judge(sender: Connection, folder: Path, exercise: str, tests: str) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    try:
        verdicts = judge(folder, syllabus.find([exercise]), tests=tests, stop_early=True)
        sender.send(verdicts[exercise].first_failure)
    except Exception as error:
        sender.send(error)
