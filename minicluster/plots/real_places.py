"""Questions about real places: where a model keeps what is asked, and where it gives way to the answer."""

import numpy as np
from matplotlib import pyplot

from .curves import GREY, MARKERS, TASK_COLOURS, rounded
from .picture import BLACK, BLUE, GREEN, ORANGE, RED, STYLE, WIDESCREEN, Picture

ARI_LOOKS = ((BLUE, "o", "-"), (ORANGE, "^", "-"), (GREY, "s", "--"))  # colour, marker, line; one a curve
DISTANCE_LOOKS = ((BLACK, "v", "--"), (ORANGE, "^", "-"), (GREEN, "D", "-"))


@pyplot.rc_context(STYLE)
def draw_real_places(clouds, names, ari, bag_of_words, bar, distances):
    """Draw states in the plane, coloured by what is asked, above two panels of curves over layers.

    Parameters
    ----------
    clouds : dict from str to ((n, 2) array, (n,) integers)
        Three: a title; the states, and the task of each, 0 to len(names) - 1. The first has states of every task.
    names : sequence of str
        Of the tasks, at most ten.
    ari : dict from str to (L + 1,) sequence of float
        Up to three: a label, and the curve.
    bag_of_words : float
        ARI of clusters of word counts, which have no layers.
    bar : (L + 1,) sequence of float
        What the first curve must exceed.
    distances : dict from str to (L + 1,) sequence of float
        Up to three: a kind of pair, and their mean squared distance over that of all pairs.

    Returns
    -------
    Picture
    """
    figure = pyplot.figure(figsize=WIDESCREEN, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    figure.suptitle("Questions cluster by what is asked, then split by their answers", fontsize=22)
    above, below = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    for axis, (title, (points, task)) in zip(above.subplots(1, 3), clouds.items()):
        _scatter(axis, points, np.asarray(task), names)
        axis.set_title(title, fontsize=16)
    handles, labels = above.axes[0].get_legend_handles_labels()
    look = {"ncols": len(names), "fontsize": 13, "markerscale": 1.7, "columnspacing": 0.9, "handletextpad": 0.1}
    above.legend(handles, labels, loc="outside lower center", **look)
    left, right = below.subplots(1, 2)
    _draw_ari(left, ari, bag_of_words, bar)
    _draw_distances(right, distances)
    panels = "; ".join(" ".join(title.split()) for title in clouds)
    alt = (
        f"Above, states in two principal components, coloured by which of {len(names)} facts is asked for, in three "
        f"panels: {panels}. Below, left, ARI of clusters and the facts asked for, layer 0 first: {_told(ari)}; 99 % of "
        f"regroupings stay below {_listed(bar)}; bag of words {rounded(bag_of_words)}. Right, mean squared distance at "
        f"the last token, 1 for all pairs: {_told(distances)}."
    )
    return Picture(figure, alt)


def _scatter(axis, points, task, names):
    """Draw the states of every task that has some in its colour and marker."""
    for number, name in enumerate(names):
        if (task == number).any():
            look = {"color": TASK_COLOURS[number % len(TASK_COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
            axis.scatter(*points[task == number].T, s=26, alpha=0.75, linewidths=0, label=name, **look)
    axis.margins(0.08)
    axis.set(xticks=[], yticks=[])
    axis.set_xlabel("first principal component", fontsize=13)
    axis.set_ylabel("second principal\ncomponent", fontsize=13)
    for spine in axis.spines.values():
        spine.set(visible=True, color="#bbbbbb")


def _draw_ari(axis, ari, bag_of_words, bar):
    """Draw ARI by layer and what it is to be compared with."""
    layers = range(len(bar))
    for (label, curve), (colour, marker, line) in zip(ari.items(), ARI_LOOKS):
        axis.plot(layers, curve, color=colour, marker=marker, markersize=9, linestyle=line, label=label, clip_on=False)
    axis.plot(layers, bar, color=RED, marker="_", markersize=12, linestyle=":", label="99 % of regroupings below")
    axis.axhline(bag_of_words, color=BLACK, linewidth=1.4, linestyle="-.", label="bag of words (no layers)")
    axis.set(ylim=(-0.06, 1.06))
    _finish(axis, layers, "ARI: are clusters\nwhat is asked?")


def _draw_distances(axis, distances):
    """Draw how far pairs of each kind are apart, by layer."""
    for (label, curve), (colour, marker, line) in zip(distances.items(), DISTANCE_LOOKS):
        look = {"color": colour, "marker": marker, "markersize": 9, "linestyle": line}
        axis.plot(range(len(curve)), curve, label=label.replace(", ", ",\n"), **look)
    axis.set(ylim=(0, None))
    _finish(axis, range(len(curve)), "squared distance at\nlast token (1: all pairs)")


def _finish(axis, layers, what):
    axis.set_xticks(list(layers))
    axis.set_xlabel("layer", fontsize=15)
    axis.set_ylabel(what, fontsize=15)
    axis.tick_params(labelsize=14)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=13, handlelength=2.2)


def _told(curves):
    return "; ".join(f"{label} {_listed(curve)}" for label, curve in curves.items())


def _listed(curve):
    return ", ".join(rounded(float(value)) for value in curve)
