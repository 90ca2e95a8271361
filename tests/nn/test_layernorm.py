import numpy as np
from hypothesis import given
from layer_checks import assert_right, inputs_of_any_size

from minicluster.nn import layernorm_backward, layernorm_forward


def test_forward_by_hand():
    # Mean 3, variance (4 + 0 + 4) / 3.
    x = np.array([[1.0, 3.0, 5.0]])
    std = np.sqrt(8 / 3 + 1e-5)
    y, _ = layernorm_forward(x, np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0]))
    np.testing.assert_allclose(y, [[10 - 2 / std, 20, 30 + 6 / std]], rtol=1e-15)  # rounding only


def test_a_constant_vector_becomes_the_bias():
    y, _ = layernorm_forward(np.full((2, 4), 7.0), np.ones(4), np.arange(4.0))
    np.testing.assert_array_equal(y, [np.arange(4.0)] * 2)


@given(inputs_of_any_size({"x": "... C", "weight": "C", "bias": "C"}))
def test_gradients(inputs):
    assert_right(layernorm_forward, layernorm_backward, inputs)


def test_no_gradient_along_a_shift_of_the_whole_vector():
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((3, 4, 6)), rng.standard_normal((3, 4, 6))
    _, cache = layernorm_forward(x, rng.standard_normal(6), rng.standard_normal(6))
    # Sums of 6 numbers of size 1: a few float64 roundings.
    np.testing.assert_allclose(layernorm_backward(dy, cache)["x"].sum(axis=-1), 0, atol=1e-14)
