"""A submission: a folder with a `cifar_course/` that holds a learner's modules."""

from pathlib import Path

from cifar_lab import PACKAGE
from cifar_lab.course import syllabus
from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import expanded


class NoSubmission(CourseError):
    """The path that was given holds no submission."""


def find_submission(path: str | Path | None = None) -> Path:
    """Return the folder to judge.

    Args:
        path: A submission. None means the nearest folder with a `cifar_course/`, from the current
            one upwards (in the repository: the repository, in `solutions/`: the reference), or
            else the course's own checkout.

    Raises:
        NoSubmission: There is no `cifar_course/`.
    """
    if path is not None:
        folder = expanded(path).resolve()
        if not (folder / PACKAGE).is_dir():
            raise NoSubmission(
                f"{folder} holds no folder {PACKAGE}/. A submission is the folder *around* it."
            )
        return folder
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PACKAGE).is_dir():
            return folder
    # an editable install; in site-packages there is no such file
    if (syllabus.ROOT / "pyproject.toml").is_file() and (syllabus.ROOT / PACKAGE).is_dir():
        return syllabus.ROOT
    raise NoSubmission(
        f"no folder {PACKAGE}/ in {here} or above it. Go to the course's folder, or name a "
        "submission with --submission=DIR."
    )
