"""A picture of the loss: how hard it pushes those who are wrong, and between which two numbers it falls."""

import numpy as np
from matplotlib import pyplot
from matplotlib.ticker import MultipleLocator

from .curves import step_axis
from .picture import BLACK, BLUE, RED, STYLE, WIDESCREEN, Picture

LOSS_LOOKS = ((BLUE, "o", "-"), (RED, "s", "--"))  # the loss, and the one that it is compared with
CURVE_LOOKS = ((BLUE, "o", "-"), (BLACK, "^", "--"))
MARKED_STEPS = (0, 1, 3, 10, 30, 100, 300)
LEVEL = "#777777"  # lines at log V and at the floor


@pyplot.rc_context(STYLE)
def draw_push_and_floor(margins, losses, pushes, curves, log_v, floor):
    """Draw two losses and their pushes against the margin, beside trainings that end at the floor.

    Parameters
    ----------
    margins : (n,) array
        Right score minus wrong score, ascending.
    losses, pushes : dict from str to (n,) array
        Two names, the same in both: the loss at each margin, and minus its derivative.
    curves : dict from str to (steps + 1,) array
        Two names: the loss before each step of a training and after the last. The first starts at `log_v`.
    log_v, floor : float
        The loss of someone who knows nothing, and the lowest that there is.

    Returns
    -------
    Picture
    """
    figure = pyplot.figure(figsize=WIDESCREEN, layout="constrained")
    figure.get_layout_engine().set(wspace=0.06, w_pad=0.1)
    places = figure.add_gridspec(2, 2)
    charge, push = figure.add_subplot(places[0, 0]), figure.add_subplot(places[1, 0])
    for axis, values in ((charge, losses), (push, pushes)):
        for (name, heights), (colour, marker, line) in zip(values.items(), LOSS_LOOKS):
            look = {"color": colour, "marker": marker, "linestyle": line, "linewidth": 3, "markersize": 8}
            axis.plot(margins, heights, label=name, markevery=max(1, len(margins) // 8), **look)
        axis.axvline(0, color=LEVEL, linewidth=1)
        axis.set_xlim(margins[0] - 0.3, margins[-1] + 0.3)
        axis.xaxis.set_major_locator(MultipleLocator(2))
        axis.tick_params(labelsize=16)
    charge.set_title("Cross-entropy: more wrong, more push", fontsize=20, pad=12)
    charge.legend(fontsize=17, loc="upper right")
    charge.tick_params(labelbottom=False)
    charge.set_ylabel("loss", fontsize=18)
    push.set_ylabel("push", fontsize=18)
    push.set_xlabel("margin: right score minus wrong score", fontsize=18)
    push.set_ylim(-0.05, 1.15)
    look = {"fontsize": 16, "va": "center", "transform": push.transAxes}
    push.text(0.03, 0.52, "sure\nof the wrong word", ha="left", **look)
    push.text(0.97, 0.52, "sure\nof the right word", ha="right", **look)
    figure.align_ylabels([charge, push])

    falling = figure.add_subplot(places[:, 1])
    for (name, heights), (colour, marker, line) in zip(curves.items(), CURVE_LOOKS):
        look = {"color": colour, "marker": marker, "linestyle": line, "linewidth": 3, "markersize": 9}
        marked = [step for step in MARKED_STEPS if step < len(heights)]
        falling.plot(np.arange(len(heights)), heights, label=name, markevery=marked, **look)
    steps = np.arange(max(map(len, curves.values())))
    step_axis(falling, steps)
    words = f"who knows nothing:\nlog V = {log_v:.2f}", f"no table gets below:\ncounted entropy = {floor:.2f}"
    for height, name, side, gap in ((log_v, words[0], "bottom", 0.05), (floor, words[1], "top", -0.07)):
        falling.axhline(height, color=LEVEL, linestyle=":", linewidth=2.5, zorder=1)
        falling.text(steps[-1], height + gap, name, ha="right", va=side, fontsize=18)
    falling.set_ylim(0, None)
    falling.set_xlim(-0.02, steps[-1] * 1.1)
    falling.set_title("It falls to this text's entropy, no further", fontsize=20, pad=12)
    falling.set_xlabel("training step", fontsize=18)
    falling.set_ylabel("loss (nats)", fontsize=18)
    falling.tick_params(labelsize=16)
    falling.legend(fontsize=17, loc="upper right")

    first, last = f"{margins[0]:.0f}", f"{margins[-1]:.0f}"
    left = "; ".join(
        f"{name}: loss {losses[name][0]:.2f} and push {pushes[name][0]:.2f} at {first}, "
        f"{losses[name][-1]:.2f} and {pushes[name][-1]:.2f} at {last}"
        for name in losses
    )
    right = "; ".join(f"{name}: from {heights[0]:.2f} to {heights[-1]:.2f}" for name, heights in curves.items())
    alt = (
        f"Left: two losses, and below them their pushes, against the margin by which the right score exceeds the wrong "
        f"one, from {first} to {last}. {_capital(left)}. Right: the loss against the training step, {steps[-1]} steps. "
        f"{_capital(right)}. Dotted lines: log V, {log_v:.2f}, and the entropy of the counted frequencies, {floor:.2f}."
    )
    return Picture(figure, alt)


def _capital(text):
    return text[:1].upper() + text[1:]
