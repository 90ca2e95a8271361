"""When clusters fail: a loss that tells some states their group, where it enters the model, and pairs with chains."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers


def _draw_told(rng, size):
    n, C, K = size + 3, 1 + size % 3, 2 + size % 3
    groups = rng.integers(K, size=n)
    groups[rng.permutation(n)[: 1 + n // 3]] = -1
    weight, bias = numbers(rng, size, C, K), numbers(rng, size, K)
    return {"x": numbers(rng, size, n, C), "groups": groups, "weight": np.clip(weight, -1, 1), "bias": bias}


def _softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def told_loss(x, groups, weight, bias):
    """Group loss of the told states, and its gradients."""
    told = groups >= 0
    one_hot = np.eye(len(bias))[groups] * told[:, None]  # (n, K), zeros for who is not told
    shares = _softmax(x @ weight + bias)
    return _told(x, weight, told, shares, (shares - one_hot) * told[:, None] / told.sum(), one_hot)


def _told(x, weight, told, shares, dscores, one_hot):
    loss = float(-(one_hot * np.log(shares)).sum() / told.sum())
    return loss, {"x": dscores @ weight.T, "weight": x.T @ dscores, "bias": dscores.sum(axis=0)}


def _last_group(x, groups, weight, bias):
    return told_loss(x, groups % len(bias), weight, bias)


def _over_all(x, groups, weight, bias):
    loss, gradients = told_loss(x, groups, weight, bias)
    share = (groups >= 0).mean()
    return loss * share, {name: gradient * share for name, gradient in gradients.items()}


def _not_divided(x, groups, weight, bias):
    loss, gradients = told_loss(x, groups, weight, bias)
    return loss, {name: gradient * (groups >= 0).sum() for name, gradient in gradients.items()}


def _nothing_pulled(x, groups, weight, bias):
    told, shares = groups >= 0, _softmax(x @ weight + bias)
    one_hot = np.eye(len(bias))[groups] * told[:, None]
    return _told(x, weight, told, shares, shares * told[:, None] / told.sum(), one_hot)


def _untold_pushed(x, groups, weight, bias):
    told, shares = groups >= 0, _softmax(x @ weight + bias)
    one_hot = np.eye(len(bias))[groups] * told[:, None]
    return _told(x, weight, told, shares, (shares - one_hot) / told.sum(), one_hot)


def _told_rows_only(x, groups, weight, bias):
    loss, gradients = told_loss(x, groups, weight, bias)
    return loss, gradients | {"x": gradients["x"][groups >= 0]}


def _draw_blocks(rng, size):
    L, n, C = 1 + (size + 1) // 2, 1 + (size - 1) % 3, 2 + (size - 1) % 2
    states, weights = [numbers(rng, size, n, C) / 2], numbers(rng, size, L, C, C) / 2
    for weight in weights:
        states.append(states[-1] + np.tanh(states[-1] @ weight))
    return {"states": np.array(states), "weights": weights, "dstates": numbers(rng, size, L + 1, n, C)}


def readers_backward(states, weights, dstates):
    """Gradients of a chain of blocks, each of whose layers may be read."""
    return _back(states, weights, dstates)


def _back(states, weights, dstates, stay=1, through=1, early=False, turned=False, first=True, old=1):
    """Backward pass of the chain; the arguments behind dstates make mistakes."""
    dweights, ds = np.zeros_like(weights), dstates[-1]
    for layer in range(len(weights) - 1, -1, -1):
        own = dstates[layer] if layer or first else 0
        if early:
            ds = ds + own
        inner = ds * (1 - np.tanh(states[layer] @ weights[layer]) ** 2)  # (n, C)
        dweights[layer] = states[layer].T @ inner
        back = inner @ (weights[layer] if turned else weights[layer].T)
        ds = old * (stay * ds + through * back) + (0 if early else own)
    return {"x": ds, "weights": dweights}


def _last_block_first(states, weights, dstates):
    gradients = _back(states, weights, dstates)
    return gradients | {"weights": gradients["weights"][::-1]}


def _blocks_behind_hear_nothing(function, inputs, got):
    dstates = inputs["dstates"]
    for layer in range(1, len(dstates) - 1):
        moved = dstates.copy()
        moved[layer] += 1
        again = function(inputs["states"], inputs["weights"], moved)
        change = np.abs(again["weights"][layer:] - got["weights"][layer:]).max()
        if change > 1e-9:
            return (
                f"dstates[{layer}] changes the gradient of a weight from weights[{layer}] on, by {change:.2g}, but "
                f"these blocks come behind layer {layer} and have no part in what is read there"
            )
    return None


def _draw_pairs(rng, size):
    k, C = 1 + size, 2 + size % 2
    n = 3 * k - 1
    piece = rng.permutation(np.arange(n) % k)  # pieces of three, and one of two
    partner = np.array([rng.choice(np.flatnonzero((piece == piece[i]) & (np.arange(n) != i))) for i in range(n)])
    x = numbers(rng, size, n, C)
    x[~x.any(axis=1), 0] = 1  # a state of length 0 has no direction
    return {"x": x, "partner": partner, "piece": piece, "temperature": float(rng.choice([0.25, 0.5]))}


def _strangers(partner, piece):
    n = np.arange(len(partner))
    return (piece[:, None] != piece) | (n == partner[:, None])


def _cosines(x):
    y = x / np.sqrt((x * x).sum(axis=1, keepdims=True))
    return y @ y.T


def _choice(scores, partner, among):
    """Mean of -log of the partner's share among those allowed."""
    total = np.log((np.exp(scores) * among).sum(axis=1))
    return float((total - scores[np.arange(len(partner)), partner]).mean())


def pieces_loss(x, partner, piece, temperature):
    """Contrastive loss in which nobody of the same piece counts as a stranger."""
    return _choice(_cosines(x) / temperature, partner, _strangers(partner, piece))


def _only_directions_count(function, inputs, got):
    x = inputs["x"].copy()
    x[0] *= 2
    again = function(**inputs | {"x": x})
    if abs(again - got) > 1e-9:
        return (
            f"{got:.6g} becomes {again:.6g} when the first state is made twice as long: divide each row of x by its own"
            " length, so that only directions count"
        )
    return None


EXERCISES = (
    Exercise(
        name="told_loss",
        draw=_draw_told,
        answer=told_loss,
        core=True,
        mistakes=(
            Mistake("takes -1 for the last group: a state whose group is -1 is not told, so leave it out", _last_group),
            Mistake("divides by the number of all states: the mean is over those that are told", _over_all),
            Mistake(
                "divides the loss by the number of told states, but not the gradients: of a mean, they are means, too",
                _not_divided,
            ),
            Mistake(
                "takes the shares for the scores' gradient: subtract 1 at the true group, which is to be pulled up",
                _nothing_pulled,
            ),
            Mistake(
                "lets states that are not told push on the gradients: their rows of the scores' gradient are 0",
                _untold_pushed,
            ),
            Mistake(
                "gives 'x' for the told states only: it has x's shape, with zeros for those that are not told",
                _told_rows_only,
            ),
        ),
    ),
    Exercise(
        name="readers_backward",
        draw=_draw_blocks,
        answer=readers_backward,
        rules=(_blocks_behind_hear_nothing,),
        core=True,
        mistakes=(
            Mistake(
                "listens to the last layer's loss only: add dstates[layer] at each layer on the way back",
                lambda states, weights, dstates: _back(
                    states, weights, np.concatenate([0 * dstates[:-1], dstates[-1:]])
                ),
            ),
            Mistake(
                "forgets dstates[0]: the input is layer 0 and may be read, too, so 'x' gets it added",
                lambda states, weights, dstates: _back(states, weights, dstates, first=False),
            ),
            Mistake(
                "replaces what comes back from behind by dstates[layer]: a state read twice gets the sum of both",
                lambda states, weights, dstates: _back(states, weights, dstates, old=0),
            ),
            Mistake(
                "goes back through tanh only: the state is also passed on as it is, so ds itself is added",
                lambda states, weights, dstates: _back(states, weights, dstates, stay=0),
            ),
            Mistake(
                "goes back past the blocks only: the part that went through tanh(state @ weight) is added",
                lambda states, weights, dstates: _back(states, weights, dstates, through=0),
            ),
            Mistake(
                "adds dstates[layer] before the block that starts from this layer, which then hears of a loss that it "
                "has no part in: add it after that block",
                lambda states, weights, dstates: _back(states, weights, dstates, early=True),
            ),
            Mistake(
                "gives the weights' gradients in the order in which the way back meets them: entry l is weights[l]'s",
                _last_block_first,
            ),
            Mistake(
                "multiplies by the weight where its transpose belongs: forward was state @ weight, back is by weight.T",
                lambda states, weights, dstates: _back(states, weights, dstates, turned=True),
            ),
        ),
    ),
    Exercise(
        name="pieces_loss",
        draw=_draw_pairs,
        answer=pieces_loss,
        rules=(_only_directions_count,),
        mistakes=(
            Mistake(
                "lets each state choose among all, itself included: nobody is asked to find itself",
                lambda x, partner, piece, temperature: _choice(_cosines(x) / temperature, partner, 1),
            ),
            Mistake(
                "leaves the diagonal in: nobody is asked to find itself",
                lambda x, partner, piece, temperature: _choice(
                    _cosines(x) / temperature, partner, _strangers(partner, piece) + np.eye(len(x))
                ),
            ),
            Mistake(
                "counts others of the same piece as strangers: the sum has only the partner and states of other pieces",
                lambda x, partner, piece, temperature: _choice(_cosines(x) / temperature, partner, 1 - np.eye(len(x))),
            ),
            Mistake(
                "leaves the partner out of the sum: it is one of those to choose from, else its share is none",
                lambda x, partner, piece, temperature: _choice(
                    _cosines(x) / temperature, partner, piece[:, None] != piece
                ),
            ),
            Mistake(
                "sets scores of left-out states to 0, but exp(0) is 1 and still counts: leave out exp(score)",
                lambda x, partner, piece, temperature: _choice(
                    _cosines(x) / temperature * _strangers(partner, piece), partner, 1
                ),
            ),
            Mistake(
                "takes products of the states themselves: divide each by its length first",
                lambda x, partner, piece, temperature: _choice(
                    x @ x.T / temperature, partner, _strangers(partner, piece)
                ),
            ),
            Mistake(
                "multiplies by the temperature: divide by it",
                lambda x, partner, piece, temperature: pieces_loss(x, partner, piece, 1 / temperature),
            ),
            Mistake(
                "is the sum over the states, not their mean",
                lambda x, partner, piece, temperature: len(x) * pieces_loss(x, partner, piece, temperature),
            ),
        ),
    ),
)
