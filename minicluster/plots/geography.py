"""The pictures of the experiment `geography`."""

from matplotlib import pyplot
from matplotlib.lines import Line2D

from .curves import MARKERS, TASK_COLOURS, layer_colour, layer_label, median_line, rounded, step_axis
from .experiments import experiment_title
from .picture import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SKY, STYLE, WIDESCREEN, Picture

LOOKS = {  # of the trainings
    "plain": ("place behind separator", BLUE, "o"),
    "inside": ("place in the sentence", GREEN, "s"),
    "hard": ("hard questions", ORANGE, "^"),
}
SPLITS = {"train": "train", "unseen_instruction": "unseen\nphrasing", "unseen_combination": "unseen\ncombination"}
LAST = (
    ("ari", "ARI with\nthe attributes", BLUE, "o", "-"),
    ("between_attributes", "scatter between\nattributes", SKY, "s", "-"),
    ("answers_within", "of the rest, between\nanswers", RED, "D", "-"),
    ("dealt_within", "the same, answers\ndealt at random", ORANGE, "x", "--"),
)
ANSWERS = "scatter within: answers"  # their share of the scatter within attributes
STEP_PANELS = (  # training, token, measure, title; one is left for the legend
    ("plain", "separator", "ari", "separator: ARI"),
    ("plain", "last", "ari", "last token: ARI"),
    ("plain", "last", "answers_within", ANSWERS),
    (None, None, None, None),
    ("inside", "last", "ari", "last token: ARI"),
    ("inside", "last", "answers_within", ANSWERS),
)
BESIDE = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)}  # of a legend
LIMITS = (-0.04, 1.05)
DOTS_APART = 0.32  # accuracies of one split, whose splits are 1 apart


def draw_geography(results):
    """Draw what is answered and what clusters, where the answer is read, how it came about, and the states themselves.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `geography`, `geography_steps`, and, if a run has what is drawn of one training, `geography_pca`.
    """
    pictures = {"geography": _draw_numbers(results), "geography_steps": _draw_steps(results)}
    run = next((own for own in results["runs"] if "pictured" in own["plain"]), None)
    return pictures | ({"geography_pca": _draw_states(results, run)} if run is not None else {})


@pyplot.rc_context(STYLE)
def _draw_numbers(results):
    numbers = results["over_seeds"]
    figure, axes = pyplot.subplots(2, 2, figsize=WIDESCREEN, layout="constrained")
    title = "Questions about real places: clusters by what is asked for"
    figure.suptitle(experiment_title(results, title))
    (separator, answered), lower = axes
    layers = range(len(numbers["plain"]["ari"]["train"]))
    _separator(separator, layers, numbers)
    _accuracies(answered, numbers)
    separator.set_xticks(list(layers))
    separator.set_xlabel("layer (0: embedding)")
    for axis, name in zip(lower, ("plain", "inside")):
        _last_token(axis, numbers[name]["steps"], numbers[name]["by_step"]["last"])
        axis.set_title(f"last token: {LOOKS[name][0]}")
    for axis in axes.flat:
        axis.set(ylim=LIMITS, yticks=(0, 0.25, 0.5, 0.75, 1))
    answered.legend(*separator.get_legend_handles_labels(), **BESIDE)
    lower[1].legend(**BESIDE, title="last layer:", alignment="left", title_fontsize=14)
    return Picture(figure, _told(numbers))


def _separator(axis, layers, numbers):
    """Draw ARI by layer of the three trainings, and the first one's controls."""
    for name, (label, colour, marker) in LOOKS.items():
        look = {"color": colour, "marker": marker, "markersize": 9, "label": label}
        median_line(axis, layers, numbers[name]["ari"]["train"], **look)
    plain = numbers["plain"]
    axis.plot([], [], " ", label="controls of the first:")
    look = {"color": BLACK, "linestyle": "-.", "label": "regrouping null,\n99 %"}
    median_line(axis, layers, plain["regrouping_null_99"], **look)
    look = {"color": GREY, "linestyle": ":", "marker": "x", "markersize": 8, "label": "untrained"}
    median_line(axis, layers, plain["untrained"]["ari"]["train"], **look)
    bag = plain["bag_of_words"]["ari"]["train"]["median"]
    axis.axhline(bag, color=RED, linestyle="--", label="bag of words")
    axis.set_title("separator: ARI with the attributes")


def _accuracies(axis, numbers):
    """Draw a dot for each training and split, with a stroke from the lowest to the highest seed."""
    for at, (name, (label, colour, marker)) in enumerate(LOOKS.items()):
        for place, split in enumerate(SPLITS):
            number, x = numbers[name]["accuracy"][split], place + DOTS_APART * (at - 1)
            axis.plot([x, x], [number["low"], number["high"]], color=colour, linewidth=3, alpha=0.5)
            axis.plot(x, number["median"], marker, color=colour, markersize=11)
            look = {"color": colour, "ha": "center", "va": "top", "fontsize": 13}
            axis.text(x, number["median"] - 0.07, rounded(number["median"]), **look)
    common = [numbers["plain"]["most_common_answer"][split]["median"] for split in SPLITS]
    for place, value in enumerate(common):
        axis.plot([place - 0.35, place + 0.35], [value, value], color=GREY, linestyle=":")
    axis.text(1, max(common) + 0.03, "each attribute's most common answer", color=GREY, ha="center")
    axis.set_xticks(range(len(SPLITS)), list(SPLITS.values()))
    axis.set_title("accuracy")


def _last_token(axis, steps, own):
    """Draw by step how the last layer's states cluster, and where their scatter lies."""
    for measure, label, colour, marker, style in LAST:
        numbers = [layers[-1] for layers in own[measure]]
        median_line(axis, steps, numbers, color=colour, marker=marker, markersize=8, linestyle=style, label=label)
    look = {"color": BLACK, "linestyle": "-.", "label": "ARI: regrouping\nnull, 99 %"}
    median_line(axis, steps, own["regrouping_null_99"], **look)
    step_axis(axis, steps)


def _told(numbers):
    """The medians of the main picture in words."""

    def listed(own):
        return ", ".join(rounded(number["median"]) for number in own)

    parts = []
    for name, (label, _, _) in LOOKS.items():
        own = numbers[name]
        accuracy = ", ".join(
            f"{' '.join(split.split())} {rounded(own['accuracy'][key]['median'])}" for key, split in SPLITS.items()
        )
        parts.append(
            f"{label}: ARI at the separator {listed(own['ari']['train'])}, untrained at most "
            f"{rounded(max(number['median'] for number in own['untrained']['ari']['train']))}, bag of words "
            f"{rounded(own['bag_of_words']['ari']['train']['median'])}, regrouping null at most "
            f"{rounded(max(number['median'] for number in own['regrouping_null_99']))}; accuracy: {accuracy}"
        )
    for name in ("plain", "inside"):
        own = numbers[name]["by_step"]["last"]
        curves = {measure: [layers[-1] for layers in own[measure]] for measure, *_ in LAST}
        parts.append(
            f"last token, last layer, {LOOKS[name][0]}, at steps {', '.join(map(str, numbers[name]['steps']))}: "
            + "; ".join(f"{' '.join(label.split())} {listed(curves[measure])}" for measure, label, *_ in LAST)
        )
    return f"Four panels, medians over seeds, layer 0 first. {'; '.join(parts)}."


@pyplot.rc_context(STYLE)
def _draw_steps(results):
    numbers = results["over_seeds"]
    figure, axes = pyplot.subplots(2, 3, figsize=WIDESCREEN, layout="constrained")
    figure.suptitle(experiment_title(results, "Clusters by what is asked for, layer by layer and step by step"))
    told = []
    for axis, (name, token, measure, title) in zip(axes.flat, STEP_PANELS):
        if name is None:
            legend = axis
            continue
        steps, curves = numbers[name]["steps"], numbers[name]["by_step"][token][measure]
        for layer in range(len(curves[0])):
            look = {"color": layer_colour(layer, len(curves[0])), "marker": MARKERS[layer], "markersize": 7}
            look["label"] = f"layer {layer}" + ("" if layer else " (embedding)")
            median_line(axis, steps, [step[layer] for step in curves], **look)
        step_axis(axis, steps)
        axis.set(ylim=LIMITS, yticks=(0, 0.25, 0.5, 0.75, 1), title=title)
        last = ", ".join(rounded(number["median"]) for number in curves[-1])
        told.append(f"{LOOKS[name][0]}, {' '.join(title.split())} {last}")
    legend.axis("off")
    legend.legend(*axes[0, 0].get_legend_handles_labels(), loc="center", fontsize=16)
    for row, name in zip(axes, ("plain", "inside")):
        row[1].set_ylabel(LOOKS[name][0])
    axes[0, 0].set_ylabel(LOOKS["plain"][0])
    return Picture(figure, f"Against the training step; at the last one, layer 0 first: {'; '.join(told)}.")


@pyplot.rc_context(STYLE)
def _draw_states(results, run):
    pictured, names = run["plain"]["pictured"], results["attributes"]
    task, panels = pictured["task"], pictured["panels"]
    figure, axes = pyplot.subplots(2, 2, figsize=WIDESCREEN, layout="constrained")
    title = "Training questions in two principal components"
    figure.suptitle(experiment_title(results, title, seeds=[run["seed"]]))
    told = []
    for axis, panel in zip(axes.flat, panels):
        for t, name in enumerate(names):
            own = [point for point, of in zip(panel["points"], task) if of == t]
            axis.scatter(*zip(*own), s=26, color=TASK_COLOURS[t], marker=MARKERS[t], alpha=0.75, linewidths=0)
        token = {"separator": "separator", "last": "last token"}[panel["token"]]
        when = f"step {panel['step']:,}" if panel["step"] else "untrained"
        what = f"{token}, layer {panel['layer']}, {when}: ARI {rounded(panel['ari'])}"
        axis.set_title(what)
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        for spine in axis.spines.values():
            spine.set(visible=True, color="#999999")
        told.append(f"{what}, {panel['explained']:.0%}")
    handles = [
        Line2D([], [], linestyle="", marker=MARKERS[t], color=TASK_COLOURS[t], markersize=11) for t in range(len(names))
    ]
    figure.legend(handles, names, loc="outside right center", fontsize=15)
    return Picture(
        figure,
        f"{len(task)} training questions' states, coloured by what they ask for ({', '.join(names)}), with the ARI of "
        f"their clusters and the share of the variance that the plane shows: {'; '.join(told)}.",
    )
