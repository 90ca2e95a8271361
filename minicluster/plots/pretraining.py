"""The picture of the experiment `pretraining`."""

from matplotlib import pyplot

from .curves import median_line, rounded, step_axis
from .experiments import experiment_title
from .picture import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, STYLE, WIDESCREEN, Picture

MEASURES = {  # of `by_training`: label, colour, marker
    "unseen_combination": ("accuracy on unseen combinations", RED, "^"),
    "ari": ("ARI of clusters, training strings", BLUE, "s"),
    "cross_pattern_1nn": ("cross-pattern 1-NN, unseen strings", GREEN, "o"),
}
LOOKS = {  # training: colour, marker, line
    "plain": (BLACK, "o", "-"),
    "true tasks": (BLUE, "s", "-"),
    "pairs": (GREEN, "D", "-"),
    "pairs first": (ORANGE, "v", "-"),
    "bottleneck": (RED, "^", "-"),
    "pseudo-tasks": (PURPLE, "X", "--"),
    "pattern names": (SKY, "P", "--"),
}
COLUMNS = (1.09, 1.25)  # of numbers, right of the measures
ROW_STEP = 0.22  # between the measures of a training
WITHIN = {"right": ("grouped rightly", BLUE, "o"), "others": ("the others", ORANGE, "X")}


@pyplot.rc_context(STYLE)
def draw_pretraining(results):
    """Draw what each training ends in, and, within one model, tasks grouped rightly beside the others.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `pretraining`, and `pretraining_steps`, the way there.
    """
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=WIDESCREEN, layout="constrained", width_ratios=(1.9, 1)
    )
    figure.suptitle(experiment_title(results, "Shared outputs: what makes clusters, and what generalises"))
    told = _draw_trainings(left, results)
    within = _draw_doses(right, results)
    alt = (
        f"Each training's accuracy on unseen combinations, ARI at layer {results['middle_layer']} and cross-pattern "
        f"1-NN of unseen strings, medians: {told}. Within one model, accuracy on unseen combinations: {within}."
    )
    return {"pretraining": Picture(figure, alt), "pretraining_steps": _draw_steps(results)}


def _draw_steps(results):
    """Draw clusters and accuracy on the way, one line a training."""
    figure, axes = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained", sharey=True)
    figure.suptitle(experiment_title(results, "Shared outputs: clusters form, or not, and what follows"))
    panels = (
        (axes[0], "ari", f"ARI of clusters, layer {results['middle_layer']}, training strings"),
        (axes[1], "unseen_combination", "accuracy on unseen combinations"),
    )
    told = []
    for axis, key, title in panels:
        listed = []
        for name, (colour, marker, line) in LOOKS.items():
            numbers = results["curves"][name][key]
            look = {"color": colour, "marker": marker, "linestyle": line, "label": name}
            median_line(axis, results["steps"], numbers, **look)
            listed.append(f"{name} {', '.join(rounded(own['median']) for own in numbers)}")
        if results["stage"]:
            axis.axvline(results["stage"], color=GREY, linestyle=":", linewidth=1.6, label="end of the stage of pairs")
        step_axis(axis, results["steps"])
        axis.set_title(title)
        told.append(f"{title}: {'; '.join(listed)}")
    axes[0].set_ylim(-0.03, 1.05)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    steps = ", ".join(map(str, results["steps"]))
    return Picture(figure, f"Medians over seeds at steps {steps}. {'. '.join(told)}.")


def _draw_trainings(axis, results):
    """Draw a row a training, a marker a measure, a line for its range over seeds; return the same in words."""
    names, told = list(results["by_training"]), []
    for row, name in enumerate(names):
        numbers = results["by_training"][name]
        for place, (key, (label, colour, marker)) in enumerate(MEASURES.items()):
            height = row + (place - 1) * ROW_STEP
            own = numbers[key]
            axis.plot([own["low"], own["high"]], [height, height], color=colour, linewidth=3, alpha=0.4)
            axis.plot(own["median"], height, marker, color=colour, markersize=10, label=label if row == 0 else None)
        steps, cost = numbers["steps_to_95"]["median"], numbers["cost"]["median"]
        reached = "never" if steps is None else f"{steps:.0f}"
        after = "never" if steps is None else f"after {reached} steps"
        for x, text in zip(COLUMNS, (reached, f"{cost:.2f}")):
            axis.text(x, row, text, va="center", ha="center", fontsize=13, backgroundcolor="white")
        told.append(
            f"{name} {', '.join(rounded(numbers[key]['median']) for key in MEASURES)}, 95 % of training answers "
            f"{after}, each step taking {cost:.2f} times as long"
        )
    chance = results["runs"][0]["plain"]["chance"]
    axis.axvline(chance, color=GREY, linestyle=":", linewidth=1.6, label="chance, unseen combinations")
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.75)
    axis.set_xlim(-0.06, 1.32)
    axis.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    for x, text in zip(COLUMNS, ("steps to\n95 % train", "time\na step")):
        axis.text(x, -0.78, text, va="bottom", ha="center", fontsize=12)
    axis.set_xlabel("all seeds: median, and range as a line" if len(results["runs"]) > 1 else "one seed")
    axis.legend(loc="upper center", bbox_to_anchor=(0.4, -0.11), ncols=2, frameon=False)
    return "; ".join(told)


def _draw_doses(axis, results):
    """Draw accuracy against how many tasks were grouped rightly; return the same in words."""
    middles = {key: {} for key in WITHIN}
    for name, within in results["within"].items():
        for key in WITHIN:
            if within[key]["median"] is not None:
                middles[key][results["n_right"][name]] = within[key]
    told = []
    for key, (label, colour, marker) in WITHIN.items():
        doses = sorted(middles[key])
        numbers = [middles[key][dose] for dose in doses]
        median_line(axis, doses, numbers, color=colour, marker=marker, markersize=11, label=label)
        listed = ", ".join(f"{dose} {rounded(own['median'])}" for dose, own in zip(doses, numbers))
        told.append(f"{label}, by how many are told rightly: {listed}")
    plain = results["by_training"]["plain"]["unseen_combination"]["median"]
    axis.axhline(plain, color=BLACK, linestyle="--", linewidth=1.6, label="plain, all tasks")
    axis.axhline(results["runs"][0]["plain"]["chance"], color=GREY, linestyle=":", linewidth=1.6, label="chance")
    axis.set_ylim(-0.03, 1.05)
    axis.set_xticks(sorted({*middles["right"], *middles["others"]}))
    axis.set_xlabel("tasks grouped rightly")
    axis.set_ylabel("accuracy on unseen combinations")
    axis.set_title("within one model")
    axis.legend(loc="upper center", bbox_to_anchor=(0.42, -0.11), ncols=2, frameon=False, columnspacing=1)
    return "; ".join(told)
