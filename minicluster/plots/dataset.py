"""The data, explained on one example."""

from matplotlib import pyplot

from .picture import BLACK, GREEN, ORANGE, RED, SKY, STYLE, WIDESCREEN, Picture


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
