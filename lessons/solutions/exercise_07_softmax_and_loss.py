"""Solutions of the exercises for lesson 7, softmax and loss."""

import numpy as np


def log_softmax(x):
    x = x - x.max(axis=-1, keepdims=True)  # the largest of each row is now 0
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))  # (..., V) - (..., 1) -> (..., V)


def weighted_loss(logits, targets, weights):
    log_p = log_softmax(logits)  # (B, T, V)
    onehot = np.eye(logits.shape[-1])[targets]  # (B, T) -> (B, T, V)
    share = weights / weights.sum()  # (B, T)
    surprise = -(log_p * onehot).sum(axis=-1)  # (B, T, V) -> (B, T)
    return (share * surprise).sum(), share[..., None] * (np.exp(log_p) - onehot)  # (B, T, 1) * (B, T, V)


def lowest_loss(tokens, targets, V):
    counts = np.zeros((V, V))
    np.add.at(counts, (tokens, targets), 1)
    frequencies = counts[tokens, targets] / counts.sum(axis=1)[tokens]  # (n,)
    return -np.log(frequencies).mean()
