"""A student's results as JUnit XML, for whatever shows test results."""

from xml.etree import ElementTree

from cifar_lab.reports.sanitize import xml
from cifar_lab.reports.students import Law, Marks, Student


def document(student: Student) -> str:
    """The XML document: a test suite for each exercise, or one that says why there is none."""
    root = ElementTree.Element("testsuites", name=xml(student.name))
    for marks in student.exercises.values():
        _add_exercise(root, marks)
    if not student.graded:
        _add_fault(root, student)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _add_exercise(root: ElementTree.Element, marks: Marks) -> None:
    failures = sum(not law.passed for law in marks.laws)
    suite = _suite(root, marks.exercise, tests=len(marks.laws), failures=failures)
    for law in marks.laws:
        case = ElementTree.SubElement(suite, "testcase", classname=suite.get("name"))
        case.set("name", xml(law.name))
        if not law.passed:
            _add_failure(case, law)


def _add_failure(case: ElementTree.Element, law: Law) -> None:
    kind = law.failure_kind or ("failed" if law.written else "not written")
    failure = ElementTree.SubElement(case, "failure", type=xml(kind))
    failure.set("message", xml("a hidden test" if law.hidden else law.came))
    failure.text = xml(law.message)


def _add_fault(root: ElementTree.Element, student: Student) -> None:
    """A submission without a judgement: a failure if it is its own fault, otherwise an error."""
    own = student.invalid
    suite = _suite(root, "submission", tests=1, failures=int(own), errors=int(not own))
    case = ElementTree.SubElement(suite, "testcase", classname="submission", name="is judged")
    outcome = ElementTree.SubElement(case, "failure" if own else "error", type=student.verdict)
    # what the grader says about its own fault may quote a hidden test
    words = "\n".join(student.problems) if own else "There is no grade, and this is not a zero."
    outcome.set("message", student.verdict)
    outcome.text = xml(words)


def _suite(root: ElementTree.Element, name: str, **counts: int) -> ElementTree.Element:
    counts = {"failures": 0, "errors": 0, **counts}
    suite = ElementTree.SubElement(root, "testsuite", name=xml(name))
    for count, number in counts.items():
        suite.set(count, str(number))
    return suite
