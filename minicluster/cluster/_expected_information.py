"""The mutual information that random labellings share: what chance alone would score."""

import math

import numpy as np

from ._rows import row_blocks

# Sizes of an overlap that together are rarer than 2 * exp(-RARE) = 2e-26 are left out: float64 adds nothing from 1e-16.
RARE = 60


def expected_mutual_information(class_sizes, cluster_sizes):
    """Mean mutual information of random labellings that have these sizes.

    Deal n samples into the clusters at random, and call h the number of samples that a class of size a and a cluster
    of size b then share. Of all comb(n, a) ways to choose the class, those with h samples in the cluster and
    a - h outside are comb(b, h) * comb(n - b, a - h) (the hypergeometric distribution):

        P(h) = comb(b, h) * comb(n - b, a - h) / comb(n, a)

    Mutual information is a sum over pairs of a class and a cluster, and the mean of a sum is the sum of the means:

        EMI = sum over the pairs of: sum over h of P(h) * h/n * log(n * h / (a * b))

    A pair's part depends on its two sizes only, so equal sizes are done once.

    The binomials overflow, and logs of factorials are large numbers whose small difference is wanted: at
    n = 1,000,000 they reach 1.3e7, and P(h) has an error of 1e-9. But neighbours have a simple ratio, in which
    the binomials cancel to whole numbers:

        P(h + 1) / P(h) = (a - h) * (b - h) / ((h + 1) * (n - a - b + h + 1))

    So begin at the most frequent h, its mode, give it weight 1, and multiply outwards, where weights only fall. They
    are proportional to P, and as probabilities sum to 1, dividing by their sum makes them P.

    Parameters
    ----------
    class_sizes, cluster_sizes : (number of classes,), (number of clusters,) int64 arrays
        Both sum to n, at most 2**31; none is 0.

    Returns
    -------
    float
        In nats.

    Time: O(the sum over pairs of different sizes of the standard deviation of h).

    Source: Vinh, Epps & Bailey 2010, Information theoretic measures for clusterings comparison, JMLR 11, equation 24a;
    by ratios and from the mode outwards: ours.
    """
    n = int(class_sizes.sum())
    few, many = sorted((class_sizes, cluster_sizes), key=lambda sizes: len(np.unique(sizes)))
    many_sizes, many_counts = np.unique(many, return_counts=True)  # (d,), (d,)
    parts = []
    for a, count in zip(*np.unique(few, return_counts=True)):
        reach = _reach(n, a, many_sizes)
        for block in row_blocks(len(many_sizes), 2 * reach + 1):
            parts.extend(count * many_counts[block] * _expected_parts(n, a, many_sizes[block], reach))
    return math.fsum(parts)


def _reach(n, a, b):
    """How far from the mode to go, for all of these b: an int.

    Bernstein's inequality for a draw without replacement (Hoeffding 1963, sections 2 and 6), with the binomial
    variance: P(|h - mean| >= t) <= 2 * exp(-t^2 / (2 * (variance + t/3))). The exponent is -RARE at the t below.
    """
    variance = (a * (b / n) * (1 - b / n)).max()
    t = RARE / 3 + math.sqrt((RARE / 3) ** 2 + 2 * RARE * variance)
    return min(math.ceil(t) + 1, int(a), int(b.max()))  # 1 more, as the mode is within 1 of the mean


def _expected_parts(n, a, b, reach):
    """Mean of h/n * log(n * h / (a * b)) for a class of size a and each of some clusters: (d,).

    Parameters
    ----------
    n, a : int
    b : (d,) int64 array
    reach : int
        How many values of h to take on either side of the mode.

    Returns
    -------
    (d,) float64 array
    """
    b = b[:, None]  # (d, 1)
    mode = (a + 1) * (b + 1) // (n + 2)  # (d, 1)
    steps = np.arange(reach)  # (reach,)

    # Past either end of the possible h a factor is 0 and, as negative ones are taken for 0, all weights from there on.
    h = mode + steps  # (d, reach) P(h + 1) / P(h)
    rising = np.maximum(a - h, 0) * np.maximum(b - h, 0) / ((h + 1) * (n - a - b + h + 1))  # (d, reach)
    h = mode - steps  # (d, reach) P(h - 1) / P(h): the ratio above for h - 1, upside down
    falling = np.maximum(h, 0) * np.maximum(n - a - b + h, 0) / ((a - h + 1) * (b - h + 1))  # (d, reach)
    weights = np.concatenate(
        [np.cumprod(falling, axis=1)[:, ::-1], np.ones((len(b), 1)), np.cumprod(rising, axis=1)], axis=1
    )  # (d, 2 * reach + 1)

    h = mode + np.arange(-reach, reach + 1)  # (d, 2 * reach + 1)
    # log(n h / (a b)) as log1p of a difference of whole numbers: near independence the quotient is near 1, and its
    # own rounding would be most of its logarithm. h = 0 counts nothing, so any finite logarithm will do there.
    product = a * b  # (d, 1)
    information = np.log1p((n * np.maximum(h, 1) - product) / product)  # (d, 2 * reach + 1)
    return (weights * h * information).sum(axis=1) / weights.sum(axis=1) / n  # (d,)
