"""Programs for the same thing, each faster than the one before."""

from matplotlib import pyplot

from .picture import BLACK, BLUE, ORANGE, RED, SKY, STYLE, WIDESCREEN, Picture


@pyplot.rc_context(STYLE)
def draw_rungs(rungs, peak=None):
    """Draw how fast each rung of a ladder of programs is, as bars on a logarithmic axis.

    Parameters
    ----------
    rungs : list of dict
        From the first rung to the last. `group`: what is computed; rungs of a group follow one another under this
        heading. `name`: what this rung does. `number`: which rung it is, None for what it is only compared with.
        `kind`: "one core", "all cores", "NumPy" or "PyTorch". `gflops`: its speed in GFLOP/s, above 0.
    peak : float, optional
        What the machine can do at most, in GFLOP/s.

    Returns
    -------
    Picture
    """
    looks = {
        "one core": (SKY, "", BLACK),
        "all cores": (BLUE, "", "white"),
        "NumPy": (ORANGE, "//", BLACK),
        "PyTorch": (RED, "\\\\", BLACK),
    }
    figure, axis = pyplot.subplots(figsize=WIDESCREEN, layout="constrained")
    figure.get_layout_engine().set(rect=(0.01, 0.01, 0.92, 0.98))  # of the figure's width and height
    figure.suptitle("Same result, faster: the rungs of a matrix product", fontsize=22, x=0.5)
    speeds = [rung["gflops"] for rung in rungs]
    lowest, highest = min(speeds) / 3, max(speeds + [peak or 0]) * 1.6
    axis.set_xscale("log")

    # Columns of numbers to the right of the bars: heights in the axis' units, places across in widths of the axis.
    column = {"transform": axis.get_yaxis_transform(), "ha": "right", "va": "center_baseline", "fontsize": 17}
    heights, sentences, row, before = [], [], 0.0, None  # before: the speed of the group's last rung
    for rung, last in zip(rungs, [None, *rungs]):
        group, name, kind, speed = (rung[key] for key in ("group", "name", "kind", "gflops"))
        if last is None or last["group"] != group:
            row, before = row + (0.35 if last else 0), None
            axis.text(lowest * 1.12, row, group, fontsize=16, fontweight="bold", va="center")
            sentences.append(f"{group}:")
            row += 0.95
        colour, hatch, text = looks[kind]
        axis.barh(row, speed - lowest, left=lowest, height=0.74, color=colour, hatch=hatch, edgecolor="white")
        axis.text(1.13, row, _speed(speed), **column)
        if rung["number"] is not None:
            axis.text(
                lowest * 1.12, row, rung["number"], va="center_baseline", fontsize=17, fontweight="bold", color=text
            )
        words = f"{name} {_speed(speed)}"
        if rung["number"] is not None:
            if before is not None:
                factor = f"× {_speed(speed / before)}"
                axis.text(1.27, row, factor, **column)
                words += f" (x {_speed(speed / before)})"
            before = speed
        sentences[-1] += f" {words},"
        heights.append(row)
        row += 1

    for x, head in ((1.13, "GFLOP/s"), (1.27, "step")):
        axis.text(x, -0.75, head, color="#555555", **column | {"fontsize": 14})
    if peak:
        axis.axvline(peak, color=BLACK, linestyle="--", linewidth=2)
        axis.text(peak * 1.08, -0.75, f"the machine's peak {_speed(peak)}", ha="right", va="center_baseline")
    axis.set(xlim=(lowest, highest), ylim=(row - 0.4, -0.45))
    axis.set_yticks(heights, [rung["name"] for rung in rungs], fontsize=17)
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")
    axis.set_axisbelow(True)
    powers = range(-9, 9)
    axis.set_xticks([10.0**power for power in powers if lowest <= 10.0**power <= highest])
    axis.set_xticks([], minor=True)
    axis.xaxis.set_major_formatter(lambda tick, _: f"{tick:,g}")
    axis.tick_params(axis="x", labelsize=15)
    axis.set_xlabel(
        "billions of additions and multiplications a second; each line ten times the one before", fontsize=15
    )
    kinds = [kind for kind in looks if any(rung["kind"] == kind for rung in rungs)]
    patches = [
        pyplot.Rectangle((0, 0), 1, 1, facecolor=looks[k][0], hatch=looks[k][1], edgecolor="white") for k in kinds
    ]
    names = [{"NumPy": "NumPy (BLAS)"}.get(kind, kind) for kind in kinds]
    figure.legend(patches, names, loc="outside lower center", ncols=len(names), fontsize=15, frameon=False)
    alt = "Speed in GFLOP/s, logarithmic, one bar a rung. " + " ".join(f"{sentence[:-1]}." for sentence in sentences)
    return Picture(figure, alt + (f" The machine's peak: {_speed(peak)}." if peak else ""))


def _speed(number):
    """Two digits, or all before the point."""
    return f"{number:.0f}" if number >= 9.95 else f"{number:.1f}" if number >= 0.995 else f"{number:.2g}"
