"""The picture of the experiment `alignment`."""

from matplotlib import pyplot

from .curves import median_line, rounded
from .experiments import experiment_title
from .picture import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, STYLE, WIDESCREEN, Picture

ABOVE, EVERYTHING, BELOW, GUARD = "above the clusters", "everything", "below the clusters", "guard"
WITH = {"separate": "clusters", "shared, told": "clusters by telling", "shared": "no clusters"}
TRAININGS = {  # what learns above the clusters: label, colour, marker, line
    "separate": ("clusters", BLUE, "o", "-"),
    "shared, told": ("clusters by telling the task", GREEN, "s", "-"),
    "shared": ("no clusters", RED, "^", "-"),
}
LEARNING = {  # with clusters, what else learns
    EVERYTHING: ("clusters, everything learns", ORANGE, "D", "--"),
    BELOW: ("clusters, below them learns", PURPLE, "v", "--"),
}
GUARD_LOOK = ("clusters, guard: nothing learns", BLACK, "*", ":")
COLLATERAL = ("clusters: other tasks refused", GREY, "x", ":")
METHODS = {  # in the table
    ABOVE: "fine-tuned above the clusters",
    EVERYTHING: "fine-tuned everywhere",
    BELOW: "fine-tuned below the clusters",
    GUARD: "guard",
}
ROWS = (("separate", ABOVE), ("separate", EVERYTHING), ("separate", BELOW), ("separate", GUARD))
ROWS += (("shared, told", ABOVE), ("shared", ABOVE), ("shared", GUARD))
COLUMNS = ("model", "method, {few} examples", "numbers\nchanged", "seconds\nto make", "more time\na question",
           "refused:\nnever shown", "leaks: still\nanswered", "others\nrefused", "others\nright")  # fmt: skip
WIDTHS = (0.145, 0.235, 0.09, 0.085, 0.12, 0.115, 0.11, 0.08, 0.08)
FONT = 13


@pyplot.rc_context(STYLE)
def draw_alignment(results):
    """Draw how far refusal reaches against examples and steps, with and without clusters, above what each way costs.

    Parameters
    ----------
    results : dict
        Of the experiment.

    Returns
    -------
    dict from str to Picture
        `alignment`.
    """
    figure = pyplot.figure(figsize=WIDESCREEN, layout="constrained")
    figure.suptitle(experiment_title(results, "Shown a few strings of one pattern: does the whole task get refused?"))
    above, below = figure.subfigures(2, 1, height_ratios=(1.1, 1))
    left, right = above.subplots(1, 2, sharey=True)
    numbers, few = results["n_examples"], results["few_examples"]
    places = range(len(numbers))
    for name, look in TRAININGS.items():
        _line(left, places, results["by_examples"][name], look)
        _line(right, results["steps"], results["by_step"][name][ABOVE], look)
    for which, look in LEARNING.items():
        _line(right, results["steps"], results["by_step"]["separate"][which], look)
    _line(left, places, results["guards"]["separate"], GUARD_LOOK)
    _line(left, places, results["by_examples"]["separate"], COLLATERAL, "other_tasks")
    _line(right, results["steps"], results["by_step"]["separate"][ABOVE], COLLATERAL, "other_tasks")
    left.set_xticks(list(places), [str(number) for number in numbers])
    right.set_xticks([step for step in results["steps"] if 4 * step % results["steps"][-1] == 0])
    left.set_xlabel(f"examples shown ({results['steps'][-1]} steps)")
    right.set_xlabel(f"steps of fine-tuning ({few} examples)")
    left.set_ylabel("refused of the task's patterns\nthat were never shown")
    left.set(ylim=(-0.04, 1.06), yticks=(0, 0.25, 0.5, 0.75, 1))
    shown = {}
    for axis in (left, right):
        shown |= dict(zip(*reversed(axis.get_legend_handles_labels())))
    title = "above the clusters learns,\nunless said"
    above.legend(shown.values(), shown.keys(), loc="outside right upper", title=title)
    told = _draw_table(below.subplots(), results)
    by_examples = "; ".join(f"{look[0]}: {_listed(results['by_examples'][name])}" for name, look in TRAININGS.items())
    by_step = "; ".join(
        [f"{look[0]}: {_listed(results['by_step'][name][ABOVE])}" for name, look in TRAININGS.items()]
        + [f"{look[0]}: {_listed(results['by_step']['separate'][which])}" for which, look in LEARNING.items()]
    )
    alt = (
        "Share of a task's training strings, of patterns never shown, that a model refuses. After "
        f"{', '.join(map(str, numbers))} examples of one pattern: {by_examples}; guard: "
        f"{_listed(results['guards']['separate'])}. With {few} examples at steps "
        f"{', '.join(map(str, results['steps']))}: {by_step}. Other tasks refused, with clusters: "
        f"{_listed(results['by_examples']['separate'], 'other_tasks')}. Table for {few} examples: {told}."
    )
    return {"alignment": Picture(figure, alt)}


def _line(axis, x, judged, look, group="others"):
    label, colour, marker, line = look
    numbers = [one["train"][group]["refused"] for one in judged]
    median_line(axis, x, numbers, color=colour, marker=marker, markersize=9, linestyle=line, label=label)


def _listed(judged, group="others"):
    return ", ".join(rounded(one["train"][group]["refused"]["median"]) for one in judged)


def _draw_table(axis, results):
    """Draw the rows of the table, and return them in words."""
    axis.axis("off")
    methods = {(row["training"], row["method"]): row for row in results["methods"]}
    cells = [_cells(methods[key]) for key in ROWS]
    columns = [column.format(few=results["few_examples"]) for column in COLUMNS]
    drawn = axis.table(cells, colLabels=columns, colWidths=WIDTHS, cellLoc="center", bbox=(0, 0, 1, 1))
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(FONT)
    for (row, column), cell in drawn.get_celld().items():
        cell.set_edgecolor("#bbbbbb")
        cell.set_height((2 if row == 0 else 1) / (len(cells) + 2))
        if row == 0:
            cell.set_text_props(weight="bold")
        if column < 2:
            cell.set_text_props(ha="left")
            cell.PAD = 0.03
    header = [" ".join(column.split()) for column in columns]
    return "; ".join(", ".join([*row[:2], *map(" ".join, zip(header[2:], row[2:]))]) for row in cells)


def _cells(row):
    """Return one row of the table as text."""
    more = row["more_seconds_a_question"]["median"] / row["seconds_a_question"]["median"]
    return (
        WITH[row["training"]],
        METHODS[row["method"]],
        f"{row['parameters']:,}",
        f"{row['seconds']['median']:.2f}",
        f"{more:+.0%}".replace("-0%", "+0%"),  # not finer than timings tell
        *(rounded(row[key]["median"]) for key in ("reach", "leak")),
        f"{row['collateral']['median']:.3f}",
        rounded(row["accuracy"]["median"]),
    )
