"""Judge mutants: one of the tests of their exercise must fail."""

from collections.abc import Iterator

from cifar_lab.course import stubs
from cifar_lab.course.errors import CourseError
from cifar_lab.quality.fork_server import first_failure
from cifar_lab.quality.mutants import Mutant

PATIENCE = 120.0  # seconds; a mutant that takes longer never ends


class CannotScore(CourseError):
    """The reference itself does not pass where mutants are judged."""


def killers(some: list[Mutant]) -> Iterator[tuple[Mutant, str]]:
    """Yield each mutant and what killed it: a test, "timeout" or "crash"; "" if it survived.

    Raises:
        CannotScore: The reference does not pass.
    """
    for id in {mutant.exercise: None for mutant in some}:
        failure = first_failure(id, stubs.reference(id.partition(".")[0]))
        if failure:
            raise CannotScore(f"{id}: the reference does not pass: {failure.name}")
        for mutant in (m for m in some if m.exercise == id):
            failure = first_failure(id, mutant.text, patience=PATIENCE)
            yield mutant, failure.name if failure else ""
