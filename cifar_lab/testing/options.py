"""The settings of a grading run, with one name each from the command line to the report."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class GradingOptions:
    """Settings of a grading run; a field `name` is pytest's option `--name`.

    Attributes:
        exercise: Ids, modules or lesson numbers to judge, as `syllabus.find` takes them; none
            means all.
        sandbox: Run the submission in a sandbox.
        unprivileged_user: Run it as an unprivileged user where no sandbox can be built.
        hidden: Path of the folder with an instructor's own tests.
        secret: Decides on the images that networks are scored on.
        seconds: Time limit of one call of learner code in the sandbox.
        grading_seed: Where random generators start in every grading test.
    """

    exercise: tuple[str, ...] = ()
    sandbox: bool = False
    unprivileged_user: bool = False
    hidden: str | None = None
    secret: str | None = None
    seconds: float | None = None
    grading_seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the options that `to_json` wrote.

        Raises:
            TypeError: A field is unknown.
        """
        return cls(**{**fields, "exercise": tuple(fields.get("exercise", ()))})
