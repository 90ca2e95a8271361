import numpy as np
import pytest

from minicluster.experiments.statistics import (
    N_RESAMPLES,
    bootstrap_interval,
    by_pattern,
    correlation,
    partial_correlation,
    pattern_mean,
    rank_correlation,
    ranks,
    summary,
)


def test_summary_by_hand():
    assert summary([3, 1, None, 2, 10]) == {"median": 2.5, "low": 1.0, "high": 10.0}
    assert summary([None, None]) == summary([]) == {"median": None, "low": None, "high": None}


def test_ranks_begin_at_1_and_ties_share_theirs():
    np.testing.assert_array_equal(ranks([30, 10, 20]), [3, 1, 2])
    np.testing.assert_array_equal(ranks([10, 20, 10, 30, 20, 20]), [1.5, 4, 1.5, 6, 4, 4])
    np.testing.assert_array_equal(ranks([5, 5, 5]), [2, 2, 2])


def test_correlation_by_hand():
    # Deviations (-1, 0, 1) and (-4, -1, 5) / 3: products sum up to 3, squares to 2 and 42 / 9.
    assert correlation([1, 2, 3], [1, 2, 4]) == pytest.approx(9 / np.sqrt(84), rel=1e-14)  # a few roundings
    assert correlation([1, 2, 3], [4, 2, 1]) == pytest.approx(-9 / np.sqrt(84), rel=1e-14)


def test_what_does_not_vary_has_no_correlation():
    assert correlation([1, 2, 3], [7, 7, 7]) is None
    # The mean of these is not quite .1, so rounded deviations are left.
    assert np.any(np.full(3, 0.1) - np.mean(np.full(3, 0.1)))
    assert correlation([0.1, 0.1, 0.1], [1, 2, 3]) is None
    assert rank_correlation([4, 4, 4], [1, 2, 3]) is None
    assert partial_correlation([1, 2, 3, 4], [4, 1, 3, 2], [[2, 4, 6, 8]]) is None  # x is a function of the other


def test_rank_correlation_looks_at_the_order_only():
    assert rank_correlation([1, 2, 3, 4], [0.1, 5, 6, 1e6]) == pytest.approx(1, rel=1e-14)  # a few roundings
    # Spearman's formula for n = 5 without ties: 1 - 6 sum d^2 / (n (n^2 - 1)), with d = (-1, 1, -1, 1, 0).
    assert rank_correlation([10, 20, 30, 40, 50], [2, 1, 4, 3, 9]) == pytest.approx(1 - 6 * 4 / 120, rel=1e-14)
    # Ties: ranks (1.5, 1.5, 3) and (1, 2, 3) deviate by (-.5, -.5, 1) and (-1, 0, 1).
    assert rank_correlation([4, 4, 9], [1, 2, 3]) == pytest.approx(1.5 / np.sqrt(1.5 * 2), rel=1e-14)


def test_partial_correlation_of_three_variables_follows_the_formula():
    rng = np.random.default_rng(0)
    z = rng.standard_normal(50) + 3  # a mean that a fit without a constant would not take away
    x, y = z + rng.standard_normal(50) + 7, -2 * z + rng.standard_normal(50) - 4
    xy, xz, yz = correlation(x, y), correlation(x, z), correlation(y, z)
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_correlation(x, y, [z]) == pytest.approx(expected, rel=1e-10)  # conditioned to some 1e2
    assert abs(expected) < 0.5 < abs(xy)


def test_partial_correlation_takes_out_every_other_variable():
    rng = np.random.default_rng(1)
    a, b, noise = np.linalg.qr(np.column_stack([np.ones(40), rng.standard_normal((40, 3))]))[0].T[1:]  # orthogonal
    x, y = a + b + noise, 5 * a - 3 * b + noise
    # What is left of unit vectors at right angles: (b + noise, -3 b + noise), (a + noise, 5 a + noise), (noise, noise).
    # Roundings of sums of 40.
    assert partial_correlation(x, y, [a]) == pytest.approx(-2 / np.sqrt(2 * 10), rel=1e-12)
    assert partial_correlation(x, y, [b]) == pytest.approx(6 / np.sqrt(2 * 26), rel=1e-12)
    assert partial_correlation(x, y, [a, b]) == pytest.approx(1, rel=1e-12)
    assert partial_correlation(x, y, []) == pytest.approx(correlation(x, y), rel=1e-12)  # likewise


def test_means_by_pattern_and_nan_where_there_is_none():
    found = by_pattern([1, 0, 1, 1], [0, 0, 3, 0], 5)
    np.testing.assert_array_equal(found, [2 / 3, np.nan, np.nan, 1, np.nan])
    assert by_pattern([True, False], [1, 1], 2)[1] == 0.5


def test_equal_shares_give_an_interval_of_no_width():
    assert bootstrap_interval([[0.5, 0.5, 0.5], [0.5]]) == [0.5, 0.5]


def test_with_one_seed_only_patterns_vary_and_the_interval_is_that_of_their_mean():
    shares = np.random.default_rng(0).random(100)
    low, high = bootstrap_interval([shares])
    error = shares.std() / np.sqrt(100)  # the standard error of a mean
    # A quantile of 2000 draws scatters by sqrt(.025 .975 / 2000) / .058 = .06 standard errors, half a width of 1.96 by
    # 3 %; three of these. A mean of 100 numbers is as good as normal.
    assert (shares.mean() - low) / error == pytest.approx(1.96, rel=0.1)
    assert (high - shares.mean()) / error == pytest.approx(1.96, rel=0.1)


def test_seeds_are_drawn_as_well_as_patterns():
    # Of two seeds that differ, both draws are of the same one in a quarter of the cases each.
    assert bootstrap_interval([[0.0] * 50, [1.0] * 50]) == [0, 1]
    # Patterns vary, seeds don't: means of two draws of 50 patterns each.
    shares = np.tile([0.0, 1.0], 25)
    low, high = bootstrap_interval([shares, shares])
    assert (high - low) / (0.5 / np.sqrt(100)) == pytest.approx(2 * 1.96, rel=0.1)  # as above


def test_a_seed_counts_once_however_many_patterns_it_has():
    # Two draws of seeds: half of the means are .5. If patterns counted, 100 ones would outweigh the zero.
    draws = [bootstrap_interval([[0.0], [1.0] * 100, [0.5]], seed)[0] for seed in range(3)]
    assert max(draws) < 0.2  # the mean of three seeds is below .2 in 4 of 27 cases, far more than 2.5 %


def test_the_interval_is_that_of_a_median_over_seeds():
    # Of five draws three or more are the 1 in 5.8 % of cases, which is more than the 2.5 % above the interval. Their
    # mean would exceed .6 in 0.7 % only.
    assert bootstrap_interval([[0.0]] * 4 + [[1.0]]) == [0, 1]


def test_the_mean_over_patterns_leaves_out_those_without_a_number():
    assert pattern_mean([0.5, None, 1.0]) == 0.75
    assert pattern_mean([None, None]) is None


def test_patterns_without_a_number_and_seeds_without_patterns_are_left_out():
    shares = np.random.default_rng(2).random(10)
    holes = np.insert(shares, [0, 4, 4, 10], np.nan)
    assert bootstrap_interval([holes, [np.nan, np.nan]]) == bootstrap_interval([shares])
    assert bootstrap_interval([[np.nan], []]) is None
    assert bootstrap_interval([]) is None


def test_an_interval_is_the_same_twice_and_another_with_another_seed():
    shares = [np.random.default_rng(3).random(10)]
    assert bootstrap_interval(shares, seed=5) == bootstrap_interval(shares, seed=5)
    assert bootstrap_interval(shares, seed=5) != bootstrap_interval(shares, seed=6)
    assert N_RESAMPLES >= 1000  # fewer leave fewer than 25 draws beyond each end
