"""`reset` and `restore`: no answer is lost, and nothing is kept for nothing."""

import pytest

from cifar_lab.course import progress, stubs

ANSWER = "\n\ndef one_hot(labels, num_classes):\n    return {}\n"


@pytest.fixture
def answered_with(empty):
    """Return a function that writes lesson 1 with an answer to `one_hot`; and the folder."""
    file = empty / "cifar_course" / "normalization.py"

    def write(value):
        text = stubs.put_back(
            stubs.stub("normalization"), "normalization", "one_hot", original=ANSWER.format(value)
        )
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_second_reset_keeps_nothing_and_says_so(answered_with, empty, command):
    answered_with(1)
    assert "is kept in" in command("reset", "one_hot", cwd=empty).stdout
    done = command("reset", "one_hot", cwd=empty)
    assert done.returncode == 0 and "is a stub already: nothing was changed" in done.stdout
    assert len(progress.backups(empty, "normalization")) == 1
    done = command("reset", "normalization", cwd=empty)
    assert "holds its stubs already" in done.stdout
    assert len(progress.backups(empty, "normalization")) == 1


def test_restore_brings_the_newest_answer_back(answered_with, empty, command):
    for value in (1, 2):
        file = answered_with(value)
        command("reset", "one_hot", cwd=empty)
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "\nother = 3\n", encoding="utf-8")
    done = command("restore", "one_hot", cwd=empty)
    assert done.returncode == 0, done.stderr
    restored = file.read_text(encoding="utf-8")
    assert "    return 2\n" in restored and "other = 3" in restored
    assert not stubs.is_stub(restored, "normalization", "one_hot")
    assert stubs.is_stub(restored, "normalization", "prepare")


def test_restore_keeps_the_answer_that_it_replaces(answered_with, empty, command):
    answered_with(1)
    command("reset", "one_hot", cwd=empty)
    file = answered_with(2)
    command("restore", "one_hot", cwd=empty)
    assert "    return 1\n" in file.read_text(encoding="utf-8")
    command("restore", "one_hot", cwd=empty)
    assert "    return 2\n" in file.read_text(encoding="utf-8")


def test_restore_passes_over_backups_that_do_not_parse(answered_with, empty, command):
    file = answered_with(1)
    command("reset", "1", cwd=empty)
    file.write_text("def one_hot(:\n", encoding="utf-8")
    command("reset", "normalization", cwd=empty)
    assert command("restore", "one_hot", cwd=empty).returncode == 0
    assert "    return 1\n" in file.read_text(encoding="utf-8")


def test_nothing_to_restore_is_one_line(empty, command):
    done = command("restore", "one_hot", cwd=empty)
    assert done.returncode == 2 and "holds an answer to normalization.one_hot" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["1"], ["normalization"], ["--all"]])
def test_reset_of_a_lesson_and_of_all(answered_with, empty, command, arguments):
    file = answered_with(1)
    other = empty / "cifar_course" / "cnn.py"
    other.write_text("mine = 1\n", encoding="utf-8")
    assert command("reset", *arguments, cwd=empty).returncode == 0
    assert file.read_text(encoding="utf-8") == stubs.stub("normalization")
    assert (other.read_text(encoding="utf-8") == stubs.stub("cnn")) == (arguments == ["--all"])
    assert len(progress.backups(empty, "normalization")) == 1


@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
def test_reset_of_nothing_is_refused(empty, command, arguments):
    done = command("reset", *arguments, cwd=empty)
    assert done.returncode == 2 and "or write --all" in done.stderr
