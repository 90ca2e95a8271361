"""Solutions of the exercises for lesson 5, the chain rule."""

import numpy as np


def gradients(x, w, target):
    p = x * x
    e = p * w + w - target
    de = 2 * e
    dp = de * w
    return {"x": dp * x + dp * x, "w": de * p + de, "target": -de}


def linear_backward(dy, x, weight):
    x_rows = x.reshape(-1, x.shape[-1])  # (B, T, n_in) -> (B T, n_in)
    dy_rows = dy.reshape(-1, dy.shape[-1])  # (B, T, n_out) -> (B T, n_out)
    return {
        "x": dy @ weight,  # (B, T, n_out) @ (n_out, n_in) -> (B, T, n_in)
        "weight": dy_rows.T @ x_rows,  # (n_out, B T) @ (B T, n_in) -> (n_out, n_in)
        "bias": dy_rows.sum(axis=0),  # (n_out,)
    }


def bag_backward(dy, tokens, V):
    table = np.zeros((V, dy.shape[1]))  # (V, C)
    np.add.at(table, tokens, dy[:, None] / tokens.shape[1])  # (B, 1, C) into (V, C), once a token
    return {"table": table}
