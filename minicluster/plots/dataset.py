"""The data, explained on one example."""

import numpy as np
from matplotlib import pyplot
from matplotlib.patches import Rectangle

from .picture import BLACK, BLUE, GREY, ORANGE, RED, STYLE, WIDESCREEN, Picture

# Places and sizes in inches, from the lower left corner.
LEFT, RIGHT = 0.35, WIDESCREEN[0] - 0.35
GRID_LEFT, GRID_TOP, GRID_BOTTOM = 3.75, 3.25, 0.8  # of the cells
KEY = 3.05  # from one entry of the key to the next
ROW = 0.6  # at most
LETTER, NAME = 0.72, 1.25  # widths of a token's box
GAP = 0.08  # between boxes
LETTERS, TRAINED, HELD_OUT, OTHER = "#bcdff4", "#e9f3fa", ORANGE, "#dddddd"  # apart in grey, too
WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


@pyplot.rc_context(STYLE)
def draw_dataset(dataset):
    """Explain the data on one example: its sequence, its task's patterns, and which split each pair belongs to.

    Where tasks share their outputs, another task's answers stand beneath.

    Parameters
    ----------
    dataset : InstructionDataset

    Returns
    -------
    Picture
    """
    example = dataset.train[1]
    task, own = int(example.task), int(example.distribution)
    names = dataset.vocabulary.names
    patterns = range(task * dataset.n_distributions, (task + 1) * dataset.n_distributions)
    held_out = np.ones((len(dataset.patterns), dataset.n_inputs), bool)  # [pattern, input]
    held_out[dataset.train.distribution, dataset.train.input] = False
    alike = np.flatnonzero((np.sort(dataset.outputs, axis=1) == np.sort(dataset.outputs[task])).all(axis=1))
    other = next((int(t) for t in alike if t != task), None)  # a task that answers with the same outputs

    figure, axis = pyplot.subplots(figsize=WIDESCREEN)
    axis.set_position((0, 0, 1, 1))
    axis.set(xlim=(0, WIDESCREEN[0]), ylim=(0, WIDESCREEN[1]))
    axis.axis("off")
    phrasings = f"{_in_words(len(patterns))} pattern{'s' * (len(patterns) > 1)}"
    if other is not None:
        title = "Shared words: one answer no longer gives its task away"
    elif held_out[patterns].any():
        title = f"To answer what was held out, know that {phrasings} ask for one task"
    else:
        title = f"{phrasings.capitalize()} ask{'s' * (len(patterns) == 1)} for one task"
    axis.text(WIDESCREEN[0] / 2, 6.85, title, ha="center", va="center", fontsize=23)

    answer = names[dataset.outputs[task, example.input]]
    tokens = dataset.vocabulary.decode(example.tokens)[: example.separator + 2]
    _heading(axis, 6.18, "One example: nothing in it names the task")
    _sequence(axis, 5.45, tokens, answer)
    _heading(axis, 4.1, f"Its task: {phrasings}, one answer to each input")
    _grid(axis, dataset, held_out, (task, own, int(example.input), other))

    alt = (
        f"{title}. One example: {' '.join(tokens)}, to which the answer is {answer}. Its task, number {task}, is named "
        f"nowhere. A table: its {len(patterns)} patterns ({', '.join(dataset.patterns[d].text for d in patterns)}) "
        f"against its {dataset.n_inputs} inputs, whose answers are {_answers(dataset, task)}. Held out: "
        + "; ".join(f"pattern {at}, {_inputs(held_out[d])}" for at, d in enumerate(patterns, 1))
        + "; all other pairs are trained."
    )
    if other is not None:
        alt += f" Beneath it task {other}, which answers with the same words: {_answers(dataset, other)}."
    return Picture(figure, alt)


def _heading(axis, y, words):
    axis.text(LEFT, y, words, va="center", fontsize=19, fontweight="bold")


def _sequence(axis, y, tokens, answer):
    """Draw the tokens from left to right, and behind an arrow the answer."""
    widths = [LETTER] * (len(tokens) - 2) + [NAME] * 2
    arrow = 1.0
    scale = min(1, (RIGHT - LEFT) / (sum(widths) + GAP * len(widths) + arrow + NAME))
    x, starts = LEFT, []
    for at, (name, width) in enumerate(zip(tokens, widths)):
        starts.append(x)
        colour = LETTERS if at < len(tokens) - 2 else OTHER if at == len(tokens) - 2 else "white"
        _box(axis, (x, y, width * scale, 0.68), name, colour, 22)
        x += (width + GAP) * scale
    look = {"arrowstyle": "-|>", "mutation_scale": 24, "color": BLACK, "linewidth": 2.5}
    axis.annotate("", (x + (arrow - GAP) * scale, y), (x, y), arrowprops=look)
    starts += [x + arrow * scale]
    _box(axis, (starts[-1], y, NAME * scale, 0.68), answer, TRAINED, 22, edge=BLUE, weight="bold", colour=BLUE)
    for name, start, end in (
        ("instruction: a string of letters", starts[0], starts[-3] - GAP * scale),
        ("separator", starts[-3], starts[-2] - GAP * scale),
        ("input", starts[-2], starts[-2] + NAME * scale),
        ("answer", starts[-1], starts[-1] + NAME * scale),
    ):
        text = axis.text((start + end) / 2, y - 0.58, name, ha="center", va="center", fontsize=18, color=GREY)
        _fit(text, end - start + 0.1)


def _grid(axis, dataset, held_out, shown):
    """Draw which pairs of a task's patterns and inputs are trained, with their answers, and another task's answers."""
    task, own, asked, other = shown
    names = dataset.vocabulary.names
    width = (RIGHT - GRID_LEFT) / dataset.n_inputs
    n_rows = dataset.n_distributions + (1.3 if other is not None else 0)
    height = min(ROW, (GRID_TOP - GRID_BOTTOM) / n_rows)
    size = 18 * min(1, height / 0.45, width / 0.75)
    for x in range(dataset.n_inputs):
        place = GRID_LEFT + (x + 0.5) * width
        axis.text(place, GRID_TOP + 0.27, f"x{x}", ha="center", va="center", fontsize=size)
    axis.text(GRID_LEFT - 0.2, GRID_TOP + 0.27, "input", ha="right", va="center", fontsize=18, color=GREY)

    def cells(y, row_task, known, colour):
        for x in range(dataset.n_inputs):
            place = (GRID_LEFT + x * width + GAP / 2, y, width - GAP, height - GAP)
            if known[x]:
                _box(axis, place, names[dataset.outputs[row_task, x]], colour, size)
            else:
                _box(axis, place, "?", HELD_OUT, 1.3 * size, weight="bold")

    def frame(x, y, colour, line):
        place = (GRID_LEFT + x * width + GAP / 2, y - (height - GAP) / 2), width - GAP, height - GAP
        axis.add_patch(Rectangle(*place, fill=False, edgecolor=colour, linestyle=line, linewidth=4, zorder=3))

    for row in range(dataset.n_distributions):
        d, y = task * dataset.n_distributions + row, GRID_TOP - (row + 0.5) * height
        look = {"ha": "right", "va": "center", "fontsize": min(18, 40 * height)}
        text = axis.text(GRID_LEFT - 0.2, y, dataset.patterns[d].text, **look)
        _fit(text, GRID_LEFT - 0.2 - LEFT)
        cells(y, task, ~held_out[d], TRAINED)
        if d == own:
            frame(asked, y, BLUE, "-")
    if other is not None:
        y = GRID_TOP - (dataset.n_distributions + 0.8) * height
        look = {"ha": "right", "va": "center", "fontsize": 18, "fontweight": "bold", "color": RED}
        _fit(axis.text(GRID_LEFT - 0.2, y, f"another task, number {other}", **look), GRID_LEFT - 0.2 - LEFT)
        cells(y, other, np.ones(dataset.n_inputs, bool), OTHER)
        same = int(np.flatnonzero(dataset.outputs[other] == dataset.outputs[task, asked])[0])
        frame(same, y, RED, "--")
    keys = [("trained", TRAINED, "", GREY, 1.2, "-"), ("held out", HELD_OUT, "?", GREY, 1.2, "-")]
    keys += [("the example", "white", "", BLUE, 4, "-")]
    if other is not None:
        keys += [("its answer again", "white", "", RED, 4, "--")]
    for at, (words, colour, mark, edge, line, style) in enumerate(keys):
        x = LEFT + at * KEY
        look = {"facecolor": colour, "edgecolor": edge, "linewidth": line, "linestyle": style}
        axis.add_patch(Rectangle((x, 0.18), 0.55, 0.4, **look))
        axis.text(x + 0.275, 0.38, mark, ha="center", va="center_baseline", fontsize=20, fontweight="bold")
        axis.text(x + 0.7, 0.38, words, va="center", fontsize=18)


def _box(axis, place, text, colour_in, size, edge=GREY, weight="normal", colour=BLACK):
    """Draw a box with a text; its place is its left end, the height of its middle, its width and its height."""
    x, y, width, height = place
    look = {"facecolor": colour_in, "edgecolor": edge, "linewidth": 1.2 if edge == GREY else 3}
    axis.add_patch(Rectangle((x, y - height / 2), width, height, **look))
    look = {"ha": "center", "va": "center_baseline", "fontsize": size, "fontweight": weight, "color": colour}
    _fit(axis.text(x + width / 2, y, text, **look), width - 0.05)


def _fit(text, width):
    """Make a text smaller if it is wider than that many inches."""
    figure = text.axes.figure
    wide = text.get_window_extent(figure.canvas.get_renderer()).width / figure.dpi
    if wide > width:
        text.set_fontsize(text.get_fontsize() * width / wide)


def _answers(dataset, task):
    return ", ".join(f"x{x} {dataset.vocabulary.names[token]}" for x, token in enumerate(dataset.outputs[task]))


def _inputs(chosen):
    return " ".join(f"x{x}" for x in np.flatnonzero(chosen)) or "none"


def _in_words(number):
    return WORDS.get(number, str(number))
