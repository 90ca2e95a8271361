"""Present or used: how clear the clusters are, and beneath it how many answers a patch moves."""

from matplotlib import pyplot

from .curves import GREY, rounded
from .picture import BLACK, BLUE, GREEN, RED, STYLE, WIDESCREEN, Picture

# A large hollow mark beneath a small full one: where curves run together, both still show.
LOOKS = {  # patch: label, colour, how it is drawn
    "instruction": ("whole instruction replaced", GREEN, {"marker": "s", "markersize": 18, "fillstyle": "none"}),
    "held": ("separator alone replaced", BLUE, {"marker": "o", "markersize": 9, "linestyle": "--"}),
}
WAYS = {"plain": "plain: input may see all letters", "bottleneck": "bottleneck: input sees the separator only"}


@pyplot.rc_context(STYLE)
def draw_present_or_used(ari, bar, moved):
    """Draw ARI by layer and beneath it the share of answers moved by each patch: the plain model and the bottleneck.

    Parameters
    ----------
    ari : dict
        "plain" and "bottleneck" -> (L + 1,) ARI by task at the separator.
    bar : dict
        The same for what chance stays below: the 99th percentile of the regrouping null.
    moved : dict
        "plain" and "bottleneck" -> {patch: (L + 1,) shares}, with the patches "instruction" (all letters and the
        separator become another string's), "held" (the separator becomes another task's centroid, from this layer on)
        and "random_held" (as far, in random directions), of which only the most is told. Others are not shown.

    Returns
    -------
    Picture
    """
    figure, panels = pyplot.subplots(
        2, 2, figsize=WIDESCREEN, layout="constrained", sharex=True, sharey="row", height_ratios=(1, 1.5)
    )
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.1)
    title = "Present in both models, used in one"
    figure.suptitle(title, fontsize=23)
    told = []
    for (present, used), (name, way) in zip(panels.T, WAYS.items()):
        last = len(ari[name]) - 1
        layers = range(last + 1)
        present.plot(layers, ari[name], color=BLACK, marker="*", markersize=17, clip_on=False)
        present.plot(layers, bar[name], color=RED, linestyle="--", linewidth=2.5)
        for patch, (label, colour, look) in LOOKS.items():
            look = {**look, "markeredgewidth": 3, "linewidth": 3, "clip_on": False}
            used.plot(layers, moved[name][patch], color=colour, label=label, **look)
        random = rounded(max(moved[name]["random_held"]))
        present.set_title(way, fontsize=19, pad=12)
        look = {"va": "bottom", "ha": "right", "fontsize": 17, "color": RED}
        present.text(last, bar[name][-1] + 0.03, "99 % of regroupings below", **look)
        used.set_xticks(list(layers))
        used.set_xlabel(f"layer ({last}: read by nothing)", fontsize=18)
        for axis in (present, used):
            axis.set(xlim=(-0.15, last + 0.15), ylim=(-0.06, 1.06), yticks=(0, 0.5, 1))
            axis.tick_params(labelsize=17)
        curves = {"ARI": ari[name], "99 % of regroupings below": bar[name]}
        curves |= {f"moved with {label}": moved[name][patch] for patch, (label, *_) in LOOKS.items()}
        listed = "; ".join(f"{what} {_listed(curve)}" for what, curve in curves.items())
        told.append(f"{name}: moved by random steps at most {random}; {listed}")
    panels[0, 0].set_ylabel("present?\nARI of clusters\nand tasks", fontsize=18)
    panels[1, 0].set_ylabel("used?\nanswers moved\nto another task", fontsize=18)
    figure.align_ylabels(panels[:, 0])
    look = {"fontsize": 18, "color": GREY, "linespacing": 1.25}
    panels[1, 1].text(0, 0.1, f"control: random steps\nmove {random} at most", va="bottom", **look)
    handles, labels = panels[1, 0].get_legend_handles_labels()
    look = {"ncols": 2, "fontsize": 18, "handlelength": 3, "columnspacing": 3, "frameon": False}
    figure.legend(handles, labels, loc="outside lower center", **look)
    alt = (
        f"{title}. Two models over layers 0 to {last}: above, how clear the clusters by task at the separator are; "
        "beneath, the share of answers that become another task's when states are replaced after a layer, those of the "
        "whole instruction, or those of the separator alone and again after every later block. "
        + ". ".join(told)
        + "."
    )
    return Picture(figure, alt)


def _listed(curve):
    return ", ".join(rounded(float(value)) for value in curve)
