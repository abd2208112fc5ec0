"""The base of every error that a person can mend."""


class CourseError(Exception):
    """Error whose message says what is wrong, where, and what would be right.

    Commands print the message in one line and exit with status 2.
    """
