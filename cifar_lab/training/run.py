"""One full run: its settings, its folder, progress, resume, and what it leaves behind."""

import json
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    track,
)

from cifar_lab import hardware, plots
from cifar_lab.course.errors import CourseError
from cifar_lab.data import Dataset

MEASURED = 1024  # images between two moves of the last bar: seconds of work, whole batches
# what Keras' own callbacks remember from epoch to epoch
_MEMORY = ("best", "wait", "best_epoch", "stopped_epoch", "cooldown_counter")


class RunError(CourseError):
    """A run that cannot start or go on, and what to do about it."""


@dataclass(frozen=True)
class Settings:
    """What makes two runs the same run."""

    recipe: str
    data: str
    seed: int
    epochs: int
    batch_size: int = 64
    image_size: int = 32  # of a side, in pixels, as the network's first convolution sees it


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole state after every epoch, in one file that is written whole or not at all.

    `keras.callbacks.BackupAndRestore` forgets what EarlyStopping and ReduceLROnPlateau have
    counted so far, and the history before the interruption; this keeps both, through all the
    stages that a run has.

    Attributes:
        seconds: Spent in training so far, those before an interruption included.
        history: Name to one number for each epoch so far, of all stages.
    """

    def __init__(self, out: Path, settings: Settings):
        super().__init__()
        self.out = out
        self.settings = settings
        self.stage = 0
        self.epoch = 0  # of the stage
        self.seconds = 0.0
        self.history: dict[str, list[float]] = {}
        self._watched: list[keras.callbacks.Callback] = []
        self._arrays: dict[str, np.ndarray] = {}
        self._stopped = False  # whether a callback has ended the stage before its last epoch
        self._open()

    @property
    def file(self) -> Path:
        """Where the state is."""
        return self.out / "checkpoint.npz"

    @property
    def epochs_run(self) -> int:
        """Epochs of all stages."""
        return len(self.history.get("loss", ()))

    @property
    def seed(self) -> int:
        """For the random generators: the run's, and another one after each interruption."""
        return self.settings.seed + 1000 * self.epochs_run

    def enter(self, stage: int, callbacks: list[keras.callbacks.Callback]) -> bool:
        """Begin or go on with a stage, whose callbacks' counts are to be kept, too.

        Returns:
            False if the stage is done: the state that was saved belongs to a later one.
        """
        if stage < self.stage:
            return False
        if stage > self.stage:
            self.stage, self.epoch, self._arrays, self._stopped = stage, 0, {}, False
        self._watched = callbacks
        return True

    def _open(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        if (self.out / "metrics.json").exists():
            raise RunError(
                f"{self.out} holds a finished run. Choose another --out, or delete that folder."
            )
        if not self.file.exists():
            return
        with np.load(self.file, allow_pickle=False) as saved:
            self._arrays = dict(saved)
        self._state = json.loads(str(self._arrays.pop("state")))
        if self._state["settings"] != asdict(self.settings):
            raise RunError(
                f"{self.out} holds an unfinished run with other settings: "
                f"{self._state['settings']}. Choose another --out, or delete that folder."
            )
        self.stage = self._state["stage"]
        self.epoch = self._state["epoch"]
        self._stopped = self._state.get("stopped", False)  # older runs do not say
        self.seconds = self._state["seconds"]
        self.history = self._state["history"]

    def on_train_begin(self, logs=None):
        self._started = time.monotonic()
        # the way in which Keras' own BackupAndRestore tells `fit` where to go on
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


class EpochBar(keras.callbacks.Callback):
    """A bar for the epoch under way, and a line for each one done.

    Args:
        epochs: How many there will be.
        stage: A word before the epoch's number, where a run has more than one stage.
    """

    def __init__(self, epochs: int, stage: str = ""):
        super().__init__()
        self.epochs = epochs
        self.stage = f"{stage} " if stage else ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(),
        )

    def on_train_begin(self, logs=None):
        self._bar.start()
        self._task = self._bar.add_task("", total=self.params["steps"])

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.monotonic()
        description = f"{self.stage}epoch {epoch + 1} of {self.epochs}"
        self._bar.reset(self._task, total=self.params["steps"], description=description)

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(self._task, completed=batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.monotonic() - self._began
        figures = "  ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        line = f"{self.stage}epoch {epoch + 1:>2} of {self.epochs}  {seconds:.0f} s  {figures}"
        self._bar.console.print(line, soft_wrap=True, highlight=False)

    def on_train_end(self, logs=None):
        self.close()

    def close(self) -> None:
        """Give the terminal back."""
        self._bar.stop()


def finish(
    model: keras.Model,
    parts: dict[str, tuple[np.ndarray, np.ndarray]],
    dataset: Dataset,
    checkpoint: Checkpoint,
    **more: Any,
) -> dict[str, Any]:
    """Measure on all three parts and write the run's files, metrics last.

    Args:
        model: The trained network.
        parts: "train", "validation" and "test": inputs and one-hot labels.
        dataset: For its name.
        checkpoint: For settings and history; its file is deleted.
        more: What else `metrics.json` is to say.
    """
    out, accuracies = checkpoint.out, {}
    for name, (x, y) in parts.items():
        probabilities = predicted(model, x, name)
        accuracies[f"{name}_accuracy"] = float(np.mean(probabilities.argmax(1) == y.argmax(1)))
    np.save(out / "predictions.npy", probabilities.astype(np.float32))
    model.save(out / "model.keras")
    metrics = {
        **asdict(checkpoint.settings),
        "data": dataset.name,
        "data_source": dataset.source,
        "date": date.today().isoformat(),
        "hardware": device(),
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "seconds": round(checkpoint.seconds, 1),
        "epochs_run": checkpoint.epochs_run,
        "parameters": model.count_params(),
        **accuracies,
        **more,
        "history": checkpoint.history,
    }
    figure = plots.learning_curves(checkpoint.history, title=f"Trained on {dataset.name}")
    figure.savefig(out / "curves.png", dpi=120)
    part = out / "metrics.part.json"
    part.write_text(json.dumps(metrics, indent=1), encoding="utf-8")
    part.replace(out / "metrics.json")
    checkpoint.file.unlink(missing_ok=True)
    return metrics


def predicted(model: keras.Model, images: np.ndarray, part: str) -> np.ndarray:
    """What the network says of all images, `(n, classes)`, with a bar: it may take minutes."""
    starts = range(0, len(images), MEASURED)
    return np.concatenate(
        [
            model.predict(images[start : start + MEASURED], batch_size=256, verbose=0)
            for start in track(starts, f"measuring on {part}")
        ]
    )


def device() -> str:
    """What this machine computes with, in words."""
    return ", ".join(gpus()) or hardware.cpu()


def gpus() -> list[str]:
    """The GPUs that Keras' backend sees."""
    if keras.backend.backend() == "torch":  # whose devices Keras 3.15 cannot list
        import torch

        return [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return [str(device) for device in keras.distribution.list_devices("gpu")]
