"""An exported gradebook is filled: the right row, the right column, and nobody guessed."""

import csv
import io
from dataclasses import replace

import pytest

from cifar_lab.course.verdict import Outcome
from cifar_lab.grading.results import Results
from cifar_lab.reports import gradebook

from . import made_up_class

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Bonus (11),CIFAR (4711),Current Score,Final Score
,,,,,,Manual Posting,,
    Points Possible,,,,,5,100,(read only),(read only)
"Lovelace, Ada",101,u1,alove,A,-5,,,
"Hopper, Grace",102,u2,ghopper,A,+3,,,
"Lee, Ann",103,u3,alee,A,,,,
"Lee, Ann",104,u4,alee2,B,1.5,,,
"""
MOODLE = """\
First name,Surname,ID number,Institution,Department,Email address,Quiz: one (Real),\
Assignment: CIFAR (Real),Assignment: CIFAR (Feedback),Course total (Real),\
Last downloaded from this course
Ada,Lovelace,901,,,ada@uni.example,-,-,,-,1790000000
Grace,Hopper,902,,,grace.hopper@uni.example,-5,-,,-,1790000000
"""


@pytest.fixture
def exported(tmp_path):
    """Write a gradebook to a file."""

    def write(text: str, encoding: str = "utf-8"):
        file = tmp_path / "gradebook.csv"
        file.write_bytes(text.encode(encoding))
        return file

    return write


def handed_in(original: str, points: float | None = 50.0) -> Results:
    """Return results of a submission with so many points, or with a grading error."""
    if points is None:
        return made_up_class.results_of(original, Outcome.GRADING_ERROR)
    return replace(made_up_class.results_of(original, Outcome.GRADED), points=points)


def column(filled: gradebook.Filled, name: str) -> list[str]:
    """Return one column of what was written, without the header."""
    rows = list(csv.reader(io.StringIO(filled.text)))
    return [row[rows[0].index(name)] for row in rows[1:]]


def test_canvas_gets_its_points_and_keeps_the_rest(exported):
    file = exported(CANVAS)
    filled = gradebook.read(file).fill([handed_in("alove.zip", 87.33), handed_in("ghopper", 100.0)])
    assert column(filled, "CIFAR (4711)") == ["Manual Posting", "100", "87.33", "100", "", ""]
    assert filled.text.replace(",87.33,", ",,").replace("+3,100,", "+3,,") == CANVAS
    assert filled.notes == ["without a submission: Lee, Ann; Lee, Ann"]


def test_moodle_gets_its_points_and_keeps_the_rest(exported):
    file = exported(MOODLE)
    book = gradebook.read(file, "Assignment: CIFAR (Real)")
    filled = book.fill([handed_in("ada@uni.example", 40.0), handed_in("902.zip", 0.0)])
    assert column(filled, "Assignment: CIFAR (Real)") == ["40", "0"]
    assert column(filled, "Quiz: one (Real)") == ["-", "-5"]
    assert filled.notes == []


def test_a_submission_that_fits_nobody_is_listed(exported):
    filled = gradebook.read(exported(CANVAS)).fill([handed_in("Ada")])
    assert set(column(filled, "CIFAR (4711)")[2:]) == {""}
    assert filled.notes[0].startswith("Ada: nobody in the roster")


def test_what_moodle_leaves_open_is_empty(exported):
    text = MOODLE.replace("ada@uni.example,-,", "ada@uni.example,3,")
    assert gradebook.read(exported(text)).column == 7


def test_two_people_of_a_name_are_listed_and_not_filled(exported):
    filled = gradebook.read(exported(CANVAS)).fill([handed_in("Ann Lee"), handed_in("alee2")])
    assert column(filled, "CIFAR (4711)")[4:] == ["", "50"]
    assert filled.notes[0] == "Ann Lee: 2 people in the roster fit: Lee, Ann; Lee, Ann"


def test_two_submissions_of_one_person_are_listed_and_not_filled(exported):
    book = gradebook.read(exported(CANVAS))
    filled = book.fill([handed_in("alove", 10.0), handed_in("Ada Lovelace", 90.0)])
    assert column(filled, "CIFAR (4711)")[2] == ""
    assert filled.notes[0].startswith("alove, Ada Lovelace: all of them fit Lovelace, Ada")


def test_a_student_without_a_grade_keeps_the_cell(exported):
    book = gradebook.read(exported(CANVAS.replace("-5,,", "-5,7,")), "CIFAR")
    filled = book.fill([handed_in("alove", None)])
    assert column(filled, "CIFAR (4711)")[2] == "7"
    assert filled.notes[0] == "alove: grading error; nothing was entered"


def test_an_invalid_submission_is_nobodys_zero(exported):
    """A person decides what a damaged upload is worth."""
    found = made_up_class.results_of("alove", Outcome.INVALID)
    filled = gradebook.read(exported(CANVAS), "CIFAR").fill([found])
    assert column(filled, "CIFAR (4711)")[2] == ""
    assert filled.notes[0] == "alove: invalid submission; nothing was entered"


def test_a_title_full_of_commas_parts_no_columns(exported):
    text = "Student;ID;Points (one, two, three, four)\nLovelace Ada;101;\n"
    filled = gradebook.read(exported(text)).fill([handed_in("101", 9.5)])
    assert filled.text == text.replace("101;", "101;9.5")


def test_another_scale_is_said(exported):
    one = made_up_class.results_of_class(4)[0]
    assert one.max_points == 100
    assert not any("at most" in n for n in gradebook.read(exported(CANVAS)).fill([one]).notes)
    smaller = exported(CANVAS.replace(",5,100,", ",5,20.0,"))
    assert "expects 20.0 points at most" in gradebook.read(smaller).fill([one]).notes[-1]


def test_formulas_and_control_characters_are_removed_and_numbers_stay(exported):
    evil = '=HYPERLINK(1),"@x\x1b[31m",+A1," =1+1","-2+cmd|x"'
    kept = '-5,+3.5,"-1,5",-,"+49 170/123"'
    header = "First name,Surname,A,B,C,D,E,F,G,H,Points\n"
    filled = gradebook.read(exported(f"{header}{evil},{kept},\n"), "Points").fill([])
    (_, row) = csv.reader(io.StringIO(filled.text))
    assert row[:5] == ["'=HYPERLINK(1)", "'@x [31m", "'+A1", "' =1+1", "'-2+cmd|x"]
    assert row[5:] == ["-5", "+3.5", "-1,5", "-", "+49 170/123", ""]


def test_a_remark_of_several_lines_stays(exported):
    text = MOODLE.replace("-5,-,,", '-5,-,"good\n- but late",')
    filled = gradebook.read(exported(text), "Assignment: CIFAR (Real)").fill([])
    assert column(filled, "Assignment: CIFAR (Feedback)")[1] == "good\n- but late"


@pytest.mark.parametrize(
    ("mark", "line_end", "delimiter"), [("\ufeff", "\r\n", ";"), ("", "\n", "\t")]
)
def test_the_file_keeps_its_form(exported, mark, line_end, delimiter):
    lines = ["First name,Surname,Email address,Points", "Ada,Lovelace,ada@uni.example,", ""]
    text = mark + line_end.join(lines).replace(",", delimiter)
    filled = gradebook.read(exported(text)).fill([handed_in("ada", 9.5)])
    assert filled.text == text.replace(f"example{delimiter}", f"example{delimiter}9.5")


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        (CANVAS.replace("-5", "").replace("+3", "").replace("1.5", ""), None, "and has 2"),
        (CANVAS.replace('"Lovelace, Ada",101,u1,alove,A,-5,', "A,1,u,a,A,-5,3"), None, "has 0"),
        (CANVAS, "Cifar", "'Bonus (11)', 'CIFAR (4711)'"),
        (CANVAS, "Current Score", "exactly one grade column 'Current Score'"),
        (CANVAS, "SIS Login ID", "exactly one grade column"),
        (MOODLE, None, "exactly one empty grade column, and has 0"),
        ("Name,Points\nAda,\n", None, "not a gradebook exported from Canvas"),
        ("", None, "not a gradebook"),
        ('Student,ID,P\n"Ada,1,\n', None, "not a table"),
    ],
)
def test_an_ambiguous_file_is_refused(exported, text, name, reason):
    if text is MOODLE:
        text = MOODLE.replace("ada@uni.example,-,-", "ada@uni.example,1,1")
    with pytest.raises(gradebook.GradebookError, match=r"gradebook\.csv") as refused:
        gradebook.read(exported(text), name)
    assert reason in str(refused.value)


def test_a_file_of_another_encoding_or_none_is_refused(exported, tmp_path):
    with pytest.raises(gradebook.GradebookError, match="CSV UTF-8"):
        gradebook.read(exported(CANVAS.replace("Ada", "Zoé"), "latin-1"))
    with pytest.raises(gradebook.GradebookError, match="not readable"):
        gradebook.read(tmp_path / "nowhere.csv")
