"""Solutions of the exercises for lesson 13, present or used."""

import numpy as np


def patch(rest, x, place, new):
    x = x.copy()  # (n, T, C)
    x[np.arange(len(x)), place] = new  # (n, C)
    return rest(x)  # (n, T, C) -> (n, V)


def outcomes(before, after, own, donor):
    kept = before == own  # (n,)
    moved = (after == donor)[kept].mean()
    stayed = (after == own)[kept].mean()
    return np.array([moved, stayed, 1 - moved - stayed])  # (3,) as own and donor differ, nothing counts twice


def control(x, goal, noise):
    way = goal - x  # (n, C)
    along = (noise * way).sum(axis=1, keepdims=True) / (way * way).sum(axis=1, keepdims=True)  # (n, 1)
    across = noise - along * way  # (n, C) at a right angle to the way
    lengths = [np.linalg.norm(of, axis=1, keepdims=True) for of in (way, across)]  # (n, 1) each
    return x + across / lengths[1] * lengths[0]  # (n, C)
