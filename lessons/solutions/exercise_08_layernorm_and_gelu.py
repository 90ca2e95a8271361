"""Solutions of the exercises for lesson 8, LayerNorm and GELU."""

import numpy as np


def rmsnorm_backward(dout, x, weight):
    rstd = 1 / np.sqrt((x * x).mean(axis=1, keepdims=True))  # (n, C) -> (n, 1)
    xhat = x * rstd  # (n, C) * (n, 1) -> (n, C)
    # forward: out = xhat * weight
    dweight = (dout * xhat).sum(axis=0)  # (n, C) -> (C,)
    dxhat = dout * weight  # (n, C) * (C,) -> (n, C)
    # forward: xhat = x * rstd
    along_xhat = xhat * (dxhat * xhat).mean(axis=1, keepdims=True)  # (n, C) * (n, 1) -> (n, C)
    return {"x": rstd * (dxhat - along_xhat), "weight": dweight}


def swish_backward(dout, x):
    gate = 1 / (1 + np.exp(-x))
    return {"x": dout * (gate + x * gate * (1 - gate))}


def moved_by_others(layer, x):
    together = layer(x)  # (n, C)
    alone = np.concatenate([layer(x[i : i + 1]) for i in range(len(x))])  # n times (1, C) -> (n, C)
    return np.abs(together - alone).max(axis=1)  # (n, C) -> (n,)
