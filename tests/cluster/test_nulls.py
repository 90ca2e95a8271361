"""regrouping_null: every draw against an enumeration, its mean against pairs counted by hand, and misuse.

Wrong versions that some test here fails on: samples dealt instead of subgroups; groups drawn with replacement, so
that their sizes change; the same deal in every draw; the true grouping left out or always in.
"""

from itertools import permutations
from math import comb

import numpy as np
import pytest

from minicluster.cluster import _rows, adjusted_rand_score, regrouping_null

GROUPS = np.repeat(np.arange(10), 4)  # 10 groups of 4 subgroups


def equal_subgroups(size):
    return np.repeat(np.arange(40), size)  # (40 * size,)


@pytest.mark.parametrize("groups", [["a", "a", "b", "b"], ["a", "b", "b", "b"]])
def test_draws_are_the_scores_of_all_regroupings_equally_often(groups):
    rng = np.random.default_rng(1)
    subgroups = rng.integers(4, size=37)  # of unequal sizes
    labels = [f"cluster {label}" for label in rng.integers(3, size=37)]
    scores = regrouping_null(labels, subgroups, groups, n_draws=2400)
    assert scores.shape == (2400,) and scores.dtype == np.float64
    possible = [adjusted_rand_score(np.array(deal)[subgroups], labels) for deal in permutations(groups)]
    values, of_24 = np.unique(possible, return_counts=True)
    assert len(values) >= 3
    found, counts = np.unique(scores, return_counts=True)
    np.testing.assert_array_equal(found, values)  # exact: the same integers divided
    # A count is binomial with mean 100 * of_24, and a standard deviation below its square root; 5 of these.
    assert (abs(counts - 100 * of_24) < 5 * np.sqrt(100 * of_24)).all()


@pytest.mark.parametrize("size", [5, 15, 1000])
def test_mean_and_ceiling_by_counting_pairs(size):
    """Perfect clusters by group, 40 subgroups of `size` samples.

    Together in a cluster, and likewise in a pseudo-group, are 10 * comb(4 * size, 2) pairs. Of those in a cluster,
    the 40 * comb(size, 2) in one subgroup stay together in every draw, and the 10 * 6 * size^2 between two subgroups
    do if the other subgroup is one of the 3, out of 39, that are dealt beside the first. For large sizes, in units of
    size^2: 80, 20 and 60 * 3/39 of 800, hence (20 + 60/13 - 8) / (80 - 8) = 3/13 = .23.
    """
    all_pairs, group_pairs, subgroup_pairs = comb(40 * size, 2), 10 * comb(4 * size, 2), 40 * comb(size, 2)
    expected = group_pairs**2 / all_pairs
    mean = (subgroup_pairs + 60 * size**2 * 3 / 39 - expected) / (group_pairs - expected)
    subgroups = equal_subgroups(size)
    labels = GROUPS[subgroups]
    scores = regrouping_null(labels, subgroups, GROUPS, n_draws=2000)
    assert scores.mean() == pytest.approx(mean, abs=5 * scores.std() / np.sqrt(2000))  # 5 standard errors

    # The same clusters against subgroups: all pairs of a subgroup are shared, (20 - 2) / (50 - 2) = .375 when large.
    chance = group_pairs * subgroup_pairs / all_pairs
    ceiling = (subgroup_pairs - chance) / ((group_pairs + subgroup_pairs) / 2 - chance)
    assert adjusted_rand_score(labels, subgroups) == pytest.approx(ceiling, rel=1e-12)  # rounding


def test_the_bar_for_large_subgroups():
    subgroups = equal_subgroups(1000)
    labels = GROUPS[subgroups]
    scores = regrouping_null(labels, subgroups, GROUPS)
    assert len(scores) == 1000
    # A draw that keeps j pairs of subgroups together scores (12 + j) / 72; j is 60/13 on average, and nearly Poisson,
    # for which 9 or 10 is the 99th percentile: .29 or .31. Terms of 1 / size are below .001.
    assert scores.mean() == pytest.approx(3 / 13, abs=0.006)  # 5 standard errors, sqrt(60/13 / 1000) / 72, and .001
    assert 0.28 < np.percentile(scores, 99) < 0.32
    assert adjusted_rand_score(labels, subgroups) == pytest.approx(0.375, abs=0.001)  # terms of 1 / size


def test_labels_that_ignore_subgroups_score_near_0():
    subgroups = equal_subgroups(15)
    labels = np.random.default_rng(0).integers(10, size=600)
    assert abs(regrouping_null(labels, subgroups, GROUPS).mean()) < 0.01  # .22 if clusters followed subgroups


def test_same_seed_same_draws_and_a_generator_moves_on():
    subgroups = equal_subgroups(3)
    labels = GROUPS[subgroups]

    def draw(seed):
        return regrouping_null(labels, subgroups, GROUPS, n_draws=50, seed=seed)

    np.testing.assert_array_equal(draw(4), draw(4))
    np.testing.assert_array_equal(draw(4), draw(np.random.default_rng(4)))
    np.testing.assert_array_equal(regrouping_null(labels, subgroups, GROUPS, n_draws=50), draw(0))
    assert (draw(4) != draw(5)).any()
    generator = np.random.default_rng(4)
    assert (draw(generator) != draw(generator)).any()


def test_blocks_of_draws_do_not_matter(monkeypatch):
    subgroups = equal_subgroups(3)
    labels = np.random.default_rng(0).integers(9, size=120)
    whole = regrouping_null(labels, subgroups, GROUPS, n_draws=100)
    monkeypatch.setattr(_rows, "BLOCK_ENTRIES", 5000)  # 10 draws of 10 x (40 + 9) entries at a time
    np.testing.assert_array_equal(regrouping_null(labels, subgroups, GROUPS, n_draws=100), whole)


def test_a_subgroup_without_samples_may_be_dealt():
    labels = [0, 0, 1, 1]
    scores = regrouping_null(labels, [0, 0, 3, 3], ["a", "b", "b", "a"], n_draws=60)
    # 0 and 3 together: everything in one pseudo-group, 0. Apart: the clusters themselves, 1.
    assert set(scores) == {0.0, 1.0}


def test_the_last_cluster_may_lack_the_last_subgroup():
    assert set(regrouping_null([1, 1, 0, 0], [0, 0, 1, 1], ["a", "b"], n_draws=10)) == {1.0}


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_subgroups_may_be_any_integers(dtype):
    subgroups = equal_subgroups(10)
    labels = GROUPS[subgroups]
    expected = regrouping_null(labels, subgroups, GROUPS, n_draws=5)
    np.testing.assert_array_equal(regrouping_null(labels, subgroups.astype(dtype), GROUPS, n_draws=5), expected)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (([0, 1], [0, 1, 1], [0, 1]), ValueError, "subgroups has 3 entries, expected 2 as labels_pred has"),
        (([0, 1], [0, 2], [0, 1]), ValueError, r"subgroups holds 2, expected 0\.\.1: a place in groups"),
        (([0, 1], [-1, 0], [0, 1]), ValueError, "subgroups holds -1"),
        (([0, 1], [0.0, 1.0], [0, 1]), TypeError, r"subgroups has shape \(2,\) and dtype float64"),
        (([0, 1], [[0, 1]], [0, 1]), TypeError, r"subgroups has shape \(1, 2\)"),
        (([], [], [0]), ValueError, "labels_pred is empty"),
        (([0], [0], []), ValueError, "groups is empty"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        regrouping_null(*arguments)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"n_draws": 0}, ValueError, "n_draws = 0, expected at least 1"),
        ({"n_draws": 10.0}, TypeError, "n_draws = 10.0, expected an integer"),
        ({"seed": -1}, ValueError, "seed = -1, expected at least 0"),
        ({"seed": "x"}, TypeError, "seed = 'x', expected an int"),
    ],
)
def test_bad_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        regrouping_null([0, 1], [0, 1], [0, 1], **options)


def test_large_counts_are_exact():
    # 2049 in one cell needs 12 bits; float16 has 11.
    groups, subgroups = ["a", "a", "b"], np.repeat([0, 1, 2], [2049, 3, 5])
    labels = np.arange(2057) < 2049
    scores = regrouping_null(labels, subgroups, groups, n_draws=20)
    deals = (["a", "a", "b"], ["a", "b", "a"], ["b", "a", "a"])
    assert set(scores) == {adjusted_rand_score(np.array(deal)[subgroups], labels) for deal in deals}
