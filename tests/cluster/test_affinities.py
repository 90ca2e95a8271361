"""t-SNE's affinities: by hand, against their definition, with ties and copies, in any unit.

Tolerances: bisection ends within 1e-5 nats of the entropy, so perplexity, its exponential, is right to 1.1e-5 of
itself. A distribution's sum is right to a few roundings, 1e-12.

Wrong versions that some test here fails on: a row among its own neighbours; entropy in bits, or its sign turned;
precision doubled or halved; views not averaged; not divided by n; no minimum taken off, so that all weights vanish.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.cluster import _rows
from minicluster.cluster.affinities import conditional_affinities, joint_affinities

seeds = st.integers(0, 10**6)


def entropy_of(p):
    """In nats, of each row."""
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)


def test_two_neighbours_by_hand():
    # With weights 1 and r the entropy is log(1 + r) - r log(r) / (1 + r); r = 1/3 makes .562335, perplexity 1.754765.
    # Squared distances 2 and 5 differ by 3: exp(-3 precision) = 1/3.
    p = conditional_affinities(np.array([[2.0, 5.0], [50.0, 20.0]]), 1.754765)
    np.testing.assert_allclose(p, [[0.75, 0.25], [0.25, 0.75]], rtol=0, atol=1e-5)


@given(seed=seeds, m=st.integers(2, 40), share=st.floats(0.01, 0.99), scale=st.sampled_from([1e-100, 1e-6, 1, 1e9]))
def test_every_row_has_the_perplexity_and_is_normal_in_the_distance(seed, m, share, scale):
    rng = np.random.default_rng(seed)
    squared = scale * (rng.gamma(3, size=(5, m)) + rng.integers(0, 2, size=(5, 1)) * 1000)
    perplexity = 1 + share * (m - 1)
    p = conditional_affinities(squared, perplexity)
    assert p.sum(axis=1) == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(np.exp(entropy_of(p)), perplexity, rtol=1.1e-5)
    for row, distances in zip(p, squared):  # log p falls in a straight line: p(j | i) ~ exp(-precision * distance)
        seen = row > 1e-200
        if seen.sum() > 2:
            slope, intercept = np.polyfit(distances[seen] / scale, np.log(row[seen]), 1)
            line = intercept + slope * distances[seen] / scale
            assert slope < 0
            np.testing.assert_allclose(np.log(row[seen]), line, rtol=0, atol=1e-7 * max(1, abs(intercept)))


def test_what_can_not_be_had_is_as_near_as_can_be():
    ties = np.array([[1.0, 1.0, 1.0, 4.0, 9.0]])
    third = [1 / 3, 1 / 3, 1 / 3, 0, 0]
    # Three copies at the smallest distance: no precision makes fewer than three neighbours of them.
    np.testing.assert_allclose(conditional_affinities(ties, 2), [third], rtol=0, atol=1e-12)
    np.testing.assert_allclose(conditional_affinities(ties - 1, 2), [third], rtol=0, atol=1e-12)
    np.testing.assert_allclose(conditional_affinities((ties - 1) * 1e-40, 2), [third], rtol=0, atol=1e-12)
    # All others at most, also if more neighbours are wanted than there are.
    for perplexity in (5, 7, 1e9):
        np.testing.assert_allclose(conditional_affinities(ties, perplexity), np.full((1, 5), 0.2), rtol=1e-4)
    # All equally far: the same for every perplexity.
    for distance in (0, 3.0):
        equal = conditional_affinities(np.full((1, 4), float(distance)), 2)
        np.testing.assert_allclose(equal, np.full((1, 4), 0.25), rtol=1e-12)
    # Perplexity 1, and less: the nearest alone.
    for perplexity in (1, 0.5):
        assert conditional_affinities(np.array([[3.0, 2, 5]]), perplexity)[0, 1] > 0.999


@pytest.mark.parametrize("near", [1e-3, 1e-8, 1e-10, 1e-30, 1e-120])
@pytest.mark.parametrize("far", [1.0, 1e100])
@pytest.mark.parametrize("perplexity", [1.2, 2, 2.999, 3, 7, 10.9, 11, 11.5, 15, 22])
def test_near_neighbours_among_far_ones(near, far, perplexity):
    # 11 rows near, 12 rows far: below 11 neighbours the far ones are none of them, above 11 some of them are.
    rng = np.random.default_rng(0)
    squared = np.concatenate([near * (0.1 + rng.random(11)), far * (1 + rng.random(12))])[None] ** 2
    p = conditional_affinities(squared, perplexity)
    np.testing.assert_allclose(np.exp(entropy_of(p)), perplexity, rtol=1.1e-5)
    if perplexity < 11:
        assert p[0, 11:].sum() < 1e-4


def test_rows_with_ties_do_not_disturb_others():
    rng = np.random.default_rng(0)
    rows = rng.gamma(3, size=(4, 12))
    mixed = np.insert(rows, 2, np.ones(12), axis=0)
    np.testing.assert_array_equal(
        np.delete(conditional_affinities(mixed, 5), 2, axis=0), conditional_affinities(rows, 5)
    )


@given(seed=seeds, n=st.integers(2, 30), perplexity=st.floats(1.5, 40))
def test_joint_affinities(seed, n, perplexity):
    x = np.random.default_rng(seed).normal(size=(n, 3))
    p = joint_affinities(x, perplexity)
    squared = np.square(x[:, None] - x).sum(axis=2)
    views = np.zeros((n, n))
    for i in range(n):
        others = np.delete(np.arange(n), i)
        views[i, others] = conditional_affinities(squared[i : i + 1, others], perplexity)[0]
    np.testing.assert_allclose(p, (views + views.T) / (2 * n), rtol=0, atol=1e-9)  # distances rounded otherwise
    np.testing.assert_array_equal(p, p.T)
    assert (np.diag(p) == 0).all()
    assert p.sum() == pytest.approx(1, rel=1e-12)


def test_float32_rows_are_compared_in_float64():
    # The square of 1e-25 is no float32: all rows would be equally far.
    x = (1e-25 * np.random.default_rng(0).normal(size=(12, 3))).astype(np.float32)
    p = joint_affinities(x, 3)
    np.testing.assert_array_equal(p, joint_affinities(x.astype(np.float64), 3))
    assert p.max() > 2 / (12 * 11)  # twice what each pair would have


def test_blocks_of_rows_do_not_matter(monkeypatch):
    x = np.random.default_rng(0).normal(size=(23, 3))
    whole = joint_affinities(x, 5)
    monkeypatch.setattr(_rows, "BLOCK_ENTRIES", 100)  # 4 rows at a time
    np.testing.assert_allclose(joint_affinities(x, 5), whole, rtol=0, atol=1e-12)
