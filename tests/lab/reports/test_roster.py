"""An exported gradebook is filled: the right line, the right column, and nobody guessed."""

import csv
import io

import pytest

from cifar_lab.grading import results
from cifar_lab.reports import roster, students

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
def gradebook(tmp_path):
    """Write a roster to a file."""

    def write(text: str, encoding: str = "utf-8"):
        file = tmp_path / "roster.csv"
        file.write_bytes(text.encode(encoding))
        return file

    return write


def handed_in(original: str, points: float | None = 50.0) -> students.Student:
    """A submission with so many points, or none."""
    verdict = results.GRADED if points is not None else results.GRADING_ERROR
    found = results.make_results(made_up_class.submission(original), {}, verdict, "", True)
    if points is not None:
        found["score"] = points
    return students.read_student(found)


def column(filled: roster.Filled, name: str) -> list[str]:
    """One column of what was written, without the header."""
    rows = list(csv.reader(io.StringIO(filled.text)))
    return [row[rows[0].index(name)] for row in rows[1:]]


def test_canvas_gets_its_points_and_keeps_the_rest(gradebook):
    file = gradebook(CANVAS)
    filled = roster.read(file).fill([handed_in("alove.zip", 87.33), handed_in("ghopper", 100.0)])
    assert column(filled, "CIFAR (4711)") == ["Manual Posting", "100", "87.33", "100", "", ""]
    assert filled.text.replace(",87.33,", ",,").replace("+3,100,", "+3,,") == CANVAS
    assert filled.notes == ["without a submission: Lee, Ann; Lee, Ann"]


def test_moodle_gets_its_points_and_keeps_the_rest(gradebook):
    file = gradebook(MOODLE)
    book = roster.read(file, "Assignment: CIFAR (Real)")
    filled = book.fill([handed_in("ada@uni.example", 40.0), handed_in("902.zip", 0.0)])
    assert column(filled, "Assignment: CIFAR (Real)") == ["40", "0"]
    assert column(filled, "Quiz: one (Real)") == ["-", "-5"]
    assert filled.notes == []


@pytest.mark.parametrize(
    "original",
    [
        *("alove", "ALOVE.zip", "101", "u1", "Ada Lovelace", "lovelace_ada.zip", "Lovelace, Ada"),
        *("lovelaceada_101_99_handin.zip", "lovelaceada_LATE_101_99_handin-1.zip"),
    ],
)
def test_canvas_knows_a_submission_by(gradebook, original):
    filled = roster.read(gradebook(CANVAS)).fill([handed_in(original)])
    assert column(filled, "CIFAR (4711)")[2:] == ["50", "", "", ""]


@pytest.mark.parametrize(
    "original",
    [
        *("901", "ada", "Ada@uni.example", "ada lovelace", "Ａda Lovelace.ZIP"),
        *("Ada Lovelace_12345_assignsubmission_file", "Ada Lovelace_1_assignsubmission_file_a.zip"),
    ],
)
def test_moodle_knows_a_submission_by(gradebook, original):
    book = roster.read(gradebook(MOODLE), "Assignment: CIFAR (Real)")
    assert column(book.fill([handed_in(original)]), "Assignment: CIFAR (Real)") == ["50", "-"]


@pytest.mark.parametrize(
    "original", ["ad", "Lovelace", "Ada", "alov", "Ada L", "", ".zip", "Points Possible", "A", "-5"]
)
def test_nobody_is_guessed(gradebook, original):
    filled = roster.read(gradebook(CANVAS)).fill([handed_in(original)])
    assert set(column(filled, "CIFAR (4711)")[2:]) == {""}
    assert f"{original}: nobody in the roster" in filled.notes[0]


def test_a_submission_without_a_name_is_nobodys(gradebook):
    text = MOODLE.replace("Ada,Lovelace", ",")
    filled = roster.read(gradebook(text), "Assignment: CIFAR (Real)").fill([handed_in("!!!")])
    assert column(filled, "Assignment: CIFAR (Real)") == ["-", "-"]


def test_what_moodle_leaves_open_is_empty(gradebook):
    text = MOODLE.replace("ada@uni.example,-,", "ada@uni.example,3,")
    assert roster.read(gradebook(text)).column == 7


def test_two_people_of_a_name_are_listed_and_not_filled(gradebook):
    filled = roster.read(gradebook(CANVAS)).fill([handed_in("Ann Lee"), handed_in("alee2")])
    assert column(filled, "CIFAR (4711)")[4:] == ["", "50"]
    assert filled.notes[0] == "Ann Lee: 2 people in the roster fit: Lee, Ann; Lee, Ann"


def test_two_submissions_of_one_person_are_listed_and_not_filled(gradebook):
    book = roster.read(gradebook(CANVAS))
    filled = book.fill([handed_in("alove", 10.0), handed_in("Ada Lovelace", 90.0)])
    assert column(filled, "CIFAR (4711)")[2] == ""
    assert filled.notes[0].startswith("alove, Ada Lovelace: all of them fit Lovelace, Ada")


def test_a_login_beats_a_name_that_another_has(gradebook):
    text = CANVAS + '"alove, ",105,u5,other,A,,,,\n'
    filled = roster.read(gradebook(text)).fill([handed_in("alove")])
    assert column(filled, "CIFAR (4711)")[2:] == ["50", "", "", "", ""]


def test_a_number_in_canvas_own_file_names_is_no_other_id(gradebook):
    text = CANVAS.replace("u2", "999")
    filled = roster.read(gradebook(text)).fill([handed_in("x_999_1_handin.zip")])
    assert set(column(filled, "CIFAR (4711)")[2:]) == {""}


def test_who_is_not_graded_keeps_the_cell(gradebook):
    book = roster.read(gradebook(CANVAS.replace("-5,,", "-5,7,")), "CIFAR")
    filled = book.fill([handed_in("alove", None)])
    assert column(filled, "CIFAR (4711)")[2] == "7"
    assert filled.notes[0] == "alove: grading error, and nothing was entered"


def test_an_invalid_submission_is_nobodys_zero(gradebook):
    """A damaged upload: whether it is worth nothing, a person says."""
    found = results.make_results(made_up_class.submission("alove"), {}, results.INVALID, "", True)
    filled = roster.read(gradebook(CANVAS), "CIFAR").fill([students.read_student(found)])
    assert column(filled, "CIFAR (4711)")[2] == ""
    assert filled.notes[0] == "alove: invalid submission, and nothing was entered"


def test_a_title_full_of_commas_parts_no_columns(gradebook):
    text = "Student;ID;Points (one, two, three, four)\nLovelace Ada;101;\n"
    filled = roster.read(gradebook(text)).fill([handed_in("101", 9.5)])
    assert filled.text == text.replace("101;", "101;9.5")


def test_another_scale_is_said(gradebook):
    student = students.read_student(made_up_class.results_of_class(4)[0])
    assert student.worth == 100
    assert not any("at most" in n for n in roster.read(gradebook(CANVAS)).fill([student]).notes)
    smaller = gradebook(CANVAS.replace(",5,100,", ",5,20.0,"))
    assert "expects 20.0 points at most" in roster.read(smaller).fill([student]).notes[-1]


def test_formulas_and_control_letters_are_defused_and_numbers_stay(gradebook):
    evil = '=HYPERLINK(1),"@x\x1b[31m",+A1," =1+1","-2+cmd|x"'
    kept = '-5,+3.5,"-1,5",-,"+49 170/123"'
    header = "First name,Surname,A,B,C,D,E,F,G,H,Points\n"
    filled = roster.read(gradebook(f"{header}{evil},{kept},\n"), "Points").fill([])
    (_, row) = csv.reader(io.StringIO(filled.text))
    assert row[:5] == ["'=HYPERLINK(1)", "'@x [31m", "'+A1", "' =1+1", "'-2+cmd|x"]
    assert row[5:] == ["-5", "+3.5", "-1,5", "-", "+49 170/123", ""]


def test_a_remark_of_several_lines_stays(gradebook):
    text = MOODLE.replace("-5,-,,", '-5,-,"good\n- but late",')
    filled = roster.read(gradebook(text), "Assignment: CIFAR (Real)").fill([])
    assert column(filled, "Assignment: CIFAR (Feedback)")[1] == "good\n- but late"


@pytest.mark.parametrize(
    ("mark", "line_end", "delimiter"), [("\ufeff", "\r\n", ";"), ("", "\n", "\t")]
)
def test_the_file_keeps_its_form(gradebook, mark, line_end, delimiter):
    lines = ["First name,Surname,Email address,Points", "Ada,Lovelace,ada@uni.example,", ""]
    text = mark + line_end.join(lines).replace(",", delimiter)
    filled = roster.read(gradebook(text)).fill([handed_in("ada", 9.5)])
    assert filled.text == text.replace(f"example{delimiter}", f"example{delimiter}9.5")


@pytest.mark.parametrize(
    ("text", "name", "words"),
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
def test_a_file_that_leaves_doubts_is_refused(gradebook, text, name, words):
    if text is MOODLE:
        text = MOODLE.replace("ada@uni.example,-,-", "ada@uni.example,1,1")
    with pytest.raises(roster.RosterError, match=r"roster\.csv") as refused:
        roster.read(gradebook(text), name)
    assert words in str(refused.value)


def test_a_file_of_another_encoding_or_none_is_refused(gradebook, tmp_path):
    with pytest.raises(roster.RosterError, match="CSV UTF-8"):
        roster.read(gradebook(CANVAS.replace("Ada", "Zoé"), "latin-1"))
    with pytest.raises(roster.RosterError, match="not readable"):
        roster.read(tmp_path / "nowhere.csv")
