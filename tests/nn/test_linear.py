import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster.gradcheck import check_gradients
from minicluster.nn import linear_backward, linear_forward

sizes = st.integers(1, 5)
seeds = st.integers(0, 2**32 - 1)


def test_forward_by_hand():
    x = np.array([[1.0, 2.0]])
    weight = np.array([[1.0, 0.0, -1.0], [3.0, 5.0, 0.5]])
    y, _ = linear_forward(x, weight, np.array([10.0, 20.0, 30.0]))
    np.testing.assert_array_equal(y, [[1 + 6 + 10, 10 + 20, -1 + 1 + 30]])


@given(leading=st.lists(sizes, min_size=1, max_size=2), n_in=sizes, n_out=sizes, seed=seeds)
def test_gradients(leading, n_in, n_out, seed):
    rng = np.random.default_rng(seed)
    inputs = {
        "x": rng.standard_normal((*leading, n_in)),
        "weight": rng.standard_normal((n_in, n_out)),
        "bias": rng.standard_normal(n_out),
    }
    check_gradients(linear_forward, linear_backward, inputs)
