"""Every image that a lesson or a report shows. Colours survive colour-blindness and print."""

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
            axes, ("loss", "accuracy"), ("loss (nats)", "accuracy"), strict=True
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
    """One image in each of the axes, pixels as they are."""
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


def class_counts(parts: Mapping[str, np.ndarray], class_names: Sequence[str], unit: str) -> Figure:
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


def kernel_places(size: int, kernel_size: int, stride: int) -> Figure:
    """Every place of a kernel along one row of pixels, for both kinds of padding."""
    same = -(-size // stride)
    missing = max((same - 1) * stride + kernel_size - size, 0)
    valid = (size - kernel_size) // stride + 1
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            2, 1, figsize=(8, 3.6), sharex=True, height_ratios=(valid + 2, same + 2)
        )
        for axis, padding, places, before, after in (
            (axes[0], "valid", valid, 0, 0),
            (axes[1], "same", same, missing // 2, missing - missing // 2),
        ):
            for pixel in range(-before, size + after):
                inside = 0 <= pixel < size
                axis.add_patch(_box(pixel, 0, 1, "#9ECAE1" if inside else "white"))
                axis.text(pixel + 0.5, 0.5, pixel if inside else "zero", ha="center", va="center")
            for place in range(places):
                axis.add_patch(_box(place * stride - before, -place - 1, kernel_size, ORANGE))
            axis.set(xlim=(-missing // 2 - 1, size + missing + 1), ylim=(-places - 0.3, 1.3))
            axis.set_title(f'"{padding}": {places} places', loc="left")
            axis.set_axis_off()
    return figure


def _box(x: float, y: float, width: float, colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle((x, y + 0.1), width, 0.8, facecolor=colour, edgecolor="black", lw=0.8)


def feature_maps(
    image: np.ndarray, kernels: np.ndarray, maps: np.ndarray, names: Sequence[str]
) -> Figure:
    """A grey image, and beside it each kernel `(height, width, kernels)` above its map."""
    reach = np.abs(maps).max()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, len(names) + 1, figsize=(9, 3.6), height_ratios=(2, 3))
        axes[0, 0].set_axis_off()
        axes[1, 0].imshow(image, cmap="gray")
        axes[1, 0].set(title="image", xlabel="column (pixels)", ylabel="row (pixels)")
        for number, name in enumerate(names):
            numbers(axes[0, number + 1], kernels[..., number], "PuOr", limits=(-1, 1))
            axes[0, number + 1].set_title(name)
            drawn = axes[1, number + 1].imshow(maps[..., number], "PuOr", vmin=-reach, vmax=reach)
            axes[1, number + 1].set(xticks=[], yticks=[])
        figure.colorbar(drawn, ax=axes[1, 1:], label="output", shrink=0.9)
    return figure


def numbers(
    axis: Axes,
    values: np.ndarray,
    cmap: str = "Blues",
    limits: tuple[float, float] | None = None,
) -> None:
    """A small table of numbers, coloured by value, from the lower to the upper limit."""
    low, high = limits or (values.min(), values.max())
    drawn = axis.imshow(values, cmap=cmap, vmin=low, vmax=high)
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = drawn.to_rgba(value)
        dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
        text = f"{value:.2g}" if isinstance(value, np.floating) else value
        colour = "white" if dark else "black"
        axis.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def pooling(before: np.ndarray, after: np.ndarray, pool_size: int) -> Figure:
    """Two tables of numbers: one channel before and after pooling, window by window."""
    limits = before.min(), before.max()
    rows, columns = after.shape
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(7, 3.6), width_ratios=(before.shape[1], columns)
        )
        numbers(left, before, limits=limits)
        numbers(right, after, limits=limits)
        left.hlines(
            np.arange(rows + 1) * pool_size - 0.5, -0.5, columns * pool_size - 0.5, ORANGE, lw=3
        )
        left.vlines(
            np.arange(columns + 1) * pool_size - 0.5, -0.5, rows * pool_size - 0.5, ORANGE, lw=3
        )
        left.set_title(f"before: {before.shape[0]} x {before.shape[1]}")
        right.set_title(f"after: {rows} x {columns}")
    return figure


def logits_and_probabilities(
    logits: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> Figure:
    """One row of scores, and the probabilities that they became."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True)
        for axis, values, label, colour in (
            (axes[0], logits, "logit (any real number)", BLUE),
            (axes[1], probabilities, "probability (sums to 1)", ORANGE),
        ):
            bars = axis.barh(class_names, values, color=colour)
            axis.bar_label(bars, fmt="%.2f", padding=3)
            axis.axvline(0, color="black", lw=0.8)
            axis.set(xlabel=label)
            axis.margins(x=0.15)
        axes[0].invert_yaxis()
    return figure


def surprise(probabilities: np.ndarray, losses: np.ndarray, chance: float) -> Figure:
    """What an image costs, over the probability of its true class; `chance` is marked."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7, 3))
        axis.plot(probabilities, losses, color=BLUE)
        axis.plot(chance, -np.log(chance), "o", color=ORANGE)
        axis.annotate(
            f"guessing: {-np.log(chance):.2f}",
            (chance, -np.log(chance)),
            xytext=(10, 4),
            textcoords="offset points",
        )
        axis.set(xlabel="probability of the true class", ylabel="cost (nats)", ylim=(0, None))
        axis.grid(alpha=0.3)
    return figure


def parameter_counts(names: Sequence[str], counts: Sequence[int]) -> Figure:
    """How many numbers each layer learns, on a logarithmic axis."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 0.5 * len(names) + 0.8))
        bars = axis.barh(names, counts, color=BLUE)
        axis.bar_label(bars, [f"{count:,}" for count in counts], padding=4)
        axis.set(xscale="log", xlabel="numbers to learn (logarithmic)")
        axis.margins(x=0.15)
        axis.invert_yaxis()
    return figure


def accuracies(values: Mapping[str, float], chance: float, title: str) -> Figure:
    """One bar for each way to do it; what guessing reaches is marked."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 0.5 * len(values) + 1.1))
        bars = axis.barh(list(values), list(values.values()), color=BLUE)
        axis.bar_label(bars, [f"{value:.1%}" for value in values.values()], padding=4)
        axis.axvline(chance, color=ORANGE, ls="--", label="guessing")
        axis.set(xlim=(0, 1.1), xlabel="accuracy", title=title)
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
        axis.invert_yaxis()
    return figure


def image_rows(rows: Mapping[str, np.ndarray]) -> Figure:
    """Rows of images (pixels from 0 to 255), each with its name on the left."""
    columns = max(len(images) for images in rows.values())
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(rows), columns, figsize=(1.15 * columns, 1.2 * len(rows)), squeeze=False
        )
        for line, (name, images) in zip(axes, rows.items(), strict=True):
            image_grid(line, np.clip(images, 0, 255).astype(np.uint8))
            line[0].set_title(name, fontsize="small", loc="left")
    return figure


def confusion(counts: np.ndarray, class_names: Sequence[str]) -> Figure:
    """How often each class (rows) was taken for each (columns)."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5.6, 5))
        numbers(axis, counts)
        places = range(len(class_names))
        axis.set_xticks(places, class_names, rotation=45, ha="right")
        axis.set_yticks(places, class_names)
        axis.set(xlabel="what the network said", ylabel="what it was")
    return figure


def grey_maps(image: np.ndarray, maps: np.ndarray) -> Figure:
    """A image, and the maps `(height, width, maps)` that a layer made of it, up to eleven."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, 6, figsize=(9, 3.4))
        image_grid(axes.flat, [image, *np.moveaxis(maps, -1, 0)[:11]])
        for axis in axes.flat:
            axis.set_axis_off()
        for number, axis in enumerate(axes.flat[: maps.shape[-1] + 1]):
            axis.set_title(f"filter {number - 1}" if number else "image", fontsize="small")
    return figure


def distributions(panels: Mapping[str, np.ndarray], unit: str) -> Figure:
    """How often each value occurs in up to four channels, one panel for each set of activations."""
    lines = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"))
    low, high = np.percentile(np.concatenate([v.ravel() for v in panels.values()]), (0.2, 99.8))
    edges = np.linspace(low, high, 60)
    middles = (edges[1:] + edges[:-1]) / 2
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(9, 2.9), sharex=True, sharey=True, squeeze=False
        )
        for axis, (title, values) in zip(axes[0], panels.items(), strict=True):
            for channel, (colour, line) in zip(range(values.shape[-1]), lines, strict=False):
                counts, _ = np.histogram(values[..., channel], bins=edges)
                share = 100 * counts / values[..., channel].size
                axis.plot(middles, share, color=colour, ls=line, label=f"channel {channel}")
            axis.set(title=title, xlabel=unit)
        axes[0, 0].set(ylabel="share of places (%)")
        axes[0, -1].legend(fontsize="small")
    return figure


def moving_statistics(
    curves: Mapping[str, Sequence[float]], batches: Sequence[float], true: float, unit: str
) -> Figure:
    """Moving averages over the steps of training, the batches' own values, and the true one."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 3.2))
        steps = np.arange(1, len(batches) + 1)
        axis.plot(steps, batches, ".", color="0.75", ms=3, label="each batch's own")
        for (name, values), colour, line in zip(
            curves.items(), (ORANGE, BLUE, GREEN), ("-.", "-", "--"), strict=False
        ):
            axis.plot(np.arange(len(values)), values, color=colour, ls=line, label=name)
        axis.axhline(true, color="black", lw=1, label="all images")
        axis.set(xlabel="training step (batches seen)", ylabel=unit)
        axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def dropped(rows: Mapping[str, Sequence[np.ndarray]], titles: Sequence[str]) -> Figure:
    """Rows of images, one column for each rate; what is brighter than a screen shows is cut."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(len(rows), len(titles), figsize=(9, 2 * len(rows)))
        for line, (name, images) in zip(axes, rows.items(), strict=True):
            brightest = 2 * np.max(images[0])  # leaves room for survivors that are strengthened
            for axis, image, title in zip(line, images, titles, strict=True):
                shown = np.clip(image / brightest, 0, 1)
                axis.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                axis.set(xticks=[], yticks=[], title=title)
                axis.spines[:].set_visible(False)
            line[0].set(ylabel=name)
    return figure


def kept_mean(rates: Sequence[float], means: Mapping[str, Sequence[float]], whole: float) -> Figure:
    """The mean of a layer's output over the dropout rate."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6, 3))
        axis.axhline(whole, color="black", lw=0.8, label="without dropout")
        for (name, values), colour, mark in zip(
            means.items(), (BLUE, ORANGE), ("o-", "s--"), strict=False
        ):
            axis.plot(rates, values, mark, color=colour, ms=4, label=name)
        axis.set(
            xlabel="dropout rate (share dropped)", ylabel="mean of the outputs", ylim=(0, None)
        )
        axis.legend(fontsize="small")
    return figure


def two_modes(
    steps: Sequence[int], accuracies: Mapping[str, Sequence[float]], title: str
) -> Figure:
    """Accuracy over the steps of training, measured in more than one mode."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7, 3.2))
        for (name, values), colour, mark in zip(
            accuracies.items(), (BLUE, ORANGE), ("o-", "s--"), strict=False
        ):
            axis.plot(steps, values, mark, color=colour, ms=4, label=name)
        axis.set(xlabel="training step (batches seen)", ylabel="accuracy", ylim=(0, 1), title=title)
        axis.legend(fontsize="small")
    return figure


def compared_curves(
    histories: Mapping[str, Mapping[str, Sequence[float]]], limit: float, title: str
) -> Figure:
    """The accuracies of several networks over the epochs, a panel each, on the same axes.

    Args:
        histories: `accuracy` and `val_accuracy` of each network by name.
        limit: The share of training labels that are right.
        title: Above both panels.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(histories), figsize=(9, 3.2), sharey=True)
        for axis, (name, history) in zip(axes, histories.items(), strict=True):
            epochs = np.arange(1, len(history["accuracy"]) + 1)
            training, validation = (np.array(history[k]) for k in ("accuracy", "val_accuracy"))
            axis.plot(epochs, training, color=BLUE, label="training")
            axis.plot(epochs, validation, color=ORANGE, ls="--", label="validation")
            axis.axhline(limit, color="black", ls=":", lw=1, label="labels that are right")
            axis.set(title=name, xlabel="epoch", ylim=(0, 1))
            axis.xaxis.get_major_locator().set_params(integer=True)
        axes[0].set(ylabel="accuracy")
        axes[-1].legend(fontsize="small", loc="lower right")
        figure.suptitle(title)
    return figure


def lines(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    title: str = "",
    steps: bool = False,
    **axis_settings,
) -> Figure:
    """Up to four curves, x and y by name; `steps` draws what stays the same in between."""
    looks = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"))
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 3.2))
        for (name, (x, y)), (colour, line) in zip(curves.items(), looks, strict=False):
            drawstyle = "steps-post" if steps else "default"
            axis.plot(x, y, color=colour, ls=line, label=name, drawstyle=drawstyle)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set(xlabel=xlabel, ylabel=ylabel, title=title, **axis_settings)
        axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def plateaus(metrics: Sequence[float], rates: Sequence[float], best: Sequence[float]) -> Figure:
    """A metric with its best value so far, and below it the rate for the epoch after each."""
    epochs = np.arange(1, len(metrics) + 1)
    drops = [epoch for epoch in epochs[1:] if rates[epoch - 1] < rates[epoch - 2]]
    with plt.rc_context(STYLE):
        figure, (above, below) = plt.subplots(2, 1, figsize=(7.5, 4.4), sharex=True)
        above.step(epochs, best, color="0.6", where="post", label="best so far")
        above.plot(epochs, metrics, "o-", color=BLUE, ms=4, label="this epoch's")
        above.set(ylabel="validation accuracy\n(accuracy)")
        below.step(epochs, rates, color=ORANGE, where="post", label="from here on")
        below.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
        for axis in (above, below):
            for drop in drops:
                axis.axvline(drop, color="black", ls=":", lw=0.8)
            axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def stopping(metrics: Sequence[float], stops: Mapping[str, int | None]) -> Figure:
    """A loss over the epochs, its smallest value, and the epochs at which rules stop."""
    epochs = np.arange(1, len(metrics) + 1)
    best = int(np.argmin(metrics))
    looks = ((ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"))
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 3))
        axis.plot(epochs, metrics, "o-", color=BLUE, ms=4, label="validation loss")
        axis.plot(best + 1, metrics[best], "*", color="black", ms=12, label="the best epoch")
        for (name, stop), (colour, line) in zip(stops.items(), looks, strict=False):
            if stop is not None:
                axis.axvline(stop, color=colour, ls=line, label=f"{name}: stops at {stop}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set(xlabel="epoch", ylabel="cross-entropy (nats)")
        axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def training_run(history: Mapping[str, Sequence[float]], monitor: str, title: str = "") -> Figure:
    """Loss, accuracy and learning rate of a run, one below the other; the best epoch is marked."""
    epochs = np.arange(1, len(history["loss"]) + 1)
    pick = np.argmin if monitor.endswith("loss") else np.argmax
    best = epochs[pick(history[monitor])]
    panels = {"loss": "cross-entropy\n(nats)", "accuracy": "accuracy"}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(3, 1, figsize=(7.5, 6), sharex=True, height_ratios=(3, 3, 2))
        for axis, (name, unit) in zip(axes, panels.items(), strict=False):
            axis.plot(epochs, history[name], color=BLUE, label="training")
            axis.plot(epochs, history[f"val_{name}"], color=ORANGE, ls="--", label="validation")
            axis.set(ylabel=unit)
            axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
        axes[2].step(epochs, history["learning_rate"], color="black", where="mid")
        axes[2].set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
        for axis in axes:
            axis.axvline(best, color="black", ls=":", lw=0.8)
        axes[0].set_title(title)
        axes[1].annotate(
            "best epoch", (best, 0.04), (4, 0), ("data", "axes fraction"), "offset points"
        )
    return figure
