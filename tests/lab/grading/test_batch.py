"""A class is graded: results, gradebook, and a second run that grades only what changed."""

import csv
import json
import shutil
import zipfile

import pytest

from cifar_lab.grading.batch import _secret_of, put_aside
from cifar_lab.grading.results import NO_SANDBOX

ONLY = ("--exercise", "normalization.one_hot", "--exercise", "normalization.standardize")


@pytest.fixture
def students(tmp_path, reference):
    """Write five submissions: right, wrong, ending every process, without code, a zip file."""
    folder = tmp_path / "class"
    right = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    texts = {
        "ada": right,
        "bob": right + "\n\ndef one_hot(labels, num_classes):\n    return None\n",
        "eve": "import os\nos._exit(0)\n",
    }
    for name, text in texts.items():
        (folder / name / "cifar_course").mkdir(parents=True)
        (folder / name / "cifar_course" / "normalization.py").write_text(text, encoding="utf-8")
    (folder / "nil").mkdir()
    with zipfile.ZipFile(folder / "=zoe.zip", "w") as archive:
        archive.writestr("submission/cifar_course/normalization.py", right)
    return folder


@pytest.mark.sandboxed
def test_a_class_is_graded_and_graded_again(students, command, tmp_path):
    out = tmp_path / "out"
    arguments = ("grade", students, "--out", out, "--workers", 2, *ONLY)
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o077 == 0
    results = {file.stem: json.loads(file.read_text()) for file in (out / "results").iterdir()}
    scores = {name: result["score"] for name, result in results.items()}
    assert scores == {"ada": 5.0, "bob": 3.0, "eve": 0.0, "nil": 0.0, "zoe": 5.0}
    outcomes = {name: result["extra_data"]["outcome"] for name, result in results.items()}
    assert outcomes == {**dict.fromkeys(scores, "graded"), "nil": "invalid submission"}
    assert all(t["extra_data"]["failure_kind"] == "crash" for t in results["eve"]["tests"])
    assert {t["name"].partition(":")[0] for t in results["bob"]["tests"]} == {
        *("normalization.one_hot", "normalization.standardize")
    }
    assert sum(t["score"] for t in results["ada"]["tests"]) == pytest.approx(5)
    rows = list(csv.DictReader((out / "grades.csv").open(encoding="utf-8")))
    assert [row["original"] for row in rows if row["name"] == "zoe"] == ["'=zoe.zip"]

    before = {file: file.stat().st_mtime_ns for file in (out / "results").iterdir()}
    source = students / "bob" / "cifar_course" / "normalization.py"
    source.write_text(source.read_text(encoding="utf-8") + "\n# late\n", encoding="utf-8")
    (out / "results" / "ada.json").write_text('{"half a file')
    assert command(*arguments).returncode == 0
    changed = {file.stem for file in before if file.stat().st_mtime_ns != before[file]}
    assert changed == {"ada", "bob"}
    assert json.loads((out / "results" / "ada.json").read_text())["score"] == 5.0

    for name in ("ada", "bob"):
        source = students / name / "cifar_course" / "normalization.py"
        source.write_text("def one_hot(labels, num_classes):\n    return None\n", encoding="utf-8")
    done = command(*arguments, "--only", "bob")
    changes = done.stdout.split("Changed since the last run:\n")[1].splitlines()
    assert changes[0] == "  bob: 3.0 points (graded), now 0.0 points (graded)"
    assert not changes[1].startswith("  ada")
    assert json.loads((out / "results" / "ada.json").read_text())["score"] == 5.0
    done = command(*arguments, "--only", "bob", "--only", "max")
    assert done.returncode == 2 and "there is no submission 'max'" in done.stderr

    shutil.rmtree(students / "nil")
    done = command(*arguments)
    assert f"nil is no longer in {students}" in " ".join(done.stdout.split())
    assert "nil" not in (out / "grades.csv").read_text() + (out / "class.html").read_text()
    assert not (out / "feedback" / "nil.html").exists()


def test_files_of_submissions_that_are_gone_are_put_aside(students, tmp_path):
    out = tmp_path / "out"
    assert put_aside(students, out) == [] and not out.exists()
    own = ("results/{}.json", "feedback/{}.html", "junit/{}.xml")
    for path in own:
        for name in ("ada", "a.b", "zoe"):
            file = out / path.format(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
    (out / "results" / "notes.txt").write_text("an instructor's own")
    assert put_aside(students, out) == ["a.b"]
    assert put_aside(students, out) == []
    for path in own:
        assert (out / "removed" / path.format("a.b")).read_text() == "a.b"
        assert (out / path.format("ada")).exists() and (out / path.format("zoe")).exists()
    assert (out / "results" / "notes.txt").exists()


def test_without_a_sandbox_it_refuses_or_says_so(students, command, tmp_path):
    arguments = ("grade", students, "--out", tmp_path / "out", *ONLY[:2])
    refused = command(*arguments, env={"PATH": "/nowhere"})
    assert refused.returncode == 2 and "bubblewrap" in refused.stderr
    shutil.rmtree(students / "eve")  # without a sandbox it would end the grader
    assert command(*arguments, "--no-sandbox", env={"PATH": "/nowhere"}).returncode == 0
    result = json.loads((tmp_path / "out" / "results" / "ada.json").read_text())
    assert NO_SANDBOX in result["output"] and result["extra_data"]["trusted"] is False


def test_pages_and_the_gradebook_come_with_the_results(students, command, tmp_path):
    shutil.rmtree(students / "eve")
    shutil.rmtree(students / "bob")
    file, out = tmp_path / "moodle.csv", tmp_path / "out"
    file.write_text(
        "First name,Email address,Points (Real)\nAda,ada@uni.example,-\n", encoding="utf-8"
    )
    arguments = ("grade", students, "--out", out, "--no-sandbox", *ONLY[:2], "--roster", file)
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert f"the points go into the column 'Points (Real)' of {file}" in done.stdout
    assert "roster: =zoe.zip: nobody in the roster" in done.stdout
    assert (out / "roster.csv").read_text(encoding="utf-8").endswith("Ada,ada@uni.example,2\n")
    for kind in ("feedback/*.html", "junit/*.xml"):
        assert {written.stem for written in out.glob(kind)} == {"ada", "nil", "zoe"}
    page = (out / "class.html").read_text(encoding="utf-8")
    assert "nobody in the roster" in page
    (out / "class.html").unlink()
    assert command(*arguments).returncode == 0
    assert (out / "class.html").read_text(encoding="utf-8") == page


def test_an_ambiguous_gradebook_is_refused_before_anything_is_graded(students, command, tmp_path):
    out, file = tmp_path / "out", tmp_path / "canvas.csv"
    text = "Student,ID,One (1),Two (2)\n    Points Possible,,1.00,2.00\nAda,1,,\n"
    file.write_text(text, encoding="utf-8")
    arguments = ("grade", students, "--out", out, "--no-sandbox", *ONLY[:2])
    refused = command(*arguments, "--roster", file)
    assert refused.returncode == 2
    assert "'One (1)', 'Two (2)'; --column NAME chooses one" in refused.stderr
    refused = command(*arguments, "--column", "One")
    assert refused.returncode == 2 and "add --roster FILE" in refused.stderr
    refused = command(*arguments, "--overwrite")
    assert refused.returncode == 2 and "add --roster FILE" in refused.stderr
    assert not out.exists()


def test_an_entry_in_the_gradebook_stays_without_overwrite(students, command, tmp_path):
    for name in ("bob", "eve", "nil"):
        shutil.rmtree(students / name)
    file, out = tmp_path / "canvas.csv", tmp_path / "out"
    text = "Student,ID,One (1)\n    Points Possible,,2.00\nada,1,EX\nzoe,2,\n"
    file.write_text(text, encoding="utf-8")
    arguments = ("grade", students, "--out", out, "--no-sandbox", *ONLY[:2], "--roster", file)
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert "2 points were not entered: the gradebook has 'EX' for ada" in done.stdout
    assert (out / "roster.csv").read_text().endswith("ada,1,EX\nzoe,2,2\n")
    assert command(*arguments, "--overwrite").returncode == 0
    assert (out / "roster.csv").read_text().endswith("ada,1,2\nzoe,2,2\n")


def test_a_mistake_in_the_overrides_is_said_before_anything_is_graded(students, command, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "overrides.csv").write_text("name,points\nada,1\n")
    done = command("grade", students, "--out", tmp_path / "out", *ONLY)
    assert done.returncode == 2 and "no column 'submission'" in done.stderr
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["overrides.csv"]


def test_every_submission_has_a_secret_of_its_own(tmp_path):
    (tmp_path / "other").mkdir()
    first, again, other = (_secret_of(tmp_path, key) for key in ("one", "one", "two"))
    assert first == again != other
    assert (tmp_path / ".secret").stat().st_mode & 0o077 == 0
    assert _secret_of(tmp_path / "other", "one") != first


@pytest.mark.sandboxed
def test_foreign_settings_change_no_grade(students, command, tmp_path):
    malformed = tmp_path / "dask.yaml"
    malformed.write_text("distributed: [\n", encoding="utf-8")
    settings = {
        "DASK_CONFIG": str(malformed),
        "PYTHONWARNINGS": "error",
        "PYTEST_ADDOPTS": "-k nothing",
        "PYTEST_PLUGINS": "no_such_plugin",
    }
    for name in ("bob", "eve", "nil", "=zoe.zip"):
        path = students / name
        path.unlink() if path.is_file() else shutil.rmtree(path)
    done = command("grade", students, "--out", tmp_path / "out", *ONLY, env=settings)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "results" / "ada.json").read_text())["score"] == 5.0
