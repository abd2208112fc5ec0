"""The edition in an installed package: lessons, grading tests and stubs, no answers.

setuptools runs this while it builds the wheel, with nothing but Python's standard library.
"""

import shutil
from pathlib import Path

from setuptools.command.build_py import build_py

from cifar_lab import PACKAGE
from cifar_lab.course import stubs, syllabus
from cifar_lab.publishing import lesson_files

SETTINGS = "pyproject.toml"  # pytest's settings are in it


class BuildWithEdition(build_py):
    """Build step that adds the edition to a wheel, where a checkout has files around cifar_lab/."""

    def run(self) -> None:
        """Copy the packages, then write the edition."""
        super().run()
        if not self.editable_mode:
            write_edition(Path(self.build_lib))


def write_edition(build: Path) -> None:
    """Write lessons, grading tests and stubs into the packages that will be the wheel.

    Args:
        build: The folder that holds the copy of `cifar_lab/`.
    """
    edition = build / syllabus.EDITION.relative_to(syllabus.ROOT)
    for file in edition_files():
        target = edition / file.relative_to(syllabus.ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    kept = build / stubs.KEPT.relative_to(syllabus.ROOT)
    kept.mkdir(exist_ok=True)
    for module in syllabus.modules():
        (kept / f"{module}.py").write_text(stubs.stub(module), encoding="utf-8", newline="\n")
    # every learner has a folder of that name, and Python must find that one
    shutil.rmtree(build / PACKAGE, ignore_errors=True)


def edition_files() -> list[Path]:
    """Return the files of the checkout that an installed course reads."""
    files = [syllabus.ROOT / SETTINGS, lesson_files.FULL_RUNS]
    for lesson in syllabus.lessons():
        files += lesson_files.notebooks_of(lesson)
        files += filter(Path.is_file, lesson_files.grading_tests_of(lesson))
        files += sorted(lesson.test_folder.glob("*.npz"))  # stored right answers
    return files
