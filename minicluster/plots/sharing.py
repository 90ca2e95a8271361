"""The picture of the experiment `sharing`."""

from matplotlib import pyplot

from .experiments import experiment_title
from .picture import BLACK, BLUE, GREEN, ORANGE, RED, STYLE, WIDESCREEN, Picture

LOOKS = {1: (BLUE, "o"), 2: (GREEN, "s"), 5: (ORANGE, "^"), 10: (RED, "D")}


@pyplot.rc_context(STYLE)
def draw_sharing(results):
    """Draw unseen-combination accuracy against ARI, one dot a training; and both against the dial.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `sharing`.
    """
    middle, runs, by_share = results["middle_layer"], results["runs"], results["by_share"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained")
    figure.suptitle(experiment_title(results, "Clusters and generalisation, as outputs are shared"))
    for share, (colour, marker) in LOOKS.items():
        measured = [run[f"share {share}"] for run in runs]
        x = [m["ari"]["train"][middle] for m in measured]
        y = [m["accuracy"]["unseen_combination"] for m in measured]
        left.plot(x, y, marker, color=colour, markersize=14, alpha=0.8, markeredgecolor="white", label=f"share {share}")
    chance = runs[0]["share 10"]["chance"]
    left.axhline(chance, color="#555555", linestyle=":", label="chance, all outputs shared")
    left.set(xlim=(-0.03, 1.05), ylim=(-0.03, 1.05))
    left.set_xlabel(f"ARI of k-means with the tasks, layer {middle}, training strings")
    left.set_ylabel("accuracy on unseen combinations")
    left.set_title("one dot a training")
    left.legend(loc="lower right", markerscale=0.8)

    places = range(len(LOOKS))
    lines = (("train", "train accuracy", BLACK, "o"), ("unseen_combination", "unseen-combination accuracy", RED, "^"))
    for key, label, colour, marker in (*lines, ("ari", f"ARI, layer {middle}", BLUE, "s")):
        numbers = [by_share[f"share {share}"][key] for share in LOOKS]
        middles = [number["median"] for number in numbers]
        right.plot(places, middles, color=colour, marker=marker, markersize=9, label=label)
        right.fill_between(
            places, *zip(*((n["low"], n["high"]) for n in numbers)), color=colour, alpha=0.15, linewidth=0
        )
    right.set_xticks(list(places), [str(share) for share in LOOKS])
    right.set(ylim=(-0.03, 1.05))
    right.set_xlabel("share: tasks that answer with the same outputs")
    right.set_title("median, and range as a band")
    right.legend(loc="lower left")
    told = "; ".join(
        f"share {share}: ARI {by_share[f'share {share}']['ari']['median']:.2f}, unseen combinations "
        f"{by_share[f'share {share}']['unseen_combination']['median']:.2f}, train "
        f"{by_share[f'share {share}']['train']['median']:.2f}"
        for share in LOOKS
    )
    alt = f"Accuracy on unseen combinations against ARI by task, one dot a training. Medians: {told}."
    return {"sharing": Picture(figure, alt)}
