import numpy as np
from hypothesis import given
from layer_checks import assert_right, inputs_of_any_size

from minicluster.nn import linear_backward, linear_forward


def test_forward_by_hand():
    x = np.array([[1.0, 2.0]])
    weight = np.array([[1.0, 0.0, -1.0], [3.0, 5.0, 0.5]])
    y, _ = linear_forward(x, weight, np.array([10.0, 20.0, 30.0]))
    np.testing.assert_array_equal(y, [[1 + 6 + 10, 10 + 20, -1 + 1 + 30]])


@given(inputs_of_any_size({"x": "... n_in", "weight": "n_in n_out", "bias": "n_out"}))
def test_gradients(inputs):
    assert_right(linear_forward, linear_backward, inputs)


@given(inputs_of_any_size({"x": "... n_in", "weight": "n_in n_out", "bias": "n_out", "residual": "... n_out"}))
def test_gradients_with_a_residual(inputs):
    def backward(dy, cache):
        return {**linear_backward(dy, cache), "residual": dy.copy()}

    assert_right(linear_forward, backward, inputs)


def test_a_residual_is_added_and_stays_as_it_is():
    x, weight, bias, residual = np.array([[2.0]]), np.array([[3.0]]), np.array([10.0]), np.array([[100.0]])
    y, _ = linear_forward(x, weight, bias, residual)
    np.testing.assert_array_equal(y, [[116.0]])
    np.testing.assert_array_equal(residual, [[100.0]])
