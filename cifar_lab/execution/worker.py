"""The learner's end of the protocol: takes a request, calls learner code, replies with the result.

In a learner's own checkout it runs in the same process as the test; arguments and results
pass through the same encoding as in a sandbox.
"""

import importlib
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cifar_lab.execution import errors, protocol, tools
from cifar_lab.execution.handles import HandleTable
from cifar_lab.execution.loader import PACKAGE, Modules
from cifar_lab.execution.no_prompt import no_prompt


class Worker:
    """One submission, freshly imported, ready to answer requests.

    Args:
        folder: The submission.
        modules: The names of the modules that it may hold.
        seed: Seed of the global random generators, so that a verdict can be repeated.
        sandboxed: True in a sandbox, where only learner code raises KeyboardInterrupt.
        private: A copy of the submission that holds nothing but its modules, as a sandbox does.
    """

    def __init__(
        self,
        folder: Path,
        modules: tuple[str, ...],
        seed: int = 0,
        sandboxed: bool = False,
        private: Path | None = None,
    ):
        self.folder = folder / PACKAGE
        self._modules = Modules(folder, modules, private)
        self._objects = HandleTable()
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
        with self._modules.active(), no_prompt():
            try:
                return self._answer(request)
            except BaseException as error:  # a submission may call exit(), too
                if isinstance(error, KeyboardInterrupt) and not self._sandboxed:
                    self._note_line(error)
                    raise
                described = errors.describe_exception(error, self.folder)
                return protocol.encode({"error": described})

    def _answer(self, request: dict[str, Any]) -> bytes:
        arguments = [request.get("args", []), request.get("kwargs", {})]
        if "import" in request:
            self._import(request["import"])
            return protocol.encode({"result": None, "arguments": []})
        function = self._function(request)
        result = function(*request["args"], **request["kwargs"])
        # arguments as they are after the call: a test can see what was changed in place
        reply = {"result": result, "arguments": protocol.arrays_in(arguments)}
        return protocol.encode(reply, self._objects.encode_object)

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
        """Seed Keras once, as soon as it is imported."""
        if self._seed is not None and "keras" in sys.modules:
            sys.modules["keras"].utils.set_random_seed(self._seed)
            self._seed = None

    def _note_line(self, interrupt: KeyboardInterrupt) -> None:
        lines = errors.learner_lines(interrupt, self.folder)
        if lines:
            name, number, text = lines[-1]
            interrupt.add_note(f"Interrupted in {name}, line {number}: {text}")
