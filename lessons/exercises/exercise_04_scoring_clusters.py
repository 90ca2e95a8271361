"""Exercises for lesson 4, Scoring clusters. Check them with `python -m minicluster check 04`.

Write each function where it says "your turn", and delete the line that raises. Hints stand at the end of each
docstring, the first one the smallest: read one, try, then read the next.
"""

import numpy as np


def adjusted_rand(table):
    """Compute the adjusted Rand index from a table, without going through pairs. Core, medium, 15 minutes.

    The lesson listed all pairs. That is slow, and not needed: n samples that are together make n (n - 1) / 2 pairs. So
    a cell with 3 samples has 3 pairs that are together in both groupings, and a class with 4 samples has 6 pairs. Let A
    be the number of pairs together in a class, B those together in a cluster, S those together in both, N all pairs of
    samples. Return

        (S - A B / N) / ((A + B) / 2 - A B / N)

    By hand: [[1, 0, 2], [2, 0, 0], [0, 1, 0]] has classes of 3, 2 and 1 samples, so A = 3 + 1 + 0 = 4; clusters of 3,
    1 and 2, so B = 4; S = 1 + 1 = 2, from the two cells with 2 samples; and N = 15. The answer is 14/44 = 0.318.

    Parameters
    ----------
    table : (classes, clusters) int64
        How many samples each class and each cluster share.

    Returns
    -------
    float
        A and B are never both 0 or both N, so that there is no division by 0.

    Hints
    -----
    1. What are the sizes of the classes? A sum over one axis of the table. And those of the clusters?
    2. A small helper, `pairs = lambda n: n * (n - 1) / 2`, works for whole arrays.
    3. `pairs(table).sum()` is S. A is the same with `table.sum(axis=1)`, B with the other axis, N with `table.sum()`.
    """
    raise NotImplementedError("your turn")


def deal_units(group, unit, seed):
    """Deal units into groups at random, to see what chance would score. Core, medium, 15 minutes.

    Samples come in units that stay whole: the strings of a pattern, the images of a patient. All samples of a unit are
    of one group: the pattern's task, the patient's diagnosis. Give each unit a new group, by chance, so that

    - all samples of a unit get the same group,
    - each group has as many units as it had (perhaps of other sizes),
    - which units are in it is random, any order of the units' groups as likely as any other.

    Example: patients 7, 7, 3, 9, 9 with diagnoses 0, 0, 1, 0, 0. Patients 7 and 9 have 0, patient 3 has 1. There are
    three deals: the 1 can go to 3, to 7 or to 9. If it goes to 7, the answer is 1, 1, 0, 0, 0.

    Parameters
    ----------
    group : (n,) int
        The group of each sample.
    unit : (n,) int
        The unit of each sample, as any whole numbers, in any order.
    seed : int
        Take all chance from `rng = np.random.default_rng(seed)`, so that the same seed makes the same deal. Then
        `rng.permutation(array)` is a copy of the array in random order.

    Returns
    -------
    (n,) int
        The new group of each sample.

    Hints
    -----
    1. What is to be put into random order: something with n entries, or something with one entry a unit?
    2. Make a list of the units, and one of their groups, then shuffle the second.
    3. `numbers, first, own = np.unique(unit, return_index=True, return_inverse=True)`: the units, where each occurs
       first, and for each sample the place of its unit in `numbers`.
    4. `group[first]` has one entry a unit. Shuffle it, and `[own]` gives each sample that of its unit.
    """
    raise NotImplementedError("your turn")


def silhouettes(x, labels):
    """Say for each sample how well it lies in its cluster. Medium, 20 minutes.

    Let a be its mean distance to the other samples of its cluster. Take its mean distance to the samples of each other
    cluster; the smallest of these is b. The silhouette is (b - a) / max(a, b).

    By hand: on a line, clusters {0, 1}, {5, 7} and {20, 22}. For the sample at 1, a = 1 (itself does not count), b is
    the smaller of (4 + 6) / 2 = 5 and (19 + 21) / 2 = 20, so its silhouette is (5 - 1) / 5 = 0.8.

    Parameters
    ----------
    x : (n, C) float64
        Samples, no two at the same place. Distances are the usual ones: the root of the sum of squares.
    labels : (n,) int
        The cluster of each, from 0 to k - 1. There are two clusters or more, and each has two samples or more.

    Returns
    -------
    (n,) float64

    Hints
    -----
    1. First all distances, (n, n): `x[:, None] - x` has shape (n, n, C).
    2. A loop over the samples is fine. For sample i, the distances to cluster j are `distance[i, labels == j]`.
    3. In a, leave out the distance of the sample to itself. It is 0, so the sum is right already. What must it be
       divided by?
    4. b is the least of the means over all j except `labels[i]`.
    """
    raise NotImplementedError("your turn")
