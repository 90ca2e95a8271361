import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skips import need_explicit_vectors

from minicluster.kernels import matmul, products, simd

from .twins import assert_near, dtypes, long_sizes, normal, seeds, sizes


@pytest.fixture(params=["plain", "explicit vectors"], scope="module")
def product(request):
    if request.param == "plain":
        return matmul
    need_explicit_vectors()
    return simd


@st.composite
def parts(draw, size):
    """From where to where, of so many."""
    first = draw(st.integers(0, size))
    return first, draw(st.integers(first, size))


@given(M=sizes, K=long_sizes, N=sizes, add=st.booleans(), dtype=dtypes, seed=seeds, data=st.data())
def test_multiply(product, M, K, N, add, dtype, seed, data):
    rng = np.random.default_rng(seed)
    a, b, out = normal(rng, (M, K), dtype), normal(rng, (K, N), dtype), normal(rng, (M, N), dtype)
    first, last = data.draw(st.one_of(st.just((0, M)), parts(M)))
    depth, width = data.draw(st.sampled_from([(K, N), (K, N - N // 3), (K - K // 2, N), (0, N)]))
    expected = out.astype(np.float64)
    expected[first:last, :width] *= add
    expected[first:last, :width] += a[first:last, :depth].astype(np.float64) @ b[:depth, :width]
    before = a.copy(), b.copy()
    product.multiply(a, b, out, first, last, depth, width, add)
    assert_near(out, expected, dtype)  # what lies outside included
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@given(M=sizes, K=st.one_of(st.just(0), long_sizes), N=sizes, dtype=dtypes, seed=seeds, data=st.data())
def test_multiply_transposed(product, M, K, N, dtype, seed, data):
    rng = np.random.default_rng(seed)
    a, b, out = normal(rng, (K, M), dtype), normal(rng, (K, N), dtype), normal(rng, (M, N), dtype)
    first, last = data.draw(st.one_of(st.just((0, M)), parts(M)))
    left, right = data.draw(st.one_of(st.just((0, N)), parts(N)))
    expected = out.astype(np.float64)
    expected[first:last, left:right] = a[:, first:last].T.astype(np.float64) @ b[:, left:right]
    before = a.copy(), b.copy()
    product.multiply_transposed(a, b, out, first, last, left, right)
    assert_near(out, expected, dtype)  # what lies outside included
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@given(bad=st.sampled_from((np.nan, np.inf)), seed=seeds, data=st.data())
def test_nan_and_infinity_pass_through(product, bad, seed, data):
    M, K, N = 9, 6, 5
    rng = np.random.default_rng(seed)
    a, b, out = normal(rng, (M, K)), normal(rng, (K, N)), normal(rng, (M, N))
    row, column = data.draw(st.integers(0, M - 1)), data.draw(st.integers(0, K - 1))
    a[row, column] = bad
    with np.errstate(all="ignore"):
        product.multiply(a, b, out, 0, M, K, N, False)
        transposed = np.empty((K, M))
        product.multiply_transposed(a, np.ones((M, M)), transposed, 0, K, 0, M)
    assert not np.isfinite(out[row]).any() and np.isfinite(np.delete(out, row, axis=0)).all()
    assert not np.isfinite(transposed[column]).any() and np.isfinite(np.delete(transposed, column, axis=0)).all()


def test_explicit_vectors_are_chosen_where_the_machine_has_them():
    assert products.CHOSEN is (simd if simd.VECTOR_BYTES else matmul)
