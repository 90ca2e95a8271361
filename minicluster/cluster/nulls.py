"""What a score is worth: the same score where, by construction, there is nothing to find."""

import numpy as np

from ._rows import row_blocks
from ._validation import check_integer, check_random_state, check_same_length, encode_labels
from .metrics import adjusted_rand_from_pairs, count_pairs


def regrouping_null(labels_pred, subgroups, groups, *, n_draws=1000, seed=0):
    """Adjusted Rand scores against pseudo-groups: the subgroups dealt into groups at random.

    Clusters that follow subgroups agree with any grouping of whole subgroups, so clusters of subgroups score well
    above 0 against groups that mean nothing. A claim that clusters follow *these* groups must beat this null's upper
    end, not 0. For 10 groups of 4 subgroups, all of one large size, perfect clusters by group score 3/13 = .23 on
    average and about .3 at the 99th percentile.

    Parameters
    ----------
    labels_pred : (n,) array or sequence
        Clusters, of any hashable kind.
    subgroups : (n,) integer array or sequence
        Subgroup of each sample, in 0..P-1.
    groups : (P,) array or sequence
        Group of each subgroup, of any hashable kind. A pseudo-group has as many subgroups as its group.
    n_draws : int
    seed : int, numpy.random.Generator or None

    Returns
    -------
    (n_draws,) float64 array
        The score of `labels_pred` against the pseudo-groups of each draw.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind, lengths differ, or a subgroup is not in 0..P-1.

    O(n + n_draws k P G) time for k clusters, P subgroups and G groups; blocks of memory.

    Source: ours; a permutation test that permutes the subgroups, because these, not the samples, are independent.
    """
    n_draws = check_integer(n_draws, "n_draws", low=1)
    rng = check_random_state(seed, "seed")
    clusters, cluster_codes = encode_labels(labels_pred, "labels_pred")
    group_names, group_codes = encode_labels(groups, "groups")
    subgroups = np.asarray(subgroups)
    if subgroups.ndim != 1 or subgroups.dtype.kind not in "iu":
        raise TypeError(f"subgroups has shape {subgroups.shape} and dtype {subgroups.dtype}, expected (n,) integers")
    check_same_length(cluster_codes, "labels_pred", subgroups, "subgroups")
    if subgroups.min() < 0 or subgroups.max() >= len(group_codes):
        wrong = subgroups[(subgroups < 0) | (subgroups >= len(group_codes))][0]
        raise ValueError(f"subgroups holds {wrong}, expected 0..{len(group_codes) - 1}: a place in groups")
    subgroups = subgroups.astype(np.int64)  # (n,)

    # The score needs only the table clusters x groups, and a draw's table sums columns of the table clusters x
    # subgroups, those that were dealt together. One product with 0s and 1s does it, in float64 for speed: exact,
    # since counts stay below 2**53. k clusters, P subgroups, G groups, b draws at a time.
    n_clusters, n_subgroups, n_groups = len(clusters), len(group_codes), len(group_names)
    cell = cluster_codes * n_subgroups + subgroups  # (n,) place in the flattened table
    table = np.bincount(cell, minlength=n_clusters * n_subgroups).reshape(n_clusters, n_subgroups)  # (k, P)
    table = table.astype(np.float64)
    sizes = table.sum(axis=0)  # (P,)
    cluster_pairs = count_pairs(table.sum(axis=1))
    all_pairs = count_pairs(table.sum(keepdims=True))

    scores = np.empty(n_draws)  # (n_draws,)
    for block in row_blocks(n_draws, n_groups * (n_subgroups + n_clusters)):
        dealt = rng.permuted(np.tile(group_codes, (block.stop - block.start, 1)), axis=1)  # (b, P)
        member = (dealt[:, :, None] == np.arange(n_groups)).astype(np.float64)  # (b, P, G)
        tables = table @ member  # (b, k, G)
        pseudo_sizes = sizes @ member  # (b, G)
        scores[block] = [
            adjusted_rand_from_pairs(count_pairs(shared), count_pairs(group), cluster_pairs, all_pairs)
            for shared, group in zip(tables, pseudo_sizes)
        ]
    return scores
