"""What clustering and projecting spend their time in, in plain NumPy. `_compiled.py` has the same functions, fast.

Distances are taken by differences, (x - y)^2, not by the expanded square ||x||^2 - 2 x.y + ||y||^2, whose terms cancel
where rows are close together or far from the origin: so copies of a row are equally far from any other, and a
row's distance to itself is 0.
"""

import numpy as np

from ._rows import row_blocks


def lay_out(x):
    """Return (n, C) data as the functions below read them: here, as they are."""
    return x


def squared_distances(rows, data):
    """Squared Euclidean distances.

    Parameters
    ----------
    rows : (m, C) float array
    data : (n, C) float array of the same dtype, from `lay_out`

    Returns
    -------
    (m, n) array
        Of that dtype. O(m n C) time.
    """
    distances = np.empty((len(rows), len(data)), data.dtype)
    for row, into in zip(rows, distances):
        np.square(data - row).sum(axis=1, out=into)  # (n, C) -> (n,)
    return distances


def assign(data, centers):
    """Find the nearest centre of each row.

    Parameters
    ----------
    data : (n, C) float array, from `lay_out`
    centers : (k, C) float array of the same dtype

    Returns
    -------
    labels : (n,) int64 array
        The lowest of those equally near.
    squared : (n,) array
        Squared distance to it. O(n k C) time.
    """
    labels, squared = np.zeros(len(data), np.int64), np.full(len(data), np.inf, data.dtype)
    for label, center in enumerate(centers):
        distances = np.square(data - center).sum(axis=1)  # (n, C) -> (n,)
        nearer = distances < squared  # (n,)
        labels[nearer], squared[nearer] = label, distances[nearer]
    return labels, squared


def sums_by_label(x, weights, labels, n_labels):
    """Add up the rows of each label.

    Parameters
    ----------
    x : (n, C) float array
    weights : (n,) float64 array
    labels : (n,) int64 array
        In 0..n_labels-1.
    n_labels : int

    Returns
    -------
    (n_labels, C) float64 array
        Sums of weight times row; 0 for a label without rows. O(n C) time.
    """
    weighted = weights[:, None] * x  # (n, C) float64
    order = np.argsort(labels, kind="stable")  # (n,)
    counts = np.bincount(labels, minlength=n_labels)  # (n_labels,)
    sums = np.zeros((n_labels, x.shape[1]))
    used = counts > 0
    starts = (np.cumsum(counts) - counts)[used]  # where each label's rows begin
    sums[used] = np.add.reduceat(weighted[order], starts, axis=0)
    return sums


def nearest_rows(x, y, n_nearest, squared_distances=squared_distances, lay_out=lay_out):
    """Find the n_nearest rows of y for each row of x; of those equally near, the earlier come first.

    Parameters
    ----------
    x : (n, C) float array
    y : (m, C) float array
    n_nearest : int
        In 1..m.
    squared_distances, lay_out : callable
        With which to compute; those of this module by default.

    Returns
    -------
    indices : (n, n_nearest) int64 array
        Rows of y, by rising distance.
    squared : (n, n_nearest) float64 array
        Squared distances. O(n m (C + log m)) time, blocks of memory.
    """
    x, data = x.astype(np.float64, copy=False), lay_out(y.astype(np.float64, copy=False))
    indices = np.empty((len(x), n_nearest), np.int64)
    squared = np.empty((len(x), n_nearest))
    for block in row_blocks(len(x), len(y)):
        distances = squared_distances(x[block], data)  # (b, m)
        indices[block] = np.argsort(distances, axis=1, kind="stable")[:, :n_nearest]  # stable: ties stay in order
        squared[block] = np.take_along_axis(distances, indices[block], axis=1)
    return indices, squared


def distance_sums(x, codes, n_groups):
    """Add up the distances from each row to the rows of each group.

    Parameters
    ----------
    x : (n, C) float array
    codes : (n,) int64 array
        Group of each row, in 0..n_groups-1.
    n_groups : int

    Returns
    -------
    (n, n_groups) float64 array
        A row's own distance, 0, is in its own group's sum. O(n^2 C) time.
    """
    x = x.astype(np.float64, copy=False)
    sums = np.zeros((len(x), n_groups))
    for i, row in enumerate(x):
        sums[:, codes[i]] += np.sqrt(np.square(x - row).sum(axis=1))  # (n, C) -> (n,)
    return sums


def tsne_sums(embedding, affinities):
    """What the gradient of t-SNE is made of. With w_ij = 1 / (1 + |y_i - y_j|^2):

        z = sum over i and j != i of w_ij
        attraction_i = sum over j of p_ij w_ij (y_i - y_j)
        repulsion_i = sum over j of w_ij^2 (y_i - y_j)

    Parameters
    ----------
    embedding : (n, d) float array
        The points y.
    affinities : (n, n) float array of the same dtype
        p, symmetric.

    Returns
    -------
    z : float
    attraction, repulsion : (n, d) arrays
        O(n^2 d) time.
    """
    z = 0.0
    attraction, repulsion = np.empty_like(embedding), np.empty_like(embedding)
    for block in row_blocks(len(embedding), embedding.size):
        difference = embedding[block, None] - embedding  # (b, n, d)
        w = 1 / (1 + np.square(difference).sum(axis=2))  # (b, n)
        w[np.arange(len(w)), np.arange(block.start, block.stop)] = 0  # a point and itself are no pair
        z += float(w.sum(dtype=np.float64))
        attraction[block] = ((affinities[block] * w)[:, :, None] * difference).sum(axis=1)  # (b, n, d) -> (b, d)
        repulsion[block] = ((w * w)[:, :, None] * difference).sum(axis=1)
    return z, attraction, repulsion


def tsne_cost(embedding, affinities):
    """Sum over all pairs of affinity times log(1 + squared distance).

    Parameters
    ----------
    embedding : (n, d) float array
    affinities : (n, n) float array

    Returns
    -------
    float
    """
    cost = 0.0
    for block in row_blocks(len(embedding), embedding.size):
        squared = np.square(embedding[block, None] - embedding).sum(axis=2)  # (b, n, d) -> (b, n)
        cost += float((affinities[block] * np.log1p(squared)).sum(dtype=np.float64))
    return cost
