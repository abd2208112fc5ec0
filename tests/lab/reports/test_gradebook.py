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
"Lee, Ann",103,u3,alee,A,0,,,
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
    assert filled.notes == [
        "without a submission: Lee, Ann (103, alee, u3); Lee, Ann (104, alee2, u4)"
    ]


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
    both = "Lee, Ann (103, alee, u3); Lee, Ann (104, alee2, u4)"
    assert filled.notes[0] == f"Ann Lee: 2 people in the roster fit: {both}"


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
    text = "Student;ID;Points: one, two, three, four (7)\nPoints Possible;;10\nLovelace Ada;101;\n"
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
    header = "First name,Surname,A,B,C,D,E,F,G,H,Points (Real)\n"
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
    lines = ["First name,Surname,Email address,Points (Real)", "Ada,Lovelace,ada@uni.example,", ""]
    text = mark + line_end.join(lines).replace(",", delimiter)
    filled = gradebook.read(exported(text)).fill([handed_in("ada", 9.5)])
    assert filled.text == text.replace(f"example{delimiter}", f"example{delimiter}9.5")


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        (CANVAS.replace("+3", ""), None, "found 2 grade columns with empty cells"),
        (MOODLE, None, "found 2 grade columns with empty cells"),
        (CANVAS.replace(",5,100,", ",5,,"), "CIFAR", "found no grade column 'CIFAR'"),
        (CANVAS, "Cifar", "its grade columns are 'Bonus (11)', 'CIFAR (4711)'"),
        (CANVAS, "Current Score", "found no grade column 'Current Score'"),
        (CANVAS, "SIS Login ID", "found no grade column 'SIS Login ID'"),
        (MOODLE, "Course total (Real)", "found no grade column 'Course total (Real)'"),
        (MOODLE, "Assignment: CIFAR (Feedback)", "found no grade column"),
        (CANVAS.replace("Bonus (11)", "CIFAR (11)"), "CIFAR", "found 2 grade columns 'CIFAR'"),
        ("Student,ID,Points\nAda,1,\n", None, "found no grade column"),
        ("Name,Points\nAda,\n", None, "not a gradebook exported from Canvas"),
        ("", None, "not a gradebook"),
        ('Student,ID,P\n"Ada,1,\n', None, "not a table"),
    ],
)
def test_an_ambiguous_file_is_refused(exported, text, name, reason):
    with pytest.raises(gradebook.GradebookError, match=r"gradebook\.csv") as refused:
        gradebook.read(exported(text), name)
    assert reason in str(refused.value)


def test_a_file_of_another_encoding_or_none_is_refused(exported, tmp_path):
    with pytest.raises(gradebook.GradebookError, match="CSV UTF-8"):
        gradebook.read(exported(CANVAS.replace("Ada", "Zoé"), "latin-1"))
    with pytest.raises(gradebook.GradebookError, match="not readable"):
        gradebook.read(tmp_path / "nowhere.csv")


# --- the right column --------------------------------------------------------------------------

NOTES = """\
Student,ID,SIS User ID,SIS Login ID,Section,Notes,Exercise 3 (4711),Current Score
,,,,,,Manual Posting,
    Points Possible,,,,,,2.00,(read only)
"Lovelace, Ada",501,s1,ada,S1,,1.00,50.00
"Hopper, Grace",502,s2,grace,S1,,,
"""
SUSPENDED = """\
First name,Last name,ID number,Institution,Department,Email address,Suspended,\
Assignment: Exercise 3 (Real),Course total (Real),Last downloaded from this course
Ada,Lovelace,1,,,ada@example.org,,1.00,1.00,1764000000
Grace,Hopper,2,,,grace@example.org,,-,-,1764000000
"""
NEXT = """\
Student,ID,SIS User ID,SIS Login ID,Section,Exercise 3 (4711),Exercise 4 (4712)
    Points Possible,,,,,2.00,10.00
"Lovelace, Ada",501,s1,ada,S1,1.00,
"Hopper, Grace",502,s2,grace,S1,,
"""


def test_canvas_notes_are_no_grade_column(exported):
    book = gradebook.read(exported(NOTES))
    filled = book.fill([handed_in("grace", 2.0)])
    assert book.title == "Exercise 3 (4711)"
    assert column(filled, "Exercise 3 (4711)")[2:] == ["1.00", "2"]
    assert set(column(filled, "Notes")) == {""}


def test_moodles_suspended_is_no_grade_column(exported):
    book = gradebook.read(exported(SUSPENDED))
    filled = book.fill([handed_in("grace", 2.0)])
    assert book.title == "Assignment: Exercise 3 (Real)"
    assert column(filled, "Assignment: Exercise 3 (Real)") == ["1.00", "2"]
    assert set(column(filled, "Suspended")) == {""}


def test_the_next_assignment_is_not_taken_for_this_one(exported):
    with pytest.raises(gradebook.GradebookError) as refused:
        gradebook.read(exported(NEXT))
    names = "'Exercise 3 (4711)', 'Exercise 4 (4712)'"
    assert f"found 2 grade columns with empty cells: {names}" in str(refused.value)
    assert "--column NAME" in str(refused.value)
    filled = gradebook.read(exported(NEXT), "Exercise 3").fill([handed_in("grace", 2.0)])
    assert column(filled, "Exercise 3 (4711)")[1:] == ["1.00", "2"]


def test_an_empty_last_line_is_nobodys_empty_cell(exported):
    text = NEXT.replace("grace,S1,,", "grace,S1,0.50,")
    assert gradebook.read(exported(text + "\n")).title == "Exercise 4 (4712)"


def test_the_only_grade_column_may_be_full(exported):
    text = NOTES.replace("grace,S1,,,", "grace,S1,,0.50,")
    assert gradebook.read(exported(text)).title == "Exercise 3 (4711)"


@pytest.mark.parametrize("entry", ["EX", "1.00", "MI", "A-"])
def test_an_entry_is_overwritten_only_on_request(exported, entry):
    file = exported(NOTES.replace("S1,,1.00,", f"S1,,{entry},"))
    results = [handed_in("ada", 1.75), handed_in("grace", 2.0)]
    kept = gradebook.read(file).fill(results)
    assert column(kept, "Exercise 3 (4711)")[2:] == [entry, "2"]
    assert kept.notes == [
        f"ada: 1.75 points were not entered: the gradebook has {entry!r} for Lovelace, Ada. "
        "--overwrite enters them"
    ]
    overwritten = gradebook.read(file, overwrite=True).fill(results)
    assert column(overwritten, "Exercise 3 (4711)")[2:] == ["1.75", "2"]
    assert overwritten.notes == []


def test_an_entry_of_the_same_points_is_no_conflict(exported):
    filled = gradebook.read(exported(NOTES)).fill([handed_in("ada", 1.0), handed_in("grace", 2.0)])
    assert column(filled, "Exercise 3 (4711)")[2:] == ["1.00", "2"] and filled.notes == []


def test_canvas_may_export_split_names(exported):
    text = NOTES.replace("Student,", "LastName,FirstName,").replace(
        '"Lovelace, Ada"', "Lovelace,Ada"
    )
    text = text.replace('"Hopper, Grace"', "Hopper,Grace").replace("\n,", "\n,,")
    text = text.replace("Points Possible,", "Points Possible,,")
    filled = gradebook.read(exported(text)).fill([handed_in("Grace Hopper", 2.0)])
    assert column(filled, "Exercise 3 (4711)")[2:] == ["1.00", "2"]
    assert filled.notes == ["without a submission: Lovelace Ada"]


# --- the file's own numbers --------------------------------------------------------------------

COMMA = """\
Student;ID;SIS User ID;SIS Login ID;Section;Exercise 2 (4710);Exercise 3 (4711)
    Points Possible;;;;;10,00;100,00
Lovelace, Ada;501;s1;ada;S1;7,50;
Hopper, Grace;502;s2;grace;S1;8,25;
"""


def test_a_decimal_comma_is_kept(exported):
    one, other = made_up_class.results_of_class(5)[:2]
    results = [replace(one, original="ada", points=87.33), replace(other, original="grace")]
    results[1] = replace(results[1], points=100.0)
    filled = gradebook.read(exported(COMMA)).fill(results)
    assert filled.text == COMMA.replace("7,50;", "7,50;87,33").replace("8,25;", "8,25;100")
    assert filled.notes == []  # 100,00 is the 100 points of the course


@pytest.mark.parametrize(
    ("possible", "entry", "expected"),
    [
        ("1,000.00", "", "87.33"),
        ("1.000,00", "", "87,33"),
        ("1 000,00", "", "87,33"),
        ("1'000.00", "", "87.33"),
        ("1000", "7,5", "87,33"),
        ("1000", "7.5", "87.33"),
        ("1000", "", "87.33"),
        ("1.000.000", "", "87,33"),
        ("0,125", "", "87,33"),
    ],
)
def test_thousands_are_read_and_points_are_written_in_the_files_notation(
    exported, possible, entry, expected
):
    lines = ["Student;ID;CIFAR (7)", f"Points Possible;;{possible}", f"Bob;1;{entry}", "Ada;2;"]
    one = replace(made_up_class.results_of_class(4)[0], original="Ada", points=87.33)
    filled = gradebook.read(exported("\n".join([*lines, ""]))).fill([one])
    assert filled.text == "\n".join([*lines[:3], f"Ada;2;{expected}", ""])
    assert f"the gradebook expects {possible} points at most" in filled.notes[-1]


def test_a_decimal_comma_is_the_same_number(exported):
    text = COMMA.replace("7,50;", "7,50;87,50")
    filled = gradebook.read(exported(text), "Exercise 3").fill([handed_in("ada", 87.5)])
    assert not any("not entered" in note for note in filled.notes)


# --- Moodle's parts of one submission ----------------------------------------------------------

ADA_FILE = "Ada Lovelace_12345_assignsubmission_file"
ADA_TEXT = "Ada Lovelace_12345_assignsubmission_onlinetext"


def fill_moodle(exported, *results: Results) -> gradebook.Filled:
    """Return Moodle's gradebook filled with these results."""
    return gradebook.read(exported(MOODLE), "Assignment: CIFAR").fill(results)


@pytest.mark.parametrize("suffix", ["", "_"])
def test_a_file_and_an_online_text_of_one_student_are_one_claim(exported, suffix):
    text = made_up_class.results_of(ADA_TEXT + suffix, Outcome.INVALID)
    for results in ([handed_in(ADA_FILE + suffix), text], [text, handed_in(ADA_FILE + suffix)]):
        filled = fill_moodle(exported, *results)
        assert column(filled, "Assignment: CIFAR (Real)") == ["50", "-"]
        assert filled.notes == ["without a submission: Grace Hopper"]


def test_an_online_text_alone_is_listed_once(exported):
    parts = [made_up_class.results_of(name, Outcome.INVALID) for name in (ADA_FILE, ADA_TEXT)]
    filled = fill_moodle(exported, *parts)
    assert column(filled, "Assignment: CIFAR (Real)") == ["-", "-"]
    assert filled.notes[0] == f"{ADA_FILE}: invalid submission; nothing was entered"


def test_a_grading_error_in_one_part_is_no_grade(exported):
    error = handed_in(ADA_FILE, None)
    filled = fill_moodle(exported, error, made_up_class.results_of(ADA_TEXT, Outcome.INVALID))
    assert filled.notes[0] == f"{ADA_FILE}: grading error; nothing was entered"


def test_two_submissions_of_one_name_in_moodle_are_two_claims(exported):
    other = ADA_FILE.replace("12345", "67890")
    filled = fill_moodle(exported, handed_in(ADA_FILE), handed_in(other))
    assert column(filled, "Assignment: CIFAR (Real)") == ["-", "-"]
    assert filled.notes[0].startswith(f"{ADA_FILE}, {other}: all of them fit Ada Lovelace")
