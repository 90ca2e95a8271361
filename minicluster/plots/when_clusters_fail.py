"""The picture of lesson 14: models that were told different things, their clusters and what they generalise to."""

import numpy as np
from matplotlib import pyplot

from .curves import MARKERS, TASK_COLOURS, rounded
from .picture import BLACK, BLUE, GREY, RED, STYLE, WIDESCREEN, Picture

WORDS = {  # model: what it is told
    "plain": "told nothing",
    "groups": "told the task",
    "pseudo": "told pseudo-tasks",
    "pairs": "told pairs",
    "bottleneck": "told nothing, walled\nin, twice the steps",
}
SCORES = {  # score: label, colour, marker, size
    "train": ("trained answers that are right", BLACK, "o", 11),
    "unseen_combination": ("unseen combinations that are right", RED, "D", 15),
    "ari": ("ARI of clusters and tasks", BLUE, "s", 12),
}
ELIMINATION = 1 / 3  # of unseen combinations: a task's three words that its pattern was not trained with


@pyplot.rc_context(STYLE)
def draw_when_clusters_fail(clouds, task, measured, layer):
    """Draw, for each model, its states in the plane, and beneath them its scores.

    Parameters
    ----------
    clouds : dict from str to (n, 2) array
        Model, one of `WORDS`, and its training strings at the separator.
    task : (n,) integers
    measured : dict from str to dict
        The same models, and of each "train", "unseen_combination", "ari", and its "bar", which chance stays below.
    layer : int
        That the clouds and the ARI are of.

    Returns
    -------
    Picture
    """
    figure = pyplot.figure(figsize=WIDESCREEN, layout="constrained")
    figure.suptitle("The same outputs for all tasks: who forms clusters, and who generalises", fontsize=21)
    grid = figure.add_gridspec(2, len(clouds), height_ratios=(1, 1.35))
    for place, (name, points) in enumerate(clouds.items()):
        axis = figure.add_subplot(grid[0, place])
        for t in range(int(np.max(task)) + 1):
            colour, marker = TASK_COLOURS[t % len(TASK_COLOURS)], MARKERS[t % len(MARKERS)]
            axis.scatter(*points[task == t].T, s=16, color=colour, marker=marker, alpha=0.75, linewidths=0)
        axis.set_title(name, fontsize=18, fontweight="bold")
        axis.set(xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set(visible=True, color="#bbbbbb")
    axis = figure.add_subplot(grid[1, :])
    places = np.arange(len(measured))
    for at, (score, (label, colour, marker, size)) in enumerate(SCORES.items()):
        values = [own[score] for own in measured.values()]
        x = places + 0.25 * (at - 1)
        axis.vlines(x, 0, values, color=colour, linewidth=5, alpha=0.35)
        axis.plot(x, values, marker, color=colour, markersize=size, label=label, clip_on=False)
        for here, value, own in zip(x, values, measured.values()):
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
            look = {"fontsize": 15, "color": colour, "bbox": box}
            if score == "ari" and value + 0.04 < own["bar"] < value + 0.16:  # the bar would go through the number
                axis.text(here + 0.06, value, rounded(value), va="center", **look)
            else:
                axis.text(here, value + 0.07, rounded(value), ha="center", **look)
    for place, own in zip(places, measured.values()):
        label = "ARI that 99 % of regroupings are below" if place == 0 else None
        axis.plot([place + 0.13, place + 0.37], [own["bar"]] * 2, ":", color=BLUE, linewidth=3, label=label)
    label = "unseen, by elimination: 1/3"
    axis.axhline(ELIMINATION, color=GREY, linestyle="--", linewidth=1.5, zorder=0, label=label)
    axis.set_xticks(places, [WORDS[name] for name in measured], fontsize=16)
    axis.set(xlim=(-0.5, len(measured) - 0.5), ylim=(0, 1.15), yticks=np.arange(0, 1.01, 0.25))
    axis.grid(False, axis="x")
    named = axis.get_legend_handles_labels()
    figure.legend(*named, loc="outside lower center", ncols=3, fontsize=14, columnspacing=1.2)
    told = "; ".join(
        f"{name} ({' '.join(WORDS[name].split())}) " + ", ".join(rounded(own[score]) for score in (*SCORES, "bar"))
        for name, own in measured.items()
    )
    alt = (
        f"{len(clouds)} models whose tasks share their outputs. Above, each one's training strings at the separator, "
        f"layer {layer}, in two principal components, coloured by task. Below, the share of trained answers that are "
        "right, the share of unseen combinations, the ARI of clusters and tasks, and what 99 % of regroupings stay "
        f"below: {told}. A dashed line at {rounded(ELIMINATION)}: unseen combinations by elimination."
    )
    return Picture(figure, alt)
