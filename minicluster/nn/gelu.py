"""GELU, the smooth gate between the two layers of the MLP, in the tanh form that GPT-2 uses."""

import math

import numpy as np

SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715  # Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2


def gelu_forward(x):
    """0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), entry by entry.

    Parameters
    ----------
    x : array of any shape

    Returns
    -------
    y : array like x
    cache : tuple
        What `gelu_backward` needs.
    """
    # In place, because this is the widest array of the model: a fresh one for each operation takes twice as long.
    tanh = x * x
    tanh *= SQRT_2_OVER_PI * CUBIC
    tanh += SQRT_2_OVER_PI
    tanh *= x  # sqrt(2/pi) (x + 0.044715 x^3)
    np.tanh(tanh, out=tanh)
    y = 1 + tanh
    y *= x
    y *= 0.5
    return y, (x, tanh)


def gelu_backward(dy, cache):
    """Gradient of GELU: x occurs twice, as the factor and inside tanh, and tanh' = 1 - tanh^2.

    Parameters
    ----------
    dy : array like x
    cache : tuple
        From `gelu_forward`.

    Returns
    -------
    dict
        `x`, an array like x.
    """
    x, tanh = cache
    # forward: y = 0.5 * x * (1 + tanh(inner)), inner = sqrt(2/pi) * (x + 0.044715 * x^3), so that
    # dy/dx = 0.5 * (1 + tanh + x * (1 - tanh^2) * dinner/dx), built up in place from its last factor.
    dx = x * x
    dx *= 3 * SQRT_2_OVER_PI * CUBIC
    dx += SQRT_2_OVER_PI  # dinner/dx
    dx *= x
    one_minus_square = tanh * tanh
    np.subtract(1, one_minus_square, out=one_minus_square)
    dx *= one_minus_square
    dx += tanh
    dx += 1
    dx *= 0.5  # dy/dx
    dx *= dy
    return {"x": dx}
