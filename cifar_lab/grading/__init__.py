"""Grading: take a submission in, judge it, write its results; a whole class at a time."""
