"""t-SNE: its gradient against the complex step, its descent against one written out here, and what it must show.

Tolerances: the descent is in float32, whose rounding, 6e-8, it magnifies: a few steps agree to 1e-4 of the largest
coordinate. Divergences from sums over float32 affinities agree with their definition to 1e-5.

Wrong versions that some test here fails on: the gradient without its factor 4, without w, or with p and q exchanged;
exaggeration never ended; momentum or gains forgotten; a start from coordinates of another size; snapshots of what comes
later; iterations counted from 0.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.cluster import PCA, TSNE, KNeighborsClassifier, tsne
from minicluster.cluster.affinities import joint_affinities
from minicluster.cluster.tsne import _Stage, kl_divergence_backward, kl_divergence_forward
from minicluster.gradcheck import check_gradients

seeds = st.integers(0, 10**6)


def groups(seed=0, n_groups=3, per_group=20, n_features=10, distance=20.0):
    """Normal rows around corners far apart, and the group of each."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), per_group)
    return distance * np.eye(n_groups, n_features)[group] + rng.normal(size=(len(group), n_features)), group


def small_affinities(seed, n):
    return joint_affinities(np.random.default_rng(seed).normal(size=(n, 3)), min(5, n - 1) * 0.7)


# The divergence and its gradient ------------------------------------------------------------------


def test_the_divergence_by_hand():
    # Points 0, 1 and 3 on a line: w = 1/2 between the first two, 1/10 and 1/5 to the third. z = 2 * .8, so q = 5/16,
    # 1/16 and 2/16, each twice; p = 1/4, 1/8, 1/8.
    p = np.array([[0, 2, 1], [2, 0, 1], [1, 1, 0]]) / 8
    expected = 2 * (np.log(4 / 5) / 4 + np.log(2) / 8 + 0)
    kl, _ = kl_divergence_forward(np.array([[0.0], [1.0], [3.0]]), p)
    assert kl == pytest.approx(expected, rel=1e-12)


def test_the_gradient_by_hand():
    # Two points at distance d: p = q = 1/2 whatever d is, so nothing moves. With a third, far from both, at (0, 7):
    # w_12 = 1/5, w_13 = w_23 = 1/51; z = 2 (1/5 + 2/51); the first is pushed along x by the second alone.
    p = np.array([[0, 1], [1, 0]]) / 2
    _, cache = kl_divergence_forward(np.array([[0.0, 0], [2, 1]]), p)
    assert np.abs(kl_divergence_backward(1.0, cache)["embedding"]).max() < 1e-15
    p = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 6
    points = np.array([[-1.0, 0], [1, 0], [0, 7]])
    _, cache = kl_divergence_forward(points, p)
    w12, w13 = 1 / 5, 1 / 51
    z = 2 * (w12 + 2 * w13)
    along_x = 4 * ((1 / 6 - w12 / z) * w12 * -2 + (1 / 6 - w13 / z) * w13 * -1)
    along_y = 4 * (1 / 6 - w13 / z) * w13 * -7
    np.testing.assert_allclose(kl_divergence_backward(1.0, cache)["embedding"][0], [along_x, along_y], rtol=1e-12)


@given(seed=seeds, n=st.integers(2, 8), d=st.integers(1, 3), spread=st.sampled_from([1e-2, 1.0, 10.0]))
def test_the_gradient(seed, n, d, spread):
    p = small_affinities(seed, n)
    points = spread * np.random.default_rng(seed).normal(size=(n, d))
    check_gradients(
        lambda embedding: kl_divergence_forward(embedding, p), kl_divergence_backward, {"embedding": points}
    )


@given(seed=seeds, n=st.integers(2, 20), d=st.integers(1, 3))
def test_nothing_moves_all_points_alike(seed, n, d):
    # The divergence knows only distances between points: shifting all of them changes nothing.
    points = np.random.default_rng(seed).normal(size=(n, d))
    _, cache = kl_divergence_forward(points, small_affinities(seed, n))
    gradient = kl_divergence_backward(1.0, cache)["embedding"]
    np.testing.assert_allclose(gradient.sum(axis=0), 0, rtol=0, atol=1e-14 * n)


# The descent --------------------------------------------------------------------------------------


def descend(x, perplexity, max_iter, learning_rate, points, exaggeration=12.0):
    """The same in float64, by the formulas that `kl_divergence_backward` proves."""
    p = joint_affinities(x, perplexity)
    update, gains = np.zeros_like(points), np.ones_like(points)
    for iteration in range(max_iter):
        early = iteration < 250
        if iteration == 250:
            update, gains = np.zeros_like(points), np.ones_like(points)
        _, (_, difference, w, q) = kl_divergence_forward(points, p)
        gradient = 4 * ((((exaggeration if early else 1) * p - q) * w)[:, :, None] * difference).sum(axis=1)
        gains = np.clip(np.where(update * gradient < 0, gains + 0.2, gains * 0.8), 0.01, None)
        update = (0.5 if early else 0.8) * update - learning_rate * gains * gradient
        points = points + update
    return points, kl_divergence_forward(points, p)[0]


@pytest.mark.parametrize("n_components", [1, 2, 3])
@pytest.mark.parametrize("max_iter", [1, 3, 12])
def test_the_first_iterations(n_components, max_iter):
    x, _ = groups()
    init = np.random.default_rng(1).normal(size=(len(x), n_components))
    learning_rate = 1.0  # at 50, points jump, and float32 and float64 part after ten iterations
    expected, kl = descend(x, 8.0, max_iter, learning_rate, init)
    model = TSNE(n_components, perplexity=8.0, learning_rate=learning_rate, max_iter=max_iter, init=init).fit(x)
    assert model.n_iter_ == max_iter
    assert model.embedding_.dtype == np.float32
    np.testing.assert_allclose(model.embedding_, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert model.kl_divergence_ == pytest.approx(kl, rel=1e-4)


def test_exaggeration_ends_after_250_iterations():
    # Slowly, so that float32 stays near float64.
    x = np.array([[0.0], [1.0], [2.5], [3.0], [5.0]])
    init = np.random.default_rng(0).normal(size=(5, 1))
    settings = {"perplexity": 2.0, "learning_rate": 0.5, "init": init, "early_exaggeration": 4.0, "min_grad_norm": 0}
    for max_iter in (249, 250, 251, 260):
        expected, kl = descend(x, 2.0, max_iter, 0.5, init, exaggeration=4.0)
        model = TSNE(1, max_iter=max_iter, **settings).fit(x)
        np.testing.assert_allclose(model.embedding_, expected, rtol=0, atol=1e-3 * np.abs(expected).max())
        assert model.kl_divergence_ == pytest.approx(kl, rel=1e-3)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("seed", range(3))
def test_groups_far_apart_stay_apart(seed, init):
    x, group = groups(seed)
    model = TSNE(perplexity=10, init=init, random_state=seed).fit(x)
    nearest = KNeighborsClassifier(1).fit(model.embedding_, group).kneighbors(return_distance=False)[:, 0]
    assert (group[nearest] == group).all()
    kl, _ = kl_divergence_forward(model.embedding_.astype(np.float64), joint_affinities(x, 10))
    assert model.kl_divergence_ == pytest.approx(kl, rel=1e-5)
    assert kl < 0.5  # three groups of 20 whose rows differ in 10 directions; a random picture has 1.9


def test_what_decides_the_first_points():
    x, _ = groups()
    settings = {"perplexity": 5, "max_iter": 1, "learning_rate": 1e-300, "snapshot_every": 1}
    pca = TSNE(init="pca", **settings).fit(x).snapshots_[0]
    components = PCA(2).fit_transform(x)
    np.testing.assert_allclose(pca, 1e-4 * components / components[:, 0].std(), rtol=0, atol=1e-9)
    random = TSNE(init="random", random_state=7, **settings).fit(x).snapshots_[0]
    expected = 1e-4 * np.random.default_rng(7).standard_normal((60, 2))
    np.testing.assert_allclose(random, expected, rtol=1e-6)
    given = np.random.default_rng(0).normal(size=(60, 2))
    np.testing.assert_allclose(TSNE(init=given, **settings).fit(x).snapshots_[0], given, rtol=1e-6)


def test_same_seed_same_picture():
    x, _ = groups()

    def picture(**settings):
        return TSNE(perplexity=5, max_iter=300, **settings).fit_transform(x)

    np.testing.assert_array_equal(picture(), picture(random_state=3))  # components leave nothing to chance
    np.testing.assert_array_equal(picture(init="random", random_state=3), picture(init="random", random_state=3))
    assert (picture(init="random", random_state=3) != picture(init="random", random_state=4)).any()


def test_snapshots():
    x, _ = groups()
    model = TSNE(perplexity=5, max_iter=25, snapshot_every=10).fit(x)
    assert model.snapshot_iterations_.tolist() == [0, 10, 20, 25]
    assert model.snapshots_.shape == (4, 60, 2) and model.snapshots_.dtype == np.float32
    for iteration, points in zip((10, 20, 25), model.snapshots_[1:]):
        np.testing.assert_array_equal(points, TSNE(perplexity=5, max_iter=iteration).fit(x).embedding_)
    assert TSNE(perplexity=5, max_iter=20, snapshot_every=10).fit(x).snapshot_iterations_.tolist() == [0, 10, 20]
    assert not hasattr(TSNE(perplexity=5, max_iter=1).fit(x), "snapshots_")


def test_snapshots_keep_their_rhythm_when_the_exaggeration_ends():
    model = TSNE(perplexity=5, max_iter=320, snapshot_every=60).fit(groups()[0])
    assert model.snapshot_iterations_.tolist() == [0, 60, 120, 180, 240, 300, 320]


def test_the_learning_rate():
    x, _ = groups(per_group=200, n_groups=5)
    for settings, expected in (
        ({}, 50),
        ({"early_exaggeration": 4.0}, 1000 / 4 / 4),
        ({"learning_rate": 7}, 7),
    ):
        assert TSNE(max_iter=1, **settings).fit(x).learning_rate_ == expected


def test_it_ends_when_the_gradient_is_short():
    x, _ = groups()
    # It is no longer than this at the first look of each stage.
    assert TSNE(perplexity=5, max_iter=5000, min_grad_norm=1e9).fit(x).n_iter_ == 100


@pytest.mark.parametrize("factor, n_iter", [(1.1, 50), (0.9, 100)])
def test_what_is_short(factor, n_iter):
    x, _ = groups()
    points, affinities = x[:, :2].astype(np.float32), joint_affinities(x, 5).astype(np.float32)

    def move(min_grad_norm, last):
        model = TSNE(min_grad_norm=min_grad_norm)
        model.learning_rate_ = 1.0
        return model._move(points, affinities, lambda points: 1.0, _Stage(0, last, 1, 0.8, 1000), {})

    _, cache = kl_divergence_forward(move(0, 49)[0].astype(np.float64), joint_affinities(x, 5))
    norm = np.linalg.norm(kl_divergence_backward(1.0, cache)["embedding"])  # of the 50th gradient
    assert norm < 0.1  # so its square is much smaller
    assert move(factor * norm, 100)[1] == n_iter


@pytest.mark.parametrize("patience, divergences, n_iter", [
    (100, [3, 2, 2.5, 2, 2.1], 250),  # the lowest after 100 iterations; 100 more are not too many, 150 are
    (49, [3, 3], 100),
    (50, [3, 3, 3], 150),
    (100, [5, 4, 3, 3.5, 2, 1, 1, 1, 1], 450),
])  # fmt: skip
def test_it_ends_when_the_divergence_no_longer_falls(patience, divergences, n_iter):
    x, _ = groups()
    found = iter(divergences)
    points, affinities = x[:, :2].astype(np.float32), joint_affinities(x, 5).astype(np.float32)
    model = TSNE(perplexity=5)
    model.learning_rate_ = 1.0
    _, done = model._move(points, affinities, lambda points: next(found), _Stage(0, 1000, 1, 0.8, patience), {})
    assert done == n_iter and not list(found)


def test_patience_begins_after_the_exaggeration(monkeypatch):
    # The divergence is of affinities that are not exaggerated, so it may rise before 250. Here it never falls: after
    # that, the first look, at 300, finds the lowest, and the second one ends it.
    monkeypatch.setattr(tsne, "_divergence_from", lambda affinities: lambda points: 1.0)
    model = TSNE(perplexity=5, n_iter_without_progress=1, min_grad_norm=0).fit(groups()[0])
    assert model.n_iter_ == 350


def test_progress_is_told_if_asked_for(capsys):
    x, _ = groups()
    TSNE(perplexity=5, max_iter=100).fit(x)
    assert capsys.readouterr() == ("", "")
    model = TSNE(perplexity=5, max_iter=300, verbose=1).fit(x)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert [line.split()[2] for line in lines] == [f"{k}/300:" for k in (50, 100, 150, 200, 250, 300)]
    assert float(lines[-1].split()[4].rstrip(",")) == pytest.approx(model.kl_divergence_, abs=1e-6)


# Corners ------------------------------------------------------------------------------------------


def test_copies_stay_together_and_nothing_is_nan():
    x, _ = groups(per_group=5)
    doubled = np.repeat(x, 4, axis=0)  # each row four times, and a perplexity below four
    points = TSNE(perplexity=2, max_iter=300).fit_transform(doubled).reshape(-1, 4, 2)
    assert np.isfinite(points).all()
    assert np.ptp(points, axis=1).max() < 0.05 * np.ptp(points.reshape(-1, 2), axis=0).max()


def test_all_rows_equal():
    model = TSNE(perplexity=3, max_iter=300).fit(np.full((9, 4), 2.0))
    np.testing.assert_array_equal(model.embedding_, 0)
    assert model.kl_divergence_ == pytest.approx(0, abs=1e-6)  # all pairs alike, in the data as in the picture


def test_two_rows():
    model = TSNE(1, perplexity=1, max_iter=300).fit([[0.0], [1.0]])
    assert np.isfinite(model.embedding_).all() and model.kl_divergence_ == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("perplexity, warned", [(59, False), (59.5, True), (60, True), (1000, True)])
def test_more_neighbours_than_there_are(perplexity, warned, recwarn):
    x, _ = groups()
    model = TSNE(perplexity=perplexity, max_iter=260).fit(x)
    assert np.isfinite(model.embedding_).all()
    messages = [str(one.message) for one in recwarn]
    expected = f"perplexity = {perplexity}, more than the 59 neighbours of each of n = 60 samples"
    assert messages == [f"{expected}: all of them count alike"] * warned
    assert not warned or (recwarn[0].category is UserWarning and recwarn[0].filename == __file__)


def test_the_unit_of_the_data_does_not_matter():
    x, _ = groups()
    first, *others = (
        TSNE(perplexity=5, max_iter=5).fit_transform(scale * x) for scale in (1.0, 2.0**-100, 2.0**100)
    )
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_data_are_left_unchanged():
    x, init = groups()[0], np.zeros((60, 2))
    init[:, 0] = np.arange(60)
    before = x.copy(), init.copy()
    TSNE(perplexity=5, max_iter=3, init=init).fit(x)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(init, before[1])


def test_defaults_are_those_of_scikit_learn():
    defaults = {"n_components": 2, "perplexity": 30.0, "early_exaggeration": 12.0, "learning_rate": "auto"}
    defaults |= {"max_iter": 1000, "n_iter_without_progress": 300, "min_grad_norm": 1e-7, "init": "pca", "verbose": 0}
    assert vars(TSNE()) == {**defaults, "random_state": None, "method": "exact", "snapshot_every": None}


# Misuse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"n_components": 0}, ValueError, "n_components = 0, expected at least 1"),
        ({"n_components": 2.0}, TypeError, "n_components = 2.0, expected an integer"),
        ({"n_components": 11}, ValueError, "init = 'pca' with n_components = 11, expected at most 10"),
        ({"perplexity": 0}, ValueError, "perplexity = 0, expected a finite number, above 0"),
        ({"perplexity": -5.0}, ValueError, "perplexity = -5.0, expected a finite number, above 0"),
        ({"perplexity": np.nan}, ValueError, "perplexity = nan, expected a finite number, above 0"),
        ({"perplexity": "30"}, TypeError, "perplexity = '30', expected a number"),
        ({"perplexity": 10**400}, ValueError, "perplexity = 10*, expected a finite number, above 0"),
        ({"early_exaggeration": 0.5}, ValueError, "early_exaggeration = 0.5, expected a finite number, at least 1"),
        ({"learning_rate": 0}, ValueError, "learning_rate = 0, expected a finite number, above 0"),
        ({"learning_rate": "fast"}, ValueError, "learning_rate = 'fast', expected 'auto' or a number"),
        ({"learning_rate": 1e30}, ValueError, r"learning_rate = 1e\+30, expected less: the points have run to inf"),
        ({"max_iter": 0}, ValueError, "max_iter = 0, expected at least 1"),
        ({"n_iter_without_progress": 0}, ValueError, "n_iter_without_progress = 0, expected at least 1"),
        ({"min_grad_norm": -1}, ValueError, "min_grad_norm = -1, expected a finite number, at least 0"),
        ({"init": "best"}, ValueError, r"init = 'best', expected 'pca', 'random' or an \(n, n_components\) array"),
        ({"init": np.zeros((5, 2))}, ValueError, "init has 5 rows, expected 60 as x has"),
        ({"init": np.zeros((60, 3))}, ValueError, "init has 3 features, expected 2"),
        ({"init": np.full((60, 2), np.nan)}, ValueError, r"init\[0, 0\] = nan"),
        ({"init": np.full((60, 2), 1e100)}, ValueError, r"init\[0, 0\] = inf, expected finite numbers"),
        ({"method": "barnes_hut"}, ValueError, "method = 'barnes_hut', expected 'exact'"),
        ({"snapshot_every": 0}, ValueError, "snapshot_every = 0, expected at least 1"),
        ({"random_state": -1}, ValueError, "random_state = -1, expected at least 0"),
    ],
)
def test_a_bad_setting_is_named(settings, error, message):
    with pytest.raises(error, match=message) as caught:
        TSNE(**{"perplexity": 5, "max_iter": 60, **settings}).fit(groups()[0])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "x, error, message",
    [
        ([[0.0], [np.nan]], ValueError, r"x\[1, 0\] = nan, expected finite numbers"),
        ([0.0, 1.0], ValueError, r"x has shape \(2,\), expected \(n, C\)"),
        ([[0.0, 1.0]], ValueError, "x has 1 sample, expected at least 2"),
        ([["a"], ["b"]], TypeError, "x has dtype <U1, expected real numbers"),
    ],
)
def test_bad_data_are_named(x, error, message):
    with pytest.raises(error, match=message):
        TSNE(1, perplexity=1).fit(x)
