"""Exercises for lesson 9, attention. Check them with `python -m minicluster check 09`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def sliding_window(n_tokens, window):
    """Say who sees whom if everybody has a short memory. Core, easy, 10 minutes.

    The lesson's causal mask lets token t see the tokens 0 to t. With long texts that gets expensive, so some models let
    each token see only the last few (a *sliding window*): itself and the window - 1 tokens before it. At the beginning,
    where fewer have come so far, it sees all of these.

    Parameters
    ----------
    n_tokens : int
    window : int
        How many tokens each sees at most, itself included; at least 1. May be more than n_tokens.

    Returns
    -------
    (n_tokens, n_tokens) bool
        True where the query (row) sees the key (column). For 4 tokens and window 2, with 1 for True,

            1 0 0 0
            1 1 0 0
            0 1 1 0
            0 0 1 1

    Hints
    -----
    1. `np.arange(n_tokens)` numbers the tokens. With one axis more, `np.arange(n_tokens)[:, None]`, they stand in a
       column, (n_tokens, 1): the queries. Without it they are the keys.
    2. queries - keys has shape (n_tokens, n_tokens) and says how long ago each key was. In the future it is negative.
    3. True where that is at least 0 and less than window. Two conditions are combined by `&`, each in brackets.
    """
    raise NotImplementedError("your turn")


def attend(q, k, v, n_heads, visible):
    """Let n queries ask m keys, with several heads. Core, medium, 25 minutes.

    This is the part of the lesson's layer between its two linear layers, for one sequence. It is a little more general:
    there need not be as many keys as queries. (So a translator's new words ask the words of the old text.) Each row of
    q, k and v has C numbers. Head 0 has the first D = C / H numbers of each row, head 1 the next D, and so on. In each
    head,

        score of key j for query i   =   (dot product of query i and key j) / sqrt(D)
        weights of query i           =   softmax of its scores, over the keys that it sees; 0 for the others
        out of query i               =   sum over j of (weight of key j) (value j)          D numbers

    and at the end the heads' results stand side by side again, in the same order.

    Parameters
    ----------
    q : (n, C) float64
    k, v : (m, C) float64
    n_heads : int
        H. It divides C.
    visible : (n, m) bool
        True where query i sees key j, the same for all heads. Every query sees at least one key.

    Returns
    -------
    (n, C) float64
        An example with one head, from the lesson: the query [1, 1], the keys [1, 1], [1, -1] and [-1, -1], and the
        values [10, 0], [0, 10] and [10, 10] give [8.13, 2.32]. If the third key is hidden, [8.04, 1.96].
        Scores may be in the thousands.

    Hints
    -----
    1. First without heads: scores are (n, m), softmax goes along the last axis, and weights @ v is (n, C).
    2. Hide before the softmax: `np.where(visible, scores, -np.inf)`. Subtract each row's largest score before exp, so
       that nothing overflows (lesson 7), with keepdims=True.
    3. Heads: reshape (n, C) to (n, H, D), then swap the first two axes to (H, n, D). A reshape straight to (H, n, D)
       has the right shape and the wrong numbers. `@` then works on the last two axes, for each head.
    4. For the keys, `.swapaxes(1, 2)` makes (H, D, m) of (H, m, D). At the end swap (H, n, D) back to (n, H, D), then
       reshape to (n, C).
    """
    raise NotImplementedError("your turn")


def shared_keys_backward(dout, q, k, v, weights):
    """Go back through attention whose heads share their keys and values. Hard, 30 minutes.

    In *multi-query attention* (Shazeer 2019) each of H heads has queries of its own, but all heads ask the same keys
    and hear the same values, which saves memory. The forward is, for each head h,

        scores[h]   =  q[h] @ k.T / sqrt(D)                                (T, D) @ (D, T) -> (T, T)
        weights[h]  =  softmax of each row of scores[h], future hidden     (T, T)
        out[h]      =  weights[h] @ v                                      (T, T) @ (T, D) -> (T, D)

    Given dout, by how much the loss grows for each entry of out, return the same for q, k and v.

    Parameters
    ----------
    dout : (H, T, D) float64
        Upstream gradient.
    q : (H, T, D) float64
    k, v : (T, D) float64
    weights : (H, T, T) float64
        As the forward computed them, [head, query, key], 0 where a key was hidden.

    Returns
    -------
    {"q": (H, T, D) float64, "k": (T, D) float64, "v": (T, D) float64}
        An example with one head, from the lesson: if the only query [1, 1] asks the keys [1, 1], [1, -1] and [-1, -1],
        with the values [10, 0], [0, 10] and [10, 10], then for its dout [1, 0] its dq is [-0.12, 2.03].

    Hints
    -----
    1. Take the three lines from the last to the first, as the lesson does: from dout to dweights and to v, from
       dweights to dscores, from dscores to q and to k. `@` works for each head: (H, T, D) @ (D, T) gives (H, T, T).
    2. Softmax: dscores = weights * (dweights - the sum of dweights * weights along each row). The mask needs no line.
    3. v is used in every head. So each head has a gradient for it, weights[h].T @ dout[h], and they add up (lesson 5).
       For all heads at once, `weights.swapaxes(1, 2) @ dout` is (H, T, D).
    4. k is used in every head as well: dscores[h].T @ q[h], added up over the heads. q[h] is used in its own head only:
       dscores[h] @ k. Both times 1 / sqrt(D).
    """
    raise NotImplementedError("your turn")
