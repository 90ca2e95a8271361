import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicluster import kernels, nn

from .twins import (
    assert_same_entries_are_finite,
    assert_twins,
    dtypes,
    leading_shapes,
    long_sizes,
    normal,
    seeds,
    sizes,
)

KERNELS = kernels.mlp_forward, kernels.mlp_backward
REFERENCES = nn.mlp_forward, nn.mlp_backward


def mlp_inputs(rng, leading, C, F, residual=False):
    # Weights divided by the root of what they sum over, so that GELU meets numbers of size 1.
    inputs = {
        "x": normal(rng, (*leading, C)),
        "fc_weight": normal(rng, (C, F)) / np.sqrt(max(C, 1)),
        "fc_bias": normal(rng, F),
        "proj_weight": normal(rng, (F, C)) / np.sqrt(max(F, 1)),
        "proj_bias": normal(rng, C),
    }
    return inputs | ({"residual": normal(rng, (*leading, C))} if residual else {})


@given(leading=leading_shapes(), C=sizes, F=long_sizes, residual=st.booleans(), dtype=dtypes, seed=seeds)
def test_same_as_nn(leading, C, F, residual, dtype, seed):
    assert_twins(KERNELS, REFERENCES, mlp_inputs(np.random.default_rng(seed), leading, C, F, residual), dtype, seed)


def test_nan_and_infinity_pass_through():
    assert_same_entries_are_finite(KERNELS, REFERENCES, mlp_inputs(np.random.default_rng(0), (5,), 3, 4, residual=True))


def test_no_rows():
    assert_twins(KERNELS, REFERENCES, mlp_inputs(np.random.default_rng(0), (2, 0), 3, 4, True), np.float64)
