"""Loads the modules of a submission by file path, under the name `cifar_course`.

One rule for every way of judging: a module is UTF-8 text, and imports nothing of the course but the
modules beside it.
"""

import builtins
import importlib.abc
import importlib.util
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from cifar_lab import PACKAGE
from cifar_lab.execution import lazy_keras

# top-level packages of the course's checkout; a sandbox holds `cifar_lab.execution` alone of them
COURSE_PACKAGES = ("cifar_lab", "solutions", "tests")
MOUNTED = "cifar_lab.execution"


def read_module(folder: Path, module: str) -> str:
    """Return a module's text, without a byte order mark.

    Raises:
        OSError: The file does not exist or cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    return (folder / PACKAGE / f"{module}.py").read_text(encoding="utf-8-sig")


def is_refused(name: str, names: Collection[str] = ()) -> bool:
    """Return True if a submission must not import this: it is not there in a sandbox.

    Args:
        name: The module, as in `import name` or `from name import ...`.
        names: The names after `import` in `from name import ...`.
    """
    whole = {f"{name}.{part}" for part in names} if name == "cifar_lab" and names else {name}
    return any(
        one.partition(".")[0] in COURSE_PACKAGES and not f"{one}.".startswith(f"{MOUNTED}.")
        for one in whole
    )


def _import(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and is_refused(name, fromlist or ()):
        raise ModuleNotFoundError(
            f"{name} is not there when a submission is graded: use {PACKAGE}, NumPy and Keras",
            name=name,
        )
    if level == 0 and (found := lazy_keras.stand_in(name, fromlist or ())):
        return found
    return builtins.__import__(name, globals, locals, fromlist, level)


class _Loader(importlib.abc.ExecutionLoader):
    """Loader that reads a module from its source file: no stale .pyc, and none is written.

    Args:
        folder: The submission.
        module: The module's name in it.
        private: A copy of the submission that holds nothing but its modules, for `__file__`.
    """

    def __init__(self, folder: Path, module: str, private: Path):
        self.folder = folder
        self.module = module
        self.private = private

    def get_filename(self, fullname: str) -> str:
        return str(self.private / PACKAGE / f"{self.module}.py")

    def get_source(self, fullname: str) -> str:
        return read_module(self.folder, self.module)

    def get_code(self, fullname: str):
        # messages and debuggers name the file that the learner edits
        path = self.folder / PACKAGE / f"{self.module}.py"
        try:
            return self.source_to_code(self.get_source(fullname), str(path))
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            message = f"{path.name} is not UTF-8: save it as UTF-8"
            raise SyntaxError(message, (str(path), line, None, None)) from None

    def exec_module(self, module: ModuleType) -> None:
        module.__builtins__ = {**vars(builtins), "__import__": _import}
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finder of the modules of one submission, and only of those that a submission may hold."""

    def __init__(self, folder: Path, modules: tuple[str, ...], private: Path):
        self.folder = folder
        self.modules = modules
        self.private = private

    def find_spec(self, fullname, path=None, target=None):
        package, _, name = fullname.partition(".")
        if package != PACKAGE or not name:
            return None
        file = self.folder / PACKAGE / f"{name}.py"
        if name not in self.modules:
            raise ModuleNotFoundError(
                f"{fullname} is not one of the modules that a submission holds: "
                + ", ".join(self.modules),
                name=fullname,
            )
        if not file.is_file():
            raise ModuleNotFoundError(f"there is no {PACKAGE}/{name}.py", name=fullname)
        loader = _Loader(self.folder, name, self.private)
        return importlib.util.spec_from_file_location(
            fullname, loader.get_filename(fullname), loader=loader
        )


class Modules:
    """The modules of one submission, imported by file path under the name `cifar_course`.

    This process may already have imported another `cifar_course`, such as a notebook's: `active`
    replaces it in `sys.modules` and puts it back afterwards.

    Args:
        folder: The submission.
        modules: The names of the modules that it may hold.
        private: A copy that holds nothing but its modules; their `__file__` is there.
    """

    def __init__(self, folder: Path, modules: tuple[str, ...], private: Path | None = None):
        self._finder = _Finder(folder, modules, private or folder)
        package = ModuleType(PACKAGE)  # the course's own empty __init__, whatever is in the folder
        package.__path__ = []
        self._loaded: dict[str, ModuleType] = {PACKAGE: package}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make `import cifar_course.x` import the submission's module within this context."""
        others = _pop_course_modules()
        sys.modules.update(self._loaded)
        sys.meta_path.insert(0, self._finder)
        try:
            yield
        finally:
            sys.meta_path.remove(self._finder)
            self._loaded = _pop_course_modules()
            sys.modules.update(others)


def _pop_course_modules() -> dict[str, ModuleType]:
    # no search through sys.modules: TensorFlow adds thousands, and this runs at every call
    package = sys.modules.pop(PACKAGE, None)
    if package is None:
        return {}
    names = [f"{PACKAGE}.{name}" for name in vars(package)]
    found = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    return {PACKAGE: package, **found}


def copy_modules(folder: Path, modules: tuple[str, ...], private: Path) -> Path:
    """Copy the modules of a submission, and nothing else, to `private`; return it."""
    (private / PACKAGE).mkdir(parents=True)
    for module in modules:
        file = folder / PACKAGE / f"{module}.py"
        if file.is_file():
            shutil.copyfile(file, private / PACKAGE / file.name)
    return private
