"""Can a picture's neighbours be trusted to be neighbours in the data?"""

import numpy as np

from ._operations import operations
from ._rows import row_blocks, unit_of
from ._validation import check_choice, check_data, check_distances, check_integer, check_same_length


def trustworthiness(x, x_embedded, *, n_neighbors=5, metric="euclidean"):
    """Share of trust that neighbours in an embedding deserve: 1 if all of them are neighbours in the data as well.

    For each row i, let U be those of its k nearest rows in the embedding that are not among its k nearest in the data,
    and r(i, j) the rank of row j by distance from i in the data: 1 for the nearest. Each intruder costs by how far
    down it is, and the worst that can be makes the score 0:

        T = 1 - 2 / (n k (2n - 3k - 1)) * sum over i, and j in U, of: r(i, j) - k

    Rows equally near are ranked in their order, and a row is left out of its own neighbours even if it has copies.

    Parameters
    ----------
    x : (n, C) array of real numbers, or (n, n) array of distances
        The data.
    x_embedded : (n, d) array of real numbers
        The same rows in the embedding.
    n_neighbors : int
        k, less than n / 2.
    metric : "euclidean" or "precomputed"
        "precomputed": x[i, j] is the distance, or its square, from row i to row j, 0 where i = j.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        If `x` or `x_embedded` is not such an array, their numbers of rows differ, or `n_neighbors` is not an integer
        in 1..n/2, n/2 not included.

    Time O(n^2 (C + log n)), memory O(n C) beside distances given.

    Source: Venna & Kaski 2001, Neighborhood preservation in nonlinear projection methods, equation 1.
    """
    check_choice(metric, "metric", ("euclidean", "precomputed"))
    if metric == "precomputed":
        x = check_distances(x)  # (n, n)
    else:
        x = check_data(x, any_unit=True).astype(np.float64)  # (n, C)
        x /= unit_of(x)
        data = operations().lay_out(x)
    x_embedded = check_data(x_embedded, "x_embedded", any_unit=True).astype(np.float64)  # (n, d)
    x_embedded /= unit_of(x_embedded)
    embedded = operations().lay_out(x_embedded)
    check_same_length(x, "x", x_embedded, "x_embedded")
    n_samples = len(x)
    n_neighbors = check_integer(n_neighbors, "n_neighbors", low=1)
    if 2 * n_neighbors >= n_samples:
        raise ValueError(f"n_neighbors = {n_neighbors}, expected less than half the number of rows, {n_samples}")

    excess = 0
    for rows in row_blocks(n_samples, n_samples):
        distances = x[rows].copy() if metric == "precomputed" else operations().squared_distances(x[rows], data)
        order = _others_by_distance(distances, rows)  # (b, n)
        ranks = np.empty_like(order)  # (b, n) the inverse permutation: 1 for the nearest
        np.put_along_axis(ranks, order, np.arange(1, n_samples + 1)[None], axis=1)
        distances = operations().squared_distances(x_embedded[rows], embedded)  # (b, n)
        neighbors = _others_by_distance(distances, rows)[:, :n_neighbors]  # (b, k)
        excess += int(np.maximum(np.take_along_axis(ranks, neighbors, axis=1) - n_neighbors, 0).sum())
    return 1 - 2 * excess / (n_samples * n_neighbors * (2 * n_samples - 3 * n_neighbors - 1))


def _others_by_distance(distances, rows):
    """Sort (b, n) distances, those of these rows of all n: (b, n) indices, each row itself last. Overwrites them."""
    distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf
    return np.argsort(distances, axis=1, kind="stable")  # (b, n)
