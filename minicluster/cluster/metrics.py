"""Do two labellings of the same samples agree? The contingency table, and scores that count pairs of samples.

All numbers of pairs are Python ints: products of two reach n**4 / 4, which is 2.5e23 at n = 1,000,000, while int64 ends
at 9.2e18 and float64 holds 16 of those digits. So a score is the exact value rounded once.

Time O(n log n) for all, for sorting the labels; memory O(n), but for the contingency table itself.
"""

import math
from typing import NamedTuple

import numpy as np

from ._validation import check_number, check_same_length, encode_labels


class Overlaps(NamedTuple):
    """Who shares how much: the p nonzero cells of a contingency table, and the sizes of its rows and columns.

    With n classes and n clusters the table has n * n cells, of which at most n are not zero.
    """

    shared: np.ndarray  # (p,) samples that a class and a cluster share
    rows: np.ndarray  # (p,) the class of each
    columns: np.ndarray  # (p,) the cluster of each
    class_sizes: np.ndarray  # (number of classes,)
    cluster_sizes: np.ndarray  # (number of clusters,)

    def homogeneous(self):
        """Whether each cluster has samples of one class only."""
        return len(self.shared) == len(self.cluster_sizes)

    def complete(self):
        """Whether each class has its samples in one cluster only."""
        return len(self.shared) == len(self.class_sizes)


def contingency_matrix(labels_true, labels_pred, *, eps=None, dtype=np.int64):
    """Count how many samples each pair of a class and a cluster shares.

    Parameters
    ----------
    labels_true : (n,) array or sequence
        Classes, of any hashable kind.
    labels_pred : (n,) array or sequence
        Clusters, of any hashable kind.
    eps : float, optional
        Added to every count, so that none is 0; the table is float64 then.
    dtype : NumPy dtype of integers or floats
        The table's, unless `eps` is given.

    Returns
    -------
    (number of classes, number of clusters) array
        Rows and columns in the sorted order of the labels (in order of appearance where they can't be compared).

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length of labels that can be hashed, `eps` is not a number of
        at least 0, or a count is too large for `dtype`.
    """
    overlaps = count_overlaps(labels_true, labels_pred)
    shape = len(overlaps.class_sizes), len(overlaps.cluster_sizes)
    if eps is not None:
        eps = check_number(eps, "eps", least=0)
        dtype = np.float64
    dtype = np.dtype(dtype)
    if dtype.kind not in "iuf":
        raise TypeError(f"dtype = {dtype}, expected one of integers or floats")
    largest = overlaps.shared.max(initial=0)
    if dtype.kind != "f" and largest > np.iinfo(dtype).max:
        raise ValueError(f"dtype = {dtype}, expected one that holds the largest count, {largest}")
    table = np.zeros(shape, dtype)  # (classes, clusters)
    table[overlaps.rows, overlaps.columns] = overlaps.shared
    return table if eps is None else table + eps


def count_overlaps(labels_true, labels_pred, allow_empty=True):
    """Return the Overlaps of two labellings of the same samples."""
    _, class_codes = encode_labels(labels_true, "labels_true", allow_empty)
    clusters, cluster_codes = encode_labels(labels_pred, "labels_pred", allow_empty)
    check_same_length(class_codes, "labels_true", cluster_codes, "labels_pred")
    cells, shared = np.unique(class_codes * len(clusters) + cluster_codes, return_counts=True)  # (p,), (p,)
    rows, columns = np.divmod(cells, max(len(clusters), 1))  # (p,), (p,)
    return Overlaps(shared.astype(np.int64), rows, columns, np.bincount(class_codes), np.bincount(cluster_codes))


def rand_score(labels_true, labels_pred):
    """The Rand index: the share of pairs of samples on which the labellings agree, together in both or apart in both.

    Not adjusted for chance: with many clusters most pairs are apart in both, and random labels score near 1.

    Parameters
    ----------
    labels_true, labels_pred : (n,) arrays or sequences
        Labels of any hashable kind.

    Returns
    -------
    float
        In [0, 1]; 1.0 for the same partition, also where there is no pair.

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length of labels that can be hashed.

    Source: Rand 1971, Objective criteria for the evaluation of clustering methods.
    """
    shared_pairs, class_pairs, cluster_pairs, all_pairs = _count_pairs_of(labels_true, labels_pred)
    if all_pairs == 0:
        return 1.0
    disagreements = class_pairs + cluster_pairs - 2 * shared_pairs  # together in one of them only
    return (all_pairs - disagreements) / all_pairs


def adjusted_rand_score(labels_true, labels_pred):
    """The Rand index adjusted for chance: 1 for the same partition, 0 on average for random labels.

    Of all pairs of samples, some are together in a class, some together in a cluster, some in both. The index is
    the last number minus its mean over random labellings with the same sizes, as a share of the most it could be:

        expected = class_pairs * cluster_pairs / all_pairs
        ARI = (shared_pairs - expected) / ((class_pairs + cluster_pairs) / 2 - expected)

    It is symmetric, does not see the labels' names, lies in [-1/2, 1], and is the exact value rounded once.

    Parameters
    ----------
    labels_true, labels_pred : (n,) arrays or sequences
        Labels of any hashable kind.

    Returns
    -------
    float
        1.0 also where nothing can vary: both labellings put all samples together, or both put each on its own, or
        there are none.

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length of labels that can be hashed.

    Source: Hubert & Arabie 1985, Comparing partitions, Journal of Classification 2, equation 5.
    """
    return adjusted_rand_from_pairs(*_count_pairs_of(labels_true, labels_pred))


def fowlkes_mallows_score(labels_true, labels_pred):
    """The geometric mean of two shares: of pairs together in a class, and of pairs together in a cluster, in both.

        FM = shared_pairs / sqrt(class_pairs * cluster_pairs)

    Not adjusted for chance.

    Parameters
    ----------
    labels_true, labels_pred : (n,) arrays or sequences
        Labels of any hashable kind.

    Returns
    -------
    float
        In [0, 1]; 0.0 where no pair is together in both, even if that is because each sample is on its own.

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length of labels that can be hashed.

    Source: Fowlkes & Mallows 1983, A method for comparing two hierarchical clusterings.
    """
    shared_pairs, class_pairs, cluster_pairs, _ = _count_pairs_of(labels_true, labels_pred)
    if shared_pairs == 0:
        return 0.0
    return math.sqrt(shared_pairs**2 / (class_pairs * cluster_pairs))  # of whole numbers, so 1.0 if they are equal


def _count_pairs_of(labels_true, labels_pred):
    """Return how many pairs of samples are together in both labellings, in the first, in the second, and all."""
    overlaps = count_overlaps(labels_true, labels_pred)
    return (
        count_pairs(overlaps.shared),
        count_pairs(overlaps.class_sizes),
        count_pairs(overlaps.cluster_sizes),
        count_pairs(overlaps.shared.sum(keepdims=True)),
    )


def count_pairs(sizes):
    """Number of pairs within groups of these sizes, as a Python int: the sum of size * (size - 1) / 2."""
    sizes = sizes.astype(np.int64)  # sums stay below n * n / 2, so below 2**63 for n up to 4e9
    return int((sizes * (sizes - 1) // 2).sum())


def adjusted_rand_from_pairs(shared_pairs, class_pairs, cluster_pairs, all_pairs):
    """The adjusted Rand index from four numbers of pairs.

    Parameters
    ----------
    shared_pairs, class_pairs, cluster_pairs, all_pairs : int
        Pairs of samples together in both labellings, in the first, in the second, and all. Python ints, because
        floats have too few digits for the difference below when it is near 0.

    Returns
    -------
    float
    """
    # Both sides of the fraction times 2 * all_pairs: whole numbers, so only the last division rounds.
    expected = class_pairs * cluster_pairs  # times all_pairs
    numerator = 2 * (shared_pairs * all_pairs - expected)
    denominator = (class_pairs + cluster_pairs) * all_pairs - 2 * expected
    if denominator == 0:  # only if both are all together or both all apart, thus the same partition
        return 1.0
    return numerator / denominator
