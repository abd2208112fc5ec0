"""Progress of a training run on the screen."""

import time

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class EpochBar(keras.callbacks.Callback):
    """Callback that shows a bar for the current epoch, and a line for each finished one.

    Args:
        epochs: Number of epochs.
        stage: Name before the epoch's number, if the run has more than one stage.
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
        """Remove the bar and restore the terminal."""
        self._bar.stop()
