"""Exercises for lesson 3, k-means. Check them with `python -m minicluster check 03`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def assign(x, centers):
    """Give each sample the number of its nearest centre. Core, easy, 10 minutes.

    Parameters
    ----------
    x : (n, C) float64
        Samples.
    centers : (k, C) float64

    Returns
    -------
    (n,) int
        From 0 to k - 1. Nearest by the squared distance; of two that are equally near, the first.

    Hints
    -----
    1. For one sample: subtract it from all centres, square, add up over C, take `argmin`.
    2. For all at once: `x[:, None]` has shape (n, 1, C), so `x[:, None] - centers` has (n, k, C).
    3. Add up over the last axis, take `argmin` over the axis of the centres.
    """
    raise NotImplementedError("your turn")


def means(x, labels, k):
    """Put each centre into the middle of its cluster. Core, easy, 10 minutes.

    Parameters
    ----------
    x : (n, C) float64
        Samples.
    labels : (n,) int
        The cluster of each, from 0 to k - 1. Every cluster has a sample.
    k : int

    Returns
    -------
    (k, C) float64
        The mean of each cluster's samples.

    Hints
    -----
    1. `labels == j` picks the samples of cluster j.
    2. The mean is over samples: axis 0.
    """
    raise NotImplementedError("your turn")


def inertia(x, centers, labels):
    """Compute what k-means makes small. Easy, 5 minutes.

    Parameters
    ----------
    x : (n, C) float64
    centers : (k, C) float64
    labels : (n,) int
        The cluster of each sample, which need not be that of the nearest centre.

    Returns
    -------
    float
        The sum, over all samples, of the squared distance to the centre of their cluster.

    Hints
    -----
    1. `centers[labels]` has the shape of x: each sample's own centre.
    """
    raise NotImplementedError("your turn")
