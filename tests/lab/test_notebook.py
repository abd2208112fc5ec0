"""A learner's notebook shows verdicts, hints and solutions, and uses saved modules."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cifar_lab.course import progress, stubs, syllabus

# runs the cells that come as JSON, some of them outside the notebook; prints what each has shown
SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance(colors="nocolor")
shown = []
for cell in json.load(sys.stdin):
    with capture_output() as found:
        (exec if cell.startswith("# outside") else shell.run_cell)(cell)
    data = [output.data for output in found.outputs]
    shown.append({"out": found.stdout, "err": found.stderr, "data": data})
print(json.dumps(shown))
"""
START = "from cifar_lab.notebook import *; from cifar_lab.notebook import start; start(1)"
ANSWER = """
def one_hot(labels, num_classes):
    return None
"""


PLAIN = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
# a learner's Python writes what it compiles into a folder beside the modules
COMPILING = {n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Cell:
    """The output of a cell."""

    out: str
    err: str
    data: list[dict[str, str]]


@pytest.fixture
def run(empty):
    """Run cells in a notebook of a learner whose modules are stubs; return what the last showed."""
    (empty / "lessons").mkdir()

    def run(*cells: str) -> Cell:
        done = subprocess.run(
            [sys.executable, "-c", SHELL],
            cwd=empty / "lessons",
            env=COMPILING,
            input=json.dumps([START, *cells]),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return Cell(**json.loads(done.stdout.splitlines()[-1])[-1])

    return run


def write(folder: Path, answer: str = "") -> Path:
    """Put an answer below the stubs of lesson 1."""
    file = folder / "cifar_course" / "normalization.py"
    file.write_text(file.read_text(encoding="utf-8") + answer, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("what", "count"),
    [("'one_hot'", 1), ("'normalization.one_hot'", 1), ("'normalization'", 5), ("'1'", 5)],
)
def test_check_takes_exercises_modules_and_lessons(run, what, count):
    cell = run(f"check({what})")
    assert len(cell.data) == count
    assert all("not written" in data["text/plain"] for data in cell.data)


def test_a_verdict_has_text_and_html(run, empty):
    write(empty, ANSWER)
    (data,) = run("check('one_hot')").data
    assert data["text/plain"].startswith("normalization.one_hot: failed, 0 of 4 tests passed")
    assert "✗ failed</b>" in data["text/html"]
    assert 'href="../cifar_course/normalization.py"' in data["text/html"]


def test_check_takes_a_function_of_the_module(run):
    (data,) = run("from cifar_course.normalization import one_hot; check(one_hot)").data
    assert data["text/plain"].startswith("normalization.one_hot: not written")
    assert "another one" not in data["text/plain"]


@pytest.mark.parametrize("what", ["one_hot", "'one_hot'"])
def test_a_function_of_a_cell_is_told_apart_from_that_of_the_module(run, what):
    (data,) = run(f"{ANSWER}\ncheck({what})").data
    for text in data.values():
        assert "This reads cifar_course/normalization.py" in text and "another one" in text


def test_hints_come_one_after_the_other(run, empty):
    hints = syllabus.exercises()["normalization.one_hot"].hints
    cell = run("hint('one_hot')", "hint('one_hot')")
    assert cell.out == f"normalization.one_hot, hint 2 of 3: {hints[1]}\n"
    assert run("hint('one_hot', level=9)").err == "normalization.one_hot has hints 1 to 3\n"


def test_a_solution_is_shown_after_passing_or_giving_up(run, empty, reference):
    assert "yours is not written" in run("solution('one_hot')").out
    cell = run("solution('one_hot')")
    assert 'solution("one_hot", give_up=True)' in cell.out and not progress.given_up(empty)
    cell = run("solution('one_hot', give_up=True)")
    assert "The reference's:" in cell.out and "def one_hot" in cell.out
    assert progress.given_up(empty) == {"normalization.one_hot"}


def test_a_mistake_of_the_reader_is_one_line(run):
    cell = run("check('one_hott')")
    assert len(cell.err.splitlines()) == 1 and "one_hott" in cell.err and not cell.out


# --- saved modules --------------------------------------------------------------------------------

IMPORT = "from cifar_course import normalization; from cifar_course.normalization import one_hot"
SAVE = """
import os, time
with open("../cifar_course/normalization.py", "a") as file:
    file.write({text!r})
later = time.time_ns() + 10**9
os.utime("../cifar_course/normalization.py", ns=(later, later))
"""


@pytest.mark.parametrize("place", ["", "# outside"])
def test_a_saved_module_is_used_at_once(run, place):
    save = place + SAVE.format(text="\n\ndef one_hot(labels, num_classes):\n    return 42\n")
    assert run(IMPORT, save, "print(one_hot(1, 2), normalization.one_hot(1, 2))").out == "42 42\n"


SAVE_ONE_SIZE = """
import os
with open("../cifar_course/normalization.py", "r+") as file:
    text = file.read().replace("return 41  # answer", "") + "return {number}  # answer"
    file.seek(0), file.write(text), file.truncate()
os.utime("../cifar_course/normalization.py", ns=(4 * 10**18 + {number},) * 2)
"""


def test_two_saves_of_one_size_within_a_second_are_both_used(run):
    begin = SAVE.format(text="\n\ndef one_hot(labels, num_classes):\n    ")
    saves = [SAVE_ONE_SIZE.format(number=number) for number in (41, 42)]
    first, both = "first = one_hot(1, 2)", "print(first, one_hot(1, 2))"
    assert run(IMPORT, begin + saves[0], first, saves[1], both).out == "41 42\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\ndef f(:\n", "SyntaxError: invalid syntax"),
        ("\nnonsense\n", "NameError: name 'nonsense'"),
    ],
)
def test_a_module_that_does_not_load_is_said_in_one_line_until_it_does(run, text, said):
    lines = stubs.stub("normalization").count("\n") + 2
    cell = run(IMPORT, SAVE.format(text=text), "print('ran')", "print('ran')")
    line, ran = cell.out.splitlines()
    assert ran == "ran" and line.startswith(f"cifar_course/normalization.py, line {lines}: {said}")
    assert line.endswith("This notebook still uses the code from before.")
    mended = SAVE.format(text="").replace("'a'", "'w'").replace('"a"', '"w"')
    cell = run(IMPORT, SAVE.format(text=text), mended.replace("10**9", "2 * 10**9"), "print('ran')")
    assert cell.out == "ran\n"


def test_without_a_notebook_the_text_is_printed(empty):
    code = "from cifar_lab.notebook import check; check('one_hot')"
    done = subprocess.run([sys.executable, "-c", code], cwd=empty, capture_output=True, text=True)
    assert done.stdout.startswith("normalization.one_hot: not written"), done.stderr


def test_a_lesson_with_keras_prints_nothing_of_tensorflows_own(reference):
    code = (
        "from cifar_lab.notebook import start; start(2); import keras; "
        "keras.Sequential([keras.layers.Dense(2)])(keras.ops.ones((1, 3)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=reference, capture_output=True, text=True, env=PLAIN
    )
    assert done.returncode == 0 and done.stderr == ""
