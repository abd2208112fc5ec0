# Unusual but right code: all of it earns every point.

# %% prints
import sys
print("importing", file=sys.stderr)
honest = standardize

def standardize(images, mean, std):
    for number in range(20_000):
        print("image", number, images.shape, "é ✓ \x1b[31m")
    print("done", file=sys.stderr)
    return honest(images, mean, std)


# %% warnings
import warnings
warnings.warn("numpy is old", DeprecationWarning)
honest = standardize

def standardize(images, mean, std):
    warnings.warn("this may take a while")
    return honest(images, mean, std)


# %% warnings are errors, and so are odd numbers
import warnings
import numpy as np
warnings.simplefilter("error")
np.seterr(all="raise")


# %% a daemon thread that never ends
import threading, time

def tick():
    while True:
        time.sleep(0.01)

threading.Thread(target=tick, daemon=True).start()


# %% a thread that is never joined
import threading, time
threading.Thread(target=time.sleep, args=(30,)).start()


# %% a main block
if __name__ == "__main__":
    raise SystemExit(standardize(None, None, None))


# %% a log
import logging
logging.basicConfig(level=logging.DEBUG, filename="run.log")
logging.getLogger().debug("starting")
honest = standardize

def standardize(images, mean, std):
    logging.info("standardize %s", images.shape)
    return honest(images, mean, std)


# %% random generators are seeded
import random
import numpy as np
random.seed(1)
np.random.seed(1)


# %% a second of work at import
import time
import numpy as np
end = time.monotonic() + 1
while time.monotonic() < end:
    np.linalg.svd(np.random.default_rng(0).normal(size=(60, 60)))


# %% annotations from the future
# place: before
"""My answers."""
from __future__ import annotations


# %% dataclasses and caches
from dataclasses import dataclass, field
from functools import lru_cache
import numpy as np

@dataclass
class Statistics:
    mean: list = field(default_factory=list)
    std: list = field(default_factory=list)

    def apply(self, images):
        return honest(images, np.array(self.mean), np.array(self.std))

honest = standardize

@lru_cache
def statistics(mean, std):
    return Statistics(list(mean), list(std))

def standardize(images, mean, std):
    return statistics(tuple(mean), tuple(std)).apply(images)


# %% it imports itself
from cifar_course import normalization as itself
import cifar_course.normalization
from . import normalization
honest = standardize

def standardize(images, mean, std):
    assert itself is normalization
    return normalization.honest(images, mean, std)


# %% it changes folder and closes its output
import os, sys
os.chdir("/")
sys.stdout.close()
sys.stdout = sys.stderr = None


# %% it changes folder and closes its output, with Keras
# judges: cnn.compile_cnn
# module: cnn
import os, sys
os.chdir("/")
os.close(2)
sys.stdout.close()
sys.stdout = sys.stderr = None


# %% settings of the process
import faulthandler, gc, os, sys
faulthandler.disable()
gc.disable()
os.nice(5)
os.umask(0o077)
sys.setrecursionlimit(50_000)
sys.setswitchinterval(1e-4)
sys.dont_write_bytecode = False


# %% a cache file
import numpy as np
honest = standardize

def standardize(images, mean, std):
    result = honest(images, mean, std)
    np.save("cache.npy", result)
    return np.load("cache.npy")


# %% a memory-mapped file as an answer
import numpy as np
honest = standardize

def standardize(images, mean, std):
    result = honest(images, mean, std)
    mapped = np.memmap("mapped", result.dtype, "w+", shape=result.shape)
    mapped[...] = result
    return mapped


# %% a masked big-endian array, reversed twice
import numpy as np
honest = standardize

def standardize(images, mean, std):
    result = np.asfortranarray(honest(images, mean, std))
    return np.ma.masked_array(result.astype(">f4"))[::-1][::-1]


# %% a thread pool
import concurrent.futures
import numpy as np
honest = standardize

def standardize(images, mean, std):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return np.stack(list(pool.map(lambda image: honest(image[None], mean, std)[0], images)))


# %% a figure is drawn at import
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.savefig("image.png")


# %% unusual files beside it
# --- file: cifar_course/normalization (1).py
raise SystemExit
# --- file: cifar_course/Normalization.PY.bak
raise SystemExit
# --- file: cifar_course/.ipynb_checkpoints/normalization-checkpoint.py
raise SystemExit
# --- file: cifar_course/__pycache__/normalization.cpython-311.pyc
not what it seems
# --- file: Прочитай меня - =1+1.txt
hello
# --- file: cifar_course/__init__.py
from numpy import *


# %% a class instead of a function
import numpy as np
honest = standardize

class Standardize:
    def __call__(self, images, mean, std):
        return honest(images, mean, std)

standardize = Standardize()


# %% names and strings outside ASCII
π, größe = 3.14, "naïve ✓ 😀"
honest = standardize

def standardize(images, mean, std, *, größe=größe, **rest):
	"""Tabs, too."""
	return honest(images, mean, std)


# %% a signal handler and a timer
import signal
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)


# %% it catches every exception
honest = standardize

def standardize(images, mean, std):
    try:
        1 / 0
    except BaseException:
        return honest(images, mean, std)


# %% another module of the submission is imported
# judges: schedules.step_decay
from cifar_course.normalization import one_hot
from .normalization import standardize
assert one_hot and standardize
