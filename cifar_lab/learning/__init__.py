"""Judging and watching exercises, and finding the one that is meant, for the learners' commands."""
