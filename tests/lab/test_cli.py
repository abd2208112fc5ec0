"""The command `cifar-course`: board, check, hint, reset, pack, JSON, exit statuses."""

import ast
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile

import pytest

from cifar_lab.course import progress, stubs, syllabus
from cifar_lab.data import cifar10

NUMPY_LESSON = "normalization"


@pytest.fixture
def half_done(empty, reference):
    """Write lesson 1 with one wrong function; the other modules are stubs."""
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    wrong = "\n\ndef standardize(images, mean, std):\n    return images - mean\n"
    (empty / "cifar_course" / "normalization.py").write_text(text + wrong, encoding="utf-8")
    return empty


def test_the_board_of_an_untouched_course(empty, command):
    done = command(cwd=empty)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"Judged: {empty}"
    assert f"0 of {sum(e.points for e in syllabus.exercises().values()):g} points" in done.stdout
    assert "Next: normalization.channel_statistics" in done.stdout


def test_judging_does_not_change_the_choice_of_data(half_done, command, tmp_path):
    """The course's own tests set `synthetic`; a learner's board must not."""
    done = command(cwd=half_done, env={"CIFAR_COURSE_DATA": "", "KERAS_HOME": str(tmp_path)})
    assert "Judging" in done.stdout and "CIFAR_COURSE_DATA is not set" in done.stdout


def test_the_board_judges_changed_exercises_again(half_done, command):
    first = command(cwd=half_done)
    assert "Judging 5 exercises" in first.stdout and "failed" in first.stdout
    again = command(cwd=half_done)
    assert "Judging" not in again.stdout and "Next: normalization.standardize" in again.stdout
    file = half_done / "cifar_course" / "normalization.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n# a change\n", encoding="utf-8")
    assert "Judging 5 exercises" in command(cwd=half_done).stdout


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_verdict_depends_on_the_modules_that_are_imported(tmp_path, encoding):
    package = tmp_path / "cifar_course"
    package.mkdir()
    (package / "schedules.py").write_text("from .cnn import compile_cnn\n", encoding=encoding)
    (package / "cnn.py").write_text("", encoding=encoding)
    exercise = syllabus.exercises()["schedules.train"]
    before = progress.keys(tmp_path, [exercise])
    (package / "cnn.py").write_text("# a change\n", encoding=encoding)
    assert progress.keys(tmp_path, [exercise]) != before


def test_the_nearest_parent_is_judged(half_done, command):
    deep = half_done / "a" / "b"
    deep.mkdir(parents=True)
    done = command("check", "normalization.one_hot", cwd=deep)
    assert done.returncode == 0 and done.stdout.startswith(f"Judged: {half_done}\n")


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["normalization.one_hot"], 0),
        (["normalization.one_hot", "normalization.prepare"], 1),
        (["normalization"], 1),
        (["1"], 1),
        (["cnn.softmax"], 1),
        (["normalization.nonsense"], 2),
        (["9"], 2),
    ],
)
def test_exit_status_of_check(half_done, command, names, status):
    done = command("check", *names, "--submission", half_done)
    assert done.returncode == status, done.stdout + done.stderr


def test_check_shows_the_reason_and_the_first_hint(half_done, command):
    done = command("check", "normalization.standardize", cwd=half_done)
    assert "It looks as if you forgot to divide by the standard deviation." in done.stdout
    assert syllabus.exercises()["normalization.standardize"].hints[0] in done.stdout


def test_a_submission_that_does_not_import_fails_only_its_own_exercises(half_done, command):
    (half_done / "cifar_course" / "cnn.py").write_text("def broken(:\n", encoding="utf-8")
    done = command("check", "cnn.softmax", "normalization.one_hot", cwd=half_done)
    assert done.returncode == 1
    assert "SyntaxError" in done.stdout and "cnn.py, line 1" in done.stdout
    assert "normalization.one_hot: passed" in done.stdout


def test_no_submission_is_status_2_and_one_line(tmp_path, command):
    done = command("check", "--submission", tmp_path)
    assert done.returncode == 2 and "holds no folder cifar_course/" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr


def test_elsewhere_the_commands_find_the_course(command, tmp_path):
    """An editable install knows where it is."""
    done = command("check", "softmax", cwd=tmp_path)
    assert done.stdout.startswith(f"Judged: {syllabus.ROOT}\n"), done.stderr


def test_version_tells_what_a_report_needs(command, tmp_path):
    lines = command("--version", cwd=tmp_path).stdout.splitlines()
    titles = [line.split()[0] for line in lines]
    assert titles == ["cifar-course", "Python", "Keras", "TensorFlow", "NumPy", "platform"]
    assert lines[1] == f"Python {sys.version.split()[0]}"


def test_the_board_fits_sixty_columns_with_all_names(empty, command):
    shown = command(cwd=empty, env={"COLUMNS": "60"}).stdout
    table = shown.partition("\n0 of ")[0].splitlines()[1:]
    assert max(map(len, table)) <= 60
    for exercise in syllabus.exercises().values():
        assert any(line.split()[:1] == [exercise.name] for line in table), exercise.name


def test_an_unknown_name_suggests_the_right_one(empty, command):
    done = command("check", "standardizes", cwd=empty)
    assert done.returncode == 2 and "did you mean standardize?" in done.stderr


def test_json_has_the_shape_that_scripts_rely_on(half_done, command, tmp_path):
    file = tmp_path / "verdicts.json"
    command("check", "1", "cnn.softmax", "--submission", half_done, "--json", file)
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found.keys() == {"exercises", "points", "max_points"}
    assert list(found["exercises"]) == [
        *(f"normalization.{e.name}" for e in syllabus.lessons()[0].exercises),
        "cnn.softmax",
    ]
    right, wrong = (found["exercises"][f"normalization.{n}"] for n in ("one_hot", "standardize"))
    assert right["passed"] is True and right["status"] == "passed"
    assert right["points"] == right["max_points"] == 2.0
    assert wrong["status"] == "failed" and wrong["max_points"] == 3.0
    # it passes some tests, and the main one not: see ExerciseVerdict.counts
    assert any(test["passed"] for test in wrong["tests"]) and wrong["points"] == 0.0
    assert found["exercises"]["cnn.softmax"]["status"] == "not written"
    for entry in found["exercises"].values():
        assert entry["passed"] == all(test["passed"] for test in entry["tests"])
        assert all(test.keys() == {"name", "passed", "message"} for test in entry["tests"])
        assert all(bool(test["message"]) != test["passed"] for test in entry["tests"])
    assert found["points"] == round(sum(e["points"] for e in found["exercises"].values()), 2)
    assert found["max_points"] == sum(e["max_points"] for e in found["exercises"].values())


def test_hints_go_from_nudge_to_outline(empty, command):
    hints = syllabus.exercises()["cnn.conv2d"].hints
    for level in (1, 2, 3, 3):
        shown = " ".join(command("hint", "cnn.conv2d", cwd=empty).stdout.split())
        assert f"hint {level} of 3" in shown and " ".join(hints[level - 1].split()) in shown
    shown = command("hint", "cnn.conv2d", "--level", "1", cwd=empty).stdout
    assert hints[0][:40] in " ".join(shown.split())


def test_reset_puts_one_stub_back_and_keeps_the_answer(half_done, command):
    file = half_done / "cifar_course" / "normalization.py"
    before = file.read_text(encoding="utf-8")
    done = command("reset", "normalization.one_hot", cwd=half_done)
    assert done.returncode == 0, done.stderr
    after = file.read_text(encoding="utf-8")
    assert stubs.is_stub(after, "normalization", "one_hot")
    assert not stubs.is_stub(after, "normalization", "prepare")
    ast.parse(after)
    (backup,) = (half_done / ".cifar-course" / "backups").iterdir()
    assert backup.read_text(encoding="utf-8") == before


def test_reset_counts_lines_as_python_does(half_done, command):
    """A form feed or U+2028 ends a line for `splitlines`, but not for Python."""
    file = half_done / "cifar_course" / "normalization.py"
    mine = "# page\f one \u2028 two\n" * 3 + file.read_text(encoding="utf-8")
    mine = mine.replace("    # <answer>\n", "").replace("    # </answer>\n", "")
    file.write_text(mine, encoding="utf-8-sig")
    assert command(cwd=half_done).returncode == 0
    assert command("reset", "normalization.one_hot", cwd=half_done).returncode == 0
    after = file.read_text(encoding="utf-8")
    start, end = mine.index("def one_hot"), mine.index("def train_validation_split")
    original = stubs.stub("normalization")
    stub = original[original.index("def one_hot") : original.index("def train_validation_split")]
    assert after == mine[:start] + stub + mine[end:]


def test_an_answer_below_the_stub_counts(empty, command):
    """Python uses the last definition, and `check` judges it."""
    with (empty / "cifar_course" / "normalization.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef one_hot(labels, num_classes):\n    return np.eye(num_classes)\n")
    shown = command(cwd=empty).stdout
    assert "Judging 1 exercises" in shown
    assert "Fails: normalization.one_hot\n" in command("pack", "a.zip", cwd=empty).stdout


def test_the_board_of_another_folder_does_not_trust_the_verdicts_in_it(half_done, command):
    assert "failed" in command(cwd=half_done).stdout
    kept = half_done / ".cifar-course" / "verdicts.json"
    kept.write_text(
        kept.read_text(encoding="utf-8").replace('"passed": false', '"passed": true'),
        encoding="utf-8",
    )
    assert "failed" not in command(cwd=half_done).stdout  # a learner's own folder is trusted
    assert "failed" in command("--submission", half_done).stdout


def test_a_module_that_is_not_utf_8_is_named_and_kept(half_done, command, tmp_path):
    file = half_done / "cifar_course" / "normalization.py"
    text = "# -*- coding: cp1252 -*-\n# é\n" + file.read_text(encoding="utf-8")
    file.write_text(text, encoding="cp1252")
    packed = command("pack", tmp_path / "submission.zip", cwd=half_done)
    assert packed.returncode == 2 and "is not UTF-8" in packed.stderr
    assert not list(tmp_path.glob("*.zip*"))
    done = command("reset", "normalization.one_hot", cwd=half_done)
    assert done.returncode == 2 and "is not UTF-8" in done.stderr
    assert file.read_text(encoding="cp1252") == text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", ". is a folder; name a file, such as submission.zip"),
        ("missing/x.zip", "there is no folder missing; create it first"),
    ],
)
def test_pack_explains_a_name_that_it_cannot_write(empty, command, name, message):
    done = command("pack", name, cwd=empty)
    assert done.returncode == 2 and done.stderr == f"cifar-course: {message}\n"
    assert done.stdout == ""


def test_pack_adds_the_ending_of_a_zip_file(empty, command):
    done = command("pack", "mine", cwd=empty)
    assert done.returncode == 0 and (empty / "mine.zip").is_file()
    assert not (empty / "mine").exists()


def test_pack_lists_what_fails_and_what_is_not_written(half_done, command):
    shown = command("pack", "a.zip", cwd=half_done).stdout
    assert "Fails: normalization.standardize, normalization.prepare\n" in shown
    assert "Not written yet, packed as stubs: cnn.conv_output_size, cnn.conv2d, " in shown


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("answer", "packed"), [("n", False), ("y", True), ("--yes", True)])
def test_in_a_terminal_pack_asks_first(half_done, answer, packed):
    arguments = [sys.executable, "-m", "cifar_lab.cli", "pack", "a.zip"]
    arguments += [answer] if answer == "--yes" else []
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, f"{answer[-1]}\n".encode())
        done = subprocess.run(
            arguments, cwd=half_done, stdin=terminal, capture_output=True, text=True
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert ("Pack it all the same?" in done.stdout) == (answer != "--yes")
    assert (half_done / "a.zip").exists() == packed
    assert done.returncode == (0 if packed else 1)


@pytest.mark.parametrize(
    "arguments", [("pack", "no/a.zip"), ("check", "1", "--json", "no/a.json")], ids=str
)
def test_a_missing_folder_is_reported_in_one_line(half_done, command, arguments):
    done = command(*arguments, cwd=half_done)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1 and "no" in done.stderr


def test_reset_of_a_module_that_does_not_parse_loses_nothing(half_done, command):
    file = half_done / "cifar_course" / "normalization.py"
    file.write_text("def one_hot(:\n", encoding="utf-8")
    done = command("reset", "normalization.one_hot", cwd=half_done)
    assert done.returncode == 2 and "does not parse (line 1" in done.stderr
    assert file.read_text(encoding="utf-8") == "def one_hot(:\n"
    assert command("reset", "normalization", cwd=half_done).returncode == 0
    assert file.read_text(encoding="utf-8") == stubs.stub("normalization")


def test_pack_holds_the_modules_and_nothing_else(half_done, command, tmp_path):
    (half_done / "cifar_course" / "notes.txt").write_text("mine", encoding="utf-8")
    done = command("pack", tmp_path / "submission.zip", cwd=half_done)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "submission.zip") as archive:
        modules = syllabus.modules()
        assert archive.namelist() == [f"cifar_course/{module}.py" for module in modules]
        text = (half_done / "cifar_course" / "normalization.py").read_bytes()
        assert archive.read("cifar_course/normalization.py") == text


def test_pack_refuses_a_module_that_does_not_parse(half_done, command, tmp_path):
    (half_done / "cifar_course" / "cnn.py").write_text("def f(:\n", encoding="utf-8")
    done = command("pack", tmp_path / "submission.zip", cwd=half_done)
    assert done.returncode == 2 and "line 1" in done.stderr
    assert not (tmp_path / "submission.zip").exists()


def test_data_names_the_synthetic_dataset(command):
    done = command("data", env={"CIFAR_COURSE_DATA": "synthetic"})
    assert done.returncode == 0 and "synthetic" in done.stdout


def test_data_that_cannot_be_used_is_status_2(command, tmp_path):
    for name in cifar10.BATCHES:
        (tmp_path / name).write_bytes(b"\x80\x04 half a batch")
    done = command("data", env={"CIFAR_COURSE_DATA": str(tmp_path)})
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "a truncated file" in done.stderr and str(tmp_path / "data_batch_1") in done.stderr
    assert "ImageNet weights" in done.stdout


def test_missing_data_is_one_line_and_status_2(empty, command, tmp_path):
    done = command("train", "cnn", "--submission", empty, "--data", tmp_path / "no")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr


def test_output_falls_back_to_ascii(half_done, command):
    done = command(cwd=half_done, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0 and done.stdout.isascii(), done.stderr
    assert "x failed" in done.stdout and "+ passed" in done.stdout


def test_lesson_1_is_judged_without_keras(half_done):
    """A fresh interpreter imports neither Keras nor TensorFlow."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom cifar_lab.course import syllabus\n"
        "from cifar_lab.grading.run import judge\n"
        f"judge(Path({str(half_done)!r}), syllabus.find(['1']))\n"
        "print(sorted({'keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("call", ["breakpoint()", "input()", "pdb.set_trace()"])
def test_learner_code_that_waits_for_a_keyboard_fails_at_once(half_done, call):
    """In a terminal, where somebody could type."""
    file = half_done / "cifar_course" / "normalization.py"
    answer = f"\n\nimport pdb\ndef one_hot(labels, num_classes):\n    {call}\n"
    file.write_text(file.read_text(encoding="utf-8") + answer, encoding="utf-8")
    arguments = [sys.executable, "-m", "cifar_lab.cli", "check", "normalization.one_hot"]
    keyboard, terminal = os.openpty()
    try:
        done = subprocess.run(
            arguments, cwd=half_done, stdin=terminal, capture_output=True, text=True, timeout=120
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert done.returncode == 1, done.stderr
    assert f"your code calls {call}: remove it" in " ".join(done.stdout.split())
    assert f"normalization.py, line {len(file.read_text().splitlines())}: {call}" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows delivers Ctrl-C to the whole console")
def test_ctrl_c_shows_the_learners_line(half_done):
    file = half_done / "cifar_course" / "normalization.py"
    started = half_done / "started"
    endless = (
        "\n\ndef one_hot(labels, num_classes):\n"
        f"    open({str(started)!r}, 'w').close()\n"
        "    while True:\n        rows = 1  # here\n"
    )
    file.write_text(file.read_text(encoding="utf-8") + endless, encoding="utf-8")
    arguments = [sys.executable, "-m", "cifar_lab.cli", "check", "normalization.one_hot"]
    process = subprocess.Popen(
        arguments,
        cwd=half_done,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a background job of a shell ignores Ctrl-C, and its children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not started.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    assert "Interrupted in normalization.py, line" in err
    assert "while True:" in err or "rows = 1  # here" in err
    assert "Traceback" not in out + err


def test_missing_arguments_of_grade_are_explained_in_one_line(command, tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for arguments, advice in (
        ((tmp_path / "no",), "is not a folder; name the one that holds the submissions"),
        ((tmp_path, "--hidden", hidden), f"--hidden: there is no test_*.py in {hidden}"),
        ((tmp_path, "--column", "Lab 1"), "add --roster FILE"),
    ):
        done = command("grade", *arguments, "--out", tmp_path / "out")
        assert done.returncode == 2 and advice in done.stderr
        assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "out").exists()


BROKEN_TEST = """
from cifar_lab.testing.plugin import hidden

@hidden("normalization.one_hot", points=1)
def test_own(learner):
    no_such_name
"""


def test_grade_shows_why_the_grader_failed_and_no_warnings(half_done, command, tmp_path):
    """A busy port of Dask's own page is of no interest."""
    students, hidden_tests = tmp_path / "class", tmp_path / "hidden"
    shutil.copytree(half_done / "cifar_course", students / "ada" / "cifar_course")
    hidden_tests.mkdir()
    (hidden_tests / "test_own.py").write_text(BROKEN_TEST, encoding="utf-8")
    with socket.socket() as busy:
        with contextlib.suppress(OSError):  # it is busy already
            busy.bind(("", 8787))
            busy.listen()
        done = command(
            *("grade", students, "--out", tmp_path / "out", "--no-sandbox", "--workers", 1),
            *("--exercise", "normalization.one_hot", "--hidden", hidden_tests),
        )
    shown = " ".join(done.stdout.split())
    assert "ada: grading error: a grading test broke" in shown
    assert "name 'no_such_name' is not defined" in shown
    assert done.stderr == ""


def test_an_unknown_recipe_is_explained_in_one_line(empty, command):
    done = command("train", "resnet", "--submission", empty)
    assert done.returncode == 2
    assert done.stderr == "cifar-course: there is no recipe 'resnet'; choose cnn or transfer\n"


def test_an_answer_that_changes_while_it_is_judged_is_judged_again(
    submission_with, monkeypatch, capsys
):
    from cifar_lab import cli
    from cifar_lab.grading import run

    wrong = "def one_hot(labels, num_classes):\n    return 1\n"
    folder = submission_with(normalization=wrong)
    judge, exercises = run.judge, syllabus.find(["one_hot"])

    def save_meanwhile(*arguments, **settings):
        verdicts = judge(*arguments, **settings)
        (folder / "cifar_course" / "normalization.py").write_text(wrong.replace("1", "2"))
        return verdicts

    monkeypatch.setattr(run, "judge", save_meanwhile)
    cli._judge(folder, exercises)
    assert progress.recall(folder, exercises) == {}


@pytest.mark.parametrize("name", ["normalization.one_hot", "one_hot"])
def test_an_exercise_is_found_by_its_id_and_by_its_name(name):
    assert [exercise.id for exercise in syllabus.find([name])] == ["normalization.one_hot"]


@pytest.mark.parametrize("file", ["cli.py", "maintain/__main__.py"])
def test_options_are_named_where_they_are_defined(file):
    """Typer 0.27 makes `--DATA` of an option with a metavar and no name of its own."""
    tree = ast.parse((syllabus.LAB / file).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    options = [call for call in calls if ast.unparse(call.func) == "typer.Option"]
    unnamed = [ast.unparse(call) for call in options if not _is_name(call.args)]
    assert options and not unnamed


def _is_name(arguments: list[ast.expr]) -> bool:
    return bool(arguments) and ast.literal_eval(arguments[0]).startswith("--")
