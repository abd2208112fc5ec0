"""The settings of a grading run, with one name each from the command line to the report."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class GradingOptions:
    """Settings of a grading run; a field `some_name` is pytest's option `--some-name`.

    Attributes:
        exercise: Ids, modules or lesson numbers to judge, as `syllabus.find` takes them; none
            means all.
        sandbox: Run the submission in a sandbox.
        unprivileged_user: Run it as an unprivileged user where no sandbox can be built.
        hidden: Path of the folder with an instructor's own tests.
        secret: Decides on the inputs of all tests; none means the inputs of a learner's checkout.
        seconds: Time limit of learner code in one test; in the sandbox, in one call.
        grading_seed: Where random generators start in every grading test.
    """

    exercise: tuple[str, ...] = ()
    sandbox: bool = False
    unprivileged_user: bool = False
    hidden: str | None = None
    secret: str | None = None
    seconds: float | None = None
    grading_seed: int = 0

    @property
    def hidden_folder(self) -> Path | None:
        """The folder of an instructor's own tests, as an absolute path."""
        return Path(self.hidden).resolve() if self.hidden else None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the options that `to_json` wrote.

        Raises:
            TypeError: A field is unknown.
        """
        return cls(**{**values, "exercise": tuple(values.get("exercise", ()))})

    def to_arguments(self) -> list[str]:
        """Return arguments of pytest that mean these options."""
        return [word for name, value in asdict(self).items() for word in _arguments(name, value)]

    @classmethod
    def from_config(cls, config: "pytest.Config") -> Self:
        """Return the options that a pytest run was given."""
        return cls.from_json({field.name: config.getoption(field.name) for field in fields(cls)})


def _arguments(name: str, value: Any) -> list[str]:
    option = "--" + name.replace("_", "-")
    match value:
        case None | False:
            return []
        case True:
            return [option]
        case tuple():
            return [f"{option}={one}" for one in value]
        case _:
            return [f"{option}={value}"]
