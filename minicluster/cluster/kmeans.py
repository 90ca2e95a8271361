"""k-means: Lloyd's algorithm, from k-means++ starts."""

import sys
import warnings

import numpy as np

from ._distances import distinct_rows, nearest_rows, row_blocks, squared_distances
from ._validation import check_data, check_fitted, check_integer, check_random_state

AUTO_RUNS = {"k-means++": 1, "random": 10}  # restarts for n_init="auto": a random start more often ends badly


class ConvergenceWarning(RuntimeWarning):
    """The data can't fill as many clusters as were asked for."""


class KMeans:
    """Clusters around means: each sample belongs to the nearest of k centres, each centre is the mean of its samples.

    Lloyd's algorithm takes the two halves of that sentence in turn, and each lowers the inertia, the sum
    of squared distances from samples to their centres. It ends in a local minimum that depends on the start,
    so the best of n_init runs is kept.

    Parameters
    ----------
    n_clusters : int
    init : "k-means++", "random" or (k, C) array
        How to choose the first centres: rows far apart (greedy k-means++), k different rows at random, or these. An
        array leaves nothing to chance, so it is run once whatever n_init says.
    n_init : int or "auto"
        Number of runs; "auto" is 1 for k-means++ or an array, 10 for random.
    max_iter : int
        Iterations of a run at most.
    tol : float
        A run ends when the sum of the centres' squared moves is at most tol times the mean variance of a feature.
    verbose : int
        If not 0, each run writes a line to stderr.
    random_state : int, numpy.random.Generator or None
        A Generator moves on with each fit; the same int gives the same result; None gives another each time.

    Attributes
    ----------
    cluster_centers_ : (k, C) array, of the data's dtype
    labels_ : (n,) int64 array
        The nearest of `cluster_centers_` for each sample; the lowest of those equally near.
    inertia_ : float
        Sum of the squared distances from the samples to these centres.
    n_iter_ : int
        Iterations of the run that was kept.

    Source: Lloyd 1982, Least squares quantization in PCM; Arthur & Vassilvitskii 2007, k-means++: the advantages of
    careful seeding. `sample_weight` is left out for now.
    """

    def __init__(
        self, n_clusters=8, *, init="k-means++", n_init="auto", max_iter=300, tol=1e-4, verbose=0, random_state=None
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, x, y=None):
        """Find the clusters of `x`.

        Parameters
        ----------
        x : (n, C) array of real numbers
            float32 is iterated in float32, all else in float64; the labels and inertia at the end are from float64.
        y : ignored
            Here so that scikit-learn's order of arguments holds.

        Returns
        -------
        KMeans
            This object.

        Raises
        ------
        TypeError, ValueError
            If `x` is not such an array, a setting is out of its range, or n_clusters is more than n.

        Warns
        -----
        ConvergenceWarning
            If `x` has fewer distinct rows than clusters. Then each distinct row is a cluster, numbered by appearance
            whatever `init` is, and the clusters left over have no sample.
        """
        x = check_data(x)  # (n, C)
        n_clusters, n_init, init, rng = self._check_settings(x)
        first, place = distinct_rows(x)  # (d,), (n,)
        if len(first) < n_clusters:
            warnings.warn(
                f"x has {len(first)} distinct rows, fewer than n_clusters = {n_clusters}: only {len(first)} are used",
                ConvergenceWarning,
                stacklevel=2,
            )
            self.cluster_centers_ = x[np.resize(first, n_clusters)]  # (k, C) the first d, then these over again
            self.labels_, self.inertia_, self.n_iter_ = place, 0.0, 1
            return self

        # A large mean would drown the distances in the rounding of ||x||^2 - 2 x.c + ||c||^2, so it is taken off.
        offset = x.mean(axis=0, dtype=np.float64).astype(x.dtype)  # (C,)
        centered = x - offset  # (n, C)
        tolerance = self.tol * centered.var(axis=0, dtype=np.float64).mean()
        self.inertia_ = np.inf
        for run in range(n_init):
            if isinstance(init, np.ndarray):
                start = init - offset  # (k, C)
            elif init == "random":
                start = centered[_random_distinct_rows(place, n_clusters, rng)]  # (k, C)
            else:
                start = _plus_plus_centers(centered, n_clusters, rng)  # (k, C)
            centers, n_iter = _lloyd(centered, start, self.max_iter, tolerance)  # (k, C)
            centers += offset
            # Once more, as the centres have moved since the last iteration's labels, and exactly.
            labels, squared = nearest_rows(x, centers, n_nearest=1)  # (n, 1), (n, 1)
            inertia = float(squared.sum())
            if self.verbose:
                print(f"k-means run {run + 1}/{n_init}: {n_iter} iterations, inertia {inertia:.6g}", file=sys.stderr)
            # Better by more than rounding: of runs that found the same clusters in another order, the first is kept.
            if inertia < self.inertia_ * (1 - np.finfo(x.dtype).eps):
                self.cluster_centers_, self.labels_ = centers, labels[:, 0]
                self.inertia_, self.n_iter_ = inertia, n_iter
        return self

    def predict(self, x):
        """Give each row the cluster whose centre is nearest.

        Parameters
        ----------
        x : (n, C) array of real numbers

        Returns
        -------
        (n,) int64 array
            In 0..k-1; the lowest of those equally near.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            If fit was not called, or `x` is not such an array with as many features as in fit.
        """
        x, centers = self._check_new_data(x)  # (n, C), (k, C)
        labels, _ = nearest_rows(x, centers, n_nearest=1)  # (n, 1)
        return labels[:, 0]  # (n,)

    def fit_predict(self, x, y=None):
        """Find the clusters of `x` and return the (n,) labels: `fit(x).labels_`."""
        return self.fit(x).labels_  # (n,)

    def transform(self, x):
        """Distances from each row to each centre.

        Parameters
        ----------
        x : (n, C) array of real numbers

        Returns
        -------
        (n, k) array
            Euclidean distances, float32 if `x` and the data fitted are, else float64.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            If fit was not called, or `x` is not such an array with as many features as in fit.
        """
        x, centers = self._check_new_data(x)  # (n, C), (k, C)
        distances = np.empty((len(x), len(centers)), x.dtype)  # (n, k)
        for cluster, center in enumerate(centers):  # differences, not the expanded square: these numbers are seen
            distances[:, cluster] = np.sqrt(np.square(x - center).sum(axis=1))
        return distances

    def score(self, x, y=None):
        """Minus the inertia of `x` around the centres: the higher, the better.

        Parameters
        ----------
        x : (n, C) array of real numbers
        y : ignored

        Returns
        -------
        float

        Raises
        ------
        NotFittedError, TypeError, ValueError
            If fit was not called, or `x` is not such an array with as many features as in fit.
        """
        x, centers = self._check_new_data(x)  # (n, C), (k, C)
        _, squared = nearest_rows(x, centers, n_nearest=1)  # (n, 1)
        return -float(squared.sum())

    def _check_settings(self, x):
        """Return n_clusters, the number of runs, init (a name or an array) and a Generator, all checked against x."""
        n_clusters = check_integer(self.n_clusters, "n_clusters", 1, len(x), "the number of samples")
        check_integer(self.max_iter, "max_iter", low=1)
        try:
            tol_is_right = 0 <= self.tol < np.inf
        except TypeError:
            raise TypeError(f"tol = {self.tol!r}, expected a number") from None
        if not tol_is_right:
            raise ValueError(f"tol = {self.tol!r}, expected a finite number, at least 0")

        init = self.init
        if isinstance(init, str):
            if init not in AUTO_RUNS:
                raise ValueError(f"init = {init!r}, expected 'k-means++', 'random' or a (k, C) array")
        else:
            init = check_data(init, "init", n_features=x.shape[1]).astype(x.dtype)  # (k, C)
            if len(init) != n_clusters:
                raise ValueError(f"init has {len(init)} rows, expected n_clusters = {n_clusters}")
        if isinstance(self.n_init, str):
            if self.n_init != "auto":
                raise ValueError(f"n_init = {self.n_init!r}, expected 'auto' or an integer")
            n_init = AUTO_RUNS[init] if isinstance(init, str) else 1
        else:
            n_init = check_integer(self.n_init, "n_init", low=1)
            if not isinstance(init, str):
                n_init = 1
        return n_clusters, n_init, init, check_random_state(self.random_state)

    def _check_new_data(self, x):
        """Return `x`, checked, and the centres, both in the wider of their dtypes."""
        check_fitted(self, "cluster_centers_")
        centers = self.cluster_centers_  # (k, C)
        x = check_data(x, n_features=centers.shape[1])  # (n, C)
        dtype = np.result_type(x, centers)
        return x.astype(dtype, copy=False), centers.astype(dtype, copy=False)


def _random_distinct_rows(place, n_clusters, rng):
    """Choose rows at random, passing over copies of those chosen: (k,) indices. `place` is from distinct_rows."""
    order = rng.permutation(len(place))  # (n,)
    _, first = np.unique(place[order], return_index=True)  # (d,) where in the order each distinct row comes first
    return order[np.sort(first)[:n_clusters]]  # (k,)


def _plus_plus_centers(x, n_clusters, rng):
    """Choose rows of x that are far apart as the first centres: greedy k-means++.

    Each next centre is drawn with a probability proportional to the squared distance to the nearest centre so far.
    Greedy: of a few rows drawn so, the one that lowers the inertia most is taken.

    Parameters
    ----------
    x : (n, C) float array
        Centred.
    n_clusters : int
    rng : numpy.random.Generator

    Returns
    -------
    (k, C) array

    Source: Arthur & Vassilvitskii 2007, the greedy form from its conclusion; 2 + log(k) trials as in scikit-learn.
    """
    n_trials = 2 + int(np.log(n_clusters))
    x_squared = np.einsum("ij,ij->i", x, x)  # (n,)
    chosen = [int(rng.integers(len(x)))]
    nearest = squared_distances(x, x[chosen], x_squared)[:, 0]  # (n,) squared distance to the nearest centre so far
    for _ in range(1, n_clusters):
        # Lay the squared distances end to end and throw darts: a row is hit in proportion to its length.
        ends = np.cumsum(nearest, dtype=np.float64)  # (n,)
        trials = np.searchsorted(ends, rng.random(n_trials) * ends[-1])  # (n_trials,)
        distances = squared_distances(x, x[trials], x_squared)  # (n, n_trials)
        distances = np.minimum(distances, nearest[:, None])  # (n, n_trials)
        best = distances.sum(axis=0).argmin()
        chosen.append(int(trials[best]))
        nearest = distances[:, best]  # (n,)
    return x[chosen]  # (k, C)


def _lloyd(x, centers, max_iter, tolerance):
    """Assign and average in turn until nothing changes.

    Parameters
    ----------
    x : (n, C) float array
        Centred.
    centers : (k, C) float array
    max_iter : int
    tolerance : float
        The sum of squared moves of the centres that ends it.

    Returns
    -------
    centers : (k, C) array
    n_iter : int
        Iterations done, the last one, which changed nothing or little, included.
    """
    for n_iter in range(1, max_iter + 1):
        labels = _nearest_center(x, centers)  # (n,)
        if np.bincount(labels, minlength=len(centers)).min() == 0:
            labels = _fill_empty_clusters(x, centers, labels)
        old, centers = centers, _means(x, labels, len(centers))  # (k, C)
        if np.square(centers - old).sum() <= tolerance:  # also if no label changed: then no centre moves at all
            break
    return centers, n_iter


def _nearest_center(x, centers):
    """Nearest centre of each row of centred data, (n,) int64, to the rounding of the expanded square."""
    labels = np.empty(len(x), np.int64)  # (n,)
    centers_squared = np.einsum("ij,ij->i", centers, centers)  # (k,)
    columns = centers.T.copy()  # (C, k) contiguous, which halves the time of the product below
    for rows in row_blocks(len(x), len(centers)):
        distances = x[rows] @ columns  # (b, k)
        distances *= -2
        distances += centers_squared  # less ||x||^2, which is the same for every centre
        labels[rows] = distances.argmin(axis=1)  # argmin takes the first of equals
    return labels


def _means(x, labels, n_clusters):
    """Mean of each cluster of centred data: (k, C). A cluster without samples gets 0, the mean of all."""
    clusters = np.arange(n_clusters)  # (k,)
    sums = np.zeros((n_clusters, x.shape[1]))  # (k, C)
    for rows in row_blocks(len(x), n_clusters):
        # Sums by a product with 0s and 1s: of 600 x 64 with k = 10, in a quarter of the time that sorting by label
        # and np.add.reduceat take.
        member = labels[rows] == clusters[:, None]  # (k, b)
        sums += member.astype(x.dtype) @ x[rows]
    counts = np.bincount(labels, minlength=n_clusters)  # (k,)
    return (sums / np.maximum(counts, 1)[:, None]).astype(x.dtype)  # (k, C)


def _fill_empty_clusters(x, centers, labels):
    """Give each empty cluster the sample farthest from its centre.

    A sample takes its copies along, since apart from them it would lower nothing; and one whose cluster has nothing
    else stays where it is, because there it will be at distance 0 as well.

    Parameters
    ----------
    x : (n, C) float array
    centers : (k, C) float array
    labels : (n,) int64 array

    Returns
    -------
    (n,) int64 array
        New labels. A cluster stays empty only if no sample is away from its centre.
    """
    labels = labels.copy()
    distances = np.square(x - centers[labels]).sum(axis=1)  # (n,)
    for empty in np.flatnonzero(np.bincount(labels, minlength=len(centers)) == 0):
        while distances.max() > 0:
            farthest = distances.argmax()
            copies = (x == x[farthest]).all(axis=1)  # (n,)
            distances[copies] = 0  # each place serves once
            if (labels[~copies] == labels[farthest]).any():
                labels[copies] = empty
                break
    return labels
