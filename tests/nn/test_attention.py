import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_checks import SCALES, assert_right

from minicluster.nn import attention_backward, attention_forward
from minicluster.strategies import layer_sizes, starts, well_conditioned_arrays

sizes = st.integers(1, 4)
seeds = st.integers(0, 2**32 - 1)


def random_start(rng, B, T):
    """A start from 0 to t for each query t."""
    return rng.integers(0, np.arange(T) + 1, (B, T))


def test_forward_by_hand():
    # One head of width 1, two tokens. Query 1 scores the keys log 3 and 0, so it weighs the values 3/4 and 1/4.
    q, k, v = [[5.0], [1.0]], [[math.log(3)], [0.0]], [[8.0], [16.0]]
    y, _ = attention_forward(np.concatenate([q, k, v], axis=1)[None], n_heads=1)
    np.testing.assert_allclose(y, [[[8.0], [0.75 * 8 + 0.25 * 16]]], rtol=1e-15)  # rounding only


def test_scores_are_divided_by_the_root_of_the_head_width():
    # One head of width 4: q . k = 4 log 3, over sqrt(4) = 2 log 3, so the weights are 9/10 and 1/10.
    q, k, v = np.ones((2, 4)), np.array([[math.log(3)] * 4, [0.0] * 4]), np.array([[10.0] * 4, [20.0] * 4])
    y, _ = attention_forward(np.concatenate([q, k, v], axis=1)[None], n_heads=1)
    np.testing.assert_allclose(y[0, 1], [11.0] * 4, rtol=1e-15)  # rounding only


@given(B=sizes, T=sizes, H=sizes, D=sizes, seed=seeds)
def test_agrees_with_loops_over_heads_queries_and_keys(B, T, H, D, seed):
    rng = np.random.default_rng(seed)
    qkv = rng.standard_normal((B, T, 3 * H * D))
    start = random_start(rng, B, T)
    y, _ = attention_forward(qkv, H, start)
    expected = np.zeros((B, T, H * D))
    for b, t, h in np.ndindex(B, T, H):
        q, k, v = (qkv[b, :, third * H * D + h * D : third * H * D + (h + 1) * D] for third in range(3))  # (T, D)
        keys = range(start[b, t], t + 1)
        weights = [math.exp(q[t] @ k[j] / math.sqrt(D)) for j in keys]
        expected[b, t, h * D : (h + 1) * D] = sum(w * v[j] for w, j in zip(weights, keys)) / sum(weights)
    # exp of scores up to some tens without the maximum subtracted, and another order of sums.
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)


def test_a_hidden_key_weighs_nothing_however_low_the_visible_scores():
    # Token 0 sees itself only, at a score of -2e30 and with the value 0; token 1, hidden, has the value 7.
    q, k, v = [[1.0], [1.0]], [[-2e30], [0.0]], [[0.0], [7.0]]
    y, _ = attention_forward(np.concatenate([q, k, v], axis=1)[None], n_heads=1)
    assert y[0, 0, 0] == 0


@given(shape=layer_sizes("B T H D"), scale=st.sampled_from(SCALES), data=st.data())
def test_gradients(shape, scale, data):
    B, T, H, D = shape
    qkv = scale * data.draw(well_conditioned_arrays((B, T, 3 * H * D)))
    inputs = {"qkv": qkv, "n_heads": H, "start": data.draw(starts(B, T))}
    assert_right(attention_forward, attention_backward, inputs)


@given(T=st.integers(2, 5), seed=seeds)
def test_nothing_passes_from_a_later_token_to_an_earlier_one_or_back(T, seed):
    rng = np.random.default_rng(seed)
    qkv = rng.standard_normal((1, T, 6))
    changed = qkv.copy()
    changed[0, -1] = rng.standard_normal(6)
    y, cache = attention_forward(qkv, 1)
    y_changed, _ = attention_forward(changed, 1)
    np.testing.assert_array_equal(y[0, :-1], y_changed[0, :-1])
    dy = np.zeros_like(y)
    dy[0, 0] = rng.standard_normal(2)
    np.testing.assert_array_equal(attention_backward(dy, cache)["qkv"][0, 1:], 0)


def test_a_key_before_start_is_not_seen():
    rng = np.random.default_rng(0)
    qkv = rng.standard_normal((1, 3, 6))
    start = np.array([[0, 0, 1]])
    changed = qkv.copy()
    changed[0, 0] = 9
    y, cache = attention_forward(qkv, 1, start)
    y_changed, _ = attention_forward(changed, 1, start)
    np.testing.assert_array_equal(y[0, 2], y_changed[0, 2])
    assert (y[0, 1] != y_changed[0, 1]).all()  # query 1 does see key 0
    dy = np.zeros_like(y)
    dy[0, 2] = rng.standard_normal(2)
    np.testing.assert_array_equal(attention_backward(dy, cache)["qkv"][0, 0], 0)


@given(seed=seeds)
def test_a_bias_on_the_keys_has_no_gradient(seed):
    # It adds the same q . bias to all of a query's scores, which softmax ignores.
    rng = np.random.default_rng(seed)
    y, cache = attention_forward(rng.standard_normal((2, 4, 12)), 2)
    dqkv = attention_backward(rng.standard_normal(y.shape), cache)["qkv"]
    np.testing.assert_allclose(dqkv[..., 4:8].sum(axis=(0, 1)), 0, atol=1e-13)  # sums of 8 roundings of numbers near 1


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        ([[0, 2, 0]], ValueError, "start[0, 1] = 2, expected 0 to 1"),
        ([[-1, 0, 0]], ValueError, "start[0, 0] = -1, expected 0 to 0"),
        ([[0, 0]], ValueError, "start has shape (1, 2), expected (B, T) = (1, 3)"),
        ([[0.0, 0.0, 0.0]], TypeError, "start has dtype float64, expected integers"),
    ],
)
def test_a_start_that_leaves_no_key_is_refused(start, error, message):
    with pytest.raises(error) as caught:
        attention_forward(np.zeros((1, 3, 6)), 1, start)
    assert message in str(caught.value)
