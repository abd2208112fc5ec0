"""Stubs: the reference with its answers cut out.

In the reference, an answer stands between two comment lines, `# <answer>` and `# </answer>`. A stub
keeps everything else, and raises NotImplementedError in place of the answer.
"""

import ast
from functools import lru_cache
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole

OPEN, CLOSE = "# <answer>", "# </answer>"
REFERENCE = syllabus.ROOT / "solutions"
# in an edition without the reference, the stubs themselves are kept here
KEPT = syllabus.LAB / "stubs"


class StubError(CourseError):
    """Module that cannot be cut, or put back, and why."""


def cut(source: str, module: str, lesson: int) -> str:
    """Return the stub of a reference module.

    Args:
        source: The reference's text.
        module: Its name.
        lesson: The number of its lesson.

    Raises:
        StubError: A mark is without its partner.
    """
    owner = _owners(source)
    kept, inside = [], False
    for number, line in enumerate(source.splitlines(), start=1):
        if line.strip() == OPEN:
            if inside:
                raise StubError(f"{module}.py, line {number}: {OPEN} within an answer")
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            message = f"{module}.{owner[number]} is not written yet: see lesson {lesson}"
            kept.append(f'{indent}raise NotImplementedError("{message}")')
        elif line.strip() == CLOSE:
            if not inside:
                raise StubError(f"{module}.py, line {number}: {CLOSE} without {OPEN}")
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise StubError(f"{module}.py: {OPEN} without {CLOSE}")
    return "\n".join(kept) + "\n"


def _owners(source: str) -> dict[int, str]:
    """Return the top-level function or class of each line."""
    return {
        line: node.name
        for node in _parsed(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        for line in range(node.lineno, node.end_lineno + 2)
    }


def reference(module: str) -> str:
    """Return the text of a reference module."""
    return (REFERENCE / "cifar_course" / f"{module}.py").read_text(encoding="utf-8")


def stub(module: str) -> str:
    """Return the stub of a module.

    Raises:
        StubError: Neither the reference nor the stub is there.
    """
    answers, kept = REFERENCE / "cifar_course" / f"{module}.py", KEPT / f"{module}.py"
    if not answers.is_file():
        if not kept.is_file():
            raise StubError(f"the stub of {module}.py is lost: neither {answers} nor {kept}")
        return kept.read_text(encoding="utf-8")
    return cut(reference(module), module, syllabus.lesson(module).number)


def write_all(folder: Path) -> list[Path]:
    """Write the stubs of every lesson into `folder`/cifar_course."""
    package = folder / "cifar_course"
    package.mkdir(parents=True, exist_ok=True)
    write_whole(package / "__init__.py", "")
    written = []
    for lesson in syllabus.lessons():
        file = package / f"{lesson.module}.py"
        write_whole(file, stub(lesson.module))
        written.append(file)
    return written


def put_back(source: str, module: str, name: str, original: str | None = None) -> str:
    """Return `source` with one function or class as in the stub.

    Args:
        source: The text of the learner's module.
        module: Its name.
        name: The function or class.
        original: A text to take it from, in place of the stub.

    Raises:
        StubError: `source` does not parse, so the function's last line is unknown.
    """
    try:
        old = _span(source, name)
    except SyntaxError as error:
        raise StubError(
            f"{module}.py does not parse (line {error.lineno}: {error.msg}). Mend that line, or "
            f"put the whole module back: cifar-course reset {module}"
        ) from None
    original = stub(module) if original is None else original
    first, last = _span(original, name)
    new = _lines(original)[first:last]
    lines = _lines(source)
    if old is None:
        return "\n".join([*lines, "", "", *new]) + "\n"
    return "\n".join([*lines[: old[0]], *new, *lines[old[1] :]]) + "\n"


def _lines(source: str) -> list[str]:
    """Return lines as Python counts them: `splitlines` also breaks at form feeds and others."""
    return source.removesuffix("\n").split("\n")


def _span(source: str, name: str) -> tuple[int, int] | None:
    """Return the first line of a top-level function or class, and the line after its last.

    Lines count from 0. Of several definitions, the last one counts, as in Python.
    """
    node = _definition(source, name)
    if node is None:
        return None
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return first - 1, node.end_lineno


def _definition(source: str, name: str) -> ast.FunctionDef | ast.ClassDef | None:
    for node in reversed(_parsed(source).body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
    return None


@lru_cache(maxsize=16)  # the board asks for every exercise of a module
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def definition_lines(source: str, name: str) -> list[str]:
    """Return the lines of a top-level function or class; none if there is none."""
    span = _span(source, name)
    return _lines(source)[span[0] : span[1]] if span else []


def first_line(source: str, name: str) -> int | None:
    """Return the number of the line where a top-level function or class begins."""
    span = _span(source, name)
    return span[0] + 1 if span else None


def defines(source: str, name: str) -> bool:
    """Return True if a module has a top-level function or class of that name."""
    return _definition(source, name) is not None


def is_stub(source: str, module: str, name: str) -> bool:
    """Return True if a function or class is still as in the stub, comments aside."""
    return is_same(source, stub(module), name)


def is_same(source: str, other: str, name: str) -> bool:
    """Return True if two modules define a function or class in the same way, comments aside."""
    try:
        found, expected = _definition(source, name), _definition(other, name)
    except SyntaxError:
        return False
    return None not in (found, expected) and ast.dump(found) == ast.dump(expected)
