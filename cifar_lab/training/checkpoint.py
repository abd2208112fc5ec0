"""The state of a training run, saved after every epoch, so that the same command resumes it."""

import json
import time
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cifar_lab.course.errors import CourseError
from cifar_lab.course.files import read_json

# what `np.load` raises of such a file beside ValueError and OSError
BROKEN_ARCHIVE = (EOFError, KeyError, zipfile.BadZipFile, zlib.error)
# what Keras' own callbacks remember from epoch to epoch
_MEMORY = ("best", "wait", "best_epoch", "stopped_epoch", "cooldown_counter")


class RunError(CourseError):
    """A training run cannot start or resume; the message says what to do."""


@dataclass(frozen=True)
class Settings:
    """The settings of a training run; a run resumes only with the same ones."""

    recipe: str
    data: str
    seed: int
    epochs: int
    batch_size: int = 64
    image_size: int = 32  # pixels of a side, at the network's first convolution


class Checkpoint(keras.callbacks.Callback):
    """Callback that saves the whole state after every epoch, in one file, written atomically.

    `keras.callbacks.BackupAndRestore` forgets the counts of EarlyStopping and ReduceLROnPlateau and
    the history before an interruption; this callback keeps both, through all stages of a run.

    Args:
        out: The run's folder.
        settings: The run's settings.
        code: The version of the code that trains from here on, as `code_version` describes it.

    Attributes:
        seconds: Spent in training so far, including the time before an interruption.
        history: One number for each epoch so far, of all stages, by name.
        code: Versions of the code that trained, in order; more than one if the code was changed
            while the run was interrupted.

    Raises:
        RunError: `out` holds another run.
    """

    def __init__(self, out: Path, settings: Settings, code: dict[str, Any]):
        super().__init__()
        self.out = out
        self.settings = settings
        self.stage = 0
        self.epoch = 0  # of the stage
        self.seconds = 0.0
        self.history: dict[str, list[float]] = {}
        self.code: list[dict[str, Any]] = []
        self._watched: list[keras.callbacks.Callback] = []
        self._arrays: dict[str, np.ndarray] = {}
        self._stopped = False  # True if a callback has ended the stage before its last epoch
        self._open()
        if code not in self.code[-1:]:
            self.code.append(code)

    @property
    def file(self) -> Path:
        """Path of the saved state."""
        return self.out / "checkpoint.npz"

    @property
    def epochs_run(self) -> int:
        """Number of epochs so far, of all stages."""
        return len(self.history.get("loss", ()))

    @property
    def seed(self) -> int:
        """Seed for the random generators: the run's, and another one after each interruption."""
        return self.settings.seed + 1000 * self.epochs_run

    def enter(self, stage: int, callbacks: list[keras.callbacks.Callback]) -> bool:
        """Begin or resume a stage.

        Args:
            stage: Its number, from 0.
            callbacks: Those whose counts are saved with the state.

        Returns:
            False if the stage is done: the saved state belongs to a later one.
        """
        if stage < self.stage:
            return False
        if stage > self.stage:
            self.stage, self.epoch, self._arrays, self._stopped = stage, 0, {}, False
        self._watched = callbacks
        return True

    def _open(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        metrics = self.out / "metrics.json"
        if metrics.exists():
            read_json(metrics, "Delete it to resume or repeat the run, or choose another --out")
            raise RunError(
                f"{self.out} holds a finished run. Choose another --out, or delete that folder."
            )
        if not self.file.exists():
            return
        try:
            with np.load(self.file, allow_pickle=False) as saved:
                self._arrays = dict(saved)
            self._state = json.loads(str(self._arrays.pop("state")))
        except (OSError, ValueError, TypeError, *BROKEN_ARCHIVE) as error:
            raise RunError(
                f"{self.file} is empty, cut off or damaged ({error}). Delete it to start the run "
                "from its first epoch, or choose another --out."
            ) from error
        if self._state["settings"] != asdict(self.settings):
            raise RunError(
                f"{self.out} holds an unfinished run with other settings: "
                f"{self._state['settings']}. Choose another --out, or delete that folder."
            )
        self.stage = self._state["stage"]
        self.epoch = self._state["epoch"]
        self.seconds = self._state["seconds"]
        self.history = self._state["history"]
        # runs that began with older versions of the course lack these
        self._stopped = self._state.get("stopped", False)
        self.code = self._state.get("code", [])

    def on_train_begin(self, logs=None):
        self._started = time.monotonic()
        # Keras' own BackupAndRestore tells `fit` in this way at which epoch to start
        self.model._initial_epoch = self.params["epochs"] if self._stopped else self.epoch
        if not self._arrays:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        for name, variable in self._variables().items():
            variable.assign(self._arrays[name])
        for number, callback in enumerate(self._watched):
            vars(callback).update(self._state["callbacks"][number])
            best = [k for k in self._arrays if k.startswith(f"best{number}_")]
            if best:
                callback.best_weights = [
                    self._arrays[f"best{number}_{i}"] for i in range(len(best))
                ]
        self._arrays = {}

    def on_epoch_end(self, epoch, logs=None):
        self.epoch = epoch + 1
        now = time.monotonic()
        self.seconds += now - self._started
        self._started = now
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self._save()

    def _save(self) -> None:
        arrays = {
            name: keras.ops.convert_to_numpy(variable)
            for name, variable in self._variables().items()
        }
        for number, callback in enumerate(self._watched):
            for i, weights in enumerate(getattr(callback, "best_weights", None) or []):
                arrays[f"best{number}_{i}"] = np.asarray(weights)
        state = {
            "settings": asdict(self.settings),
            "stage": self.stage,
            "epoch": self.epoch,
            "stopped": bool(self.model.stop_training),
            "seconds": self.seconds,
            "history": self.history,
            "code": self.code,
            "callbacks": [_memory(callback) for callback in self._watched],
        }
        part = self.file.with_name("checkpoint.part.npz")
        np.savez(part, state=np.array(json.dumps(state)), **arrays)
        part.replace(self.file)

    def _variables(self) -> dict[str, keras.Variable]:
        variables = [*self.model.variables, *self.model.optimizer.variables]
        return {f"v{i}": variable for i, variable in enumerate(variables)}


def _memory(callback: keras.callbacks.Callback) -> dict[str, float | None]:
    found = {name: getattr(callback, name) for name in _MEMORY if hasattr(callback, name)}
    return {name: None if value is None else float(value) for name, value in found.items()}
