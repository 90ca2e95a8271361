"""The work that grows with the square of the number of rows, in plain NumPy, blocked so that its memory does not."""

import numpy as np

from ._distances import row_blocks


def squared_distances_by_differences(x, y):
    """Squared Euclidean distances by differences: nothing cancels, equal rows are at distance 0, copies tie.

    Parameters
    ----------
    x : (b, C) float64 array
    y : (m, C) float64 array

    Returns
    -------
    (b, m) float64 array
        Right to a relative error of about C * 1e-16, however far the rows are from 0.

    Time O(b m C), memory O(b m): one feature at a time.
    """
    squared = np.zeros((len(x), len(y)))  # (b, m)
    for x_feature, y_feature in zip(x.T, y.T.copy()):  # (b,), (m,)
        difference = x_feature[:, None] - y_feature  # (b, m)
        difference *= difference
        squared += difference
    return squared


def distance_sums(x, codes, n_groups):
    """Sum of Euclidean distances from each row to the rows of each group.

    Parameters
    ----------
    x : (n, C) float64 array
    codes : (n,) int64 array
        Group of each row, in 0..n_groups-1.
    n_groups : int

    Returns
    -------
    (n, n_groups) float64 array
        0 for a group without rows. A row's distance to itself is 0 and adds nothing.

    Time O(n^2 C), memory O(n n_groups).
    """
    order = np.argsort(codes, kind="stable")  # (n,) the rows of a group come together
    grouped = x[order]  # (n, C)
    sizes = np.bincount(codes, minlength=n_groups)  # (n_groups,)
    present = np.flatnonzero(sizes)  # (g,)
    starts = (np.cumsum(sizes) - sizes)[present]  # (g,) where each group begins
    sums = np.zeros((len(x), n_groups))  # (n, n_groups)
    for rows in row_blocks(len(x), len(x)):
        distances = np.sqrt(squared_distances_by_differences(x[rows], grouped))  # (b, n)
        sums[rows, present] = np.add.reduceat(distances, starts, axis=1)
    return sums
