"""Squared distances, fast or exact, and what keeps their memory bounded."""

import numpy as np

BLOCK_ENTRIES = 2**18  # how many entries a temporary matrix may have: 2 MB in float64

# Rounding errors that an expanded square collects besides those of its three sums over C features: centring both
# rows, doubling the product, adding and subtracting, with some to spare.
OTHER_ROUNDINGS = 8


def row_blocks(n, width):
    """Yield slices that cut n rows into blocks of at most BLOCK_ENTRIES entries when a row has `width` of them."""
    height = max(1, BLOCK_ENTRIES // width)
    for first in range(0, n, height):
        yield slice(first, min(first + height, n))


def unit_sized(x):
    """Multiply x by the power of 2 that brings its largest entry to 1/2..1: exactly, and squares do not become 0.

    For what depends on ratios of distances only.
    """
    return np.ldexp(x, -np.frexp(np.abs(x).max())[1])


def distinct_rows(x):
    """Find the rows that differ from one another.

    Parameters
    ----------
    x : (n, C) C-contiguous float array

    Returns
    -------
    first : (d,) int64 array
        Index of the first copy of each distinct row, rising.
    place : (n,) int64 array
        Row i equals row first[place[i]].
    """
    x = x + 0.0  # -0.0 becomes 0.0: equal rows have equal bytes
    row_bytes = x.view(np.dtype((np.void, x.itemsize * x.shape[1])))[:, 0]  # (n,)
    _, first, place = np.unique(row_bytes, return_index=True, return_inverse=True)  # (d,), (n,), sorted by bytes
    by_appearance = np.argsort(first)  # (d,)
    return first[by_appearance], np.argsort(by_appearance)[place]


def squared_distances(x, y, x_squared=None):
    """Squared Euclidean distances by the expanded square ||x||^2 - 2 x.y + ||y||^2: one matrix product.

    Quick, but the three terms cancel: the error is relative to ||x||^2 + ||y||^2, not to the distance. Hence rows
    should be centred first, and equal rows need not come out at 0.

    Parameters
    ----------
    x : (n, C) float array
    y : (m, C) float array
    x_squared : (n,) float array, optional
        The squared lengths of the rows of x, when they are known.

    Returns
    -------
    (n, m) float array, not below 0
    """
    if x_squared is None:
        x_squared = np.einsum("ij,ij->i", x, x)  # (n,)
    y_squared = np.einsum("ij,ij->i", y, y)  # (m,)
    distances = x @ y.T.copy()  # (n, m); a contiguous (C, m) factor halves the product's time when m is small
    distances *= -2
    distances += x_squared[:, None]
    distances += y_squared
    return np.maximum(distances, 0, out=distances)


def paired_squared_distances(x, y, rows, columns):
    """Squared distances between x[rows[i]] and y[columns[i]], (p,), by differences: 0 for equal rows."""
    distances = np.empty(len(rows), x.dtype)  # (p,)
    for pairs in row_blocks(len(rows), x.shape[1]):
        difference = x[rows[pairs]] - y[columns[pairs]]  # (b, C)
        distances[pairs] = np.square(difference).sum(axis=1)
    return distances


def nearest_rows(x, y, n_nearest):
    """Find the n_nearest rows of y for each row of x; of those equally near, the earlier come first.

    Parameters
    ----------
    x : (n, C) float array
    y : (m, C) float array
    n_nearest : int
        In 1..m.

    Returns
    -------
    indices : (n, n_nearest) int64 array
        Rows of y, by rising distance.
    distances : (n, n_nearest) float64 array
        Squared, by differences.
    """
    y = y.astype(np.float64)  # (m, C)
    indices = np.empty((len(x), n_nearest), np.int64)  # (n, n_nearest)
    distances = np.empty((len(x), n_nearest))  # (n, n_nearest)
    for block in row_blocks(len(x), len(y)):
        rows, columns, squared = near_pairs(x[block].astype(np.float64), y, n_nearest)  # (p,) each
        order = np.lexsort((squared, rows))  # (p,) by row, then distance; stable: ties stay in the order of y
        starts = np.searchsorted(rows, np.arange(block.stop - block.start))  # (b,) where each row's pairs begin
        nearest = order[starts[:, None] + np.arange(n_nearest)]  # (b, n_nearest)
        indices[block], distances[block] = columns[nearest], squared[nearest]
    return indices, distances


def near_pairs(x, y, n_nearest, allowed=None):
    """Find, for each row of x, whatever may be among its n_nearest rows of y, at distances free of cancellation.

    The expanded square alone would not do: a matrix product may round equal rows, and equal columns, differently,
    according to where they stand, so copies would not tie. Here it only tells which rows of y may be that near, given
    the most its rounding can do; their distances are then taken by differences. So copies are always equally
    near, equal rows at distance 0, and if there are few copies it costs little more than one matrix product.

    Parameters
    ----------
    x : (b, C) float64 array
    y : (m, C) float64 array
    n_nearest : int
        In 1..m.
    allowed : (b, m) bool array, optional
        Which rows of y a row of x may have as neighbours, at least n_nearest in each row; all by default.

    Returns
    -------
    rows, columns : (p,) int64 arrays
        Pairs of a row of x and a row of y, rising, at least n_nearest for each row of x.
    distances : (p,) float64 array
        Squared.
    """
    center = y.mean(axis=0)  # (C,)
    x_centered, y_centered = x - center, y - center
    x_squared = np.einsum("ij,ij->i", x_centered, x_centered)  # (b,)
    y_squared = np.einsum("ij,ij->i", y_centered, y_centered)  # (m,)
    rough = squared_distances(x_centered, y_centered, x_squared)  # (b, m)
    # A sum over C features is off by at most C * eps / 2 times the sum of its terms' sizes; the product's is
    # doubled, and 2 |x||y| <= ||x||^2 + ||y||^2.
    relative_error = (x.shape[1] + OTHER_ROUNDINGS) * np.finfo(np.float64).eps
    error = relative_error * (x_squared + y_squared.max())  # (b,) at most this much, both ways
    if allowed is not None:
        rough = np.where(allowed, rough, np.inf)  # (b, m)
    reach = np.partition(rough, n_nearest - 1, axis=1)[:, n_nearest - 1]  # (b,)
    candidate = rough <= (reach + 2 * error)[:, None]  # (b, m)
    rows, columns = np.nonzero(candidate)  # (p,), (p,)
    return rows, columns, paired_squared_distances(x, y, rows, columns)
