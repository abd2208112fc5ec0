"""Loads the modules of a submission by file path, under the name `cifar_course`."""

import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

PACKAGE = "cifar_course"


def read_module(folder: Path, module: str) -> str:
    """Return a module's text, without a byte order mark.

    Raises:
        OSError: The file does not exist or cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    return (folder / PACKAGE / f"{module}.py").read_text(encoding="utf-8-sig")


class _Loader(importlib.abc.SourceLoader):
    """Loader that reads a module from its source file: no stale .pyc, and none is written."""

    def __init__(self, path: Path):
        self.path = path

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_data(self, path: str) -> bytes:
        return Path(path).read_bytes()


class _Finder(importlib.abc.MetaPathFinder):
    """Finder of the modules of one submission, and only of those that a submission may hold."""

    def __init__(self, folder: Path, modules: tuple[str, ...]):
        self.folder = folder
        self.modules = modules

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
        return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(file))


class Modules:
    """The modules of one submission, imported by file path under the name `cifar_course`.

    This process may already have imported another `cifar_course`, such as a notebook's: `active`
    replaces it in `sys.modules` and puts it back afterwards.
    """

    def __init__(self, folder: Path, modules: tuple[str, ...]):
        self.folder = folder
        self._finder = _Finder(folder, modules)
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
