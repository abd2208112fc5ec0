"""The site: the pages of docs/, the lessons as they ran on the reference, and generated pages.

Nothing is executed. Answers stay out: the pages of the exercises come from stubs, freshly cut.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import write_whole
from cifar_lab.publishing import addresses, notebooks, site_pages

DOCS = syllabus.ROOT / "docs"
COPIED = ("RESULTS.md", "GRADERS.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md")
MODULE_LINK = re.compile(r'href="(?:\.\./)?cifar_course/(\w+)\.py"')  # in a verdict
MATHJAX = "sphinx-mathjax-offline"
INSTALL = 'python -m pip install -c constraints.txt -e ".[docs]"'


class SiteError(CourseError):
    """The site cannot be built; the message says why."""


def build(out: Path) -> None:
    """Write the site into the folder `out`; a warning of Sphinx is an error.

    Raises:
        SiteError: Sphinx is not installed, or it warns.
    """
    with tempfile.TemporaryDirectory(prefix="cifar-course-site-") as folder:
        source = Path(folder, "source")
        prepare(source)
        options = ("-q", "-W", "--keep-going", "-b", "html", "-d", Path(folder, "doctrees"))
        command = [sys.executable, "-m", "sphinx", *options, source, out]
        done = subprocess.run(
            [*map(str, command)], capture_output=True, text=True, encoding="utf-8"
        )
    if done.returncode:
        raise SiteError(f"Sphinx reports:\n{done.stderr.strip()}")


def prepare(source: Path) -> None:
    """Write Sphinx's source folder: pages, lessons, stubs and MathJax."""
    shutil.copytree(DOCS, source)
    for name in COPIED:
        write_whole(source / name, _relinked((syllabus.ROOT / name).read_text(encoding="utf-8")))
    stubs.write_all(source / "_stubs")
    (source / "lessons").mkdir()
    for lesson in syllabus.lessons():
        stored = notebooks.SOLUTIONS / f"{lesson.notebook}.ipynb"
        page = with_links_of_the_site(with_captions(nbformat.read(stored, as_version=4)))
        write_whole(source / "lessons" / stored.name, nbformat.writes(page))
    for name, text in site_pages.pages().items():
        write_whole(_in_folder(source / name), text)
    site_pages.draw_dependencies(_in_folder(source / site_pages.FIGURE))
    _copy_mathjax(source / "_static" / "mathjax")


def with_captions(notebook: NotebookNode) -> NotebookNode:
    """Give each figure of a lesson its caption as alternative text."""
    for cell, caption in notebooks.captions(notebook):
        cell.metadata["mystnb"] = {"image": {"alt": caption}}
    return notebook


def with_links_of_the_site(notebook: NotebookNode) -> NotebookNode:
    """Let verdicts link to the page about their module: the site has no learner's modules."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if html := output.get("data", {}).get("text/html"):
                output.data["text/html"] = MODULE_LINK.sub(r'href="../exercises/\1.html"', html)
    return notebook


def _relinked(text: str) -> str:
    """Return a page of the course's folder with links that are right on the site."""
    license = f"{addresses.repository()}/blob/main/LICENSE"
    return text.replace("](docs/", "](").replace("](LICENSE)", f"]({license})")


def _in_folder(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _copy_mathjax(folder: Path) -> None:
    """Copy MathJax and its fonts, so that the site asks no other host for them."""
    try:
        found = files(MATHJAX) or []
    except PackageNotFoundError:
        raise SiteError(f"{MATHJAX} is not installed: {INSTALL}") from None
    for file in found:
        _, _, inside = file.as_posix().partition("/static/mathjax/")
        if inside == "tex-chtml.js" or "/woff-v2/" in inside:
            shutil.copyfile(file.locate(), _in_folder(folder / inside))
