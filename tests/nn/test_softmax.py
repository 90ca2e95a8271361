import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from layer_checks import assert_right, inputs_of_any_size

from minicluster.nn import softmax_backward, softmax_forward


def test_forward_by_hand():
    p, _ = softmax_forward(np.log([[1.0, 2.0, 5.0]]))
    np.testing.assert_allclose(p, [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-15)  # rounding only


def test_large_entries_do_not_overflow_and_minus_infinity_weighs_nothing():
    p, _ = softmax_forward(np.array([[1000.0, 1000.0, -np.inf]]))
    np.testing.assert_array_equal(p, [[0.5, 0.5, 0]])


@given(inputs_of_any_size({"x": "... K"}))
def test_gradients(inputs):
    assert_right(softmax_forward, softmax_backward, inputs)


@given(inputs=inputs_of_any_size({"x": "n K"}), hidden=st.integers(0, 3), dtype=st.sampled_from([np.float32, float]))
def test_rows_sum_to_1_and_their_gradients_to_0(inputs, hidden, dtype):
    x = inputs["x"].astype(dtype)
    x[:, 1:][:, :hidden] = -np.inf
    p, cache = softmax_forward(x)
    dx = softmax_backward(np.cos(np.arange(x.size)).reshape(x.shape).astype(dtype), cache)["x"]
    assert p.dtype == dx.dtype == dtype and (p >= 0).all()
    few_roundings = 8 * np.finfo(dtype).eps  # of sums of at most four numbers up to 1
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=few_roundings)
    np.testing.assert_allclose(dx.sum(axis=-1), 0, atol=few_roundings)
    assert (p[x == -np.inf] == 0).all() and (dx[x == -np.inf] == 0).all()


def test_a_row_far_below_another_keeps_its_weights():
    # Less the largest entry of all, the second row's exp(-2000) would be 0, and 0 / 0.
    p, _ = softmax_forward(np.array([[0.0, 0.0], [-2000.0, -2000.0]]))
    np.testing.assert_array_equal(p, 0.5)


@given(leading=st.lists(st.integers(1, 3), max_size=3), K=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_each_row_of_a_larger_array_is_as_it_would_be_alone(leading, K, seed):
    rng = np.random.default_rng(seed)
    x, dp = rng.standard_normal((*leading, K)), rng.standard_normal((*leading, K))
    p, cache = softmax_forward(x)
    dx = softmax_backward(dp, cache)["x"]
    for row in np.ndindex(*leading):
        p_row, row_cache = softmax_forward(x[row])
        np.testing.assert_allclose(p[row], p_row, rtol=1e-14)  # a few roundings, of exp and of sums
        np.testing.assert_allclose(dx[row], softmax_backward(dp[row], row_cache)["x"], rtol=0, atol=1e-14)  # likewise
        np.testing.assert_allclose(p_row.sum(), 1, rtol=1e-14)  # likewise
