"""Figures for the lessons and reports.

The colors also work for color-blind readers and in print.
"""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Integer, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

# Okabe and Ito's palette (2008), designed for color-blind readers
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
# each channel has its own line style, and a hue that also differs in lightness
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

History = Mapping[str, Sequence[float]]  # one number per epoch, as `fit` records them
Series = Sequence[float] | Real[np.ndarray, " _points"]  # one number per point of a curve


def use_course_style() -> None:
    """Make the course's style the default of matplotlib."""
    plt.rcParams.update(STYLE)


def learning_curves(history: History, title: str = "") -> Figure:
    """Draw loss and accuracy on training and validation data over the epochs.

    Any accuracy is drawn, whatever its name (`acc`, `categorical_accuracy`); without one, the
    loss alone.
    """
    panels = {"loss": "loss (nats)"}
    panels |= {name: "accuracy" for name in history if name.endswith(("accuracy", "acc"))}
    panels = {name: unit for name, unit in panels.items() if not name.startswith("val_")}
    with plt.rc_context(STYLE):
        shape = {"figsize": (4.5 * len(panels), 3.4), "squeeze": False}
        figure, axes = plt.subplots(1, len(panels), **shape)
        for axis, (name, unit) in zip(axes[0], panels.items(), strict=True):
            epochs = np.arange(1, len(history[name]) + 1)
            axis.plot(epochs, history[name], color=BLUE, label="training")
            if f"val_{name}" in history:
                validation = history[f"val_{name}"]
                axis.plot(epochs, validation, color=ORANGE, ls="--", label="validation")
            axis.set(xlabel="epoch", ylabel=unit, title=unit if name != "loss" else name)
            axis.legend()
        figure.suptitle(title)
    return figure


def image_grid(
    axes: Iterable[Axes],
    images: Iterable[Real[np.ndarray, "_height _width ..."]],
    titles: Sequence[str] | None = None,
) -> None:
    """Show one image in each of the axes, without smoothing its pixels."""
    for number, (axis, image) in enumerate(zip(axes, images, strict=False)):
        axis.imshow(image.squeeze(), cmap="gray", interpolation="nearest")
        axis.set_axis_off()
        if titles is not None:
            axis.set_title(titles[number], fontsize="small")


def channel_histograms(images: Real[np.ndarray, "images height width 3"], unit: str) -> Figure:
    """Draw a histogram of the pixel values, one line per color channel."""
    # wide bins: narrow ones contain unequal numbers of the 256 pixel values: the lines would zigzag
    edges = np.linspace(images.min(), images.max(), 25)
    centers = (edges[1:] + edges[:-1]) / 2
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7, 2.8))
        for channel, (name, color, line) in enumerate(CHANNELS):
            counts, _ = np.histogram(images[..., channel], bins=edges)
            share = 100 * counts / counts.sum()
            mean = round(float(images[..., channel].mean()), 1) + 0.0  # never "-0.0"
            axis.plot(centers, share, color=color, ls=line, label=f"{name}, mean {mean:.1f}")
        axis.set(xlabel=unit, ylabel="share of pixels (%)")
        axis.legend()
    return figure


def class_counts(
    parts: Mapping[str, Integer[np.ndarray, "_labels ..."]], class_names: Sequence[str], unit: str
) -> Figure:
    """Draw the percentage of each class in up to three sets of labels."""
    places, width = np.arange(len(class_names)), 0.8 / len(parts)
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 2.6))
        for number, (name, labels) in enumerate(parts.items()):
            share = 100 * np.bincount(labels.ravel(), minlength=len(class_names)) / len(labels)
            color = (BLUE, "#9ECAE1", ORANGE)[number]
            axis.bar(places + number * width, share, width, color=color, label=name)
        axis.set(xlabel="class", ylabel=f"{unit} (%)")
        axis.set_xticks(places + width * (len(parts) - 1) / 2, class_names, rotation=20)
        axis.legend(ncols=len(parts), loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def kernel_places(size: int, kernel_size: int, stride: int) -> Figure:
    """Draw every place of a kernel along one row of pixels, for both kinds of padding."""
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


def _box(x: float, y: float, width: float, color: str) -> Rectangle:
    return Rectangle((x, y + 0.1), width, 0.8, facecolor=color, edgecolor="black", lw=0.8)


def feature_maps(
    image: Real[np.ndarray, "height width"],
    kernels: Real[np.ndarray, "kernel_height kernel_width kernels"],
    maps: Real[np.ndarray, "map_height map_width kernels"],
    names: Sequence[str],
) -> Figure:
    """Draw a gray image and, beside it, each kernel above its feature map."""
    largest = np.abs(maps).max()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, len(names) + 1, figsize=(9, 3.6), height_ratios=(2, 3))
        axes[0, 0].set_axis_off()
        axes[1, 0].imshow(image, cmap="gray")
        axes[1, 0].set(title="image", xlabel="column (pixels)", ylabel="row (pixels)")
        for number, name in enumerate(names):
            numbers(axes[0, number + 1], kernels[..., number], "PuOr", limits=(-1, 1))
            axes[0, number + 1].set_title(name)
            shown = axes[1, number + 1].imshow(
                maps[..., number], "PuOr", vmin=-largest, vmax=largest
            )
            axes[1, number + 1].set(xticks=[], yticks=[])
        figure.colorbar(shown, ax=axes[1, 1:], label="output", shrink=0.9)
    return figure


def numbers(
    axis: Axes,
    values: Real[np.ndarray, "rows columns"],
    cmap: str = "Blues",
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw a table of numbers; each cell's color shows where its value lies between the limits."""
    low, high = limits or (values.min(), values.max())
    shown = axis.imshow(values, cmap=cmap, vmin=low, vmax=high)
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = shown.to_rgba(value)
        dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
        text = f"{value:.2g}" if isinstance(value, np.floating) else value
        color = "white" if dark else "black"
        axis.text(column, row, text, ha="center", va="center", color=color, fontsize="small")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def pooling(
    before: Real[np.ndarray, "height width"],
    after: Real[np.ndarray, "rows columns"],
    pool_size: int,
) -> Figure:
    """Draw the numbers of one channel before and after pooling, with the windows marked."""
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
    logits: Float[np.ndarray, " classes"],
    probabilities: Float[np.ndarray, " classes"],
    class_names: Sequence[str],
) -> Figure:
    """Draw one image's logits, and the probabilities that softmax makes of them."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True)
        for axis, values, label, color in (
            (axes[0], logits, "logit (any real number)", BLUE),
            (axes[1], probabilities, "probability (sums to 1)", ORANGE),
        ):
            bars = axis.barh(class_names, values, color=color)
            axis.bar_label(bars, fmt="%.2f", padding=3)
            axis.axvline(0, color="black", lw=0.8)
            axis.set(xlabel=label)
            axis.margins(x=0.15)
        axes[0].invert_yaxis()
    return figure


def surprise(probabilities: Series, losses: Series, chance: float) -> Figure:
    """Draw an image's loss over the probability of its true class, and mark `chance`."""
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
        axis.set(xlabel="probability of the true class", ylabel="loss (nats)", ylim=(0, None))
        axis.grid(alpha=0.3)
    return figure


def parameter_counts(names: Sequence[str], counts: Sequence[int]) -> Figure:
    """Draw how many trainable parameters each layer has, on a logarithmic axis."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 0.5 * len(names) + 0.8))
        bars = axis.barh(names, counts, color=BLUE)
        axis.bar_label(bars, [f"{count:,}" for count in counts], padding=4)
        axis.set(xscale="log", xlabel="trainable parameters (logarithmic)")
        axis.margins(x=0.15)
        axis.invert_yaxis()
    return figure


def accuracies(values: Mapping[str, float], chance: float, title: str) -> Figure:
    """Draw one bar per accuracy, and mark the accuracy of guessing."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 0.5 * len(values) + 1.1))
        bars = axis.barh(list(values), list(values.values()), color=BLUE)
        axis.bar_label(bars, [f"{value:.1%}" for value in values.values()], padding=4)
        axis.axvline(chance, color=ORANGE, ls="--", label="guessing")
        axis.set(xlim=(0, 1.1), xlabel="accuracy", title=title)
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
        axis.invert_yaxis()
    return figure


def image_rows(rows: Mapping[str, Real[np.ndarray, "_images height width channels"]]) -> Figure:
    """Show rows of images (pixels from 0 to 255), each with its name above it."""
    columns = max(len(images) for images in rows.values())
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(rows), columns, figsize=(1.15 * columns, 1.2 * len(rows)), squeeze=False
        )
        for row, (name, images) in zip(axes, rows.items(), strict=True):
            image_grid(row, np.clip(images, 0, 255).astype(np.uint8))
            row[0].set_title(name, fontsize="small", loc="left")
    return figure


def confusion(counts: Integer[np.ndarray, "classes classes"], class_names: Sequence[str]) -> Figure:
    """Draw a confusion matrix: the true classes in the rows, the predicted ones in the columns."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5.6, 5))
        numbers(axis, counts)
        places = range(len(class_names))
        axis.set_xticks(places, class_names, rotation=45, ha="right")
        axis.set_yticks(places, class_names)
        axis.set(xlabel="predicted class", ylabel="true class")
    return figure


def gray_maps(
    image: Real[np.ndarray, "height width ..."],
    maps: Real[np.ndarray, "map_height map_width filters"],
) -> Figure:
    """Show an image and up to eleven of the feature maps that a layer computes from it."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, 6, figsize=(9, 3.4))
        image_grid(axes.flat, [image, *np.moveaxis(maps, -1, 0)[:11]])
        for axis in axes.flat:
            axis.set_axis_off()
        for number, axis in enumerate(axes.flat[: maps.shape[-1] + 1]):
            axis.set_title(f"filter {number - 1}" if number else "image", fontsize="small")
    return figure


def distributions(panels: Mapping[str, Real[np.ndarray, "... channels"]], unit: str) -> Figure:
    """Draw histograms of up to four channels, one panel for each array of activations."""
    lines = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"))
    low, high = np.percentile(np.concatenate([v.ravel() for v in panels.values()]), (0.2, 99.8))
    edges = np.linspace(low, high, 60)
    centers = (edges[1:] + edges[:-1]) / 2
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(9, 2.9), sharex=True, sharey=True, squeeze=False
        )
        for axis, (title, values) in zip(axes[0], panels.items(), strict=True):
            for channel, (color, line) in zip(range(values.shape[-1]), lines, strict=False):
                counts, _ = np.histogram(values[..., channel], bins=edges)
                share = 100 * counts / values[..., channel].size
                axis.plot(centers, share, color=color, ls=line, label=f"channel {channel}")
            axis.set(title=title, xlabel=unit)
        axes[0, 0].set(ylabel="share of values (%)")
        axes[0, -1].legend(fontsize="small")
    return figure


def moving_statistics(
    curves: Mapping[str, Series], batches: Series, true: float, unit: str
) -> Figure:
    """Draw moving averages over the training steps, with each batch's value and the true one."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 3.2))
        steps = np.arange(1, len(batches) + 1)
        axis.plot(steps, batches, ".", color="0.75", ms=3, label="each batch")
        for (name, values), color, line in zip(
            curves.items(), (ORANGE, BLUE, GREEN), ("-.", "-", "--"), strict=False
        ):
            axis.plot(np.arange(len(values)), values, color=color, ls=line, label=name)
        axis.axhline(true, color="black", lw=1, label="all images")
        axis.set(xlabel="training step (batches seen)", ylabel=unit)
        axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def dropped(
    rows: Mapping[str, Sequence[Real[np.ndarray, "_height _width ..."]]], titles: Sequence[str]
) -> Figure:
    """Show rows of images, one column per dropout rate.

    White is twice the maximum of each row's first image; larger values are clipped.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(len(rows), len(titles), figsize=(9, 2 * len(rows)))
        for row, (name, images) in zip(axes, rows.items(), strict=True):
            white = 2 * np.max(images[0])  # dropout scales up the values that it keeps
            for axis, image, title in zip(row, images, titles, strict=True):
                shown = np.clip(image / white, 0, 1)
                axis.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                axis.set(xticks=[], yticks=[], title=title)
                axis.spines[:].set_visible(False)
            row[0].set(ylabel=name)
    return figure


def kept_mean(rates: Series, means: Mapping[str, Series], whole: float) -> Figure:
    """Draw a layer's mean output over the dropout rate; `whole` is the mean without dropout."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6, 3))
        axis.axhline(whole, color="black", lw=0.8, label="without dropout")
        for (name, values), color, mark in zip(
            means.items(), (BLUE, ORANGE), ("o-", "s--"), strict=False
        ):
            axis.plot(rates, values, mark, color=color, ms=4, label=name)
        axis.set(
            xlabel="dropout rate (fraction dropped)", ylabel="mean of the outputs", ylim=(0, None)
        )
        axis.legend(fontsize="small")
    return figure


def two_modes(steps: Series, accuracies: Mapping[str, Series], title: str) -> Figure:
    """Draw the accuracy over the training steps, measured in up to two modes."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7, 3.2))
        for (name, values), color, mark in zip(
            accuracies.items(), (BLUE, ORANGE), ("o-", "s--"), strict=False
        ):
            axis.plot(steps, values, mark, color=color, ms=4, label=name)
        axis.set(xlabel="training step (batches seen)", ylabel="accuracy", ylim=(0, 1), title=title)
        axis.legend(fontsize="small")
    return figure


def compared_curves(histories: Mapping[str, History], limit: float, title: str) -> Figure:
    """Draw the accuracies of several networks over the epochs, one panel for each network.

    Args:
        histories: `accuracy` and `val_accuracy` of each network, by the network's name.
        limit: The fraction of training labels that are correct.
        title: The title above all panels.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(histories), figsize=(9, 3.2), sharey=True)
        for axis, (name, history) in zip(axes, histories.items(), strict=True):
            epochs = np.arange(1, len(history["accuracy"]) + 1)
            training, validation = (np.array(history[k]) for k in ("accuracy", "val_accuracy"))
            axis.plot(epochs, training, color=BLUE, label="training")
            axis.plot(epochs, validation, color=ORANGE, ls="--", label="validation")
            axis.axhline(limit, color="black", ls=":", lw=1, label="fraction of correct labels")
            axis.set(title=name, xlabel="epoch", ylim=(0, 1))
            axis.xaxis.get_major_locator().set_params(integer=True)
        axes[0].set(ylabel="accuracy")
        axes[-1].legend(fontsize="small", loc="lower right")
        figure.suptitle(title)
    return figure


def lines(
    curves: Mapping[str, tuple[Series, Series]],
    xlabel: str,
    ylabel: str,
    title: str = "",
    steps: bool = False,
    **axis_settings,
) -> Figure:
    """Draw up to four curves.

    Args:
        curves: x and y of each curve, by its name in the legend.
        xlabel: The label of the x axis.
        ylabel: The label of the y axis.
        title: The title of the figure.
        steps: True keeps each y until the next x, as a staircase; False connects the points.
        **axis_settings: Further properties of the axes, such as `ylim` or `yscale`.
    """
    styles = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"))
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 3.2))
        for (name, (x, y)), (color, line) in zip(curves.items(), styles, strict=False):
            drawstyle = "steps-post" if steps else "default"
            axis.plot(x, y, color=color, ls=line, label=name, drawstyle=drawstyle)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set(xlabel=xlabel, ylabel=ylabel, title=title, **axis_settings)
        axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def plateaus(metrics: Series, rates: Series, best: Series) -> Figure:
    """Draw a metric with its best value so far, and below them the learning rate.

    Args:
        metrics: The validation accuracy of each epoch.
        rates: The learning rate that the rule returned after each epoch.
        best: The best accuracy up to each epoch.
    """
    epochs = np.arange(1, len(metrics) + 1)
    drops = [epoch for epoch in epochs[1:] if rates[epoch - 1] < rates[epoch - 2]]
    with plt.rc_context(STYLE):
        figure, (above, below) = plt.subplots(2, 1, figsize=(7.5, 4.4), sharex=True)
        above.step(epochs, best, color="0.6", where="post", label="best so far")
        above.plot(epochs, metrics, "o-", color=BLUE, ms=4, label="each epoch")
        above.set(ylabel="validation accuracy")
        below.step(epochs, rates, color=ORANGE, where="post", label="for the next epoch")
        below.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
        for axis in (above, below):
            for drop in drops:
                axis.axvline(drop, color="black", ls=":", lw=0.8)
            axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def stopping(metrics: Series, stops: Mapping[str, int | None]) -> Figure:
    """Draw a loss over the epochs, and mark its minimum and the epochs at which rules stop."""
    epochs = np.arange(1, len(metrics) + 1)
    best = int(np.argmin(metrics))
    styles = ((ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"))
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 3))
        axis.plot(epochs, metrics, "o-", color=BLUE, ms=4, label="validation loss")
        axis.plot(best + 1, metrics[best], "*", color="black", ms=12, label="best epoch")
        for (name, stop), (color, line) in zip(stops.items(), styles, strict=False):
            if stop is not None:
                axis.axvline(stop, color=color, ls=line, label=f"{name}: stops at {stop}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set(xlabel="epoch", ylabel="loss (nats)")
        axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def training_run(history: History, monitor: str, title: str = "") -> Figure:
    """Draw loss, accuracy and learning rate of a training run, and mark the best epoch.

    Args:
        history: The training and validation metrics of each epoch, and `learning_rate`.
        monitor: The name of the metric that decides which epoch is the best.
        title: The title above all panels.
    """
    epochs = np.arange(1, len(history["loss"]) + 1)
    pick = np.argmin if monitor.endswith("loss") else np.argmax
    best = epochs[pick(history[monitor])]
    panels = {"loss": "loss (nats)", "accuracy": "accuracy"}
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
