"""The pictures of the experiment `geometry`, still and moving."""

import tempfile
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..files import write_bytes
from .curves import MARKERS, TASK_COLOURS, rounded, step_axis
from .experiments import experiment_title
from .picture import BLACK, BLUE, DPI, GREEN, GREY, ORANGE, RED, STYLE, WIDESCREEN, Picture

STRIP = (2, 4)  # rows and columns of still frames
CURVES_SHARE = 0.73  # of an axis's height; the rest is for its legend
FRAME = (9.6, 5.4)  # inches; 16:9
FRAMES_A_SECOND, LAST_SHOWN = 4, 12  # frames that the last one is shown for


def draw_geometry(results):
    """Draw scatter, dimension and distances by layer and step, clusters forming, and three layers by t-SNE.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `geometry`, and, if a run has what is drawn of one training, `geometry_pca` and `geometry_tsne`.
    """
    pictures = {"geometry": draw_numbers(results)}
    if pictured_run(results) is not None:
        pictures |= {"geometry_pca": draw_strip(results), "geometry_tsne": draw_tsne(results)}
    return pictures


def pictured_run(results):
    """Return the run of which there is more than numbers, or None."""
    return next((run for run in results["runs"] if "pictured" in run["plain"]), None)


@pyplot.rc_context(STYLE)
def draw_numbers(results):
    """Draw the between-task share by layer and by step, effective dimensions and distances by layer: a Picture."""
    middle, steps, numbers = results["middle_layer"], results["steps"], results["over_seeds"]
    figure, axes = pyplot.subplots(2, 2, figsize=WIDESCREEN, layout="constrained")
    title = "Scatter between and within tasks: states at the separator"
    figure.suptitle(experiment_title(results, title))
    layers = range(len(numbers["between_share"]["median"][0]))

    def by_layer(axis, name, step, *look):
        _line(axis, layers, {key: grid[step] for key, grid in numbers[name].items()}, *look)

    def by_step(axis, name, *look):
        _line(axis, steps, {key: [row[middle] for row in grid] for key, grid in numbers[name].items()}, *look)

    share, rise, dimension, distance = axes.flat
    by_layer(share, "between_share", -1, "trained", BLUE, "o", "-")
    by_layer(share, "regrouping_null_99", -1, "regrouping null, 99th percentile", ORANGE, "^", "--")
    by_layer(share, "between_share", 0, "untrained", GREY, "s", ":")
    share.set(title="scatter that lies between tasks")

    by_step(rise, "between_share", "between tasks", BLUE, "o", "-")
    by_step(rise, "within_pattern_share", "within patterns", GREEN, "D", "-")
    by_step(rise, "regrouping_null_99", "regrouping null, 99th percentile", ORANGE, "^", "--")
    rise.set(title=f"layer {middle}, while it learns")
    step_axis(rise, results["steps"])
    for axis in (share, rise):
        axis.set(ylim=(-0.03, 1), yticks=np.linspace(0, 1, 6), ylabel="share of the scatter")

    by_layer(dimension, "dimension_within_tasks", -1, "within tasks, trained", GREEN, "D", "-")
    by_layer(dimension, "dimension", -1, "all states, trained", BLUE, "o", "-")
    by_layer(dimension, "dimension", 0, "all states, untrained", GREY, "s", ":")
    most = results["n_tasks"] - 1
    dimension.axhline(most, color=BLACK, linestyle="-.", linewidth=1.6, label=f"{most}: most that centroids span")
    dimension.set(ylim=(0, None), title="in how many directions?", ylabel="effective dimension")

    by_layer(distance, "mean_distance", -1, "mean, trained", BLUE, "o", "-")
    by_layer(distance, "least_distance", -1, "least, trained", RED, "v", "-")
    by_layer(distance, "mean_distance", 0, "mean, untrained", GREY, "s", ":")
    distance.axhline(1, color=BLACK, linestyle="-.", linewidth=1.6, label="a task's radius")
    distance.set(ylim=(0, None), title="distance of two tasks' centroids", ylabel="in radii of a task")
    for axis in (share, dimension, distance):
        axis.set_xticks(list(layers))
        axis.set_xlabel("layer (0: embedding)")
    for axis in axes.flat:
        _legend_above_curves(axis)

    def told(name, step=-1):
        values = numbers[name]["median"][step]
        return ", ".join("none" if value is None else rounded(value) for value in values)

    alt = (
        "Hidden states at the separator, medians over seeds, layer 0 first. Share of the scatter that lies between "
        f"tasks: {told('between_share')}; untrained {told('between_share', 0)}; regrouping null, 99th percentile, "
        f"{told('regrouping_null_99')}. Effective dimension of all states: {told('dimension')}; untrained "
        f"{told('dimension', 0)}; within tasks {told('dimension_within_tasks')}. Distance of two tasks' centroids in "
        f"radii of a task: mean {told('mean_distance')}, least {told('least_distance')}; untrained, mean "
        f"{told('mean_distance', 0)}. At layer {middle} the share between tasks rises from "
        f"{_told(numbers['between_share']['median'][0][middle])} at step 0 to "
        f"{_told(numbers['between_share']['median'][-1][middle])} at step {steps[-1]}."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def draw_strip(results):
    """Draw clusters forming: still frames in one plane, a Picture."""
    run = pictured_run(results)
    pictured, n_panels = run["plain"]["pictured"], STRIP[0] * STRIP[1]
    steps = pictured["steps"]
    chosen = sorted({int(at) for at in np.linspace(0, len(steps) - 1, n_panels).round()})
    figure, axes = pyplot.subplots(*STRIP, figsize=WIDESCREEN, layout="constrained")
    title = f"Clusters form: the training strings' states at layer {pictured['layer']}"
    figure.suptitle(experiment_title(results, title, seeds=[run["seed"]]))
    for axis in axes.flat[len(chosen) :]:
        axis.remove()
    for axis, at in zip(axes.flat, chosen):
        _scatter(axis, pictured["points"][at], pictured["task"], size=16)
        _frame_axes(axis, pictured["points"])
        axis.set_title(f"step {steps[at]:,}")
    figure.supxlabel(
        "Colour and marker: the task, which no input names. All panels show the same plane, that of the last step's "
        f"two\nprincipal components. It shows {_told(pictured['explained'][-1], '.0%')} of the scatter there: clusters "
        "that overlap here may lie apart in other directions.",
        fontsize=14,
    )
    moments = ", ".join(f"{steps[at]:,}" for at in chosen)
    shares = ", ".join(_told(run["plain"]["between_share"][at][pictured["layer"]]) for at in chosen)
    alt = (
        f"Scatter plots of {len(pictured['task'])} strings' states at layer {pictured['layer']} in one plane, at "
        f"steps {moments}, coloured by task. Share of the scatter that lies between tasks at these steps: {shares}."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def draw_tsne(results):
    """Draw the layers of the trained model side by side as t-SNE shows them: a Picture."""
    run = pictured_run(results)
    pictured = run["plain"]["pictured"]
    task, layers, perplexity = pictured["task"], pictured["tsne"]["layers"], pictured["tsne"]["perplexity"]
    figure, axes = pyplot.subplots(1, len(layers), figsize=WIDESCREEN, layout="constrained", squeeze=False)
    title = f"The same strings by t-SNE, layer by layer, at step {pictured['steps'][-1]:,}"
    figure.suptitle(experiment_title(results, title, seeds=[run["seed"]]))
    shares = [run["plain"]["between_share"][-1][layer] for layer in layers]
    for axis, layer, points, share in zip(axes.flat, layers, pictured["tsne"]["points"], shares):
        _scatter(axis, points, task, size=24)
        _frame_axes(axis, [points])
        axis.set_title(f"layer {layer}")
        axis.set_xlabel(f"scatter between tasks: {_told(share, '.0%')}", fontsize=16)
    _task_legend(figure, task, loc="outside right center")
    figure.supxlabel(
        f"Perplexity {perplexity:g}. What t-SNE keeps is which strings are neighbours. Distances between clusters, and "
        "their sizes,\nmean nothing here; the share below each panel is measured in the states themselves.",
        fontsize=15,
    )
    told = ", ".join(f"layer {layer} {_told(share)}" for layer, share in zip(layers, shares))
    alt = (
        f"t-SNE of {len(task)} strings' states at the separator at step {pictured['steps'][-1]:,}, one panel a layer, "
        f"coloured by task; perplexity {perplexity:g}. Share of the scatter that lies between tasks, measured in the "
        f"states themselves: {told}. Distances between clusters in these panels mean nothing."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def frames(results):
    """Draw the plane of clusters forming at every recorded step.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    list of (int, Picture)
        Step and picture, 960 x 540 dots; none if no run has what is drawn of one training.
    """
    run = pictured_run(results)
    drawn = []
    for at, step in enumerate(run["plain"]["pictured"]["steps"] if run else []):
        figure = Figure(figsize=FRAME)  # not one of pyplot's, which warns of so many
        drawn.append((step, Picture(figure, _draw_frame(figure, run, at))))
    return drawn


@pyplot.rc_context(STYLE)
def save_animation(results, path):
    """Write the frames as a GIF, whole or not at all. It stays on the last one for a while, and begins again.

    Parameters
    ----------
    results : dict
        Of the experiment.
    path : str or Path

    Returns
    -------
    str or None
        What is to be seen, in words and numbers; None, and no file, if no run has what is drawn of one training.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    run = pictured_run(results)
    if run is None:
        return None
    pictured = run["plain"]["pictured"]
    figure, writer = Figure(figsize=FRAME), PillowWriter(fps=FRAMES_A_SECOND)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "animation.gif")
        with writer.saving(figure, str(whole), DPI):
            for at in range(len(pictured["steps"])):
                figure.clear()
                last = _draw_frame(figure, run, at)
                writer.grab_frame()
            for _ in range(LAST_SHOWN - 1):
                writer.grab_frame()
        write_bytes(path, whole.read_bytes())
    first = _told(run["plain"]["between_share"][0][pictured["layer"]])
    return f"Animation of {len(pictured['steps'])} frames; at step 0, share between tasks {first}. The last: {last}"


def _draw_frame(figure, run, at):
    """Draw the plane at the recording with this number into an empty figure; return its description."""
    pictured, share = run["plain"]["pictured"], run["plain"]["between_share"][at][run["plain"]["pictured"]["layer"]]
    step, layer, task = pictured["steps"][at], pictured["layer"], pictured["task"]
    null = run["plain"]["regrouping_null_99"][at][layer]
    axis = figure.add_axes((0.02, 0.035, 0.523, 0.93))  # a square
    _scatter(axis, pictured["points"][at], task, size=22)
    _frame_axes(axis, pictured["points"])
    figure.text(0.575, 0.87, f"step {step:,}", fontsize=28, fontweight="bold")
    text = f"layer {layer}: scatter between tasks {_told(share, '.0%')}\n(regrouping null {_told(null, '.0%')})"
    figure.text(0.575, 0.81, text, fontsize=15, va="top", linespacing=1.4)
    _task_legend(figure, task, loc="lower left", bbox_to_anchor=(0.565, 0.025), ncols=2)
    explained = pictured["explained"][at]
    return (
        f"Step {step:,}: {len(task)} strings' states at layer {layer}, coloured by task, in the plane of the last "
        f"step's two principal components, which shows {_told(explained, '.0%')} of their scatter at this step. Share "
        f"of the scatter that lies between tasks: {_told(share)}; regrouping null, 99th percentile, {_told(null)}."
    )


def _line(axis, x, numbers, label, colour, marker, style):
    """Draw the median over seeds, and the range as a band; leave out where there is no number."""
    known = [i for i, value in enumerate(numbers["median"]) if value is not None]
    curves = (x, numbers["median"], numbers["low"], numbers["high"])
    x, middle, low, high = ([values[i] for i in known] for values in curves)
    axis.plot(x, middle, color=colour, marker=marker, linestyle=style, markersize=8, label=label)
    axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)


def _legend_above_curves(axis):
    """Add a legend, and room for it above all that is drawn."""
    low, high = axis.get_ylim()
    axis.set_ylim(low, low + (high - low) / CURVES_SHARE)
    axis.legend(loc="upper center", ncols=2, columnspacing=1, handlelength=1.7, handletextpad=0.5, borderaxespad=0.2)


def _scatter(axis, points, task, size):
    """Draw points [[x, y] a string] in the colour and with the marker of their task."""
    points, task = np.array(points), np.array(task)  # (n, 2), (n,)
    for t in np.unique(task):
        axis.scatter(*points[task == t].T, s=size, color=_colour(t), marker=_marker(t), linewidths=0, alpha=0.75)


def _frame_axes(axis, all_points):
    """Make a square of an axis, with room for all points [[[x, y] a string] a frame]."""
    everything = np.concatenate([np.array(points) for points in all_points])  # (frames * n, 2)
    low, high = everything.min(axis=0), everything.max(axis=0)
    middle = (low + high) / 2
    reach = 0.53 * (high - low).max() + 1e-6  # axes of width 0 can't be drawn
    axis.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
    axis.set_aspect("equal")
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set(visible=True, color="#999999")


def _task_legend(figure, task, **where):
    """Add a legend of the tasks, numbered from 1."""
    handles = [
        Line2D([], [], linestyle="", marker=_marker(t), color=_colour(t), markersize=9)
        for t in sorted(set(task))
    ]
    figure.legend(handles, [f"task {t + 1}" for t in sorted(set(task))], columnspacing=1, handletextpad=0.2, **where)


def _colour(task):
    return TASK_COLOURS[task % len(TASK_COLOURS)]


def _marker(task):
    return MARKERS[task % len(MARKERS)]


def _told(value, form=".2f"):
    return "unknown" if value is None else format(round(value, 4) + 0, form)
