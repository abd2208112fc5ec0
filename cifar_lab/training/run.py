"""The end of a training run: its network is measured, and its files are written."""

import json
from dataclasses import asdict
from datetime import date
from typing import Any

import keras
import numpy as np
from rich.progress import track

from cifar_lab import hardware, plots
from cifar_lab.course.files import write_whole
from cifar_lab.data import Dataset
from cifar_lab.training.checkpoint import Checkpoint
from cifar_lab.training.model_card import model_card

MEASURED = 1024  # images between two moves of the last bar: seconds of work, whole batches


def finish(
    model: keras.Model,
    parts: dict[str, tuple[np.ndarray, np.ndarray]],
    dataset: Dataset,
    checkpoint: Checkpoint,
    **more: Any,
) -> dict[str, Any]:
    """Measure the accuracy on all three parts and write the run's files.

    The figure comes last: whatever goes wrong with it, predictions and metrics are there.

    Args:
        model: The trained network.
        parts: "train", "validation" and "test": inputs and one-hot labels.
        dataset: Gives its name and source.
        checkpoint: Gives settings, code and history; its file is deleted.
        more: Further entries of `metrics.json`.

    Returns:
        The entries of `metrics.json`.
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
        "code": checkpoint.code,
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
    write_whole(out / "metrics.json", json.dumps(metrics, indent=1))
    write_whole(out / "MODEL_CARD.md", model_card(metrics, len(probabilities)))
    checkpoint.file.unlink(missing_ok=True)
    figure = plots.learning_curves(checkpoint.history, title=f"Trained on {dataset.name}")
    figure.savefig(out / "curves.png", dpi=120)
    return metrics


def predicted(model: keras.Model, images: np.ndarray, part: str) -> np.ndarray:
    """Return the probabilities of all images, `(n, classes)`, with a bar: it may take minutes."""
    starts = range(0, len(images), MEASURED)
    return np.concatenate(
        [
            model.predict(images[start : start + MEASURED], batch_size=256, verbose=0)
            for start in track(starts, f"measuring on {part}")
        ]
    )


def device() -> str:
    """Return the names of the GPUs, or of the CPU where there is none."""
    return ", ".join(gpus()) or hardware.cpu()


def gpus() -> list[str]:
    """Return the names of the GPUs that Keras' backend uses."""
    # `keras.distribution` knows no names; Keras 3.15's raises on JAX without a GPU, and lists none
    # on PyTorch
    match keras.backend.backend():
        case "torch":
            import torch

            return [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        case "jax":
            import jax

            return [device.device_kind for device in jax.devices() if device.platform == "gpu"]
        case _:
            return [str(device) for device in keras.distribution.list_devices("gpu")]
