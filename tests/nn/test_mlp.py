import numpy as np
from hypothesis import given
from layer_checks import assert_right, inputs_of_any_size

from minicluster.nn import mlp_backward, mlp_forward


def test_forward_by_hand():
    # One unit: wide = 2 * 3 - 5 = 1, gelu(1) = 0.8411919906082768, then 10 times that plus 1.
    arrays = (np.array(value) for value in ([[2.0]], [[3.0]], [-5.0], [[10.0]], [1.0]))
    y, _ = mlp_forward(*arrays)
    np.testing.assert_allclose(y, [[9.411919906082768]], rtol=1e-14)  # rounding only


MLP = {"x": "... C", "fc_weight": "C F", "fc_bias": "F", "proj_weight": "F C", "proj_bias": "C"}


@given(inputs_of_any_size(MLP))
def test_gradients(inputs):
    assert_right(mlp_forward, mlp_backward, inputs)


@given(inputs_of_any_size({**MLP, "residual": "... C"}))
def test_gradients_with_a_residual(inputs):
    def backward(dy, cache):
        return {**mlp_backward(dy, cache), "residual": dy.copy()}

    assert_right(mlp_forward, backward, inputs)
