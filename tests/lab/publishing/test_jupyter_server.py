"""In a real Jupyter server a lesson's text and notebook open, and each keeps what was written.

JupyterLab and Notebook 7 open and save files through this server's contents API, which Jupytext
extends. VS Code reads and writes the notebook itself.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from cifar_lab.course import syllabus
from cifar_lab.publishing import notebooks

pytest.importorskip(
    "jupyter_server", reason='jupyter_server is not installed: pip install ".[dev]"'
)

TOKEN = "local"
SECONDS_TO_START = 120
NAMES = [text.stem for text in notebooks.texts()]
HOUR = 3600
# hours since the text and the notebook were written: `git checkout` and a save in VS Code leave
# the notebook newer
ORDERS = {"at once": (1, 1), "notebook newer": (2, 1), "text newer": (1, 2)}
# a proxy of the environment must not see requests to this machine
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """A running server, and a client of its contents API."""

    url: str
    lessons: Path

    def open(self, file: Path, **query: str) -> dict:
        """Return the server's model of a lesson's file, read as a notebook."""
        query = "&".join(f"{key}={value}" for key, value in {"type": "notebook", **query}.items())
        return self._request("GET", f"{file.name}?{query}")

    def save(self, file: Path, model: dict) -> None:
        """Save a notebook that `open` returned, with the metadata that JupyterLab adds."""
        content = model["content"]
        content["metadata"] |= {"kernelspec": notebooks.KERNEL, "language_info": {"name": "python"}}
        for cell in content["cells"]:
            cell["metadata"] |= {"editable": True, "slideshow": {"slide_type": ""}}
        body = {"type": "notebook", "format": "json", "content": content}
        self._request("PUT", file.name, json.dumps(body).encode())

    def _request(self, method: str, path: str, body: bytes | None = None) -> dict:
        request = urllib.request.Request(
            f"{self.url}contents/lessons/{path}",
            data=body,
            headers={"Authorization": f"token {TOKEN}"},
            method=method,
        )
        try:
            with DIRECT.open(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            pytest.fail(f"{method} {path}: {error.code} {error.read().decode()}")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """Start a server in a copy of the course; the user's Jupytext settings pair all files."""
    course = tmp_path_factory.mktemp("course")
    shutil.copy(syllabus.ROOT / "pyproject.toml", course)
    (course / "lessons").mkdir()
    home = tmp_path_factory.mktemp("home")
    (home / "jupytext.toml").write_text('formats = "ipynb,py:percent"\n', encoding="utf-8")
    folders = ("XDG_CONFIG_HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ("--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}")
    log = home / "log.txt"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *arguments, "--port-retries=0"],
            cwd=course,
            env={**os.environ, **dict.fromkeys(folders, str(home)), "JUPYTER_TOKEN": TOKEN},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        running = Server(f"http://127.0.0.1:{port}/api/", course / "lessons")
        _wait(running.url, process, log)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(url: str, process: subprocess.Popen, log: Path) -> None:
    """Return as soon as a server that starts answers."""
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            DIRECT.open(url, timeout=10).close()
            return
        except urllib.error.URLError:
            time.sleep(0.05)
    pytest.fail(f"the server did not start:\n{log.read_text('utf-8')}")


@dataclass(frozen=True)
class Lesson:
    """The two files of a lesson in the server's folder."""

    text: Path
    notebook: Path

    def was_written(self, order: str) -> None:
        """Set the files' times."""
        for file, hours in zip((self.text, self.notebook), ORDERS[order], strict=True):
            os.utime(file, (time.time() - hours * HOUR,) * 2)

    def cells(self) -> list[tuple]:
        """Return the notebook's cells, as stored."""
        return _cells(nbformat.read(self.notebook, as_version=4))


def _cells(notebook: NotebookNode | dict) -> list[tuple]:
    return [
        (cell["cell_type"], cell["source"], cell.get("outputs", [])) for cell in notebook["cells"]
    ]


@pytest.fixture(params=NAMES[:1])
def lesson(server, request) -> Lesson:
    """Return a fresh copy of a lesson, the notebook as `maintain sync` writes it."""
    text = server.lessons / f"{request.param}.py"
    shutil.copy(notebooks.LESSONS / text.name, text)
    lesson = Lesson(text, text.with_suffix(".ipynb"))
    notebooks.write(lesson.notebook, notebooks.from_text(text))
    return lesson


def save_in_vs_code(lesson: Lesson) -> None:
    """Change a cell, run it, and save the notebook."""
    notebook = nbformat.read(lesson.notebook, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.source += "\nprint('mine')"
    cell.outputs = [nbformat.v4.new_output("stream", text="mine\n")]
    nbformat.write(notebook, lesson.notebook)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("lesson", NAMES, indirect=True)
def test_a_lesson_opens_whichever_file_is_newer(server, lesson, order):
    lesson.was_written(order)
    text, cells = lesson.text.read_bytes(), lesson.cells()
    model = server.open(lesson.notebook)
    assert _cells(model["content"]) == cells
    server.save(lesson.notebook, model)
    nbformat.validate(nbformat.read(lesson.notebook, as_version=4))  # VS Code opens it
    assert lesson.cells() == cells and lesson.text.read_bytes() == text


@pytest.mark.parametrize("order", ORDERS)
def test_what_vs_code_saved_is_kept(server, lesson, order):
    save_in_vs_code(lesson)
    lesson.was_written(order)
    text, cells = lesson.text.read_bytes(), lesson.cells()
    model = server.open(lesson.notebook)
    assert _cells(model["content"]) == cells
    server.save(lesson.notebook, model)
    assert lesson.cells() == cells and lesson.text.read_bytes() == text


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_written_into_the_text_is_kept(server, lesson, order):
    with lesson.text.open("a", encoding="utf-8", newline="\n") as stream:
        stream.write("\n# %%\nprint('mine')\n")
    lesson.was_written(order)
    text, notebook = lesson.text.read_bytes(), lesson.notebook.read_bytes()
    model = server.open(lesson.text)
    assert model["content"]["cells"][-1]["source"] == "print('mine')"
    server.save(lesson.text, model)
    assert lesson.text.read_bytes() == text and lesson.notebook.read_bytes() == notebook
    lesson.was_written(order)
    server.save(lesson.notebook, server.open(lesson.notebook))
    assert lesson.text.read_bytes() == text


def test_a_save_in_vs_code_is_noticed_while_the_notebook_is_open(server, lesson):
    """JupyterLab asks before it overwrites a file whose time has changed since it was opened."""
    lesson.was_written("at once")
    opened = server.open(lesson.notebook)
    save_in_vs_code(lesson)
    assert server.open(lesson.notebook, content="0")["last_modified"] > opened["last_modified"]


@pytest.mark.parametrize("lesson", NAMES, indirect=True)
def test_a_text_opened_as_a_notebook_is_saved_as_it_was(server, lesson):
    text, notebook = lesson.text.read_bytes(), lesson.notebook.read_bytes()
    server.save(lesson.text, server.open(lesson.text))
    assert lesson.text.read_bytes() == text and lesson.notebook.read_bytes() == notebook
