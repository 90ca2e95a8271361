"""Exercises for lesson 14, when clusters fail. Check them with `python -m minicluster check 14`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def told_loss(x, groups, weight, bias):
    """Compute a group loss that is told only some of the groups, and its gradients. Core, medium, 20 minutes.

    For each told state, with s = x W + b, the loss is -log softmax(s) at its group. The result is the mean over the
    told states. The others count nowhere. Say, of three states two are told, and their losses are 1 and 2: the loss is
    1.5.

    Parameters
    ----------
    x : (n, C) float64
        States.
    groups : (n,) int
        The group of each, from 0 to K - 1, or -1 if it is not told. At least one state is told.
    weight : (C, K) float64
    bias : (K,) float64

    Returns
    -------
    loss : float
    gradients : dict
        {"x": (n, C), "weight": (C, K), "bias": (K,)} float64: of the loss.

    Hints
    -----
    1. Begin with the told states alone: `told = groups >= 0`, and x[told] is (m, C).
    2. The scores' gradient is the shares, minus 1 at the true group, divided by m, the number of told states.
    3. Scores are x @ weight + bias, so "weight" is x.T @ dscores, "bias" the sum of dscores over the states.
    4. "x" has a row for every state: dx = np.zeros_like(x), then dx[told] = dscores @ weight.T.
    """
    raise NotImplementedError("your turn")


def readers_backward(states, weights, dstates):
    """Go back through a chain of blocks, any layer of which may be read by a loss. Core, medium, 20 minutes.

    The forward pass was, for l from 0 to L - 1,

        states[l + 1] = states[l] + tanh(states[l] @ weights[l])

    Then losses read the states: the answers' loss the last ones, others perhaps those of inner layers, as the group
    loss did in the lesson. All losses are added up. Losses that read layer l directly have sent back dstates[l].

    Parameters
    ----------
    states : (L + 1, n, C) float64
        Of each layer; states[0] is the input, x.
    weights : (L, C, C) float64
    dstates : (L + 1, n, C) float64
        dstates[l] is the gradient by states[l] of the losses that read layer l; nothing of what comes later is in it.

    Returns
    -------
    dict
        {"x": (n, C), "weights": (L, C, C)} float64: the gradients of the sum of all losses.

    Hints
    -----
    1. Begin with ds = dstates[L] and go from the last block to the first.
    2. In each block, first the part inside of tanh: tanh(u) has the derivative 1 - tanh(u)**2, and u is state @ weight.
    3. With inner = ds * (1 - tanh(u)**2) the weight's gradient is states[l].T @ inner.
    4. states[l] has been used three times: as it is, in the block, and by its own readers. Add up: ds, inner @
       weights[l].T and dstates[l].
    """
    raise NotImplementedError("your turn")


def pieces_loss(x, partner, piece, temperature):
    """Find the partner, but push nobody away who means the same. Hard, 20 minutes.

    In the lesson, states that are not partners count as strangers, also if chains of pairs say that they mean the same.
    Mend that. With y_i = x_i / length of x_i and s_ij = y_i . y_j / temperature, the loss of state i is

        -log( exp(s_ip) / sum over j of exp(s_ij) ),    p = partner of i,

    where j goes over p and all states of *other* pieces. The result is the mean over all i.

    By hand: x = [[2, 0], [3, 0], [0, 1], [0, 5]], partner = [1, 0, 3, 2], piece = [0, 0, 1, 1], temperature = 1. Each
    state has its partner's cosine, 1, and two strangers' cosines, 0: the loss is -log(e / (e + 2)) = 0.5514.

    Parameters
    ----------
    x : (n, C) float64
        States, none of length 0.
    partner : (n,) int
        The number of each state's partner, which is in its own piece.
    piece : (n,) int
        The piece of each state: who has the same number is tied by a chain of pairs.
    temperature : float

    Returns
    -------
    float

    Hints
    -----
    1. All scores at once: y @ y.T / temperature is (n, n).
    2. Whom each state may choose from is an (n, n) array of True and False. `piece[:, None] != piece` is most of it.
    3. Then set the partner's place to True: among[np.arange(n), partner] = True.
    4. Multiply exp(scores) by it before adding up the rows.
    """
    raise NotImplementedError("your turn")
