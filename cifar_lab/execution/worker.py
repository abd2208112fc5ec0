"""The learner's side: takes a request, calls learner code, replies with what came out.

In a learner's own checkout it runs in the same process as the test; arguments and results
pass through the same encoding as if there were a sandbox between them.
"""

import importlib
import random
import re
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from cifar_lab.execution import protocol, tools
from cifar_lab.execution.handles import Objects
from cifar_lab.execution.loader import PACKAGE, Modules

MESSAGE_LIMIT = 2_000  # characters that an exception may say


class Worker:
    """One submission, freshly imported, ready to answer requests.

    Args:
        folder: The submission.
        modules: The names of the modules that it may hold.
        seed: Where the global random generators start, so that a verdict can be repeated.
        sandboxed: Whether it runs in a sandbox, where nobody but learner code interrupts it.
    """

    def __init__(
        self, folder: Path, modules: tuple[str, ...], seed: int = 0, sandboxed: bool = False
    ):
        self.folder = folder / PACKAGE
        self._modules = Modules(folder, modules)
        self._objects = Objects()
        self._failed_imports: dict[str, BaseException] = {}
        self._seed = seed
        self._sandboxed = sandboxed
        random.seed(seed)
        np.random.seed(seed)
        if "keras" in sys.modules:
            sys.modules["keras"].utils.set_random_seed(seed)

    def handle(self, frame: bytes) -> bytes:
        """Answer one request frame with one reply frame."""
        try:
            request = protocol.decode(frame, self._objects.named)
        except protocol.ProtocolError as error:
            return protocol.encode({"refused": str(error)})
        arguments = [request.get("args", []), request.get("kwargs", {})]
        with self._modules.active():
            try:
                if "import" in request:
                    self._import(request["import"])
                    return protocol.encode({"result": None, "arguments": []})
                function = self._function(request)
                result = function(*request["args"], **request["kwargs"])
                # as they stand after the call: a test can see what was changed in place
                reply = {"result": result, "arguments": protocol.arrays_in(arguments)}
                return protocol.encode(reply, self._objects.stand_in)
            except BaseException as error:  # a submission may call exit(), too
                if isinstance(error, KeyboardInterrupt) and not self._sandboxed:
                    self._note_where(error)
                    raise
                return protocol.encode({"error": self._describe(error)})

    def _function(self, request: dict[str, Any]):
        if "method" in request:
            return self._objects.method(request["object"], request["method"])
        if request["module"] == "tools":
            self._seed_keras()
            return getattr(tools, request["name"])
        return getattr(self._import(request["module"]), request["name"])

    def _import(self, module: str):
        if module in self._failed_imports:
            raise self._failed_imports[module]
        try:
            imported = importlib.import_module(f"{PACKAGE}.{module}")
        except BaseException as error:
            self._failed_imports[module] = error
            raise
        self._seed_keras()
        return imported

    def _seed_keras(self) -> None:
        if self._seed is not None and "keras" in sys.modules:
            sys.modules["keras"].utils.set_random_seed(self._seed)
            self._seed = None

    def _describe(self, error: BaseException) -> dict[str, Any]:
        try:
            return self._in_words(error)
        except BaseException:  # its own __str__ fails, or its class is not what it seems
            words = "an exception that cannot be put into words"
            return {"types": [], "message": words, "lines": []}

    def _in_words(self, error: BaseException) -> dict[str, Any]:
        bases = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        return {
            "types": bases,
            "message": _message(error)[:MESSAGE_LIMIT],
            "lines": self._own_lines(error),
        }

    def _own_lines(self, error: BaseException) -> list[list]:
        """The learner's own lines in the traceback: (file name, number, text)."""
        lines = [
            [Path(frame.filename).name, frame.lineno, frame.line or ""]
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).parent == self.folder
        ]
        file = Path(getattr(error, "filename", None) or ".")
        if isinstance(error, SyntaxError) and file.parent == self.folder:
            lines.append([file.name, error.lineno, (error.text or "").strip()])
        return lines[-5:]

    def _note_where(self, interrupt: KeyboardInterrupt) -> None:
        lines = self._own_lines(interrupt)
        if lines:
            name, number, text = lines[-1]
            interrupt.add_note(f"Interrupted in {name}, line {number}: {text}")


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} (line {error.lineno})"
    # Keras wraps whatever a layer's `call` raises in a coloured report of its own
    # (cut first, and with bounds: a long message must not keep the search busy for minutes)
    text = re.sub(r"\x1b\[\d+m", "", str(error)[: 2 * MESSAGE_LIMIT])
    stub = re.search(r"\b\w{1,40}\.\w{1,40} is not written yet.*", text)
    return stub[0] if stub else text or type(error).__name__
