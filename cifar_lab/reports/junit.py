"""One student's results as JUnit XML, which many tools show."""

from xml.etree import ElementTree

from cifar_lab.course.verdict import Status
from cifar_lab.grading.results import Results, TestResult
from cifar_lab.reports.sanitize import xml
from cifar_lab.reports.students import ExerciseResult, Student, observed


def document(student: Student) -> str:
    """Return the XML document: a test suite per exercise, or one that says why there is none."""
    root = ElementTree.Element("testsuites", name=xml(student.results.name))
    for result in student.exercises.values():
        _add_exercise(root, result)
    if not student.results.graded:
        _add_ungraded(root, student.results)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _add_exercise(root: ElementTree.Element, result: ExerciseResult) -> None:
    failures = sum(not test.passed for test in result.tests)
    suite = _suite(root, result.exercise, tests=len(result.tests), failures=failures)
    for test in result.tests:
        case = ElementTree.SubElement(suite, "testcase", classname=suite.get("name"))
        case.set("name", xml(test.name))
        if not test.passed:
            _add_failure(case, test)


def _add_failure(case: ElementTree.Element, test: TestResult) -> None:
    written = test.written or test.hidden
    kind = test.public_kind or (Status.FAILED if written else Status.NOT_WRITTEN)
    failure = ElementTree.SubElement(case, "failure", type=xml(kind))
    failure.set("message", xml("a hidden test" if test.hidden else observed(test)))
    failure.text = xml(test.message)


def _add_ungraded(root: ElementTree.Element, results: Results) -> None:
    """Add a failure for an invalid submission, or an error where the grader has no grade."""
    invalid = results.invalid
    suite = _suite(root, "submission", tests=1, failures=int(invalid), errors=int(not invalid))
    case = ElementTree.SubElement(suite, "testcase", classname="submission", name="is judged")
    element = ElementTree.SubElement(case, "failure" if invalid else "error", type=results.outcome)
    element.set("message", results.outcome)
    # the message of a grading error may quote a hidden test
    text = "\n".join(results.problems) if invalid else "There is no grade, and this is not a zero."
    element.text = xml(text)


def _suite(root: ElementTree.Element, name: str, **counts: int) -> ElementTree.Element:
    counts = {"failures": 0, "errors": 0, **counts}
    suite = ElementTree.SubElement(root, "testsuite", name=xml(name))
    for count, number in counts.items():
        suite.set(count, str(number))
    return suite
