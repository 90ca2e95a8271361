import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster import kernels, nn

from .twins import (
    DTYPES,
    assert_same_entries_are_finite,
    assert_twins,
    dtypes,
    leading_shapes,
    normal,
    seeds,
    sizes,
)

KERNELS = kernels.layernorm_forward, kernels.layernorm_backward
REFERENCES = nn.layernorm_forward, nn.layernorm_backward


def layernorm_inputs(rng, leading, C):
    # At least 0.5 from one entry to the next: where a row's entries are nearly equal, its rounding is magnified.
    x = rng.permuted(np.broadcast_to(np.arange(C) / max(1, C / 4), (*leading, C)), axis=-1) + rng.random((*leading, 1))
    return {"x": x, "weight": normal(rng, C), "bias": normal(rng, C)}


@given(leading=leading_shapes(), C=sizes, residual=st.booleans(), dtype=dtypes, seed=seeds)
def test_same_as_nn(leading, C, residual, dtype, seed):
    rng = np.random.default_rng(seed)
    inputs = layernorm_inputs(rng, leading, C)
    more = {"residual": normal(rng, inputs["x"].shape)} if residual else {}
    # Going back, 1 / standard deviation magnifies rounding, for a width of 1 to 1 / sqrt(eps) = 300 times.
    size = 1 / np.sqrt(inputs["x"].var(axis=-1).min() + 1e-5)
    assert_twins(KERNELS, REFERENCES, inputs, dtype, seed, size, **more)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_constant_vector_becomes_the_bias(dtype):
    y, _ = kernels.layernorm_forward(np.full((2, 4), 7, dtype), np.ones(4, dtype), np.arange(4, dtype=dtype))
    np.testing.assert_array_equal(y, [np.arange(4.0)] * 2)


def test_float32_keeps_its_digits_far_from_0():
    # As in tests/nn: steps of 6e-5 near 1000.
    x = (1000 + np.random.default_rng(0).standard_normal((3, 8))).astype(np.float32)
    weight, bias = np.ones(8, np.float32), np.zeros(8, np.float32)
    y, _ = kernels.layernorm_forward(x, weight, bias)
    expected, _ = nn.layernorm_forward(x.astype(np.float64), weight, bias)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-3)


def test_nan_and_infinity_pass_through():
    assert_same_entries_are_finite(KERNELS, REFERENCES, layernorm_inputs(np.random.default_rng(0), (5,), 3))


def test_no_rows():
    assert_twins(KERNELS, REFERENCES, layernorm_inputs(np.random.default_rng(0), (2, 0), 3), np.float64)
