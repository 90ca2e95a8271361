"""The main job's pictures: learning, clustering by layer and step, and hidden states."""

from matplotlib import pyplot

from .curves import MARKERS, TASK_COLOURS, layer_colour, rounded, step_axis
from .dataset import draw_dataset
from .picture import BLACK, BLUE, RED, STYLE, WIDESCREEN, Picture

BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
SPLITS = {  # label, colour, marker
    "train": ("train", BLACK, "o"),
    "unseen_instruction": ("unseen instruction", BLUE, "s"),
    "unseen_combination": ("unseen combination", RED, "^"),
}
STRING_SPLITS = {"train": "training strings", "unseen_instruction": "unseen strings of the same patterns"}


def draw_all(results, pictures):
    """Draw the main job's pictures.

    Parameters
    ----------
    results, pictures : dict
        From `reproduce`.

    Returns
    -------
    dict from file stem to Picture
    """
    return {
        "dataset": draw_dataset(pictures["dataset"]),
        "learning": draw_learning(results),
        "ari_by_layer": draw_ari(results),
        "hidden_states": draw_principal_components(pictures["principal_components"], results),
    }


@pyplot.rc_context(STYLE)
def draw_learning(results):
    """Draw loss and accuracy of each split against the step."""
    figure, axes = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained")
    figure.suptitle(_title(results, "What the model learns"))
    for axis, name, label in zip(axes, ("loss", "accuracy"), ("loss on the output token (nats)", "accuracy")):
        for split, (split_label, colour, marker) in SPLITS.items():
            _line(axis, results, lambda run: run[name][split], colour=colour, marker=marker, label=split_label)
        step_axis(axis, results["steps"])
        axis.set_ylabel(label)
    config = results["config"]
    chance = config["share"] / (config["n_tasks"] * config["n_inputs"])  # one of all outputs
    axes[1].axhline(chance, color="#555555", linestyle=":", linewidth=1.6, label="chance: any output")
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylim(-0.02, 1.05)
    axes[1].legend(loc="upper left")
    last = ", ".join(f"{SPLITS[split][0]} {values[-1]:.3f}" for split, values in results["accuracy"].items())
    return Picture(
        figure, f"Loss and accuracy against training step, one line a split. Accuracy at the last step: {last}."
    )


@pyplot.rc_context(STYLE)
def draw_ari(results):
    """Draw the ARI of every layer against the step, training strings beside unseen ones, with the controls."""
    figure, axes = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained", sharey=True)
    figure.suptitle(_title(results, "Do hidden states cluster by task? k-means against the tasks, layer by layer"))
    n_layers = len(results["ari"]["train"][0])
    early = results["early_stopping_step"]
    for axis, (split, title) in zip(axes, STRING_SPLITS.items()):
        for layer in range(n_layers):
            _line(
                axis,
                results,
                lambda run: [values[layer] for values in run["ari"][split]],
                colour=layer_colour(layer, n_layers),
                marker=MARKERS[layer % len(MARKERS)],
                label=f"layer {layer}" + {0: " (embedding)", n_layers - 1: " (read by nothing)"}.get(layer, ""),
            )
        for (label, height), style in zip(_bars(results, split).items(), ("--", "-.", ":")):
            axis.axhline(height, color="#555555", linestyle=style, linewidth=1.6, label=label, zorder=1)
        axis.axvline(early, color=RED, linewidth=1.6, label="early stopping: lowest\nloss on unseen strings")
        step_axis(axis, results["steps"])
        axis.set_title(title)
    axes[0].set_ylabel("adjusted Rand index (1: clusters are the tasks)")
    axes[0].set_ylim(-0.06, 1.04)
    handles, labels = axes[0].get_legend_handles_labels()
    order = [*reversed(range(n_layers)), *range(n_layers, len(handles))]  # deepest layer first, as the curves lie
    figure.legend([handles[i] for i in order], [labels[i] for i in order], loc="outside right center")
    last = {split: ", ".join(rounded(value) for value in results["ari"][split][-1]) for split in STRING_SPLITS}
    bars = _bars(results, "train")
    levels = ", ".join(f"{' '.join(label.split())} {rounded(height)}" for label, height in bars.items())
    alt = (
        "Adjusted Rand index of k-means clusters against training step, one line a layer. At the last step, layer 0 "
        f"first: training strings {last['train']}; unseen strings {last['unseen_instruction']}. Controls on training "
        f"strings: {levels}. Lowest loss on unseen strings at step {early:.0f} of {results['steps'][-1]}."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def draw_principal_components(components, results):
    """Draw the training strings' states at the separator: layers across, steps down, coloured by task."""
    steps, points, explained, task = (components[key] for key in ("steps", "points", "explained", "task"))
    n_steps, n_layers = explained.shape
    figure, axes = pyplot.subplots(n_steps, n_layers, figsize=WIDESCREEN, layout="constrained", squeeze=False)
    title = "Hidden states at the separator, by task: two principal components a panel"
    figure.suptitle(_title(results, title, seeds=results["seeds"][:1]))
    for row in range(n_steps):
        for layer in range(n_layers):
            axis = axes[row, layer]
            for t in range(task.max() + 1):
                x, y = points[row, layer, task == t].T
                marker = MARKERS[t % len(MARKERS)]
                axis.scatter(
                    x, y, s=12, color=TASK_COLOURS[t % len(TASK_COLOURS)], marker=marker, linewidths=0, alpha=0.8
                )
            axis.set(xticks=[], yticks=[])
            axis.text(
                0.98,
                0.02,
                f"{explained[row, layer]:.0%}",
                transform=axis.transAxes,
                ha="right",
                fontsize=10,
                bbox=BEHIND_TEXT,
            )
            for spine in axis.spines.values():
                spine.set_visible(True)
                spine.set_color("#bbbbbb")
            if row == 0:
                axis.set_title("embedding" if layer == 0 else f"layer {layer}", fontsize=14)
        axes[row, 0].set_ylabel(f"step {steps[row]}")
    figure.supxlabel(
        "Colour and marker: the task, which no input names. Corner: share of variance shown.\n"
        "Untrained, a state tells little but the string's length (the separator's position): the first row's blobs.",
        fontsize=12,
    )
    ari = results["runs"][0]["ari"]["train"]
    before, after = (", ".join(rounded(value) for value in ari[step]) for step in (0, -1))
    alt = (
        f"Scatter plots of {len(task)} strings' hidden states at the separator, layers across, training steps "
        f"{', '.join(map(str, steps))} down, coloured by task. How far clusters are the tasks (adjusted Rand index, "
        f"layer 0 first): {before} at the first step, {after} at the last."
    )
    return Picture(figure, alt)


def _line(axis, results, pick, colour, marker, label):
    """Draw the median over seeds, and the range between seeds as a band."""
    curves = [pick(run) for run in results["runs"]]
    axis.plot(results["steps"], pick(results), color=colour, marker=marker, label=label)
    if len(curves) > 1:
        axis.fill_between(
            results["steps"], *zip(*((min(c), max(c)) for c in zip(*curves))), color=colour, alpha=0.15, linewidth=0
        )


def _bars(results, split):
    """The controls' levels, each at the layer where it is hardest to beat; the null's is that of the last step."""
    return {
        "regrouping null, 99th\npercentile, last step": max(results["controls"]["regrouping_null_99"][split]),
        "bag of letters": results["controls"]["bag_of_letters"]["ari"][split],
        "untrained model": max(results["ari"][split][0]),
    }


def _title(results, text, seeds=None):
    seeds, config = seeds or results["seeds"], results["config"]
    who = f"seed {seeds[0]}" if len(seeds) == 1 else f"median and range of seeds {seeds[0]} to {seeds[-1]}"
    extra = f", outputs shared by {config['share']} tasks" if config["share"] > 1 else ""
    return f"{text}\n{who}{extra}{', quick run' if config['quick'] else ''}"
