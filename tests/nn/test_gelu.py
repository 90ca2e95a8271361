import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster.gradcheck import check_gradients
from minicluster.nn import gelu_backward, gelu_forward


def test_forward_by_hand():
    # 0.5 (1 + tanh(sqrt(2/pi) 1.044715)) = 0.841191990... (math.tanh on a pocket calculator's formula)
    y, _ = gelu_forward(np.array([0.0, 1.0, -1.0, 20.0, -20.0]))
    np.testing.assert_allclose(y, [0, 0.8411919906082768, -0.15880800939172324, 20, 0], rtol=1e-14, atol=1e-15)


@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=3), seed=st.integers(0, 2**32 - 1))
def test_gradients(shape, seed):
    x = 2 * np.random.default_rng(seed).standard_normal(shape)  # reaches the flat parts on both sides
    check_gradients(gelu_forward, gelu_backward, {"x": x})
