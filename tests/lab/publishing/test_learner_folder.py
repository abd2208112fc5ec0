"""`init` lays out a learner's folder; `update` replaces what the course wrote, and no answer."""

import json

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.publishing import learner_folder

MODULE = "normalization"
ANSWER = "def one_hot(labels, num_classes):\n    return 'mine'\n"


@pytest.fixture
def folder(tmp_path):
    """Lay out a learner's folder."""
    learner_folder.lay_out(tmp_path / "course")
    return tmp_path / "course"


@pytest.fixture
def newer(monkeypatch):
    """Return a function that changes the newest stub of lesson 1, as a newer package does."""
    original = stubs.stub

    def change(old: str, new: str) -> None:
        text = original(MODULE).replace(old, new)
        assert text != original(MODULE)
        monkeypatch.setattr(
            stubs, "stub", lambda module: text if module == MODULE else original(module)
        )

    return change


def module_in(folder):
    return folder / "cifar_course" / f"{MODULE}.py"


def backups_in(folder):
    return sorted((folder / ".cifar-course").glob("backups/*"))


def test_a_new_folder_has_lessons_and_stubs_and_no_answers(folder):
    assert {file.name for file in folder.iterdir()} == {
        *("cifar_course", "lessons", ".gitignore", ".cifar-course"),
    }
    for lesson in syllabus.lessons():
        text = (folder / "cifar_course" / f"{lesson.module}.py").read_text(encoding="utf-8")
        assert text == stubs.stub(lesson.module)
        assert (folder / "lessons" / f"{lesson.notebook}.ipynb").is_file()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(learner_folder.FolderError, match="is not empty"):
        learner_folder.lay_out(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_nothing_changes_without_a_newer_course(folder):
    with module_in(folder).open("a", encoding="utf-8") as opened:
        opened.write(ANSWER)
    before = module_in(folder).read_bytes()
    assert learner_folder.update(folder) == []
    assert module_in(folder).read_bytes() == before and backups_in(folder) == []


def test_a_newer_stub_replaces_an_untouched_one(folder, newer):
    newer("Turn each label into a row", "Turn every label into a row")
    assert learner_folder.update(folder) == ["cifar_course/normalization.py: newer stub of one_hot"]
    assert "Turn every label" in module_in(folder).read_text(encoding="utf-8")
    assert len(backups_in(folder)) == 1
    assert learner_folder.update(folder) == []


@pytest.mark.parametrize("lost", [False, True])
def test_an_answer_is_never_replaced(folder, newer, lost):
    """Nor is an answer that is only begun, above the line that says it is not written."""
    text = module_in(folder).read_text(encoding="utf-8")
    line = '    raise NotImplementedError("normalization.one_hot'
    module_in(folder).write_text(text.replace(line, f"    rows = 1\n{line}"), encoding="utf-8")
    if lost:
        for file in (folder / ".cifar-course" / "stubs").iterdir():
            file.unlink()
    before = module_in(folder).read_bytes()
    newer("Turn each label into a row", "Turn every label into a row")
    assert learner_folder.update(folder) == []
    assert module_in(folder).read_bytes() == before


def test_a_new_exercise_and_the_import_that_it_needs_are_named(folder, newer):
    stub = stubs.stub(MODULE)
    start, end = stub.index("def one_hot"), stub.index("def train_validation_split")
    module_in(folder).write_text(stub[:start] + stub[end:], encoding="utf-8")
    newer("import numpy as np", "import math\nimport numpy as np")
    assert learner_folder.update(folder) == [
        "cifar_course/normalization.py: new exercise one_hot",
        "cifar_course/normalization.py: put this line at its top: import math",
    ]
    assert stubs.defines(module_in(folder).read_text(encoding="utf-8"), "one_hot")


def test_a_lesson_that_was_only_run_is_not_replaced(folder):
    file = folder / learner_folder.FIRST_LESSON
    notebook = json.loads(file.read_text(encoding="utf-8"))
    notebook["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    file.write_text(json.dumps(notebook), encoding="utf-8")
    before = file.read_bytes()
    assert learner_folder.update(folder) == [] and file.read_bytes() == before


@pytest.mark.parametrize("content", ["{}", '{"cells": []}', "damaged"])
def test_an_older_lesson_is_replaced_and_kept(folder, content):
    file = folder / learner_folder.FIRST_LESSON
    file.write_text(content, encoding="utf-8")
    (change,) = learner_folder.update(folder)
    assert change.startswith(f"{learner_folder.FIRST_LESSON}: replaced by a newer one")
    (backup,) = backups_in(folder)
    assert backup.read_text(encoding="utf-8") == content
    assert learner_folder.update(folder) == []


@pytest.mark.parametrize(("text", "reason"), [(b"\xff\xfe", "UTF-8"), (b"def f(:\n", "parse")])
def test_a_module_that_cannot_be_read_is_named(folder, text, reason):
    module_in(folder).write_bytes(text)
    with pytest.raises(learner_folder.FolderError, match=reason):
        learner_folder.update(folder)
    assert module_in(folder).read_bytes() == text


def test_the_courses_own_repository_is_updated_by_git():
    with pytest.raises(learner_folder.FolderError, match="git pull"):
        learner_folder.update(syllabus.ROOT)
