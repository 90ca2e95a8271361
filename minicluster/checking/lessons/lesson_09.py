"""Attention: who may see whom, the layer's middle part with its heads, and the way back through it."""

import numpy as np

from ..exercise import LARGEST_ROUND, Exercise, Mistake, numbers

OVERFLOWING = 8  # the size whose scores are too large for exp
LARGE = 500  # of a score; exp(710) is infinite


def _draw_window(rng, size):
    n_tokens = 3 + size
    return {"n_tokens": n_tokens, "window": {3: 1, 5: n_tokens + 2}.get(size, int(rng.integers(2, n_tokens)))}


def sliding_window(n_tokens, window):
    """Whether each query sees each key: (n_tokens, n_tokens)."""
    return np.tri(n_tokens, dtype=bool) & ~np.tri(n_tokens, k=-window, dtype=bool)


def _window(compare):
    def formula(n_tokens, window):
        query, key = np.arange(n_tokens)[:, None], np.arange(n_tokens)
        return compare(query - key, window)

    return formula


def _no_future(function, inputs, got):
    seen = np.argwhere(np.triu(got, k=1))
    if not len(seen):
        return None
    query, key = seen[0]
    return f"token {query} sees token {key}, which comes after it: the future must stay hidden"


def _as_many_as_there_should_be(function, inputs, got):
    n_tokens, window = inputs["n_tokens"], inputs["window"]
    for query, count in enumerate(np.sum(got, axis=1)):
        expected = min(query + 1, window)
        if count != expected:
            return f"token {query} sees {count} tokens, and should see {expected}: window is {window}, itself included"
    return None


def _draw_attend(rng, size):
    n, m = size + 1, size + 2
    if size <= LARGEST_ROUND:
        n_heads, D = 2, 1 if size == 1 else 4
    else:
        n_heads, D = 1 + size % 4, 1 + size % 3
    ranks = rng.random((n, m)).argsort(axis=1)  # (n, m) a permutation in each row
    drawn = {
        "q": numbers(rng, size, n, n_heads * D),
        "k": numbers(rng, size, m, n_heads * D),
        "v": numbers(rng, size, m, n_heads * D),
        "n_heads": n_heads,
        "visible": ranks < rng.integers(1, m, (n, 1)),  # from 1 to m - 1 keys
    }
    if size == OVERFLOWING:
        drawn["q"] = drawn["q"] * 1000
    return drawn


def attend(q, k, v, n_heads, visible):
    """Attention of each head and each query by itself."""
    out, D = np.zeros(q.shape), q.shape[1] // n_heads
    for head in range(n_heads):
        mine = slice(head * D, (head + 1) * D)
        for query, seen in enumerate(visible):
            scores = k[seen, mine] @ q[query, mine] / np.sqrt(D)
            powers = np.exp(scores - scores.max())
            out[query, mine] = powers @ v[seen, mine] / powers.sum()
    return out


def _split(x, n_heads):
    return x.reshape(len(x), n_heads, -1).swapaxes(0, 1)


def _merge(x):
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)


def _softmax(scores, axis=-1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _hide_and_softmax(scores, visible):
    return _softmax(np.where(visible, scores, -np.inf))


def _softmax_that_overflows(scores, visible):
    powers = np.exp(np.where(visible, scores, -np.inf))
    return powers / powers.sum(axis=-1, keepdims=True)


def _attend_mistake(weigh=_hide_and_softmax, split=_split, merge=_merge, divide_by=lambda C, D: np.sqrt(D)):
    def formula(q, k, v, n_heads, visible):
        with np.errstate(all="ignore"):
            C = q.shape[1]
            q, k, v = (split(array, n_heads) for array in (q, k, v))
            scores = q @ k.swapaxes(1, 2) / divide_by(C, C // n_heads)
            return merge(weigh(scores, visible) @ v)

    return formula


def _numbers_all(function, inputs, got):
    if not np.isnan(np.asarray(got)).any():
        return None
    if np.abs(inputs["q"] @ inputs["k"].T).max() > LARGE:
        return (
            "gives nan: the exp of a large score is infinite, and infinity / infinity is no number. Put -inf in place "
            "of the hidden scores, and subtract each row's largest score before exp"
        )
    return (
        "gives nan, though no score is large: where all is hidden softmax has nothing to share out. It goes over the "
        "keys, the last axis, and every query sees at least one"
    )


def _weights_add_up_to_1(function, inputs, got):
    sums = np.asarray(function(**inputs | {"v": np.ones(inputs["v"].shape)}))
    wrong = np.argwhere(np.abs(sums - 1) > 1e-9)
    if not len(wrong):
        return None
    query, place = wrong[0]
    head = place // (sums.shape[1] // inputs["n_heads"])
    return (
        f"the weights of query {query} in head {head} add up to {sums[query, place]:.4g}, not to 1: softmax over the "
        "keys, and hide scores before it, not weights after it"
    )


def _hidden_keys_are_not_heard(function, inputs, got):
    for query, seen in enumerate(inputs["visible"]):
        changed = {name: np.where(seen[:, None], inputs[name], inputs[name] + 1) for name in "kv"}
        moved = np.abs(np.asarray(function(**inputs | changed)) - got)[query].max()
        if moved > 1e-9 * max(1, np.abs(got).max()):
            hidden = " or ".join(f"key {key}" for key in np.flatnonzero(~seen))
            return f"query {query} may not see {hidden}, but its output moves by {moved:.2g} when they change"
    return None


def _scores_are_divided_by_root_D(function, inputs, got):
    one = {"q": np.array([[2.0, 0, 0, 0]]), "k": np.eye(4)[:2], "v": np.eye(4)[:2]}
    weight = np.asarray(function(**one, n_heads=1, visible=np.array([[True, True]])))[0, 0]
    right = np.e / (np.e + 1)
    if abs(weight - right) < 1e-9:
        return None
    return (
        "in one head with D = 4, a key whose dot product with the query is 2 has the score 2 / sqrt(4) = 1, so "
        f"beside a key of score 0 it should get the weight e / (e + 1) = {right:.3f}; yours gets {weight:.3f}"
    )


def _heads_do_not_mix(function, inputs, got):
    n_heads, D = inputs["n_heads"], inputs["q"].shape[1] // inputs["n_heads"]
    if n_heads == 1:
        return None
    changed = inputs["v"].copy()
    changed[:, :D] += 1
    moved = np.abs(np.asarray(function(**inputs | {"v": changed})) - got)[:, D:].max()
    if moved <= 1e-9 * max(1, np.abs(got).max()):
        return None
    return (
        f"head 0's values, the first {D} of each row of v, change, and the output of other heads moves by {moved:.2g}: "
        "to cut, reshape to (n, H, D) and then swap; to join, swap back and then reshape"
    )


def _draw_shared(rng, size):
    if size <= LARGEST_ROUND:
        H, T, D = (3, 2, 1) if size == 1 else (2, 3, 4)
    else:
        H, T, D = 1 + size % 4, 2 + size % 5, 1 + size % 3
    q, k = numbers(rng, size, H, T, D), numbers(rng, size, T, D)
    return {
        "dout": numbers(rng, size, H, T, D),
        "q": q,
        "k": k,
        "v": numbers(rng, size, T, D),
        "weights": _hide_and_softmax(q @ k.T / np.sqrt(D), np.tri(T, dtype=bool)),
    }


def shared_keys_backward(dout, q, k, v, weights):
    """Gradients of q, k and v, with softmax's whole table of derivatives and every sum written out."""
    D = q.shape[-1]
    tables = weights[..., None] * (np.eye(len(k)) - weights[:, :, None])  # (H, T, T, T): of weight j by score i
    dscores = np.einsum("htd,jd,htji->hti", dout, v, tables) / np.sqrt(D)
    return {
        "q": np.einsum("htj,jd->htd", dscores, k),
        "k": np.einsum("htj,htd->jd", dscores, q),
        "v": np.einsum("htj,htd->jd", weights, dout),
    }


def _softmax_backward(dweights, weights):
    return weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))


def _flip(x):
    return x.swapaxes(-1, -2)


def _shared_mistake(
    softmax=_softmax_backward,
    dk=lambda dscores, q: (_flip(dscores) @ q).sum(axis=0),
    dv=lambda weights, dout: (_flip(weights) @ dout).sum(axis=0),
    scaled=True,
):
    def formula(dout, q, k, v, weights):
        dscores = softmax(dout @ v.T, weights) / (np.sqrt(q.shape[-1]) if scaled else 1)
        return {"q": dscores @ k, "k": dk(dscores, q), "v": dv(weights, dout)}

    return formula


def _nothing_for_all_keys_together(function, inputs, got):
    sums = np.asarray(got["k"]).sum(axis=0)
    place = np.abs(sums).argmax()
    if np.abs(sums[place]) <= 1e-9 * max(1, np.abs(got["k"]).max()):
        return None
    return (
        f"column {place} of 'k' adds up to {sums[place]:.4g} and should add up to 0: the same number added to all "
        "keys moves all scores of a row alike, which softmax does not notice. Do the rows of dscores add up to 0, "
        "and does 'k' collect along its columns?"
    )


EXERCISES = (
    Exercise(
        name="sliding_window",
        draw=_draw_window,
        answer=sliding_window,
        core=True,
        rules=(_no_future, _as_many_as_there_should_be),
        mistakes=(
            Mistake(
                "lets each token see all that came before it: only the last few count, window of them with itself",
                _window(lambda ago, window: ago >= 0),
            ),
            Mistake(
                "is off by one at the near end: each token sees the one after it, which it is to predict",
                _window(lambda ago, window: (ago >= -1) & (ago < window)),
            ),
            Mistake(
                "is off by one at the far end: a token sees itself and window others, and itself should count as one",
                _window(lambda ago, window: (ago >= 0) & (ago <= window)),
            ),
            Mistake(
                "hides each token from itself: the window ends with the token that asks",
                _window(lambda ago, window: (ago > 0) & (ago <= window)),
            ),
            Mistake(
                "looks both ways, window - 1 tokens back and as many ahead: what comes later must stay hidden",
                _window(lambda ago, window: np.abs(ago) < window),
            ),
            Mistake(
                "is transposed, so that each token sees those after it: rows are queries, who asks, columns are keys",
                _window(lambda ago, window: (-ago >= 0) & (-ago < window)),
            ),
            Mistake(
                "is the other way round: True is for what a query sees, False for what is hidden",
                _window(lambda ago, window: (ago < 0) | (ago >= window)),
            ),
        ),
    ),
    Exercise(
        name="attend",
        draw=_draw_attend,
        answer=attend,
        core=True,
        rules=(
            _numbers_all,
            _weights_add_up_to_1,
            _heads_do_not_mix,
            _hidden_keys_are_not_heard,
            _scores_are_divided_by_root_D,
        ),
        mistakes=(
            Mistake(
                "does not divide the scores by sqrt(D), the root of the numbers in one head's query",
                _attend_mistake(divide_by=lambda C, D: 1),
            ),
            Mistake(
                "divides the scores by sqrt(C): a dot product in one head has D = C / H terms, so it is sqrt(D)",
                _attend_mistake(divide_by=lambda C, D: np.sqrt(C)),
            ),
            Mistake(
                "divides the scores by D: they are typically of size sqrt(D), so divide by the root",
                _attend_mistake(divide_by=lambda C, D: D),
            ),
            Mistake(
                "masks late: the softmax has shared out the 1 among all keys, the hidden ones too, before their "
                "weights become 0. Put -inf in place of their scores, then take the softmax",
                _attend_mistake(lambda scores, visible: _softmax(scores) * visible),
            ),
            Mistake(
                "gives hidden keys the score 0, and exp(0) is 1: with the score -inf their weight is 0",
                _attend_mistake(lambda scores, visible: _softmax(np.where(visible, scores, 0))),
            ),
            Mistake(
                "lets every query see every key: the scores where visible is False should become -inf",
                _attend_mistake(lambda scores, visible: _softmax(scores)),
            ),
            Mistake(
                "takes the softmax over the queries: each query shares a 1 among the keys, so it is over the last axis",
                _attend_mistake(lambda scores, visible: _softmax(np.where(visible, scores, -np.inf), axis=-2)),
            ),
            Mistake(
                "gives nan when scores are large, as exp overflows: subtract each row's largest score before exp",
                _attend_mistake(_softmax_that_overflows),
            ),
            Mistake(
                "cuts and joins heads by a reshape alone, so that a head gets whole rows of some tokens. A head is "
                "some numbers of each token: reshape to (n, H, D), then swap the first two axes",
                _attend_mistake(
                    split=lambda x, n_heads: x.reshape(n_heads, len(x), -1), merge=lambda x: x.reshape(x.shape[1], -1)
                ),
            ),
            Mistake(
                "joins the heads by a reshape alone: swap (H, n, D) back to (n, H, D) first, then reshape to (n, C)",
                _attend_mistake(merge=lambda x: x.reshape(x.shape[1], -1)),
            ),
        ),
    ),
    Exercise(
        name="shared_keys_backward",
        draw=_draw_shared,
        answer=shared_keys_backward,
        rules=(_nothing_for_all_keys_together,),
        mistakes=(
            Mistake(
                "goes through softmax without its sum: dscores is weights (dweights - the row's sum of dweights "
                "weights)",
                _shared_mistake(lambda dweights, weights: weights * dweights),
            ),
            Mistake(
                "goes through softmax with weights (1 - weights), which is how a score moves its own weight: it moves "
                "all others of its row as well, so dscores is weights (dweights - the row's sum of dweights weights)",
                _shared_mistake(lambda dweights, weights: weights * (1 - weights) * dweights),
            ),
            Mistake(
                "takes softmax's sum over the queries: each row of weights is a softmax, so sum along the row, axis=-1",
                _shared_mistake(
                    lambda dweights, weights: weights * (dweights - (dweights * weights).sum(axis=-2, keepdims=True))
                ),
            ),
            Mistake(
                "'k' lacks a transpose: a key collects from all queries that looked at it, and these stand in a "
                "column of dscores",
                _shared_mistake(dk=lambda dscores, q: (dscores @ q).sum(axis=0)),
            ),
            Mistake(
                "'v' lacks a transpose: a value collects from all queries that listened to it, and these stand in a "
                "column of the weights",
                _shared_mistake(dv=lambda weights, dout: (weights @ dout).sum(axis=0)),
            ),
            Mistake(
                "'k' and 'v' are means over the heads: what is used several times gets all gradients, added up",
                _shared_mistake(
                    dk=lambda dscores, q: (_flip(dscores) @ q).mean(axis=0),
                    dv=lambda weights, dout: (_flip(weights) @ dout).mean(axis=0),
                ),
            ),
            Mistake(
                "'q' and 'k' lack the factor 1 / sqrt(D): the forward divided the scores by sqrt(D)",
                _shared_mistake(scaled=False),
            ),
            Mistake(
                "'k' and 'v' add up the heads too early: each head's dscores belongs to its own queries, so multiply "
                "first, then add up over the heads",
                _shared_mistake(
                    dk=lambda dscores, q: dscores.sum(axis=0).T @ q.sum(axis=0),
                    dv=lambda weights, dout: weights.sum(axis=0).T @ dout.sum(axis=0),
                ),
            ),
        ),
    ),
)
