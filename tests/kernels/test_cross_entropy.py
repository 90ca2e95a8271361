import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster import kernels, nn

from .twins import Unwritten, assert_near, dtypes, long_sizes, normal, seeds, sizes


@given(
    leading=st.one_of(long_sizes.map(lambda n: (n,)), st.tuples(st.integers(1, 3), sizes)),
    V=sizes,
    scale=st.sampled_from((0.0, 1.0, 10.0)),
    masked=st.booleans(),
    dtype=dtypes,
    seed=seeds,
)
def test_same_as_nn(leading, V, scale, masked, dtype, seed):
    rng = np.random.default_rng(seed)
    logits, targets = (scale * normal(rng, (*leading, V))).astype(dtype), rng.integers(0, V, leading)
    mask = None
    if masked:
        mask = rng.random(leading) < 0.5
        mask.flat[rng.integers(mask.size)] = True
        targets[~mask] = 10**9  # not read there
    given_arrays = logits.copy(), targets.copy(), None if mask is None else mask.copy()
    loss, dlogits = kernels.cross_entropy(*given_arrays, memory=Unwritten())
    expected, expected_dlogits = nn.cross_entropy(logits.astype(np.float64), targets, mask)
    # float32 rounds logits of some tens to 2e-6, which exp turns into as much of each probability.
    assert_near(loss, expected, dtype, size=1 + scale)
    assert_near(dlogits, expected_dlogits, dtype, size=1 / len(logits.reshape(-1, V)))
    for after, before in zip(given_arrays, (logits, targets, mask)):
        np.testing.assert_array_equal(after, before)


def test_what_nn_accepts_is_accepted():
    loss, dlogits = kernels.cross_entropy([[0.0, 0.0], [9.0, 0.0]], [1, 0], [True, False])  # lists
    assert math.isclose(loss, math.log(2), rel_tol=1e-15)  # rounding
    np.testing.assert_array_equal(dlogits, [[0.5, -0.5], [0, 0]])
    # Axes in another order, and small integers.
    logits, targets = np.arange(12.0).reshape(3, 2, 2).T, np.array([[0, 1, 2], [0, 1, 2]], np.uint8).T[:2, :2]
    for found, expected in zip(kernels.cross_entropy(logits, targets), nn.cross_entropy(logits, targets)):
        np.testing.assert_allclose(found, expected, rtol=1e-13)  # roundings of exp, log and sums of three


def test_huge_logits_stay_finite():
    loss, dlogits = kernels.cross_entropy(np.array([[1e4, 0.0]], np.float32), np.array([1]))
    assert loss == 1e4
    np.testing.assert_array_equal(dlogits, [[1, -1]])


def test_a_row_far_below_another_costs_no_more():
    loss, dlogits = kernels.cross_entropy(np.array([[0.0, 0.0], [-2000.0, -2000.0]]), np.array([0, 1]))
    assert math.isclose(loss, math.log(2), rel_tol=1e-15)  # rounding
    np.testing.assert_array_equal(dlogits, [[-0.25, 0.25], [0.25, -0.25]])


def test_a_logit_of_minus_infinity_rules_a_token_out():
    loss, dlogits = kernels.cross_entropy(np.array([[0.0, 0.0, -np.inf]]), np.array([0]))
    assert math.isclose(loss, math.log(2), rel_tol=1e-15)  # rounding
    np.testing.assert_array_equal(dlogits, [[-0.5, 0.5, 0]])


def test_nan_and_infinity_pass_through_where_tokens_count():
    logits, targets, mask = np.ones((4, 3)), np.array([0, 1, 2, 0]), np.array([True, True, False, True])
    for bad in (np.nan, np.inf):
        for place in range(3):
            for row, counts in enumerate(mask):
                spoilt = logits.copy()
                spoilt[row, place] = bad
                with np.errstate(all="ignore"):
                    loss, dlogits = kernels.cross_entropy(spoilt, targets, mask)
                assert np.isfinite(loss) == (not counts)
                assert np.isfinite(dlogits[row]).all() == (not counts)
                assert np.isfinite(np.delete(dlogits, row, axis=0)).all()
