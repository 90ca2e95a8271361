"""Do two labellings of the same samples agree?"""

import numpy as np

from ._validation import check_same_length, encode_labels


def contingency_matrix(labels_true, labels_pred):
    """Count how many samples each pair of a class and a cluster shares.

    Parameters
    ----------
    labels_true : (n,) array or sequence
        Classes, of any hashable kind.
    labels_pred : (n,) array or sequence
        Clusters, of any hashable kind.

    Returns
    -------
    (number of classes, number of clusters) int64 array
        Rows and columns in the sorted order of the labels (in order of appearance where they can't be compared).

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length, at least 1, of labels that can be hashed.
    """
    classes, class_codes, clusters, cluster_codes = _encode_both(labels_true, labels_pred)
    cell = class_codes * len(clusters) + cluster_codes  # (n,) place in the flattened table
    counts = np.bincount(cell, minlength=len(classes) * len(clusters))  # (classes * clusters,)
    return counts.astype(np.int64).reshape(len(classes), len(clusters))  # (classes, clusters)


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
        1.0 also where nothing can vary: both labellings put all samples together, or both put each on its own.

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length, at least 1, of labels that can be hashed.

    Source: Hubert & Arabie 1985, Comparing partitions, Journal of Classification 2, equation 5.
    """
    _, class_codes, clusters, cluster_codes = _encode_both(labels_true, labels_pred)
    # The table's nonzero cells only: with n classes and n clusters, the whole table would have n * n.
    _, shared_sizes = np.unique(class_codes * len(clusters) + cluster_codes, return_counts=True)
    return adjusted_rand_from_pairs(
        count_pairs(shared_sizes),
        count_pairs(np.bincount(class_codes)),
        count_pairs(np.bincount(cluster_codes)),
        count_pairs(np.array([len(class_codes)])),
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
        products of two reach n**4 / 4, which is 2.5e23 at n = 1,000,000: int64 ends at 9.2e18, and float64 holds
        16 of those digits, too few for the difference below when it is near 0.

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


def _encode_both(labels_true, labels_pred):
    """Return classes, class codes, clusters and cluster codes of two labellings of the same samples."""
    classes, class_codes = encode_labels(labels_true, "labels_true")
    clusters, cluster_codes = encode_labels(labels_pred, "labels_pred")
    check_same_length(class_codes, "labels_true", cluster_codes, "labels_pred")
    return classes, class_codes, clusters, cluster_codes
