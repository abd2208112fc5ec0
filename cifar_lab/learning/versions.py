"""The versions of everything that a verdict depends on, to paste into a report."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = {
    "cifar-course": "cifar-course",
    "Keras": "keras",
    "TensorFlow": "tensorflow",
    "NumPy": "numpy",
}


def describe() -> str:
    """Return one line each for the course, Python, packages and platform."""
    found = {title: _version(package) for title, package in PACKAGES.items()}
    course = found.pop("cifar-course")
    rows = {"cifar-course": course, "Python": platform.python_version(), **found}
    rows["platform"] = platform.platform()
    return "\n".join(f"{title} {value}" for title, value in rows.items())


def _version(package: str) -> str:
    try:
        return version(package)  # this does not import the package
    except PackageNotFoundError:
        return "is not installed"
