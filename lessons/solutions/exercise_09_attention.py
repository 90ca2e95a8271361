"""Solutions of the exercises for lesson 9, attention."""

import numpy as np


def sliding_window(n_tokens, window):
    queries, keys = np.arange(n_tokens)[:, None], np.arange(n_tokens)  # (T, 1), (T,)
    ago = queries - keys  # (T, 1) - (T,) -> (T, T)
    return (ago >= 0) & (ago < window)


def attend(q, k, v, n_heads, visible):
    q, k, v = (x.reshape(len(x), n_heads, -1).swapaxes(0, 1) for x in (q, k, v))  # (n, C) -> (n, H, D) -> (H, n, D)
    scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])  # (H, n, D) @ (H, D, m) -> (H, n, m)
    scores = np.where(visible, scores, -np.inf)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))  # (H, n, m) - (H, n, 1)
    weights = powers / powers.sum(axis=-1, keepdims=True)  # (H, n, m)
    out = weights @ v  # (H, n, m) @ (H, m, D) -> (H, n, D)
    return out.swapaxes(0, 1).reshape(len(visible), -1)  # (H, n, D) -> (n, H, D) -> (n, C)


def shared_keys_backward(dout, q, k, v, weights):
    # forward: out = weights @ v
    dweights = dout @ v.T  # (H, T, D) @ (D, T) -> (H, T, T)
    dv = (weights.swapaxes(1, 2) @ dout).sum(axis=0)  # (H, T, T) @ (H, T, D) -> (H, T, D) -> (T, D)
    # forward: weights = softmax(scores)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))  # (H, T, T)
    # forward: scores = q @ k.T / sqrt(D)
    dscores = dscores / np.sqrt(q.shape[-1])
    dq = dscores @ k  # (H, T, T) @ (T, D) -> (H, T, D)
    dk = (dscores.swapaxes(1, 2) @ q).sum(axis=0)  # (H, T, T) @ (H, T, D) -> (H, T, D) -> (T, D)
    return {"q": dq, "k": dk, "v": dv}
