"""Pictures of clusters that form, and of a score against everything that could have faked it."""

import numpy as np
from matplotlib import pyplot

from .curves import GREY, MARKERS, TASK_COLOURS, layer_colour, rounded, step_axis
from .picture import BLACK, BLUE, RED, STYLE, WIDESCREEN, Picture

DOT_MARKERS = "osD^v"  # one a seed
CLOUD_HEIGHT = 0.3  # of a row of the picture, above and below its middle
BIN_EDGES = np.arange(-0.11, 1.02, 0.02)  # middles at 0, 0.02 and so on


@pyplot.rc_context(STYLE)
def draw_emergence(steps, ari, loss, bars, clouds, task, *, bar_layer, marks="the task"):
    """Draw clusters forming: scores and loss against the step, beside the states of one layer before and after.

    Parameters
    ----------
    steps : (S,) sequence of int
        The first is 0.
    ari : (S, L + 1) array
        Of each layer.
    loss : (S,) sequence of float
    bars : (S,) sequence of float
        What the score of layer `bar_layer` must exceed to say anything.
    clouds : dict from str to (n, 2) array
        Two: a title, and the states in the plane.
    task : (n,) integers
    bar_layer : int
    marks : str
        What `task` is, which markers and colours show.

    Returns
    -------
    Picture
    """
    ari = np.asarray(ari)
    n_layers = ari.shape[1]
    figure = pyplot.figure(figsize=WIDESCREEN, layout="constrained")
    figure.suptitle("Clusters by task form as the model learns", fontsize=21)
    places = figure.add_gridspec(6, 2, width_ratios=(1.5, 1))
    curves, falling = figure.add_subplot(places[:4, 0]), figure.add_subplot(places[4:, 0])
    for layer in range(n_layers):
        label = f"layer {layer}" + (" (embedding)" if layer == 0 else "")
        look = {"color": layer_colour(layer, n_layers), "marker": MARKERS[layer % len(MARKERS)], "label": label}
        curves.plot(steps, ari[:, layer], markersize=8, **look)
    curves.plot(steps, bars, color=RED, linestyle="--", linewidth=2)
    words = f"1 random deal in 100\ngets here (layer {bar_layer})"
    curves.text(steps[-1], bars[-1] + 0.02, words, color=RED, fontsize=14, ha="right", va="bottom")
    curves.set(ylim=(-0.05, 1.05))
    curves.set_ylabel("ARI of clusters\nand tasks", fontsize=16)
    handles, labels = curves.get_legend_handles_labels()
    curves.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(0, 0.99), fontsize=14)
    falling.plot(steps, loss, color=BLACK, marker="o")
    falling.set_ylim(0, None)
    falling.set_ylabel("loss (nats)", fontsize=16)
    for axis in (curves, falling):
        step_axis(axis, steps)
        axis.tick_params(labelsize=14)
    curves.set_xlabel("")
    curves.tick_params(labelbottom=False)
    falling.set_xlabel("training step", fontsize=16)
    for row, (title, points) in enumerate(clouds.items()):
        axis = figure.add_subplot(places[3 * row : 3 * row + 3, 1])
        for t in range(int(np.max(task)) + 1):
            colour, marker = TASK_COLOURS[t % len(TASK_COLOURS)], MARKERS[t % len(MARKERS)]
            axis.scatter(*points[task == t].T, s=28, color=colour, marker=marker, alpha=0.75, linewidths=0)
        axis.set_title(title, fontsize=18)
        axis.set(xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set(visible=True, color="#bbbbbb")
    axis.set_xlabel(f"marker and colour: {marks}", fontsize=17)
    last = ", ".join(rounded(value) for value in ari[-1])
    first = ", ".join(rounded(value) for value in ari[0])
    alt = (
        f"Left: adjusted Rand index of clusters and tasks against training step, one line for each of {n_layers} "
        f"layers: {first} at step {steps[0]}, {last} at step {steps[-1]}, layer 0 first; a dashed line, from "
        f"{rounded(bars[0])} to {rounded(bars[-1])}, is what tasks dealt at random reach once in 100 times with layer "
        f"{bar_layer}'s clusters. Below, the training loss falls from "
        f"{rounded(loss[0])} to {rounded(loss[-1])}. Right: {len(task)} strings' states in two principal components, "
        f"marked and coloured by {marks.removeprefix('the ')}: {'; '.join(clouds)}."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def draw_controls(rows, title, score_is, bar=None):
    """Draw one score and all that could have faked it, one row each.

    Parameters
    ----------
    rows : list of (name, values, kind)
        From top to bottom. Values are numbers; kind "seeds" draws each as a dot, with a stroke at the median, and the
        first row as the finding; "draws" draws how often each value comes up.
    title, score_is : str
        The latter for the axis.
    bar : (str, float), optional
        What the finding must exceed, and its words.

    Returns
    -------
    Picture
    """
    figure, axis = pyplot.subplots(figsize=WIDESCREEN, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    axis.set_title(title, fontsize=21, pad=16)
    said = []
    for place, (name, values, kind) in enumerate(rows):
        values = np.asarray(values, float)
        y, middle = -place, float(np.median(values))
        colour = BLUE if place == 0 else BLACK
        if kind == "seeds":
            heights = y + 0.09 * (np.arange(len(values)) - (len(values) - 1) / 2)
            for at, (value, height) in enumerate(zip(values, heights)):
                look = {"color": colour, "marker": DOT_MARKERS[at % len(DOT_MARKERS)], "alpha": 0.85, "zorder": 3}
                axis.plot(value, height, markersize=12 if place == 0 else 9, linestyle="none", **look)
            axis.plot([middle, middle], [y - 0.36, y + 0.36], color=colour, linewidth=2)
            said.append(f"{name}: {', '.join(rounded(value) for value in values)}")
        else:
            if np.ptp(values) < 1e-9:
                axis.plot([middle, middle], [y - CLOUD_HEIGHT, y + CLOUD_HEIGHT], color=GREY, linewidth=5)
            else:
                counts, edges = np.histogram(values, bins=BIN_EDGES)
                half = CLOUD_HEIGHT * counts / counts.max()
                inside = np.flatnonzero(counts)
                span = slice(inside[0], inside[-1] + 1)
                axis.bar(
                    edges[:-1][span], 2 * half[span], width=np.diff(edges)[span], bottom=y - half[span], align="edge",
                    color="#999999", edgecolor=GREY, linewidth=0.8, zorder=2,
                )  # fmt: skip
            said.append(f"{name}: {_range(values)}" + (f" in {len(values)} draws" if len(values) > 1 else ""))
        text = rounded(middle) if kind == "seeds" else _range(values)
        text = text.replace("-", "\N{MINUS SIGN}")
        axis.text(values.max() + 0.025, y, text, va="center", fontsize=17, color=colour, fontweight="bold", zorder=4)
    if bar is not None:
        words, place = bar
        axis.axvline(place, color=RED, linestyle="--", linewidth=2, zorder=1)
        axis.text(place + 0.01, 0.62, f"{words} {rounded(place)}", color=RED, fontsize=16, va="center")
    axis.set_yticks([-place for place in range(len(rows))], [name for name, _, _ in rows], fontsize=16)
    axis.get_yticklabels()[0].set(color=BLUE, fontweight="bold")
    axis.set(xlim=(-0.05, 1.09), ylim=(-len(rows) + 0.4, 0.85))
    axis.set_xticks(np.arange(0, 1.01, 0.2))
    axis.tick_params(axis="x", labelsize=16)
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")
    axis.set_xlabel(score_is, fontsize=17)
    look = {"ha": "right", "fontsize": 15, "color": GREY, "linespacing": 1.4, "transform": axis.transAxes}
    axis.text(0.99, 0.03, "dots: one a seed, and their median\ngrey: many draws, and their range", **look)
    names = "; ".join(" ".join(line.split()) for line in said)
    alt = f"{title}. {score_is}, from top to bottom: {names}." + (
        f" A dashed line that the first row must exceed: {words} {rounded(place)}." if bar is not None else ""
    )
    return Picture(figure, alt)


def _range(values):
    """Return the least and the largest of the values as text, or one number if they look the same."""
    low, high = rounded(values.min()), rounded(values.max())
    return low if low == high else f"{low} to {high}"
