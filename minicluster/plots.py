"""Results in, pictures out: matplotlib figures in one style, each with a text that says what it shows.

Nothing is computed here that is not drawn from the results. Colours are told apart by colour-blind readers and in
grey, and never carry a meaning alone: lines have markers or labels, clusters have marker shapes.
"""

import io
from dataclasses import dataclass
from pathlib import Path

from matplotlib import colormaps, pyplot
from matplotlib.figure import Figure

from .files import ensure_writable_folder, write_bytes

WIDESCREEN = (12.8, 7.2)  # inches; 16:9
DPI = 100
STYLE = {
    "font.size": 14,
    "axes.titlesize": 16,
    "axes.labelsize": 14,
    "figure.titlesize": 19,
    "legend.fontsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 2.2,
    "lines.markersize": 6,
    "savefig.facecolor": "white",
}
# Colour-blind readers tell both palettes apart: Okabe & Ito 2008, and for ten tasks Tol 2021, "muted", plus black.
BLACK, ORANGE, SKY, GREEN, BLUE, RED = "#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00"
TASK_COLOURS = (
    "#332288",
    "#cc6677",
    "#117733",
    "#ddcc77",
    "#88ccee",
    "#882255",
    "#44aa99",
    "#999933",
    "#aa4499",
    BLACK,
)
TASK_MARKERS = "osD^v<>PX*"
SPLITS = {  # label, colour, marker
    "train": ("train", BLACK, "o"),
    "unseen_instruction": ("unseen instruction", BLUE, "s"),
    "unseen_combination": ("unseen combination", RED, "^"),
}


@dataclass(frozen=True)
class Picture:
    """A figure and what it shows.

    Attributes
    ----------
    figure : matplotlib Figure
    alt : str
        The same in words and numbers, for those who can't see it.
    """

    figure: Figure
    alt: str

    def save(self, path):
        """Write the figure to a PNG file, whole or not at all, with `alt` as its description, and close it."""
        png = io.BytesIO()
        self.figure.savefig(png, format="png", dpi=DPI, metadata={"Description": self.alt, "Software": None})
        pyplot.close(self.figure)
        write_bytes(path, png.getvalue())

    def show(self, name, save=False):
        """Show the figure in a window or notebook, or, if asked to, save it to figures/NAME.png in this folder."""
        path = Path("figures", f"{name}.png")
        if save:
            self.save(ensure_writable_folder(path.parent) / path.name)
            print(f"Picture: {path}")
        elif pyplot.get_backend().lower() == "agg":
            print(f"No window to show a picture in; with --save it goes to {path}.")
            pyplot.close(self.figure)
        else:
            pyplot.show()


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
        _step_axis(axis, results)
        axis.set_ylabel(label)
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylim(-0.02, 1.05)
    axes[0].legend(loc="lower left")
    last = ", ".join(f"{SPLITS[split][0]} {values[-1]:.3f}" for split, values in results["accuracy"].items())
    return Picture(
        figure, f"Loss and accuracy against training step, one line a split. Accuracy at the last step: {last}."
    )


@pyplot.rc_context(STYLE)
def draw_ari(results):
    """Draw the ARI of every layer against the step, training strings beside unseen ones, with the controls."""
    figure, axes = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained", sharey=True)
    figure.suptitle(_title(results, "Hidden states come to cluster by task, deeper layers first"))
    n_layers = len(results["controls"]["regrouping_null_99"])
    bars = _bars(results)
    for axis, split in zip(axes, ("train", "unseen_instruction")):
        for layer in range(n_layers):
            _line(
                axis,
                results,
                lambda run: [values[layer] for values in run["ari"][split]],
                colour=_layer_colour(layer, n_layers),
                marker=TASK_MARKERS[layer % len(TASK_MARKERS)],
                label=f"layer {layer}" + (" (embedding)" if layer == 0 else ""),
            )
        for (label, height), style in zip(bars.items(), ("--", "-.", ":")):
            axis.axhline(height, color="#555555", linestyle=style, linewidth=1.6, label=label, zorder=1)
        axis.axvline(
            results["early_stopping_step"],
            color=RED,
            linewidth=1.6,
            label="early stopping\n(lowest loss on\nunseen strings)",
        )
        _step_axis(axis, results)
        axis.set_title(
            {"train": "training strings", "unseen_instruction": "unseen strings of the same patterns"}[split]
        )
    axes[0].set_ylabel("adjusted Rand index (1: clusters are the tasks)")
    axes[0].set_ylim(-0.06, 1.04)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles[::-1][len(bars) + 1 :] + handles[n_layers:],
        labels[::-1][len(bars) + 1 :] + labels[n_layers:],
        loc="outside right center",
    )
    last = ", ".join(f"{value:.2f}" for value in results["ari"]["train"][-1])
    levels = ", ".join(f"{label.replace(chr(10), ' ')} {height:.2f}" for label, height in bars.items())
    alt = (
        "Adjusted Rand index of k-means clusters against training step, one line a layer, training strings on the "
        f"left, unseen strings on the right. Training strings at the last step, layer 0 first: {last}. Levels of the "
        f"controls: {levels}. Early stopping at step {results['early_stopping_step']:.0f}."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def draw_principal_components(components, results):
    """Draw the training strings' states at the separator: layers across, steps down, coloured by task."""
    steps, points, explained, task = (components[key] for key in ("steps", "points", "explained", "task"))
    n_steps, n_layers = explained.shape
    figure, axes = pyplot.subplots(n_steps, n_layers, figsize=WIDESCREEN, layout="constrained", squeeze=False)
    figure.suptitle(
        f"Hidden states at the separator, coloured by task (seed {results['seed']}; two principal components a panel)"
    )
    for row in range(n_steps):
        for layer in range(n_layers):
            axis = axes[row, layer]
            for t in range(task.max() + 1):
                x, y = points[row, layer, task == t].T
                marker = TASK_MARKERS[t % len(TASK_MARKERS)]
                axis.scatter(
                    x, y, s=9, color=TASK_COLOURS[t % len(TASK_COLOURS)], marker=marker, linewidths=0, alpha=0.8
                )
            axis.set(xticks=[], yticks=[])
            axis.text(
                0.98,
                0.02,
                f"{explained[row, layer]:.0%}",
                transform=axis.transAxes,
                ha="right",
                fontsize=10,
                color="#555555",
            )
            for spine in axis.spines.values():
                spine.set_visible(True)
                spine.set_color("#bbbbbb")
            if row == 0:
                axis.set_title("embedding" if layer == 0 else f"layer {layer}", fontsize=14)
        axes[row, 0].set_ylabel(f"step {steps[row]}")
    figure.supxlabel(
        "Colour and marker: the task, which the input never names. Corner: share of variance shown.", fontsize=13
    )
    ari = results["runs"][0]["ari"]["train"]
    first, last = ari[0][-2], ari[-1][-2]
    alt = (
        f"Scatter plots of {len(task)} strings' hidden states at the separator, layers across, training steps "
        f"{', '.join(map(str, steps))} down, coloured by task. At first the tasks are mixed (adjusted Rand index "
        f"{first:.2f} at layer {n_layers - 2}), at the end they form clusters ({last:.2f})."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def draw_dataset(dataset):
    """Explain the data on one example: its sequence, its task's patterns, and which split each pair belongs to."""
    example = dataset.train[1]
    task, own = int(example.task), int(example.distribution)
    patterns = range(task * dataset.n_distributions, (task + 1) * dataset.n_distributions)
    figure, (top, bottom) = pyplot.subplots(2, 1, figsize=WIDESCREEN, layout="constrained", height_ratios=(1, 1.5))
    figure.suptitle("One example, and the task behind it")
    top.set_aspect("equal")

    names = dataset.vocabulary.decode(example.tokens)
    answer = dataset.vocabulary.names[dataset.outputs[task, example.input]]
    for position, name in enumerate(names):
        colour = SKY if position < example.separator else ORANGE if position <= example.separator + 1 else "white"
        _box(top, position, 0, name, colour, pale=position > example.separator + 1)
    _box(top, int(example.separator) + 1, 1.35, answer, GREEN)
    top.annotate(
        "",
        (example.separator + 1, 0.9),
        (example.separator + 1, 0.5),
        arrowprops={"arrowstyle": "->", "linewidth": 1.8},
    )
    top.text(example.separator + 1.6, 1.35, "to be predicted; only here is the loss taken", va="center")
    top.text((example.separator - 1) / 2, 0.62, f"instruction, drawn from {dataset.patterns[own].text}", ha="center")
    top.text(
        example.separator + 0.46, -0.6, "read-out: the hidden\nstates of this token", ha="right", va="top", fontsize=12
    )
    top.text(example.separator + 1, -0.6, "input", ha="center", va="top", fontsize=12)
    top.set(xlim=(-0.7, len(names) + 2.4), ylim=(-1.7, 1.9))
    top.axis("off")

    trained = {(int(d), int(x)) for d, x in zip(dataset.train.distribution, dataset.train.input)}
    for row, d in enumerate(patterns):
        string = dataset.unseen_instruction.instruction[dataset.unseen_instruction.distribution == d]
        label = dataset.patterns[d].text + (f"\nunseen: {string[0]}" if len(string) else "")
        bottom.text(-0.8, row, label, ha="right", va="center", fontsize=13)
        for x in range(dataset.n_inputs):
            known = (d, x) in trained
            _box(bottom, x, row, "train" if known else "held\nout", "#d9ead3" if known else RED, fontsize=11)
    for x in range(dataset.n_inputs):
        output = dataset.vocabulary.names[dataset.outputs[task, x]]
        bottom.text(x, -0.6, f"x{x}\n{output}", ha="center", va="bottom", fontsize=13)
    bottom.text(-0.8, -0.6, "input\nanswer", ha="right", va="bottom", fontsize=13)
    bottom.set(xlim=(-5.2, dataset.n_inputs - 0.4), ylim=(dataset.n_distributions - 0.4, -2.0))
    figure.text(
        0.5,
        bottom.get_position().y1,
        f"Task {task} has {dataset.n_distributions} patterns and one answer to each input. "
        "Pairs of pattern and input that are held out are its unseen combinations.",
        ha="center",
    )
    bottom.axis("off")
    text = " ".join(name for name in names if name != names[-1] or not name.startswith("<pad"))
    alt = (
        f"The sequence {text}, its answer {answer}, and task {task}: its {dataset.n_distributions} patterns "
        f"({', '.join(dataset.patterns[d].text for d in patterns)}) against its {dataset.n_inputs} inputs, each pair "
        "marked as trained or held out."
    )
    return Picture(figure, alt)


def _box(axis, x, y, text, colour, pale=False, fontsize=13):
    axis.add_patch(
        pyplot.Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, facecolor=colour, alpha=0.55, edgecolor="#888888")
    )
    axis.text(x, y, text, ha="center", va="center", fontsize=fontsize, color="#999999" if pale else BLACK)


def _line(axis, results, pick, colour, marker, label):
    """Draw the median over seeds, and the range between seeds as a band."""
    curves = [pick(run) for run in results["runs"]]
    axis.plot(results["steps"], pick(results), color=colour, marker=marker, label=label)
    if len(curves) > 1:
        axis.fill_between(
            results["steps"], *zip(*((min(c), max(c)) for c in zip(*curves))), color=colour, alpha=0.15, linewidth=0
        )


def _step_axis(axis, results):
    """Steps on a logarithmic scale that has room for 0, the untrained model."""
    first, last = results["steps"][1], results["steps"][-1]
    axis.set_xscale("symlog", linthresh=first, linscale=0.2)
    ticks = [0] + [digit * 10**k for k in range(len(str(last))) for digit in (1, 3) if first <= digit * 10**k <= last]
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xlim(0, last * 1.1)
    axis.set_xlabel("training step")


def _bars(results):
    """The controls' levels on the training strings, at the layer that makes each hardest to beat."""
    return {
        "regrouping null,\n99th percentile": max(results["controls"]["regrouping_null_99"]),
        "bag of letters": results["controls"]["bag_of_letters"]["ari"]["train"],
        "untrained model": max(results["ari"]["train"][0]),
    }


def _layer_colour(layer, n_layers):
    """Light to dark with depth, in colour and in grey."""
    return colormaps["viridis_r"](0.08 + 0.92 * layer / max(1, n_layers - 1))


def _title(results, text):
    seeds, config = results["seeds"], results["config"]
    who = f"seed {seeds[0]}" if len(seeds) == 1 else f"median and range of seeds {seeds[0]} to {seeds[-1]}"
    extra = f", outputs shared by {config['share']} tasks" if config["share"] > 1 else ""
    return f"{text}\n{who}{extra}{', quick run' if config['quick'] else ''}"
