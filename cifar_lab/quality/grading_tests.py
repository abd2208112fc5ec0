"""Read the source of the grading tests: the tests of an exercise, and the code that judges it."""

import ast
from functools import lru_cache
from pathlib import Path

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.syllabus import Exercise

SHARED = (
    *("testing/*.py", "verifier/*.py", "data/synthetic.py"),
    *("execution/handles.py", "execution/tools.py"),
)
# modules of cifar_lab/testing that decide no verdict: pytest's hooks, options and wording
EXCEPT = ("plugin", "options", "messages", "describe")
WORDING = ("because", "mistake", "mistakes")  # arguments that only change a message
TRAINING = "grading and trains"  # marker expression of the tests that train a network


def tests(exercise: Exercise) -> list[ast.FunctionDef]:
    """Return the tests of an exercise."""
    return [test for _, test in _tests().get(exercise.id, ())]


def trains(exercise: Exercise) -> bool:
    """Return True if one of its tests trains a network."""
    marks = [ast.unparse(mark) for test in tests(exercise) for mark in test.decorator_list]
    return "pytest.mark.trains" in marks


def files() -> list[Path]:
    """Return every file of grading tests."""
    return sorted(syllabus.GRADING_TESTS.rglob("test_*.py"))


def judging_code(exercise: Exercise) -> list[str]:
    """Return the code that decides the verdicts of an exercise's mutants, file by file.

    This is its tests' file with the other modules in that folder, the shared checks and the
    reference's module. Comments, docstrings, layout and the wording of messages are left out.
    """
    own = {file for file, _ in _tests().get(exercise.id, ())}
    beside = {file for test in own for file in test.parent.glob("*.py")}
    helpers = {file for file in beside if not file.name.startswith("test_")}
    shared = {file for pattern in SHARED for file in syllabus.LAB.glob(pattern)}
    shared = {file for file in shared if file.stem not in EXCEPT}
    reference = stubs.REFERENCE / "cifar_course" / f"{exercise.module}.py"
    return [_code(file) for file in sorted(own | helpers | shared | {reference})]


@lru_cache(maxsize=1)
def _tests() -> dict[str, list[tuple[Path, ast.FunctionDef]]]:
    """Return the tests of each exercise with their files."""
    found = {}
    for file in files():
        for node in _parsed(file).body:
            if owner := _owner(node):
                found.setdefault(owner, []).append((file, node))
    return found


@lru_cache
def _code(file: Path) -> str:
    return ast.unparse(_Code().visit(_parsed(file)))


class _Code(ast.NodeTransformer):
    """Removes docstrings and the wording of messages."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.keyword | None:
        return None if node.arg in WORDING else self.generic_visit(node)


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _owner(node: ast.stmt) -> str | None:
    """Return the exercise that a test belongs to, or None if the statement is no test."""
    for decorator in getattr(node, "decorator_list", ()):
        match decorator:
            case ast.Call(func=ast.Name(id="exercise"), args=[ast.Constant(value=id)]):
                return id
    return None
