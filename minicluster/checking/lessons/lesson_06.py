"""Trust no gradient: a Jacobian by the complex step, a judge of given backwards, and a table that is used twice."""

import numpy as np

from ..exercise import Exercise, Mistake, nonzero
from ..judge import shown

STEP = 1e-30

# name: (entry by entry, its derivative)
ELEMENTARY = {
    "x * x": (lambda x: x * x, lambda x: 2 * x),
    "np.exp(x)": (np.exp, np.exp),
    "np.sin(x)": (np.sin, np.cos),
}


def _draw_function(rng, size):
    m, n = (3, 2) if size <= 2 else (1 + size % 4, size)
    matrix = nonzero(rng, size, m, n)
    name = "x * x" if size == 1 else list(ELEMENTARY)[size % 3]
    entries, slopes = ELEMENTARY[name]

    def f(x):
        return matrix @ entries(x)

    f.__name__ = f"x -> {shown(matrix)} @ ({name})"
    f.jacobian = lambda x: matrix * slopes(x)
    return {"f": f, "x": nonzero(rng, size, n)}


def jacobian(f, x):
    """The derivative of each entry of f(x) by each entry of x, by its formula, which came with the function."""
    return f.jacobian(x)


def _steps(f, x, h, cumulative=False):
    """f at x with each entry moved by h in turn, or more and more of them: (n, m)."""
    moves = np.tri(len(x)) if cumulative else np.eye(len(x))
    return np.array([f(x + h * move) for move in moves])


# The layers whose backwards are judged: name: (forward, right backward, one that forgets a path).


def _centre(x):
    return x - x.mean(axis=-1, keepdims=True), None


def _softmax(x):
    powers = np.exp(x)
    p = powers / powers.sum(axis=-1, keepdims=True)
    return p, p


def _square_share(x):
    total = (x * x).sum(axis=-1, keepdims=True)
    return x * x / total, (x, total)


def _of_square_share(dout, cache, forget=False):
    x, total = cache
    through_total = 0 if forget else (dout * x * x).sum(axis=-1, keepdims=True) / total
    return 2 * x / total * (dout - through_total)


LAYERS = {
    "centre": (_centre, lambda dout, _: dout - dout.mean(axis=-1, keepdims=True), lambda dout, _: dout),
    "softmax": (
        _softmax,
        lambda dout, p: p * (dout - (dout * p).sum(axis=-1, keepdims=True)),
        lambda dout, p: p * dout,
    ),
    "square_share": (_square_share, _of_square_share, lambda dout, cache: _of_square_share(dout, cache, forget=True)),
}


def _without_last_row(dx):
    return np.where(np.arange(len(dx))[:, None] < len(dx) - 1, dx, 0)


def _backwards(right, forgetful):
    return {
        "right": right,
        "opposite_sign": lambda dout, cache: -right(dout, cache),
        "forgets_a_path": forgetful,
        "zeros": lambda dout, cache: 0 * right(dout, cache),
        "last_row_is_0": lambda dout, cache: _without_last_row(right(dout, cache)),
        "too_large_by_a_thousandth": lambda dout, cache: 1.001 * right(dout, cache),
        "rows_turned_around": lambda dout, cache: right(dout, cache)[:, ::-1],
    }


def _named(name, function, wrap=lambda result: result):
    def named(*arguments):
        return wrap(function(*arguments))

    named.__name__ = name
    return named


FORWARDS = {layer: _named(layer, forward) for layer, (forward, _, _) in LAYERS.items()}
BACKWARDS = {
    layer: {name: _named(name, formula, lambda dx: {"x": dx}) for name, formula in _backwards(*pair).items()}
    for layer, (_, *pair) in LAYERS.items()
}


def _draw_backwards(rng, size):
    layer = "centre" if size == 1 else list(LAYERS)[size % 3]
    wrong = [name for name in BACKWARDS[layer] if name != "right"]
    names = ["right", *(wrong if size > 2 else rng.permutation(wrong)[:3])]
    return {
        "forward": FORWARDS[layer],
        "backwards": [BACKWARDS[layer][name] for name in rng.permutation(names)],
        "x": nonzero(rng, size, 2 + size // 4, 3 + size // 3),
    }


def which_are_right(forward, backwards, x):
    """Told by their names."""
    return np.array([backward.__name__ == "right" for backward in backwards])


def _numeric(forward, x, dout):
    dx = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * STEP
        dx[index] = (dout * forward(moved)[0].imag).sum() / STEP
    return dx


def _judged(dout, agree):
    """Return a formula that judges with a given upstream gradient, and a given comparison of two gradients."""

    def formula(forward, backwards, x):
        out, cache = forward(x)
        upstream = dout(out)
        numeric = _numeric(forward, x, upstream)
        return np.array([bool(agree(backward(upstream, cache)["x"], numeric)) for backward in backwards])

    return formula


def _ones(out):
    return np.ones(out.shape)


def _random(out):
    return np.random.default_rng(0).standard_normal(out.shape)


def _blessed(function, inputs, got):
    """Say which backward is misjudged, and what it computes."""
    got = np.asarray(got)
    right = which_are_right(**inputs)
    for number, backward in enumerate(inputs["backwards"]):
        if got[number] and not right[number]:
            return f"takes backwards[{number}] for right; it is the one called {backward.__name__}"
        if right[number] and not got[number]:
            return f"takes backwards[{number}] for wrong, and it is right"
    return None


def _draw_tied(rng, size):
    V, C, T = (3, 2, 3) if size == 1 else (3 + size // 3, 1 + size % 3, 4 + size // 3)
    # A token occurs twice: where T is V, by choice, else because there are more tokens than rows.
    tokens = rng.permutation([0, 2, 2]) if size == 1 else rng.integers(V, size=T)
    return {"dout": nonzero(rng, size, T, V), "table": nonzero(rng, size, V, C), "tokens": tokens}


def tied_backward(dout, table, tokens):
    """Of x = table[tokens], out = x @ table.T, with one-hot rows for the tokens."""
    one_hot = np.eye(len(table))[tokens]
    return {"table": np.einsum("tv,vc,tu->uc", dout, table, one_hot) + np.einsum("tv,tu,uc->vc", dout, one_hot, table)}


def _looked_up(dout, table, tokens):
    dtable = np.zeros(table.shape)
    np.add.at(dtable, tokens, dout @ table)
    return dtable


def _scored(dout, table, tokens):
    return dout.T @ table[tokens]


def _overwritten(dout, table, tokens):
    dtable = np.zeros(table.shape)
    dtable[tokens] += dout @ table
    return dtable


EXERCISES = (
    Exercise(
        name="jacobian",
        draw=_draw_function,
        answer=jacobian,
        core=True,
        tolerance=1e-13,  # the complex step is right but for a few roundings; differences are not
        mistakes=(
            Mistake(
                "is the transpose of the right one: x[j] moves all of out, and that is column j",
                lambda f, x: _steps(f, x, 1j * STEP).imag / STEP,
            ),
            Mistake(
                "has columns that add up: x[j - 1] is still moved when it is the turn of x[j]. Begin with a fresh "
                "copy of x each time",
                lambda f, x: _steps(f, x, 1j * STEP, cumulative=True).imag.T / STEP,
            ),
            Mistake(
                "moves all entries of x at once: move x[j] alone, and do so for each j",
                lambda f, x: np.repeat(f(x + 1j * STEP).imag[:, None] / STEP, len(x), axis=1),
            ),
            Mistake(
                "takes the real part, which is f(x) itself: h times the derivative is in the imaginary part",
                lambda f, x: _steps(f, x, 1j * STEP).real.T / STEP,
            ),
            Mistake(
                "loses digits, as a difference of two values of f does. Step along i: the imaginary part of f, over "
                "h, subtracts nothing",
                lambda f, x: (_steps(f, x, 1e-5) - _steps(f, x, -1e-5)).T / 2e-5,
            ),
            Mistake(
                "is 0, or nearly. Step along i, by `1e-30 * 1j`, as x + 1e-30 is x itself; in a complex copy of x "
                "(`x.astype(complex)`), as a real array drops the imaginary part; and divide f's imaginary part by "
                "1e-30",
                lambda f, x: _steps(f, x, 1j * STEP).imag.T,
            ),
        ),
    ),
    Exercise(
        name="which_are_right",
        draw=_draw_backwards,
        answer=which_are_right,
        rules=(_blessed,),
        core=True,
        mistakes=(
            Mistake(
                "judges with an upstream gradient of ones. These layers' rows have a fixed sum, so that ones see "
                "nothing and zeros pass. Draw dout at random",
                _judged(_ones, np.allclose),
            ),
            Mistake(
                "forgives too much: one that is too large by a thousandth passes. Rounding is wrong by 1e-10 at most, "
                "so draw the line at 1e-6",
                _judged(_random, lambda got, right: np.abs(got - right).max() < 0.01),
            ),
            Mistake(
                "compares sums of gradients, in which mistakes cancel: compare each entry",
                _judged(_random, lambda got, right: np.isclose(got.sum(), right.sum())),
            ),
            Mistake(
                "compares the first entry only: a wrong one may be right there. Compare all entries",
                _judged(_random, lambda got, right: np.isclose(got[0, 0], right[0, 0])),
            ),
            Mistake(
                "asks whether any entry agrees: all of them must (`np.allclose`, or the largest difference)",
                _judged(_random, lambda got, right: np.isclose(got, right).any()),
            ),
            Mistake(
                "compares lengths without signs: the opposite of the truth passes",
                _judged(_random, lambda got, right: np.allclose(np.abs(got), np.abs(right))),
            ),
            Mistake(
                "compares shapes only: all of them fit. Compare numbers, with those that nudging gives",
                lambda forward, backwards, x: np.ones(len(backwards), bool),
            ),
        ),
    ),
    Exercise(
        name="tied_backward",
        draw=_draw_tied,
        answer=tied_backward,
        mistakes=(
            Mistake(
                "forgets that the table also scores: out = x @ table.T hands dout.T @ x back to it. Add both ways up",
                lambda dout, table, tokens: {"table": _looked_up(dout, table, tokens)},
            ),
            Mistake(
                "forgets that the table was also looked up: row tokens[t] gets row t of dx = dout @ table. Add both "
                "ways up",
                lambda dout, table, tokens: {"table": _scored(dout, table, tokens)},
            ),
            Mistake(
                "keeps only the last contribution of a token that occurs twice: `+=` with an index array writes its "
                "row anew each time. `np.add.at` adds up",
                lambda dout, table, tokens: {"table": _overwritten(dout, table, tokens) + _scored(dout, table, tokens)},
            ),
            Mistake(
                "adds row t of dx = dout @ table to row t of the answer: it belongs to row tokens[t], as x[t] was "
                "read there",
                lambda dout, table, tokens: {"table": _scored(dout, table, tokens) + dout @ table},
            ),
            Mistake(
                "hands dout @ x back from the scores, where dout.T @ x belongs: dtable_vc is the sum over t of "
                "dout_tv x_tc, so t must stand last in the first factor",
                lambda dout, table, tokens: {"table": _looked_up(dout, table, tokens) + dout @ table[tokens]},
            ),
            Mistake(
                "takes the mean of the two ways: contributions add",
                lambda dout, table, tokens: {"table": tied_backward(dout, table, tokens)["table"] / 2},
            ),
        ),
    ),
)
