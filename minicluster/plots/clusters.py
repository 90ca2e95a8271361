"""Pictures of clustering: k-means at work, and what scores are worth."""

import numpy as np
from matplotlib import pyplot

from .picture import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SKY, STYLE, WIDESCREEN, Picture

CLUSTER_COLOURS = (BLUE, ORANGE, GREEN, RED, SKY)
CLUSTER_MARKERS = ("o", "^", "s", "D", "v", "P", "X")  # 7 markers and 5 colours make 35 pairs
DARK_ORANGE = "#a66f00"  # orange is too pale for words
# Scores: colour, marker, look. The last is hollow and dotted, around the one before: both may run along 0.
SCORE_LOOKS = (
    (GREEN, "v", {"markersize": 10}),
    (DARK_ORANGE, "s", {"markersize": 10}),
    (RED, "^", {"markersize": 10}),
    (BLUE, "D", {"markersize": 7}),
    (BLACK, "o", {"markersize": 18, "fillstyle": "none", "linestyle": ":"}),
)


@pyplot.rc_context(STYLE)
def draw_lloyd(x, steps, history):
    """Draw k-means at work in the plane: up to four moments, and the inertia after each iteration.

    Parameters
    ----------
    x : (n, 2) array
    steps : list of (iteration, centers, labels)
        At most 4, by rising iteration; centers (k, 2), labels (n,). Up to 35 clusters differ in colour or marker.
    history : (iterations + 1,) sequence of float
        The inertia at the start and after each iteration.

    Returns
    -------
    Picture
    """
    figure = pyplot.figure(figsize=WIDESCREEN, layout="constrained")
    figure.suptitle("k-means: each sample to the nearest centre, each centre to its samples' mean", fontsize=20)
    places = figure.add_gridspec(2, 3, width_ratios=(1, 1, 1.1))
    everything = np.vstack([x, *(centers for _, centers, _ in steps)])  # (n + ..., 2)
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = 0.06 * (high - low)
    paths = []  # of the centres: one (k, 2) array a step so far
    for place, (iteration, centers, labels) in zip((places[0, 0], places[0, 1], places[1, 0], places[1, 1]), steps):
        axis = figure.add_subplot(place)
        paths.append(centers)
        for cluster in range(len(centers)):
            colour = CLUSTER_COLOURS[cluster % len(CLUSTER_COLOURS)]
            own, marker = labels == cluster, CLUSTER_MARKERS[cluster % len(CLUSTER_MARKERS)]
            axis.scatter(*x[own].T, s=26, color=colour, marker=marker, alpha=0.55, linewidths=0)
            axis.plot(*np.array([path[cluster] for path in paths]).T, color=BLACK, linewidth=1.5, linestyle=":")
            axis.plot(*centers[cluster], marker, color=colour, markeredgecolor=BLACK, markeredgewidth=2, markersize=16)
        after = f"after {iteration} iteration{'s' * (iteration > 1)}"
        axis.set_title(after if iteration else "start", fontsize=16)
        axis.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
    axis = figure.add_subplot(places[:, 2])
    axis.plot(range(len(history)), history, color=BLACK, marker="o", markersize=8)
    axis.set_title("inertia: it never rises", fontsize=16)
    axis.set_xlabel("iteration", fontsize=16)
    axis.set_ylabel("sum of squared distances to the centres", fontsize=16)
    axis.set_ylim(0, None)
    axis.tick_params(labelsize=14)
    axis.xaxis.get_major_locator().set_params(integer=True)
    moments = ", ".join("the start" if iteration == 0 else f"iteration {iteration}" for iteration, _, _ in steps)
    alt = (
        f"k-means on {len(x)} points in the plane with {len(steps[0][1])} centres, at {moments}: points take the "
        "colour and marker of their nearest centre, and dotted lines show the centres' ways. Beside it the inertia "
        f"after each iteration: {', '.join(f'{value:.0f}' for value in history)}."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def draw_chance_scores(n_clusters, scores, n_samples, n_classes):
    """Draw what random clusters score, against how many there are.

    Parameters
    ----------
    n_clusters : (m,) sequence of int
        Rising.
    scores : dict from str to (m,) sequence of float
        At most 5 scores by name; the mean over random clusters.
    n_samples, n_classes : int
        Of the data, for the title.

    Returns
    -------
    Picture
    """
    figure, axis = pyplot.subplots(figsize=WIDESCREEN, layout="constrained")
    title = "Random clusters can score high, unless chance is taken off"
    data = f"{n_samples} samples in {n_classes} classes"
    axis.set_title(f"{title}\n{data}", fontsize=21, pad=14, linespacing=1.35)
    axis.plot([n_clusters[0] * 0.9, n_clusters[-1]], [0, 0], color=GREY, linewidth=1.5, zorder=0)
    axis.text(n_clusters[0], -0.035, "0: nothing found", va="top", fontsize=17, color=GREY)
    heights = _apart({name: curve[-1] for name, curve in scores.items()}, 0.065)
    for (name, curve), (colour, marker, look) in zip(scores.items(), SCORE_LOOKS):
        axis.plot(n_clusters, curve, color=colour, marker=marker, markeredgewidth=2.5, **look)
        axis.text(n_clusters[-1] * 1.15, heights[name], name, color=colour, fontsize=20, va="center", fontweight="bold")
    axis.set_xscale("log")
    axis.set_xticks(list(n_clusters), [str(k) for k in n_clusters])
    axis.minorticks_off()
    axis.set(xlim=(n_clusters[0] * 0.9, n_clusters[-1] * 3.8), ylim=(-0.12, 1.02))
    axis.spines["bottom"].set_bounds(n_clusters[0] * 0.9, n_clusters[-1])
    axis.set_xlabel("number of clusters (logarithmic)", fontsize=18)
    axis.set_ylabel("score (1: the same grouping)", fontsize=18)
    axis.tick_params(labelsize=16)
    ends = ", ".join(f"{name} {_two_digits(curve[0])} to {_two_digits(curve[-1])}" for name, curve in scores.items())
    alt = (
        f"{title}. Scores of clusters drawn at random for {n_samples} samples in {n_classes} classes, against the "
        f"number of clusters, from {n_clusters[0]} to {n_clusters[-1]}: {ends}. 0 would mean that nothing was found."
    )
    return Picture(figure, alt)


def _two_digits(number):
    """Two digits behind the point, and no minus before 0.00."""
    return f"{round(number, 2) + 0.0:.2f}"


def _apart(heights, distance):
    """Move heights up where labels beside them would overlap: {name: height}, at least `distance` from one another."""
    moved, last = {}, -np.inf
    for name in sorted(heights, key=heights.get):
        crowded = heights[name] < last + distance
        last = moved[name] = last + distance if crowded else heights[name]
    return moved
