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
MARKERS = "osD^v<>PX*"
BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
SPLITS = {  # label, colour, marker
    "train": ("train", BLACK, "o"),
    "unseen_instruction": ("unseen instruction", BLUE, "s"),
    "unseen_combination": ("unseen combination", RED, "^"),
}
STRING_SPLITS = {"train": "training strings", "unseen_instruction": "unseen strings of the same patterns"}


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
                colour=_layer_colour(layer, n_layers),
                marker=MARKERS[layer % len(MARKERS)],
                label=f"layer {layer}" + {0: " (embedding)", n_layers - 1: " (read by nothing)"}.get(layer, ""),
            )
        for (label, height), style in zip(_bars(results, split).items(), ("--", "-.", ":")):
            axis.axhline(height, color="#555555", linestyle=style, linewidth=1.6, label=label, zorder=1)
        axis.axvline(early, color=RED, linewidth=1.6, label="early stopping: lowest\nloss on unseen strings")
        _step_axis(axis, results)
        axis.set_title(title)
    axes[0].set_ylabel("adjusted Rand index (1: clusters are the tasks)")
    axes[0].set_ylim(-0.06, 1.04)
    handles, labels = axes[0].get_legend_handles_labels()
    order = [*reversed(range(n_layers)), *range(n_layers, len(handles))]  # deepest layer first, as the curves lie
    figure.legend([handles[i] for i in order], [labels[i] for i in order], loc="outside right center")
    last = {split: ", ".join(_rounded(value) for value in results["ari"][split][-1]) for split in STRING_SPLITS}
    bars = _bars(results, "train")
    levels = ", ".join(f"{' '.join(label.split())} {_rounded(height)}" for label, height in bars.items())
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
    before, after = (", ".join(_rounded(value) for value in ari[step]) for step in (0, -1))
    alt = (
        f"Scatter plots of {len(task)} strings' hidden states at the separator, layers across, training steps "
        f"{', '.join(map(str, steps))} down, coloured by task. How far clusters are the tasks (adjusted Rand index, "
        f"layer 0 first): {before} at the first step, {after} at the last."
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


@pyplot.rc_context(STYLE)
def draw_step_sizes(steps, errors):
    """Draw the error of numerical derivatives against the step, both axes logarithmic.

    Parameters
    ----------
    steps : (n,) array
        Step sizes h, ascending, about from 1e-18 to 1.
    errors : dict
        "forward difference", "central difference" and "complex step" -> (n,) relative errors above 0.

    Returns
    -------
    Picture
    """
    figure, axis = pyplot.subplots(figsize=WIDESCREEN, layout="constrained")
    figure.suptitle("How small a step? Three numerical derivatives and their errors", fontsize=22)
    forward, central, exact = (errors[name] for name in ("forward difference", "central difference", "complex step"))
    best = {name: (steps[curve.argmin()], curve.min()) for name, curve in errors.items()}
    small = steps <= 1e-8  # where h squared is below the last digit
    floor = exact[small].max()
    summaries = {
        name: f"best h {_power(best[name][0])}, error {_power(best[name][1])}"
        for name in ("forward difference", "central difference")
    }
    summaries["complex step"] = f"every h up to {_power(steps[small][-1])}: error at most {_power(floor)}"

    # The widest first: where two curves run together, both still show.
    axis.loglog(steps, exact, color=SKY, linewidth=10, solid_capstyle="round", label="complex step")
    axis.loglog(steps, forward, color=RED, marker="^", markersize=8, label="forward difference")
    axis.loglog(steps, central, color=BLACK, marker="s", markersize=5, label="central difference")
    for name, colour in (("forward difference", RED), ("central difference", BLACK)):
        axis.plot(*best[name], "o", markersize=19, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=2.5)

    turn = best["central difference"][0]
    axis.text(2e-18, 1e-1, "x + h is x:\nno digit left", va="top", fontsize=16, color="#555555")
    # Dashed: lines whose slopes are exact.
    _guide(axis, steps, forward, (1e-5, 1e-2), 1, 12, "truncation\nerror ~ h\nslope 1", ha="right", va="bottom")
    _guide(axis, steps, central, (3e-4, 3e-1), 2, 1 / 100, "truncation\nerror ~ h²\nslope 2", ha="left", va="top")
    _guide(
        axis, steps, central, (1e-14, 1e-10), -1, 1 / 15, "rounding\nerror ~ eps / h\nslope −1", ha="right", va="top"
    )
    for name, formula, colour, x, y in (
        ("forward difference", "(f(x + h) − f(x)) / h", RED, 3e-11, 3e1),
        ("central difference", "(f(x + h) − f(x − h)) / 2h", BLACK, turn * 2, 2e-13),
        ("complex step", "imaginary part of f(x + ih), over h: nothing is subtracted", BLUE, 2e-18, 3e-12),
    ):
        axis.text(x, y, name, color=colour, fontsize=20, fontweight="bold", va="bottom")
        axis.text(x, y * 0.7, f"{formula}\n{summaries[name]}", color=colour, fontsize=16, va="top", linespacing=1.3)
    axis.set(xlim=(steps[0], steps[-1] * 20), ylim=(1e-17, 1e3))
    axis.set_xlabel("step h", fontsize=18)
    axis.set_ylabel("relative error of the derivative", fontsize=18)
    axis.tick_params(labelsize=16)
    alt = (
        f"Relative error of a numerical derivative against the step h, from {_power(steps[0])} to {_power(steps[-1])}, "
        "both axes logarithmic. The two differences make a V each: truncation to its right, rounding to its left. The "
        "complex step falls with the central difference, then stays at the last digit. "
        + " ".join(f"{name.capitalize()}: {summary}." for name, summary in summaries.items())
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def draw_rungs(rungs, peak=None):
    """Draw how fast each rung of a ladder of programs is, as bars on a logarithmic axis.

    Parameters
    ----------
    rungs : list of dict
        From the first rung to the last. `group`: what is computed; rungs of a group follow one another under this
        heading. `name`: what this rung does. `number`: which rung it is, None for what it is only compared with.
        `kind`: "one core", "all cores", "NumPy" or "PyTorch". `gflops`: its speed in GFLOP/s, above 0.
    peak : float, optional
        What the machine can do at most, in GFLOP/s.

    Returns
    -------
    Picture
    """
    looks = {
        "one core": (SKY, "", BLACK),
        "all cores": (BLUE, "", "white"),
        "NumPy": (ORANGE, "//", BLACK),
        "PyTorch": (RED, "\\\\", BLACK),
    }
    figure, axis = pyplot.subplots(figsize=WIDESCREEN, layout="constrained")
    figure.get_layout_engine().set(rect=(0.01, 0.01, 0.92, 0.98))  # of the figure's width and height
    figure.suptitle("Same result, faster: the rungs of a matrix product", fontsize=22, x=0.5)
    speeds = [rung["gflops"] for rung in rungs]
    lowest, highest = min(speeds) / 3, max(speeds + [peak or 0]) * 1.6
    axis.set_xscale("log")

    # Columns of numbers to the right of the bars: heights in the axis' units, places across in widths of the axis.
    column = {"transform": axis.get_yaxis_transform(), "ha": "right", "va": "center_baseline", "fontsize": 17}
    heights, sentences, row, before = [], [], 0.0, None  # before: the speed of the group's last rung
    for rung, last in zip(rungs, [None, *rungs]):
        group, name, kind, speed = (rung[key] for key in ("group", "name", "kind", "gflops"))
        if last is None or last["group"] != group:
            row, before = row + (0.35 if last else 0), None
            axis.text(lowest * 1.12, row, group, fontsize=16, fontweight="bold", va="center")
            sentences.append(f"{group}:")
            row += 0.95
        colour, hatch, text = looks[kind]
        axis.barh(row, speed - lowest, left=lowest, height=0.74, color=colour, hatch=hatch, edgecolor="white")
        axis.text(1.13, row, _speed(speed), **column)
        if rung["number"] is not None:
            axis.text(
                lowest * 1.12, row, rung["number"], va="center_baseline", fontsize=17, fontweight="bold", color=text
            )
        words = f"{name} {_speed(speed)}"
        if rung["number"] is not None:
            if before is not None:
                factor = f"× {_speed(speed / before)}"
                axis.text(1.27, row, factor, **column)
                words += f" ({factor})"
            before = speed
        sentences[-1] += f" {words},"
        heights.append(row)
        row += 1

    for x, head in ((1.13, "GFLOP/s"), (1.27, "step")):
        axis.text(x, -0.75, head, color="#555555", **column | {"fontsize": 14})
    if peak:
        axis.axvline(peak, color=BLACK, linestyle="--", linewidth=2)
        axis.text(peak * 1.08, -0.75, f"the machine's peak {_speed(peak)}", ha="right", va="center_baseline")
    axis.set(xlim=(lowest, highest), ylim=(row - 0.4, -0.45))
    axis.set_yticks(heights, [rung["name"] for rung in rungs], fontsize=17)
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")
    axis.set_axisbelow(True)
    powers = range(-9, 9)
    axis.set_xticks([10.0**power for power in powers if lowest <= 10.0**power <= highest])
    axis.set_xticks([], minor=True)
    axis.xaxis.set_major_formatter(lambda tick, _: f"{tick:,g}")
    axis.tick_params(axis="x", labelsize=15)
    axis.set_xlabel(
        "billions of additions and multiplications a second; each line ten times the one before", fontsize=15
    )
    kinds = [kind for kind in looks if any(rung["kind"] == kind for rung in rungs)]
    patches = [
        pyplot.Rectangle((0, 0), 1, 1, facecolor=looks[k][0], hatch=looks[k][1], edgecolor="white") for k in kinds
    ]
    names = [{"NumPy": "NumPy (BLAS)"}.get(kind, kind) for kind in kinds]
    figure.legend(patches, names, loc="outside lower center", ncols=len(names), fontsize=15, frameon=False)
    alt = "Speed in GFLOP/s, logarithmic, one bar a rung. " + " ".join(f"{sentence[:-1]}." for sentence in sentences)
    return Picture(figure, alt + (f" The machine's peak: {_speed(peak)}." if peak else ""))


def _speed(number):
    """Two digits, or all before the point."""
    return f"{number:.0f}" if number >= 9.95 else f"{number:.1f}" if number >= 0.995 else f"{number:.2g}"


def _guide(axis, steps, curve, span, power, gap, text, **alignment):
    """Draw a line of that power of the step beside a curve, and write beside its middle what it is."""
    anchor = steps.searchsorted((span[0] * span[1]) ** 0.5)
    height = curve[anchor] * gap
    axis.plot(span, [height * (step / steps[anchor]) ** power for step in span], "--", color="#777777", linewidth=2)
    axis.annotate(
        text,
        (steps[anchor], height),
        (-6 if alignment["ha"] == "right" else 6, 4 if alignment["va"] == "bottom" else -4),
        textcoords="offset points",
        fontsize=16,
        color="#555555",
        **alignment,
    )


def _power(number):
    return f"{number:.0e}".replace("e-0", "e-").replace("e+00", "")


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


def _bars(results, split):
    """The controls' levels, each at the layer where it is hardest to beat; the null's is that of the last step."""
    return {
        "regrouping null, 99th\npercentile, last step": max(results["controls"]["regrouping_null_99"][split]),
        "bag of letters": results["controls"]["bag_of_letters"]["ari"][split],
        "untrained model": max(results["ari"][split][0]),
    }


def _rounded(value):
    return f"{round(value, 2) + 0:.2f}"  # adding 0 turns -0 into 0


def _layer_colour(layer, n_layers):
    """Light to dark with depth, in colour and in grey."""
    return colormaps["viridis_r"](0.08 + 0.92 * layer / max(1, n_layers - 1))


def _title(results, text, seeds=None):
    seeds, config = seeds or results["seeds"], results["config"]
    who = f"seed {seeds[0]}" if len(seeds) == 1 else f"median and range of seeds {seeds[0]} to {seeds[-1]}"
    extra = f", outputs shared by {config['share']} tasks" if config["share"] > 1 else ""
    return f"{text}\n{who}{extra}{', quick run' if config['quick'] else ''}"
