"""The picture of the experiment `unseen`."""

from matplotlib import pyplot

from .curves import median_line, rounded
from .experiments import experiment_title
from .picture import BLACK, BLUE, GREEN, GREY, ORANGE, RED, STYLE, WIDESCREEN, Picture

MOVES = {  # label in a rescue, in a harm, colour, marker
    "none": ("not moved", "not moved", BLACK, "o"),
    "right": ("to the right one", "to its own centroid", GREEN, "s"),
    "random": ("as far, at random", "as far, at random", GREY, "v"),
    "other": ("to a third one", "to another task's centroid", RED, "^"),
}
LANDING = {
    "cross_pattern_1nn": ("nearest of another pattern", BLUE, "o"),
    "nearest_5": ("five nearest", ORANGE, "s"),
    "centroid": ("nearest centroid", GREEN, "^"),
}


@pyplot.rc_context(STYLE)
def draw_unseen(results):
    """Draw where unseen strings land, accuracy by margin, and what moving the separator's state does.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `unseen`.
    """
    figure, axes = pyplot.subplots(2, 3, figsize=WIDESCREEN, layout="constrained", sharey=True)
    figure.suptitle(experiment_title(results, "Unseen instructions: where they land, and whether the place is used"))
    layers = range(len(results["landing"]["centroid"]))
    for measure, (label, colour, marker) in LANDING.items():
        median_line(axes[0, 0], layers, results["landing"][measure], color=colour, marker=marker, label=label)
    chance = results["runs"][0]["plain"]["chance_1nn"]
    axes[0, 0].axhline(chance, color=GREY, linestyle=":", label=f"chance: {chance:.2f}")
    axes[0, 0].set_title("right task, by layer")
    axes[0, 0].set_xlabel("layer (separator)")
    axes[0, 0].legend(loc="lower right", fontsize=12)

    edges = results["margin"]["edges"]
    centres = [(low + high) / 2 for low, high in zip(edges, edges[1:])]
    median_line(axes[1, 0], centres, results["margin"]["accuracy"], color=BLACK, marker="o", label="accuracy")
    axes[1, 0].axvline(0, color=RED, linestyle="--", linewidth=1.6)
    axes[1, 0].text(-0.04, 0.05, "misplaced", color=RED, ha="right", fontsize=13)
    axes[1, 0].set_title(f"accuracy by margin, layer {results['middle_layer']}")
    axes[1, 0].set_xlabel("margin (1: at its own centroid)")
    axes[1, 0].set_xlim(-1, 1)
    axes[1, 0].set_xticks([-1, -0.5, 0, 0.5, 1])

    told = []
    for column, name in enumerate(("plain", "bottleneck"), start=1):
        for row, kind in enumerate(("rescue", "harm")):
            axis = axes[row, column]
            for move, (rescue, harm, colour, marker) in MOVES.items():
                numbers = results["moves"][name][kind][move]
                label = rescue if kind == "rescue" else harm
                median_line(axis, layers, numbers, color=colour, marker=marker, label=label)
                if numbers[0]["median"] is not None:
                    shares = ", ".join(rounded(number["median"]) for number in numbers)
                    told.append(f"{name}, {kind}, {label}: {shares}")
            what = "misplaced strings" if kind == "rescue" else "well-placed strings"
            axis.set_title(f"{what}, {'bottleneck' if column == 2 else 'no bottleneck'}")
            axis.set_xlabel("layer at which the separator is moved")
            axis.set_xticks(list(layers))
            if axis.lines and (column == 1 or not axes[row, 1].lines):  # no lines where no string is misplaced
                axis.legend(loc="lower center", ncols=1 if kind == "harm" else 2, fontsize=12, columnspacing=1)
    axes[0, 0].set_xticks(list(layers))
    axes[0, 0].set_ylabel("share of strings")
    axes[1, 0].set_ylabel("share of answers right")
    axes[0, 0].set_ylim(-0.05, 1.05)
    landed = "; ".join(
        f"{label} {', '.join(rounded(number['median']) for number in results['landing'][measure])}"
        for measure, (label, _, _) in LANDING.items()
    )
    bins = ", ".join("-" if n["median"] is None else rounded(n["median"]) for n in results["margin"]["accuracy"])
    alt = (
        f"Share of unseen strings whose task is that of their neighbours, layer 0 first: {landed}. Accuracy by margin, "
        f"from misplaced to well placed: {bins}. Share of right answers when the separator's state is moved, by layer: "
        + "; ".join(told)
        + "."
    )
    return {"unseen": Picture(figure, alt)}
