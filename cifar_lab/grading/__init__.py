"""Judging a submission: calling it, comparing, verdicts, points."""
