"""The chain rule as a picture: a graph of small steps, with the values forward and the gradients backward."""

import math

from matplotlib import pyplot
from matplotlib.patches import Circle, FancyBboxPatch

from .picture import BLACK, BLUE, RED, STYLE, WIDESCREEN, Picture

SYMBOLS = {"times": "×", "plus": "+", "minus": "−", "square": "( )²"}
RADIUS = 0.45  # of a node, in inches
TEXT_AT = 0.56  # of the way forward: a little nearer to the end, as edges that share their start are apart there
STEEP = 60  # degrees; the texts of steeper edges are not turned
DASHES = (0, (4, 2))
GAP = 0.09  # between a node and its arrows, in inches
APART = 0.07  # each arrow from the middle of its edge, in inches
END_DISTANCE = 1.75  # from the last step to its result, in inches


@pyplot.rc_context(STYLE)
def draw_graph(steps, values, local, gradients, places, title):
    """Draw a graph of small steps: along each edge the value that goes forward and the gradient that comes back.

    Parameters
    ----------
    steps : list of (output, operation, inputs)
        In the order in which they are computed; operation is "times", "plus", "minus" or "square", inputs are names.
        The last output is the loss.
    values : dict from str to float
        Of every name.
    local : dict from str to sequence of float
        For each output, its derivative by each of its inputs.
    gradients : dict from str to float
        Derivative of the loss by every name.
    places : dict from str to (float, float)
        Where each input and each step (by its output's name) stands, in inches from the lower left corner.
        Edges must run to the right, or straight up.
    title : str
        One or two lines.

    Returns
    -------
    Picture
    """
    figure, axis = pyplot.subplots(figsize=WIDESCREEN)
    axis.set_position((0, 0, 1, 1))
    axis.set(xlim=(0, WIDESCREEN[0]), ylim=(0, WIDESCREEN[1]))
    axis.axis("off")
    axis.text(WIDESCREEN[0] / 2, WIDESCREEN[1] - 0.25, title, ha="center", va="top", fontsize=23, linespacing=1.4)

    outputs = [output for output, _, _ in steps]
    contributions = {name: [] for name in values}
    for output, operation, inputs in steps:
        _node(axis, places[output], SYMBOLS[operation], box=True)
        for name, slope in zip(inputs, local[output]):
            contributions[name].append(gradients[output] * slope)
            product = f"{_number(gradients[output])} × {_factor(slope)}"
            value = f"{name} = {_number(values[name])}"
            _edge(axis, places[name], places[output], value, _number(contributions[name][-1]), product)
    loss = outputs[-1]
    end = (places[loss][0] + END_DISTANCE, places[loss][1])
    _node(axis, end, loss)
    _edge(axis, places[loss], end, _number(values[loss]), _number(gradients[loss]))

    sums = {}
    for name, parts in contributions.items():
        if name in outputs:
            continue
        _node(axis, places[name], name)
        total = _number(gradients[name])
        twice = len(parts) > 1
        sums[name] = f"{' + '.join([_number(parts[0]), *map(_factor, parts[1:])])} = {total}" if twice else total
        x, y = places[name]
        user = next(output for output, _, inputs in steps if name in inputs)
        side = 1 if places[user][1] < y else -1  # above the node if its edges run downward, so that they don't meet
        look = {"fontsize": 23 if twice else 18, "fontweight": "bold", "color": RED}
        alignment = {"ha": "left", "va": "bottom" if side > 0 else "top"}
        axis.text(x - RADIUS, y + side * (RADIUS + 0.12), f"d{name} = {sums[name]}", **look, **alignment)

    _key(axis)
    used = {name: len(parts) for name, parts in contributions.items()}
    read = [f"{name} = {_number(value)}" for name, value in values.items() if name not in outputs]
    computed = [
        f"{output} = {_in_words(operation, inputs)} = {_number(values[output])}" for output, operation, inputs in steps
    ]
    back = [f"d{name} = {_number(gradients[name])}" for name in reversed(outputs)]
    back += [
        f"d{name} = {text}" + (", one contribution for each use" if used[name] > 1 else "")
        for name, text in sums.items()
    ]
    alt = (
        f"{'. '.join(title.splitlines())}. A graph of {len(steps)} small steps. Values go forward, left to right: "
        f"{', '.join(read)}; {'; '.join(computed)}. Gradients come back, right to left: {'; '.join(back)}. At each "
        "arrow back stands what is handed back: the upstream gradient times the step's local derivative."
    )
    return Picture(figure, _plain(alt))


def _node(axis, place, text, box=False):
    x, y = place
    look = {"facecolor": "#eeeeee" if box else "white", "edgecolor": BLACK, "linewidth": 2, "zorder": 3}
    if box:
        shape = FancyBboxPatch((x - 0.33, y - 0.33), 0.66, 0.66, boxstyle=f"round,pad={RADIUS - 0.33}", **look)
    else:
        shape = Circle(place, RADIUS, **look)
    axis.add_patch(shape)
    size = 28 if box and len(text) == 1 else 20 if len(text) <= 4 else 17
    axis.text(x, y, text, ha="center", va="center", fontsize=size, zorder=4)


def _edge(axis, start, end, value, gradient, product=""):
    """Draw an arrow forward with the value above, and a dashed arrow back with the gradient below."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    along = ((x1 - x0) / length, (y1 - y0) / length)
    up = (-along[1], along[0])  # to the left of the way forward: above, as edges run to the right, or straight up
    angle = math.degrees(math.atan2(along[1], along[0]))
    near, far = RADIUS + GAP, length - RADIUS - GAP
    middle = near + TEXT_AT * (far - near)

    def place(at, aside):
        return x0 + at * along[0] + aside * up[0], y0 + at * along[1] + aside * up[1]

    _arrow(axis, place(near, APART), place(far, APART), BLUE, "-")
    _arrow(axis, place(far, -APART), place(near, -APART), RED, DASHES)
    turned = {"rotation": angle, "rotation_mode": "anchor"}
    for text, aside, down, look in (
        (value, 0.3, 0, {"color": BLUE, "fontsize": 18}),
        (gradient, -0.33, -0.16, {"color": RED, "fontsize": 20, "fontweight": "bold"}),
        (product, -0.63, 0.16, {"color": RED, "fontsize": 15}),
    ):
        if angle < STEEP:
            x, y = place(middle, aside)
            axis.text(x, y, text, ha="center", va="center", **look, **turned)
        else:
            x, y = place(middle, math.copysign(0.2, aside))
            axis.text(x, y - down, text, ha="right" if aside > 0 else "left", va="center", **look)


def _arrow(axis, start, end, colour, style):
    look = {"arrowstyle": "-|>", "mutation_scale": 20, "color": colour, "linewidth": 2.2, "linestyle": style}
    axis.annotate("", end, start, arrowprops={**look, "shrinkA": 0, "shrinkB": 0})


def _key(axis):
    _arrow(axis, (0.45, 0.42), (1.35, 0.42), BLUE, "-")
    axis.text(1.5, 0.42, "forward: the value", color=BLUE, fontsize=18, va="center")
    _arrow(axis, (5.35, 0.42), (4.45, 0.42), RED, DASHES)
    axis.text(5.5, 0.42, "backward: upstream gradient × local derivative", color=RED, fontsize=18, va="center")


def _in_words(operation, inputs):
    return f"{inputs[0]} squared" if operation == "square" else f" {SYMBOLS[operation]} ".join(inputs)


def _number(value):
    return f"{value + 0:g}".replace("-", "−")  # adding 0 turns -0 into 0


def _plain(text):
    """In characters that every terminal can print."""
    for symbol, plain in (("×", "*"), ("−", "-"), ("²", "^2")):
        text = text.replace(symbol, plain)
    return text


def _factor(value):
    """In brackets if negative, so that it can follow an operator."""
    return f"({_number(value)})" if value < 0 else _number(value)
