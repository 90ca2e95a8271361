"""Solutions of the exercises for lesson 11, clusters emerge."""

import numpy as np


def unique_states(hidden, separator, string):
    rows = np.unique(string, return_index=True)[1]  # (S,) one example of each string
    return hidden[:, rows, separator[rows]]  # (L + 1, n, T, C) -> (L + 1, S, C)


def lands_in_its_task(x, task, pattern, new, new_task, new_pattern):
    squared = ((new[:, None] - x) ** 2).sum(axis=2)  # (m, 1, C) - (n, C) -> (m, n, C) -> (m, n)
    squared[new_pattern[:, None] == pattern] = np.inf  # its own pattern is hidden
    nearest = squared.argmin(axis=1)  # (m,)
    return task[nearest] == new_task


def settles(scores, share):
    lowest_from_here = np.minimum.accumulate(scores[::-1])[::-1]  # (S, L + 1)
    return (lowest_from_here >= share * scores[-1]).argmax(axis=0)  # (L + 1,)
