"""trustworthiness: by hand, against a double loop with ties everywhere, and misuse.

Rows of small integers: squared distances are exact, so the loop and the code must agree on every tie. The score is a
whole number over another, taken from 1: 1e-15 is the rounding of two operations.

Wrong versions that some test here fails on: ranks from 0; ranks not less k; the own row ranked, or left out by its
distance; neighbours and ranks exchanged; ties in any order; another normalisation; distances by the expanded square.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicluster.cluster import _rows, trustworthiness

ROUNDING = 1e-15


def small_rows(n, n_features):
    return hnp.arrays(np.int64, (n, n_features), elements=st.integers(-2, 2), fill=st.nothing())


def others_by_distance(rows, i):
    """The other rows of i, nearest first, equals by their order."""
    others = [j for j in range(len(rows)) if j != i]
    return sorted(others, key=lambda j: sum((int(p) - int(q)) ** 2 for p, q in zip(rows[i], rows[j])))


def score_by_a_double_loop(x, x_embedded, k):
    n, cost = len(x), 0
    for i in range(n):
        nearest = others_by_distance(x, i)
        for j in others_by_distance(x_embedded, i)[:k]:
            if j not in nearest[:k]:
                cost += nearest.index(j) + 1 - k
    return 1 - Fraction(2, n * k * (2 * n - 3 * k - 1)) * cost


def test_by_hand():
    # Nearest in the embedding (ties to the first): 0 -> 3, 1 -> 3, 2 -> 4, 3 -> 0, 4 -> 1. Their ranks in the data:
    # 3, 3 (0 and 2 are nearer), 4 (1, 3 and 0 come first), 4 (2, 4 and 1), 3. Less 1 each: 2 + 2 + 3 + 3 + 2 = 12.
    # 1 - 2 / (5 * 1 * (10 - 3 - 1)) * 12 = 1/5, as in scikit-learn's test_trustworthiness.
    score = trustworthiness([[0], [1], [2], [3], [4]], [[0], [2], [4], [1], [3]], n_neighbors=1)
    assert score == pytest.approx(1 / 5, abs=ROUNDING)


def test_the_best_and_the_worst():
    x = np.random.default_rng(0).normal(size=(100, 2))
    assert trustworthiness(x, 5 + x / 8) == 1.0  # the same neighbours
    # Farthest in the data: 0 -> 2, 1 -> 2, 2 -> 0, all nearest in the embedding.
    assert trustworthiness([[0], [1], [10]], [[0], [3], [1]], n_neighbors=1) == 0.0
    shuffled = np.random.default_rng(0).permutation(100)[:, None]
    assert trustworthiness(np.arange(100)[:, None], shuffled) < 0.6  # scikit-learn's test has the same bound


def test_five_neighbours_by_default():
    rng = np.random.default_rng(4)
    x, x_embedded = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    scores = {k: trustworthiness(x, x_embedded, n_neighbors=k) for k in (4, 5, 6)}
    assert trustworthiness(x, x_embedded) == scores[5] != scores[4]


def test_neighbours_lost_are_not_its_concern():
    # Nearest in the data 1, 0, 1, 2, in the embedding 1, 0, 3, 2. Row 3 is third of row 2 in the data: 1 - 2/16 * 2;
    # row 1, which row 2 loses, is second in the embedding, and would cost 1 - 2/16 * 1.
    x, x_embedded = [[0], [1], [2.2], [5]], [[0], [1], [20], [21]]
    assert trustworthiness(x, x_embedded, n_neighbors=1) == pytest.approx(3 / 4, abs=ROUNDING)
    assert trustworthiness(x_embedded, x, n_neighbors=1) == pytest.approx(7 / 8, abs=ROUNDING)


@given(st.data(), st.integers(3, 12), st.integers(1, 3))
def test_against_a_double_loop(data, n, n_features):
    x, x_embedded = data.draw(small_rows(n, n_features)), data.draw(small_rows(n, 2))
    n_neighbors = data.draw(st.integers(1, (n - 1) // 2))
    expected = score_by_a_double_loop(x, x_embedded, n_neighbors)
    score = trustworthiness(x, x_embedded, n_neighbors=n_neighbors)
    assert isinstance(score, float) and 0 <= score <= 1
    assert score == pytest.approx(float(expected), abs=ROUNDING)
    squared = np.square(x[:, None] - x).sum(axis=2)  # squares sort as distances do
    for distances in (squared, np.sqrt(squared)):
        given_distances = trustworthiness(distances, x_embedded, n_neighbors=n_neighbors, metric="precomputed")
        assert given_distances == score


def test_copies_do_not_take_a_row_for_its_own_neighbour():
    # Both copies of a place are nearest to each other: rank 1 each.
    x = np.repeat(np.arange(6.0), 2)[:, None]
    assert trustworthiness(x, x, n_neighbors=1) == 1.0
    assert trustworthiness(np.ones((9, 2)), np.ones((9, 1)), n_neighbors=4) == 1.0


@pytest.mark.parametrize("shift", [2.0**40, -(2.0**50)])
def test_rows_far_from_0_score_the_same(shift):
    rng = np.random.default_rng(1)
    x, x_embedded = rng.integers(50, size=(40, 3)).astype(float), rng.integers(50, size=(40, 2)).astype(float)
    assert trustworthiness(x + shift, x_embedded + shift) == trustworthiness(x, x_embedded) < 1


@pytest.mark.parametrize("scale", [2.0**-600, 2.0**400])
def test_scale_does_not_matter(scale):
    rng = np.random.default_rng(5)
    x, x_embedded = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    assert trustworthiness(scale * x, scale * x_embedded) == trustworthiness(x, x_embedded) < 1


def test_blocks_of_rows_do_not_matter(monkeypatch):
    rng = np.random.default_rng(2)
    x, x_embedded = rng.normal(size=(31, 3)), rng.normal(size=(31, 2))
    distances = np.linalg.norm(x[:, None] - x, axis=2)
    before = distances.copy()
    whole = trustworthiness(x, x_embedded)
    for entries in (1, 100):
        monkeypatch.setattr(_rows, "BLOCK_ENTRIES", entries)
        assert trustworthiness(x, x_embedded) == whole
        assert trustworthiness(distances, x_embedded, metric="precomputed") == whole
    np.testing.assert_array_equal(distances, before)  # whose diagonal is overwritten in a copy only


WIDE, FLAT = np.zeros((8, 4)), np.zeros((8, 2))  # rows good in shape


@pytest.mark.parametrize(
    "x, x_embedded, settings, error, message",
    [
        (WIDE, FLAT, {}, ValueError, "n_neighbors = 5, expected less than half the number of rows, 8"),
        (WIDE, FLAT, {"n_neighbors": 4}, ValueError, "n_neighbors = 4, expected less than half"),
        (WIDE, FLAT, {"n_neighbors": 0}, ValueError, "n_neighbors = 0, expected at least 1"),
        (WIDE, FLAT, {"n_neighbors": 2.0}, TypeError, "n_neighbors = 2.0, expected an integer"),
        (WIDE, np.zeros((9, 2)), {}, ValueError, "x_embedded has 9 entries, expected 8 as x has"),
        (WIDE, FLAT + np.nan, {}, ValueError, r"x_embedded\[0, 0\] = nan, expected finite numbers"),
        (WIDE, np.zeros(8), {}, ValueError, r"x_embedded has shape \(8,\), expected \(n, C\)"),
        (np.zeros(8), FLAT, {}, ValueError, r"x has shape \(8,\), expected \(n, C\)"),
        (WIDE, FLAT, {"metric": "precomputed"}, ValueError, r"x has shape \(8, 4\), expected \(n, n\)"),
        (np.ones((8, 8)), FLAT, {"metric": "precomputed"}, ValueError, r"x\[0, 0\] = 1.0, expected 0"),
        (WIDE, FLAT, {"metric": "cosine"}, ValueError, "metric = 'cosine', expected 'euclidean' or 'precomputed'"),
    ],
)
def test_bad_arguments_are_named(x, x_embedded, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        trustworthiness(x, x_embedded, **settings)
    assert "\n" not in str(caught.value)
