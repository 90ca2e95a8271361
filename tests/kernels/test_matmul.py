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


def assert_multiplies(product, M, K, N, rows, depth, width, add, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    a, b, out = normal(rng, (M, K), dtype), normal(rng, (K, N), dtype), normal(rng, (M, N), dtype)
    expected, part, before = out.astype(np.float64), np.s_[slice(*rows), :width], (a.copy(), b.copy())
    expected[part] = add * expected[part] + a[slice(*rows), :depth].astype(np.float64) @ b[:depth, :width]
    if not add:
        out[part] = np.nan  # not to be read
    product.multiply(a, b, out, *rows, depth, width, add)
    assert_near(out, expected, dtype)  # what lies outside of the part included
    for after, earlier in zip((a, b), before):
        np.testing.assert_array_equal(after, earlier)


def assert_multiplies_transposed(product, M, K, N, rows, columns, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    a, b, out = normal(rng, (K, M), dtype), normal(rng, (K, N), dtype), normal(rng, (M, N), dtype)
    expected, part, before = out.astype(np.float64), np.s_[slice(*rows), slice(*columns)], (a.copy(), b.copy())
    expected[part] = a[:, slice(*rows)].T.astype(np.float64) @ b[:, slice(*columns)]
    out[part] = np.nan  # not to be read
    product.multiply_transposed(a, b, out, *rows, *columns)
    assert_near(out, expected, dtype)  # what lies outside of the part included
    for after, earlier in zip((a, b), before):
        np.testing.assert_array_equal(after, earlier)


@given(M=sizes, K=long_sizes, N=sizes, add=st.booleans(), dtype=dtypes, seed=seeds)
def test_whole_products(product, M, K, N, add, dtype, seed):
    assert_multiplies(product, M, K, N, (0, M), K, N, add, dtype, seed)
    assert_multiplies_transposed(product, M, K, N, (0, M), (0, N), dtype, seed)


@pytest.mark.parametrize("K", [0, 3, 4, 6])
@pytest.mark.parametrize("rows", [(0, 9), (1, 9), (2, 3), (0, 8), (5, 5)])
def test_parts_of_products(product, rows, K):
    for columns in ((0, 7), (0, 5), (2, 7), (3, 3)):
        assert_multiplies_transposed(product, 9, K, 7, rows, columns)
        for depth in (K, K // 2):
            for add in (True, False):
                assert_multiplies(product, 9, K, 7, rows, depth, columns[1], add)


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
