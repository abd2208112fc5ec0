"""The folder that the sandbox mounts needs nothing else of the course."""

import ast

import pytest

from cifar_lab.course.syllabus import LAB

FILES = sorted((LAB / "execution").rglob("*.py"))


def imported_modules(text: str) -> set[str]:
    """Return the full names of the modules that a text imports, from anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not resolved here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_execution_folder_imports_nothing_else_of_the_course(path):
    names = imported_modules(path.read_text(encoding="utf-8"))
    course = {name for name in names if name.startswith(("cifar_lab", "cifar_course"))}
    course -= {"cifar_lab.PACKAGE"}  # the package itself is mounted, too
    folder = "cifar_lab.execution"
    assert all(name == folder or name.startswith(f"{folder}.") for name in course), course
