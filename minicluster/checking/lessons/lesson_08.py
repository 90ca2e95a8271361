"""LayerNorm's relative and GELU's relative, backward, and the test that finds a layer which mixes rows."""

import numpy as np

from ..exercise import LARGEST_ROUND, Exercise, Mistake, numbers


def _draw_rms(rng, size):
    if size <= LARGEST_ROUND:  # rows whose root mean square is 5
        n, C = size + 1, 4
        rows = [rng.permutation([1.0, 3, 3, 9] if row % 2 else [1.0, 1, 7, 7]) for row in range(n)]
        x = np.array(rows) * rng.choice([-1, 1], (n, C))
    else:
        n, C = size + 2, 2 + size % 3
        x = numbers(rng, size, n, C) + rng.choice([-1, 1], (n, C))
    return {"dout": numbers(rng, size, n, C), "x": x, "weight": numbers(rng, size, C) + 0.5}


def _rms_parts(dout, x, weight):
    rstd = 1 / np.sqrt((x * x).mean(axis=1, keepdims=True))
    return rstd, x * rstd, dout * weight


def rmsnorm_backward(dout, x, weight):
    """Gradients of x and weight: of each row by the whole table of derivatives of its xhat."""
    rstd, xhat, dxhat = _rms_parts(dout, x, weight)
    C = len(weight)
    tables = rstd[:, :, None] * (np.eye(C) - xhat[:, :, None] * xhat[:, None] / C)  # (n, C, C)
    return {"x": (dxhat[:, None] @ tables)[:, 0], "weight": (dout * xhat).sum(axis=0)}


def _rms_mistake(dx=None, dweight=None):
    def formula(dout, x, weight):
        rstd, xhat, dxhat = _rms_parts(dout, x, weight)
        right = rmsnorm_backward(dout, x, weight)
        return {
            "x": dx(dout, rstd, xhat, dxhat) if dx else right["x"],
            "weight": dweight(dout, x, xhat) if dweight else right["weight"],
        }

    return formula


def _along(dxhat, xhat, axis=1):
    return xhat * (dxhat * xhat).mean(axis=axis, keepdims=True)


def _nothing_along_xhat(function, inputs, got):
    _, xhat, _ = _rms_parts(**inputs)
    dx = np.asarray(got["x"])
    sums = (dx * xhat).sum(axis=1)
    row = np.abs(sums).argmax()
    if np.abs(sums[row]) <= 1e-9 * max(1, np.abs(dx).max()):
        return None
    return (
        f"row {row} of 'x' times row {row} of xhat adds up to {sums[row]:.4g} and should add up to 0: to stretch a row "
        "changes nothing, so its gradient has no part along xhat"
    )


def _draw_swish(rng, size):
    n, C = size + 1, 3
    x = numbers(rng, size, n, C)
    return {"dout": numbers(rng, size, n, C), "x": np.where(x == 0, 1.0, x)}


def _gate(x):
    return 1 / (1 + np.exp(-x))


def swish_backward(dout, x):
    """Gradient of x, by the quotient rule of x / (1 + exp(-x))."""
    below = 1 + np.exp(-x)
    return {"x": dout * (below + x * np.exp(-x)) / below**2}


def centre_columns(x):
    """Subtract from each row the mean of all rows: a layer that mixes rows."""
    return x - x.mean(axis=0)


def centre_rows(x):
    """Subtract from each row its own mean: no row sees another."""
    return x - x.mean(axis=-1, keepdims=True)


def mean_so_far(x):
    """Mean of each row and those above it: a layer that mixes rows."""
    return np.cumsum(x, axis=0) / np.arange(1, len(x) + 1)[:, None]


def add_last_row(x):
    """Add the last row to each: a layer that mixes rows."""
    return x + x[-1:]


LAYERS = (add_last_row, centre_columns, centre_rows, mean_so_far)


def _draw_layer(rng, size):
    return {"layer": LAYERS[size % len(LAYERS)], "x": numbers(rng, size, size + 1, 2 + (size % 2) * (size + 1))}


def moved_by_others(layer, x):
    """Largest difference, in each row, between what it gives among others and alone."""
    alone = np.array([layer(row[None])[0] for row in x])
    return np.abs(layer(x) - alone).max(axis=1)


def _mixed(compare):
    def formula(layer, x):
        alone = np.concatenate([layer(x[i : i + 1]) for i in range(len(x))])
        return compare(layer(x) - alone)

    return formula


EXERCISES = (
    Exercise(
        name="rmsnorm_backward",
        draw=_draw_rms,
        answer=rmsnorm_backward,
        core=True,
        rules=(_nothing_along_xhat,),
        mistakes=(
            Mistake(
                "'x' has only the direct way, rstd times dxhat. Each entry also moves the root mean square by which "
                "the whole row is divided: take away xhat times the row's mean of dxhat xhat",
                _rms_mistake(lambda dout, rstd, xhat, dxhat: rstd * dxhat),
            ),
            Mistake(
                "is LayerNorm's backward: it takes away the mean of dxhat too. RMSNorm subtracts no mean, so a shift "
                "is not ignored, and only the part along xhat goes",
                _rms_mistake(
                    lambda dout, rstd, xhat, dxhat: (
                        rstd * (dxhat - dxhat.mean(axis=1, keepdims=True) - _along(dxhat, xhat))
                    )
                ),
            ),
            Mistake(
                "'x' leaves out the weight: out is xhat times weight, so begin with dxhat = dout times weight",
                _rms_mistake(lambda dout, rstd, xhat, dxhat: rstd * (dout - _along(dout, xhat))),
            ),
            Mistake(
                "takes the mean of dxhat xhat over the rows (axis 0): each row was divided by a number of its own, so "
                "the mean is over its C places, axis=1 with keepdims=True",
                _rms_mistake(lambda dout, rstd, xhat, dxhat: rstd * (dxhat - _along(dxhat, xhat, axis=0))),
            ),
            Mistake(
                "takes away xhat times the sum of dxhat xhat: it is the mean, as xhat's squares add up to C, not to 1",
                _rms_mistake(
                    lambda dout, rstd, xhat, dxhat: (
                        rstd * (dxhat - xhat * (dxhat * xhat).sum(axis=1, keepdims=True))
                    )
                ),
            ),
            Mistake(
                "adds the part along xhat where it should take it away: a larger root mean square makes xhat smaller",
                _rms_mistake(lambda dout, rstd, xhat, dxhat: rstd * (dxhat + _along(dxhat, xhat))),
            ),
            Mistake(
                "'x' lacks the factor rstd, 1 divided by the root mean square: the forward multiplied by it",
                _rms_mistake(lambda dout, rstd, xhat, dxhat: dxhat - _along(dxhat, xhat)),
            ),
            Mistake(
                "'weight' is the mean over the rows: every row used the weight, and effects add up, so it is the sum",
                _rms_mistake(dweight=lambda dout, x, xhat: (dout * xhat).mean(axis=0)),
            ),
            Mistake(
                "'weight' uses x: what the forward multiplied by the weight is xhat",
                _rms_mistake(dweight=lambda dout, x, xhat: (dout * x).sum(axis=0)),
            ),
        ),
    ),
    Exercise(
        name="swish_backward",
        draw=_draw_swish,
        answer=swish_backward,
        core=True,
        mistakes=(
            Mistake(
                "is half of the product rule, dout times the gate: x moves the gate as well, which adds x times the "
                "gate's derivative",
                lambda dout, x: {"x": dout * _gate(x)},
            ),
            Mistake(
                "is half of the product rule: x also stands in front of the gate, which adds the gate itself",
                lambda dout, x: {"x": dout * x * _gate(x) * (1 - _gate(x))},
            ),
            Mistake(
                "lacks the x in the product rule's second half: (x s)' is s plus x times s'",
                lambda dout, x: {"x": dout * (_gate(x) + _gate(x) * (1 - _gate(x)))},
            ),
            Mistake(
                "takes the gate for its own derivative: s' is s (1 - s)",
                lambda dout, x: {"x": dout * (_gate(x) + x * _gate(x))},
            ),
            Mistake(
                "takes 1 - s^2 for the gate's derivative, which is that of tanh: here s' is s (1 - s)",
                lambda dout, x: {"x": dout * (_gate(x) + x * (1 - _gate(x) ** 2))},
            ),
            Mistake(
                "has exp(x) in the gate, which closes it where it should open: the gate is 1 / (1 + exp(-x))",
                lambda dout, x: {"x": dout * (_gate(-x) + x * _gate(-x) * (1 - _gate(-x)))},
            ),
            Mistake(
                "is the slope alone: multiply it by dout, the upstream gradient",
                lambda dout, x: {"x": _gate(x) + x * _gate(x) * (1 - _gate(x))},
            ),
            Mistake(
                "multiplies dout by swish itself: backward needs its derivative",
                lambda dout, x: {"x": dout * x * _gate(x)},
            ),
        ),
    ),
    Exercise(
        name="moved_by_others",
        draw=_draw_layer,
        answer=moved_by_others,
        mistakes=(
            Mistake(
                "takes the largest difference with its sign: a move by -3 is larger than one by 1, so take np.abs "
                "first",
                _mixed(lambda difference: difference.max(axis=1)),
            ),
            Mistake(
                "takes the mean over a row's entries: a move of one entry among many would hardly show, so take the "
                "largest",
                _mixed(lambda difference: np.abs(difference).mean(axis=1)),
            ),
            Mistake(
                "gives the largest move in each column: the question is about rows, so the maximum is over axis 1",
                _mixed(lambda difference: np.abs(difference).max(axis=0)),
            ),
            Mistake(
                "compares the layer's output with its input: compare it with the layer's output for the row alone",
                lambda layer, x: np.abs(layer(x) - x).max(axis=1),
            ),
            Mistake(
                "gives the layer a single list of numbers, x[i] of shape (C,): x[i : i + 1] is one row of a table, "
                "(1, C)",
                lambda layer, x: np.array([np.abs(layer(x)[i] - layer(x[i])).max() for i in range(len(x))]),
            ),
        ),
    ),
)
