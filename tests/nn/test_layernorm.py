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


def test_float32_keeps_its_digits_far_from_0():
    # Near 1000 float32 has steps of 6e-5, so that the mean, and with it all of y, may be off by as much. The mean of
    # x^2 less the square of the mean, 1e6 each with steps of 0.06, would lose the variance of 1.
    x = (1000 + np.random.default_rng(0).standard_normal((3, 8))).astype(np.float32)
    weight, bias = np.ones(8, np.float32), np.zeros(8, np.float32)
    y32, y64 = (layernorm_forward(x.astype(dtype), weight, bias)[0] for dtype in (np.float32, np.float64))
    np.testing.assert_allclose(y32, y64, rtol=0, atol=1e-3)


@given(inputs_of_any_size({"x": "... C", "weight": "C", "bias": "C"}))
def test_gradients(inputs):
    assert_right(layernorm_forward, layernorm_backward, inputs)


def test_no_gradient_along_a_shift_of_the_whole_vector():
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((3, 4, 6)), rng.standard_normal((3, 4, 6))
    _, cache = layernorm_forward(x, rng.standard_normal(6), rng.standard_normal(6))
    # Sums of 6 numbers of size 1: a few float64 roundings.
    np.testing.assert_allclose(layernorm_backward(dy, cache)["x"].sum(axis=-1), 0, atol=1e-14)


def test_what_comes_by_the_way_around_the_layer_is_added_to_the_gradient_of_x_only():
    rng = np.random.default_rng(0)
    x, dy, residual = (rng.standard_normal((3, 4, 6)) for _ in range(3))
    _, cache = layernorm_forward(x, rng.standard_normal(6), rng.standard_normal(6))
    without, kept = layernorm_backward(dy, cache), residual.copy()
    gradients = layernorm_backward(dy, cache, residual)
    np.testing.assert_array_equal(gradients["x"], without["x"] + residual)
    np.testing.assert_array_equal(gradients["weight"], without["weight"])
    np.testing.assert_array_equal(gradients["bias"], without["bias"])
    np.testing.assert_array_equal(residual, kept)
