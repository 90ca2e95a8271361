"""Numerical derivatives: error against step."""

from matplotlib import pyplot

from .picture import BLACK, BLUE, RED, SKY, STYLE, WIDESCREEN, Picture


@pyplot.rc_context(STYLE)
def draw_step_sizes(steps, errors):
    """Draw the error of numerical derivatives against the step, both axes logarithmic.

    Parameters
    ----------
    steps : (n,) array
        Step sizes h, ascending, about from 1e-18 to 1.
    errors : dict
        "forward difference", "central difference" and "complex step" -> (n,) relative errors above 0.

    Returns
    -------
    Picture
    """
    figure, axis = pyplot.subplots(figsize=WIDESCREEN, layout="constrained")
    figure.suptitle("How small a step? Three numerical derivatives and their errors", fontsize=22)
    forward, central, exact = (errors[name] for name in ("forward difference", "central difference", "complex step"))
    best = {name: (steps[curve.argmin()], curve.min()) for name, curve in errors.items()}
    small = steps <= 1e-8  # where h squared is below the last digit
    floor = exact[small].max()
    summaries = {
        name: f"best h {_power(best[name][0])}, error {_power(best[name][1])}"
        for name in ("forward difference", "central difference")
    }
    summaries["complex step"] = f"every h up to {_power(steps[small][-1])}: error at most {_power(floor)}"

    # The widest first: where two curves run together, both still show.
    axis.loglog(steps, exact, color=SKY, linewidth=10, solid_capstyle="round", label="complex step")
    axis.loglog(steps, forward, color=RED, marker="^", markersize=8, label="forward difference")
    axis.loglog(steps, central, color=BLACK, marker="s", markersize=5, label="central difference")
    for name, colour in (("forward difference", RED), ("central difference", BLACK)):
        axis.plot(*best[name], "o", markersize=19, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=2.5)

    turn = best["central difference"][0]
    axis.text(2e-18, 1e-1, "x + h is x:\nno digit left", va="top", fontsize=16, color="#555555")
    # Dashed: lines whose slopes are exact.
    _guide(axis, steps, forward, (1e-5, 1e-2), 1, 12, "truncation\nerror ~ h\nslope 1", ha="right", va="bottom")
    _guide(axis, steps, central, (3e-4, 3e-1), 2, 1 / 100, "truncation\nerror ~ h²\nslope 2", ha="left", va="top")
    _guide(
        axis, steps, central, (1e-14, 1e-10), -1, 1 / 15, "rounding\nerror ~ eps / h\nslope −1", ha="right", va="top"
    )
    for name, formula, colour, x, y in (
        ("forward difference", "(f(x + h) − f(x)) / h", RED, 3e-11, 3e1),
        ("central difference", "(f(x + h) − f(x − h)) / 2h", BLACK, turn * 2, 2e-13),
        ("complex step", "imaginary part of f(x + ih), over h: nothing is subtracted", BLUE, 2e-18, 3e-12),
    ):
        axis.text(x, y, name, color=colour, fontsize=20, fontweight="bold", va="bottom")
        axis.text(x, y * 0.7, f"{formula}\n{summaries[name]}", color=colour, fontsize=16, va="top", linespacing=1.3)
    axis.set(xlim=(steps[0], steps[-1] * 20), ylim=(1e-17, 1e3))
    axis.set_xlabel("step h", fontsize=18)
    axis.set_ylabel("relative error of the derivative", fontsize=18)
    axis.tick_params(labelsize=16)
    alt = (
        f"Relative error of a numerical derivative against the step h, from {_power(steps[0])} to {_power(steps[-1])}, "
        "both axes logarithmic. The two differences make a V each: truncation to its right, rounding to its left. The "
        "complex step falls with the central difference, then stays at the last digit. "
        + " ".join(f"{name.capitalize()}: {summary}." for name, summary in summaries.items())
    )
    return Picture(figure, alt)


def _guide(axis, steps, curve, span, power, gap, text, **alignment):
    """Draw a line of that power of the step beside a curve, and write beside its middle what it is."""
    anchor = steps.searchsorted((span[0] * span[1]) ** 0.5)
    height = curve[anchor] * gap
    axis.plot(span, [height * (step / steps[anchor]) ** power for step in span], "--", color="#777777", linewidth=2)
    axis.annotate(
        text,
        (steps[anchor], height),
        (-6 if alignment["ha"] == "right" else 6, 4 if alignment["va"] == "bottom" else -4),
        textcoords="offset points",
        fontsize=16,
        color="#555555",
        **alignment,
    )


def _power(number):
    return f"{number:.0e}".replace("e-0", "e-").replace("e+00", "")
