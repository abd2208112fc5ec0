"""A verdict as HTML: sign and color, aligned message, folded hints, nothing that could run."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cifar_lab.course import syllabus
from cifar_lab.course.verdict import ExerciseVerdict, Status, TestVerdict
from cifar_lab.learning.describe import COLORS, SIGNS, as_html, describe

ONE_HOT = syllabus.exercises()["normalization.one_hot"]
MESSAGE = """Called normalization.one_hot(int64 array (3) [0, 1, 2], 3).
It returned <script>alert("x")</script>.
Expected float32 array (3x3).
Because row i is about image i & its label.
It looks as if you returned nothing.
Your code printed:
  Expected <b>nothing</b>"""


class Parts(HTMLParser):
    """Collects the tags and the text of a page, and fails at tags that are not closed."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def failed() -> ExerciseVerdict:
    return ExerciseVerdict(ONE_HOT, [TestVerdict("Row i <holds> a one", False, MESSAGE)])


@pytest.mark.parametrize(
    ("tests", "status"),
    [
        ([TestVerdict("x", main=True)], Status.PASSED),
        ([TestVerdict("x", False, "It returned 1.")], Status.FAILED),
        ([TestVerdict("x", False, not_written=ONE_HOT.id)], Status.NOT_WRITTEN),
    ],
)
def test_each_status_has_a_sign_and_a_color_of_its_own(tests, status):
    html = as_html(ExerciseVerdict(ONE_HOT, tests))
    assert f'color:{COLORS[status]}">{SIGNS[status]} {status}</b>' in html
    assert len(set(COLORS.values())) == len(set(SIGNS.values())) == 3


SIDE = TestVerdict("The input is left alone.")
LAW = TestVerdict("Row i holds a one.", False, "It returned 1.", main=True)


def test_side_laws_alone_earn_nothing_and_the_verdict_says_until_when():
    verdict = ExerciseVerdict(ONE_HOT, [LAW, SIDE])
    said = "What passed earns points once this holds, too: Row i holds a one."
    assert describe(verdict).splitlines()[:2] == [
        f"normalization.one_hot: failed, 1 of 2 tests passed, 0 of {ONE_HOT.points:g} points",
        said,
    ]
    assert said in Parts(as_html(verdict)).text


@pytest.mark.parametrize(
    "tests",
    [
        [replace(LAW, passed=True), replace(SIDE, passed=False, message="It raised.")],
        [LAW, replace(SIDE, passed=False, message="It raised.")],
        [replace(LAW, passed=True), SIDE],
        [TestVerdict("x", False, not_written=ONE_HOT.id)],
    ],
)
def test_nothing_is_said_where_it_is_not_so(tests):
    assert "What passed" not in describe(ExerciseVerdict(ONE_HOT, tests))


def test_the_colors_can_be_read_on_white_and_on_black():
    """WCAG asks for a contrast of 3 for bold text and for what marks a part of a page."""
    for color in COLORS.values():
        channels = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (light + 0.05) >= 3 and (light + 0.05) / 0.0605 >= 3, color


def test_the_message_is_a_table_and_what_follows_is_shown_as_it_is():
    html = as_html(failed())
    titles = re.findall(r"<th [^>]*>([^<]+)</th>", html)
    assert titles == ["Called", "Returned", "Expected", "Because", "It looks as if"]
    assert "<pre>Your code printed:\n  Expected &lt;b&gt;nothing&lt;/b&gt;</pre>" in html


def test_nothing_that_learner_code_returned_becomes_a_tag():
    parts = Parts(as_html(failed(), link='x"><img src=y>.py', note="<i>note</i>"))
    assert not {"script", "b", "i", "img", "holds"} & set(parts.tags[3:])
    assert 'alert("x")' in parts.text and "<i>note</i>" in parts.text


def test_code_and_emphasis_of_a_hint_are_marked_up():
    hints = ("*Integer indexing*: `labels[i]` is 2 * 3 * 4, `a < b`.",) * 3
    html = as_html(ExerciseVerdict(replace(ONE_HOT, hints=hints), failed().tests))
    assert (
        "<em>Integer indexing</em>: <code>labels[i]</code> is 2 * 3 * 4, <code>a &lt; b</code>."
    ) in html


def test_hints_unfold_one_after_the_other():
    html = as_html(failed())
    places = [html.index(f"Hint {n} of 3") for n in (1, 2, 3)]
    assert places == sorted(places) and html.count("<details>") == 3
    assert html.endswith("</details></div></details></div></details></div>")
    assert "<details open" not in html
    passed = as_html(ExerciseVerdict(ONE_HOT, [TestVerdict("x")]))
    assert "Hint" not in passed
