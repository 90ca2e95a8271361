import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster.gradcheck import check_gradients
from minicluster.nn import mlp_backward, mlp_forward

sizes = st.integers(1, 4)


def test_forward_by_hand():
    # One unit: wide = 2 * 3 - 5 = 1, gelu(1) = 0.8411919906082768, then 10 times that plus 1.
    arrays = (np.array(value) for value in ([[2.0]], [[3.0]], [-5.0], [[10.0]], [1.0]))
    y, _ = mlp_forward(*arrays)
    np.testing.assert_allclose(y, [[9.411919906082768]], rtol=1e-14)  # rounding only


@given(leading=st.lists(sizes, min_size=1, max_size=2), C=sizes, F=sizes, seed=st.integers(0, 2**32 - 1))
def test_gradients(leading, C, F, seed):
    rng = np.random.default_rng(seed)
    shapes = {"x": (*leading, C), "fc_weight": (C, F), "fc_bias": (F,), "proj_weight": (F, C), "proj_bias": (C,)}
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    check_gradients(mlp_forward, mlp_backward, inputs)
