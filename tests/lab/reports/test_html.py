"""Pages and JUnit XML: the right numbers, harmless text, and pages that work in a browser."""

import base64
import hashlib
import json
import random
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from cifar_lab.course.syllabus import exercises
from cifar_lab.course.verdict import FailureKind, Outcome
from cifar_lab.grading.results import Results, TestResult
from cifar_lab.reports import html, junit
from cifar_lab.reports.students import Student, observed
from cifar_lab.reports.write import publish

from . import made_up_class

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
EVIL = (
    "<script>document.title='caught'</script>\"'><img src=x onerror=alert(1)>\u202e\x1b[31m\0\ud800"
)
ONE_HOT = "normalization.one_hot"


@pytest.fixture
def results():
    return made_up_class.results_of_class()


@pytest.fixture
def students(results):
    return [Student(one) for one in results]


@pytest.fixture
def evil():
    """Return results in which every text is hostile."""

    def changed(test: TestResult) -> TestResult:
        message = f"Called f().\n{EVIL}"
        return replace(
            test, name=test.name + EVIL, message=message, mistake=EVIL, failure_kind=EVIL
        )

    one = made_up_class.graded(EVIL, 0.3, random.Random(1))
    tests = tuple(map(changed, one.tests))
    return replace(one, tests=tests, flags=(EVIL,), problems=(EVIL,), message=EVIL)


def with_tests(one: Results, change: Callable[[int, TestResult], TestResult]) -> Results:
    """Return results in which each test is what `change` makes of its number and itself."""
    return replace(one, tests=tuple(change(n, test) for n, test in enumerate(one.tests)))


def with_test(one: Results, number: int, **fields) -> Results:
    """Return results in which one test has other fields."""
    return with_tests(one, lambda n, test: replace(test, **fields) if n == number else test)


def number_of(one: Results, exercise: str) -> int:
    """Return the number of an exercise's first test."""
    return [test.exercise for test in one.tests].index(exercise)


class Tags(HTMLParser):
    """Tags of a page with their attributes, and the page's text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def named(self, wanted: str) -> list[dict]:
        """Return the attributes of all tags of a name."""
        return [attributes for tag, attributes in self.tags if tag == wanted]


# --- numbers -----------------------------------------------------------------------------------


def with_points(*points: float | None) -> list[Student]:
    """Return students with one exercise of 10 points; None is one who is not graded."""
    found = []
    for number, earned in enumerate(points):
        outcome = Outcome.NOT_GRADED if earned is None else Outcome.GRADED
        one = made_up_class.results_of(f"s{number}", outcome)
        if earned is not None:
            test = TestResult(ONE_HOT, "a law", earned == 10, max_points=10.0)
            one = replace(one, points=earned, tests=(test,))
        found.append(Student(one))
    return found


def test_a_bar_holds_its_lower_end_and_the_last_one_the_full_points_too():
    assert html.bins([0, 9.99, 10, 89, 90, 99, 100], 100) == [2, 1, 0, 0, 0, 0, 0, 0, 1, 3]
    assert html.bins([0, 0], 0)[0] == 2


@pytest.mark.parametrize(
    ("most", "step"),
    [(0, 1), (5, 1), (6, 2), (26, 10), (2500, 500), (2501, 1000), (10**6, 200_000)],
)
def test_an_axis_has_few_lines_however_large_the_class_is(most, step):
    assert html.axis_step(most) == step


def test_a_student_without_a_grade_is_no_zero():
    text = html.class_page(with_points(10, 4, None, None))
    assert "<b>7</b> points of 10: the median" in text
    assert "The 2 submissions that were graded" in text
    row = re.search(r'<tr><td data-value="s2".*?</tr>', text, re.DOTALL)[0]
    assert 'data-value=""' in row and "&ndash;" in row and "0" not in re.sub(r"<[^>]*>", "", row)
    assert "no grade yet" in html.feedback_page(with_points(None)[0])


def test_a_class_without_a_single_grade_has_a_page():
    assert "submissions" in html.class_page(with_points(None))
    assert "submissions" in html.class_page([])


def test_pass_rates_count_everybody_who_was_judged(students):
    graded = [student for student in students if student.results.graded]
    for id, exercise in html.class_exercises(graded).items():
        statuses = [student.exercises[id].status for student in graded]
        counts = {status: statuses.count(status) for status in ("passed", "failed", "not written")}
        assert exercise.counts == counts
        assert exercise.rate == statuses.count("passed") / len(graded)
    assert list(html.class_exercises(graded)) == list(exercises())


def one_hot_of(results: Sequence[Results]) -> html.ClassExercise:
    """Return what the class did in `one_hot`."""
    graded = [student for student in map(Student, results) if student.results.graded]
    return html.class_exercises(graded)[ONE_HOT]


def test_the_most_frequent_failure_leaves_stubs_out(results):
    def unwritten(_, test: TestResult) -> TestResult:
        if test.exercise != ONE_HOT:
            return test
        return replace(test, passed=False, message="not written yet", not_written=ONE_HOT)

    def failing(one: Results, test: int, returned: str, **fields) -> Results:
        message = f"Called one_hot(...).\nIt returned {returned}."
        return with_test(one, number + test, message=message, not_written=None, **fields)

    number = number_of(results[0], ONE_HOT)
    frequent = results[0].tests[number + 1].name
    results = [with_tests(one, unwritten) for one in results]
    results[0] = failing(results[0], 0, "None")
    results[1] = failing(results[1], 1, "3")
    results[2] = failing(results[2], 1, "4")
    exercise = one_hot_of(results)
    assert exercise.failure.name == frequent and exercise.failures == 2
    assert observed(exercise.failure) == "It returned 3."
    # a wrong result says more than an exception
    results[1] = failing(results[1], 1, "3", failure_kind=FailureKind.EXCEPTION)
    exercise = one_hot_of(results)
    assert observed(exercise.failure) == "It returned 4."
    graded = sum(one.graded for one in results)
    assert exercise.counts == {"passed": 0, "failed": 3, "not written": graded - 3}


def test_a_mistake_counts_once_for_each_student(results):
    results[0] = with_tests(results[0], lambda _, test: replace(test, mistake="you did it"))
    results[1] = with_test(results[1], 0, mistake="you did it")
    found = {mistake: (count, ids) for mistake, count, ids in html.mistakes(map(Student, results))}
    assert found["you did it"] == (2, list(exercises()))


def test_a_person_is_asked_to_review_everything_unusual(results):
    results[0] = replace(results[0], flags=("a layer of its own",))
    results[1] = replace(results[1], sandbox=False)
    results[2] = with_test(results[2], 0, failure_kind=FailureKind.TIMEOUT)
    review = html.to_review(map(Student, results))
    names = {
        reason: [student.results.original for student, _ in found]
        for reason, found in review.items()
    }
    first, second, third = (one.original for one in results[:3])
    assert first in names["flagged"] and second in names["graded without a sandbox"]
    assert third in names["timeout"]
    for outcome in (Outcome.INVALID, Outcome.GRADING_ERROR, Outcome.NOT_GRADED):
        assert len(names[outcome]) == 1
    text = html.class_page(list(map(Student, results)))
    assert all(reason.capitalize() in text for reason in review)


# --- harmless ----------------------------------------------------------------------------------


def test_no_page_runs_or_loads_what_a_learner_wrote(evil, results):
    every = [Student(one) for one in [evil, *results]]
    for text, scripts in ((html.class_page(every, [EVIL]), 1), (html.feedback_page(every[0]), 0)):
        found = Tags(text)
        assert len(found.named("script")) == scripts and not found.named("img")
        assert all(not name.startswith("on") for _, tag in found.tags for name in tag)
        assert all(character.isprintable() or character in "\n" for character in text)
        assert "\\u202e" in found.text and "\\x1b" in found.text and "\\ud800" in found.text
        text.encode()


def test_links_lead_to_pages_and_places_of_the_course_alone(results, tmp_path):
    results.append(made_up_class.graded("ä+b%41#?.é&x", 0.9, random.Random(1)))
    publish(results, tmp_path)
    found = Tags((tmp_path / "class.html").read_text(encoding="utf-8"))
    places = {tag["id"] for _, tag in found.tags if "id" in tag}
    links = {tag["href"] for tag in found.named("a")}
    assert {link[1:] for link in links if link.startswith("#")} <= places
    pages = {f"feedback/{file.name}" for file in (tmp_path / "feedback").iterdir()}
    assert {unquote(link) for link in links if not link.startswith("#")} == pages
    assert [link["href"] for link in found.named("link")] == ["data:,"]


@pytest.mark.parametrize("mark", [{"visibility": "hidden"}, {"extra_data": {"hidden": True}}])
def test_nobody_reads_more_of_a_hidden_test_than_the_verdict(results, mark):
    found = results[0].to_json()
    test = found["tests"][0]
    test |= {"status": "failed", "output": "Called f(1).\nIt returned SECRET.", **mark}
    defaults = {"failure_kind": None, "not_written": None, "hidden": False, "counts": True}
    test["extra_data"] = {**defaults, **mark.get("extra_data", {}), "mistake": "SECRET"}
    student = Student(Results.from_json(found))
    name = test["name"].partition(": ")[2]
    for text in (html.feedback_page(student), junit.document(student), html.class_page([student])):
        assert "SECRET" not in text
    assert f"{name}: failed" in unescape(html.feedback_page(student))


def test_a_grading_error_quotes_no_test_to_a_student():
    student = Student(made_up_class.results_of("ada", Outcome.GRADING_ERROR, message="SECRET"))
    assert "SECRET" not in html.feedback_page(student) + junit.document(student)
    assert "SECRET" in html.class_page([student])


# --- a student's page --------------------------------------------------------------------------


def test_feedback_has_points_tests_messages_and_the_first_hint(students):
    student = students[0]
    text = Tags(html.feedback_page(student)).text
    for id, result in student.exercises.items():
        points = f"{result.points:g} of {result.max_points:g} points"
        assert f"{id}: {result.status}, {points}" in text
        assert (exercises()[id].hints[0] in text) == (result.status != "passed")
        assert exercises()[id].hints[1] not in text
        if result.status != "not written":
            assert all(test.name in text and test.message in text for test in result.tests)
    points = f"{student.results.points:g} of {student.results.max_points:g} points"
    assert points in " ".join(text.split())


def test_an_instructors_own_exercise_has_its_place(results):
    own = replace(results[0].tests[0], exercise="project.report", name="is there", passed=False)
    student = Student(replace(results[0], tests=(*results[0].tests, own)))
    for text in (html.feedback_page(student), html.class_page([student])):
        assert "Beyond the lessons" in text and "report" in text


# --- JUnit -------------------------------------------------------------------------------------


def test_junit_counts_what_it_holds_and_is_xml_with_any_text(evil, students):
    for student in [Student(evil), *students]:
        root = ElementTree.fromstring(junit.document(student).encode())
        invalid = student.results.invalid
        failures = sum(not test.passed for test in student.results.tests) + invalid
        assert len(root.findall(".//failure")) == failures
        assert sum(int(suite.get("failures")) for suite in root) == failures
        assert sum(int(suite.get("tests")) for suite in root) == len(root.findall(".//testcase"))
        errors = not student.results.graded and not invalid
        assert len(root.findall(".//error")) == errors == sum(int(s.get("errors")) for s in root)
        assert [s.get("name") for s in root if s.get("name") != "submission"] == list(
            student.exercises
        )


def test_junit_keeps_the_message(students):
    student = students[0]
    messages = [test.message for test in student.results.tests if not test.passed]
    root = ElementTree.fromstring(junit.document(student))
    assert [failure.text for failure in root.iter("failure")] == messages


# --- in a browser ------------------------------------------------------------------------------


def with_script(text: str, script: str) -> str:
    """Return a page with one more script, which the page's own policy now allows."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = text.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    return text.replace("</body>", f"<script>{script}</script></body>")


def browse(file, tmp_path) -> tuple[str, list[str]]:
    """Return the page after its scripts ran, and the lines of the browser's console."""
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *("--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}"),
            *("--virtual-time-budget=2000", "--dump-dom", file.as_uri()),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


SORT = """
const table = document.querySelector("table.sortable");
const headers = [...table.tHead.rows[0].cells];
const seen = [];
for (const column of [1, 1, 0, 0]) {
  const button = headers[column].querySelector("button");
  button.focus();
  button.click();
  seen.push({
    column,
    values: [...table.tBodies[0].rows].map((row) => row.cells[column].dataset.value),
    sorted: headers.map((header) => header.getAttribute("aria-sort")),
    reached: document.activeElement === button,
  });
}
const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
document.body.dataset.seen = JSON.stringify({ seen, loaded });
"""


@needs_a_browser
def test_a_click_on_a_header_sorts_and_nothing_is_loaded(results, tmp_path):
    results[0] = replace(results[0], points=100.0)  # as text, 100 comes before 9.5
    results[1] = replace(results[1], points=9.5)
    students = [Student(one) for one in results]
    file = tmp_path / "class.html"
    file.write_text(with_script(html.class_page(students), SORT), encoding="utf-8")
    text, console = browse(file, tmp_path)
    assert console == []
    report = json.loads(Tags(text).named("body")[0]["data-seen"])
    assert report["loaded"] == []
    up, down, names_up, names_down = report["seen"]
    points = sorted(one.points for one in results if one.points is not None)
    assert [float(v) for v in up["values"] if v] == points
    assert [float(v) for v in down["values"] if v] == points[::-1]
    assert up["values"][-2:] == down["values"][-2:] == ["", ""]  # no grade: last in both directions
    assert sorted(names_up["values"]) == sorted(one.name for one in results)
    assert names_down["values"] == names_up["values"][::-1] != names_up["values"]
    for step, direction in zip(report["seen"], ("ascending", "descending") * 2, strict=True):
        assert step["sorted"].count("none") == len(step["sorted"]) - 1
        assert step["sorted"][step["column"]] == direction
        assert step["reached"], "a header's button can have the keyboard's focus"


@needs_a_browser
def test_the_pages_load_with_an_empty_console(evil, results, tmp_path):
    publish([evil, *results], tmp_path)
    evil_page = tmp_path / "feedback" / f"{evil.name}.html"
    for file in (tmp_path / "class.html", evil_page):
        text, console = browse(file, tmp_path)
        assert console == [] and "<title>caught" not in text


@needs_a_browser
def test_text_that_slips_through_the_escaping_neither_runs_nor_loads(students, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
        slipped = f"<script>document.title='caught'</script><img src='{host}/x'>"
        slipped += f"<object data='{host}/y'></object></body>"
        file = tmp_path / "class.html"
        file.write_text(html.class_page(students).replace("</body>", slipped), encoding="utf-8")
        text, console = browse(file, tmp_path)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert "<title>The class</title>" in text
    assert len(console) >= 3 and all("Content Security Policy" in line for line in console)
