"""Causal multi-head self-attention: each token takes a weighted mean of what the tokens before it offer."""

import math

import numpy as np

from ..checks import check_starts
from .softmax import softmax_backward, softmax_forward


def attention_forward(qkv, n_heads, start=None):
    """Attention of every query to the keys that it may see.

    Parameters
    ----------
    qkv : (B, T, 3C) array
        Queries, keys and values side by side, each with its H heads of width D side by side (C = H D).
    n_heads : int
        H, a divisor of C.
    start : (B, T) integers, optional
        Query t sees the keys start[b, t] to t, both included; by default 0 to t.

    Returns
    -------
    y : (B, T, C) array
        The heads' results side by side.
    cache : tuple
        What `attention_backward` needs.

    Raises
    ------
    ValueError, TypeError
        If `start` has the wrong shape or type, or leaves a query without a key.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
    """
    B, T, three_C = qkv.shape
    D = three_C // 3 // n_heads
    scale = 1 / math.sqrt(D)  # keeps the scores' variance near 1 whatever the width

    q, k, v = qkv.reshape(B, T, 3, n_heads, D).transpose(2, 0, 3, 1, 4)  # each (B, H, T, D)
    scores = (q * scale) @ k.swapaxes(-1, -2)  # (B, H, T, D) @ (B, H, D, T) -> (B, H, T, T), [query, key]
    np.copyto(scores, -np.inf, where=~visible_keys(B, T, start))
    weights, softmax_cache = softmax_forward(scores)  # (B, H, T, T), rows sum to 1 over the visible keys
    y_heads = weights @ v  # (B, H, T, T) @ (B, H, T, D) -> (B, H, T, D)
    y = y_heads.swapaxes(1, 2).reshape(B, T, n_heads * D)  # (B, T, H, D) -> (B, T, C)
    return y, (q, k, v, weights, softmax_cache, scale)


def attention_backward(dy, cache):
    """Gradients of attention, the forward's five lines in reverse.

    A hidden key has weight 0, and softmax's gradient multiplies by the weight, so nothing flows to it:
    the mask needs no backward line of its own.

    Parameters
    ----------
    dy : (B, T, C) array
    cache : tuple
        From `attention_forward`.

    Returns
    -------
    dict
        `qkv` (B, T, 3C).
    """
    q, k, v, weights, softmax_cache, scale = cache
    B, H, T, D = q.shape

    # forward: y = y_heads, heads side by side
    dy_heads = dy.reshape(B, T, H, D).swapaxes(1, 2)  # (B, T, C) -> (B, H, T, D)

    # forward: y_heads = weights @ v
    dweights = dy_heads @ v.swapaxes(-1, -2)  # (B, H, T, D) @ (B, H, D, T) -> (B, H, T, T)
    dv = weights.swapaxes(-1, -2) @ dy_heads  # (B, H, T, T) @ (B, H, T, D) -> (B, H, T, D)

    # forward: weights = softmax(scores), hidden keys at -inf
    dscores = softmax_backward(dweights, softmax_cache)["x"]  # (B, H, T, T)

    # forward: scores = (q * scale) @ k^T
    dq = dscores @ k * scale  # (B, H, T, T) @ (B, H, T, D) -> (B, H, T, D)
    dk = dscores.swapaxes(-1, -2) @ q * scale  # the same shapes, keys first

    # forward: q, k, v = the three thirds of qkv, cut into heads
    dqkv = np.empty((B, T, 3, H, D), dy.dtype)
    for third, gradient in enumerate((dq, dk, dv)):
        dqkv[:, :, third] = gradient.swapaxes(1, 2)  # (B, H, T, D) -> (B, T, H, D)
    return {"qkv": dqkv.reshape(B, T, 3 * H * D)}


def visible_keys(B, T, start=None):
    """Which keys each query sees: those from its start to itself.

    Parameters
    ----------
    B, T : int
    start : (B, T) integers, optional
        As in `attention_forward`.

    Returns
    -------
    visible : (1 or B, 1, T, T) bool array, [query, key]
        The second axis spreads over the heads.
    """
    positions = np.arange(T)
    visible = positions <= positions[:, None]  # (T, T): key <= query
    if start is None:
        return visible[None, None]  # (1, 1, T, T)
    start = check_starts(start, B, T)
    visible = visible & (positions >= start[:, :, None])  # (B, T, T)
    return visible[:, None]  # (B, 1, T, T)
