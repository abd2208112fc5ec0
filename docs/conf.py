"""Sphinx's settings for the site, in the folder that `publishing/site.py` prepares."""

import sys
from pathlib import Path

from cifar_lab.publishing import addresses

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_stubs"))  # freshly cut, whatever cifar_course/ holds

project = "Image classification, exercise by exercise"
author = "The cifar-course maintainers"
copyright = "2026, the cifar-course maintainers. MIT license"
html_title = "Image classification"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_generated", "_stubs", "gradescope"]

# --- lessons: their outputs as stored, nothing is run
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # no request to other hosts
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist"]
myst_dmath_double_inline = True
myst_heading_anchors = 3
highlight_language = "none"  # formulas and command lines

# --- exercises: signatures and docstrings of the stubs
autodoc_mock_imports = ["keras", "tensorflow"]  # nothing is computed
autodoc_typehints = "none"
autodoc_member_order = "bysource"
default_role = "code"
toc_object_entries = False

# --- the theme; fonts and MathJax come with the site
mathjax_path = "mathjax/tex-chtml.js"
html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_context = {"default_mode": "auto"}  # light or dark, as the system is
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "repository_url": addresses.repository(),
    "repository_branch": "main",
    "path_to_docs": "",
    "use_repository_button": True,
    "use_issues_button": True,
    "use_download_button": False,
    "navbar_persistent": [],  # the search is in the side bar
    "launch_buttons": {
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
        "notebook_interface": "jupyterlab",
    },
}


def show_formulas_as_code(app, what, name, obj, options, lines: list[str]) -> None:
    """Make an indented block of a docstring a literal block, in place."""
    shown, text = [], ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        shown.append(line)
        if not line and text and text[0] != " " and following.startswith("    "):
            shown += ["::", ""]
        text = line or text
    lines[:] = shown


def setup(app) -> None:
    """Connect the function to autodoc, before napoleon reads the docstrings' sections."""
    app.connect("autodoc-process-docstring", show_formulas_as_code, priority=400)
