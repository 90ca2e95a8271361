"""The multilayer perceptron of a block: widen, gate, narrow; each token on its own."""

from .gelu import gelu_backward, gelu_forward
from .linear import linear_backward, linear_forward


def mlp_forward(x, fc_weight, fc_bias, proj_weight, proj_bias, residual=None):
    """Two linear layers with GELU between them.

    Parameters
    ----------
    x : (..., C) array
    fc_weight, fc_bias : (C, F) and (F,) arrays
    proj_weight, proj_bias : (F, C) and (C,) arrays
    residual : (..., C) array, optional
        Added to the result: the stream that goes around the layer. Its gradient is dy itself.

    Returns
    -------
    y : (..., C) array
    cache : tuple
        What `mlp_backward` needs.
    """
    wide, fc_cache = linear_forward(x, fc_weight, fc_bias)  # (..., C) -> (..., F)
    gated, gelu_cache = gelu_forward(wide)  # (..., F)
    y, proj_cache = linear_forward(gated, proj_weight, proj_bias, residual)  # (..., F) -> (..., C)
    return y, (fc_cache, gelu_cache, proj_cache)


def mlp_backward(dy, cache):
    """Gradients of the MLP.

    Parameters
    ----------
    dy : (..., C) array
    cache : tuple
        From `mlp_forward`.

    Returns
    -------
    dict
        `x`, `fc_weight`, `fc_bias`, `proj_weight`, `proj_bias`, shaped as in the forward.
    """
    fc_cache, gelu_cache, proj_cache = cache
    # forward: y = linear(gated, proj)
    proj = linear_backward(dy, proj_cache)  # x: (..., F)
    # forward: gated = gelu(wide)
    dwide = gelu_backward(proj["x"], gelu_cache)["x"]  # (..., F)
    # forward: wide = linear(x, fc)
    fc = linear_backward(dwide, fc_cache)  # x: (..., C)
    return {
        "x": fc["x"],
        "fc_weight": fc["weight"],
        "fc_bias": fc["bias"],
        "proj_weight": proj["weight"],
        "proj_bias": proj["bias"],
    }
