"""The test's side of a call: `learner.normalization.standardize(...)` calls a submission.

A test never sees learner code itself. It sees plain values that were decoded from a message,
and proxies for the models, layers and callbacks that stay in the learner's process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cifar_lab.course.errors import CourseError
from cifar_lab.course.verdict import FailureKind
from cifar_lab.execution import protocol
from cifar_lab.execution.errors import MESSAGE_LIMIT
from cifar_lab.execution.printed import LIMIT as PRINTED_LIMIT
from cifar_lab.testing.describe import describe_call

NAME_LIMIT = 200
NAMES_LIMIT = 20


class LearnerError(Exception):
    """Learner code raised an exception.

    Attributes:
        types: Names of its built-in classes, the most specific first.
        message: The text of the exception.
        lines: The learner's own lines that led there: (file name, number, text).
        call: The call that raised it, as a message shows it.
    """

    def __init__(self, types: list[str], message: str, lines: list[list], call: str):
        super().__init__(f"{types[0] if types else 'Exception'}: {message}")
        self.types = types
        self.message = message
        self.lines = lines
        self.call = call

    @property
    def not_written(self) -> str | None:
        """The exercise whose stub raised the exception; None if no stub did."""
        exercise, found, _ = self.message.partition(" is not written yet")
        return exercise if found and "NotImplementedError" in self.types else None


class Failure(LearnerError):
    """Learner code gave no valid answer: it took too long, crashed, or sent nonsense.

    Attributes:
        kind: The reason; `exception` and `memory` are no Failures.
    """

    def __init__(self, kind: FailureKind, message: str, call: str = ""):
        super().__init__([kind], message, [], call)
        self.kind = kind


class GradingError(CourseError):
    """The grader failed: there is no verdict, and nobody's score changes."""


class Learner:
    """A submission, as a grading test sees it.

    Args:
        channel: Takes a request frame and returns the reply frame.
        import_first: Called with a module's name before the first call of one of its functions.
        trusted: Replies are more than claims, because there is no sandbox.

    Attributes:
        arguments: The arrays that the last call was given, in their order, as they were after it.
            The test's own arrays never change: otherwise a submission that empties its arguments
            would change every expected value that is computed after the call.
        failure: The last Failure, also if a test expected an exception.
        flags: Remarks for the person who reads the results.
        last_call: The call that messages show, such as `cnn.softmax(...)`.
        printed: The end of what learner code has printed.
    """

    def __init__(
        self,
        channel: Callable[[bytes], bytes],
        import_first: Callable[[str], None] | None = None,
        trusted: bool = True,
    ):
        self._channel = channel
        self._import_first = import_first
        self.trusted = trusted
        self.arguments: list[np.ndarray] = []
        self.failure: Failure | None = None
        self.flags: list[str] = []
        self.last_call = ""
        self.printed = ""
        self._description: str | None = None

    def __getattr__(self, module: str) -> "Module":
        if module.startswith("_"):
            raise AttributeError(module)
        return Module(self, module)

    @contextmanager
    def described(self, call: str) -> Iterator[None]:
        """Describe all calls in the block as one; messages show it until the next call.

        Args:
            call: Such as "build_cnn(...), trained for two steps".
        """
        outer, self._description, self.last_call = self._description, call, call
        try:
            yield
        finally:
            self._description = outer

    def request(self, described: str, request: dict, args: tuple, kwargs: dict) -> Any:
        """Send one request; return its result, or raise LearnerError."""
        self.last_call, self.arguments = self._description or described, []
        frame = protocol.encode({**request, "args": list(args), "kwargs": kwargs})
        try:
            if self._import_first and request.get("module", "tools") != "tools":
                self._import_first(request["module"])
            reply = self._reply(self._channel(frame), len(protocol.arrays_in([args, kwargs])))
            if "refused" in reply:
                raise _refusal(frame, reply["refused"])
            if "error" in reply:
                raise LearnerError(**_cut(reply["error"]), call=described)
            self.arguments = reply["arguments"]
        except Failure as failure:
            failure.call = described
            self.failure = failure
            raise
        return reply["result"]

    def _reply(self, frame: bytes, arrays: int) -> dict:
        """Return a decoded reply, after checks: a sandbox can send anything."""
        try:
            reply = protocol.decode(frame, self._proxy)
        except protocol.ProtocolError as error:
            raise Failure(FailureKind.BAD_REPLY, str(error)) from error
        printed = reply.pop("printed", "") if isinstance(reply, dict) else ""
        if not _is_reply(reply, arrays) or not isinstance(printed, str):
            raise Failure(FailureKind.BAD_REPLY, "it is neither a result nor an error")
        self.printed = (self.printed + printed)[-PRINTED_LIMIT:]
        if "stopped" in reply:
            raise Failure(FailureKind.TIMEOUT, reply["stopped"][:MESSAGE_LIMIT])
        return reply

    def _proxy(self, kind: str, number: int) -> "Proxy":
        return Proxy(kind, number, self)


def _refusal(frame: bytes, reason: str) -> Failure:
    """Return the failure of a learner's process that refused a sound request.

    Raises:
        GradingError: The request is no frame, so the grader is to blame.
    """
    try:
        protocol.decode(frame)
    except protocol.ProtocolError as error:
        raise GradingError(f"a request that is no frame: {error}") from error
    return Failure(
        FailureKind.BAD_REPLY, f"it does not know what was asked: {reason[:MESSAGE_LIMIT]}"
    )


def _cut(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error with every part cut to its limit: a sandbox can send anything."""
    return {
        "types": [name[:NAME_LIMIT] for name in error["types"][:NAMES_LIMIT]],
        "message": error["message"][:MESSAGE_LIMIT],
        "lines": [
            [part[:NAME_LIMIT] if isinstance(part, str) else part for part in line]
            for line in error["lines"][-5:]
        ],
    }


def _is_reply(reply: Any, arrays: int) -> bool:
    if not isinstance(reply, dict):
        return False
    for why in ("refused", "stopped"):
        if set(reply) == {why}:
            return isinstance(reply[why], str)
    if set(reply) == {"error"}:
        error = reply["error"]
        return (
            isinstance(error, dict)
            and set(error) == {"types", "message", "lines"}
            and isinstance(error["message"], str)
            and isinstance(error["types"], list)
            and all(isinstance(name, str) for name in error["types"])
            and isinstance(error["lines"], list)
            and all(isinstance(line, list) and len(line) == 3 for line in error["lines"])
            and all(isinstance(part, str | int | None) for line in error["lines"] for part in line)
        )
    changed = reply.get("arguments")
    return (
        set(reply) == {"result", "arguments"}
        and isinstance(changed, list)
        and len(changed) == arrays
        and all(isinstance(array, np.ndarray) for array in changed)
    )


class Module:
    """`learner.cnn`, or `learner.tools`: its functions, called in the learner's process."""

    def __init__(self, learner: Learner, name: str):
        self._learner = learner
        self._name = name

    def __getattr__(self, function: str) -> Callable:
        if function.startswith("_"):
            raise AttributeError(function)

        def call(*args, **kwargs):
            described = describe_call(f"{self._name}.{function}", args, kwargs)
            request = {"module": self._name, "name": function}
            return self._learner.request(described, request, args, kwargs)

        return call


class Proxy(protocol.Handle):
    """Proxy for an object in the learner's process, with the methods of its kind."""

    def __init__(self, kind: str, number: int, learner: Learner):
        super().__init__(kind, number)
        object.__setattr__(self, "learner", learner)

    def __getattr__(self, method: str) -> Callable:
        if method.startswith("_"):
            raise AttributeError(method)

        def call(*args, **kwargs):
            described = describe_call(f"{self.kind}.{method}", args, kwargs)
            request = {"object": self, "method": method}
            return self.learner.request(described, request, args, kwargs)

        return call

    # two proxies of one object are equal, so a test can ask "the same model?"
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and (self.kind, self.number) == (other.kind, other.number)

    def __hash__(self) -> int:
        return hash((self.kind, self.number))
