"""The class's page, the students' pages, JUnit XML: right, harmless, and alive in a browser."""

import base64
import hashlib
import json
import random
import re
import shutil
import socket
import subprocess
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from cifar_lab.course.syllabus import exercises
from cifar_lab.grading.results import GRADED, GRADING_ERROR, INVALID, NOT_GRADED, make_results
from cifar_lab.reports import html, junit
from cifar_lab.reports.students import Student, read_student
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
    return [read_student(one) for one in results]


@pytest.fixture
def evil():
    """A student all of whose words are hostile."""
    one = made_up_class.graded(EVIL, 0.3, random.Random(1))
    for test in one["tests"]:
        test["name"] += EVIL
        test["output"] = f"Called f().\n{EVIL}"
        test["extra_data"] |= {"mistake": EVIL, "failure_kind": EVIL}
    one["extra_data"] |= {"flags": [EVIL], "problems": [EVIL]}
    one["output"] = EVIL
    return one


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def named(self, wanted: str) -> list[dict]:
        """The attributes of all tags of a name."""
        return [attributes for tag, attributes in self.tags if tag == wanted]


# --- numbers -----------------------------------------------------------------------------------


def with_points(*points: float | None) -> list[Student]:
    """Students with one exercise of 10 points; None is a submission that was not graded."""
    found = []
    for number, reached in enumerate(points):
        verdict = NOT_GRADED if reached is None else GRADED
        one = make_results(made_up_class.submission(f"s{number}"), {}, verdict, "", True)
        if reached is not None:
            one["score"] = reached
            test = {"name": f"{ONE_HOT}: a law", "score": reached, "max_score": 10.0}
            test |= {"status": "passed" if reached == 10 else "failed", "output": ""}
            one["tests"] = [{**test, "extra_data": {"mistake": None, "failure_kind": None}}]
        found.append(read_student(one))
    return found


def test_a_bar_holds_its_lower_end_and_the_last_one_the_full_points_too():
    assert html.bins([0, 9.99, 10, 89, 90, 99, 100], 100) == [2, 1, 0, 0, 0, 0, 0, 0, 1, 3]
    assert html.bins([0, 0], 0)[0] == 2


def test_who_is_not_graded_is_no_zero():
    text = html.class_page(with_points(10, 4, None, None))
    assert "<b>7</b> points: the median, of 10" in text
    assert "The 2 submissions that were graded" in text
    row = re.search(r'<tr><td data-value="s2".*?</tr>', text, re.DOTALL)[0]
    assert 'data-value=""' in row and "&ndash;" in row and "0" not in re.sub(r"<[^>]*>", "", row)
    assert "no grade yet" in html.feedback_page(with_points(None)[0])


def test_a_class_without_a_single_grade_has_a_page():
    assert "submissions" in html.class_page(with_points(None))
    assert "submissions" in html.class_page([])


def test_pass_rates_count_everybody_who_was_judged(students):
    graded = [student for student in students if student.graded]
    for id, one in html.exercises_of_class(graded).items():
        statuses = [student.exercises[id].status for student in graded]
        assert one.counts == {s: statuses.count(s) for s in ("passed", "failed", "not written")}
        assert one.rate == statuses.count("passed") / len(graded)
    assert list(html.exercises_of_class(graded)) == list(exercises())


def test_the_most_frequent_failure_leaves_stubs_out(results):
    for one in results:
        for test in one["tests"]:
            if test["name"].startswith(ONE_HOT):
                test.update(status="failed", output="not written yet")
                test["extra_data"]["not_written"] = ONE_HOT
    rare, frequent = (
        [t for t in one["tests"] if t["name"].startswith(ONE_HOT)] for one in results[:2]
    )
    again = [t for t in results[2]["tests"] if t["name"].startswith(ONE_HOT)]
    for test, came in ((rare[0], "None"), (frequent[1], "3"), (again[1], "4")):
        test["output"] = f"Called one_hot(...).\nIt returned {came}."
        test["extra_data"]["not_written"] = None
    graded = [s for s in map(read_student, results) if s.graded]
    one = html.exercises_of_class(graded)[ONE_HOT]
    assert one.failure.name == frequent[1]["name"].partition(": ")[2] and one.failed_so == 2
    assert one.failure.came == "It returned 3."
    frequent[1]["extra_data"]["failure_kind"] = "exception"  # then a result says more than it
    graded = [s for s in map(read_student, results) if s.graded]
    assert html.exercises_of_class(graded)[ONE_HOT].failure.came == "It returned 4."
    assert one.counts == {"passed": 0, "failed": 3, "not written": len(graded) - 3}


def test_a_mistake_counts_once_for_each_student(results):
    for test in results[0]["tests"] + results[1]["tests"][:1]:
        test["extra_data"]["mistake"] = "you did it"
    found = {
        mistake: (count, where)
        for mistake, count, where in html.mistakes(map(read_student, results))
    }
    count, where = found["you did it"]
    assert count == 2 and where == list(exercises())


def test_a_person_is_asked_to_look_at_everything_odd(results):
    results[0]["extra_data"]["flags"] = ["a layer of its own"]
    results[1]["extra_data"]["trusted"] = False
    results[2]["tests"][0]["extra_data"]["failure_kind"] = "timeout"
    look = html.to_look_at(map(read_student, results))
    names = {reason: [student.original for student, _ in found] for reason, found in look.items()}
    first = [one["extra_data"]["original"] for one in results]
    assert first[0] in names["flagged"] and first[1] in names["graded without a sandbox"]
    assert first[2] in names["timeout"]
    for verdict in (INVALID, GRADING_ERROR, NOT_GRADED):
        assert len(names[verdict]) == 1
    text = html.class_page([read_student(one) for one in results])
    assert all(reason.capitalize() in text for reason in look)


# --- harmless ----------------------------------------------------------------------------------


def test_no_page_runs_or_loads_what_a_learner_wrote(evil, results):
    every = [read_student(one) for one in [evil, *results]]
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
    from urllib.parse import unquote

    pages = {f"feedback/{file.name}" for file in (tmp_path / "feedback").iterdir()}
    assert {unquote(link) for link in links if not link.startswith("#")} == pages
    assert [link["href"] for link in found.named("link")] == ["data:,"]


@pytest.mark.parametrize("mark", [{"visibility": "hidden"}, {"extra_data": {"hidden": True}}])
def test_of_a_hidden_test_nobody_reads_more_than_the_verdict(results, mark):
    test = results[0]["tests"][0]
    test.update(status="failed", output="Called f(1).\nIt returned SECRET.", **mark)
    test["extra_data"] = {**test["extra_data"], **mark.get("extra_data", {}), "mistake": "SECRET"}
    student = read_student(results[0])
    law = test["name"].partition(": ")[2]
    for text in (html.feedback_page(student), junit.document(student), html.class_page([student])):
        assert "SECRET" not in text
    assert f"{law}: failed" in unescape(html.feedback_page(student))


def test_a_grader_error_quotes_no_test_to_a_student():
    broken = made_up_class.submission("ada")
    student = read_student(make_results(broken, {}, GRADING_ERROR, "", True, "SECRET"))
    assert "SECRET" not in html.feedback_page(student) + junit.document(student)
    assert "SECRET" in html.class_page([student])


# --- a student's page --------------------------------------------------------------------------


def test_feedback_has_points_laws_messages_and_the_first_hint(students):
    student = students[0]
    text = Tags(html.feedback_page(student)).text
    for id, mark in student.exercises.items():
        assert f"{id}: {mark.status}, {mark.points:g} of {mark.worth:g} points" in text
        assert (exercises()[id].hints[0] in text) == (mark.status != "passed")
        assert exercises()[id].hints[1] not in text
        if mark.status != "not written":
            assert all(law.name in text and law.message in text for law in mark.laws)
    assert f"{student.points:g} of {student.worth:g} points" in " ".join(text.split())


def test_an_instructors_own_exercise_has_its_place(results):
    extra = {**results[0]["tests"][0], "name": "project.report: is there", "status": "failed"}
    results[0]["tests"].append(extra)
    student = read_student(results[0])
    for text in (html.feedback_page(student), html.class_page([student])):
        assert "Beyond the lessons" in text and "report" in text


# --- JUnit -------------------------------------------------------------------------------------


def test_junit_counts_what_it_holds_and_is_xml_whatever_learners_wrote(evil, students):
    for student in [read_student(evil), *students]:
        root = ElementTree.fromstring(junit.document(student).encode())
        failures = sum(not law.passed for law in student.laws) + student.invalid
        assert len(root.findall(".//failure")) == failures
        assert sum(int(suite.get("failures")) for suite in root) == failures
        assert sum(int(suite.get("tests")) for suite in root) == len(root.findall(".//testcase"))
        wrong = not student.graded and not student.invalid
        assert len(root.findall(".//error")) == wrong == sum(int(s.get("errors")) for s in root)
        assert [s.get("name") for s in root if s.get("name") != "submission"] == list(
            student.exercises
        )


def test_junit_keeps_the_message(students):
    student = students[0]
    said = [law.message for law in student.laws if not law.passed]
    root = ElementTree.fromstring(junit.document(student))
    assert [failure.text for failure in root.iter("failure")] == said


# --- in a browser ------------------------------------------------------------------------------


def with_script(text: str, script: str) -> str:
    """A copy of a page with one more script, which the page's own policy is told to allow."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = text.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    return text.replace("</body>", f"<script>{script}</script></body>")


def browse(file, tmp_path) -> tuple[str, list[str]]:
    """The page as it stands after its scripts ran, and what the browser's console said."""
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
    results[0]["score"], results[1]["score"] = 100.0, 9.5  # as words, 100 comes before 9.5
    students = [read_student(one) for one in results]
    file = tmp_path / "class.html"
    file.write_text(with_script(html.class_page(students), SORT), encoding="utf-8")
    text, said = browse(file, tmp_path)
    assert said == []
    report = json.loads(Tags(text).named("body")[0]["data-seen"])
    assert report["loaded"] == []
    up, down, names_up, names_down = report["seen"]
    points = sorted(student.points for student in students if student.points is not None)
    assert [float(v) for v in up["values"] if v] == points
    assert [float(v) for v in down["values"] if v] == points[::-1]
    assert up["values"][-2:] == down["values"][-2:] == ["", ""]  # no grade: last, either way
    assert sorted(names_up["values"]) == sorted(student.name for student in students)
    assert names_down["values"] == names_up["values"][::-1] != names_up["values"]
    for step, way in zip(report["seen"], ("ascending", "descending") * 2, strict=True):
        assert step["sorted"].count("none") == len(step["sorted"]) - 1
        assert step["sorted"][step["column"]] == way
        assert step["reached"], "a header's button takes the keyboard's focus"


@needs_a_browser
def test_the_pages_load_without_a_word_on_the_console(evil, results, tmp_path):
    publish([evil, *results], tmp_path)
    evil_page = tmp_path / "feedback" / f"{evil['extra_data']['name']}.html"
    for file in (tmp_path / "class.html", evil_page):
        text, said = browse(file, tmp_path)
        assert said == [] and "<title>caught" not in text


@needs_a_browser
def test_even_what_slips_through_the_escaping_neither_runs_nor_loads(students, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
        slipped = f"<script>document.title='caught'</script><img src='{host}/x'>"
        slipped += f"<object data='{host}/y'></object></body>"
        file = tmp_path / "class.html"
        file.write_text(html.class_page(students).replace("</body>", slipped), encoding="utf-8")
        text, said = browse(file, tmp_path)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert "<title>The class</title>" in text
    assert len(said) >= 3 and all("Content Security Policy" in line for line in said)
