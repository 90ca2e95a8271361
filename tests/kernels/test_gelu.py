import numpy as np
import pytest
from hypothesis import given

from minicluster import kernels, nn

from .twins import DTYPES, assert_same_entries_are_finite, assert_twins, dtypes, leading_shapes, normal, seeds, sizes

KERNELS = kernels.gelu_forward, kernels.gelu_backward
REFERENCES = nn.gelu_forward, nn.gelu_backward


@given(leading=leading_shapes(), F=sizes, dtype=dtypes, seed=seeds)
def test_same_as_nn(leading, F, dtype, seed):
    # From where the gate is closed to where it is open.
    x = 3 * normal(np.random.default_rng(seed), (*leading, F))
    assert_twins(KERNELS, REFERENCES, {"x": x}, dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_tasks(dtype):
    assert_twins(KERNELS, REFERENCES, {"x": normal(np.random.default_rng(0), 9001)}, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_far_from_0_the_gate_is_open_or_closed(dtype):
    y, cache = kernels.gelu_forward(np.array([-1e9, -1e6, -100, -20, 0, 20, 100, 1e6, 1e9], dtype))
    np.testing.assert_array_equal(y, np.array([0, 0, 0, 0, 0, 20, 100, 1e6, 1e9], dtype))
    slope = kernels.gelu_backward(np.ones(9, dtype), cache)["x"]
    np.testing.assert_array_equal(slope, [0, 0, 0, 0, 0.5, 1, 1, 1, 1])


def test_near_where_the_gate_closes():
    assert_twins(KERNELS, REFERENCES, {"x": np.linspace(-9, 9, 1001)}, np.float64)


def test_nan_and_infinity_pass_through():
    assert_same_entries_are_finite(KERNELS, REFERENCES, {"x": normal(np.random.default_rng(0), (3, 2))})


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_a_scalar_or_nothing(shape):
    x = np.full(shape, 1.0)
    y, cache = kernels.gelu_forward(x)
    assert y.shape == kernels.gelu_backward(x, cache)["x"].shape == shape
    np.testing.assert_allclose(y, np.full(shape, 0.8411919906082768), rtol=1e-14)  # rounding only
