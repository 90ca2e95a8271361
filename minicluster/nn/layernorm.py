"""Layer normalisation: every token's vector gets mean 0 and variance 1, then a learned scale and shift."""

import numpy as np

EPS = 1e-5  # GPT-2's; keeps a constant vector from being divided by zero


def layernorm_forward(x, weight, bias):
    """Normalise the last axis of `x`, then scale and shift it.

    Parameters
    ----------
    x : (..., C) array
    weight, bias : (C,) arrays
        The scale (gamma) and the shift (beta).

    Returns
    -------
    y : (..., C) array
    cache : tuple
        What `layernorm_backward` needs.

    Source: Ba, Kiros, Hinton 2016, arXiv:1607.06450, equations 3 and 4.
    """
    mean = x.mean(axis=-1, keepdims=True)  # (..., 1)
    centred = x - mean
    # Not np.var: it takes absolute values, which would break the complex-step gradient check.
    variance = (centred * centred).mean(axis=-1, keepdims=True)  # (..., 1)
    rstd = 1 / np.sqrt(variance + EPS)  # reciprocal of the standard deviation, (..., 1)
    xhat = centred * rstd
    y = xhat * weight + bias
    return y, (xhat, rstd, weight)


def layernorm_backward(dy, cache, residual=None):
    """Gradients of layer normalisation.

    The mean and the standard deviation depend on x too, so an entry of x reaches y by three paths:
    directly, through the mean and through the variance. With xhat = (x - mean) * rstd,

        d xhat_j / d x_i = rstd * (1[i = j] - 1/C - xhat_i xhat_j / C),

    and summing that over j with dxhat_j gives the three terms below.

    Parameters
    ----------
    dy : (..., C) array
    cache : tuple
        From `layernorm_forward`.
    residual : (..., C) array, optional
        Added to x's gradient: what comes back by the stream that goes around the layer.

    Returns
    -------
    dict
        `x` (..., C), `weight` (C,), `bias` (C,).
    """
    xhat, rstd, weight = cache
    leading = tuple(range(dy.ndim - 1))  # every axis but the last

    # forward: y = xhat * weight + bias
    dbias = dy.sum(axis=leading)  # (..., C) -> (C,)
    dweight = (dy * xhat).sum(axis=leading)  # (..., C) -> (C,)
    dxhat = dy * weight

    # forward: xhat = (x - mean) * rstd
    through_mean = dxhat.mean(axis=-1, keepdims=True)  # (..., 1)
    through_variance = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)  # (..., C)
    dx = rstd * (dxhat - through_mean - through_variance)
    if residual is not None:
        dx += residual
    return {"x": dx, "weight": dweight, "bias": dbias}
