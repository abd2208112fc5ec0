"""The cell that gets the course on Google Colab, in every lesson; elsewhere it does nothing."""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from cifar_lab.publishing import addresses

CODE = """\
# @title On Google Colab, run this cell first. Elsewhere it does nothing.
KEEP_ON_DRIVE = False  # @param {type:"boolean"}
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    course = "/content/cifar-course"
    if KEEP_ON_DRIVE:  # answers then outlast this machine
        from google.colab import drive

        drive.mount("/content/drive")
        course = "/content/drive/MyDrive/cifar-course"
    if not os.path.isdir(course):
        subprocess.run(["git", "clone", "--depth=1", "REPOSITORY", course], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-e", course], check=True)
    sys.path.insert(0, course)
    os.chdir(course + "/lessons")"""


def cell() -> NotebookNode:
    """Return the cell, which Colab shows as a form, and the site leaves out."""
    code = CODE.replace("REPOSITORY", addresses.repository())
    return new_code_cell(code, id="colab", metadata={"tags": ["remove-cell"], "cellView": "form"})
