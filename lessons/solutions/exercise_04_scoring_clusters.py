"""Solutions of the exercises for lesson 4, Scoring clusters."""

import numpy as np


def adjusted_rand(table):
    def pairs(n):
        return (n * (n - 1) / 2).sum()

    A, B, N = pairs(table.sum(axis=1)), pairs(table.sum(axis=0)), pairs(table.sum())  # of (classes,), (clusters,), ()
    both = pairs(table)
    by_chance = A * B / N
    return (both - by_chance) / ((A + B) / 2 - by_chance)


def deal_units(group, unit, seed):
    _, first, own = np.unique(unit, return_index=True, return_inverse=True)  # (P,), (n,)
    return np.random.default_rng(seed).permutation(group[first])[own]  # (n,) -> (P,) -> (n,)


def silhouettes(x, labels):
    distance = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))  # (n, 1, C) - (n, C) -> (n, n, C) -> (n, n)
    found = []
    for i, own in enumerate(labels):
        a = distance[i, labels == own].sum() / ((labels == own).sum() - 1)
        b = min(distance[i, labels == j].mean() for j in np.unique(labels) if j != own)
        found.append((b - a) / max(a, b))
    return np.array(found)  # (n,)
