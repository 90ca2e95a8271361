"""Questions about real places: where a model keeps what is asked, and where it gives way to the answer."""

import numpy as np
from matplotlib import pyplot

from .curves import GREY, MARKERS, TASK_COLOURS, rounded
from .picture import BLACK, BLUE, GREEN, RED, STYLE, WIDESCREEN, Picture

LOOKS = ((BLUE, "v", "-"), (RED, "^", "--"), (GREEN, "D", ":"))  # colour, marker, line; one a kind of pair
APART = 0.17  # between the middles of two labels, in units of the axis


@pyplot.rc_context(STYLE)
def draw_real_places(points, task, names, scores, distances):
    """Draw states in the plane, coloured by what is asked; how clear the clusters are; and how far pairs are apart.

    Parameters
    ----------
    points : (n, 2) array
        States at the separator.
    task : (n,) integers
        0 to len(names) - 1.
    names : sequence of str
        Of the tasks, at most ten.
    scores : dict from str to float
        ARI: the finding first, then what it is to be compared with.
    distances : dict from str to (L + 1,) sequence of float
        Up to three: a kind of pair, and their mean squared distance at the last token over that of all pairs.

    Returns
    -------
    Picture
    """
    figure = pyplot.figure(figsize=WIDESCREEN, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    title = "Questions cluster by what is asked, then split by their answers"
    figure.suptitle(title, fontsize=22)
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.12))
    _draw_states(left, points, np.asarray(task), names)
    above, below = right.subfigures(2, 1, height_ratios=(1, 1.75))
    _draw_scores(above.subplots(), scores)
    _draw_distances(below.subplots(), distances)
    listed = {kind: ", ".join(rounded(float(value)) for value in curve) for kind, curve in distances.items()}
    told = "; ".join(f"{kind} {numbers}" for kind, numbers in listed.items())
    alt = (
        f"{title}. Left, {len(points)} questions' states at the separator in two principal components, coloured by "
        f"which of {len(names)} facts is asked for: {', '.join(names)}. Right, above, ARI of clusters and the facts "
        f"asked for: {'; '.join(f'{name} {rounded(value)}' for name, value in scores.items())}. Right, below, mean "
        f"squared distance at the last token, 1 for all pairs, layer 0 first: {told}."
    )
    return Picture(figure, alt)


def _draw_states(figure, points, task, names):
    """Draw the states of every task in its colour and marker, with their names beneath."""
    axis = figure.subplots()
    axis.set_title("At the separator:\none cluster for each fact", fontsize=19, pad=10)
    for number, name in enumerate(names):
        look = {"color": TASK_COLOURS[number % len(TASK_COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        axis.scatter(*points[task == number].T, s=46, alpha=0.75, linewidths=0, label=name, **look)
    axis.margins(0.06)
    axis.set(xticks=[], yticks=[])
    axis.set_xlabel("first principal component", fontsize=16)
    axis.set_ylabel("second principal component", fontsize=16)
    for spine in axis.spines.values():
        spine.set(visible=True, color="#bbbbbb")
    look = {"ncols": 3, "fontsize": 17, "markerscale": 1.7, "columnspacing": 0.8, "handletextpad": 0.1}
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", frameon=False, **look)


def _draw_scores(axis, scores):
    """Draw one bar a score, the first in blue."""
    axis.set_title("Are clusters what is asked?", fontsize=19, pad=10)
    rows = range(len(scores))
    axis.barh(rows, list(scores.values()), height=0.62, color=[BLUE] + [GREY] * (len(scores) - 1))
    for row, value in zip(rows, scores.values()):
        place = max(value, 0) + 0.02
        axis.text(place, row, rounded(value), va="center", fontsize=17, fontweight="bold", color=GREY if row else BLUE)
    axis.set_yticks(rows, list(scores), fontsize=17)
    axis.set(xlim=(0, 1.16), ylim=(len(scores) - 0.4, -0.6), xticks=(0, 0.5, 1))
    axis.grid(False, axis="y")
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", labelsize=16)
    axis.set_xlabel("ARI", fontsize=17, labelpad=0)


def _draw_distances(axis, distances):
    """Draw how far pairs of each kind are apart, by layer, each with its name at its end."""
    axis.set_title("At the last token: split by their answers", fontsize=19, pad=10)
    last, above = len(next(iter(distances.values()))) - 1, -np.inf
    heights = {}
    for kind in sorted(distances, key=lambda kind: distances[kind][-1]):
        heights[kind] = above = max(distances[kind][-1], above + APART)
    for (kind, curve), (colour, marker, line) in zip(distances.items(), LOOKS):
        axis.plot(range(last + 1), curve, color=colour, marker=marker, markersize=11, linestyle=line, linewidth=2.8)
        words = kind.replace(", ", ",\n")
        axis.text(last + 0.22, heights[kind], words, color=colour, va="center", fontsize=17, linespacing=1.1)
    axis.axhline(1, color=BLACK, linewidth=1.2, zorder=0)
    axis.set(xlim=(-0.15, 1.55 * last), ylim=(0, max(1.2, above + 0.1)), yticks=(0, 0.5, 1))
    axis.set_xticks(range(last + 1))
    axis.spines["bottom"].set_bounds(-0.15, last)
    axis.tick_params(labelsize=16)
    axis.set_xlabel("layer", fontsize=17, x=0.33)
    axis.set_ylabel("squared distance\n(1: all pairs)", fontsize=17)
