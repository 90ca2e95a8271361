"""Present or used: how many answers a patch moves, beside how clear the clusters are."""

from matplotlib import pyplot

from .curves import GREY, rounded
from .picture import BLUE, GREEN, ORANGE, RED, STYLE, WIDESCREEN, Picture

# Large marks beneath small ones: where curves run together, all of them still show.
LOOKS = {  # patch: label, colour, marker, its size, line
    "instruction": ("whole instruction: another string", GREEN, "s", 12, "-"),
    "random_held": ("separator: random steps, from here on", GREY, "v", 15, "--"),
    "held": ("separator: another centroid, from here on", BLUE, "o", 10, "-"),
    "here": ("separator: another centroid, here only", ORANGE, "^", 6, "-"),
}
WAYS = {"plain": "input may see all letters", "bottleneck": "input sees the separator only"}


@pyplot.rc_context(STYLE)
def draw_present_or_used(ari, bar, moved):
    """Draw the share of answers moved by each patch, and ARI, by layer: the plain model beside the bottleneck.

    Parameters
    ----------
    ari : dict
        "plain" and "bottleneck" -> (L + 1,) ARI by task at the separator.
    bar : dict
        The same for what chance stays below: the 99th percentile of the regrouping null.
    moved : dict
        "plain" and "bottleneck" -> {patch: (L + 1,) shares}, with the patches "instruction", "held", "here" and
        "random_held".

    Returns
    -------
    Picture
    """
    figure, panels = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained", sharex=True, sharey=True)
    figure.suptitle("Present or used? The same clusters, and who reads them", fontsize=22)
    told = []
    for axis, (name, way) in zip(panels, WAYS.items()):
        layers = range(len(ari[name]))
        axis.plot(layers, ari[name], color=RED, marker="*", markersize=15, linestyle="-.",
                  label="(present: ARI by task at the separator)")  # fmt: skip
        axis.plot(layers, bar[name], color=RED, marker="_", markersize=12, linestyle=":",
                  label="(ARI: 99 % of regroupings are below)")  # fmt: skip
        for patch, (label, colour, marker, size, line) in LOOKS.items():
            axis.plot(layers, moved[name][patch], color=colour, marker=marker, markersize=size, linestyle=line,
                      label=label, clip_on=False)  # fmt: skip
        axis.set_title(f"{name}: {way}", fontsize=18)
        axis.set_xticks(list(layers), [*map(str, layers[:-1]), f"{layers[-1]}: read\nby nothing"])
        axis.set(xlabel="layer whose states are replaced", ylim=(-0.05, 1.05))
        axis.tick_params(labelsize=15)
        curves = {"ARI": ari[name], "99 % of regroupings below": bar[name]}
        curves |= {label: moved[name][patch] for patch, (label, *_) in LOOKS.items()}
        told.append(f"{name}: " + "; ".join(f"{what} {_listed(curve)}" for what, curve in curves.items()))
    panels[0].set_ylabel("answers moved to the other task; ARI", fontsize=16)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=15)
    alt = (
        f"Two panels over layers 0 to {layers[-1]}: how clear the clusters by task at the separator are, and the share "
        "of answers that become another task's when states are replaced after a layer. " + ". ".join(told) + "."
    )
    return Picture(figure, alt)


def _listed(curve):
    return ", ".join(rounded(float(value)) for value in curve)
