"""Stubs: the reference with its answers cut out.

In the reference, what a learner writes stands between two comment lines, `# <answer>` and
`# </answer>`. A stub keeps everything else and raises NotImplementedError there.
"""

import ast
from pathlib import Path

from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole

OPEN, CLOSE = "# <answer>", "# </answer>"
REFERENCE = syllabus.ROOT / "solutions"
# in an edition without the reference, the stubs themselves are kept here
KEPT = syllabus.LAB / "stubs"


class StubError(CourseError):
    """A module that cannot be cut or mended, and why."""


def cut(source: str, module: str, lesson: int) -> str:
    """The stub of a reference module.

    Args:
        source: The reference's text.
        module: Its name.
        lesson: The number of its lesson.

    Raises:
        StubError: A mark without its partner.
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
    """For each line, the top-level function or class that it belongs to."""
    return {
        line: node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        for line in range(node.lineno, node.end_lineno + 2)
    }


def reference(module: str) -> str:
    """A module as the course answers it."""
    return (REFERENCE / "cifar_course" / f"{module}.py").read_text(encoding="utf-8")


def stub(module: str) -> str:
    """The stub of a module, as it was before anybody filled it in."""
    answers, kept = REFERENCE / "cifar_course" / f"{module}.py", KEPT / f"{module}.py"
    if not answers.is_file():
        if not kept.is_file():
            raise StubError(f"the stub of {module}.py is lost: neither {answers} nor {kept}")
        return kept.read_text(encoding="utf-8")
    (number,) = (lesson.number for lesson in syllabus.lessons() if lesson.module == module)
    return cut(reference(module), module, number)


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


def put_back(source: str, module: str, name: str) -> str:
    """`source` with one function or class as it was in the stub.

    Raises:
        StubError: `source` does not parse, so nobody can tell where the function ends.
    """
    try:
        old = _span(source, name)
    except SyntaxError as error:
        raise StubError(
            f"{module}.py does not parse (line {error.lineno}: {error.msg}). Mend that line, or "
            f"put the whole module back: cifar-course reset {module}"
        ) from None
    original = stub(module)
    first, last = _span(original, name)
    new = _lines(original)[first:last]
    lines = _lines(source)
    if old is None:
        return "\n".join([*lines, "", "", *new]) + "\n"
    return "\n".join([*lines[: old[0]], *new, *lines[old[1] :]]) + "\n"


def _lines(source: str) -> list[str]:
    """Lines as Python counts them: `splitlines` breaks at form feeds and others, too."""
    return source.removesuffix("\n").split("\n")


def _span(source: str, name: str) -> tuple[int, int] | None:
    """First line and line after the last of a top-level function or class, counted from 0.

    Of several that have the name, the last one counts, as for Python.
    """
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            return first - 1, node.end_lineno
    return None


def defines(source: str, name: str) -> bool:
    """Whether a module has a top-level function or class of that name."""
    return _span(source, name) is not None


def is_stub(source: str, module: str, name: str) -> bool:
    """Whether a function or class is still exactly as the stub has it, comments aside."""
    try:
        found = _span(source, name)
    except SyntaxError:
        return False
    if found is None:
        return False
    original = stub(module)
    return _tree(source, name) == _tree(original, name)


def _tree(source: str, name: str) -> str:
    first, last = _span(source, name)
    return ast.dump(ast.parse("\n".join(_lines(source)[first:last])))
