"""The course: syllabus, stubs, submissions, verdicts, and what is kept about a learner."""
