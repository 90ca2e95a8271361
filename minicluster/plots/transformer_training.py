"""The picture of a training: its loss, cut into what there was to learn, and its answers."""

import numpy as np
from matplotlib import pyplot

from .curves import rounded, step_axis
from .picture import BLACK, BLUE, GREY, ORANGE, RED, STYLE, WIDESCREEN, Picture

PART_COLOURS = ("#bcdff4", "#fbe0a8", "#8fd0bd")  # light sky, orange, green: words and lines stand out on them
LINE_LOOKS = ((BLUE, "o", "-"), (ORANGE, "s", "--"), (RED, "^", ":"))
THICK = 0.5  # nats; a part that is thinner than this at first has its name above the stack


@pyplot.rc_context(STYLE)
def draw_training(steps, parts, accuracy, levels, title):
    """Draw the loss as a stack of parts against the step, and the share of right answers beneath.

    Parameters
    ----------
    steps : (S,) sequence of int
        The first is 0.
    parts : dict from str to (S,) array
        Name and size, in nats, of up to three parts that add up to the loss, from the bottom of the stack to its top.
    accuracy : dict from str to (S,) array
        Share of right answers for each of up to three sets of examples.
    levels : dict from str to float
        Words and height, in nats, of what is known of the loss beforehand.
    title : str

    Returns
    -------
    Picture
    """
    steps, sizes = np.asarray(steps), np.array(list(parts.values()), float)  # (S,), (parts, S)
    loss = sizes.sum(axis=0)  # (parts, S) -> (S,)
    figure, (stack, right) = pyplot.subplots(
        2, 1, figsize=WIDESCREEN, layout="constrained", sharex=True, height_ratios=(1.8, 1)
    )
    figure.suptitle(title, fontsize=22)
    stack.stackplot(steps, sizes, colors=PART_COLOURS[: len(sizes)], edgecolor="white", linewidth=1.5)
    stack.plot(steps, loss, color=BLACK, marker="o", markersize=7, clip_on=False, zorder=4)
    step_axis(stack, steps)
    tops = sizes.cumsum(axis=0)[:, 0]  # (parts,) at the first step
    for name, size, top in zip(parts, sizes[:, 0], tops):
        if size >= THICK:
            stack.text(steps[1] * 0.15, top - size / 2, name, fontsize=18, va="center", zorder=5)
        else:
            place = {"xy": (steps[1] * 1.1, top - size / 2), "xytext": (steps[1] * 1.1, top + 0.7)}
            arrow = {"arrowstyle": "-", "color": BLACK, "linewidth": 1.5}
            stack.annotate(name, **place, arrowprops=arrow, fontsize=18, va="center", zorder=5)
    for words, height in levels.items():
        stack.axhline(height, color=GREY, linestyle="--", linewidth=2, zorder=3)
        stack.text(steps[-1], height + 0.13, f"{words} = {rounded(height)}", ha="right", fontsize=18, color=GREY)
    stack.set_ylim(0, 1.25 * loss[0])
    stack.set_ylabel("loss (nats)", fontsize=17)
    for (name, values), (colour, marker, line) in zip(accuracy.items(), LINE_LOOKS):
        look = {"color": colour, "marker": marker, "linestyle": line, "markersize": 8}
        right.plot(steps, values, label=f"{name}: {rounded(values[-1])} at the end", **look)
    right.legend(loc="upper left", fontsize=16)
    right.set_ylim(-0.03, 1.06)
    right.set_yticks([0, 0.5, 1])
    right.set_ylabel("right answers", fontsize=17)
    right.set_xlabel("training step (logarithmic)", fontsize=17)
    stack.set_xlabel("")
    for axis in (stack, right):
        axis.tick_params(labelsize=16)
    said = "; ".join(
        f"{' '.join(name.split())} from {rounded(size[0])} to {rounded(size[-1])}" for name, size in zip(parts, sizes)
    )
    ends = ", ".join(f"{name} {rounded(values[-1])}" for name, values in accuracy.items())
    known = "; ".join(f"{words}, {rounded(height)}" for words, height in levels.items())
    alt = (
        f"{title}. Above, the loss against the training step, {rounded(loss[0])} at step {steps[0]} and "
        f"{rounded(loss[-1])} at step {steps[-1]}, as a stack of parts, from the bottom: {said}. "
        f"Dashed lines: {known}. Below, the share of right answers, at the end: {ends}."
    )
    return Picture(figure, alt)
