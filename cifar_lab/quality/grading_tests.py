"""What the grading tests' own text says: whose they are, how many, and whether they train."""

import ast
from functools import lru_cache
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.syllabus import Exercise


def tests(exercise: Exercise) -> list[ast.FunctionDef]:
    """The tests of an exercise."""
    return [node for node in _file(exercise).body if _owner(node) == exercise.id]


def trains(exercise: Exercise) -> bool:
    """Whether one of its tests trains a network."""
    marks = [ast.unparse(mark) for test in tests(exercise) for mark in test.decorator_list]
    return "pytest.mark.trains" in marks


def everything(exercise: Exercise) -> str:
    """Its tests and what they use of their file, comments, layout and order aside."""
    shared = {name: node for node in _file(exercise).body for name in _defined(node)}
    found, todo = set(), list(tests(exercise))
    while todo:
        node = todo.pop()
        if ast.dump(node) not in found:
            found.add(ast.dump(node))
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            names |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}  # fixtures
            todo += [shared[name] for name in names & shared.keys()]
    return "\n".join(sorted(found))


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [
            part.id for target in node.targets for part in ast.walk(target) if hasattr(part, "id")
        ]
    return []


def _file(exercise: Exercise) -> ast.Module:
    file = syllabus.test_file(exercise)
    return _parsed(file) if file.is_file() else ast.Module([], [])


@lru_cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _owner(node: ast.stmt) -> str | None:
    """The exercise that a test belongs to; None for what is no test."""
    for decorator in getattr(node, "decorator_list", ()):
        match decorator:
            case ast.Call(func=ast.Name(id="exercise"), args=[ast.Constant(value=id)]):
                return id
    return None
