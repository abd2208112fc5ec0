"""The lessons' notebooks: the text is the source, and notebooks are generated from it.

lessons/NN_topic.py       the text, in Jupytext's percent format
lessons/NN_topic.ipynb    the same cells, without outputs
solutions/NN_topic.ipynb  the same cells, run on the reference
"""

import os
import re
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from cifar_lab.course import syllabus
from cifar_lab.course.files import write_whole
from cifar_lab.publishing import colab

LESSONS = syllabus.ROOT / "lessons"
SOLUTIONS = syllabus.ROOT / "solutions"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
MINUTES_PER_CELL = 5
CAPTION = re.compile(r"\*(?!\*)(.+?)(?<!\*)\*(?!\*)", re.DOTALL)  # may hold **bold** text
SETTINGS = {  # of the kernel, whatever those of the machine are
    "CIFAR_COURSE_DATA": "synthetic",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # others keep no figure
}


def texts() -> list[Path]:
    """Return the text of every lesson."""
    return [LESSONS / f"{lesson.notebook}.py" for lesson in syllabus.lessons()]


def from_text(text: Path) -> NotebookNode:
    """Return the notebook of a lesson's text, without outputs, with reproducible cell ids.

    It has one cell more than the text, which gets the course on Google Colab.
    """
    notebook = jupytext.read(text, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.cells.insert(1, colab.cell())  # below the introduction
    notebook.metadata = NotebookNode({"kernelspec": NotebookNode(KERNEL)})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def sync(text: Path) -> None:
    """Write both notebooks from the text; the solution keeps the outputs of unchanged cells."""
    notebook = from_text(text)
    write(text.with_suffix(".ipynb"), notebook)
    solution = SOLUTIONS / f"{text.stem}.ipynb"
    if solution.exists():
        stored = _read(solution)
        if "language_info" in stored.metadata:  # execution added it
            notebook.metadata["language_info"] = stored.metadata["language_info"]
        known = {cell.source: cell for cell in stored.cells if cell.cell_type == "code"}
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.source in known:
                cell.outputs = known[cell.source].outputs
                cell.execution_count = known[cell.source].execution_count
    _describe_figures(notebook)
    write(solution, notebook)


def execute(text: Path) -> None:
    """Run a lesson on the reference and the synthetic dataset, and store its outputs.

    Raises:
        RuntimeError: A figure could not be drawn, which nbclient does not report.
    """
    from nbclient import NotebookClient

    notebook = from_text(text)
    client = NotebookClient(
        notebook,
        timeout=60 * MINUTES_PER_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(SOLUTIONS)}},
    )
    client.execute(env={**os.environ, **SETTINGS})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                raise RuntimeError(f"{text.name}: {output.evalue}, in the cell\n{cell.source}")
    _describe_figures(notebook)
    write(SOLUTIONS / f"{text.stem}.ipynb", notebook)


def _describe_figures(notebook: NotebookNode) -> None:
    """Give each figure its caption as alternative text, for those who cannot see it."""
    for cell, caption in captions(notebook):
        for output in _figures(cell):
            output.metadata["image/png"] = {"alt": caption}


def captions(notebook: NotebookNode) -> list[tuple[NotebookNode, str]]:
    """Return the cells whose figures have a caption, the emphasized text below them, with it."""
    found, caption = [], None
    for cell in reversed(notebook.cells):
        text = cell.source.strip()
        if cell.cell_type == "code" and caption:
            found.append((cell, caption))
        elif cell.cell_type == "markdown":
            emphasized = CAPTION.match(text)
            caption = re.sub(r"\*\*|`|\s+", _plain, emphasized[1]) if emphasized else None
    return found[::-1]


def _plain(found: re.Match[str]) -> str:
    return " " if found[0].isspace() else ""


def disagreements(text: Path) -> list[str]:
    """Return the differences between a lesson's text and its two notebooks."""
    wanted = _cells(from_text(text))
    found = []
    for notebook in (text.with_suffix(".ipynb"), SOLUTIONS / f"{text.stem}.ipynb"):
        name = notebook.relative_to(syllabus.ROOT)
        if not notebook.exists():
            found.append(f"{name} is missing")
        elif _cells(_read(notebook)) != wanted:
            found.append(f"{name} and {text.name} differ in their cells")
        elif "jupytext" in _read(notebook).metadata:
            found.append(f"{name} is paired with a text by Jupytext")
    return found


def outputs(notebook: Path) -> int:
    """Count the cells of a notebook that have outputs."""
    cells = _read(notebook).cells
    return sum(bool(cell.get("outputs")) for cell in cells if cell.cell_type == "code")


def missing_figures(notebook: Path) -> int:
    """Count the cells that show a figure, and have none among their stored outputs."""
    return sum(
        cell.cell_type == "code" and "plt.show()" in cell.source and not _figures(cell)
        for cell in _read(notebook).cells
    )


def undescribed_figures(notebook: Path) -> int:
    """Count the stored figures without an alternative text, for those who cannot see them."""
    return sum(
        not output.metadata.get("image/png", {}).get("alt")
        for cell in _read(notebook).cells
        for output in _figures(cell)
    )


def verdicts(notebook: Path) -> dict[str, int]:
    """Return the number of tests of each exercise, according to a notebook's stored outputs."""
    pattern = re.compile(r"^(\w+\.\w+): \w+, \d+ of (\d+) tests", re.MULTILINE)
    texts = [
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for cell in _read(notebook).cells
        for output in cell.get("outputs", ())
    ]
    return {name: int(count) for text in texts for name, count in pattern.findall(text)}


def _figures(cell: NotebookNode) -> list[NotebookNode]:
    return [output for output in cell.get("outputs", ()) if "image/png" in output.get("data", ())]


def _cells(notebook: NotebookNode) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(c.cell_type, c.source, tuple(c.metadata.get("tags", ()))) for c in notebook.cells]


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def write(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook, completely or not at all."""
    write_whole(path, nbformat.writes(notebook) + "\n")
