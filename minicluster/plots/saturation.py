"""The pictures of the experiment `saturation`."""

from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, NullLocator, ScalarFormatter

from .curves import rounded
from .experiments import experiment_title
from .picture import BLACK, BLUE, GREEN, ORANGE, RED, STYLE, WIDESCREEN, Picture

SHARED = "all outputs shared"
TYPICAL = "run 5"  # the middle learning rate and number of strings
COLOURS, MARKERS, SIZES = (BLUE, ORANGE, RED), ("o", "s", "^"), (7, 11, 16)  # by level of a factor
TIMES = {  # curve, time, label, colour, marker
    "ARI": ("t_cluster", BLUE, "s", "--"),
    "validation loss": ("t_validation", RED, "^", "-"),
    "training loss": ("t_train", BLACK, "o", ":"),
}
BAND = "#dddddd"
TICKS = (10, 20, 50, 100, 200, 500, 1000, 2000)


@pyplot.rc_context(STYLE)
def draw_saturation(results):
    """Draw the two times against each other, one dot a run; and the curves of one run, and of shared outputs.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `saturation` and `saturation_curves`.
    """
    return {"saturation": _draw_times(results), "saturation_curves": _draw_curves(results)}


def _draw_times(results):
    runs = [own for run in results["runs"] for name, own in run.items() if name not in ("seed", SHARED)]
    over_all, last = results["over_all"], runs[0]["steps"][-1]
    levels = {name: sorted({own[name] for own in runs}) for name in ("lr", "n_tasks", "n_instructions")}
    figure, axes = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained", sharey=True)
    figure.suptitle(experiment_title(results, "When does clustering saturate? One dot a training"))
    drawn = [own for own in runs if own["t_cluster"] and own["t_train"]]
    known = [own[name] for own in drawn for name in ("t_cluster", "t_validation", "t_train")]
    low, high = min(known) / 1.25, max(known) * 1.25
    for axis, time in zip(axes, ("t_validation", "t_train")):
        for own in drawn:
            level = {name: levels[name].index(own[name]) for name in levels}
            colour = COLOURS[level["lr"]]
            hollow = time == "t_validation" and own["censored"]
            axis.plot(
                own[time],
                own["t_cluster"],
                MARKERS[level["n_tasks"]],
                color=colour,
                markersize=SIZES[level["n_instructions"]],
                markerfacecolor="none" if hollow else colour,
                markeredgecolor=colour if hollow else "white",
                markeredgewidth=2 if hollow else 0.8,
                alpha=0.85,
            )
        axis.plot((low, high), (low, high), color=BLACK, linewidth=1.4)
        axis.fill_between((low, high), (low / 2, high / 2), (low * 2, high * 2), color=BAND, alpha=0.5, linewidth=0)
        axis.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
        for line in (axis.xaxis, axis.yaxis):
            line.set_major_formatter(ScalarFormatter())
            line.set_minor_formatter(NullFormatter())
            line.set_minor_locator(NullLocator())
        ticks = [tick for tick in TICKS if low <= tick <= high]
        axis.set_xticks(ticks)
        axis.set_yticks(ticks)
    axes[0].set_ylabel("t_cluster\nstep at which ARI is at 95 % of its last value")
    axes[0].set_xlabel("t_validation\nstep of the lowest loss on unseen strings")
    axes[1].set_xlabel("t_train\nstep at which training loss made 95 % of its fall")
    axes[0].set_title(
        f"median ratio {_said(over_all['ratio']['median'])}, correlation {_said(over_all['correlation'])}\n"
        f"partial correlation {_said(over_all['partial_correlation'])} (shuffled < {_said(over_all['shuffled_bar'])})",
        fontsize=14,
    )
    axes[1].set_title(
        f"median ratio {_said(over_all['ratio_train']['median'])}, "
        f"correlation {_said(over_all['correlation_train'])}\n",
        fontsize=14,
    )

    def dot(label, colour="#555555", marker="o", size=11, **look):
        return Line2D([], [], linestyle="", marker=marker, color=colour, markersize=size, label=label, **look)

    handles = [dot(f"learning rate {value:g}", colour) for value, colour in zip(levels["lr"], COLOURS)]
    handles += [dot(f"{value} tasks", marker=marker) for value, marker in zip(levels["n_tasks"], MARKERS)]
    handles += [dot(f"{value} strings a pattern", size=size) for value, size in zip(levels["n_instructions"], SIZES)]
    handles += [
        dot("hollow: no minimum yet\nwhen the training ended", markerfacecolor="none", markeredgewidth=2),
        Line2D([], [], color=BLACK, linewidth=1.4, label="at the same step"),
        pyplot.Rectangle((0, 0), 1, 1, color=BAND, label="within a factor of 2"),
    ]
    figure.legend(handles=handles, loc="outside right center")
    ratio, ratio_train = over_all["ratio"], over_all["ratio_train"]
    alt = (
        f"Step at which clustering saturates against the step of lowest validation loss, one dot a training of {last} "
        f"steps. Of {len(runs)} runs {over_all['n']} have a minimum; there the first is {_said(ratio['median'])} of "
        f"the second in the median ({_said(ratio['low'])} to {_said(ratio['high'])}), and both are within a factor of "
        f"2 in a share of {_said(over_all['within'])} of the runs ({_said(over_all['shuffled_within'])} when paired "
        f"with other runs). Correlation of the logarithms {_said(over_all['correlation'])}, with the training loss's "
        f"time partialled out {_said(over_all['partial_correlation'])}; 95 % of shuffled ones are below "
        f"{_said(over_all['shuffled_bar'])}. Beside it, against the step at which training loss made 95 % of its fall: "
        f"median ratio {_said(ratio_train['median'])}, correlation {_said(over_all['correlation_train'])}."
    )
    return Picture(figure, alt)


@pyplot.rc_context(STYLE)
def _draw_curves(results):
    first = results["runs"][0]
    run, shared = first[TYPICAL], first[SHARED]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=WIDESCREEN, layout="constrained")
    title = "Clusters and losses on the way; and learning without clusters"
    figure.suptitle(experiment_title(results, title, [first["seed"]]))
    losses = left.twinx()
    curves, lines = [], []
    for label, (time, colour, marker, style) in TIMES.items():
        axis, values = {
            "ARI": (left, run["ari"]),
            "validation loss": (losses, run["validation_loss"]),
            "training loss": (losses, run["train_loss"]),
        }[label]
        curves += axis.plot(run["steps"], values, color=colour, marker=marker, label=label)
        if run[time] is not None:
            at = "≥" if time == "t_validation" and run["censored"] else "="
            left.axvline(run[time], color=colour, linestyle=style, linewidth=1.8)
            lines.append(Line2D([], [], color=colour, linestyle=style, label=f"{time} {at} {run[time]}"))
    left.set_ylim(-0.03, 1.05)
    left.set_ylabel(f"ARI, layer {results['layer']}, training strings")
    losses.set_yscale("log")
    losses.set_ylabel("loss (nats)")
    losses.grid(False)
    losses.spines["right"].set_visible(True)
    left.set_title(f"{run['n_tasks']} tasks, {run['n_instructions']} strings a pattern, learning rate {run['lr']:g}")
    left.legend(handles=curves + lines, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)

    shared_looks, own_looks = ((BLACK, "o"), (BLUE, "s")), (("#888888", "."), (GREEN, "^"))
    for drawn, whose, looks, width in (
        (shared, "all outputs shared", shared_looks, 2.2),
        (run, "run at the left", own_looks, 1.4),
    ):
        for key, label, (colour, marker) in zip(("train_accuracy", "ari"), ("training accuracy", "ARI"), looks):
            right.plot(
                drawn["steps"], drawn[key], color=colour, marker=marker, linewidth=width, label=f"{label}, {whose}"
            )
    right.set_ylim(-0.03, 1.05)
    right.set_title(f"All {shared['n_tasks']} tasks share their outputs")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=1)
    right.set_ylabel("accuracy, ARI")
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xlim(run["steps"][1] / 1.1, run["steps"][-1] * 1.1)
        ticks = [tick for tick in TICKS if run["steps"][1] <= tick <= run["steps"][-1]]
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlabel("training step")
    alt = (
        f"Curves of one training ({run['n_tasks']} tasks): ARI reaches 95 % of its last value {rounded(run['ari'][-1])}"
        f" at step {run['t_cluster']}, training loss 95 % of its fall at step {run['t_train']}, and validation loss is "
        f"lowest at step {run['t_validation']}{' (it may still fall)' if run['censored'] else ''}. With all outputs "
        f"shared, training accuracy ends at {rounded(shared['train_accuracy'][-1])} and "
        f"ARI at {rounded(shared['ari'][-1])}."
    )
    return Picture(figure, alt)


def _said(value):
    return "none" if value is None else rounded(value)
