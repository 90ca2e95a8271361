"""Pictures of projections: what t-SNE makes of the same data."""

import numpy as np
from matplotlib import pyplot

from .clusters import CLUSTER_COLOURS, CLUSTER_MARKERS
from .picture import STYLE, WIDESCREEN, Picture


@pyplot.rc_context(STYLE)
def draw_perplexities(panels, group, names, title):
    """Draw the same rows as t-SNE shows them at several perplexities.

    Parameters
    ----------
    panels : list of (perplexity, points, note)
        At most 4; points (n, 2), the note a line or two to stand beside them.
    group : (n,) integer array
        Colour and marker of each row, in 0..4.
    names : list of str
        Of the groups.
    title : str
        What the data are.

    Returns
    -------
    Picture
    """
    figure, axes = pyplot.subplots(2, 2, figsize=WIDESCREEN, layout="constrained")
    figure.suptitle(title, fontsize=20)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for axis, (perplexity, points, note) in zip(axes.flat, panels):
        for g, name in enumerate(names):
            own, colour = points[group == g], CLUSTER_COLOURS[g]
            axis.scatter(*own.T, s=18, color=colour, marker=CLUSTER_MARKERS[g], alpha=0.7, linewidths=0, label=name)
        middle = points.mean(axis=0)
        reach = 1.08 * np.abs(points - middle).max()
        axis.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
        axis.set(xticks=[], yticks=[], aspect="equal", anchor="W")  # a square, and words to its right
        axis.grid(False)
        axis.text(1.05, 0.62, f"perplexity {perplexity}", transform=axis.transAxes, fontsize=20, fontweight="bold")
        axis.text(1.05, 0.54, note, transform=axis.transAxes, fontsize=16, va="top", linespacing=1.5)
        for spine in axis.spines.values():
            spine.set(visible=True, color="#999999")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(names), fontsize=16, markerscale=2)
    each = "; ".join(f"at {perplexity}, {', '.join(note.splitlines())}" for perplexity, _, note in panels)
    alt = f"{title}. The same {len(group)} rows at {len(panels)} perplexities: {each}."
    return Picture(figure, alt)
