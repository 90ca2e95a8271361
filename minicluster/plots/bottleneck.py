"""The picture of the experiment `bottleneck`."""

from matplotlib import pyplot

from .curves import median_line, rounded
from .experiments import experiment_title
from .picture import BLACK, BLUE, GREEN, GREY, ORANGE, RED, STYLE, WIDESCREEN, Picture

LOOKS = {  # patch: label, colour, marker, line
    "instruction": ("whole instruction: another string's states", GREEN, "s", "-"),
    "held": ("separator: another centroid, from here on", BLUE, "o", "-"),
    "centroid": ("separator: another centroid, here only", ORANGE, "^", "-"),
    "string": ("separator: another string's state, here only", BLACK, "D", ":"),
    "random_held": ("separator: random steps, from here on", GREY, "v", "--"),
}


@pyplot.rc_context(STYLE)
def draw_bottleneck(results):
    """Draw how many answers each patch moves to the other task, by layer, with and without the bottleneck.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `bottleneck`.
    """
    figure, axes = pyplot.subplots(2, 2, figsize=WIDESCREEN, layout="constrained", sharex=True, sharey=True)
    figure.suptitle(experiment_title(results, "Present or used? Answers moved to another task by patched states"))
    told = []
    for row, outputs in zip(axes, ("separate", "shared")):
        for axis, way in zip(row, ("plain", "bottleneck")):
            name = f"{outputs}, {way}"
            layers = range(len(results["ari"][name]))
            median_line(axis, layers, results["ari"][name], color=RED, marker="*", markersize=10, linestyle="-.",
                        label="(clusters: ARI by task, training strings)")  # fmt: skip
            for patch, (label, colour, marker, line) in LOOKS.items():
                look = {"color": colour, "marker": marker, "linestyle": line, "label": label}
                median_line(axis, layers, results["moved"][name][patch], **look)
            accuracy = results["accuracy"][name]
            seen = "sees the separator only" if way == "bottleneck" else "may see the letters"
            unseen = f"{accuracy['unseen_combination']['median']:.2f}"
            axis.set_title(f"{outputs} outputs, input {seen}\nunseen combinations answered: {unseen}", fontsize=14)
            axis.set_ylim(-0.05, 1.05)
            held = ", ".join(rounded(number["median"]) for number in results["moved"][name]["held"])
            ari = ", ".join(rounded(number["median"]) for number in results["ari"][name])
            told.append(f"{name}: held separator moves {held}, ARI {ari}, unseen combinations {unseen}")
    figure.supylabel("share of answers moved to the other task", fontsize=14)
    for axis in axes[1]:
        axis.set_xlabel("layer after which states are replaced")
        axis.set_xticks(list(layers))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    alt = (
        "Share of answers that become another task's when hidden states are replaced after a layer (layer 0 first). "
        + "; ".join(told)
        + "."
    )
    return {"bottleneck": Picture(figure, alt)}
