import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.jit import compiled
from minicluster.kernels.elementary import exp


@compiled()
def exp_of_each(x):
    y = np.empty_like(x)
    for i in range(x.size):
        y[i] = exp(x[i])
    return y


# What the docstring promises. float32 against float64's exp of the same float32 numbers.
RELATIVE_ERROR = {np.float32: 2e-7, np.float64: 1e-15}
LOWEST, HIGHEST = {np.float32: -87, np.float64: -708}, {np.float32: 88, np.float64: 709}


@pytest.mark.parametrize("dtype", RELATIVE_ERROR)
def test_as_exact_as_promised_over_the_whole_range(dtype):
    x = np.linspace(LOWEST[dtype], HIGHEST[dtype], 2001).astype(dtype)
    expected = np.exp(x.astype(np.longdouble))
    np.testing.assert_array_less(abs(exp_of_each(x) - expected) / expected, RELATIVE_ERROR[dtype])
    assert exp_of_each(x).dtype == dtype


@given(x=st.floats(-30, 30), dtype=st.sampled_from(list(RELATIVE_ERROR)))
def test_as_exact_as_promised(x, dtype):
    x = np.array([x], dtype)
    expected = np.exp(x.astype(np.longdouble))
    np.testing.assert_array_less(abs(exp_of_each(x) - expected) / expected, RELATIVE_ERROR[dtype])


@pytest.mark.parametrize("dtype", RELATIVE_ERROR)
def test_beyond_the_range(dtype):
    highest = HIGHEST[dtype]
    far = np.array([-np.inf, LOWEST[dtype] * 1.01, 0, np.nan, highest, highest * 1.01, np.inf], dtype)
    with np.errstate(all="ignore"):
        below, lower, one, nan, high, higher, above = exp_of_each(far)
    assert (below, lower, one) == (0, 0, 1)
    assert np.isnan(nan)
    assert high == higher == above and np.isfinite(high)
