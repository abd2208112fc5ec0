"""The lessons' notebooks run, their outputs are compared, and text and notebooks agree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from cifar_lab.course import syllabus
from cifar_lab.publishing import notebooks
from cifar_lab.quality import grading_tests

COMPARED = "nbval-check-output"


def run_nbval(notebook: Path) -> subprocess.CompletedProcess:
    """Run a notebook in its folder; its tagged cells must print their stored outputs."""
    arguments = [
        *("-p", "nbval.plugin", "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300"),
        *("-p", "no:cacheprovider", "-q", "--rootdir", str(notebook.parent), "-c", os.devnull),
    ]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, str(notebook)],
        cwd=notebook.parent,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CIFAR_COURSE_DATA": "synthetic"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("lesson", syllabus.lessons(), ids=lambda lesson: lesson.notebook)
def test_solution_notebook_runs_as_stored(reference, lesson):
    done = run_nbval(reference / f"{lesson.notebook}.ipynb")
    assert done.returncode == 0, done.stdout[-8000:]
    assert "passed" in done.stdout


@pytest.mark.parametrize("lesson", syllabus.lessons(), ids=lambda lesson: lesson.notebook)
def test_at_least_five_cells_are_compared(reference, lesson):
    notebook = nbformat.read(reference / f"{lesson.notebook}.ipynb", as_version=4)
    compared = [c for c in notebook.cells if COMPARED in c.metadata.get("tags", [])]
    assert len(compared) >= 5 and all(cell.outputs for cell in compared)
    assert not any("error" in o.output_type for c in compared for o in c.outputs)


@pytest.mark.parametrize("lesson", syllabus.lessons(), ids=lambda lesson: lesson.notebook)
def test_every_exercise_has_a_card_and_a_check(lesson):
    text = (notebooks.LESSONS / f"{lesson.notebook}.py").read_text(encoding="utf-8")
    for exercise in lesson.exercises:
        assert f'card("{exercise.id}")' in text and f'check("{exercise.id}")' in text


def test_stored_verdicts_count_the_tests_that_there_are(reference):
    stored = {}
    for lesson in syllabus.lessons():
        stored |= notebooks.verdicts(reference / f"{lesson.notebook}.ipynb")
    assert stored.keys() == syllabus.exercises().keys()
    for exercise in syllabus.exercises().values():
        assert stored[exercise.id] == len(grading_tests.tests(exercise)), exercise.id


def test_an_altered_output_fails(reference, tmp_path):
    """The first compared cells of lesson 1 fail if one output is changed."""
    notebook = nbformat.read(reference / "01_normalization.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells = code[:4]
    altered = notebook.cells[-1]
    assert COMPARED in altered.metadata.tags
    shutil.copytree(reference / "cifar_course", tmp_path / "cifar_course")
    file = tmp_path / "01_normalization.ipynb"
    nbformat.write(notebook, file)
    assert run_nbval(file).returncode == 0
    altered.outputs[0].text = altered.outputs[0].text.replace("32, 32", "23, 32")
    nbformat.write(notebook, file)
    done = run_nbval(file)
    assert done.returncode == 1 and "23, 32" in done.stdout


def test_wrong_modules_are_reported(tmp_path):
    """A notebook stops at once if it has imported other modules than those of its folder."""
    package = tmp_path / "cifar_course"
    package.mkdir()
    (package / "__init__.py").touch()
    (tmp_path / "lessons").mkdir()
    start = "from cifar_lab.notebook import start; start(1); import cifar_course as used"
    run = {"cwd": tmp_path / "lessons", "capture_output": True, "text": True}
    code = f"import cifar_course; {start}"
    done = subprocess.run([sys.executable, "-c", code], **run)
    assert done.returncode == 1 and "WrongModules" in done.stderr
    assert str(package) in done.stderr
    done = subprocess.run([sys.executable, "-c", f"{start}; print(used.__path__[0])"], **run)
    assert done.stdout.splitlines()[-1] == str(package), done.stderr


@pytest.fixture
def lesson_text(tmp_path, monkeypatch):
    """Write a tiny lesson in its own folders."""
    for name in ("lessons", "solutions"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(notebooks, "SOLUTIONS", tmp_path / "solutions")
    monkeypatch.setattr(syllabus, "ROOT", tmp_path)
    text = tmp_path / "lessons" / "01_tiny.py"
    text.write_text("# %% [markdown]\n# # Tiny\n\n# %%\nprint(6 * 7)\n", encoding="utf-8")
    return text


def test_sync_removes_differences_and_an_edit_makes_them(lesson_text):
    notebooks.sync(lesson_text)
    assert notebooks.disagreements(lesson_text) == []
    assert notebooks.outputs(lesson_text.with_suffix(".ipynb")) == 0
    edited = lesson_text.read_text(encoding="utf-8").replace("6 * 7", "6 * 8")
    lesson_text.write_text(edited, encoding="utf-8")
    assert len(notebooks.disagreements(lesson_text)) == 2


def test_a_paired_notebook_is_reported(lesson_text):
    """JupyterLab would replace its cells by the text's."""
    notebooks.sync(lesson_text)
    paired = notebooks.SOLUTIONS / "01_tiny.ipynb"
    notebook = nbformat.read(paired, as_version=4)
    notebook.metadata["jupytext"] = {"formats": "ipynb,py:percent"}
    notebooks.write(paired, notebook)
    (found,) = notebooks.disagreements(lesson_text)
    assert found.endswith("01_tiny.ipynb is paired with a text by Jupytext")


def test_a_figure_that_cannot_be_drawn_is_an_error(lesson_text):
    # like matplotlib, draw after the cell's own code has ended
    late = "def draw():\n    raise ValueError('no figure')\n"
    register = "get_ipython().events.register('post_execute', draw)"
    lesson_text.write_text(f"# %%\n{late}\n\n{register}\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="no figure"):
        notebooks.execute(lesson_text)
    assert not (notebooks.SOLUTIONS / "01_tiny.ipynb").exists()


def test_a_sync_keeps_the_outputs_of_execute(lesson_text):
    notebooks.execute(lesson_text)
    solution = notebooks.SOLUTIONS / "01_tiny.ipynb"
    assert notebooks.outputs(solution) == 1
    before = solution.read_bytes()
    notebooks.sync(lesson_text)
    assert notebooks.outputs(solution) == 1
    assert "42" in solution.read_text(encoding="utf-8")
    assert solution.read_bytes() == before


def test_figures_are_stored_whatever_backend_the_machine_chooses(lesson_text, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    figure = "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()\n"
    text = f"# %%\n{figure}\n# %% [markdown]\n# *A line. Look at its slope.* And more.\n"
    lesson_text.write_text(text, encoding="utf-8")
    solution = notebooks.SOLUTIONS / "01_tiny.ipynb"
    notebooks.sync(lesson_text)
    assert notebooks.missing_figures(solution) == 1
    notebooks.execute(lesson_text)
    assert notebooks.missing_figures(solution) == notebooks.undescribed_figures(solution) == 0
    (figure,) = nbformat.read(solution, as_version=4).cells[0].outputs[-1:]
    assert figure.metadata["image/png"]["alt"] == "A line. Look at its slope."


def test_a_figure_without_a_caption_is_counted(lesson_text):
    figure = "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()\n"
    lesson_text.write_text(f"# %%\n{figure}", encoding="utf-8")
    notebooks.execute(lesson_text)
    assert notebooks.undescribed_figures(notebooks.SOLUTIONS / "01_tiny.ipynb") == 1
