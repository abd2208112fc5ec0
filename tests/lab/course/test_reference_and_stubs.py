"""The reference earns every point; every stub fails politely and earns none."""

import ast

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.course.verdict import total
from cifar_lab.grading.run import judge


@pytest.mark.parametrize("lesson", syllabus.lessons(), ids=lambda e: e.module)
def test_the_reference_earns_every_point(reference, lesson):
    verdicts = list(judge(reference, list(lesson.exercises)).values())
    messages = [test.message for verdict in verdicts for test in verdict.tests if not test.passed]
    assert not messages, "\n\n".join(messages)
    assert total(verdicts) == (lesson.points, lesson.points)


def test_every_stub_fails_politely(empty):
    verdicts = judge(empty, syllabus.find([]))
    assert verdicts.keys() == syllabus.exercises().keys()
    for id, verdict in verdicts.items():
        assert verdict.status == "not written" and verdict.points == 0, (id, verdict.tests)
        number = next(e.number for e in syllabus.lessons() if e.module == verdict.exercise.module)
        polite = f"{id} is not written yet: see lesson {number}"
        assert {test.message for test in verdict.tests} == {polite}


def test_a_stub_keeps_signature_docstring_and_given_code(reference):
    for lesson in syllabus.lessons():
        file = reference / "cifar_course" / f"{lesson.module}.py"
        full, cut = (
            ast.parse(file.read_text(encoding="utf-8")),
            ast.parse(stubs.stub(lesson.module)),
        )
        for before, after in zip(full.body, cut.body, strict=True):
            assert type(before) is type(after)
            if isinstance(before, ast.FunctionDef):
                assert ast.dump(before.args) == ast.dump(after.args)
                assert ast.get_docstring(before) == ast.get_docstring(after)
                assert len(ast.get_docstring(after)) > 60, before.name


def test_the_syllabus_and_the_modules_name_the_same_exercises():
    for lesson in syllabus.lessons():
        tree = ast.parse(stubs.stub(lesson.module))
        defined = [n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        assert defined == [exercise.name for exercise in lesson.exercises]


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    # <answer>\n    return 1\n",
        "def f():\n    # </answer>\n    return 1\n",
        "def f():\n    # <answer>\n    # <answer>\n    return 1\n    # </answer>\n",
    ],
)
def test_a_mark_without_its_partner_is_an_error(text):
    with pytest.raises(stubs.StubError):
        stubs.cut(text, "cnn", 2)


def test_all_lessons_together_are_worth_100_points():
    assert sum(lesson.points for lesson in syllabus.lessons()) == 100


@pytest.mark.parametrize("exercise", syllabus.exercises().values(), ids=lambda e: e.id)
def test_every_exercise_has_three_hints_and_a_card(exercise):
    assert len(exercise.hints) == syllabus.HINT_LEVELS
    assert len(set(exercise.hints)) == syllabus.HINT_LEVELS
    assert all(len(hint) > 20 for hint in exercise.hints)
    assert exercise.hard and exercise.minutes > 0 and 1 <= exercise.difficulty <= 5
