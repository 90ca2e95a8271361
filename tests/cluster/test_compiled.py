"""Compiled loops against the same functions in plain NumPy, and that threads and runs change no bit.

Tolerances: both compute every distance by differences, and add up squares in another order. A sum of C rounded squares
is off by at most C / 2 roundings of its size, and C is at most 70: 1e-13 for float64, whose rounding is 1e-16, 1e-5 for
float32, whose rounding is 6e-8. Sums over n rows, at most 600, add as much again.

Wrong versions that some test here fails on: the last tile's rows of 0 found as neighbours or counted; a task's last
rows forgotten; ties to a later row or centre; weights forgotten; sums of tasks not put together; each point attracted
by itself; an odd number of points.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skips import need_the_compiler

import minicluster
from minicluster import jit
from minicluster.cluster import _compiled, _operations, _plain, _rows

# Around a tile of 256 rows, 4 rows and features at a time, and 64 queries a task; uncompiled, all of these are smaller.
SIZES = (1, 2, 3, 5, 63, 65, 255, 256, 257, 600) if jit.ENABLED else (1, 2, 3, 5, 7, 9)
dtypes = st.sampled_from([np.float32, np.float64])
sizes = st.sampled_from(SIZES)
features = st.sampled_from([1, 2, 3, 4, 5, 8, 70]) if jit.ENABLED else st.integers(1, 5)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def small_tiles_if_uncompiled():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"TILE": 4, "QUERIES": 4, "FEW": 3}.items() if not jit.ENABLED else ():
            patch.setattr(_compiled, name, value)
        yield


def tolerance(dtype):
    return 1e-13 if dtype == np.float64 else 1e-5


def assert_near(actual, expected, dtype=np.float64):
    """Equal up to rounding of the largest entry."""
    assert actual.shape == expected.shape and actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance(dtype) * max(1, np.abs(expected).max()))


def normal(seed, *shapes, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def places(seed, n, m, C):
    """Rows of small integers: many ties, and all distances exact in either form."""
    rng = np.random.default_rng(seed)
    return rng.integers(-1, 2, (n, C)).astype(float), rng.integers(-1, 2, (m, C)).astype(float)


@given(seeds, sizes, sizes, features, dtypes)
def test_squared_distances(seed, m, n, C, dtype):
    rows, x = normal(seed, (m, C), (n, C), dtype=dtype)
    expected = _plain.squared_distances(rows, _plain.lay_out(x))
    assert_near(_compiled.squared_distances(rows, _compiled.lay_out(x)), expected, dtype)


@given(seeds, sizes, sizes, features)
def test_exact_distances_are_the_same_wherever_a_row_stands(seed, m, n, C):
    rows, x = places(seed, m, n, C)
    expected = np.square(rows[:, None] - x).sum(axis=2)
    for module in (_compiled, _plain):
        np.testing.assert_array_equal(module.squared_distances(rows, module.lay_out(x)), expected)


@given(seeds, st.sampled_from(SIZES[2:]), features, dtypes)
def test_copies_are_equally_far_and_at_distance_0(seed, n, C, dtype):
    rng = np.random.default_rng(seed)
    (x,) = normal(seed, (3, C), dtype=dtype)
    place = rng.integers(3, size=n)
    x = x[place] + dtype(1000)
    for module in (_compiled, _plain):
        distances = module.squared_distances(x, module.lay_out(x))  # (n, n)
        first = np.array([np.flatnonzero(place == p)[0] for p in place])  # (n,)
        np.testing.assert_array_equal(distances, distances[np.ix_(first, first)])
        assert (distances[place[:, None] == place] == 0).all()


@given(seeds, sizes, st.sampled_from([1, 2, 3, 4, 5, 9]), features, dtypes)
def test_assignment(seed, n, k, C, dtype):
    x, centers = normal(seed, (n, C), (k, C), dtype=dtype)
    expected, squared = _plain.assign(_plain.lay_out(x), centers)
    labels, found = _compiled.assign(_compiled.lay_out(x), centers)
    assert labels.dtype == expected.dtype == np.int64
    np.testing.assert_array_equal(labels, expected)  # random numbers: a tie has probability 0
    assert_near(found, squared, dtype)


@given(seeds, sizes, st.sampled_from([1, 2, 5, 9]), features)
def test_assignment_with_ties(seed, n, k, C):
    x, centers = places(seed, n, k, C)
    squared = np.square(x[:, None] - centers).sum(axis=2)  # (n, k)
    for module in (_compiled, _plain):
        labels, found = module.assign(module.lay_out(x), centers)
        np.testing.assert_array_equal(labels, squared.argmin(axis=1))
        np.testing.assert_array_equal(found, squared.min(axis=1))


@given(seeds, sizes, st.integers(1, 7), features, dtypes)
def test_sums_by_label(seed, n, k, C, dtype):
    rng = np.random.default_rng(seed)
    (x,) = normal(seed, (n, C), dtype=dtype)
    weights, labels = rng.random(n), rng.integers(k, size=n)
    expected = np.array([(weights[labels == label, None] * x[labels == label]).sum(axis=0) for label in range(k)])
    for module in (_compiled, _plain):
        assert_near(module.sums_by_label(x, weights, labels, k), expected)  # in float64 for either dtype


@given(data=st.data(), seed=seeds, n=sizes, m=sizes, C=features)
def test_nearest_rows(data, seed, n, m, C):
    x, y = places(seed, n, m, C)
    n_nearest = data.draw(st.sampled_from([k for k in (1, 2, 3, 5, 64, 65, m) if k <= m]))
    distances = np.square(x[:, None] - y).sum(axis=2)  # (n, m)
    expected = np.argsort(distances, axis=1, kind="stable")[:, :n_nearest]
    for module in (_compiled, _plain):
        indices, squared = module.nearest_rows(x, y, n_nearest)
        np.testing.assert_array_equal(indices, expected)
        np.testing.assert_array_equal(squared, np.take_along_axis(distances, expected, axis=1))
        assert indices.dtype == np.int64 and squared.dtype == np.float64


def test_float32_rows_are_compared_in_float64():
    # 1 + 2^-24 is 1 in float32: a tie, which the first would win.
    x, y = np.float32([[0, 0]]), np.float32([[1, 2.0**-12], [1, 0]])
    for module in (_compiled, _plain):
        indices, squared = module.nearest_rows(x, y, 2)
        assert indices.tolist() == [[1, 0]] and squared.tolist() == [[1, 1 + 2.0**-24]]


@given(seeds, sizes, features, dtypes)
def test_distance_sums(seed, n, C, dtype):
    (x,) = normal(seed, (n, C), dtype=dtype)
    codes = np.random.default_rng(seed).integers(3, size=n)
    expected = _plain.distance_sums(x, codes, 3)
    assert_near(_compiled.distance_sums(x, codes, 3), expected)
    own = np.sqrt(np.square(x[0].astype(float) - x).sum(axis=1))
    assert_near(expected[0], np.bincount(codes, own, 3))


def symmetric_affinities(seed, n, dtype=np.float64):
    rng = np.random.default_rng(seed)
    p = rng.random((n, n)) * (rng.random((n, n)) < 0.7)
    p = np.triu(p, 1)
    p = p + p.T
    return (p / max(p.sum(), 1)).astype(dtype)


@given(seeds, sizes, st.integers(1, 3), dtypes)
def test_tsne_sums_and_cost(seed, n, d, dtype):
    (y,) = normal(seed, (n, d), dtype=dtype)
    p = symmetric_affinities(seed, n, dtype)
    difference = y[:, None].astype(float) - y  # (n, n, d)
    w = 1 / (1 + np.square(difference).sum(axis=2))
    expected = (
        w.sum() - n,
        ((p * w)[:, :, None] * difference).sum(axis=1),
        ((w * w)[:, :, None] * difference).sum(axis=1),
    )
    for module in (_compiled, _plain):
        z, attraction, repulsion = module.tsne_sums(y, p)
        assert z == pytest.approx(expected[0], rel=tolerance(dtype), abs=n * tolerance(dtype))
        assert attraction.dtype == repulsion.dtype == dtype
        assert_near(attraction.astype(float), expected[1], dtype)
        # n terms, of which the largest is below 1/2 in size, as w w |y_i - y_j| <= w sqrt(w) <= 1
        np.testing.assert_allclose(repulsion, expected[2], rtol=0, atol=n * tolerance(dtype))
        # 1 + |y_i - y_j|^2 is rounded before its logarithm is taken; the p add up to 1 at most.
        cost = float((p * -np.log(w)).sum())
        assert module.tsne_cost(y, p) == pytest.approx(cost, rel=tolerance(dtype), abs=tolerance(dtype))


@pytest.mark.parametrize("d", [2, 3])
def test_blocks_of_points_do_not_matter(d, monkeypatch):
    (y,) = normal(0, (9, d))
    p = symmetric_affinities(0, 9)
    whole, cost = _plain.tsne_sums(y, p), _plain.tsne_cost(y, p)
    monkeypatch.setattr(_rows, "BLOCK_ENTRIES", 2 * y.size)  # two points at a time, and one at last
    z, attraction, repulsion = _plain.tsne_sums(y, p)
    assert z == pytest.approx(whole[0], rel=1e-13)
    assert_near(attraction, whole[1])
    assert_near(repulsion, whole[2])
    assert _plain.tsne_cost(y, p) == pytest.approx(cost, rel=1e-13)


@given(seeds, sizes, features)
def test_inputs_are_left_unchanged(seed, n, C):
    x, y = normal(seed, (n, C), (n, 2))
    p, codes = symmetric_affinities(seed, n), np.zeros(n, np.int64)
    before = [array.copy() for array in (x, y, p, codes)]
    for module in (_compiled, _plain):
        data = module.lay_out(x)
        module.squared_distances(x, data)
        module.assign(data, x)
        module.sums_by_label(x, np.ones(n), codes, 1)
        module.nearest_rows(x, x, 1)
        module.distance_sums(x, codes, 1)
        module.tsne_sums(y, p)
        module.tsne_cost(y, p)
    for array, copy in zip((x, y, p, codes), before):
        np.testing.assert_array_equal(array, copy)


# Which of the two ---------------------------------------------------------------------------------


@pytest.mark.parametrize("missing, module", [("no numba", _plain), (None, _compiled)])
def test_without_numba_all_is_plain(monkeypatch, missing, module):
    monkeypatch.setattr(_operations, "missing_numba", lambda: missing)
    monkeypatch.setattr(jit, "ENABLED", True)
    assert _operations.operations.__wrapped__() is module  # without the memory of its last answer


def test_switched_off_numba_is_not_run_as_python(monkeypatch):
    monkeypatch.setattr(jit, "ENABLED", False)
    assert _operations.operations.__wrapped__() is _plain


# Threads ------------------------------------------------------------------------------------------

PROGRAM = """
import hashlib
import numba, numpy as np
from minicluster.cluster import KMeans, KNeighborsClassifier, TSNE
from minicluster.cluster._operations import operations

x = np.random.default_rng(0).normal(size=(700, 20))
labels = np.arange(700) % 7
for threads in (1, 2, 3, 2):
    numba.set_num_threads(threads)
    digest = hashlib.sha256()
    for data in (x, x.astype(np.float32)):
        model = KMeans(7, n_init=3, random_state=0).fit(data)
        digest.update(model.cluster_centers_.tobytes() + model.labels_.tobytes() + repr(model.inertia_).encode())
        digest.update(KNeighborsClassifier(3).fit(data, labels).kneighbors(data)[0].tobytes())
        digest.update(operations().distance_sums(data, labels, 7).tobytes())
        digest.update(TSNE(max_iter=60, perplexity=10).fit(data).embedding_.tobytes())
    print(digest.hexdigest())
"""


def test_results_do_not_depend_on_threads():
    need_the_compiler()
    folder = str(Path(minicluster.__file__).parent.parent)
    digests = []
    for blas_threads in ("1", "2"):
        threads = {"NUMBA_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": blas_threads}
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONPATH": folder, **threads},
            capture_output=True,
            encoding="utf-8",
        )
        assert run.returncode == 0, run.stderr
        digests += run.stdout.split()
    assert len(digests) == 8 and len(set(digests)) == 1
