"""Every picture that a lesson or a report shows. Colours survive colour-blindness and print."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette (2008), made to be told apart by colour-blind readers
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
# red, green and blue channels: hues that also differ in lightness, with a line style each
CHANNELS = (("red", "#D55E00", "-"), ("green", "#009E73", "--"), ("blue", "#0072B2", ":"))

STYLE = {
    "figure.dpi": 80,
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "savefig.dpi": 80,
}


def use_course_style() -> None:
    """Set matplotlib up for the lessons."""
    plt.rcParams.update(STYLE)


def learning_curves(history: Mapping[str, Sequence[float]], title: str = "") -> Figure:
    """Loss and accuracy, on training and validation data, over the epochs."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
        for axis, name, unit in zip(
            axes, ("loss", "accuracy"), ("cross-entropy (nats)", "share right"), strict=True
        ):
            epochs = np.arange(1, len(history[name]) + 1)
            axis.plot(epochs, history[name], color=BLUE, label="training")
            if f"val_{name}" in history:
                axis.plot(epochs, history[f"val_{name}"], color=ORANGE, ls="--", label="validation")
            axis.set(xlabel="epoch", ylabel=unit, title=name)
            axis.legend()
        figure.suptitle(title)
    return figure


def image_grid(
    axes: Sequence[Axes], images: np.ndarray, titles: Sequence[str] | None = None
) -> None:
    """One picture in each of the axes, pixels as they are."""
    for number, (axis, image) in enumerate(zip(axes, images, strict=False)):
        axis.imshow(image.squeeze(), cmap="gray", interpolation="nearest")
        axis.set_axis_off()
        if titles is not None:
            axis.set_title(titles[number], fontsize="small")


def channel_histograms(images: np.ndarray, unit: str) -> Figure:
    """How often each value occurs, one line per colour channel of `(n, h, w, 3)` images."""
    # wide bins: narrow ones would beat against the 256 levels that a pixel can have
    edges = np.linspace(images.min(), images.max(), 25)
    middles = (edges[1:] + edges[:-1]) / 2
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7, 2.8))
        for channel, (name, colour, line) in enumerate(CHANNELS):
            counts, _ = np.histogram(images[..., channel], bins=edges)
            share = 100 * counts / counts.sum()
            mean = round(float(images[..., channel].mean()), 1) + 0.0  # never "-0.0"
            axis.plot(middles, share, color=colour, ls=line, label=f"{name}, mean {mean:.1f}")
        axis.set(xlabel=unit, ylabel="share of pixels (%)")
        axis.legend()
    return figure


def class_counts(
    parts: Mapping[str, np.ndarray], class_names: Sequence[str], unit: str
) -> Figure:
    """The share of each class in two or more sets of integer labels."""
    places, width = np.arange(len(class_names)), 0.8 / len(parts)
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 2.6))
        for number, (name, labels) in enumerate(parts.items()):
            share = 100 * np.bincount(labels.ravel(), minlength=len(class_names)) / len(labels)
            colour = (BLUE, "#9ECAE1", ORANGE)[number]
            axis.bar(places + number * width, share, width, color=colour, label=name)
        axis.set(xlabel="class", ylabel=f"{unit} (%)")
        axis.set_xticks(places + width * (len(parts) - 1) / 2, class_names, rotation=20)
        axis.legend(ncols=len(parts), loc="lower right", bbox_to_anchor=(1, 1))
    return figure
