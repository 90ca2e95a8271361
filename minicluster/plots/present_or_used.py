"""Present or used: how many answers a patch moves, beside how clear the clusters are."""

from matplotlib import pyplot

from .curves import GREY, rounded
from .picture import BLUE, GREEN, ORANGE, RED, STYLE, WIDESCREEN, Picture

# Large marks beneath small ones: where curves run together, all of them still show.
LOOKS = {  # patch: label, colour, marker, its size, line
    "instruction": ("whole instruction: another string's states", GREEN, "s", 12, "-"),
    "random_held": ("separator: random steps of the same length, from here on (control)", GREY, "v", 15, "--"),
    "held": ("separator: another task's centroids, from here on", BLUE, "o", 10, "-"),
    "here": ("separator: another task's centroid, here only", ORANGE, "^", 6, "-"),
}
WAYS = {"plain": "input may see all letters", "bottleneck": "input sees the separator only"}


@pyplot.rc_context(STYLE)
def draw_present_or_used(ari, moved):
    """Draw the share of answers moved by each patch, and ARI, by layer: the plain model beside the bottleneck.

    Parameters
    ----------
    ari : dict
        "plain" and "bottleneck" -> (L + 1,) ARI by task at the separator.
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
                  label="present: ARI by task at the separator")  # fmt: skip
        for patch, (label, colour, marker, size, line) in LOOKS.items():
            axis.plot(layers, moved[name][patch], color=colour, marker=marker, markersize=size, linestyle=line,
                      label=f"used? {label}", clip_on=False)  # fmt: skip
        axis.set_title(f"{name}: {way}", fontsize=18)
        axis.set_xticks(list(layers), [*map(str, layers[:-1]), f"{layers[-1]}\n(read by nothing)"])
        axis.set(xlabel="layer whose states are replaced", ylim=(-0.05, 1.05))
        axis.tick_params(labelsize=15)
        curves = {"ARI": ari[name], **{LOOKS[patch][0]: moved[name][patch] for patch in LOOKS}}
        told.append(f"{name}: " + "; ".join(f"{what} {_listed(curve)}" for what, curve in curves.items()))
    panels[0].set_ylabel("share of answers moved to the other task; ARI", fontsize=16)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=13)
    alt = (
        f"Two panels over layers 0 to {layers[-1]}: how clear the clusters by task at the separator are, and the share of "
        "answers that become another task's when states are replaced after a layer. " + ". ".join(told) + "."
    )
    return Picture(figure, alt)


def _listed(curve):
    return ", ".join(rounded(float(value)) for value in curve)
