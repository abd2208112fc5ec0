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
    """A module's text, without the mark that some editors begin UTF-8 with.

    Raises:
        OSError: It is not there, or not readable.
        UnicodeDecodeError: It is not UTF-8.
    """
    return (folder / PACKAGE / f"{module}.py").read_text(encoding="utf-8-sig")


class _Loader(importlib.abc.SourceLoader):
    """Reads a module from its file, afresh each time: no stale or littering .pyc."""

    def __init__(self, path: Path):
        self.path = path

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_data(self, path: str) -> bytes:
        return Path(path).read_bytes()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of one submission, and only those that a submission may hold."""

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

    They live beside whatever else this process knows as `cifar_course` (a notebook's own
    import, say): `active` swaps them in, and out again afterwards.
    """

    def __init__(self, folder: Path, modules: tuple[str, ...]):
        self.folder = folder
        self._finder = _Finder(folder, modules)
        package = ModuleType(PACKAGE)  # the course's own empty __init__, whatever is in the folder
        package.__path__ = []
        self._loaded: dict[str, ModuleType] = {PACKAGE: package}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within this, `import cifar_course.x` means the submission's."""
        outside = _take_out()
        sys.modules.update(self._loaded)
        sys.meta_path.insert(0, self._finder)
        try:
            yield
        finally:
            sys.meta_path.remove(self._finder)
            self._loaded = _take_out()
            sys.modules.update(outside)


def _take_out() -> dict[str, ModuleType]:
    # no search through sys.modules: TensorFlow brings thousands, and this runs at every call
    package = sys.modules.pop(PACKAGE, None)
    if package is None:
        return {}
    names = [f"{PACKAGE}.{name}" for name in vars(package)]
    found = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    return {PACKAGE: package, **found}
