"""A submission is matched to the person it is from, and nobody is guessed."""

import pytest

from cifar_lab.reports import roster

CANVAS = ["student", "id", "sis user id", "sis login id", "section"]
CANVAS_PEOPLE = [
    ["Lovelace, Ada", "101", "u1", "alove", "A"],
    ["Hopper, Grace", "102", "u2", "ghopper", "A"],
    ["Lee, Ann", "103", "u3", "alee", "A"],
    ["Lee, Ann", "104", "u4", "alee2", "B"],
]
MOODLE = ["first name", "surname", "id number", "department", "email address"]
MOODLE_PEOPLE = [
    ["Ada", "Lovelace", "901", "", "ada@uni.example"],
    ["Grace", "Hopper", "902", "", "grace.hopper@uni.example"],
]


def rows_of(original: str, titles: list[str], people: list[list[str]]) -> list[int]:
    """Return the numbers of the rows whose people a submission of this name may be from."""
    everybody = roster.people(titles, people, start=0)
    return [person.row for person in roster.people_of(original, everybody)]


@pytest.mark.parametrize(
    "original",
    [
        *("alove", "ALOVE.zip", "101", "u1", "Ada Lovelace", "lovelace_ada.zip", "Lovelace, Ada"),
        *("lovelaceada_101_99_handin.zip", "lovelaceada_LATE_101_99_handin-1.zip"),
    ],
)
def test_canvas_knows_a_submission_by(original):
    assert rows_of(original, CANVAS, CANVAS_PEOPLE) == [0]


@pytest.mark.parametrize(
    "original",
    [
        *("901", "ada", "Ada@uni.example", "ada lovelace", "Ａda Lovelace.ZIP"),
        *("Ada Lovelace_12345_assignsubmission_file", "Ada Lovelace_1_assignsubmission_file_a.zip"),
    ],
)
def test_moodle_knows_a_submission_by(original):
    assert rows_of(original, MOODLE, MOODLE_PEOPLE) == [0]


@pytest.mark.parametrize(
    "original", ["ad", "Lovelace", "Ada", "alov", "Ada L", "", ".zip", "Points Possible", "A", "-5"]
)
def test_nobody_is_guessed(original):
    assert rows_of(original, CANVAS, CANVAS_PEOPLE) == []


def test_two_people_of_a_name_both_fit():
    assert rows_of("Ann Lee", CANVAS, CANVAS_PEOPLE) == [2, 3]


def test_a_submission_without_a_name_is_nobodys():
    nameless = ["", "", "901", "", "ada@uni.example"]
    assert rows_of("!!!", MOODLE, [nameless, MOODLE_PEOPLE[1]]) == []


def test_a_login_beats_a_name_that_another_has():
    other = ["alove, ", "105", "u5", "other", "A"]
    assert rows_of("alove", CANVAS, [*CANVAS_PEOPLE, other]) == [0]


def test_a_number_in_canvas_own_file_names_is_no_other_id():
    other = ["Hopper, Grace", "102", "999", "ghopper", "A"]
    assert rows_of("x_999_1_handin.zip", CANVAS, [other]) == []
