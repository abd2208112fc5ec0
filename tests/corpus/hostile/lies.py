# Code that forges its answers, or searches the process for the expected ones. An `attack` that returns
# something true has succeeded; only then the answers are right.

# %% NumPy's comparisons always return True
# earns: 0
import numpy as np
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None

def attack():
    pass


# %% pytest passes everything
# earns: 0
import _pytest.runner, pytest
_pytest.runner.check_interactive_exception = lambda *a: False
_pytest.runner.CallInfo.from_call = classmethod(lambda cls, *a, **k: None)
pytest.fail = pytest.raises = lambda *a, **k: None

def attack():
    pass


# %% random generators that return zeros
# earns: 0
import random
import numpy as np

class Fixed:
    def __getattr__(self, name):
        return lambda *a, **k: np.zeros(k.get("size", 1))

np.random.default_rng = lambda *a: Fixed()
random.random = lambda: 0.0
random.seed = np.random.seed = lambda *a: None

def attack():
    pass


# %% builtins that return True
# earns: 0
# failures: crash, exception, bad reply
import builtins
builtins.isinstance = lambda *a: True
builtins.all = builtins.any = lambda *a: True

def attack():
    pass


# %% the modules of the process are replaced
# earns: 0
# failures: crash, exception, bad reply
import sys
from unittest.mock import MagicMock
for name in ("numpy", "safetensors", "safetensors.numpy", "json", "struct", "importlib"):
    sys.modules[name] = MagicMock()
sys.meta_path.clear()

def attack():
    pass


# %% an array that equals everything
# earns: 0
import numpy as np

class Yes(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)
    def __array_function__(self, *a, **k):
        return True
    def __array_ufunc__(self, ufunc, method, *inputs, **k):
        return np.ones(self.shape, bool)
    def __array__(self, *a, **k):
        return np.ones(self.shape)

def standardize(images, mean, std):
    images[...] = 0
    return np.full(images.shape, 7.0).view(Yes)


# %% a number that equals everything
# earns: 0
class Yes(float):
    __eq__ = __ge__ = __le__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = float.__hash__

def standardize(images, mean, std):
    images[...] = 0
    return Yes(1.0)


# %% a string and an integer that equal everything
# earns: 0
class Text(str):
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__
    __str__ = __repr__ = lambda self: Text("passed")

class Number(int):
    __eq__ = lambda self, other: True
    __hash__ = int.__hash__
    __int__ = __index__ = lambda self: 0

def standardize(images, mean, std):
    images[...] = 0
    return [Text("x"), Number(3), {Text("a"): Number(1)}]


# %% an object disguised as an array
# earns: 0
# failures: exception
import numpy as np

class Lie:
    __class__ = np.ndarray
    shape, ndim, dtype = (5, 7, 6, 3), 4, np.dtype("float32")
    def __getattr__(self, name):
        return lambda *a, **k: self

def standardize(images, mean, std):
    images[...] = 0
    return Lie()


# %% an object disguised as a model
# earns: 0
# failures: exception
class Model:
    __class__ = property(lambda self: 1 / 0)
    update = property(lambda self: 1 / 0)

def standardize(images, mean, std):
    images[...] = 0
    return Model()


# %% a handle of no object
# earns: 0
from cifar_lab.execution.protocol import Handle

def standardize(images, mean, std):
    images[...] = 0
    return Handle("model", 99)


# %% handles of unknown kinds
# earns: 0
from cifar_lab.execution.protocol import Handle

def standardize(images, mean, std):
    images[...] = 0
    return [Handle(kind, 0) for kind in ("", "model", "float32", "__class__", "\x1b[2J")]


# %% an endless list
# earns: 0
# failures: timeout, memory
# seconds: 3
class Endless(list):
    def __iter__(self):
        while True:
            yield None

def standardize(images, mean, std):
    images[...] = 0
    return Endless()


# %% a list that raises when it is read
# earns: 0
# failures: exception
class Raises(list):
    def __iter__(self):
        raise ValueError("read")

def standardize(images, mean, std):
    images[...] = 0
    return Raises()


# %% an object in place of the expected ValueError
# judges: normalization.train_validation_split
# earns: 0
# failures: exception, none
def train_validation_split(*args, **kwargs):
    return object()


# %% deeply nested lists
# earns: 0
# failures: exception
def standardize(images, mean, std):
    images[...] = 0
    nest = []
    for _ in range(100_000):
        nest = [nest]
    return nest


# %% a list that holds itself
# earns: 0
# failures: exception
def standardize(images, mean, std):
    images[...] = 0
    nest = []
    nest.append(nest)
    return nest


# %% NaN
# earns: 0
import numpy as np

def standardize(images, mean, std):
    result = np.full(images.shape, np.nan)
    images[...] = 0
    return result


# %% NaN written into the arguments
# earns: 0
import numpy as np

def standardize(images, mean, std):
    mean[...], std[...] = np.nan, np.inf
    images[...] = 0
    return np.full(images.shape, np.nan)


# %% a long column, which broadcasts to something giant
# earns: 0
import numpy as np

def standardize(images, mean, std):
    images[...] = 0
    return np.ones((200_000, 1, 1, 1))


# %% an empty array of giant shape
# earns: 0
import numpy as np

def standardize(images, mean, std):
    images[...] = 0
    return np.zeros((0, 2**40, 3))


# %% an integer of ten thousand digits
# earns: 0
# failures: exception
def standardize(images, mean, std):
    images[...] = 0
    return 10**10_000


# %% a string of twenty million characters
# earns: 0
# failures: exception
def standardize(images, mean, std):
    images[...] = 0
    return "x" * 20_000_000


# %% arrays of objects, strings and records
# earns: 0
# failures: exception
import numpy as np

def standardize(images, mean, std):
    images[...] = 0
    return [np.array([object()]), np.array(["a"]), np.zeros(2, "i4,f8"), np.zeros(2, "M8[s]")]


# %% an object that runs code when it is unpickled
# earns: 0
# failures: exception
import os
import numpy as np

class Bomb:
    def __reduce__(self):
        return os.system, ("touch @OUTSIDE@/unpickled",)

def standardize(images, mean, std):
    images[...] = 0
    return np.array([Bomb()], object)


# %% files of pickles, archives and models, and their names as an answer
# earns: 0
import os, pickle
from pathlib import Path
import numpy as np

class Bomb:
    def __reduce__(self):
        return os.system, ("touch @OUTSIDE@/unpickled",)

def standardize(images, mean, std):
    images[...] = 0
    np.save("answer.npy", np.array([Bomb()], object), allow_pickle=True)
    for name in ("model.keras", "model.h5", "answer.npz", "answer.pkl"):
        Path(name).write_bytes(pickle.dumps(Bomb()))
    return [str(path.resolve()) for path in Path().iterdir()]


# %% right, but the images are overwritten
# earns: 2.4
honest = standardize

def standardize(images, mean, std):
    result = honest(images, mean, std)
    images[...] = 0
    return result


# %% the images are resized
# earns: 0
def standardize(images, mean, std):
    images.resize((1000, 7, 6, 3), refcheck=False)


# %% a search through all stack frames
# earns: 0
import sys

def attack():
    frame, names = sys._getframe(), set()
    while frame:
        names |= set(frame.f_locals) | set(frame.f_globals)
        frame = frame.f_back
    return names & {"right", "expected", "expect", "pytest", "item", "verdict", "MEAN"}


# %% a search through all objects
# earns: 0
import gc, types

def attack():
    for thing in gc.get_objects():
        if isinstance(thing, types.ModuleType):
            name = str(getattr(thing, "__file__", ""))
            if "solutions" in name or "tests/grading" in name or "expect" in thing.__name__:
                return True
        if isinstance(thing, dict) and thing.keys() & {"mistakes", "because", "points"}:
            return True


# %% a search for answers on the disk
# earns: 0
import os

def attack():
    for place, _, files in os.walk("/", followlinks=False):
        if place.startswith(("/proc", "/sys", "/usr", "/dev")):
            continue
        if {"syllabus.toml", "test_1_normalization.py", "canary-label"} & set(files):
            return True
        if "normalization.py" in files and not place.startswith("/submission"):
            with open(f"{place}/normalization.py") as file:
                if "def train_validation_split" in file.read():
                    return True


# %% the reference is imported
# earns: 0
import importlib, sys

def attack():
    sys.path += ["@ROOT@", "@ROOT@/solutions", "@ROOT@/tests"]
    for name in ("cifar_lab.testing.expect", "cifar_lab.course.syllabus", "cifar_lab.course.stubs",
                 "solutions.cifar_course.normalization", "grading.test_1_normalization"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue


# %% a tracer that changes the worker's variables
# earns: 0
import ctypes, sys

def trace(frame, event, argument):
    if event == "return" and "reply" in frame.f_locals:
        frame.f_locals["reply"] = {"passed": True}
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(1))
    return trace

def attack():
    frame = sys._getframe()
    sys.settrace(trace)
    while frame:
        frame.f_trace, frame = trace, frame.f_back
