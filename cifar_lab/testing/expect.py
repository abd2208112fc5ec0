"""Comparisons whose messages say what was returned, what was expected, and why.

    expect(result).to_be_close(
        right,
        because="each channel has its own mean",
        mistakes={"you took one mean over all channels": wrong},
    )

`mistakes` maps the text of a misconception to what it would have returned. A message names the
misconception only if the result equals that; an unknown error gets no guess.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from cifar_lab.course import syllabus
from cifar_lab.testing.describe import describe
from cifar_lab.testing.learner import Failure, Learner, LearnerError

DIAGNOSIS = "It looks as if"
# by threshold: every value that was compared with it in this process, for the margins
MEASURED: dict[str, list[float]] = defaultdict(list)


class Mismatch(AssertionError):
    """A law that does not hold.

    Attributes:
        mistake: The misconception that explains the result, or None.
    """

    def __init__(self, text: str, mistake: str | None = None):
        super().__init__(text)
        self.mistake = mistake


def expect(actual: Any) -> "Expectation":
    """Begin a comparison of what learner code returned."""
    return Expectation(actual)


def fail(came: str, expected: str, because: str, mistake: str | None = None) -> NoReturn:
    """Raise a Mismatch with the sentences that every failure has."""
    lines = [came, f"Expected {expected}.", f"Because {because}."]
    if mistake:
        lines.append(f"{DIAGNOSIS} {mistake}.")
    raise Mismatch("\n".join(lines), mistake)


class Expectation:
    """One value that was returned, and the comparisons that a test can make with it."""

    def __init__(self, actual: Any):
        self.actual = actual

    def to_be_close(
        self,
        expected: Any,
        *,
        because: str,
        rtol: float = 1e-5,
        atol: float = 1e-6,
        mistakes: Mapping[str, Any] | None = None,
    ) -> None:
        """Fail unless it has the shape of `expected` and values within the tolerances."""
        right = np.asarray(expected)
        actual = self._as_array(describe(expected, dtype=False), because)
        if _close(actual, right, rtol, atol):
            return
        for mistake, wrong in (mistakes or {}).items():
            wrong = np.asarray(wrong() if callable(wrong) else wrong)
            # a wrong answer that equals the right one here would explain nothing
            if not _close(wrong, right, rtol, atol) and _close(actual, wrong, rtol, atol):
                self._fail(describe(expected, dtype=False), because, mistake)
        self._fail(describe(expected, dtype=False) + _where(actual, right, rtol, atol), because)

    def to_equal(
        self, expected: Any, *, because: str, mistakes: Mapping[str, Any] | None = None
    ) -> None:
        """Fail unless it is exactly this: an array by elements, a list or dict by content."""
        if isinstance(expected, np.ndarray):
            self.to_be_close(expected, because=because, rtol=0, atol=0, mistakes=mistakes)
        elif not _same(self.actual, expected):
            known = [text for text, wrong in (mistakes or {}).items() if _same(self.actual, wrong)]
            self._fail(describe(expected, dtype=False), because, known[0] if known else None)

    def to_have_shape(
        self,
        shape: tuple[int, ...],
        *,
        because: str,
        mistakes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        """Fail unless it is an array of this shape."""
        wanted = f"an array of shape {tuple(shape)}"
        found = self._as_array(wanted, because).shape
        if found != tuple(shape):
            known = [text for text, wrong in (mistakes or {}).items() if found == tuple(wrong)]
            self._fail(wanted, because, known[0] if known else None)

    def to_have_dtype(self, dtype: str, *, because: str) -> None:
        """Fail unless it is an array of this dtype; "floating" and "integer" mean any of them."""
        kind = {"floating": np.floating, "integer": np.integer}.get(dtype, dtype)
        actual = self._as_array(f"{dtype} numbers", because)
        if not np.issubdtype(actual.dtype, kind):
            self._fail(f"{dtype} numbers", because)

    def to_satisfy(self, condition: bool, wanted: str, *, because: str, mistake: str | None = None):
        """Fail unless `condition` holds; the message shows the value, and what was `wanted`."""
        if not condition:
            self._fail(wanted, because, mistake)

    def to_reach(self, threshold: str, what: str, *, because: str) -> None:
        """Fail if it is below the syllabus' `threshold`; `what` is what it measures."""
        floor = syllabus.threshold(threshold)
        MEASURED[threshold].append(self.actual)
        self.to_satisfy(self.actual >= floor, f"{what} of at least {floor}", because=because)

    def to_stay_below(self, threshold: str, what: str, *, because: str) -> None:
        """Fail unless it is below the syllabus' `threshold`; `what` is what it measures."""
        ceiling = syllabus.threshold(threshold)
        MEASURED[threshold].append(self.actual)
        self.to_satisfy(self.actual < ceiling, f"{what} below {ceiling}", because=because)

    def to_unpack(self, names: str, *, because: str) -> list:
        """Return its values; fail unless there are as many as `names` ("mean, std")."""
        wanted = names.split(", ")
        if not isinstance(self.actual, list) or len(self.actual) != len(wanted):
            self._fail(f"{len(wanted)} values: {names}", because)
        return self.actual

    def to_be_a(self, kind: str, *, because: str) -> Any:
        """Return it; fail unless it is a handle of this kind ("model", "layer", ...)."""
        if getattr(self.actual, "kind", None) != kind:
            self._fail(f"a {kind}", because)
        return self.actual

    def _as_array(self, wanted: str, because: str) -> np.ndarray:
        try:
            array = np.asarray(self.actual)
        except ValueError:
            array = np.asarray(None)
        if array.dtype.kind not in "biuf":
            self._fail(wanted, because)
        return array

    def _fail(self, wanted: str, because: str, mistake: str | None = None) -> NoReturn:
        if self.actual is None:
            fail("It returned None: is there a `return`?", wanted, because)
        fail(f"It returned {describe(self.actual)}.", wanted, because, mistake)


def expect_error(kind: type[Exception], call: Callable[[], Any], *, because: str) -> None:
    """Fail unless the call raises `kind`, or a class derived from it."""
    wanted = f"a {kind.__name__}"
    try:
        result = call()
    except LearnerError as error:
        if kind.__name__ not in error.types:
            if error.not_written or isinstance(error, Failure):
                raise
            fail(f"It raised {error}.", wanted, because)
        return
    fail(f"It returned {describe(result)}.", wanted, because)


def expect_left_alone(learner: Learner, *, because: str, **given: np.ndarray) -> None:
    """Fail unless the last call has left all arrays that it was `given` as they were."""
    for (name, before), after in zip(given.items(), learner.arguments, strict=True):
        if after.dtype != before.dtype or not _close(after, before, rtol=0, atol=0):
            found = describe(after) + _where(after, before, rtol=0, atol=0)
            fail(f"After the call, `{name}` was {found}.", describe(before), because)


def _close(actual: np.ndarray, right: np.ndarray, rtol: float, atol: float) -> bool:
    if actual.shape != right.shape:
        return False
    return bool(np.allclose(actual, right, rtol=rtol, atol=atol, equal_nan=True))


def _where(actual: np.ndarray, right: np.ndarray, rtol: float, atol: float) -> str:
    """Return the place where two arrays differ first, and in how many places they do."""
    if actual.shape != right.shape or actual.ndim == 0 or actual.size <= 12:
        return ""
    wrong = ~np.isclose(actual, right, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():  # they differ in dtype alone
        return ""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"; {int(wrong.sum()):,} of {wrong.size:,} values differ, first at {place}: "
        f"{actual[place]:.6g} instead of {right[place]:.6g}"
    )


def _same(actual: Any, expected: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return actual is expected
    if isinstance(actual, np.ndarray) and actual.ndim == 0:
        actual = actual.item()
    if isinstance(expected, list | tuple):
        # tuples are decoded as lists: no test tells them apart
        return (
            isinstance(actual, list | tuple)
            and len(actual) == len(expected)
            and all(map(_same, actual, expected))
        )
    return type(actual) is not np.ndarray and actual == expected
