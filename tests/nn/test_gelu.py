import numpy as np
import pytest
from hypothesis import given
from layer_checks import TAME_SCALES, assert_right, inputs_of_any_size

from minicluster.nn import gelu_backward, gelu_forward


def test_forward_by_hand():
    # 0.5 (1 + tanh(sqrt(2/pi) 1.044715)) = 0.841191990... (math.tanh on a pocket calculator's formula)
    y, _ = gelu_forward(np.array([0.0, 1.0, -1.0, 20.0, -20.0]))
    # Rounding; -20 leaves 0 or what tanh's last digit makes of it.
    np.testing.assert_allclose(y, [0, 0.8411919906082768, -0.15880800939172324, 20, 0], rtol=1e-14, atol=1e-15)


@given(inputs_of_any_size({"x": "... F"}, TAME_SCALES))
def test_gradients(inputs):
    assert_right(gelu_forward, gelu_backward, inputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_inputs_do_not_overflow(dtype):
    # exp(2 * 0.8 (x + 0.04 x^3)) would, from 10 on in float32 and from 21 on in float64.
    y, _ = gelu_forward(np.array([100.0, -100.0], dtype))
    np.testing.assert_array_equal(y, [100, 0])
