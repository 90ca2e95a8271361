"""Principal components: the directions in which data vary most."""

import numpy as np

from ._validation import check_data, check_fitted, check_integer

# Loadings whose sizes differ by less than this share count as equal when the sign is chosen, so that rounding does
# not choose it. Well above the error of a singular vector, well below a difference that means anything.
SIGN_TIE = 1e-6


class PCA:
    """Principal component analysis.

    Centres the data and takes the singular value decomposition, centered = U S V^T: the rows of V^T are orthonormal
    directions, ordered by how much the data vary along them, and V projects onto them. A decomposition of the
    covariance would be quicker for n >> C, but squares the singular values and so loses the small ones.

    A direction is as good as its opposite. Here each component's largest loading is positive (the first of them
    if several are equal), so that pictures do not flip between machines.

    Parameters
    ----------
    n_components : int, optional
        At least 1, at most min(n, C), and by default that.

    Attributes
    ----------
    components_ : (n_components, C) array
        Orthonormal rows, by falling variance.
    singular_values_ : (n_components,) array
    explained_variance_ : (n_components,) array
        Variance along each component, with n - 1 as the divisor.
    explained_variance_ratio_ : (n_components,) array
        The same as a share of the total variance; zeros if the data do not vary.
    mean_ : (C,) array
    n_components_ : int

    O(n C min(n, C)) time. All are float64 (the decomposition runs in float64, whatever the data's dtype).

    Source: Pearson 1901, On lines and planes of closest fit; Hotelling 1933.
    """

    def __init__(self, n_components=None):
        self.n_components = n_components

    def fit(self, x, y=None):
        """Find the components of `x`.

        Parameters
        ----------
        x : (n, C) array of real numbers, n at least 2
        y : ignored
            Here so that scikit-learn's order of arguments holds.

        Returns
        -------
        PCA
            This object.

        Raises
        ------
        TypeError, ValueError
            If `x` is not such an array, or n_components not an integer in 1..min(n, C).
        """
        x = check_data(x).astype(np.float64)  # (n, C)
        n_samples = len(x)
        if n_samples < 2:
            raise ValueError(f"x has {n_samples} sample, expected at least 2: one does not vary")
        m = min(x.shape)
        n_components = m if self.n_components is None else self.n_components
        check_integer(n_components, "n_components", 1, m, "the smaller of the numbers of samples and features")
        self.mean_ = x.mean(axis=0)  # (C,)
        _, singular_values, components = np.linalg.svd(x - self.mean_, full_matrices=False)  # (m,), (m, C)
        variance = singular_values**2 / (n_samples - 1)  # (m,)
        total = variance.sum()
        self.n_components_ = n_components
        self.components_ = _fix_signs(components[:n_components])  # (n_components, C)
        self.singular_values_ = singular_values[:n_components]  # (n_components,)
        self.explained_variance_ = variance[:n_components]  # (n_components,)
        self.explained_variance_ratio_ = self.explained_variance_ / (total if total > 0 else 1.0)  # (n_components,)
        return self

    def transform(self, x):
        """Project `x` onto the components.

        Parameters
        ----------
        x : (n, C) array of real numbers

        Returns
        -------
        (n, n_components) float64 array

        Raises
        ------
        NotFittedError, TypeError, ValueError
            If fit was not called, or `x` is not such an array with as many features as in fit.
        """
        check_fitted(self, "components_")
        x = check_data(x, n_features=len(self.mean_))  # (n, C)
        return (x - self.mean_) @ self.components_.T  # (n, n_components)

    def fit_transform(self, x, y=None):
        """Find the components of `x` and project `x` onto them: `fit(x).transform(x)`."""
        return self.fit(x).transform(x)  # (n, n_components)

    def inverse_transform(self, x):
        """Take projections back to the space of the data.

        Parameters
        ----------
        x : (n, n_components) array of real numbers

        Returns
        -------
        (n, C) float64 array
            The points of the components' subspace with these coordinates: the nearest there to what was projected.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            If fit was not called, or `x` is not such an array.
        """
        check_fitted(self, "components_")
        x = check_data(x, n_features=len(self.components_))  # (n, n_components)
        return x @ self.components_ + self.mean_  # (n, C)


def _fix_signs(components):
    """Return (m, C) components, each with its largest loading (the first of equals) positive."""
    size = np.abs(components)  # (m, C)
    largest = (size >= (1 - SIGN_TIE) * size.max(axis=1, keepdims=True)).argmax(axis=1)  # (m,)
    return components * np.sign(components[np.arange(len(components)), largest])[:, None]  # (m, C)
