"""Silhouette, Calinski-Harabasz and Davies-Bouldin: by hand, published values, double loops, far from 0, and misuse.

Tolerances: float64 distances of small numbers are right to about 1e-15 relative, and so are means of 40; 1e-12 leaves
room for quotients of differences. Shifts by powers of 2 of integers are exact, and so are compared with ==.

Wrong versions that some test here fails on: a row counted among its own neighbours; the mean distance to all other
clusters' rows, or the largest; not divided by the larger of the two; squared distances; singletons scored 1; degrees of
freedom off by one; clusters' means not weighted by size; distances by the expanded square; radii by squares; the
likeness to the least like cluster; blocks of rows not put together; sampling without the labels.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicluster.cluster import (
    _rows,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_samples,
    silhouette_score,
)
from minicluster.cluster._operations import operations

CLOSE = 1e-12

BY_MEANS = [calinski_harabasz_score, davies_bouldin_score]
SCORES = [silhouette_samples, silhouette_score, *BY_MEANS]

# Four crosses of two places each, five times: means (.5, .5), (3.5, 3.5), (.5, 3.5), (3.5, .5).
# From scikit-learn's test_unsupervised.py, which has their scores.
CROSSES = np.array(
    [[0, 0], [1, 1]] * 5 + [[3, 3], [4, 4]] * 5 + [[0, 4], [1, 3]] * 5 + [[3, 1], [4, 0]] * 5, dtype=np.float64
)
CROSS = np.repeat([0, 1, 2, 3], 10)


def squared_distances(x, y):
    """(n, m)."""
    return operations().squared_distances(x, operations().lay_out(y))


@st.composite
def labelled_rows(draw):
    """Rows of integers in -2..2, so many copies and ties, and labels of which 2..n-1 are different."""
    n, n_features = draw(st.integers(3, 12)), draw(st.integers(1, 3))
    x = draw(hnp.arrays(np.int64, (n, n_features), elements=st.integers(-2, 2), fill=st.nothing()))
    labels = draw(
        st.lists(st.integers(0, 4), min_size=n, max_size=n).filter(lambda labels: 2 <= len(set(labels)) < len(labels))
    )
    return x.astype(np.float64), labels


def silhouettes_by_a_double_loop(x, labels):
    scores = []
    for i, own in enumerate(labels):
        distances = {label: [] for label in labels}
        for j, label in enumerate(labels):
            if j != i:
                distances[label].append(math.dist(x[i], x[j]))
        if not distances[own]:
            scores.append(0.0)
            continue
        a = math.fsum(distances[own]) / len(distances[own])
        b = min(math.fsum(others) / len(others) for label, others in distances.items() if label != own)
        scores.append((b - a) / max(a, b) if max(a, b) > 0 else 0.0)
    return scores


def means_by_label(x, labels):
    labels = np.array(labels)
    return {label: x[labels == label].mean(axis=0) for label in sorted(set(labels.tolist()))}


# Silhouette ---------------------------------------------------------------------------------------


def test_silhouettes_by_hand():
    # The only row of a cluster: 0. Of 1, 1, 2: a = (0 + 1) / 2, again, and (1 + 1) / 2; b = 1 to the 0, again, and 1 to
    # the 3s: .5, .5, 0. Of 3, 3: a = 0, so 1. From scikit-learn's test_cluster_size_1.
    x, labels = [[0.0], [1.0], [1.0], [2.0], [3.0], [3.0]], [0, 1, 1, 1, 2, 2]
    assert silhouette_samples(x, labels).tolist() == [0, 0.5, 0.5, 0, 1, 1]
    assert silhouette_score(x, labels) == 0.5  # 3 / 6


def test_a_row_nearer_to_another_cluster_is_below_0():
    # Row 3 of cluster a: a = (3 + 2) / 2 = 2.5, b = (1 + 2) / 2 = 1.5: -1 / 2.5.
    assert silhouette_samples([[0], [1], [3], [4], [5]], list("aaabb"))[2] == pytest.approx(-0.4, rel=CLOSE)


def test_silhouettes_of_countries():
    # Rousseeuw 1987: dissimilarities of twelve countries (table 1), silhouettes of two and three clusters (figures 2
    # and 3), to 2 digits there.
    lower = """5.58  7.00 6.50  7.08 7.00 3.83  4.83 5.08 8.17 5.83  2.17 5.75 6.67 6.92 4.92
        6.42 5.00 5.58 6.00 4.67 6.42  3.42 5.50 6.42 6.42 5.00 3.92 6.17  2.50 4.92 6.25 7.33 4.50 2.25 6.33 2.75
        6.08 6.67 4.25 2.67 6.00 6.17 6.17 6.92 6.17  5.25 6.83 4.50 3.75 5.75 5.42 6.08 5.83 6.67 3.67
        4.75 3.00 6.08 6.67 5.00 5.58 4.83 6.17 5.67 6.50 6.92"""
    distances = np.zeros((12, 12))
    distances[np.tril_indices(12, -1)] = [float(number) for number in lower.split()]
    distances += distances.T
    # Belgium, Brazil, China, Cuba, Egypt, France, India, Israel, USA, USSR, Yugoslavia, Zaire.
    two = [0.39, 0.22, 0.33, 0.40, 0.20, 0.35, -0.04, 0.30, 0.43, 0.34, 0.26, 0.19]
    three = [0.42, 0.25, 0.31, 0.48, 0.02, 0.44, 0.17, 0.37, 0.47, 0.44, 0.31, 0.28]
    for labels, expected, mean in ("112211211221", two, 0.28), ("123311211332", three, 0.33):
        assert silhouette_samples(distances, labels, metric="precomputed") == pytest.approx(expected, abs=5e-3)
        assert silhouette_score(distances, labels, metric="precomputed") == pytest.approx(mean, abs=5e-3)


def test_distances_that_are_integers():
    # Rows 0 and 1: a = 1, b = 2 and 1; row 2 alone: (1/2 + 0 + 0) / 3. From scikit-learn's tests.
    distances = [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    assert silhouette_score(distances, [0, 0, 1], metric="precomputed") == pytest.approx(1 / 6, rel=CLOSE)


def test_copies_in_different_clusters():
    assert silhouette_samples(np.ones((4, 2)), [0, 0, 1, 1]).tolist() == [0, 0, 0, 0]  # a = b = 0
    # The first two: a = 0, b = 1/2. The third: a = 1, b = 0. The last: a = b = 1.
    assert silhouette_samples([[0], [0], [0], [1]], [0, 0, 1, 1]).tolist() == [1, 1, -1, 0]


@given(labelled_rows())
def test_silhouettes_against_a_double_loop(rows_and_labels):
    x, labels = rows_and_labels
    expected = silhouettes_by_a_double_loop(x, labels)
    samples = silhouette_samples(x, labels)
    assert samples.shape == (len(x),) and samples.dtype == np.float64
    assert samples == pytest.approx(expected, rel=CLOSE, abs=CLOSE)
    assert np.abs(samples).max() <= 1
    assert silhouette_score(x, labels) == pytest.approx(np.mean(expected), abs=CLOSE)
    distances = np.array([[math.dist(p, q) for q in x] for p in x])
    assert silhouette_samples(distances, labels, metric="precomputed") == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


def test_distances_need_not_be_symmetric():
    # Row i has the distances from i: rows 0 and 1 a = 1 and 2, b = 3 and 5; row 2 is alone.
    distances = [[0, 1, 3], [2, 0, 5], [9, 9, 0]]
    assert silhouette_samples(distances, [0, 0, 1], metric="precomputed") == pytest.approx([2 / 3, 3 / 5, 0], rel=CLOSE)


def test_a_sample_of_rows():
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(60, 2)), rng.integers(3, size=60)
    score = silhouette_score(x, labels, sample_size=20, random_state=7)
    sample = np.random.default_rng(7).permutation(60)[:20]
    assert score == silhouette_score(x[sample], labels[sample]) != silhouette_score(x, labels)
    assert silhouette_score(x, labels, sample_size=20, random_state=np.random.default_rng(7)) == score
    assert silhouette_score(x, labels, sample_size=20, random_state=8) != score
    distances = np.sqrt(squared_distances(x, x))
    assert silhouette_score(
        distances, labels, metric="precomputed", sample_size=20, random_state=7
    ) == pytest.approx(score, rel=CLOSE)
    everything = silhouette_score(x, labels, sample_size=1000, random_state=7)
    assert everything == pytest.approx(silhouette_score(x, labels), rel=CLOSE)  # sums in another order


def test_small_numbers_on_the_diagonal_pass():
    # As in scikit-learn's test_silhouette_nonzero_diag: 100 steps at 1 in the dtype of the distances.
    for dtype in (np.float32, np.float64):
        x = np.array([0.2, 0.1, 0.12, 1.34, 1.11, 1.6], dtype)
        distances, labels = np.abs(x[:, None] - x), [0, 0, 0, 1, 1, 1]
        distances[2, 2] = 10 * np.finfo(dtype).eps
        silhouette_samples(distances, labels, metric="precomputed")
        assert silhouette_score(distances, labels, metric="precomputed", sample_size=6) > 0
        distances[2, 2] = 1000 * np.finfo(dtype).eps
        with pytest.raises(ValueError, match=r"x\[2, 2\] = .*, expected 0: the distance from a row to itself"):
            silhouette_samples(distances, labels, metric="precomputed")


# Calinski-Harabasz --------------------------------------------------------------------------------


def test_calinski_harabasz_by_hand():
    # Means 1 and 6 of 0, 2 and 5, 6, 7, of all 4. Between: 2 * 9 + 3 * 4 = 30; within: 1 + 1 + 1 + 1 = 4;
    # (30 / 1) / (4 / 3).
    assert calinski_harabasz_score([[0], [2], [5], [6], [7]], [0, 0, 1, 1, 1]) == pytest.approx(22.5, rel=CLOSE)


def test_published_calinski_harabasz():
    # Within: 40 rows at squared distance 1/2: 20; between: 40 means at squared distance 4.5: 180; 180 * 36 / (20 * 3).
    assert calinski_harabasz_score(CROSSES, CROSS) == pytest.approx(45 * (40 - 4) / (5 * (4 - 1)), rel=CLOSE)


def test_calinski_harabasz_where_little_varies():
    # As scikit-learn defines it.
    assert calinski_harabasz_score(np.ones((10, 2)), [0] * 5 + [1] * 5) == 1.0
    assert calinski_harabasz_score([[-1, -1], [1, 1]] * 10, [0] * 10 + [1] * 10) == 0.0
    # Copies apart. Ten of .1 sum to .9999999999999999, and ten of .6, by which .7 is away, to 5.999999999999999.
    assert calinski_harabasz_score([[0.1]] * 10 + [[0.7]] * 10, [0] * 10 + [1] * 10) == 1.0


@given(labelled_rows())
def test_calinski_harabasz_against_loops(rows_and_labels):
    x, labels = rows_and_labels
    means, overall = means_by_label(x, labels), x.mean(axis=0)
    between = math.fsum(labels.count(label) * math.dist(mean, overall) ** 2 for label, mean in means.items())
    within = math.fsum(math.dist(row, means[label]) ** 2 for row, label in zip(x, labels))
    score = calinski_harabasz_score(x, labels)
    if within < CLOSE:  # 0 but for rounding in the loop
        assert score == 1.0
    else:
        expected = (between / (len(means) - 1)) / (within / (len(x) - len(means)))
        assert score == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


# Davies-Bouldin -----------------------------------------------------------------------------------


def test_davies_bouldin_by_hand():
    # Means 1, 6 and 20, radii 1, 2/3 and 0. Likeness 1 and 2: (5/3) / 5 = 1/3; 1 and 3: 1 / 19; 2 and 3: (2/3) / 14.
    # Largest: 1/3, 1/3, 1/19.
    score = davies_bouldin_score([[0], [2], [5], [6], [7], [20]], [0, 0, 1, 1, 1, 2])
    assert score == pytest.approx((1 / 3 + 1 / 3 + 1 / 19) / 3, rel=CLOSE)


@pytest.mark.parametrize(
    "x, labels, score",
    [
        # From scikit-learn's tests. Radii sqrt(1/2), nearest means at 3.
        (CROSSES, CROSS, 2 * math.sqrt(0.5) / 3),
        # Radii sqrt(2), 0, 0; means 1, 3, 5 on the diagonal: 1/2, 1/2, 1/4.
        ([[0, 0], [2, 2], [3, 3], [5, 5]], [0, 0, 1, 2], (5 / 4) / 3),
        # From its documentation, there 0.12: radius 1/2, means (.5, 1) and (3, 4).
        ([[0, 1], [1, 1], [3, 4]], [0, 0, 1], 0.5 / math.sqrt(2.5**2 + 3**2)),
    ],
)
def test_published_davies_bouldin(x, labels, score):
    assert davies_bouldin_score(x, labels) == pytest.approx(score, rel=CLOSE)


def test_davies_bouldin_where_little_varies():
    # As scikit-learn defines it.
    assert davies_bouldin_score(np.ones((10, 2)), [0] * 5 + [1] * 5) == 0.0
    assert davies_bouldin_score([[-1, -1], [1, 1]] * 10, [0] * 10 + [1] * 10) == 0.0
    assert davies_bouldin_score([[0.1], [0.1], [0.7], [0.7]], [0, 0, 1, 1]) == 0.0
    # Two clusters around 0, one around 10: the pair with the same mean is passed over. Radii 1, 2, 1: 2/10, 3/10, 3/10.
    score = davies_bouldin_score([[-1], [1], [-2], [2], [9], [11]], [0, 0, 1, 1, 2, 2])
    assert score == pytest.approx(0.8 / 3, rel=CLOSE)


def test_means_that_only_rounding_keeps_apart_are_the_same():
    # The same rows forwards and backwards. Left to rounding, the likeness of the two is 1e15 or so.
    labels = [0] * 7 + [1] * 7
    for seed in range(20):
        rows = np.random.default_rng(seed).normal(size=(7, 2))
        x = np.vstack([rows, rows[::-1]])
        assert davies_bouldin_score(x, labels) == 0.0
        assert davies_bouldin_score(np.vstack([x, [[100, 100]]]), [*labels, 2]) < 1


@given(labelled_rows())
def test_davies_bouldin_against_loops(rows_and_labels):
    x, labels = rows_and_labels
    means = means_by_label(x, labels)
    radii = {
        own: np.mean([math.dist(row, means[own]) for row, label in zip(x, labels) if label == own]) for own in means
    }
    largest = []
    for first in means:
        likeness = [0.0]
        for second in means:
            apart = math.dist(means[first], means[second])
            if apart > CLOSE:  # the same but for rounding in the loop
                likeness.append((radii[first] + radii[second]) / apart)
        largest.append(max(likeness))
    assert davies_bouldin_score(x, labels) == pytest.approx(np.mean(largest), rel=CLOSE, abs=CLOSE)


# All of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES)
@given(rows_and_labels=labelled_rows(), names=st.permutations(range(5)))
def test_names_of_labels_do_not_matter(score, rows_and_labels, names):
    x, labels = rows_and_labels
    renamed = [("cluster", names[label]) for label in labels]
    # Sums over clusters in another order.
    assert score(x, renamed) == pytest.approx(score(x, labels), rel=CLOSE, abs=CLOSE)


@pytest.mark.parametrize("score", SCORES)
@given(rows_and_labels=labelled_rows(), data=st.data())
def test_order_of_rows_does_not_matter(score, rows_and_labels, data):
    x, labels = rows_and_labels
    order = data.draw(st.permutations(range(len(x))))
    expected, shuffled = score(x, labels), score(x[order], [labels[i] for i in order])
    if score is silhouette_samples:
        expected = expected[order]
    assert shuffled == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


@pytest.mark.parametrize("score", SCORES)
@given(rows_and_labels=labelled_rows(), scale=st.sampled_from([2.0**-600, 2.0**-30, 2.0**30, 2.0**400]))
def test_scale_does_not_matter(score, rows_and_labels, scale):
    x, labels = rows_and_labels
    np.testing.assert_array_equal(score(scale * x, labels), score(x, labels))  # powers of 2, so all stays exact


@pytest.mark.parametrize("score", SCORES)
@given(rows_and_labels=labelled_rows(), shift=st.sampled_from([2.0**40, -(2.0**50)]))
def test_rows_far_from_0_score_the_same(score, rows_and_labels, shift):
    # At 2**50, whole numbers are 4 steps of float64 apart; their squares, at 2**100, are not told apart any more.
    x, labels = rows_and_labels
    np.testing.assert_array_equal(score(x + shift, labels), score(x, labels))


@pytest.mark.parametrize("score", SCORES)
def test_a_far_cluster_does_not_blur_the_others(score):
    # Seen from 1e12, steps of float64 are 1e-4, and nothing of clusters of size 1e-6 is left.
    near, labels = 1e-6 * np.random.default_rng(6).normal(size=(30, 2)), np.arange(30) % 3
    far = np.full((4, 2), 1e12)
    scores = [score(np.vstack([x, near]), [9, 9, 9, 9, *labels]) for x in (far, far / 1e6)]
    if score is calinski_harabasz_score:
        scores[1] *= 1e12  # which grows with the square of the distance
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)  # what a distance of 1e6, not infinite, may change


@pytest.mark.parametrize("score", SCORES)
def test_float32_rows_are_scored_in_float64(score):
    rng = np.random.default_rng(0)
    x, labels = (rng.normal(size=(50, 3)) + 1000).astype(np.float32), rng.integers(4, size=50)
    np.testing.assert_array_equal(score(x, labels), score(x.astype(np.float64), labels))


@pytest.mark.parametrize("score", SCORES)
def test_arguments_are_not_changed(score):
    x, labels = np.random.default_rng(1).normal(size=(12, 2)), np.arange(12) % 3
    x_before, labels_before = x.copy(), labels.copy()
    score(x, labels)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(labels, labels_before)


@pytest.mark.parametrize("entries", [1, 30, 100])
def test_blocks_of_rows_do_not_matter(entries, monkeypatch):
    rng = np.random.default_rng(2)
    x, labels = rng.normal(size=(23, 3)), rng.integers(6, size=23)
    distances = np.sqrt(squared_distances(x, x))
    whole = [score(x, labels) for score in SCORES]
    precomputed = silhouette_samples(distances, labels, metric="precomputed")
    monkeypatch.setattr(_rows, "BLOCK_ENTRIES", entries)
    for score, expected in zip(SCORES, whole):
        np.testing.assert_array_equal(score(x, labels), expected)
    np.testing.assert_array_equal(silhouette_samples(distances, labels, metric="precomputed"), precomputed)


# The work -----------------------------------------------------------------------------------------


def test_distance_sums_by_hand():
    x, codes = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0], [0.0, 0.0]]), np.array([3, 1, 3, 1])
    expected = [[0, 5, 0, 10], [0, 5, 0, 10], [0, 15, 0, 10], [0, 5, 0, 10]]  # groups 0 and 2 have no rows
    assert operations().distance_sums(x, codes, 5).tolist() == [[*row, 0] for row in expected]


def test_squared_distances_of_far_rows_are_exact():
    x, y = np.array([[2.0**50, 0.0], [2.0**50 + 4, -1.0]]), np.array([[2.0**50 + 4, 2.0]])
    assert squared_distances(x, y).tolist() == [[20], [9]]
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 64)) + 1e6
    assert (squared_distances(rows, rows.copy()).diagonal() == 0).all()


# Misuse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    "x, labels, error, message",
    [
        (np.zeros((4, 2)), [0, 0, 0, 0], ValueError, "labels has 1 different labels, expected 2 to n - 1 = 3"),
        (np.zeros((4, 2)), [0, 1, 2, 3], ValueError, "labels has 4 different labels, expected 2 to n - 1 = 3"),
        (np.zeros((4, 2)), [0, 1, 1], ValueError, "labels has 3 entries, expected 4 as x has"),
        (np.zeros((4, 2)), [], ValueError, "labels is empty"),
        (np.zeros((4, 2)), np.zeros((4, 1)), ValueError, r"labels has shape \(4, 1\), expected \(n,\)"),
        (np.zeros((4, 2)), [0, 1, np.nan, 1], ValueError, r"labels\[2\] = nan"),
        (np.zeros(4), [0, 0, 1, 1], ValueError, r"x has shape \(4,\), expected \(n, C\)"),
        ([[0], [1], [np.nan], [1]], [0, 0, 1, 1], ValueError, r"x\[2, 0\] = nan, expected finite numbers"),
        ([[0], [1], [np.inf], [1]], [0, 0, 1, 1], ValueError, r"x\[2, 0\] = inf, expected finite numbers"),
        ([["a"], ["b"], ["c"]], [0, 0, 1], TypeError, "x has dtype <U1, expected real numbers"),
    ],
)
def test_bad_rows_and_labels_are_named(score, x, labels, error, message):
    with pytest.raises(error, match=message) as caught:
        score(x, labels)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("score", [silhouette_samples, silhouette_score])
@pytest.mark.parametrize(
    "x, metric, message",
    [
        (np.zeros((3, 2)), "precomputed", r"x has shape \(3, 2\), expected \(n, n\): distances"),
        ([[0, 1, 2], [1, 0, -1], [2, -1, 0]], "precomputed", r"x\[1, 2\] = -1.0, expected distances, at least 0"),
        ([[0, 1, 2], [1, 1, 1], [2, 1, 0]], "precomputed", r"x\[1, 1\] = 1.0, expected 0: the distance from a row"),
        (np.zeros((3, 2)), "cosine", "metric = 'cosine', expected 'euclidean' or 'precomputed'"),
        (np.zeros((3, 2)), None, "metric = None, expected 'euclidean' or 'precomputed'"),
    ],
)
def test_bad_distances_and_metrics_are_named(score, x, metric, message):
    with pytest.raises(ValueError, match=message) as caught:
        score(x, [0, 0, 1], metric=metric)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"sample_size": 0}, ValueError, "sample_size = 0, expected at least 1"),
        ({"sample_size": 2.5}, TypeError, "sample_size = 2.5, expected an integer"),
        ({"sample_size": 2, "random_state": 0}, ValueError, "labels has [12] different labels, expected 2 to .* = 1"),
        ({"sample_size": 3, "random_state": "0"}, TypeError, "random_state = '0', expected an int"),
        ({"random_state": -1}, ValueError, "random_state = -1, expected at least 0"),
    ],
)
def test_bad_samples_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        silhouette_score([[0], [1], [5], [6]], [0, 0, 1, 1], **settings)
