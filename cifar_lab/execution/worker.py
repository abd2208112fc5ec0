"""The learner's end of the protocol: takes a request, calls learner code, replies with the result.

In a learner's own checkout it runs in the same process as the test; arguments and results
pass through the same encoding as in a sandbox.
"""

import importlib
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from cifar_lab import PACKAGE
from cifar_lab.execution import errors, lazy_keras, protocol, tools
from cifar_lab.execution.handles import HandleTable
from cifar_lab.execution.keras_import import import_keras
from cifar_lab.execution.loader import Modules
from cifar_lab.execution.no_prompt import no_prompt
from cifar_lab.execution.printed import Printed
from cifar_lab.execution.time_limit import TimeLimit


class Worker:
    """One submission, freshly imported, ready to answer requests.

    Args:
        folder: The submission.
        modules: The names of the modules that it may hold.
        seed: Seed of the global random generators, so that a verdict can be repeated.
        sandboxed: True in a sandbox, where only learner code raises KeyboardInterrupt.
        private: A copy of the submission that holds nothing but its modules, as a sandbox does.
        seconds: Time for all calls together; None sets no limit.
        keras: False defers the modules' `import keras` until their code uses it.
    """

    def __init__(
        self,
        folder: Path,
        modules: tuple[str, ...],
        seed: int = 0,
        sandboxed: bool = False,
        private: Path | None = None,
        seconds: float | None = None,
        keras: bool = True,
    ):
        self.folder = folder / PACKAGE
        self._modules = Modules(folder, modules, private)
        self._objects = HandleTable()
        self._failed_imports: dict[str, BaseException] = {}
        self._seed = seed
        self._sandboxed = sandboxed
        self._keras = keras
        self._limit = TimeLimit(seconds) if seconds else None
        self._stopped = ""  # why and where the limit stopped learner code
        self._printed = Printed()
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
        if self._stopped:
            return protocol.encode({"stopped": self._stopped})
        with self._modules.active(), no_prompt(), self._printed.kept():
            try:
                return self._within_limit(request)
            except BaseException as error:  # a submission may call exit(), too
                return protocol.encode({**self._failure(error), **self._output()})

    def _within_limit(self, request: dict[str, Any]) -> bytes:
        return self._limit.call(self._answer, request) if self._limit else self._answer(request)

    def _failure(self, error: BaseException) -> dict[str, Any]:
        """Return the reply to a request that learner code did not answer; pass Ctrl-C on."""
        if isinstance(error, KeyboardInterrupt) and not self._sandboxed:
            place = self._place(error)
            if not (self._limit and self._limit.is_over):
                if place:
                    error.add_note(f"Interrupted {place}")
                raise error
            self._stopped = f"stopped after {self._limit.seconds:g} s {place}".strip()
            return {"stopped": self._stopped}
        return {"error": errors.describe_exception(error, self.folder)}

    def _output(self) -> dict[str, str]:
        printed = self._printed.take()
        return {"printed": printed} if printed else {}

    def _answer(self, request: dict[str, Any]) -> bytes:
        arguments = [request.get("args", []), request.get("kwargs", {})]
        if "import" in request:
            self._import(request["import"])
            return protocol.encode({"result": None, "arguments": [], **self._output()})
        function = self._function(request)
        result = function(*request["args"], **request["kwargs"])
        # arguments as they are after the call: a test can see what was changed in place
        reply = {"result": result, "arguments": protocol.arrays_in(arguments)}
        return protocol.encode({**reply, **self._output()}, self._objects.encode_object)

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
            imported = self._import_without_keras(module)
            imported = imported or importlib.import_module(f"{PACKAGE}.{module}")
        except BaseException as error:
            self._failed_imports[module] = error
            raise
        self._seed_keras()
        return imported

    def _import_without_keras(self, module: str) -> ModuleType | None:
        """Return the module, imported with a stand-in for Keras; None if Keras is needed."""
        if self._keras:
            return None
        try:
            with lazy_keras.deferring():
                return importlib.import_module(f"{PACKAGE}.{module}")
        except (AttributeError, TypeError):  # it did with the stand-in what only Keras can do
            import_keras()
            return None

    def _seed_keras(self) -> None:
        """Seed Keras once, as soon as it is imported."""
        if self._seed is not None and "keras" in sys.modules:
            sys.modules["keras"].utils.set_random_seed(self._seed)
            self._seed = None

    def _place(self, interrupt: KeyboardInterrupt) -> str:
        """Return the learner's line that was interrupted, if it was one of theirs."""
        lines = errors.learner_lines(interrupt, self.folder)
        return "in {}, line {}: {}".format(*lines[-1]) if lines else ""
