"""The size of numbers through many layers, with and without LayerNorm; GELU, its slope, and ReLU."""

import numpy as np
from matplotlib import pyplot

from .picture import BLACK, BLUE, GREY, ORANGE, RED, STYLE, WIDESCREEN, Picture

LOOKS = ((RED, "v"), (GREY, "^"))  # colour and marker of a stack of layers without LayerNorm
DARK_ORANGE = "#a06a00"  # of words beside an orange line: orange is too light to read
WORDS = {"fontsize": 17, "fontweight": "bold"}


@pyplot.rc_context(STYLE)
def draw_layernorm_and_gelu(plain, normalised, x, gelu, relu, slope):
    """Draw how LayerNorm keeps the size of numbers and how GELU bends, side by side.

    Parameters
    ----------
    plain, normalised : dict from str to (L + 1,) array
        What the weights are like -> size of the numbers after each linear layer, the input first, all above 0; without
        LayerNorm, and with LayerNorm between the layers. Two names, the same in both.
    x : (n,) array
        Ascending, from below 0 to above 0.
    gelu, relu, slope : (n,) arrays
        The two functions at x, and the derivative of GELU.

    Returns
    -------
    Picture
    """
    figure, (sizes, bends) = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained", width_ratios=(1.1, 1))
    figure.suptitle("LayerNorm keeps the numbers' size, GELU bends them", fontsize=22)
    for (name, curve), (colour, marker) in zip(plain.items(), LOOKS):
        _draw_size(sizes, name, curve, colour, marker)
        sizes.semilogy(normalised[name], color=BLUE, marker=marker, markersize=6)
    highest = max(normalised.values(), key=max)
    n_layers = len(highest) - 1
    note = {"textcoords": "offset points", "ha": "right", "va": "bottom", "color": BLUE}
    sizes.annotate("with LayerNorm", (n_layers, highest[-1]), (0, 9), **note, **WORDS)
    sizes.set_title(f"{n_layers} layers deep", fontsize=19)
    sizes.set_xlabel("linear layers passed", fontsize=17)
    sizes.set_ylabel("size of the numbers", fontsize=17)

    lowest = _draw_bends(bends, x, gelu, relu, slope)
    for axis in (sizes, bends):
        axis.tick_params(labelsize=16)
    ends = "; ".join(
        f"{name}: {short(curve[-1])} without LayerNorm, {short(normalised[name][-1])} with it"
        for name, curve in plain.items()
    )
    alt = (
        f"Left: size of the numbers after each of {n_layers} linear layers, logarithmic axis. Without LayerNorm they "
        f"run away on straight lines, with it they stay level. At the end, {ends}. Right: GELU, ReLU and GELU's "
        f"slope for x from {x[0]:.3g} to {x[-1]:.3g}. GELU is close to ReLU far from 0 and bends smoothly near it; its "
        f"lowest value is {gelu[lowest]:.2f}, at x = {x[lowest]:.2f}. Its slope runs from {slope.min():.2f} to "
        f"{slope.max():.2f}."
    )
    return Picture(figure, alt)


def _draw_size(axis, name, curve, colour, marker):
    axis.semilogy(curve, color=colour, marker=marker, markersize=7)
    height, side = (0.96, "top") if curve[-1] > curve[0] else (0.04, "bottom")
    words = f"{name}:\n{short(curve[-1])} at the end"
    axis.text(0.05, height, words, transform=axis.transAxes, va=side, color=colour, linespacing=1.3, **WORDS)


def _draw_bends(axis, x, gelu, relu, slope):
    """Draw the two functions and the slope; return where GELU is lowest, as an index."""
    lowest = int(gelu.argmin())
    for line in (axis.axhline, axis.axvline):
        line(0, color="#999999", linewidth=1.2)
    axis.plot(x, gelu, color=BLUE, linewidth=5)
    axis.plot(x, relu, color=BLACK, linestyle="--", linewidth=2.5)
    axis.plot(x, slope, color=ORANGE, marker="o", markevery=max(1, len(x) // 24), markersize=6)
    axis.set_title("Near 0, a smooth bend", fontsize=19)
    axis.set_xlabel("x", fontsize=17)
    right = x[-1]
    axis.text(0.7 * right, 0.8 * right, "ReLU", color=BLACK, ha="right", **WORDS)
    axis.text(0.74 * right, 0.62 * right, "GELU", color=BLUE, ha="left", **WORDS)
    axis.text(-0.06 * right, 0.75, "slope of GELU", color=DARK_ORANGE, ha="right", va="center", **WORDS)
    axis.annotate(
        f"lowest: {gelu[lowest]:.2f}".replace("-", "\N{MINUS SIGN}"), (x[lowest], gelu[lowest]), (-70, -10),
        textcoords="offset points", ha="center", va="top", color=BLUE, **WORDS,
    )  # fmt: skip
    axis.set_ylim(-0.22 * right, None)
    return lowest


def short(number):
    """Return a positive number as text of two digits, without a power of ten where that is short."""
    return f"{number:.0f}" if number >= 100 else f"{number:.2g}"
