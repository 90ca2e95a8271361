"""KMeans: hand-computed runs in one dimension, what must hold for any data, and misuse.

Tolerances: float64 distances of small numbers are right to about 1e-15 relative; 1e-12 leaves room for sums, and is
absolute where 0 may be expected.

Wrong versions that some test here fails on: labels of the last iteration kept though the centres moved; tol times the
summed instead of the mean variance; one iteration more or less counted; empty clusters left empty, filled with the
only sample of a cluster, or two with copies of one sample; the last run kept instead of the best; k-means++ drawing
uniformly, by unsquared distance, or without trials; data not centred; ties to the highest label; copies among the
random first centres; the spare centres of too few distinct rows used.
"""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.cluster import (
    ConvergenceWarning,
    KMeans,
    NotFittedError,
    _compiled,
    _plain,
    adjusted_rand_score,
    kmeans,
)
from minicluster.cluster._operations import operations
from minicluster.cluster.kmeans import _plus_plus_centers, _random_centers

LINE = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
LEFT, RIGHT = [[0.0], [1.0]], [[1.0], [0.0]]  # starts for LINE


def blobs(seed=0, k=5, per_blob=20, n_features=4, spread=0.1, dtype=np.float64):
    """Return rows around k corners at distance 10 * sqrt(2) of one another, and the corner of each."""
    rng = np.random.default_rng(seed)
    corner = rng.permutation(np.repeat(np.arange(k), per_blob))
    corners = 10 * np.eye(k, n_features) if k <= n_features else 10 * np.arange(k)[:, None] * np.ones(n_features)
    return (corners[corner] + spread * rng.normal(size=(len(corner), n_features))).astype(dtype), corner


def plus_plus(x, n_clusters, rng, weights=None):
    """The first centres among rows of x, which all count once by default."""
    weights = np.ones(len(x)) if weights is None else np.array(weights, float)
    return _plus_plus_centers(x, operations().lay_out(x), weights, n_clusters, rng)


def squared_distances_to(x, centers):
    return np.square(x[:, None, :].astype(np.float64) - centers).sum(axis=2)


data_sets = st.builds(
    lambda seed, n, n_features: np.random.default_rng(seed).normal(size=(n, n_features)),
    st.integers(0, 10**6),
    st.integers(8, 60),
    st.integers(1, 5),
)


# By hand ------------------------------------------------------------------------------------------


def test_a_run_by_hand():
    # Centres 0 | 1: labels 0 1 1 1 1 1, means 0 | 36/5. Labels 0 0 0 1 1 1, means 1 | 11. The same labels again.
    model = KMeans(2, init=LEFT).fit(LINE)
    assert model.labels_.tolist() == [0, 0, 0, 1, 1, 1]
    assert model.cluster_centers_.tolist() == [[1.0], [11.0]]
    assert model.inertia_ == pytest.approx(4, rel=1e-12)  # 1 + 0 + 1, twice
    assert model.n_iter_ == 3
    assert model.labels_.dtype == np.int64


def test_a_run_ends_when_nothing_moves_even_without_tolerance():
    assert KMeans(2, init=LEFT, tol=0).fit(LINE).n_iter_ == 3


def test_labels_and_inertia_belong_to_the_centres_when_iterations_run_out():
    model = KMeans(2, init=LEFT, max_iter=1).fit(LINE)
    np.testing.assert_allclose(model.cluster_centers_, [[0.0], [7.2]], rtol=1e-12)
    assert model.labels_.tolist() == [0, 0, 0, 1, 1, 1]  # the iteration itself assigned 0 | 1 1 1 1 1
    # 0 + 1 + 4 around 0, and 2.8^2 + 3.8^2 + 4.8^2 around 7.2
    assert model.inertia_ == pytest.approx(5 + 7.84 + 14.44 + 23.04, rel=1e-12)
    assert model.n_iter_ == 1


@pytest.mark.parametrize("n_features, just_stops, just_goes_on", [(1, 1.51, 1.5), (2, 3.02, 3.01)])
def test_tol_is_relative_to_the_mean_variance(n_features, just_stops, just_goes_on):
    # The first iteration moves the centres by .5 and 6.2, squared .25 + 38.44; the variance of LINE is 154/6 = 25.67,
    # so the ratio is 1.507. A second feature that does not vary halves the mean variance: 3.015.
    x = np.hstack([LINE, np.zeros((6, n_features - 1))])
    init = np.hstack([[[0.5], [1.0]], np.zeros((2, n_features - 1))])
    assert KMeans(2, init=init, tol=just_stops).fit(x).n_iter_ == 1
    assert KMeans(2, init=init, tol=just_goes_on).fit(x).n_iter_ > 1


def test_an_empty_cluster_gets_the_farthest_sample():
    # 0 takes all, 100 none; 10 is farthest from 0 and becomes the second cluster. Means 1 | 10, then no change.
    model = KMeans(2, init=[[0.0], [100.0]]).fit([[0], [2], [10]])
    assert model.labels_.tolist() == [0, 0, 1]
    assert model.cluster_centers_.tolist() == [[1.0], [10.0]]
    assert model.inertia_ == pytest.approx(2, rel=1e-12)
    assert model.n_iter_ == 2


def test_two_empty_clusters_get_distinct_samples():
    # Both tens are farthest; were they to make a cluster each, the 9 would stay with the zeros.
    model = KMeans(3, init=[[0.0], [100.0], [200.0]], max_iter=1).fit([[0], [0], [1], [9], [10], [10]])
    np.testing.assert_allclose(model.cluster_centers_, [[1 / 3], [10], [9]], rtol=1e-12)


def test_the_only_sample_of_a_cluster_stays_there():
    # 50 is farthest from its centre, 60, but taking it would empty that cluster; 3 is next.
    model = KMeans(3, init=[[0.0], [60.0], [1000.0]], max_iter=1).fit([[0], [1], [3], [50]])
    np.testing.assert_allclose(model.cluster_centers_, [[0.5], [50], [3]], rtol=1e-12)


@pytest.mark.parametrize("scale", [1, 2**-10])
def test_farthest_is_by_euclid_and_copies_are_rows_equal_in_all_features(scale):
    # From (0, 0) it is 36 to (-6, 0) and 32 to (4, 4), by city block 6 and 8; and (0, 0) is no copy of (-6, 0).
    x, init = np.array([[0, 0], [-6, 0], [4, 4]]), np.array([[0, 0], [100, 100]])
    model = KMeans(2, init=init * scale, max_iter=1).fit(x * scale)
    np.testing.assert_allclose(model.cluster_centers_ / scale, [[2, 2], [-6, 0]], rtol=0, atol=1e-12)


@pytest.mark.parametrize("init", [[[0.0], [4.0]], [[4.0], [0.0]]])
def test_a_tie_goes_to_the_lowest_label(init):
    assert KMeans(2, init=init).fit([[0], [4]]).predict([[2]]).tolist() == [0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_centres_and_equal_rows_tie_whatever_the_rounding(dtype):
    # A matrix product rounds equal columns and equal rows differently, according to where they stand. Centres 0..8
    # are a point and 9..17 its mirror image: rows of zeros are equally far from all, the others nearer to one side.
    rng = np.random.default_rng(0)
    point = rng.normal(size=64).astype(dtype)
    model = KMeans(18, init=np.repeat([point, -point], 9, axis=0))
    model.cluster_centers_ = model.init
    x = np.repeat([0 * point, -point / 2, point / 3], 33, axis=0)
    np.testing.assert_array_equal(model.predict(x), np.repeat([0, 9, 0], 33))


def test_transform_and_score_by_hand():
    model = KMeans(2, init=LEFT).fit(LINE)  # centres 1 and 11
    np.testing.assert_allclose(model.transform([[1], [4]]), [[0, 10], [3, 7]], rtol=1e-12)
    assert model.score([[1], [4], [9]]) == pytest.approx(-(0 + 9 + 4), rel=1e-12)


def test_one_cluster_is_the_mean():
    x, _ = blobs(1)
    model = KMeans(1).fit(x)
    np.testing.assert_allclose(model.cluster_centers_[0], x.mean(axis=0), rtol=1e-12)
    assert model.inertia_ == pytest.approx(len(x) * x.var(axis=0).sum(), rel=1e-12)


# For any data -------------------------------------------------------------------------------------


@given(x=data_sets, n_clusters=st.integers(1, 8), seed=st.integers(0, 100))
def test_inertia_never_rises(x, n_clusters, seed):
    settings = {"tol": 0, "init": "random", "n_init": 1, "random_state": seed}
    inertias = np.array([KMeans(n_clusters, max_iter=m, **settings).fit(x).inertia_ for m in range(1, 7)])
    assert (np.diff(inertias) <= 1e-12 * inertias[0]).all()


@given(x=data_sets, n_clusters=st.integers(1, 8), seed=st.integers(0, 100), max_iter=st.integers(1, 20))
def test_results_fit_together(x, n_clusters, seed, max_iter):
    model = KMeans(n_clusters, max_iter=max_iter, random_state=seed).fit(x)
    squared = squared_distances_to(x, model.cluster_centers_)  # (n, k)
    own = squared[np.arange(len(x)), model.labels_]
    assert (own <= squared.min(axis=1) * (1 + 1e-12)).all()
    assert model.inertia_ == pytest.approx(own.sum(), rel=1e-12, abs=1e-12)
    assert model.score(x) == -model.inertia_
    np.testing.assert_array_equal(model.predict(x), model.labels_)
    np.testing.assert_allclose(model.transform(x), np.sqrt(squared), rtol=1e-12, atol=1e-15)
    assert 1 <= model.n_iter_ <= max_iter


@given(x=data_sets, n_clusters=st.integers(1, 8), seed=st.integers(0, 100))
def test_at_the_end_each_centre_is_the_mean_of_its_samples(x, n_clusters, seed):
    model = KMeans(n_clusters, tol=0, random_state=seed).fit(x)
    for cluster in range(n_clusters):
        mean = x[model.labels_ == cluster].mean(axis=0)  # the mean of none would be NaN and fail
        np.testing.assert_allclose(model.cluster_centers_[cluster], mean, rtol=0, atol=1e-12)


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("seed", range(5))
def test_well_separated_groups_are_found(init, seed):
    x, corner = blobs(seed, k=4)
    model = KMeans(4, init=init, n_init=10, random_state=seed).fit(x)
    assert adjusted_rand_score(corner, model.labels_) == 1.0


def test_of_several_runs_the_best_is_kept(capsys):
    x, _ = blobs(0, k=12, n_features=2)
    places = []
    for seed in range(10):
        model = KMeans(12, init="random", n_init=8, verbose=1, random_state=seed).fit(x)
        out, err = capsys.readouterr()
        runs = re.findall(r"(\d+) iterations, inertia (\S+)", err)
        inertias = [float(inertia) for _, inertia in runs]
        assert out == "" and len(runs) == 8
        assert model.n_iter_ in {int(n_iter) for n_iter, inertia in runs if float(inertia) == min(inertias)}
        assert model.inertia_ == pytest.approx(min(inertias), rel=1e-5)  # six digits are printed
        places.append(int(np.argmin(inertias)))
    assert set(places) - {0, 7}  # neither the first nor the last run was always the best


@pytest.mark.parametrize("seed", range(10))
def test_of_equally_good_runs_the_first_is_kept(seed):
    # Every start ends at the means 1 and 11, in either order, and all numbers on the way there are exact.
    first = KMeans(2, init="random", n_init=1, random_state=seed).fit(LINE)
    best = KMeans(2, init="random", n_init=8, random_state=seed).fit(LINE)
    np.testing.assert_array_equal(best.labels_, first.labels_)
    assert best.n_iter_ == first.n_iter_


def test_a_second_fit_forgets_the_first():
    x = np.random.default_rng(3).normal(size=(20, 2))
    again, fresh = KMeans(3, random_state=0).fit(x).fit(100 * x), KMeans(3, random_state=0).fit(100 * x)
    np.testing.assert_array_equal(again.labels_, fresh.labels_)
    np.testing.assert_array_equal(again.cluster_centers_, fresh.cluster_centers_)
    assert again.inertia_ == fresh.inertia_


@pytest.mark.parametrize(
    "init, n_init, runs",
    [("k-means++", "auto", 1), ("random", "auto", 10), (LEFT, "auto", 1), (LEFT, 4, 1), ("k-means++", 3, 3)],
)
def test_number_of_runs(init, n_init, runs, capsys):
    KMeans(2, init=init, n_init=n_init, verbose=1, random_state=0).fit(LINE)
    assert capsys.readouterr().err.count("\n") == runs


def test_same_seed_same_result_and_a_generator_moves_on():
    x = np.random.default_rng(3).normal(size=(80, 3))

    def fit(random_state):
        return KMeans(6, random_state=random_state).fit(x)

    first, again = fit(11), fit(11)
    np.testing.assert_array_equal(first.labels_, again.labels_)
    np.testing.assert_array_equal(first.cluster_centers_, again.cluster_centers_)
    np.testing.assert_array_equal(first.labels_, fit(np.random.default_rng(11)).labels_)
    generator = np.random.default_rng(11)
    assert (fit(generator).labels_ != fit(generator).labels_).any()
    assert (fit(11).labels_ != fit(12).labels_).any()


def test_data_and_init_are_left_unchanged():
    x, init = LINE.copy(), np.array(LEFT)
    KMeans(2, init=init).fit(x).predict(x)
    np.testing.assert_array_equal(x, LINE)
    np.testing.assert_array_equal(init, LEFT)


# History ------------------------------------------------------------------------------------------


def test_the_history_of_inertia_by_hand():
    # Around 0 | 1: 0 + 0 + 1 + 81 + 100 + 121. Around 0 | 7.2: 0 + 1 + 4, and 2.8^2 + 3.8^2 + 4.8^2. Around 1 | 11: 4,
    # twice, as the third iteration changes nothing.
    model = KMeans(2, init=LEFT).fit(LINE)
    np.testing.assert_allclose(model.inertia_history_, [303, 50.32, 4, 4], rtol=1e-12)


@given(x=data_sets, n_clusters=st.integers(1, 8), seed=st.integers(0, 100), scale=st.sampled_from([1, 1e-9, 3e5]))
def test_the_history_never_rises_and_is_that_of_the_run_that_is_kept(x, n_clusters, seed, scale):
    model = KMeans(n_clusters, n_init=3, random_state=seed).fit(scale * x)
    history, rounding = model.inertia_history_, 1e-12 * np.square(scale * x).sum()
    assert history.shape == (model.n_iter_ + 1,) and history.dtype == np.float64
    assert (np.diff(history) <= rounding).all()
    assert history[-1] == model.inertia_
    # Cut short after m iterations, the run with the same start would have ended at history[m].
    single = KMeans(n_clusters, random_state=seed, tol=0).fit(scale * x)
    for m in range(1, len(single.inertia_history_) - 1):
        cut = KMeans(n_clusters, random_state=seed, tol=0, max_iter=m).fit(scale * x)
        assert cut.inertia_ == pytest.approx(single.inertia_history_[m], rel=1e-12, abs=rounding)


# Weights ------------------------------------------------------------------------------------------


def test_a_weighted_run_by_hand():
    # The mean of 0, 1, 2 with weights 1, 1, 2 is 5/4, that of 10, 11, 12 with weights 3, 0, 1 is 42/4. Inertia:
    # 25/16 + 1/16 + 2 * 9/16, and 3 * 1/4 + 9/4. What counts 0 times still gets a label.
    model = KMeans(2, init=LEFT).fit(LINE, sample_weight=[1, 1, 2, 3, 0, 1])
    np.testing.assert_allclose(model.cluster_centers_, [[1.25], [10.5]], rtol=1e-12)
    assert model.labels_.tolist() == [0, 0, 0, 1, 1, 1]
    assert model.inertia_ == pytest.approx(26 / 16 + 18 / 16 + 3, rel=1e-12)
    assert model.score(LINE, None, [1, 1, 2, 3, 0, 1]) == pytest.approx(-model.inertia_, rel=1e-12)
    assert model.score([[1], [10.5]], sample_weight=[16, 5]) == pytest.approx(-1, rel=1e-12)


@given(x=data_sets, n_clusters=st.integers(1, 4), seed=st.integers(0, 100), data=st.data())
def test_a_weight_is_a_number_of_copies(x, n_clusters, seed, data):
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(x), max_size=len(x))))
    counts[:n_clusters] += 1
    init = x[:n_clusters] + 0.01
    # tol is of the samples' variance, not of their copies': a run may end an iteration earlier. So without it.
    weighted, copied = (
        KMeans(n_clusters, init=init, tol=0).fit(*arguments)
        for arguments in ((x, None, counts), (np.repeat(x, counts, axis=0),))
    )
    np.testing.assert_allclose(weighted.cluster_centers_, copied.cluster_centers_, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(np.repeat(weighted.labels_, counts), copied.labels_)
    assert weighted.inertia_ == pytest.approx(copied.inertia_, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(weighted.inertia_history_, copied.inertia_history_, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("factor", [2.0**-40, 2.0**300, 1e-300, 3.0])
def test_only_ratios_of_weights_matter(factor, init):
    x, _ = blobs(1, spread=4)
    weights = np.random.default_rng(0).random(len(x))
    settings = {"init": init, "n_init": 2, "random_state": 0}
    one, other = (KMeans(5, **settings).fit(x, sample_weight=w) for w in (weights, factor * weights))
    np.testing.assert_array_equal(one.labels_, other.labels_)
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-12)
    assert other.inertia_ == pytest.approx(factor * one.inertia_, rel=1e-12)
    np.testing.assert_allclose(other.inertia_history_, factor * one.inertia_history_, rtol=1e-12)


def test_tiny_weights_lose_no_digits():
    # The smallest float64 is 2^-1074: next to it a product with a squared distance would keep a few bits only.
    x, _ = blobs(1, spread=4)
    weights = 2.0 ** np.random.default_rng(0).integers(0, 4, size=len(x))
    one, tiny = (KMeans(5, n_init=2, random_state=0).fit(x, sample_weight=w) for w in (weights, weights * 2.0**-1066))
    np.testing.assert_array_equal(one.labels_, tiny.labels_)
    np.testing.assert_array_equal(one.cluster_centers_, tiny.cluster_centers_)


@pytest.mark.parametrize("init", [[[0.0], [100.0]], "k-means++", "random"])
def test_light_samples_are_not_lost_beside_heavy_ones(init):
    # One after the other as light as is allowed: the mean of the light ones alone does not depend on how light.
    x, weights = [[0], [1], [100], [101]], [1e-249, 1e-249, 1, 1]
    centers = KMeans(2, init=init, n_init=5, random_state=0).fit(x, sample_weight=weights).cluster_centers_
    assert init not in ([[0.0], [100.0]],) or centers.tolist() == [[0.5], [100.5]]
    assert np.isfinite(centers).all()


def test_equal_weights_are_no_weights():
    x, _ = blobs(1, spread=4)
    np.testing.assert_array_equal(
        KMeans(5, random_state=0).fit_predict(x), KMeans(5, random_state=0).fit_predict(x, None, np.ones(len(x)))
    )
    np.testing.assert_array_equal(
        KMeans(5, random_state=0).fit(x).transform(x), KMeans(5, random_state=0).fit_transform(x)
    )


def test_samples_of_weight_0_are_never_first_centres_nor_fill_empty_clusters():
    x, weights = np.array([[0.0], [1.0], [1000.0], [2.0], [9.0]]), [1, 1, 0, 1, 1]
    for seed in range(50):
        for init in ("k-means++", "random"):
            model = KMeans(2, init=init, n_init=1, max_iter=1, random_state=seed).fit(x, sample_weight=weights)
            assert model.cluster_centers_.max() <= 9
    model = KMeans(2, init=[[0.0], [5000.0]], max_iter=1).fit(x, sample_weight=weights)
    assert model.cluster_centers_.tolist() == [[1.0], [9.0]]


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("dtype, far", [(np.float32, 1e17), (np.float64, 1e150)])
def test_what_does_not_count_changes_nothing(dtype, far, init):
    # A far row of weight 0 would, if it took part, move the mean to where the others' digits are lost, be the unit in
    # which their squares vanish, or raise the variance until tol ends a run at once.
    x = (1e-5 * np.random.default_rng(0).normal(size=(60, 3))).astype(dtype)
    settings = {"init": init, "n_init": 3, "random_state": 0}
    without = KMeans(4, **settings).fit(x)
    model = KMeans(4, **settings).fit(np.insert(x, 17, far, axis=0), sample_weight=np.insert(np.ones(60), 17, 0))
    np.testing.assert_array_equal(model.cluster_centers_, without.cluster_centers_)
    np.testing.assert_array_equal(np.delete(model.labels_, 17), without.labels_)
    assert model.n_iter_ == without.n_iter_ > 1
    # A further term of 0 changes the order in which NumPy adds up.
    np.testing.assert_allclose(model.inertia_history_, without.inertia_history_, rtol=1e-12)


def test_an_empty_cluster_gets_the_farthest_sample_whatever_its_weight():
    # 10 is farther from 0 than 2, though 100 * 2^2 is more inertia than 10^2. The mean of 0 and 2 then has the weights.
    model = KMeans(2, init=[[0.0], [100.0]], max_iter=1).fit([[0], [2], [10]], sample_weight=[1, 100, 1])
    np.testing.assert_allclose(model.cluster_centers_, [[200 / 101], [10]], rtol=1e-12)


def test_weights_reach_fit_through_every_method():
    # 6 begins with 0. Their mean is 3, and it stays; with a weight of 100 for 0 it is 6/101, and 6 is nearer to 10.
    x, weights = [[0], [6], [10]], [100, 1, 1]
    model = KMeans(2, init=[[1.0], [11.5]])
    assert model.fit_predict(x).tolist() == [0, 0, 1]
    assert model.fit_predict(x, None, weights).tolist() == [0, 1, 1]
    np.testing.assert_allclose(model.fit_transform(x, None, weights), [[0, 8], [6, 2], [10, 2]], rtol=0, atol=1e-12)


def test_weights_that_overflow_are_refused_and_others_not():
    # Differences of up to 2, squared, over 2 x 100 entries: 800 times the weight, to 1.8e308.
    x = np.repeat([[1.0], [-1.0]], 100, axis=1)
    assert np.isfinite(KMeans(1, init=x[:1], max_iter=1).fit(x, sample_weight=[2e305, 2e305]).inertia_history_).all()
    with pytest.raises(ValueError, match=r"sample_weight holds 1e\+306, expected at most 2.25e\+305"):
        KMeans(1).fit(x, sample_weight=[1e306, 1])


def test_distinct_rows_are_counted_among_those_that_count():
    with pytest.warns(ConvergenceWarning, match="x has 2 distinct rows of positive weight, fewer than n_clusters = 3"):
        model = KMeans(3).fit([[5.0], [7.0], [5.0], [6.9]], sample_weight=[1, 1, 1, 0])
    assert model.labels_.tolist() == [0, 1, 0, 1]
    assert model.cluster_centers_.tolist() == [[5.0], [7.0], [5.0]]
    assert model.inertia_ == 0 and model.inertia_history_.tolist() == [0, 0]


def test_heavy_rows_are_likelier_first_centres():
    # Of weight 3 among 1, 1, 1: drawn in half of the cases, 500 of 1000 with a standard deviation of 16.
    x, weights = np.array([[-3.0], [1.0], [2.0], [0.0]]), np.array([3.0, 1, 1, 1])
    for draw in (
        lambda rng: plus_plus(x, 1, rng, weights),
        lambda rng: _random_centers(x, weights, 1, rng),
    ):
        firsts = [draw(np.random.default_rng(seed))[0, 0] for seed in range(1000)]
        assert abs(firsts.count(-3) - 500) < 80  # 5 standard deviations
    # From 0 on, squared distance times weight: 1 at 1 with weight 16, 4 at 2 with weight 1: 1 is taken unless both of
    # two darts hit 2, (4/20)^2 = .04; without weights it would be hit, and be the better one at a total of 1 or 4.
    x, weights = np.array([[0.0], [1.0], [2.0]]), np.array([1e9, 16.0, 1])
    seconds = [plus_plus(x, 2, np.random.default_rng(seed), weights)[1, 0] for seed in range(200)]
    assert seconds.count(1.0) > 170


@pytest.mark.parametrize(
    "weights, error, message",
    [
        ([1, 1, 1, 1, 1], ValueError, r"sample_weight has shape \(5,\), expected \(6,\): one number a sample"),
        (np.ones((6, 1)), ValueError, r"sample_weight has shape \(6, 1\), expected \(6,\)"),
        (1.0, ValueError, r"sample_weight has shape \(\), expected \(6,\)"),
        ([1, 1, -0.5, 1, 1, 1], ValueError, r"sample_weight\[2\] = -0.5, expected finite numbers, at least 0"),
        ([1, np.nan, 1, 1, 1, 1], ValueError, r"sample_weight\[1\] = nan"),
        ([1, 1, 1, 1, 1, np.inf], ValueError, r"sample_weight\[5\] = inf"),
        (np.zeros(6), ValueError, "sample_weight is 0 for all samples, expected some above 0"),
        (np.full(6, 1e305), ValueError, r"sample_weight holds 1e\+305, expected at most .* inertia would overflow"),
        (list("abcdef"), TypeError, "sample_weight has dtype <U1, expected real numbers"),
        ([1e-200, 1e-200, 1e-200, 1, 1, 1e60], ValueError, r"holds 1e-200 beside 1e\+60, expected 1e-250"),
        ([5e-324, 1, 1, 1, 1, 1], ValueError, r"holds 4.94e-324 beside 1, expected 1e-250 of the largest"),
    ],
)
def test_bad_weights_are_named(weights, error, message):
    for method in (KMeans(2).fit, KMeans(2, init=LEFT).fit(LINE).score):
        with pytest.raises(error, match=message) as caught:
            method(LINE, None, weights)
        assert "\n" not in str(caught.value)


# Starts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_plus_plus_starts_in_every_far_group(seed):
    # Within a group squared distances are near 1e-4, between groups 200: a group is missed once in about 1e5 draws.
    x, corner = blobs(seed, k=6, n_features=6, spread=0.003)
    centers = plus_plus(x, 6, np.random.default_rng(seed))
    assert sorted(squared_distances_to(centers, 10 * np.eye(6)).argmin(axis=1)) == [0, 1, 2, 3, 4, 5]


def test_plus_plus_draws_by_squared_distance_and_takes_the_best_of_two_trials():
    # 50 rows at 0, 50 at 1, one at 5. From 0, the row at 5 is drawn with probability 25/75, and from 1 with 16/66.
    # The other trial always lowers the inertia more, so both must draw it: 1/9 and 1/17, in half of the starts each,
    # .085. One trial would give .29, unsquared distances (5/55)^2 and (4/54)^2, .007. Of 1000 starts,
    # 85 with a standard deviation of 9.
    x = np.repeat([0.0, 1.0, 5.0], [50, 50, 1])[:, None] - 74.2 / 101
    draws = [plus_plus(x, 2, np.random.default_rng(seed)) for seed in range(1000)]
    assert 50 < sum(x[-1, 0] in centers[1] for centers in draws) < 130


def test_plus_plus_gives_rows_behind_a_far_one_their_share_in_float32():
    # Squared distances from the first row are 0, 25,000,000 and 1, which float32 adds up to 25,000,000.
    class Generator(np.random.Generator):
        def random(self, size):
            # The first row of all, and then the last, which ends at 25,000,001: 0.025 less is hit.
            return np.full(size, 0 if size == 1 else 1 - 1e-9)

    centers = plus_plus(np.float32([[0], [5000], [1]]), 2, Generator(np.random.PCG64(0)))
    assert centers.tolist() == [[0], [1]]


@pytest.mark.parametrize("seed", range(10))
def test_one_run_from_plus_plus_finds_far_groups(seed):
    # Random starts put all of 8 centres into different groups once in 8^8 / 8! = 400 times, and seldom recover.
    x, corner = blobs(seed, k=8, n_features=8, spread=0.003)
    assert adjusted_rand_score(corner, KMeans(8, random_state=seed).fit(x).labels_) == 1.0


@pytest.mark.parametrize("n_clusters, n_trials", [(2, 2), (3, 3), (8, 4)])  # 2 + log(k), rounded down
def test_plus_plus_draws_more_often_for_more_clusters(n_clusters, n_trials):
    draws = []

    class Generator(np.random.Generator):
        def random(self, size):
            draws.append(size)
            return super().random(size)

    plus_plus(np.arange(10.0)[:, None] - 4.5, n_clusters, Generator(np.random.PCG64(0)))
    assert draws == [1] + [n_trials] * (n_clusters - 1)


def test_plus_plus_starts_from_any_row_equally_often():
    x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    firsts = [plus_plus(x, 1, np.random.default_rng(seed))[0, 0] for seed in range(1000)]
    counts = np.array([firsts.count(row) for row in x[:, 0]])
    assert (abs(counts - 250) < 70).all()  # 5 standard deviations


@given(place=st.lists(st.integers(0, 5), min_size=1, max_size=30), seed=st.integers(0, 1000))
def test_a_random_start_has_no_copies(place, seed):
    n_distinct = len(set(place))
    rows = np.array(place, float)[:, None]
    centers = _random_centers(rows, np.ones(len(place)), n_distinct, np.random.default_rng(seed))
    assert sorted(centers[:, 0]) == sorted(set(place))


def test_a_random_start_is_any_row_equally_often():
    counts = np.zeros(4)
    for seed in range(1000):
        (center,) = _random_centers(np.arange(4.0)[:, None], np.ones(4), 1, np.random.default_rng(seed))
        counts[int(center[0])] += 1
    assert (abs(counts - 250) < 70).all()  # 5 standard deviations


# Few distinct rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("init", ["k-means++", "random", "array"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_distinct", [1, 3, 9])
def test_fewer_distinct_rows_than_clusters(n_distinct, dtype, init):
    rng = np.random.default_rng(n_distinct)
    place = np.concatenate([np.arange(n_distinct), rng.integers(n_distinct, size=200)])
    x = rng.normal(size=(n_distinct, 64)).astype(dtype)[place]
    with pytest.warns(ConvergenceWarning, match=f"{n_distinct} distinct rows.*n_clusters = 10") as record:
        model = KMeans(10, init=x[:10] if init == "array" else init, n_init=5, random_state=0).fit(x)
    assert len(record) == 1 and record[0].filename == __file__  # where fit was called
    assert issubclass(ConvergenceWarning, UserWarning)
    np.testing.assert_array_equal(model.labels_, place)  # numbered by appearance
    np.testing.assert_array_equal(model.predict(x), place)
    assert model.cluster_centers_.shape == (10, 64)
    np.testing.assert_array_equal(model.cluster_centers_[:n_distinct], x[:n_distinct])
    assert model.inertia_ == 0.0 and model.n_iter_ == 1


@pytest.mark.parametrize("x", [[[0.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 1.0]]])
def test_rows_are_distinct_if_any_feature_differs(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sorted(KMeans(2).fit(x).labels_) == [0, 1]


def test_few_distinct_rows_stored_column_by_column():
    with pytest.warns(ConvergenceWarning, match="2 distinct"):
        assert KMeans(3).fit(np.asfortranarray([[0.0, 1.0], [2.0, 1.0], [0.0, 1.0]])).labels_.tolist() == [0, 1, 0]


def test_minus_zero_is_zero():
    with pytest.warns(ConvergenceWarning, match="1 distinct"):
        assert KMeans(2).fit([[0.0], [-0.0]]).labels_.tolist() == [0, 0]


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("n_copies", [1, 20])
def test_as_many_clusters_as_distinct_rows(n_copies, init):
    x = np.tile(np.random.default_rng(0).normal(size=(10, 64)), (n_copies, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KMeans(10, init=init, random_state=0).fit(x)
    assert sorted(model.labels_[:10]) == list(range(10))
    np.testing.assert_array_equal(model.labels_, np.tile(model.labels_[:10], n_copies))
    # A mean of 20 equal entries of size 1 may be off by some 1e-15, squared, over 200 x 64 entries.
    assert model.inertia_ == pytest.approx(0, abs=1e-20)


# float32 ------------------------------------------------------------------------------------------


def test_float32_far_from_the_origin():
    # At 1e4 float32 has steps of 1e-3, well below the spread of 1; but ||x||^2 is 6.4e9 with steps of 512, above the
    # squared distances of about 100, so without centring the clusters are noise.
    x, corner = blobs(4, k=8, n_features=64, spread=1, dtype=np.float32)
    x += np.float32([1e4, -1e4] * 32)  # each feature needs its own mean taken off
    model = KMeans(8, n_init=10, random_state=0).fit(x)
    assert model.cluster_centers_.dtype == np.float32
    assert adjusted_rand_score(corner, model.labels_) == 1.0
    np.testing.assert_array_equal(model.predict(x), model.labels_)
    exact = sum(np.square(x[corner == c] - x[corner == c].mean(axis=0, dtype=np.float64)).sum() for c in range(8))
    # Centres rounded to steps of 1e-3 add at most (5e-4)^2 = 2.5e-7 an entry to squares of about 1.
    assert model.inertia_ == pytest.approx(exact, rel=1e-6)


def test_sums_are_float64():
    # 2^24 + 1 is 2^24 in float32, and so is each further 1 lost, in whatever order they are added up.
    x = np.float32([[1]] * 10 + [[2**24]] + [[1]] * 10 + [[-(2**24)]] + [[1]] * 10)
    assert operations().sums_by_label(x, np.ones(32), np.zeros(32, np.int64), 1).tolist() == [[30.0]]


@pytest.mark.parametrize("module", [_plain, _compiled])
def test_means_far_from_the_origin_keep_all_their_digits(module, monkeypatch):
    # A sum of 4000 numbers of size 2^27 is 5e11, in steps of 6e-5, and each addition rounds: one after the other, as in
    # loops, they leave a mean that is off by some 5e-7. Means in steps of 2^-26 = 1.5e-8 should be right to a step.
    monkeypatch.setattr(kmeans, "operations", lambda: module)
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 2**18, size=(4000, 2))
    x = steps * 2.0**-20 + np.array([2.0**27, -(2.0**27)])  # exact
    model = KMeans(1).fit(x)
    exact = [int(column.sum()) / 4000 * 2.0**-20 for column in steps.T]
    np.testing.assert_allclose(model.cluster_centers_[0] - [2.0**27, -(2.0**27)], exact, rtol=0, atol=1.6e-8)


def test_distances_have_the_wider_dtype_of_data_and_centres():
    narrow, wide = KMeans(2, init=LEFT).fit(LINE.astype(np.float32)), KMeans(2, init=LEFT).fit(LINE)
    assert narrow.transform(LINE.astype(np.float32)).dtype == np.float32
    assert narrow.transform(LINE).dtype == wide.transform(LINE.astype(np.float32)).dtype == np.float64


def test_float64_data_at_float32_centres_are_not_rounded():
    model = KMeans(2, init=LEFT).fit(LINE.astype(np.float32))  # centres 1 and 11
    # 1 + 1e-10 has steps of 2e-16.
    assert model.transform(np.array([[1 + 1e-10]]))[0, 0] == pytest.approx(1e-10, rel=1e-5)


@pytest.mark.parametrize("kind", [int, bool, np.float16, ">f8", np.uint8])
def test_other_numbers_become_float64(kind):
    x = np.array([[0, 0], [1, 1], [1, 0]]).astype(kind)
    assert KMeans(2, random_state=0).fit(x).cluster_centers_.dtype == np.float64


@pytest.mark.parametrize("scale", [1e-44, 1e-25, 1e-18, 1e15])
def test_float32_data_of_any_size(scale):
    # The square of 1e-25 is no float32; 1e-44 has one digit, so the groups are 7 steps of the smallest float32 apart.
    x, corner = blobs(5, k=3, spread=0.01, dtype=np.float64)
    x = (x * scale).astype(np.float32)
    with np.errstate(under="ignore"):
        model = KMeans(3, n_init=5, random_state=0).fit(x)
    assert adjusted_rand_score(corner, model.labels_) == 1.0
    np.testing.assert_array_equal(model.predict(x), model.labels_)


@pytest.mark.parametrize("scale", [1e-25, 1, 1e15])
def test_the_history_of_float32_data_is_that_of_float64(scale):
    # Squared distances are sums of 4 squares in float32, each right to some 1e-7 of itself.
    x, _ = blobs(5, spread=4)
    x = (x * scale).astype(np.float32)
    narrow, wide = (KMeans(5, init=x[:5]).fit(data) for data in (x, x.astype(np.float64)))
    np.testing.assert_allclose(narrow.inertia_history_, wide.inertia_history_, rtol=1e-5)


@pytest.mark.parametrize("scale", [2.0**-400, 2.0**400])
def test_the_unit_of_the_data_does_not_matter(scale):
    x, _ = blobs(5, spread=4)
    one, other = KMeans(5, random_state=0).fit(x), KMeans(5, random_state=0).fit(scale * x)
    np.testing.assert_array_equal(other.labels_, one.labels_)
    np.testing.assert_array_equal(other.cluster_centers_, scale * one.cluster_centers_)
    np.testing.assert_array_equal(other.inertia_history_, scale**2 * one.inertia_history_)


# Defaults -----------------------------------------------------------------------------------------


def test_defaults_are_those_of_scikit_learn(capsys):
    defaults = {"n_clusters": 8, "init": "k-means++", "n_init": "auto", "max_iter": 300, "tol": 1e-4, "verbose": 0}
    assert vars(KMeans()) == {**defaults, "random_state": None}
    KMeans(2).fit(LINE)
    assert capsys.readouterr() == ("", "")  # silent


# Misuse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"n_clusters": 0}, ValueError, "n_clusters = 0, expected at least 1"),
        ({"n_clusters": 7}, ValueError, "n_clusters = 7, expected at most 6, the number of samples"),
        ({"n_clusters": 2.0}, TypeError, "n_clusters = 2.0, expected an integer"),
        ({"n_clusters": True}, TypeError, "n_clusters = True, expected an integer"),
        ({"init": "best"}, ValueError, "init = 'best', expected 'k-means\\+\\+'"),
        ({"init": [[1.0]]}, ValueError, "init has 1 rows, expected n_clusters = 2"),
        ({"init": [[1.0, 2.0], [1.0, 1.0]]}, ValueError, "init has 2 features, expected 1"),
        ({"init": [[1.0], [np.nan]]}, ValueError, r"init\[1, 0\] = nan"),
        ({"init": None}, TypeError, "init has dtype object"),
        ({"n_init": 0}, ValueError, "n_init = 0, expected at least 1"),
        ({"n_init": "many"}, ValueError, "n_init = 'many', expected 'auto' or an integer"),
        ({"n_init": 1.5}, TypeError, "n_init = 1.5, expected an integer"),
        ({"max_iter": 0}, ValueError, "max_iter = 0, expected at least 1"),
        ({"tol": -1e-4}, ValueError, "tol = -0.0001, expected a finite number"),
        ({"tol": np.inf}, ValueError, "tol = inf, expected a finite number"),
        ({"tol": np.nan}, ValueError, "tol = nan, expected a finite number"),
        ({"tol": "small"}, TypeError, "tol = 'small', expected a number"),
        ({"random_state": -1}, ValueError, "random_state = -1, expected at least 0"),
        ({"random_state": "0"}, TypeError, "random_state = '0', expected an int"),
        ({"random_state": np.random.RandomState(0)}, TypeError, "random_state = RandomState"),
    ],
)
def test_a_bad_setting_is_named(settings, error, message):
    with pytest.raises(error, match=message) as caught:
        KMeans(**{"n_clusters": 2, **settings}).fit(LINE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "x, error, message",
    [
        ([[0.0], [np.nan]], ValueError, r"x\[1, 0\] = nan, expected finite numbers"),
        ([[np.inf], [0.0]], ValueError, r"x\[0, 0\] = inf, expected finite numbers"),
        ([0.0, 1.0], ValueError, r"x has shape \(2,\), expected \(n, C\)"),
        (np.zeros((2, 1, 1)), ValueError, r"x has shape \(2, 1, 1\), expected \(n, C\)"),
        (np.zeros((0, 3)), ValueError, r"x has shape \(0, 3\), expected at least one sample"),
        (np.zeros((3, 0)), ValueError, r"x has shape \(3, 0\), expected at least one sample and one feature"),
        ([[1j], [0]], TypeError, "x has dtype complex128, expected real numbers"),
        ([["a"], ["b"]], TypeError, "x has dtype <U1, expected real numbers"),
        (None, TypeError, "x has dtype object, expected real numbers"),
        ([[1e200], [0]], ValueError, r"x holds 1e\+200"),
        (np.float32([[1e30], [0]]), ValueError, r"x holds 1e\+30"),
        ([[1e-200], [0]], ValueError, "x holds at most 1e-200, expected 1e-138 or more: squares would vanish"),
    ],
)
def test_bad_data_are_named(x, error, message):
    for method in (KMeans(2).fit, KMeans(2, init=LEFT).fit(LINE).predict):
        with pytest.raises(error, match=message) as caught:
            method(x)
        assert "\n" not in str(caught.value)


def test_rows_of_different_lengths_are_refused():
    with pytest.raises((TypeError, ValueError), match="^x has"):  # older NumPy makes an object array of them
        KMeans(2).fit([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize("method", ["predict", "transform", "score"])
def test_fit_comes_first_and_features_agree(method):
    with pytest.raises(NotFittedError, match="KMeans has no cluster_centers_, expected a call of fit first"):
        getattr(KMeans(2), method)(LINE)
    with pytest.raises(ValueError, match="x has 3 features, expected 1"):
        getattr(KMeans(2, init=LEFT).fit(LINE), method)(np.zeros((2, 3)))


def test_a_tie_goes_to_the_lowest_label_in_every_iteration():
    # 2 is as far from 0 as from 4.
    assert KMeans(2, init=[[0.0], [4.0]]).fit([[0], [2], [4]]).cluster_centers_.tolist() == [[1], [4]]


def test_a_start_that_the_dtype_can_not_hold_is_refused():
    with pytest.raises(ValueError, match=r"init\[0, 0\] = inf, expected finite numbers"):
        KMeans(2, init=[[1e100], [0]]).fit(LINE.astype(np.float32))


def test_a_start_may_be_as_near_to_0_as_it_likes():
    assert KMeans(1, init=[[1e-200]]).fit(LINE).cluster_centers_.tolist() == [[6.0]]


def test_a_start_given_as_an_array_is_not_rounded():
    # 1 is nearer to the second centre by 1e-9; in float32 it would be a tie.
    model = KMeans(2, init=[[0.0], [2 - 1e-9]]).fit([[0], [1], [2]])
    assert model.cluster_centers_.tolist() == [[0], [1.5]]


def test_a_cluster_of_copies_keeps_them():
    # As with 50 once: the copies are farthest from their centre, 60, but without them that cluster would be empty.
    model = KMeans(3, init=[[0.0], [60.0], [1000.0]], max_iter=1).fit([[0], [1], [3], [50], [50]])
    np.testing.assert_allclose(model.cluster_centers_, [[0.5], [50], [3]], rtol=1e-12)


def test_clusters_left_over_get_no_new_row_either():
    with pytest.warns(ConvergenceWarning):
        model = KMeans(3).fit([[5.0], [7.0], [5.0]])
    assert model.predict([[0], [-100], [100], [6.5]]).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("seed", range(10))
def test_one_run_from_plus_plus_finds_groups_far_from_the_origin_in_float32(seed):
    # At 1e4 float32 has steps of 1e-3, but ||x||^2 is 6.4e9 with steps of 512, and groups are at squared distance 200.
    x, corner = blobs(seed, k=8, n_features=64, spread=0.01, dtype=np.float32)
    assert adjusted_rand_score(corner, KMeans(8, random_state=seed).fit(x + np.float32(1e4)).labels_) == 1.0


def test_the_inertia_of_float32_data_is_summed_in_float64():
    x, _ = blobs(3, spread=1, dtype=np.float32)
    model = KMeans(5, random_state=0).fit(x)
    own = np.square(x.astype(np.float64) - model.cluster_centers_[model.labels_]).sum()
    assert model.inertia_ == pytest.approx(own, rel=1e-12)  # another order of sums; float32 has 6e-8


def test_data_need_not_lie_row_by_row():
    x, _ = blobs(2, spread=4)
    expected = KMeans(5, random_state=0).fit(x).labels_
    wide = np.repeat(x, 2, axis=1)
    for same in (np.asfortranarray(x), wide[:, ::2], x[::-1].copy()[::-1]):
        np.testing.assert_array_equal(KMeans(5, random_state=0).fit(same).labels_, expected)


def test_sums_of_squares_that_overflow_are_refused_and_others_not():
    # Differences of 2 * 6e152, squared 1.44e306, 100 of them: 1.44e308, below 1.8e308.
    x = np.where(np.arange(100) % 2, 1.0, -1.0)[:, None]
    assert np.isfinite(KMeans(1).fit(6e152 * x).inertia_)
    with pytest.raises(ValueError, match=r"x holds 6e\+153, expected sizes to 6.7e\+152"):
        KMeans(1).fit(6e153 * x)
