"""The picture of the experiment `perturbed`."""

from matplotlib import pyplot

from .curves import rounded
from .experiments import experiment_title
from .picture import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, STYLE, WIDESCREEN, Picture

AXES = {
    "alike": "parts, of six, that patterns\nof different tasks share",
    "replaced": "probability that\na letter is replaced",
}
# label, colour, marker, line style. What bounds or controls is broken, what is the model's is not.
ACCURACY = {
    "ceiling": ("ceiling: best reader\nof the patterns", BLACK, "*", "--"),
    "answers": ("model: its answers", RED, "D", "-"),
    "centroid": ("model: nearest task\ncentroid, layer {middle}", BLUE, "o", "-"),
    "edit_distance": ("edit distance", GREEN, "s", "-."),
    "bigrams": ("bigrams", ORANGE, "^", "-."),
    "bag_of_letters": ("bag of letters", SKY, "v", "-."),
    "chance": ("chance", GREY, "", ":"),
}
ARI = {
    "ari_of_best_reader": ("best reader of\nthe patterns", BLACK, "*", "--"),
    "ari_best_layer": ("model, best layer", RED, "D", "-"),
    "ari_middle_layer": ("model, layer {middle}", BLUE, "o", "-"),
    "regrouping_null_99": ("regrouping null,\n99th percentile", GREY, "x", ":"),
    "ari_bigrams": ("bigrams", ORANGE, "^", "-."),
    "ari_bag_of_letters": ("bag of letters", SKY, "v", "-."),
    "ari_untrained": ("untrained model", PURPLE, "P", "-."),
}
ARI_CONTROLS = ("regrouping_null_99", "ari_untrained", "ari_bigrams", "ari_bag_of_letters")
ROWS = (
    (ACCURACY, "task of new strings:\nshare named right"),
    (ARI, "ARI with the tasks,\ntraining strings"),
)


@pyplot.rc_context(STYLE)
def draw_perturbed(results):
    """Draw against each dial how often the task of new strings is named, and how well training strings cluster.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `perturbed`.
    """
    middle, dials, by_training = results["middle_layer"], results["dials"], results["by_training"]
    figure, axes = pyplot.subplots(2, len(dials), figsize=WIDESCREEN, layout="constrained", sharex="col", sharey="row")
    title = "Instructions of different tasks made alike (medians, and ranges as bands)"
    figure.suptitle(experiment_title(results, title))
    for row, (lines, label) in zip(axes, ROWS):
        for axis, dial in zip(row, dials.values()):
            _draw_lines(axis, lines, dial, by_training)
            axis.set(ylim=(-0.05, 1.05), yticks=(0, 0.25, 0.5, 0.75, 1))
        row[0].set_ylabel(label)
        handles, labels = row[-1].get_legend_handles_labels()
        labels = [text.format(middle=middle) for text in labels]
        row[-1].legend(handles, labels, loc="center left", bbox_to_anchor=(1.02, 0.5), labelspacing=0.35)
    for axis, (name, dial) in zip(axes[-1], dials.items()):
        axis.set_xticks(dial["levels"], [f"{level:g}" for level in dial["levels"]])
        axis.set_xlabel(AXES[name])
    told = "; ".join(f"{name}: {_told(numbers)}" for name, numbers in by_training.items())
    alt = (
        "Two dials that make instructions of different tasks alike. Above, how often the task of new strings is named; "
        f"below, the adjusted Rand index of clusters of training strings with the tasks. Medians, layer {middle} being "
        f"the middle one: {told}."
    )
    return {"perturbed": Picture(figure, alt)}


def _draw_lines(axis, lines, dial, by_training):
    for key, (label, colour, marker, style) in lines.items():
        numbers = [by_training[name][key] for name in dial["trainings"]]
        middles, lows, highs = ([number[of] for number in numbers] for of in ("median", "low", "high"))
        axis.plot(dial["levels"], middles, style, color=colour, marker=marker, markersize=9, label=label)
        axis.fill_between(dial["levels"], lows, highs, color=colour, alpha=0.13, linewidth=0)


def _told(numbers):
    """The medians of one training in words."""
    of = {key: rounded(number["median"]) for key, number in numbers.items()}
    highest = max(ARI_CONTROLS, key=lambda key: numbers[key]["median"])
    return (
        f"ceiling {of['ceiling']}, the model's answers {of['answers']}, nearest centroid {of['centroid']}, edit "
        f"distance {of['edit_distance']}, bigrams {of['bigrams']}, bag of letters {of['bag_of_letters']}, chance "
        f"{of['chance']}; ARI of the best layer {of['ari_best_layer']}, of the middle one {of['ari_middle_layer']}, "
        f"highest control {of[highest]}, best reader of the patterns {of['ari_of_best_reader']}"
    )
