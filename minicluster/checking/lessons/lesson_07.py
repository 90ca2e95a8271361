"""Softmax and loss: the logarithm of softmax, a loss whose tokens have weights, and the lowest loss of a text."""

from collections import Counter
from math import log

import numpy as np

from ..exercise import SIZES, Exercise, Mistake, numbers

FAR = 800.0  # exp of it is more than a float can hold
TINY = 1e-12
ROUNDING = 1e-6
MANY = 150  # as a size: a text with more than 255 equal pairs


def _draw_scores(rng, size):
    if size <= 2:  # moderate, so that rounding shows: the tolerance grows with the largest entry
        return {"x": numbers(rng, size, 3, 3) if size == 1 else numbers(rng, size, 2, 2, 3)}
    if size == 3:  # exp of the smaller is 0, and the logarithm of the sum is log 2; or all lie far from the mean
        return {"x": np.array([[0, FAR, FAR], [1, 0, 2]])}
    if size == 4:
        return {"x": FAR * np.eye(10)[:2]}
    if size == 5:  # one row far below 0, and nothing large
        return {"x": numbers(rng, 1, 2, 3) - [[0], [FAR]]}
    shape = (1 + size // 3, size, 2 + size % 4)
    x = numbers(rng, size, *shape)
    x[..., 0, rng.integers(shape[-1])] += FAR  # in one row the others are hopeless
    x[..., 1, :] += FAR * rng.choice([-1, 1])  # in another all are large
    return {"x": x}


def log_softmax(x):
    """Logarithm of softmax along the last axis: minus the log of the sum of exp of the differences."""
    differences = x[..., None, :] - x[..., :, None]  # (..., V, V), at [i, j] x_j - x_i
    return -np.logaddexp.reduce(differences, axis=-1)


def _softmax(x, axis=-1):
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _log_softmax_over(axis):
    def formula(x):
        shifted = x - x.max(axis=axis, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))

    return formula


def _quietly(formula):
    """Return a formula that overflows, or divides by 0, without NumPy's warnings."""

    def quiet(*arguments, **named):
        with np.errstate(all="ignore"):
            return formula(*arguments, **named)

    return quiet


def _shifted(x):
    return x - x.max(axis=-1, keepdims=True)


def _no_maximum(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _no_keepdims(x):
    x = _shifted(x)
    return x - np.log(np.exp(x).sum(axis=-1))


def _no_keepdims_twice(x):
    x = x - x.max(axis=-1)
    return x - np.log(np.exp(x).sum(axis=-1))


def _not_shifted_back(x):
    return x - np.log(np.exp(_shifted(x)).sum(axis=-1, keepdims=True))


def _where_infinite(x):
    log_p = np.log(_softmax(x))
    return np.where(np.isinf(log_p), _shifted(x), log_p)


def _where_infinite_unshifted(x):
    log_p = np.log(_softmax(x))
    return np.where(np.isinf(log_p), x, log_p)


def _minus_mean(x):
    x = x - x.mean(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _maximum_of_all(x):
    x = x - x.max()
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _sums_to_one(function, inputs, got):
    """Say that exp of the answer is not a probability."""
    got = np.asarray(got)
    if not np.isfinite(got).all():
        return None
    with np.errstate(over="ignore"):
        sums = np.exp(got).sum(axis=-1)
    worst = sums.flat[np.abs(sums - 1).argmax()]
    if abs(worst - 1) < ROUNDING:
        return None
    return f"exp of the answer adds up to {worst:.4g} in a row, not to 1: they are not the logarithms of probabilities"


def _draw_loss(rng, size):
    B, T, V = (1, 3, 3) if size == 1 else (1 + size // 2, size, 3 + size % 2)
    weights = rng.choice([0.25, 0.5, 1.0, 1.5, 2.0], (B, T))
    weights[0, 0] = 3.0
    weights[-1, -1] = 0.0  # padding
    if size == 3:
        weights = weights / 32  # their sum is less than 1
    if B > 2:
        weights[1] = 0.0  # a line that is all padding
    return {
        "logits": numbers(rng, size, B, T, V),
        "targets": rng.integers(V, size=(B, T)),
        "weights": weights,
    }


def weighted_loss(logits, targets, weights):
    """Loss and gradient, token by token, with the library's loss of a single token."""
    from ...nn import cross_entropy

    loss, dlogits = 0.0, np.zeros_like(logits)
    for place in np.ndindex(targets.shape):
        share = weights[place] / weights.sum()
        of_token, dlogits[place] = cross_entropy(logits[place][None], targets[place][None])
        dlogits[place] *= share
        loss += share * of_token
    return float(loss), dlogits + 0.0  # -0 reads badly


def _loss(
    divisor=lambda weights: weights.sum(),
    gradient_divisor=None,
    push=None,
    scale=lambda weights: weights,
    axis=-1,
    signs=(1, 1),
):
    """Return a formula for loss and gradient, with something in it changed.

    Other divisors, another gradient before the division, other weights, softmax's axis, or signs.
    """

    def formula(logits, targets, weights):
        weights = scale(weights)
        p = _softmax(logits, axis)
        onehot = np.eye(logits.shape[-1])[targets]
        surprise = -np.log((p * onehot).sum(axis=-1))
        pushed = (p - onehot) * weights[..., None] if push is None else push(p, onehot, weights)
        below = divisor(weights)
        loss, gradient = (surprise * weights).sum() / below, pushed / (gradient_divisor or divisor)(weights)
        return float(signs[0] * loss), signs[1] * gradient

    return formula


def _padding_moves_it(function, inputs, got):
    """Say that tokens of weight 0 make a difference."""
    if not np.isfinite(got[0]):
        return None
    extra = {"logits": np.ones, "targets": lambda shape: np.zeros(shape, int), "weights": np.zeros}
    longer = {
        name: np.concatenate([value, extra[name]((value.shape[0], 1, *value.shape[2:]))], axis=1)
        for name, value in inputs.items()
    }
    try:
        loss, _ = function(**longer)
    except Exception:  # the learner's, which may work for a few shapes only: its values will tell
        return None
    if abs(loss - got[0]) < ROUNDING:
        return None
    return f"one more token of weight 0 in each line moves the loss from {got[0]:.4f} to {loss:.4f}: it must not count"


def _draw_text(rng, size):
    V = 3 + min(size, 10) // 3
    n = 4 + 2 * size
    tokens = rng.integers(V - 1, size=n)  # the last token of the vocabulary does not occur
    targets = (tokens + rng.choice(V - 1, size=n, p=_leaning(V - 1))) % V
    tokens[:3], targets[:3] = 0, [1, 1, 0]  # a pair twice, and a token that is not always followed by the same one
    if size >= MANY:
        tokens[4:], targets[4:] = 0, 1  # more equal pairs than eight bits count
    return {"tokens": tokens, "targets": targets, "V": V}


def _leaning(n):
    chances = 0.5 ** np.arange(n)
    return chances / chances.sum()


def lowest_loss(tokens, targets, V):
    """Mean surprise at each target, given how often it came after its token: pair by pair."""
    pairs = Counter(zip(tokens.tolist(), targets.tolist()))
    first = Counter(tokens.tolist())
    return sum(count * log(first[token] / count) for (token, _), count in pairs.items()) / len(tokens)


def _counts(tokens, targets, V):
    counts = np.zeros((V, V))
    np.add.at(counts, (tokens, targets), 1)
    return counts


def _entropy(frequencies):
    """Of each row, in nats."""
    return -(frequencies * np.log(np.where(frequencies > 0, frequencies, 1))).sum(axis=-1)


def _rows(counts):
    return counts / np.maximum(1, counts.sum(axis=1, keepdims=True))


def _mean_of_rows(tokens, targets, V):
    counts = _counts(tokens, targets, V)
    return float(_entropy(_rows(counts))[counts.any(axis=1)].mean())


def _mean_of_kinds(tokens, targets, V):
    counts = _counts(tokens, targets, V)
    return float(-np.log(_rows(counts)[counts > 0]).mean())


def _one_more(tokens, targets, V):
    counts = 1 + _counts(tokens, targets, V)
    return float(-np.log(_rows(counts)[tokens, targets]).mean())


def _counted_in_eight_bits(tokens, targets, V):
    counts = np.zeros((V, V), np.uint8)
    np.add.at(counts, (tokens, targets), 1)
    return float(-np.log(counts[tokens, targets] / counts.sum(axis=1)[tokens]).mean())


def _overwritten(tokens, targets, V):
    counts = np.zeros((V, V))
    counts[tokens, targets] += 1
    return float((counts.sum(axis=1) * _entropy(_rows(counts))).sum() / counts.sum())


def _overwritten_at_places(tokens, targets, V):
    counts = np.zeros((V, V))
    counts[tokens, targets] += 1
    return float(-np.log(counts[tokens, targets] / counts.sum(axis=1)[tokens]).mean())


def _zero_times_infinity(tokens, targets, V):
    counts = _counts(tokens, targets, V)
    frequencies = counts / counts.sum(axis=1, keepdims=True)
    return float(-(counts * np.log(frequencies)).sum() / counts.sum())


EXERCISES = (
    Exercise(
        name="log_softmax",
        draw=_draw_scores,
        answer=log_softmax,
        rules=(_sums_to_one,),
        core=True,
        sizes=(1, 2, 3, 4, 5, 6, 6, 7, 8, 10),
        mistakes=(
            Mistake(
                "leaves out log S where p became 0: with two largest scores log S is log 2, not 0. Use log p = x - log "
                "S for all, and never compute p",
                _quietly(_where_infinite),
            ),
            Mistake(
                "puts the score x itself where p became 0: log p is x - log S there, too. Use it for all, and never "
                "compute p",
                _quietly(_where_infinite_unshifted),
            ),
            Mistake(
                "subtracts the mean, which leaves exp(720) if one of ten scores is 800 and the others 0: subtract the "
                "largest",
                _quietly(_minus_mean),
            ),
            Mistake(
                "takes the logarithm of softmax: a probability that is too small for a float becomes 0, and its "
                "logarithm -inf. Use log p = x - log S, and never compute p",
                _quietly(lambda x: np.log(_softmax(x))),
            ),
            Mistake(
                "adds a tiny number to p before the logarithm: that hides the infinity and gives -27.6 where -800 is "
                "right. Use log p = x - log S, and never compute p",
                _quietly(lambda x: np.log(_softmax(x) + TINY)),
            ),
            Mistake(
                "overflows: exp(800) is inf. Subtract each row's largest score from the row first",
                _quietly(_no_maximum),
            ),
            Mistake(
                "overflows, and computes p: exp(800) is inf. Subtract each row's largest score from the row, and use "
                "log p = x - log S",
                _quietly(lambda x: np.log(np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True))),
            ),
            Mistake(
                "subtracts S, the sum of the exp: log p = x - log S, so its logarithm is missing",
                _quietly(lambda x: _shifted(x) - np.exp(_shifted(x)).sum(axis=-1, keepdims=True)),
            ),
            Mistake(
                "subtracts the largest score inside the exp only: the x in x - log S must be the shifted one, too",
                _quietly(_not_shifted_back),
            ),
            Mistake(
                "subtracts the largest of all scores from all rows: a row far below it has only exp(-800) = 0 left. "
                "Each row needs its own",
                _quietly(_maximum_of_all),
            ),
            Mistake(
                "works along axis 0: the V words stand on the last axis, axis=-1",
                _quietly(_log_softmax_over(0)),
            ),
            Mistake(
                "works along axis 1: the V words stand on the last axis, axis=-1",
                _quietly(_log_softmax_over(1)),
            ),
            Mistake(
                "adds up over all axes: each row of V scores has its own sum (axis=-1, keepdims=True)",
                _quietly(_log_softmax_over(None)),
            ),
            Mistake(
                "subtracts from column j what belongs to row j: with keepdims=True, sums keep the shape (..., 1)",
                _quietly(_no_keepdims),
            ),
            Mistake(
                "subtracts from column j what belongs to row j: with keepdims=True, maximum and sum keep (..., 1)",
                _quietly(_no_keepdims_twice),
            ),
        ),
    ),
    Exercise(
        name="weighted_loss",
        parts=("loss", "dlogits"),
        draw=_draw_loss,
        answer=weighted_loss,
        rules=(_padding_moves_it,),
        core=True,
        mistakes=(
            Mistake(
                "divides by the number of all tokens: divide by the sum of the weights, so that padding changes "
                "nothing",
                _loss(lambda weights: weights.size),
            ),
            Mistake(
                "divides by the number of tokens whose weight is not 0: divide by the sum of the weights",
                _loss(lambda weights: (weights > 0).sum()),
            ),
            Mistake(
                "takes the mean of each line, then the mean of the lines, so that a token in a short line counts "
                "more, and one of weight 0 only gives nan: divide by the sum of all weights",
                _quietly(
                    _loss(
                        lambda weights: len(weights),
                        scale=lambda weights: weights / weights.sum(axis=1, keepdims=True),
                    )
                ),
            ),
            Mistake(
                "ignores the weights: it is the mean over all tokens, as if each had weight 1",
                _loss(scale=np.ones_like),
            ),
            Mistake(
                "counts all tokens with weight above 0 alike: a token of weight 2 counts four times as much as one of "
                "weight 0.5",
                _loss(scale=lambda weights: (weights > 0).astype(float)),
            ),
            Mistake(
                "makes the loss negative: a surprise is -log p, with the minus",
                _loss(signs=(-1, 1)),
            ),
            Mistake(
                "makes the loss negative, and turns the gradient round with it: a surprise is -log p, with the minus",
                _loss(signs=(-1, -1)),
            ),
            Mistake(
                "takes softmax along axis 1: the V words stand on the last axis, axis=-1",
                _loss(axis=1),
            ),
            Mistake(
                "does not divide: the loss is a mean, so divide loss and gradient by the sum of the weights",
                _loss(lambda weights: 1.0),
            ),
            Mistake(
                "has the right loss and a gradient that is not divided by the sum of the weights, as the loss is",
                _loss(gradient_divisor=lambda weights: 1.0),
            ),
            Mistake(
                "has the right loss and a gradient without the weights: each token's p - onehot is multiplied by its "
                "weight, as its surprise is",
                _loss(push=lambda p, onehot, weights: p - onehot),
            ),
            Mistake(
                "has the right loss, and p - onehot as the gradient: each token's p - onehot is multiplied by its "
                "weight and divided by the sum of the weights, as its surprise is",
                _loss(push=lambda p, onehot, weights: p - onehot, gradient_divisor=lambda weights: 1.0),
            ),
            Mistake(
                "multiplies the gradient of word j by the weight of token j: `weights[..., None]`, of shape (B, T, "
                "1), gives each token its own",
                _loss(push=lambda p, onehot, weights: (p - onehot) * weights),
            ),
            Mistake(
                "has the opposite sign in the gradient: the loss falls if the right score rises, so p - onehot",
                _loss(push=lambda p, onehot, weights: (onehot - p) * weights[..., None]),
            ),
            Mistake(
                "gives as gradient that by p, which is -1 / p at the right word. By the scores it is p - onehot",
                _loss(push=lambda p, onehot, weights: -onehot / p * weights[..., None]),
            ),
            Mistake(
                "forgets the onehot in the gradient: at the right word it is p - 1",
                _loss(push=lambda p, onehot, weights: p * weights[..., None]),
            ),
            Mistake(
                "has a gradient at the right word only: all other scores are pushed, too, each by its p",
                _loss(push=lambda p, onehot, weights: (p - 1) * onehot * weights[..., None]),
            ),
        ),
    ),
    Exercise(
        name="lowest_loss",
        draw=_draw_text,
        answer=lowest_loss,
        sizes=(*SIZES, MANY),
        mistakes=(
            Mistake(
                "is nan: 0 log 0 counts as 0, and a token that never occurs has no frequencies. Leave out the pairs "
                "whose count is 0",
                _quietly(_zero_times_infinity),
            ),
            Mistake(
                "counts a pair that comes twice as one: `+=` with index arrays adds 1 once. `np.add.at` counts",
                _overwritten,
            ),
            Mistake(
                "counts a pair that comes twice as one: `+=` with index arrays adds 1 once. `np.add.at` counts",
                _overwritten_at_places,
            ),
            Mistake(
                "takes the mean over the rows of the table: a token that occurs more often counts more. Take the mean "
                "over the n pairs",
                _mean_of_rows,
            ),
            Mistake(
                "counts each *kind* of pair once in the mean: a pair that comes three times counts three times. Take "
                "the mean over the n pairs",
                _mean_of_kinds,
            ),
            Mistake(
                "forgets the minus: -log p is asked for, and is not negative",
                lambda tokens, targets, V: -lowest_loss(tokens, targets, V),
            ),
            Mistake(
                "adds 1 to all counts, which gives chances to pairs that never come: the best on these n pairs gives "
                "them none. Look up only the pairs that occur, where no count is 0",
                _one_more,
            ),
            Mistake(
                "counts with uint8, which begins again at 0 after 255: let NumPy choose, np.zeros((V, V))",
                _quietly(_counted_in_eight_bits),
            ),
            Mistake(
                "divides counts by their total: the probability of a target *after its token* is count / row's sum",
                lambda tokens, targets, V: float(_entropy(_counts(tokens, targets, V).ravel() / len(tokens))),
            ),
            Mistake(
                "does not look at the tokens: count for each token separately what comes after it",
                lambda tokens, targets, V: float(_entropy(np.bincount(targets, minlength=V) / len(targets))),
            ),
            Mistake(
                "divides by how often the *target* occurs, not the token: divide by the sum over the row of the token. "
                "(Is row = token, column = target? And axis=1, keepdims=True?)",
                lambda tokens, targets, V: lowest_loss(targets, tokens, V),
            ),
            Mistake(
                "is in bits: use the natural logarithm",
                lambda tokens, targets, V: lowest_loss(tokens, targets, V) / log(2),
            ),
            Mistake(
                "is the sum over the n pairs, not their mean",
                lambda tokens, targets, V: lowest_loss(tokens, targets, V) * len(tokens),
            ),
        ),
    ),
)
