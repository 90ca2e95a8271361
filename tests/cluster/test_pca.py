"""PCA: by hand in two dimensions, what must hold for any data, and misuse.

Tolerances: singular vectors and values are right to about 1e-15 of the largest value; 1e-12 leaves room for sums and
for components of near variances; it is absolute where 0 may be expected.

Wrong versions that some test here fails on: not centred; variance over n; variances summed over the kept components
only; rows and columns of V confused; signs as the decomposition left them; the mean not added back.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.cluster import PCA, NotFittedError

CROSS = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # mean 0; variances 8/3 and 2/3, no covariance


def falling_spread(seed, n, n_features):
    """Normal rows with standard deviations 1, 1/2, 1/4, ... and mean 3."""
    return 3 + np.random.default_rng(seed).normal(size=(n, n_features)) * 2.0 ** -np.arange(n_features)


data_sets = st.builds(
    falling_spread,
    st.integers(0, 10**6),
    st.integers(3, 30),
    st.integers(2, 6),
)


def test_by_hand():
    model = PCA(2).fit(CROSS + [3, 5])
    np.testing.assert_allclose(model.mean_, [3, 5], rtol=1e-12)
    np.testing.assert_allclose(model.components_, np.eye(2), rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.explained_variance_, [8 / 3, 2 / 3], rtol=1e-12)
    np.testing.assert_allclose(model.explained_variance_ratio_, [0.8, 0.2], rtol=1e-12)
    np.testing.assert_allclose(model.singular_values_, [np.sqrt(8), np.sqrt(2)], rtol=1e-12)
    np.testing.assert_allclose(model.transform([[4, 7]]), [[1, 2]], rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.inverse_transform([[1, 2]]), [[4, 7]], rtol=1e-12)


def test_by_hand_turned_by_45_degrees():
    # The first component is (1, 1) / sqrt(2), the second (1, -1) / sqrt(2): its loadings are equally large, so the
    # first is the positive one.
    turn = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    for flip in (1, -1):
        model = PCA(2).fit(flip * CROSS @ turn)
        np.testing.assert_allclose(model.components_, turn, rtol=0, atol=1e-12)


def test_the_largest_loading_is_positive_not_the_first_large_one():
    component = np.array([-2, 3, 0]) / np.sqrt(13)
    np.testing.assert_allclose(PCA(1).fit([-component, component]).components_, [component], rtol=0, atol=1e-12)


def test_of_equal_loadings_the_first_is_positive_whatever_rounding_says():
    # Along 16 orthogonal directions of loadings 1/4 and -1/4, the first always 1/4, lie 2 rows each.
    turn = np.ones((1, 1))
    for _ in range(4):
        turn = np.kron([[1, 1], [1, -1]], turn) / np.sqrt(2)  # (16, 16) at the end
    x = np.vstack([turn, -turn]) * np.tile(np.arange(16, 0, -1), 2)[:, None] + 0.1
    np.testing.assert_allclose(PCA(16).fit(x).components_, turn, rtol=0, atol=1e-12)


def test_ratio_is_of_the_total_variance():
    model = PCA(1).fit(CROSS)
    assert model.components_.shape == (1, 2)
    assert model.singular_values_.shape == model.explained_variance_.shape == (1,)
    np.testing.assert_allclose(model.explained_variance_ratio_, [0.8], rtol=1e-12)


@given(data_sets)
def test_all_components_are_a_rotation(x):
    n_components = min(x.shape)
    model = PCA(n_components)
    projected = model.fit_transform(x)
    np.testing.assert_allclose(model.components_ @ model.components_.T, np.eye(n_components), rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.inverse_transform(projected), x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projected, model.transform(x), rtol=0, atol=1e-12)
    # What is projected has these variances, no covariance, and mean 0.
    covariance = projected.T @ projected / (len(x) - 1)  # (n_components, n_components)
    np.testing.assert_allclose(covariance, np.diag(model.explained_variance_), rtol=0, atol=1e-12)
    np.testing.assert_allclose(projected.mean(axis=0), 0, rtol=0, atol=1e-12)
    assert (np.diff(model.explained_variance_) <= 0).all()
    assert model.explained_variance_.sum() == pytest.approx(x.var(axis=0, ddof=1).sum(), rel=1e-12)
    assert model.explained_variance_ratio_.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(model.singular_values_, np.linalg.norm(projected, axis=0), rtol=0, atol=1e-12)


@given(data_sets)
def test_all_components_by_default(x):
    model, every = PCA().fit(x), PCA(min(x.shape)).fit(x)
    np.testing.assert_array_equal(model.components_, every.components_)
    assert model.n_components_ == len(model.components_) == min(x.shape)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (4, 4)])
def test_the_default_is_the_smaller_of_both_numbers(shape):
    assert PCA().fit(np.random.default_rng(0).normal(size=shape)).components_.shape == (4, shape[1])


@given(data_sets)
def test_what_is_lost_is_the_variance_left_out(x):
    model = PCA(1)
    back = model.inverse_transform(model.fit_transform(x))
    lost = np.square(x - back).sum() / (len(x) - 1)
    assert lost == pytest.approx(x.var(axis=0, ddof=1).sum() - model.explained_variance_[0], abs=1e-12)


@given(data_sets)
def test_signs_do_not_depend_on_the_datas_sign(x):
    model, mirrored = PCA(2).fit(x), PCA(2).fit(-x)
    np.testing.assert_allclose(mirrored.components_, model.components_, rtol=0, atol=1e-9)  # near variances turn more
    largest = np.abs(model.components_).argmax(axis=1)
    assert (model.components_[[0, 1], largest] > 0).all()


def test_more_features_than_samples_and_float32():
    x = np.random.default_rng(0).normal(size=(4, 9)).astype(np.float32)
    model = PCA(3).fit(x)  # three differences span all
    np.testing.assert_allclose(model.inverse_transform(model.transform(x)), x, rtol=0, atol=1e-12)
    assert model.components_.dtype == np.float64


def test_data_that_do_not_vary():
    model = PCA(2).fit(np.full((5, 3), 7.0))
    np.testing.assert_array_equal(model.explained_variance_ratio_, [0, 0])
    np.testing.assert_array_equal(model.transform([[7, 7, 7]]), [[0, 0]])


def test_data_are_left_unchanged():
    x = CROSS + 1
    PCA(1).fit(x).transform(x)
    np.testing.assert_array_equal(x, CROSS + 1)


@pytest.mark.parametrize(
    "n_components, error, message",
    [
        (0, ValueError, "n_components = 0, expected at least 1"),
        (3, ValueError, "n_components = 3, expected at most 2, the smaller of the numbers of samples and features"),
        (1.0, TypeError, "n_components = 1.0, expected an integer"),
    ],
)
@pytest.mark.parametrize("x", [CROSS, CROSS.reshape(2, 4)])
def test_a_bad_number_of_components_is_named(x, n_components, error, message):
    with pytest.raises(error, match=message):
        PCA(n_components).fit(x)


def test_misuse_is_named():
    with pytest.raises(ValueError, match="x has 1 sample, expected at least 2"):
        PCA(1).fit([[1.0, 2.0]])
    with pytest.raises(TypeError, match="x has dtype complex128"):
        PCA(1).fit(CROSS * 1j)
    with pytest.raises(ValueError, match=r"x\[0, 1\] = nan"):
        PCA(1).fit([[1.0, np.nan], [0.0, 0.0]])
    for method in ("transform", "inverse_transform"):
        with pytest.raises(NotFittedError, match="PCA has no components_"):
            getattr(PCA(1), method)(CROSS)
        with pytest.raises(ValueError, match="x has 3 features, expected"):
            getattr(PCA(1).fit(CROSS), method)(np.zeros((1, 3)))
