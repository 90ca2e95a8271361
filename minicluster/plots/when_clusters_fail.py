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
    "bottleneck": "a wall, twice the steps",
}
SCORES = {  # score: label, colour, marker, size, how far above the middle of its row
    "unseen_combination": ("unseen right", RED, "D", 11, 0.2),
    "ari": ("ARI", BLUE, "s", 11, -0.2),
}
ELIMINATION = 1 / 3  # of unseen combinations: a task's three words that its pattern was not trained with


@pyplot.rc_context(STYLE)
def draw_when_clusters_fail(clouds, task, measured, layer):
    """Draw each model's states in the plane, with its scores above, and a panel in which the scores are compared.

    Parameters
    ----------
    clouds : dict from str to (n, 2) array
        Up to five models of `WORDS`, and their training strings at the separator.
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
    title = "Where clusters are the tasks, unseen combinations are answered"
    figure.suptitle(title, fontsize=22)
    above, below = figure.subfigures(2, 1)
    *places, last = *above.subfigures(1, 3), *below.subfigures(1, 3, width_ratios=(1, 1, 1.18))
    for place, (name, points) in zip(places, clouds.items()):
        axis = place.subplots()
        for t in range(int(np.max(task)) + 1):
            colour, marker = TASK_COLOURS[t % len(TASK_COLOURS)], MARKERS[t % len(MARKERS)]
            axis.scatter(*points[task == t].T, s=30, color=colour, marker=marker, alpha=0.75, linewidths=0)
        axis.set_title(f"{name}: {WORDS[name]}", fontsize=16)
        axis.set(xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set(visible=True, color="#bbbbbb")
    for place, words in zip(places[3:], ("marker and colour: the task", "axes: two principal components")):
        for axis in place.axes:
            axis.set_xlabel(words, fontsize=16, color=GREY)
    _draw_scores(last, measured)
    told = "; ".join(
        f"{name} ({WORDS[name]}) " + ", ".join(rounded(own[score]) for score in ("train", *SCORES, "bar"))
        for name, own in measured.items()
    )
    alt = (
        f"{title}. {len(clouds)} models whose tasks share their outputs: each one's training strings at the separator, "
        f"layer {layer}, in two principal components, coloured by task. The last panel compares them; of each, the "
        "share of trained answers that are right (not drawn), the share of unseen combinations, the ARI of clusters "
        f"and tasks, and what 99 % of regroupings stay below: {told}. By elimination {rounded(ELIMINATION)} of the "
        "unseen combinations would be right."
    )
    return Picture(figure, alt)


def _draw_scores(figure, measured):
    """Draw one row a model: both scores with their numbers, and strokes for what they are to be compared with."""
    axis, rows = figure.subplots(), np.arange(len(measured))
    for score, (label, colour, marker, size, above) in SCORES.items():
        values = [own[score] for own in measured.values()]
        axis.barh(rows - above, values, height=0.36, color=colour, alpha=0.3)
        axis.plot(values, rows - above, marker, color=colour, markersize=size, label=label, clip_on=False)
        for row, value, own in zip(rows, values, measured.values()):
            stroke = own["bar"] if score == "ari" else ELIMINATION
            axis.plot([stroke] * 2, [row - above - 0.2, row - above + 0.2], color=BLACK, linewidth=3, zorder=3)
            place = max(value, stroke if value + 0.25 > stroke else 0) + 0.05  # a number on no stroke
            axis.text(place, row - above, rounded(value), va="center_baseline", fontsize=15, color=colour)
    axis.set_yticks(rows, list(measured), fontsize=17)
    axis.set(xlim=(0, 1.22), ylim=(len(measured) - 0.5, -0.5), xticks=(0, 0.5, 1))
    axis.grid(False, axis="y")
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", labelsize=15)
    axis.set_xlabel("strokes: by elimination; 99 % of deals below", fontsize=14.5, x=0.3, color=GREY)
    look = {"ncols": 2, "fontsize": 17, "frameon": False, "handletextpad": 0, "columnspacing": 2}
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper right", **look)
