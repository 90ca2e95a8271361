"""Softmax along the last axis, for attention weights; the loss has its own, fused with the logarithm."""

import numpy as np


def softmax_forward(x):
    """exp(x) over its sum along the last axis. An entry of -inf gets the weight 0.

    Parameters
    ----------
    x : (..., K) array
        At least one entry of each row is finite.

    Returns
    -------
    p : (..., K) array
        Rows that sum to 1.
    cache : tuple
        What `softmax_backward` needs.
    """
    # Subtracting a row's maximum changes nothing but keeps exp from overflowing. The real part, because
    # complex numbers, which the gradient check passes in, have no order.
    p = x - x.real.max(axis=-1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=-1, keepdims=True)
    return p, (p,)


def softmax_backward(dp, cache):
    """Gradient of softmax. dp_j / dx_i = p_j (1[i = j] - p_i): raising one entry lowers all the others.

    Parameters
    ----------
    dp : (..., K) array
    cache : tuple
        From `softmax_forward`.

    Returns
    -------
    dict
        `x` (..., K). Each row sums to 0, since adding a constant to a row changes nothing.
    """
    (p,) = cache
    # forward: p = exp(x) / sum(exp(x))
    cross = (dp * p).sum(axis=-1, keepdims=True)  # (..., 1)
    return {"x": p * (dp - cross)}
