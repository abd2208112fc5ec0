"""The linter for English finds replaced terms and docstrings that open with a question word."""

import pytest

from cifar_lab.maintain.english import TERMS, problems_of

EXAMPLES = {
    "image": "two pictures",
    "accuracy": "the share right",
    "synthetic": "CIFAR_COURSE_DATA=drawn",
    "submission": "every hand-in",
    "sandbox": "grade(no_wall=True)",
    "unprivileged user": "runs as another user",
    "message, protocol, encode": "what crosses",
    "remote handle, proxy": "what stays on the learner's side",
    "unfreeze": "thawed layers",
    "resume, continue": "the same command goes on",
    "training run": "after one training, it",
    "characters": "20 letters",
    "command, arguments, message, settings": "words = [sys.executable]",
    "failure kind, error, defect": "every fault",
    "grading error": "the grader's own fault",
    "up to date, out of date": "the stubs are out of step",
    "mutant, mutation operator": "a small error",
    "anyone who, those who": "whoever reads",
    "rarely": "it seldom helps",
    "again": "computed anew",
    "describes": "it tells of",
}


def messages(text, suffix=".md"):
    return [message for _, message in problems_of(text, suffix)]


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.say)
def test_each_replaced_term_is_found(term):
    (found,) = (m for m in messages(EXAMPLES[term.say]) if m.startswith(f'say "{term.say}", not'))
    assert found


@pytest.mark.parametrize(
    "text",
    [
        *("drawn from a seed", "wall-clock time", "a firewall", "pictured", "training images"),
        *("in other words", "lovelace_handin-1.zip", "a segmentation fault", "see it in step 3"),
        *("capital letters", "across the network", "nobody knows", "not your fault", "default"),
    ],
)
def test_ordinary_english_passes(text):
    assert messages(text) == []


def test_a_term_is_found_across_a_line_break_and_after_an_underscore():
    text = "# it is a small\n# error\nNO_WALL = 1\n"
    assert [line for line, _ in sorted(problems_of(text, ".py"))] == [1, 3]


@pytest.mark.parametrize("word", ["What", "Whether", "Where", "How", "Who"])
def test_a_docstring_opens_with_no_question_word(word):
    text = f'''"""{word} this is."""


def f():
    """
    {word} it does.
    """


class A:
    """Return it. {word} it is."""
'''
    found = sorted(problems_of(text, ".py"))
    assert [line for line, _ in found] == [1, 5]
    assert all(f'docstring opens with "{word}"' in message for _, message in found)
    assert problems_of(text, ".md") == []
