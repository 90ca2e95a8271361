"""Solutions of the exercises for lesson 18, t-SNE."""

import numpy as np


def perplexity(p):
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)  # (n, m) -> (n,)
    return np.exp(entropy)


def joint_affinities(squared, precision):
    squared = squared.copy()
    np.fill_diagonal(squared, np.inf)
    squared -= squared.min(axis=1, keepdims=True)
    weights = np.exp(-precision[:, None] * squared)  # (n, 1) * (n, n) -> (n, n)
    views = weights / weights.sum(axis=1, keepdims=True)
    return (views + views.T) / (2 * len(views))


def kl_gradient(y, p, freedom):
    difference = y[:, None] - y  # (n, 1, 2) - (n, 2) -> (n, n, 2)
    inner = 1 + (difference**2).sum(axis=2) / freedom  # (n, n)
    w = inner ** (-(freedom + 1) / 2)
    np.fill_diagonal(w, 0)
    q = w / w.sum()
    g = (freedom + 1) / (2 * freedom) / inner
    return 4 * (((p - q) * g)[:, :, None] * difference).sum(axis=1)  # (n, n, 2) -> (n, 2)
