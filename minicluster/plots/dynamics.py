"""The pictures of the experiment `dynamics`."""

from matplotlib import pyplot

from .curves import MARKERS, layer_colour, layer_label, median_line, rounded, step_axis
from .experiments import experiment_title
from .picture import BLACK, BLUE, GREY, ORANGE, RED, STYLE, WIDESCREEN, Picture

CONTROL_STYLES = ("--", "-.", ":")


def draw_dynamics(results):
    """Draw clustering against the training step.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `dynamics`: ARI, AMI and neighbours at the separator, with controls. `dynamics_more`: the input token,
        silhouettes, other numbers of clusters.
    """
    return {"dynamics": _draw_separator(results), "dynamics_more": _draw_more(results)}


@pyplot.rc_context(STYLE)
def _draw_separator(results):
    figure, axes = pyplot.subplots(2, 2, figsize=WIDESCREEN, layout="constrained", sharex=True, sharey=True)
    figure.suptitle(experiment_title(results, "Clusters by task, layer by layer and step by step (separator)"))
    curves, controls, steps = results["curves"]["separator"], results["controls"], results["steps"]
    panels = (
        (axes[0, 0], "ari", "train", "ARI, training strings"),
        (axes[0, 1], "ari", "unseen_instruction", "ARI, unseen strings"),
        (axes[1, 0], "ami", "train", "AMI, training strings"),
        (axes[1, 1], "cross_pattern_1nn", "unseen_instruction", "cross-pattern 1-NN, unseen strings"),
    )
    n_layers = len(curves["ari"]["train"][0])
    middle = results["middle_layer"]
    for axis, measure, split, title in panels:
        _layers(axis, steps, curves[measure][split])
        letters = controls["bag_of_letters"][measure][split]["median"]
        axis.axhline(letters, color=RED, linestyle="--", linewidth=1.8, label="control: bag of letters")
        untrained = max(layer["median"] for layer in curves[measure][split][0])
        axis.axhline(untrained, color=GREY, linestyle=":", linewidth=1.8, label="control: untrained, its best layer")
        if (measure, split) == ("ari", "train"):
            null = [max(step, key=lambda layer: layer["median"]) for step in controls["regrouping_null_99"]]
            look = {"color": BLACK, "linestyle": "-.", "linewidth": 2, "label": "control: regrouping null, 99 %"}
            median_line(axis, steps, null, **look)
        if measure == "cross_pattern_1nn":
            axis.axhline(controls["chance_1nn"], color=BLUE, linestyle="-.", linewidth=1.8, label="chance")
        axis.set_title(title)
        step_axis(axis, steps)
        axis.set_ylim(-0.06, 1.04)
    for axis in axes[0]:
        axis.set_xlabel("")
    _legend(figure, axes)
    last = {
        (measure, split): ", ".join(rounded(layer["median"]) for layer in curves[measure][split][-1])
        for _, measure, split, _ in panels
    }
    null = max(layer["median"] for layer in controls["regrouping_null_99"][-1])
    alt = (
        f"Four panels against training step, one line for each of {n_layers} layers at the separator. At the last "
        "step, "
        + "; ".join(f"{title}: {last[measure, split]}" for _, measure, split, title in panels)
        + f" (layer 0 first). Controls for ARI on training strings: bag of letters "
        f"{rounded(controls['bag_of_letters']['ari']['train']['median'])}, untrained model, layer {middle}: "
        f"{rounded(curves['ari']['train'][0][middle]['median'])}, regrouping null, 99th percentile: {rounded(null)}."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def _draw_more(results):
    figure, axes = pyplot.subplots(2, 2, figsize=WIDESCREEN, layout="constrained")
    figure.suptitle(experiment_title(results, "The input token, silhouettes, and other numbers of clusters"))
    steps, curves, controls = results["steps"], results["curves"], results["controls"]
    middle, n_tasks = results["middle_layer"], results["config"]["n_tasks"]
    _layers(axes[0, 0], steps, curves["input"]["ari"]["train"])
    axes[0, 0].set_title("input token: ARI, training strings")
    _layers(axes[0, 1], steps, curves["separator"]["silhouette"]["train"])
    axes[0, 1].set_title("separator: silhouette of the tasks")
    axes[0, 1].axhline(0, color=GREY, linewidth=1.2)

    nested = axes[1, 0]
    for against, colour, marker in (("distribution", ORANGE, "s"), ("task", BLUE, "o")):
        numbers = [step[middle] for step in results["by_distribution"][against]]
        label = f"against the {'distributions' if against == 'distribution' else 'tasks'}"
        median_line(nested, steps, numbers, color=colour, marker=marker, label=label)
    ceiling = controls["ceiling"]["median"]
    nested.axhline(ceiling, color=BLACK, linestyle="--", label=f"perfect distributions against tasks: {ceiling:.2f}")
    n_clusters = n_tasks * results["config"]["n_distributions"]
    nested.set_title(f"ARI of k = {n_clusters} clusters (distributions), layer {middle}")
    nested.legend(loc="upper left")

    chosen = axes[1, 1]
    look = {"color": BLACK, "marker": "o", "label": "k with the best silhouette"}
    median_line(chosen, steps, results["chosen_k"]["steps"], **look)
    chosen.axhline(n_tasks, color=BLUE, linestyle="--", label=f"tasks: {n_tasks}")
    chosen.set_title(f"number of clusters by silhouette, layer {middle}")
    chosen.set_ylim(0, 1.6 * max(n_tasks, *(number["high"] or 0 for number in results["chosen_k"]["steps"])))
    chosen.legend(loc="upper left")
    for axis in axes.flat:
        step_axis(axis, steps)
    for axis in axes[0]:
        axis.set_xlabel("")
    for axis in (axes[0, 0], nested):
        axis.set_ylim(-0.06, 1.04)
    _legend(figure, axes[:1])
    last = ", ".join(rounded(layer["median"]) for layer in curves["input"]["ari"]["train"][-1])
    silhouettes = ", ".join(rounded(layer["median"]) for layer in curves["separator"]["silhouette"]["train"][-1])
    against = {name: rounded(own[-1][middle]["median"]) for name, own in results["by_distribution"].items()}
    preferred = results["chosen_k"]["steps"][-1]["median"]
    alt = (
        f"Four panels against training step. At the last step, layer 0 first: ARI at the input token {last}; "
        f"silhouette of the tasks at the separator {silhouettes}. {n_clusters} clusters at layer {middle} score "
        f"{against['distribution']} against the distributions and {against['task']} against the tasks, where perfect "
        f"distributions would score {rounded(ceiling)}. The number of clusters with the best silhouette at layer "
        f"{middle} is {'-' if preferred is None else f'{preferred:.0f}'} at the end; there are {n_tasks} tasks."
    )
    return Picture(figure, alt)


def _layers(axis, steps, numbers):
    """Draw one line a layer from [[{median, low, high} a layer] a step]."""
    n_layers = len(numbers[0])
    for layer in range(n_layers):
        own = [step[layer] for step in numbers]
        colour, marker = layer_colour(layer, n_layers), MARKERS[layer % len(MARKERS)]
        look = {"color": colour, "marker": marker, "markersize": 4.5, "label": layer_label(layer, n_layers)}
        median_line(axis, steps, own, **look)


def _legend(figure, axes):
    """One legend for all panels, each label once."""
    handles = {}
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels()):
            handles.setdefault(label, handle)
    figure.legend(handles.values(), handles.keys(), loc="outside right center")
