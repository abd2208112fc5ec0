"""The site is complete, holds no answer, has no broken link, and needs no other host."""

import functools
import http.server
import re
import shutil
import subprocess
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.publishing import site, site_pages

pytest.importorskip("sphinx", reason="the extra docs is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# attributes from which a browser loads something as it shows a page
LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """The tags of a page, and the addresses in it."""

    def __init__(self, file: Path):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    @property
    def ids(self) -> set[str]:
        """The places in it that a link may name."""
        return {attributes["id"] for _, attributes in self.tags if "id" in attributes}


@pytest.fixture(scope="module")
def built(reference, tmp_path_factory) -> Path:
    """Build the site, once."""
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    return folder


@pytest.fixture(scope="module")
def pages(built) -> dict[Path, Page]:
    """Read all pages."""
    return {
        file: Page(file) for file in sorted(built.rglob("*.html")) if "_static" not in str(file)
    }


def test_every_lesson_and_every_exercise_has_its_place(pages, built):
    for lesson in syllabus.lessons():
        assert built / "lessons" / f"{lesson.notebook}.html" in pages
        found = pages[built / "exercises" / f"{lesson.module}.html"]
        assert {f"cifar_course.{e.id}" for e in lesson.exercises} <= found.ids
        hints = sum(tag == "details" for tag, _ in found.tags)
        assert hints == syllabus.HINT_LEVELS * len(lesson.exercises)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_no_answer_is_in_it(built, leaks, length):
    assert leaks(built, length) == {}


def test_an_answer_would_be_found(built, leaks, reference, tmp_path):
    """The search sees through the tags with which code is colored."""
    shutil.copytree(built / "lessons", tmp_path / "lessons")
    answer = stubs.reference("cnn").partition(stubs.OPEN)[2].partition(stubs.CLOSE)[0]
    colored = re.sub(r"(\w+)", r"<span>\1</span>", answer.replace("<", "&lt;"))
    (tmp_path / "lessons" / "x.html").write_text(f"<pre>{colored}</pre>", encoding="utf-8")
    assert any(leaks(tmp_path, length) for length in (1, 2, 3))


def test_nothing_is_loaded_from_another_host(pages):
    for file, page in pages.items():
        for tag, attributes in page.tags:
            for name in attributes:
                if (tag, name) in LOADED and attributes.get("rel") != "canonical":
                    assert not urlsplit(attributes[name]).netloc, (file, tag, attributes)


def test_every_figure_has_a_text(pages):
    figures = [
        (file.name, attributes["src"], attributes.get("alt") or "")
        for file, page in pages.items()
        for tag, attributes in page.tags
        if tag == "img" and "/_static/" not in attributes["src"]
    ]
    assert len(figures) > 20
    # Sphinx takes the file's name for a text that is missing
    assert [figure for figure in figures if len(figure[-1].split()) < 4] == []


def test_every_link_leads_somewhere(pages):
    broken = []
    for file, page in pages.items():
        for tag, attributes in page.tags:
            address = urlsplit(attributes.get("href") or "")
            if tag != "a" or address.scheme or address.netloc or not attributes.get("href"):
                continue
            target = (file.parent / unquote(address.path)).resolve() if address.path else file
            anchor = unquote(address.fragment)
            if not target.exists() or (target in pages and anchor not in {"", *pages[target].ids}):
                broken.append((file.name, attributes["href"]))
    assert broken == []


@pytest.fixture(scope="module")
def served(built):
    """Serve the site on this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=built)
    (built / "favicon.ico").touch()  # browsers ask for it unless a page names another
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(
    ("page", "shows"),
    [
        ("index.html", "Syllabus"),
        ("lessons/02_cnn.html", "mjx-container"),  # MathJax has set the formulas
        ("exercises/cnn.html", "cifar_course.cnn.conv2d"),
        ("search.html?q=leakage", "lessons/01_normalization.html"),
    ],
)
def test_a_browser_without_a_network_shows_it(served, tmp_path, page, shows):
    arguments = [
        *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"),
        *("--enable-logging=stderr", "--virtual-time-budget=20000"),
        *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom"),
    ]
    done = subprocess.run(
        [CHROMIUM, *arguments, f"{served}/{page}"],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert shows in done.stdout
    console = [line for line in done.stderr.splitlines() if ":CONSOLE:" in line]
    assert [line for line in console if "[PST]" not in line] == []  # the theme's own log


def test_captions_become_the_texts_of_figures():
    cells = [
        nbformat.v4.new_code_cell("plt.show()"),
        nbformat.v4.new_markdown_cell("*Three **images** of `x`.\nLook!* And *more*."),
        nbformat.v4.new_code_cell("print(1)"),
        nbformat.v4.new_markdown_cell("**Puzzle.** *Not* a caption."),
    ]
    found = site.with_captions(nbformat.v4.new_notebook(cells=cells)).cells
    assert found[0].metadata["mystnb"] == {"image": {"alt": "Three images of x. Look!"}}
    assert "mystnb" not in found[2].metadata


def test_the_dependencies_are_those_of_the_reference(reference):
    found = site_pages.dependencies()
    assert found["cnn.conv2d"] == {"cnn.conv_output_size"}
    assert found["normalization.one_hot"] == set()


def test_a_warning_is_an_error(monkeypatch, tmp_path):
    pages = site_pages.pages()
    monkeypatch.setattr(site_pages, "pages", lambda: pages | {"mistakes.md": "[](missing.md)"})
    with pytest.raises(site.SiteError, match=r"missing\.md"):
        site.build(tmp_path)
