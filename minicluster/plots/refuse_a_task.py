"""Refusing a task: how far a refusal reaches while it is learned, and how far a guard reaches that learns nothing."""

from matplotlib import pyplot

from .curves import GREY, rounded
from .picture import BLUE, GREEN, ORANGE, STYLE, WIDESCREEN, Picture

# What was shown is thin: what the picture is about are the patterns that were not.
LOOKS = (  # group: label, colour, marker, its size, line, its width
    ("shown pattern", ORANGE, "s", 8, "--", 2),
    ("never shown patterns of the task", BLUE, "o", 10, "-", 4),
    ("the nine other tasks", GREY, "v", 8, ":", 2.5),
)
GUARD = "guard: never shown"
RANGE = "never shown: range over tasks"


@pyplot.rc_context(STYLE)
def draw_refusals(steps, refused, spread, guard, ari):
    """Draw the share that is refused against the fine-tuning step, one panel a model.

    Parameters
    ----------
    steps : (S,) sequence of int
    refused : dict from model to (S, 3) array
        Of the shown pattern, of the task's other patterns and of the other tasks.
    spread : dict from model to pair of (S,) arrays
        The least and the largest share of the task's other patterns, over tasks.
    guard : dict from model to pair of floats
        What a guard refuses of the task's other patterns and of the other tasks.
    ari : dict from model to float

    Returns
    -------
    Picture
    """
    shape = {"nrows": 1, "ncols": len(refused), "sharex": True, "sharey": True}
    figure, panels = pyplot.subplots(**shape, figsize=WIDESCREEN, layout="constrained")
    figure.suptitle("Eight examples of one phrasing: how far does a refusal reach?", fontsize=22)
    told = []
    for axis, (name, shares) in zip(panels, refused.items()):
        for column, (label, colour, marker, size, line, width) in enumerate(LOOKS):
            axis.plot(steps, shares[:, column], color=colour, marker=marker, markersize=size, linestyle=line,
                      linewidth=width, label=label, clip_on=False, zorder=3)  # fmt: skip
        axis.fill_between(steps, *spread[name], color=BLUE, alpha=0.15, linewidth=0, label=RANGE)
        axis.axhline(guard[name][0], color=GREEN, linestyle="-.", linewidth=2.5, label=GUARD)
        axis.plot(steps[-1], guard[name][0], color=GREEN, marker="*", markersize=20, clip_on=False, zorder=4)
        axis.set_title(f"{name}\n(at the separator: ARI {rounded(ari[name])})", fontsize=17)
        axis.set(xlabel="fine-tuning step", xticks=steps[::2])
        axis.tick_params(labelsize=15)
        ends = "; ".join(f"{label} {rounded(float(share))}" for (label, *_), share in zip(LOOKS, shares[-1]))
        told.append(
            f"{name}, ARI {rounded(ari[name])}: {ends}; guard {rounded(float(guard[name][0]))}, of other tasks "
            f"{rounded(float(guard[name][1]))}"
        )
    panels[0].set_ylabel("share refused, training rows", fontsize=16)
    panels[0].set_ylim(-0.03, 1.06)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=15)
    alt = (
        f"{len(refused)} panels, one a model: the share of rows that is refused, over {steps[-1]} steps of "
        "fine-tuning, and the share that a guard refuses. At the last step: " + ". ".join(told) + "."
    )
    return Picture(figure, alt)
