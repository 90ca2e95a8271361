"""What curves over layers and steps have in common, and how tasks are told apart."""

from matplotlib import colormaps

from .picture import BLACK, GREY

# Colour-blind readers tell them apart: Tol 2021, "muted", plus black.
TASK_COLOURS = (
    "#332288",
    "#cc6677",
    "#117733",
    "#ddcc77",
    "#88ccee",
    "#882255",
    "#44aa99",
    "#999933",
    "#aa4499",
    BLACK,
)
MARKERS = "osD^v<>PX*"


def layer_colour(layer, n_layers):
    """Light to dark with depth, in colour and in grey; `n_layers` counts layer 0."""
    return colormaps["viridis_r"](0.08 + 0.92 * layer / max(1, n_layers - 1))


def layer_label(layer, n_layers):
    """Return the name of a layer; `n_layers` counts layer 0."""
    return f"layer {layer}" + {0: " (embedding)", n_layers - 1: " (read by nothing)"}.get(layer, "")


def step_axis(axis, steps):
    """Steps on a logarithmic scale that has room for 0, the untrained model."""
    first, last = steps[1], steps[-1]
    axis.set_xscale("symlog", linthresh=first, linscale=0.2)
    ticks = [0] + [digit * 10**k for k in range(len(str(last))) for digit in (1, 3) if first <= digit * 10**k <= last]
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xlim(0, last * 1.1)
    axis.set_xlabel("training step")


def median_line(axis, x, numbers, **look):
    """Draw medians as a line, and ranges as a band.

    Parameters
    ----------
    axis : matplotlib Axes
    x : sequence
    numbers : list of {"median", "low", "high"}
        One for each x; those without a median are left out.
    look
        Of the line.
    """
    there = [(place, number) for place, number in zip(x, numbers) if number["median"] is not None]
    if not there:
        return
    places = [place for place, _ in there]
    axis.plot(places, [number["median"] for _, number in there], **look)
    low, high = ([number[end] for _, number in there] for end in ("low", "high"))
    if low != high:
        axis.fill_between(places, low, high, color=look["color"], alpha=0.15, linewidth=0)


def rounded(value):
    """Two digits behind the point, and no minus before 0.00; "-" for None."""
    return "-" if value is None else f"{round(value, 2) + 0:.2f}"  # adding 0 turns -0 into 0
