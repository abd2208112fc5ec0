"""The outputs of a frozen network for many images: computed once, cached on disk, memory-mapped."""

import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.progress import track

from cifar_lab.course.files import write_whole
from cifar_lab.training.checkpoint import BROKEN_ARCHIVE, RunError

CHUNK = 500  # images between two records of progress: a few seconds of work


def cached(
    file: Path,
    images: np.ndarray,
    extract: Callable[[np.ndarray], np.ndarray],
    shape: tuple[int, ...],
    key: str,
) -> tuple[np.ndarray, float]:
    """Return the features of all images, computing those that are not in `file` yet.

    After an interruption the same call resumes: the number of finished images is recorded beside
    the file, after their features were written.

    Args:
        file: The cache, `.npy`.
        images: `(n, ...)`, in the order of the features.
        extract: Maps some images to their features, `(some, *shape)`.
        shape: Shape of one image's features.
        key: Names the content of the cache; a file with another key is computed again.

    Returns:
        The features, float16 `(n, *shape)`, memory-mapped, and the seconds they took.

    Raises:
        RunError: The disk is too small, or a feature is too large for float16.
    """
    progress = file.with_suffix(".json")
    done, seconds = _progress(progress, file, key, (len(images), *shape))
    if not done:
        _check_space(file, len(images) * math.prod(shape) * 2)
        features = np.lib.format.open_memmap(file, "w+", np.float16, (len(images), *shape))
    else:
        features = np.lib.format.open_memmap(file, "r+")
    starts = range(done, len(images), CHUNK)
    for start in track(starts, f"features, {file.stem}", disable=not starts):
        began = time.monotonic()
        stop = min(start + CHUNK, len(images))
        features[start:stop] = _as_float16(extract(images[start:stop]))
        features.flush()
        seconds += time.monotonic() - began
        write_whole(progress, json.dumps({"key": key, "done": stop, "seconds": seconds}))
    return np.load(file, mmap_mode="r"), seconds


def _progress(progress: Path, file: Path, key: str, shape: tuple[int, ...]) -> tuple[int, float]:
    """Return the number of finished images and their seconds; (0, 0) if there is any doubt."""
    try:
        record = json.loads(progress.read_text(encoding="utf-8"))
        features = np.load(file, mmap_mode="r")
        known, done, seconds = (record[name] for name in ("key", "done", "seconds"))
    except FileNotFoundError:
        return 0, 0.0
    except (OSError, ValueError, TypeError, *BROKEN_ARCHIVE) as error:
        print(f"{file} or its .json is cut off or damaged ({error}); it is computed again.")
        return 0, 0.0
    if known != key or features.shape != shape or features.dtype != np.float16:
        return 0, 0.0
    return done, seconds


def _check_space(file: Path, needed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(file.parent).free
    if needed > free:
        raise RunError(
            f"{file}: the features need {needed / 1e9:.1f} GB, and the disk has "
            f"{free / 1e9:.1f} GB left. Free some space, or choose another --out."
        )


def _as_float16(features: np.ndarray) -> np.ndarray:
    largest = float(np.abs(features).max(initial=0))
    if not largest <= float(np.finfo(np.float16).max):
        raise RunError(f"a feature of {largest:.3g} does not fit into 16 bits")
    return features.astype(np.float16)
