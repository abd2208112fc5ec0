"""Make mutants: versions of the reference in which one mutation operator changed one exercise.

The packages cosmic-ray and mutmut run the whole test suite of a package. Here each exercise is
judged by its own tests alone, in a process forked after TensorFlow was imported. Both packages
also lack operators that matter for arrays: neither drops a keyword (`keepdims=True`), an axis, a
bound of a slice or the conversion around a value.
"""

import ast
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cifar_lab.course.stubs import CLOSE, OPEN
from cifar_lab.quality.operators import alternatives


@dataclass(frozen=True)
class Mutant:
    """A module in which one exercise is mutated."""

    exercise: str
    text: str  # of the whole module
    diff: str
    change: str  # the diff in one line

    @property
    def id(self) -> str:
        """Hash of the exercise and the mutation."""
        return hashlib.sha256(f"{self.exercise} {self.diff}".encode()).hexdigest()[:8]


def mutants(source: str, exercise: str) -> list[Mutant]:
    """Return every mutant of one exercise of a reference module, each text once."""
    tree = ast.parse(source)
    name = exercise.partition(".")[2]
    (node,) = (n for n in tree.body if getattr(n, "name", None) == name)
    _keep_code_alone(node)
    original, rest = ast.unparse(node), source.splitlines()
    before, after = rest[: node.lineno - 1], rest[node.end_lineno :]
    found = {}
    for parent, field, index, child in _places(node, _answers(source)):
        for other in alternatives(child):
            _put(parent, field, index, other)
            text = ast.unparse(ast.fix_missing_locations(node))
            if text != original and text not in found:
                whole = "\n".join([*before, text, *after])
                found[text] = _mutant(exercise, whole, original, text)
            _put(parent, field, index, child)
    return list(found.values())


def _mutant(exercise: str, module: str, before: str, after: str) -> Mutant:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "reference", "mutant", lineterm="", n=2
    )
    diff = [*lines]
    was, becomes = (
        " ".join(line[1:].strip() for line in diff[2:] if line.startswith(sign)) for sign in "-+"
    )
    return Mutant(exercise, module, "\n".join(diff), f"{was} -> {becomes}")


def _keep_code_alone(node: ast.AST) -> None:
    """Remove docstrings and annotations, which would only lengthen the diffs."""
    for part in ast.walk(node):
        is_definition = isinstance(part, ast.FunctionDef | ast.ClassDef)
        if is_definition and ast.get_docstring(part) and len(part.body) > 1:
            del part.body[0]
        if isinstance(part, ast.FunctionDef):
            part.returns = None
        if isinstance(part, ast.arg):
            part.annotation = None


def _answers(source: str) -> set[int]:
    """Return the numbers of the lines that a learner writes, which stand between two marks."""
    inside, found = False, set()
    for number, line in enumerate(source.splitlines(), start=1):
        inside = line.strip() == OPEN or (inside and line.strip() != CLOSE)
        if inside:
            found.add(number)
    return found


def _places(node: ast.AST, answers: set[int]) -> Iterator[tuple]:
    """Yield (parent, field, index, child) of each node to mutate.

    These are the nodes of answers and default values, except f-strings.
    """
    for field, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            is_default = field in ("defaults", "kw_defaults")
            if is_default or getattr(child, "lineno", 0) in answers:
                yield node, field, index if isinstance(value, list) else None, child
            yield from _places(child, answers)


def _put(parent: ast.AST, field: str, index: int | None, child: ast.AST) -> None:
    if index is None:
        setattr(parent, field, child)
    else:
        getattr(parent, field)[index] = child
