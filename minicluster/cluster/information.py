"""Do two labellings of the same samples agree? Scores of information: how much one says about the other.

Logarithms are natural, so information is in nats. A labelling's entropy H is what one learns from being told a sample's
label; the mutual information I of two is what the label of one tells about the label of the other.

Time O(n log n) and memory O(n) for all but the adjusted score, which says its own.
"""

import math

import numpy as np

from ._expected_information import expected_mutual_information
from ._validation import check_choice, check_number
from .metrics import Overlaps, count_overlaps

AVERAGES = {
    "min": min,
    "geometric": lambda first, second: math.sqrt(first * second),
    "arithmetic": lambda first, second: (first + second) / 2,
    "max": max,
}

LARGEST_SQUARE = 2**31  # a number of samples to this has a square, and twice that, within int64


def mutual_info_score(labels_true, labels_pred, *, contingency=None):
    """What the cluster of a sample tells about its class, in nats.

        I = sum over classes and clusters of: shared/n * log(n * shared / (class_size * cluster_size))

    Neither normalised nor adjusted for chance.

    Parameters
    ----------
    labels_true, labels_pred : (n,) arrays or sequences
        Labels of any hashable kind. Not looked at if `contingency` is given.
    contingency : (number of classes, number of clusters) array of whole numbers, optional
        How many samples each pair of a class and a cluster shares, as from contingency_matrix.

    Returns
    -------
    float
        At least 0; 0.0 exactly if shares are as independence has them, or there is only one class or cluster.

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length, at least 1, of labels that can be hashed, or
        `contingency` is not a 2-D array of whole numbers, none negative, some above 0.

    Source: Shannon 1948, A mathematical theory of communication; as a score: Strehl & Ghosh 2002, Cluster ensembles.
    """
    if contingency is None:
        overlaps = count_overlaps(labels_true, labels_pred, allow_empty=False)
    else:
        overlaps = _overlaps_of_table(contingency)
    information, _, _ = _information(overlaps)
    return information


def normalized_mutual_info_score(labels_true, labels_pred, *, average_method="arithmetic"):
    """Mutual information as a share of the mean of the two entropies.

    Not adjusted for chance: with many small clusters random labels score well above 0.

    Parameters
    ----------
    labels_true, labels_pred : (n,) arrays or sequences
        Labels of any hashable kind.
    average_method : "min", "geometric", "arithmetic" or "max"
        The mean.

    Returns
    -------
    float
        In [0, 1]; 1.0 for the same partition, also where its entropy is 0; 0.0 if only one of the two has entropy 0.

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length of labels that can be hashed, or `average_method` is
        another.

    Source: Vinh, Epps & Bailey 2010, JMLR 11, table 2.
    """
    check_choice(average_method, "average_method", AVERAGES)
    overlaps = count_overlaps(labels_true, labels_pred)
    if overlaps.homogeneous() and overlaps.complete():
        return 1.0
    information, class_entropy, cluster_entropy = _information(overlaps)
    if information == 0:
        return 0.0
    return information / AVERAGES[average_method](class_entropy, cluster_entropy)


def adjusted_mutual_info_score(labels_true, labels_pred, *, average_method="arithmetic"):
    """Mutual information adjusted for chance: 1 for the same partition, 0 on average for random labels.

        AMI = (I - expected I) / (mean of the entropies - expected I)

    where the expected information is the mean over random labellings with the same sizes.

    Parameters
    ----------
    labels_true, labels_pred : (n,) arrays or sequences
        Labels of any hashable kind.
    average_method : "min", "geometric", "arithmetic" or "max"
        The mean.

    Returns
    -------
    float
        At most 1, below 0 where labels share less than by chance. 1.0 for the same partition, also where nothing can
        vary; else 0.0 if one labelling has all samples together. If one has each sample on its own, all labellings
        of the other's sizes share as much: 0.0 then, but 1.0 with "min", where that is the most there can be.

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length of labels that can be hashed, or `average_method` is
        another.

    Time: O(n log n) for the labels, and for the expected information O(the sum over pairs of a class size and a
    cluster size, different ones only, of the standard deviation of the overlap).

    Source: Vinh, Epps & Bailey 2010, JMLR 11, table 2 and section 4.
    """
    check_choice(average_method, "average_method", AVERAGES)
    overlaps = count_overlaps(labels_true, labels_pred)
    if overlaps.homogeneous() and overlaps.complete():
        return 1.0
    if min(len(overlaps.class_sizes), len(overlaps.cluster_sizes)) == 1:
        return 0.0
    information, class_entropy, cluster_entropy = _information(overlaps)
    most = AVERAGES[average_method](class_entropy, cluster_entropy)
    if overlaps.class_sizes.max() == 1 or overlaps.cluster_sizes.max() == 1:  # I is the same however they are dealt
        return 1.0 if information == most else 0.0
    expected = expected_mutual_information(overlaps.class_sizes, overlaps.cluster_sizes)
    return (information - expected) / (most - expected)


def homogeneity_completeness_v_measure(labels_true, labels_pred, *, beta=1.0):
    """Three scores at once: are clusters of one class, are classes in one cluster, and both.

        homogeneity  = I / H(classes)    what clusters tell of all there is to know about classes
        completeness = I / H(clusters)   the same the other way round
        V = (1 + beta) * homogeneity * completeness / (beta * homogeneity + completeness)

    V with beta = 1 is the harmonic mean of the two, and the same as normalized_mutual_info_score.

    Parameters
    ----------
    labels_true : (n,) array or sequence
        Classes, of any hashable kind.
    labels_pred : (n,) array or sequence
        Clusters, of any hashable kind.
    beta : float
        How much weight completeness has, compared with homogeneity; at least 0.

    Returns
    -------
    homogeneity, completeness, v_measure : float
        Each in [0, 1]. Homogeneity is 1.0 if there is only one class, completeness if there is only one cluster; V is
        0.0 if both are 0.

    Raises
    ------
    TypeError, ValueError
        If the labels are not two sequences of the same length of labels that can be hashed, or `beta` is not a number
        of at least 0.

    Source: Rosenberg & Hirschberg 2007, V-measure: a conditional entropy-based external cluster evaluation measure.
    """
    beta = check_number(beta, "beta", least=0)
    information, class_entropy, cluster_entropy = _information(count_overlaps(labels_true, labels_pred))
    homogeneity = information / class_entropy if class_entropy else 1.0
    completeness = information / cluster_entropy if cluster_entropy else 1.0
    weighted = beta * homogeneity + completeness
    if weighted == 0:  # both are 0, or completeness is and beta, which makes V homogeneity
        return homogeneity, completeness, homogeneity
    return homogeneity, completeness, (1 + beta) * homogeneity * completeness / weighted


def homogeneity_score(labels_true, labels_pred):
    """Are clusters of one class only? The first of homogeneity_completeness_v_measure, from the same arguments."""
    return homogeneity_completeness_v_measure(labels_true, labels_pred)[0]


def completeness_score(labels_true, labels_pred):
    """Are classes in one cluster only? The second of homogeneity_completeness_v_measure, from the same arguments."""
    return homogeneity_completeness_v_measure(labels_true, labels_pred)[1]


def v_measure_score(labels_true, labels_pred, *, beta=1.0):
    """Both in one number: the third of homogeneity_completeness_v_measure, from the same arguments."""
    return homogeneity_completeness_v_measure(labels_true, labels_pred, beta=beta)[2]


def _information(overlaps):
    """Return the mutual information and the two entropies, in nats; the first never above either of the others."""
    shared, rows, columns, class_sizes, cluster_sizes = overlaps
    class_entropy = _shared_information(class_sizes, class_sizes, class_sizes)  # what a labelling tells about itself
    cluster_entropy = _shared_information(cluster_sizes, cluster_sizes, cluster_sizes)
    # If clusters tell all about classes, I is H(classes): the same number, not one that differs in the last digit.
    if overlaps.homogeneous():
        return class_entropy, class_entropy, cluster_entropy
    if overlaps.complete():
        return cluster_entropy, class_entropy, cluster_entropy
    information = _shared_information(shared, class_sizes[rows], cluster_sizes[columns])
    return min(max(information, 0.0), class_entropy, cluster_entropy), class_entropy, cluster_entropy


def _shared_information(shared, class_sizes, cluster_sizes):
    """Sum of shared/n * log(n * shared / (class_size * cluster_size)).

    The logarithm is taken as log1p of a difference of whole numbers. Near independence the quotient is near 1, and its
    own rounding would be most of its logarithm; so the sum is right to an absolute error of about 1e-16 times
    the sizes of its terms, and exactly 0 for shares as independence has them. fsum makes it the same in any order.

    Parameters
    ----------
    shared, class_sizes, cluster_sizes : (p,) arrays of whole numbers
        For each nonzero cell: its count, and the sizes of its class and of its cluster.

    Returns
    -------
    float
    """
    n = sum(shared.tolist())
    if n > LARGEST_SQUARE:  # products in Python ints
        shared, class_sizes, cluster_sizes = (each.astype(object) for each in (shared, class_sizes, cluster_sizes))
    product = class_sizes * cluster_sizes  # (p,) n times what independence would have
    surplus = (n * shared - product) / product  # (p,)
    return math.fsum((shared / n) * np.log1p(surplus.astype(np.float64)))


def _overlaps_of_table(contingency):
    """Return the Overlaps in a contingency table, checked."""
    try:
        table = np.asarray(contingency)
    except ValueError:  # NumPy's own message does not name the argument
        raise ValueError("contingency has rows of different lengths, expected (classes, clusters)") from None
    if table.dtype.kind not in "iuf":
        raise TypeError(f"contingency has dtype {table.dtype}, expected whole numbers")
    if table.ndim != 2:
        raise ValueError(f"contingency has shape {table.shape}, expected (classes, clusters)")
    wrong = ~((table >= 0) & (table < np.inf) & (table == np.floor(table)))  # (classes, clusters)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(f"contingency[{row}, {column}] = {table[row, column]}, expected whole numbers, at least 0")
    if not table.any():
        raise ValueError(f"contingency of shape {table.shape} counts no sample, expected at least one")
    table = table[table.any(axis=1)][:, table.any(axis=0)]  # (classes, clusters) without empty ones
    if table.max() > LARGEST_SQUARE:
        table = np.frompyfunc(int, 1, 1)(table)  # Python ints, whose sums do not overflow
    else:
        table = table.astype(np.int64)
    rows, columns = np.nonzero(table)  # (p,), (p,)
    return Overlaps(table[rows, columns], rows, columns, table.sum(axis=1), table.sum(axis=0))
