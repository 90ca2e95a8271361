"""The picture of lesson 1: what a model makes of its instructions, before training and after."""

import numpy as np
from matplotlib import pyplot

from .curves import MARKERS, TASK_COLOURS
from .picture import BLACK, STYLE, WIDESCREEN, Picture

MOST_TASKS = len(TASK_COLOURS)
LABEL_SPACE = 0.34  # beside the points, for the names of the marked ones; of the points' width
LEAST_GAP = 0.075  # between two names, of the points' height


@pyplot.rc_context(STYLE)
def draw_first_look(clouds, task, shares, chance, marked):
    """Draw the same strings twice in the plane, coloured by task, and over each cloud a number.

    Parameters
    ----------
    clouds : dict from str to (n, 2) array
        Two: a title, and where the strings are.
    task : (n,) integers
        In 0..9.
    shares : (2,) sequence of float
        Of each cloud: strings whose nearest string from another pattern is of their task.
    chance : float
        What to expect of that where places have nothing to do with tasks.
    marked : dict from str to int
        Strings to be named in the picture, and their rows. May be empty.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        If there are more tasks than colours.
    """
    n_tasks = int(np.max(task)) + 1
    if n_tasks > MOST_TASKS:
        raise ValueError(f"task goes up to {n_tasks - 1}, expected at most {MOST_TASKS - 1}: there are no more colours")
    figure, axes = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained")
    figure.suptitle(f"The same {len(task)} strings inside the model: nobody told it the colours", fontsize=22)
    for axis, (title, points), share in zip(axes, clouds.items(), shares):
        for t in range(n_tasks):
            look = {"color": TASK_COLOURS[t], "marker": MARKERS[t], "label": f"{t}"}
            axis.scatter(*points[task == t].T, s=42, alpha=0.75, linewidths=0, **look)
        axis.set_title(title, fontsize=20, fontweight="bold", pad=38)
        words = f"neighbour of the same task: {share:.0%} (chance {chance:.0%})"
        axis.text(0.5, 1.02, words, ha="center", va="bottom", fontsize=17, transform=axis.transAxes)
        axis.set(xticks=[], yticks=[])
        axis.set_xlabel("first direction", fontsize=16)
        axis.grid(False)
        for spine in axis.spines.values():
            spine.set(visible=True, color="#999999")
        _name_strings(axis, points, marked)
    axes[0].set_ylabel("second direction", fontsize=16)
    handles, labels = axes[0].get_legend_handles_labels()
    handles, labels = [pyplot.Line2D([], [], linestyle="none"), *handles], ["task", *labels]
    look = {"ncols": n_tasks + 1, "fontsize": 17, "markerscale": 2, "columnspacing": 1.4, "handletextpad": 0.1}
    legend = figure.legend(handles, labels, loc="outside lower center", **look)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    numbers = "; ".join(f"{title}: {share:.0%}" for title, share in zip(clouds, shares))
    alt = (
        f"The hidden states of {len(task)} strings in two directions, twice, coloured by their {n_tasks} tasks. "
        f"Strings whose nearest one from another pattern is of their task: {numbers}; chance: {chance:.0%}."
    )
    if marked:
        alt += f" Ringed in both panels: {', '.join(marked)}."
    return Picture(figure, alt)


def _name_strings(axis, points, marked):
    """Ring the marked points and write their names at the nearer side of the panel, in the order of their heights."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.where(high > low, high - low, 1.0)
    places = {string: (points[row] - low) / size for string, row in marked.items()}  # in 0..1
    left = bool(marked) and np.mean([x for x, _ in places.values()]) < 0.5
    room = LABEL_SPACE if marked else 0.0
    axis.set_xlim(low[0] - size[0] * (0.04 + room * left), high[0] + size[0] * (0.04 + room * (not left)))
    axis.set_ylim(low[1] - 0.05 * size[1], high[1] + 0.05 * size[1])
    order = sorted(places, key=lambda string: places[string][1])
    heights = [places[string][1] for string in order]
    for at in range(1, len(heights)):
        heights[at] = max(heights[at], heights[at - 1] + LEAST_GAP)
    down = max(0.0, heights[-1] - 1) if heights else 0.0
    for string, height in zip(order, heights):
        at = points[marked[string]]
        axis.plot(*at, "o", markersize=13, markerfacecolor="none", markeredgecolor=BLACK, markeredgewidth=1.8)
        where = low + size * (-0.1 if left else 1.1, height - down)
        line = {"arrowstyle": "-", "color": BLACK, "linewidth": 1, "shrinkB": 7, "relpos": (1.0 if left else 0.0, 0.5)}
        look = {"fontsize": 16, "family": "monospace", "va": "center", "ha": "right" if left else "left"}
        axis.annotate(string, at, xytext=where, arrowprops=line, **look)
