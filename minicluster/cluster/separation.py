"""Are clusters compact and apart? Scores of a clustering against the data's geometry, with no true classes.

Distances are taken by differences in float64, so data far from 0, or in float32, score what the same rows score near 0.
No score depends on the unit of length.
"""

import numpy as np

from ._operations import operations
from ._rows import row_blocks, unit_of
from ._validation import (
    check_choice,
    check_data,
    check_distances,
    check_integer,
    check_random_state,
    check_same_length,
    encode_labels,
)

METRICS = ("euclidean", "precomputed")


def silhouette_samples(x, labels, *, metric="euclidean"):
    """How much nearer each row is to its own cluster than to the next one.

        a = mean distance to the other rows of its cluster
        b = least of the mean distances to the rows of each other cluster
        silhouette = (b - a) / max(a, b)

    Parameters
    ----------
    x : (n, C) array of real numbers, or (n, n) array of distances
    labels : (n,) array or sequence
        Cluster of each row, of any hashable kind.
    metric : "euclidean" or "precomputed"
        "precomputed": x[i, j] is the distance from row i to row j, of whatever kind, 0 where i = j.

    Returns
    -------
    (n,) float64 array
        In [-1, 1]: 1 deep within its cluster, 0 between two, below 0 nearer to another. 0 for the only row of a
        cluster, and where a and b are both 0.

    Raises
    ------
    TypeError, ValueError
        If `x` is not such an array, labels can't be hashed or are not n, or not 2..n-1 of them are different.

    Time O(n^2 C), memory O(n k) for k clusters.

    Source: Rousseeuw 1987, Silhouettes: a graphical aid to the interpretation and validation of cluster analysis.
    """
    x = _check_by_metric(x, metric)  # (n, C) or (n, n)
    return _silhouettes(x, *_check_labels(x, labels), metric)  # (n,)


def _silhouettes(x, codes, sizes, metric):
    """Silhouettes, (n,), of checked x with the (n,) number of each row's cluster and the (k,) clusters' sizes."""
    if metric == "precomputed":
        sums = _sums_of_columns(x, codes, sizes)  # (n, k)
    else:
        sums = operations().distance_sums(x, codes, len(sizes))  # (n, k)

    own = np.arange(len(x)), codes
    within = sums[own] / np.maximum(sizes[codes] - 1, 1)  # (n,) a: a row is at distance 0 from itself, and not counted
    means = sums / sizes  # (n, k)
    means[own] = np.inf
    between = means.min(axis=1)  # (n,) b
    larger = np.maximum(within, between)  # (n,)
    scored = (sizes[codes] > 1) & (larger > 0)  # (n,)
    return np.divide(between - within, larger, out=np.zeros(len(x)), where=scored)  # (n,)


def silhouette_score(x, labels, *, metric="euclidean", sample_size=None, random_state=None):
    """Mean silhouette of the rows; see silhouette_samples.

    Parameters
    ----------
    x : (n, C) array of real numbers, or (n, n) array of distances
    labels : (n,) array or sequence
        Cluster of each row, of any hashable kind.
    metric : "euclidean" or "precomputed"
    sample_size : int, optional
        Take so many rows at random, all if there are no more, and leave the others out of account altogether.
    random_state : int, numpy.random.Generator or None
        Chooses the sample.

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    TypeError, ValueError
        As silhouette_samples, or if `sample_size` is not an integer of at least 1. 2..m-1 labels must be among the m
        rows of the sample.

    Time O(m^2 C).
    """
    x = _check_by_metric(x, metric)  # (n, C) or (n, n)
    _, labels = encode_labels(labels, "labels")  # (n,)
    check_same_length(x, "x", labels, "labels")
    rng = check_random_state(random_state)
    if sample_size is not None:
        sample_size = check_integer(sample_size, "sample_size", low=1)
        sample = rng.permutation(len(x))[:sample_size]  # (m,)
        labels = labels[sample]  # (m,)
        x = x[np.ix_(sample, sample)] if metric == "precomputed" else x[sample]  # (m, m) or (m, C)
    return float(_silhouettes(x, *_check_labels(x, labels), metric).mean())


def calinski_harabasz_score(x, labels):
    """Scatter of the clusters' means over scatter within clusters, each by its degrees of freedom: the F ratio.

        between = sum over clusters of: size * ||mean of cluster - mean of all||^2
        within  = sum over rows of: ||row - mean of its cluster||^2
        score   = (between / (k - 1)) / (within / (n - k))

    Parameters
    ----------
    x : (n, C) array of real numbers
    labels : (n,) array or sequence
        Cluster of each row, of any hashable kind.

    Returns
    -------
    float
        At least 0, higher for clusters more compact and apart; 1.0 if all rows of each cluster are equal.

    Raises
    ------
    TypeError, ValueError
        If `x` is not such an array, labels can't be hashed or are not n, or not 2..n-1 of them are different.

    Time and memory O(n C).

    Source: Calinski & Harabasz 1974, A dendrite method for cluster analysis.
    """
    x = _check_by_metric(x, "euclidean")  # (n, C)
    codes, sizes = _check_labels(x, labels)  # (n,), (k,)
    first, offset = _means(x, codes, sizes)  # (k, C), (k, C)
    within = np.square(x - first[codes] - offset[codes]).sum()
    means = first - first[0] + offset  # (k, C) as seen from a row, not from 0
    overall = sizes @ means / len(x)  # (C,)
    between = sizes @ np.square(means - overall).sum(axis=1)
    if within == 0:
        return 1.0
    return float((between / (len(sizes) - 1)) / (within / (len(x) - len(sizes))))


def davies_bouldin_score(x, labels):
    """How alike each cluster is to the one most like it, on average: the lower, the better.

        radius of a cluster   = mean distance of its rows from its mean
        likeness of two       = (sum of their radii) / (distance between their means)
        score                 = mean over clusters of the largest likeness to another

    Parameters
    ----------
    x : (n, C) array of real numbers
    labels : (n,) array or sequence
        Cluster of each row, of any hashable kind.

    Returns
    -------
    float
        At least 0. As scikit-learn has it, two clusters with the same mean have likeness 0, not infinity, so the
        score is 0.0 if all means are the same, as it is if all rows of each cluster are equal. The same: within what
        the means may be off by rounding; scikit-learn takes distances below 1e-8 for 0, whatever the data's scale.

    Raises
    ------
    TypeError, ValueError
        If `x` is not such an array, labels can't be hashed or are not n, or not 2..n-1 of them are different.

    Time O(n C + k^2 C), memory O(n C).

    Source: Davies & Bouldin 1979, A cluster separation measure.
    """
    x = _check_by_metric(x, "euclidean")  # (n, C)
    codes, sizes = _check_labels(x, labels)  # (n,), (k,)
    first, offset = _means(x, codes, sizes)  # (k, C), (k, C)
    radius = np.bincount(codes, np.sqrt(np.square(x - first[codes] - offset[codes]).sum(axis=1))) / sizes  # (k,)
    # A sum of up to n differences from the first row may be off by n * eps times their mean size.
    rounding = len(x) * np.finfo(np.float64).eps * (radius + np.sqrt(np.square(offset).sum(axis=1)))  # (k,)
    largest = np.empty(len(sizes))  # (k,)
    for rows in row_blocks(len(sizes), len(sizes)):
        apart = np.zeros((rows.stop - rows.start, len(sizes)))  # (b, k) squared at first
        for f, o in zip(first.T, offset.T):  # (k,), (k,): a feature
            apart += np.square((f[rows, None] - f) + (o[rows, None] - o))
        apart = np.sqrt(apart)
        apart[apart <= rounding[rows, None] + rounding] = np.inf  # the cluster itself among them
        largest[rows] = ((radius[rows, None] + radius) / apart).max(axis=1)
    return float(largest.mean())


def _check_by_metric(x, metric):
    """Return x as (n, C) float64 rows, in a unit that suits them, or (n, n) float64 distances, checked."""
    check_choice(metric, "metric", METRICS)
    if metric == "precomputed":
        return check_distances(x)  # (n, n)
    x = check_data(x, any_unit=True).astype(np.float64)  # (n, C)
    return x / unit_of(x)


def _check_labels(x, labels):
    """Return the (n,) number of each row's cluster and the (k,) clusters' sizes."""
    classes, codes = encode_labels(labels, "labels")
    check_same_length(x, "x", codes, "labels")
    if not 2 <= len(classes) <= len(x) - 1:
        raise ValueError(f"labels has {len(classes)} different labels, expected 2 to n - 1 = {len(x) - 1}")
    return codes, np.bincount(codes)


def _sums_of_columns(distances, codes, sizes):
    """Sum of the columns of each cluster: (n, n) to (n, k)."""
    order = np.argsort(codes, kind="stable")  # (n,)
    starts = np.cumsum(sizes) - sizes  # (k,)
    sums = np.empty((len(distances), len(sizes)))  # (n, k)
    for rows in row_blocks(*distances.shape):
        sums[rows] = np.add.reduceat(distances[rows][:, order], starts, axis=1)
    return sums


def _means(x, codes, sizes):
    """Mean of each cluster in two parts, both (k, C): its first row, and the mean difference of its rows from it.

    So a mean of equal rows is that row exactly, and far from 0 it has digits beyond those of the rows. First parts are
    to be compared with one another, or with rows, before the second parts are added.
    """
    order = np.argsort(codes, kind="stable")  # (n,) the rows of a cluster come together
    starts = np.cumsum(sizes) - sizes  # (k,)
    first = x[order[starts]]  # (k, C)
    differences = (x - first[codes])[order]  # (n, C)
    return first, np.add.reduceat(differences, starts, axis=0) / sizes[:, None]  # (k, C), (k, C)
