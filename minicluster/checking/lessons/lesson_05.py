"""The chain rule: single numbers that are used twice, a linear layer, and rows that are looked up and averaged."""

import numpy as np

from ..exercise import Exercise, Mistake, nonzero, numbers


def _draw_numbers(rng, size):
    while True:
        x, w, target = (float(number) for number in numbers(rng, size, 3))
        if abs(x) > 1 and w and target and x * x * w + w != target:
            return {"x": x, "w": w, "target": target}


def gradients(x, w, target):
    """Of (x * x * w + w - target)^2, by differentiating it by one variable at a time."""
    de = 2 * (x * x * w + w - target)
    return {"x": de * 2 * x * w, "w": de * (x * x + 1), "target": -de}


def _with_factors(x, w, target, by_p, by_w):
    """Gradients with given local derivatives of p * w."""
    de = 2 * (x * x * w + w - target)
    return {"x": de * by_p * 2 * x, "w": de * by_w + de, "target": -de}


def _upstream(rng, size, *shape):
    """Of the smallest, each row can be told in a sum over rows, as a digit: [1, 2], [30, 40], [500, 600], ..."""
    if size > 1:
        return nonzero(rng, size, *shape)
    number = np.arange(np.prod(shape)).reshape(shape)
    return (1 + number % 9) * 10.0 ** (number // shape[-1])


def _draw_linear(rng, size):
    if size == 1:
        B, T, n_in, n_out = 2, 2, 2, 2  # all shapes fit
    else:
        B, T, n_in, n_out = size // 2 + 1, size, 1 + size % 3, 2 + size % 2
    return {
        "dy": _upstream(rng, size, B, T, n_out),
        "x": nonzero(rng, size, B, T, n_in),
        "weight": nonzero(rng, size, n_out, n_in),
    }


def linear_backward(dy, x, weight):
    """Of y = x @ weight.T + bias, index by index."""
    return {
        "x": np.einsum("bto,oi->bti", dy, weight),
        "weight": np.einsum("bto,bti->oi", dy, x),
        "bias": np.einsum("bto->o", dy),
    }


def _instead(**formulas):
    """Return a mistake's formula: the right gradients but for those given, each a function of dy, x, weight."""

    def formula(dy, x, weight):
        return linear_backward(dy, x, weight) | {name: wrong(dy, x, weight) for name, wrong in formulas.items()}

    return formula


def _last_row_only(dy, x, weight):
    return dy[-1, -1].copy()


def _draw_bag(rng, size):
    B, T = (2, 2) if size == 1 else (1 + size // 2, 2 + size)
    V = 3 + size // 3  # fewer than there are tokens
    return {"dy": _upstream(rng, size, B, 1 + size % 3), "tokens": rng.integers(V, size=(B, T)), "V": V}


def bag_backward(dy, tokens, V):
    """Of y = table[tokens].mean(axis=1), as a product with rows that say how often each token occurs."""
    share = np.eye(V)[tokens].mean(axis=1)
    return {"table": share.T @ dy}


def _bag(formula):
    """Return a mistake's formula, given what it adds to each token's row, and how."""

    def wrong(dy, tokens, V):
        table = np.zeros((V, dy.shape[1]))
        formula(table, dy, tokens)
        return {"table": table}

    return wrong


def _overwrite(table, dy, tokens):
    table[tokens] += dy[:, None] / tokens.shape[1]


def _overwrite_within_a_sequence(table, dy, tokens):
    for b in range(len(tokens)):
        table[tokens[b]] += dy[b] / tokens.shape[1]


EXERCISES = (
    Exercise(
        name="gradients",
        draw=_draw_numbers,
        answer=gradients,
        core=True,
        mistakes=(
            Mistake(
                "keeps one of the two ways to x, and one of the two ways to w: each of them is used twice. Where ways "
                "meet, add (`+=`)",
                lambda x, w, target: {
                    "x": 2 * (x * x * w + w - target) * w * x,
                    "w": 2 * (x * x * w + w - target) * x * x,
                    "target": -2 * (x * x * w + w - target),
                },
            ),
            Mistake(
                "keeps one of the two ways to x: in x * x it is used twice, with the local derivative x each time. "
                "Add them up",
                lambda x, w, target: gradients(x, w, target) | {"x": 2 * (x * x * w + w - target) * w * x},
            ),
            Mistake(
                "keeps of w only the way through the product: w is also added directly. Add what comes back there",
                lambda x, w, target: gradients(x, w, target) | {"w": 2 * (x * x * w + w - target) * x * x},
            ),
            Mistake(
                "keeps of w only the way on which it is added: w is also a factor of the product. Add what comes back "
                "there",
                lambda x, w, target: gradients(x, w, target) | {"w": 2 * (x * x * w + w - target)},
            ),
            Mistake(
                "has the wrong sign for target: in e = y - target the local derivative by target is -1",
                lambda x, w, target: gradients(x, w, target) | {"target": 2 * (x * x * w + w - target)},
            ),
            Mistake(
                "gives the derivatives of y = x * x * w + w, and stops there: multiply by what y is handed from the "
                "loss, 2 (y - target)",
                lambda x, w, target: {"x": 2 * x * w, "w": x * x + 1, "target": -1.0},
            ),
            Mistake(
                "is half of the right gradient: the local derivative of e * e is 2 e",
                lambda x, w, target: {name: value / 2 for name, value in gradients(x, w, target).items()},
            ),
            Mistake(
                "multiplies by the factor itself: the local derivative of p * w by p is the *other* factor, w, and by "
                "w it is p",
                lambda x, w, target: _with_factors(x, w, target, by_p=x * x, by_w=w),
            ),
            Mistake(
                "multiplies by w on the way to w: the local derivative of p * w by w is the *other* factor, p",
                lambda x, w, target: _with_factors(x, w, target, by_p=w, by_w=w),
            ),
            Mistake(
                "multiplies by p on the way to p: the local derivative of p * w by p is the *other* factor, w",
                lambda x, w, target: _with_factors(x, w, target, by_p=x * x, by_w=x * x),
            ),
            Mistake(
                "multiplies by the loss e * e: its derivative by e is 2 e",
                lambda x, w, target: {
                    name: value * (x * x * w + w - target) / 2 for name, value in gradients(x, w, target).items()
                },
            ),
        ),
    ),
    Exercise(
        name="linear_backward",
        draw=_draw_linear,
        answer=linear_backward,
        core=True,
        mistakes=(
            Mistake(
                "gives the gradients of the lesson's layer, y = x @ weight + bias. Here the weight is (n_out, n_in) "
                "and the forward turns it around: derive by indices, from y_j = (sum over i of x_i weight_ji) + bias_j",
                _instead(
                    x=lambda dy, x, weight: dy @ weight.T,
                    weight=lambda dy, x, weight: np.einsum("bti,bto->io", x, dy),
                ),
            ),
            Mistake(
                "turns the weight around in 'x'. The forward has weight.T, and dx_i is the sum over j of dy_j "
                "weight_ji: j stands last in dy and first in weight already",
                _instead(x=lambda dy, x, weight: dy @ weight.T),
            ),
            Mistake(
                "gives the transpose of the right 'weight': dweight_ji is the sum over all rows of dy_j x_i, of shape "
                "(n_out, n_in) as the weight",
                _instead(weight=lambda dy, x, weight: np.einsum("bti,bto->io", x, dy)),
            ),
            Mistake(
                "takes the mean over the rows for 'bias'. The bias is used in every row, and contributions add: the "
                "sum",
                _instead(bias=lambda dy, x, weight: dy.mean(axis=(0, 1))),
            ),
            Mistake(
                "adds up 'bias' over the B sequences only: the bias is used at each of their T tokens, too",
                _instead(bias=lambda dy, x, weight: dy.sum(axis=0)),
            ),
            Mistake(
                "gives a 'weight' for each of the B sequences: one weight serves them all, so add up over B as well",
                _instead(weight=lambda dy, x, weight: np.einsum("bto,bti->boi", dy, x)),
            ),
            Mistake(
                "gives a 'bias' for each of the B sequences: add up over B as well",
                _instead(bias=lambda dy, x, weight: dy.sum(axis=1)),
            ),
            Mistake(
                "keeps only the last row's contribution to 'bias': contributions add, `+=`",
                _instead(bias=_last_row_only),
            ),
            Mistake(
                "gives 'x' as rows, (B T, n_in): cut it up into sequences again, `.reshape(x.shape)`",
                _instead(x=lambda dy, x, weight: (dy @ weight).reshape(-1, x.shape[-1])),
            ),
            Mistake(
                "divides 'weight' by the number of rows, B T: contributions add, so it is the sum, not the mean",
                _instead(weight=lambda dy, x, weight: np.einsum("bto,bti->oi", dy, x) / (dy.shape[0] * dy.shape[1])),
            ),
            Mistake(
                "divides 'weight' and 'bias' by the number of rows, B T: contributions add, so they are sums, not "
                "means",
                _instead(
                    weight=lambda dy, x, weight: np.einsum("bto,bti->oi", dy, x) / (dy.shape[0] * dy.shape[1]),
                    bias=lambda dy, x, weight: dy.mean(axis=(0, 1)),
                ),
            ),
        ),
    ),
    Exercise(
        name="bag_backward",
        draw=_draw_bag,
        answer=bag_backward,
        core=True,
        mistakes=(
            Mistake(
                "keeps only the last contribution to each row: contributions add, so a row must not be set anew (as "
                "`=` does, and `+=` with an index array). `np.add.at` adds them up",
                _bag(_overwrite),
            ),
            Mistake(
                "does not divide by T: in a mean of T rows each has the local derivative 1 / T",
                _bag(lambda table, dy, tokens: np.add.at(table, tokens, dy[:, None])),
            ),
            Mistake(
                "keeps only the last contribution to each row, and does not divide by T. `np.add.at` adds repeated "
                "rows up, and in a mean of T rows each has the local derivative 1 / T",
                lambda dy, tokens, V: {
                    "table": tokens.shape[1] * _bag(_overwrite)(dy, tokens, V)["table"],
                },
            ),
            Mistake(
                "divides by the number of all tokens, B T: each mean is over one sequence, so the factor is 1 / T",
                _bag(lambda table, dy, tokens: np.add.at(table, tokens, dy[:, None] / tokens.size)),
            ),
            Mistake(
                "divides by B: each mean is over the T tokens of a sequence, so the factor is 1 / T",
                _bag(lambda table, dy, tokens: np.add.at(table, tokens, dy[:, None] / len(tokens))),
            ),
            Mistake(
                "loses a token that occurs twice within a sequence: `+=` with an index array writes once. Use "
                "np.add.at, or a loop over t",
                _bag(_overwrite_within_a_sequence),
            ),
            Mistake(
                "has rows up to the largest token only: give a row for each of V tokens, also for those that do not "
                "occur",
                lambda dy, tokens, V: {"table": bag_backward(dy, tokens, tokens.max() + 1)["table"]},
            ),
            Mistake(
                "adds row t of dy at place t of each sequence. Row b of dy belongs to all tokens of sequence b: "
                "`dy[:, None]`, of shape (B, 1, C), does that",
                _bag(lambda table, dy, tokens: np.add.at(table, tokens, dy / tokens.shape[1])),
            ),
            Mistake(
                "adds row t of dy at place t of each sequence, and does not divide by T. `dy[:, None] / T`, of shape "
                "(B, 1, C), belongs to all tokens of sequence b",
                _bag(lambda table, dy, tokens: np.add.at(table, tokens, dy)),
            ),
            Mistake(
                "divides each row by how often its token occurs: that is the mean of the contributions, and they add",
                lambda dy, tokens, V: {
                    "table": bag_backward(dy, tokens, V)["table"]
                    / np.maximum(1, np.bincount(tokens.ravel(), minlength=V))[:, None]
                },
            ),
        ),
    ),
)
