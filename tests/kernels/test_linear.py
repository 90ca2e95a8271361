import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster import kernels, nn
from minicluster.kernels import linear

from .twins import (
    Unwritten,
    assert_near,
    assert_same_entries_are_finite,
    assert_twins,
    dtypes,
    leading_shapes,
    long_sizes,
    normal,
    seeds,
    sizes,
)

KERNELS = kernels.linear_forward, kernels.linear_backward
REFERENCES = nn.linear_forward, nn.linear_backward


def linear_inputs(rng, leading, n_in, n_out, residual=False):
    inputs = {
        "x": normal(rng, (*leading, n_in)),
        "weight": normal(rng, (n_in, n_out)),
        "bias": normal(rng, n_out),
    }
    return inputs | ({"residual": normal(rng, (*leading, n_out))} if residual else {})


@given(leading=leading_shapes(), n_in=long_sizes, n_out=sizes, residual=st.booleans(), dtype=dtypes, seed=seeds)
def test_same_as_nn(leading, n_in, n_out, residual, dtype, seed):
    inputs = linear_inputs(np.random.default_rng(seed), leading, n_in, n_out, residual)
    assert_twins(KERNELS, REFERENCES, inputs, dtype, seed)


@given(rows=sizes, n_in=sizes, n_out=long_sizes, dtype=dtypes, seed=seeds)
def test_same_as_nn_where_the_weight_is_wide(rows, n_in, n_out, dtype, seed):
    # The gradient of a wide weight is shared out by columns, that of a tall one by rows.
    assert_twins(KERNELS, REFERENCES, linear_inputs(np.random.default_rng(seed), (rows,), n_in, n_out), dtype, seed)


def test_nan_and_infinity_pass_through():
    inputs = linear_inputs(np.random.default_rng(0), (5,), 3, 4, residual=True)
    assert_same_entries_are_finite(KERNELS, REFERENCES, inputs)


def test_arrays_that_do_not_lie_in_one_piece():
    rng = np.random.default_rng(0)
    x, weight, dy = normal(rng, (3, 5)).T, normal(rng, (4, 3)).T, normal(rng, (4, 10)).T[::2]
    bias, residual = normal(rng, 8)[::2], normal(rng, (5, 8))[:, ::2]
    (y, cache), (expected, expected_cache) = (f(x, weight, bias, residual) for f in (KERNELS[0], REFERENCES[0]))
    assert_near(y, expected, np.float64)
    gradients, expected = KERNELS[1](dy, cache), REFERENCES[1](dy, expected_cache)
    for name, gradient in gradients.items():
        assert_near(gradient, expected[name], np.float64)


def test_no_rows():
    for leading in ((0,), (2, 0)):
        inputs = linear_inputs(np.random.default_rng(0), leading, 3, 4, residual=True)
        assert_twins(KERNELS, REFERENCES, inputs, np.float64)


def test_no_inputs_or_no_outputs():
    # nn can't go back through these. A sum of nothing is 0, not what happens to lie in the memory.
    for n_in, n_out in ((0, 4), (3, 0)):
        inputs = linear_inputs(np.random.default_rng(0), (5,), n_in, n_out)
        y, cache = KERNELS[0](**inputs, memory=Unwritten())
        np.testing.assert_array_equal(y, np.broadcast_to(inputs["bias"], (5, n_out)))
        gradients = KERNELS[1](y, cache, memory=Unwritten())
        np.testing.assert_array_equal(gradients["x"], np.zeros((5, n_in)))
        assert gradients["weight"].shape == (n_in, n_out)


@pytest.mark.parametrize("shape", [(50, 5, 3), (50, 37, 67), (3, 64, 1), (0, 6, 5)])
def test_a_weight_s_gradient_has_the_same_bits_however_many_tasks_share_it(shape):
    rows, K, N = shape
    rng = np.random.default_rng(0)
    x, dy = normal(rng, (rows, K), np.float32), normal(rng, (rows, N), np.float32)
    expected, seen = x.astype(float).T @ dy, []
    for tasks in (1, 2, 3, 7, 40):
        dweight, dbias = np.full((K, N), np.nan, np.float32), np.full(N, np.nan, np.float32)
        linear._weight_gradient(x, dy, dweight, True, dbias, tasks)
        assert_near(dweight, expected, np.float32)
        assert_near(dbias, dy.astype(float).sum(axis=0), np.float32)
        seen.append(dweight.tobytes() + dbias.tobytes())
    assert len(set(seen)) == 1
