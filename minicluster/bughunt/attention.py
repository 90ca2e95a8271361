"""Bug hunts in softmax and attention."""

import numpy as np

from ..checking.exercise import Exercise, numbers
from .hunt import Bug, Hunt, rows_sum_to, slopes

SUM_TO_ONE = rows_sum_to(1, "weights are shares of a whole")


# Softmax ------------------------------------------------------------------------------------------


def _draw_softmax(rng, size):
    B, K = 1 + size, 2 + size % 3
    x = numbers(rng, size, B, K)
    if size == 2:
        x += 1000 * rng.integers(-1, 2, (B, K))  # entries of a row far from one another
    elif size % 3 == 0:
        x += 1000 * rng.permutation(B)[:, None]  # rows far from one another
    return {"x": x}


def _softmax(x):
    return np.array([[1 / np.exp(np.clip(row - entry, None, 700)).sum() for entry in row] for row in x])


SOFTMAX = Hunt(
    title="softmax",
    source='''\
def softmax(x):
    """exp(x) over the sum of its row, for numbers of any size.

    x : (B, K); returns (B, K), rows that sum to 1.
    By hand: [[0, log 3]] becomes [[.25, .75]], and so does [[1000, 1000 + log 3]].
    """
    largest = x.max(axis=1, keepdims=True)
    weights = np.exp(x - largest)  # (B, K)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total
''',
    exercise=Exercise("softmax", _draw_softmax, _softmax, rules=(SUM_TO_ONE,)),
    bugs=(
        Bug(
            "mean subtracted, not the maximum",
            "largest = x.max(axis=1, keepdims=True)",
            "largest = x.mean(axis=1, keepdims=True)",
            "Whatever is subtracted, the quotient stays the same, but only the maximum keeps exp from overflowing: a "
            "logit of 2000 beside a 0 gives inf/inf = nan.",
        ),
        Bug(
            "one maximum for all rows",
            "largest = x.max(axis=1, keepdims=True)",
            "largest = x.max(keepdims=True)",
            "The maximum of the whole array is subtracted. A row far below it underflows to zeros only, and 0/0 is "
            "nan: one loud sequence in a batch breaks the quiet ones.",
        ),
        Bug(
            "sum over the batch",
            "total = weights.sum(axis=1, keepdims=True)",
            "total = weights.sum(axis=0, keepdims=True)",
            "Columns are made to sum to 1, not rows: examples of a batch compete with one another, and the result for "
            "one depends on which others are there.",
        ),
        Bug(
            "one sum for all rows",
            "total = weights.sum(axis=1, keepdims=True)",
            "total = weights.sum(keepdims=True)",
            "All weights of the batch together sum to 1. With a batch of one row, as in most hand-made tests, it is "
            "right.",
        ),
    ),
)


def _draw_softmax_backward(rng, size):
    B, K = 1 + size, 2 + size % 3
    return {"dp": numbers(rng, 3, B, K), "p": _softmax(numbers(rng, size, B, K))}


def _softmax_backward(dp, p):
    jacobians = p[:, :, None] * (np.eye(p.shape[1]) - p[:, None])  # (B, K, K), dp_j / dx_i
    return (jacobians @ dp[:, :, None])[:, :, 0]


SOFTMAX_BACKWARD = Hunt(
    title="the gradient of softmax",
    source='''\
def softmax_backward(dp, p):
    """Gradient of p = softmax(x), row by row: dp_j / dx_i = p_j (1[i = j] - p_i).

    dp : (B, K), the loss's gradient by p; p : (B, K), from the forward pass. Returns dx : (B, K).
    By hand: p = [[.5, .5]], dp = [[1, 0]] gives [[.25, -.25]].
    """
    weighted = dp * p  # (B, K)
    cross = weighted.sum(axis=1, keepdims=True)
    return weighted - p * cross
''',
    exercise=Exercise(
        "softmax_backward",
        _draw_softmax_backward,
        _softmax_backward,
        rules=(rows_sum_to(0, "adding a constant to a row of x changes nothing"),),
    ),
    bugs=(
        Bug(
            "mean for the sum",
            "cross = weighted.sum(axis=1, keepdims=True)",
            "cross = weighted.mean(axis=1, keepdims=True)",
            "All entries of a row compete, so their influence adds up; the mean makes it K times too small. The wider "
            "the row, the more the gradient is only that of each entry by itself.",
        ),
        Bug(
            "only the diagonal of the Jacobian",
            "    cross = weighted.sum(axis=1, keepdims=True)\n    return weighted - p * cross\n",
            "    return weighted * (1 - p)\n",
            "p (1 - p) is the derivative of a single sigmoid, the Jacobian's diagonal. Raising one entry lowers all "
            "the others, and that is missing: gradients of attention scores no longer sum to 0.",
        ),
        Bug(
            "weights not taken into the sum",
            "cross = weighted.sum(axis=1, keepdims=True)",
            "cross = dp.sum(axis=1, keepdims=True)",
            "The sum must weigh dp by p. A key that nobody looks at, with p near 0, now moves all the others' "
            "gradients.",
        ),
        Bug(
            "sum over the batch",
            "cross = weighted.sum(axis=1, keepdims=True)",
            "cross = weighted.sum(axis=0, keepdims=True)",
            "The sum runs over rows, so gradients of one example leak into the others. A test with one row and one "
            "that looks at shapes both miss it.",
        ),
        Bug(
            "weight of the subtracted part forgotten",
            "return weighted - p * cross",
            "return weighted - cross",
            "The part that is subtracted must be shared out by p. Here every entry gets all of it, even masked ones, "
            "whose gradient should be 0.",
        ),
    ),
)


# Attention ----------------------------------------------------------------------------------------


def _draw_attention_weights(rng, size):
    T, D = 2 + size // 2, 2 + size % 3
    return {"q": numbers(rng, size, T, D), "k": numbers(rng, size, T, D)}


def attention_weights(q, k):
    """Causal attention's weights for real or complex numbers, query by query."""
    T, D = q.shape
    weights = np.zeros((T, T), np.result_type(q, k))
    for t in range(T):
        scores = k[: t + 1] @ q[t] / np.sqrt(D)  # (t + 1,)
        exponentials = np.exp(scores - scores.real.max())
        weights[t, : t + 1] = exponentials / exponentials.sum()
    return weights


def _looks_back_only(function, inputs, got):
    k = inputs["k"].copy()
    k[-1] += 2
    moved = np.abs(np.asarray(function(q=inputs["q"], k=k))[:-1] - np.asarray(got)[:-1]).max(axis=1)
    if not (moved > 1e-9).any():
        return None
    t = int((moved > 1e-9).argmax())
    return f"changing key {len(k) - 1} moves the weights of query {t} by {moved[t]:.3g}: query {t} sees the future"


ATTENTION_WEIGHTS = Hunt(
    title="the weights of causal attention",
    source='''\
def attention_weights(q, k):
    """Weights of causal attention: softmax over the keys of q . k / sqrt(D); query t sees keys 0 to t.

    q, k : (T, D); returns (T, T), [query, key]. Rows sum to 1, keys after the query have weight 0.
    """
    T, D = q.shape
    scores = q @ k.T / np.sqrt(D)  # (T, D) @ (D, T) -> (T, T), [query, key]
    position = np.arange(T)
    hidden = position > position[:, None]  # (T, T)
    scores = np.where(hidden, -np.inf, scores)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
''',
    exercise=Exercise(
        "attention_weights", _draw_attention_weights, attention_weights, rules=(SUM_TO_ONE, _looks_back_only)
    ),
    bugs=(
        Bug(
            "divided by D, not its root",
            "/ np.sqrt(D)",
            "/ D",
            "Scores are divided by D, so for wide heads they are near 0 and every query takes nearly the plain mean of "
            "all it sees. The model can learn larger q and k, only slower.",
        ),
        Bug(
            "scale forgotten",
            "q @ k.T / np.sqrt(D)  #",
            "q @ k.T  #",
            "Scores grow with the root of the head's width, softmax saturates, and its gradient vanishes: wide heads "
            "hardly learn from the start.",
        ),
        Bug(
            "mask off by one",
            "position > position[:, None]  #",
            "position > position[:, None] + 1  #",
            "Each query sees the key after it, which is the token that it should predict. The training loss falls "
            "wonderfully, and the model can't write a sentence.",
        ),
        Bug(
            "mask the wrong way round",
            "position > position[:, None]  #",
            "position[:, None] > position  #",
            "Queries see themselves and the future, and not the past. Rows sum to 1 and the loss falls faster than "
            "ever, by reading the answer.",
        ),
        Bug(
            "masked after the softmax",
            "    scores = np.where(hidden, -np.inf, scores)\n"
            "    weights = np.exp(scores - scores.max(axis=1, keepdims=True))\n"
            "    return weights / weights.sum(axis=1, keepdims=True)\n",
            "    weights = np.exp(scores - scores.max(axis=1, keepdims=True))\n"
            "    weights = weights / weights.sum(axis=1, keepdims=True)\n"
            "    return np.where(hidden, 0.0, weights)\n",
            "Hidden keys are put to 0 after they had their share, so rows sum to less than 1, and how much less tells "
            "of the future: it leaks through the denominator.",
        ),
        Bug(
            "hidden scores 0, not minus infinity",
            "np.where(hidden, -np.inf, scores)",
            "np.where(hidden, 0.0, scores)",
            "A score of 0 is not a weight of 0, since exp(0) = 1: hidden keys get as large a share as keys at right "
            "angles to the query, and early queries waste most of theirs on them.",
        ),
        Bug(
            "softmax over the queries",
            "scores.max(axis=1, keepdims=True))\n    return weights / weights.sum(axis=1, keepdims=True)\n",
            "scores.max(axis=0, keepdims=True))\n    return weights / weights.sum(axis=0, keepdims=True)\n",
            "Columns sum to 1, not rows: a key shares itself out among queries, so what a query gets depends on later "
            "ones.",
        ),
    ),
)


def _draw_attention_backward(rng, size):
    T, D = 2 + size // 3, 2 + size % 3
    q, k = numbers(rng, size, T, D), numbers(rng, size, T, D)
    weights = attention_weights(q, k)
    return {"dy": numbers(rng, 3, T, D), "q": q, "k": k, "v": numbers(rng, size, T, D), "weights": weights}


def _attention_backward(dy, q, k, v, weights):
    return slopes(lambda q, k, v: attention_weights(q, k) @ v, {"q": q, "k": k, "v": v}, dy)


ATTENTION_BACKWARD = Hunt(
    title="the gradients of attention",
    source='''\
def attention_backward(dy, q, k, v, weights):
    """Gradients of y = weights @ v with weights = softmax(q @ k.T / sqrt(D)), one head.

    dy, q, k, v : (T, D); weights : (T, T), [query, key], from the forward pass, 0 where a key is hidden.
    Returns {"q": (T, D), "k": (T, D), "v": (T, D)}.
    """
    scale = 1 / np.sqrt(q.shape[-1])
    dweights = dy @ v.T  # (T, D) @ (D, T) -> (T, T)
    dv = weights.T @ dy  # (T, T) @ (T, D) -> (T, D)
    cross = (dweights * weights).sum(axis=-1, keepdims=True)
    dscores = weights * (dweights - cross)  # (T, T)
    dq = dscores @ k * scale  # (T, T) @ (T, D) -> (T, D)
    dk = dscores.T @ q * scale  # (T, T) @ (T, D) -> (T, D)
    return {"q": dq, "k": dk, "v": dv}
''',
    exercise=Exercise("attention_backward", _draw_attention_backward, _attention_backward),
    bugs=(
        Bug(
            "weights not transposed for v",
            "dv = weights.T @ dy",
            "dv = weights @ dy",
            "Value s gets gradients from the queries that looked at it, row s of the transpose. Untransposed, "
            "gradients flow from the past to the future, and the shape, (T, T), doesn't tell.",
        ),
        Bug(
            "scores' gradient not transposed for k",
            "dk = dscores.T @ q",
            "dk = dscores @ q",
            "Key s gets gradients from all queries that saw it, row s of the transpose. Untransposed, keys learn from "
            "the wrong queries; queries and values are right, so the loss still falls.",
        ),
        Bug(
            "scale forgotten for q",
            "dq = dscores @ k * scale  #",
            "dq = dscores @ k  #",
            "The forward pass divides scores by sqrt(D), so both gradients have that factor. Queries get sqrt(D) times "
            "too large gradients and keys right ones: which AdamW hides, and clipping doesn't.",
        ),
        Bug(
            "scale squared for k",
            "dk = dscores.T @ q * scale  #",
            "dk = dscores.T @ q * scale**2  #",
            "The scale occurs once in the scores, so once in each gradient. Twice, keys learn sqrt(D) times too "
            "slowly; with D = 1, as in a tiny test, nobody sees it.",
        ),
        Bug(
            "softmax's gradient summed over queries",
            "cross = (dweights * weights).sum(axis=-1, keepdims=True)",
            "cross = (dweights * weights).sum(axis=0, keepdims=True)",
            "Weights of one query compete, so the sum runs over keys. Over queries, gradients of one query leak into "
            "the others, and with them the future into the past.",
        ),
        Bug(
            "softmax's gradient taken for the identity",
            "    cross = (dweights * weights).sum(axis=-1, keepdims=True)\n"
            "    dscores = weights * (dweights - cross)  #",
            "    dscores = weights * dweights  #",
            "Raising one score lowers the other weights of its row, and that part is missing. Much of the gradient "
            "then pushes all scores of a row the same way, which changes nothing.",
        ),
    ),
)

HUNTS = (SOFTMAX, SOFTMAX_BACKWARD, ATTENTION_WEIGHTS, ATTENTION_BACKWARD)
