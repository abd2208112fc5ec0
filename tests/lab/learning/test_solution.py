"""`solution` shows the reference's answer after passing, or after giving up."""

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.learning.solution import NoSolution, solution

ONE_HOT = "normalization.one_hot"


def test_after_passing_both_answers_are_shown(submission_with, reference, command):
    text = (reference / "cifar_course" / "normalization.py").read_text(encoding="utf-8")
    mine = "\n".join(stubs.definition_lines(text, "one_hot")).replace("# <answer>", "# mine")
    text = stubs.put_back(text, "normalization", "one_hot", original=mine)
    folder = submission_with(normalization=text)
    done = command("solution", "one_hot", cwd=folder)
    assert done.returncode == 0, done.stderr
    yours, _, theirs = done.stdout.partition("The reference's:")
    assert "# mine" in yours and "# mine" not in theirs
    assert "def one_hot(" in theirs and "answer>" not in theirs


def test_before_passing_it_says_how(empty, command, reference):
    done = command("solution", "one_hot", cwd=empty)
    assert done.returncode == 2 and "yours is not written" in done.stderr
    assert "solution one_hot --give-up" in done.stderr


def test_giving_up_is_noted_on_the_board(empty, command, reference):
    assert "solution was shown" not in command(cwd=empty).stdout
    done = command("solution", "one_hot", "--give-up", cwd=empty)
    assert done.returncode == 0 and "The reference's:" in done.stdout
    board = command(cwd=empty).stdout
    assert "one_hot *" in board and "* its solution was shown before it passed" in board


def test_an_edition_without_solutions_says_so(empty, monkeypatch, tmp_path):
    monkeypatch.setattr(stubs, "REFERENCE", tmp_path / "none")
    with pytest.raises(NoSolution, match="comes without solutions"):
        solution(empty, syllabus.exercises()[ONE_HOT], give_up=True)
