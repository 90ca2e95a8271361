"""Pictures of clustering: k-means at work, and what scores are worth."""

import numpy as np
from matplotlib import pyplot

from .picture import BLACK, BLUE, GREEN, ORANGE, RED, SKY, STYLE, WIDESCREEN, Picture

CLUSTER_COLOURS = (BLUE, ORANGE, GREEN, RED, SKY)
CLUSTER_MARKERS = ("o", "^", "s", "D", "v")
GREY = "#555555"


@pyplot.rc_context(STYLE)
def draw_lloyd(x, steps, history):
    """Draw k-means at work in the plane: up to four moments, and the inertia after each iteration.

    Parameters
    ----------
    x : (n, 2) array
    steps : list of (iteration, centers, labels)
        At most 4, by rising iteration; centers (k, 2) with k at most 5, labels (n,).
    history : (iterations + 1,) sequence of float
        The inertia at the start and after each iteration.

    Returns
    -------
    Picture
    """
    figure = pyplot.figure(figsize=WIDESCREEN, layout="constrained")
    figure.suptitle("k-means: each sample to the nearest centre, each centre to its samples' mean", fontsize=20)
    places = figure.add_gridspec(2, 3, width_ratios=(1, 1, 1.1))
    low, high = x.min(axis=0), x.max(axis=0)
    everything = np.vstack([x, *(centers for _, centers, _ in steps)])  # (n + ..., 2)
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = 0.06 * (high - low)
    paths = []  # of the centres: one (k, 2) array a step so far
    for place, (iteration, centers, labels) in zip((places[0, 0], places[0, 1], places[1, 0], places[1, 1]), steps):
        axis = figure.add_subplot(place)
        paths.append(centers)
        for cluster in range(len(centers)):
            own, colour, marker = labels == cluster, CLUSTER_COLOURS[cluster], CLUSTER_MARKERS[cluster]
            axis.scatter(*x[own].T, s=26, color=colour, marker=marker, alpha=0.55, linewidths=0)
            axis.plot(*np.array([path[cluster] for path in paths]).T, color=BLACK, linewidth=1.5, linestyle=":")
            axis.plot(*centers[cluster], marker, color=colour, markeredgecolor=BLACK, markeredgewidth=2, markersize=16)
        axis.set_title("start" if iteration == 0 else f"after {iteration} iteration{'s' * (iteration > 1)}", fontsize=16)
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
        f"k-means on {len(x)} points in the plane with {len(steps[0][1])} centres, at {moments}: points take the colour "
        "and marker of their nearest centre, and dotted lines show the centres' ways. Beside it the inertia after each "
        f"iteration: {', '.join(f'{value:.0f}' for value in history)}."
    )
    return Picture(figure, alt)
