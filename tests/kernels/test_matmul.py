import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minicluster import jit
from minicluster.kernels import matmul

from .twins import assert_near, dtypes, long_sizes, normal, seeds, sizes

lefts = st.integers(0, 9) if jit.ENABLED else st.integers(0, 2)


def assert_computes(multiply, a, b, out, expected, part, adds=True):
    """`multiply()` adds `expected`, in float64, to `out[part]`, or puts it there, and changes nothing else."""
    before = a.copy(), b.copy()
    whole = out.astype(np.float64)
    whole[part] = expected + whole[part] if adds else expected
    if not adds:
        out[part] = np.nan  # not to be read
    multiply()
    assert_near(out, whole, out.dtype)  # what lies outside of the part included
    for after, earlier in zip((a, b), before):
        np.testing.assert_array_equal(after, earlier)


def assert_multiplies(M, K, N, first, last, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    a, b, out = normal(rng, (M, K), dtype), normal(rng, (K, N), dtype), normal(rng, (M, N), dtype)
    expected = a[first:last].astype(np.float64) @ b
    assert_computes(lambda: matmul.multiply(a, b, out, first, last), a, b, out, expected, np.s_[first:last])


def assert_multiplies_transposed(M, K, N, first, last, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    a, b, out = normal(rng, (K, M), dtype), normal(rng, (K, N), dtype), normal(rng, (M, N), dtype)
    expected = a[:, first:last].T.astype(np.float64) @ b
    assert_computes(
        lambda: matmul.multiply_transposed(a, b, out, first, last), a, b, out, expected, np.s_[first:last], False
    )


@given(M=sizes, K=long_sizes, N=sizes, dtype=dtypes, seed=seeds)
def test_whole_products(M, K, N, dtype, seed):
    assert_multiplies(M, K, N, 0, M, dtype, seed)
    assert_multiplies_transposed(M, K, N, 0, M, dtype, seed)


@pytest.mark.parametrize("K", [0, 3, 4, 6])
@pytest.mark.parametrize("rows", [(0, 9), (1, 9), (2, 3), (0, 8), (5, 5)])
def test_some_rows_of_products(rows, K):
    assert_multiplies_transposed(9, K, 7, *rows)
    assert_multiplies(9, K, 7, *rows)


@example(rows=5, depth=6, width=3, transposed=False, lefts=(1, 2, 4), beyond=1, dtype=np.float64, seed=0)
@example(rows=5, depth=6, width=3, transposed=True, lefts=(4, 0, 1), beyond=1, dtype=np.float64, seed=0)
@given(
    rows=sizes,
    depth=sizes,
    width=sizes,
    transposed=st.booleans(),
    lefts=st.tuples(lefts, lefts, lefts),
    beyond=st.integers(0, 2),
    dtype=dtypes,
    seed=seeds,
)
def test_products_of_windows(rows, depth, width, transposed, lefts, beyond, dtype, seed):
    a_left, b_left, out_left = lefts
    rng = np.random.default_rng(seed)
    window_of_a = (depth, rows) if transposed else (rows, depth)
    shapes = zip((window_of_a, (depth, width), (rows, width)), lefts)
    a, b, out = (normal(rng, (height + beyond, left + length + beyond), dtype) for (height, length), left in shapes)
    factor = a[: window_of_a[0], a_left : a_left + window_of_a[1]].astype(np.float64)
    expected = (factor.T if transposed else factor) @ b[:depth, b_left : b_left + width]
    assert_computes(
        lambda: matmul.multiply_windows(a, a_left, transposed, b, b_left, out, out_left, rows, depth, width),
        a,
        b,
        out,
        expected,
        np.s_[:rows, out_left : out_left + width],
    )


@given(bad=st.sampled_from((np.nan, np.inf)), seed=seeds, data=st.data())
def test_nan_and_infinity_pass_through(bad, seed, data):
    M, K, N = 9, 6, 5
    rng = np.random.default_rng(seed)
    a, b, out = normal(rng, (M, K)), normal(rng, (K, N)), normal(rng, (M, N))
    row, column = data.draw(st.integers(0, M - 1)), data.draw(st.integers(0, K - 1))
    a[row, column] = bad
    with np.errstate(all="ignore"):
        matmul.multiply(a, b, out, 0, M)
        transposed = np.empty((K, M))
        matmul.multiply_transposed(a, np.ones((M, M)), transposed, 0, K)
    assert not np.isfinite(out[row]).any() and np.isfinite(np.delete(out, row, axis=0)).all()
    assert not np.isfinite(transposed[column]).any() and np.isfinite(np.delete(transposed, column, axis=0)).all()
