"""k-means: Lloyd's algorithm, from k-means++ starts."""

import sys
import warnings

import numpy as np

from ._rows import first_distinct_rows, unit_of
from ._operations import operations
from ._validation import (
    check_data,
    check_fitted,
    check_integer,
    check_number,
    check_random_state,
    check_start,
    check_weights,
)

AUTO_RUNS = {"k-means++": 1, "random": 10}  # restarts for n_init="auto": a random start more often ends badly


class ConvergenceWarning(UserWarning):
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
        Each times the sample's weight, if weights are given.
    n_iter_ : int
        Iterations of the run that was kept.
    inertia_history_ : (n_iter_ + 1,) float64 array
        The inertia of that run around its first centres and after each iteration; it never rises (to the rounding of
        the data's dtype), and ends at `inertia_`.

    An iteration takes O(n k C) time, a start O(n k log(k) C), memory is O((n + k) C). Results do not depend on the
    number of threads. Left out: mini-batches and Elkan's and Hamerly's bounds.

    Source: Lloyd 1982, Least squares quantization in PCM; Arthur & Vassilvitskii 2007, k-means++: the advantages of
    careful seeding.
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

    def fit(self, x, y=None, sample_weight=None):
        """Find the clusters of `x`.

        Parameters
        ----------
        x : (n, C) array of real numbers
            float32 is iterated in float32, all else in float64; the labels and inertia at the end are from float64.
        y : ignored
            Here so that scikit-learn's order of arguments holds.
        sample_weight : (n,) array of real numbers, optional
            How often each sample counts, at least 0; by default once. A sample that counts 0 times only gets a label.

        Returns
        -------
        KMeans
            This object.

        Raises
        ------
        TypeError, ValueError
            If `x` or `sample_weight` is not such an array, a setting is out of its range, or n_clusters is more than n.

        Warns
        -----
        ConvergenceWarning
            If the samples that count have fewer distinct rows than there are clusters. Then each distinct row is a
            cluster, numbered by appearance whatever `init` is, and the clusters left over have no sample.
        """
        x = check_data(x)  # (n, C)
        n_clusters, n_init, init, rng = self._check_settings(x)
        weights = check_weights(sample_weight, x)  # (n,)
        counted = weights > 0  # (n,)
        samples, sample_weights = (x, weights) if counted.all() else (x[counted], weights[counted])  # (m, C), (m,)
        first = first_distinct_rows(samples, np.arange(len(samples)), n_clusters)  # (d,), d at most n_clusters
        if len(first) < n_clusters:
            warnings.warn(
                f"x has {len(first)} distinct rows{'' if counted.all() else ' of positive weight'}, fewer than "
                f"n_clusters = {n_clusters}: only {len(first)} are used",
                ConvergenceWarning,
                stacklevel=2,
            )
            self.cluster_centers_ = samples[np.resize(first, n_clusters)]  # (k, C) the d rows, then these over again
            self.labels_, self.inertia_ = self._label(x, weights)
            self.n_iter_, self.inertia_history_ = 1, np.array([self.inertia_, self.inertia_])
        else:
            self._keep_best_run(x, weights, samples, sample_weights, n_clusters, n_init, init, rng)
        return self

    def _keep_best_run(self, x, weights, samples, sample_weights, n_clusters, n_init, init, rng):
        """Run Lloyd's algorithm n_init times on the m samples that count, label all n rows, and set the attributes.

        Parameters
        ----------
        x, weights : (n, C) and (n,) arrays
        samples, sample_weights : (m, C) and (m,) arrays
            Those of positive weight.
        n_clusters, n_init, init, rng
            From `_check_settings`.
        """
        # Around 0 a centre keeps all its digits; far from it, in float32, it could not move by less than x is exact to.
        # In a unit near their size, no square of a small number is lost below the smallest float. A unit that is a
        # power of 2 rounds nothing.
        offset = samples.mean(axis=0, dtype=np.float64).astype(x.dtype)  # (C,)
        centered = samples - offset  # (m, C)
        unit, heaviest = unit_of(centered), unit_of(sample_weights)
        centered /= unit
        sample_weights = sample_weights / heaviest  # (m,)
        data = operations().lay_out(centered)
        exact = operations().lay_out(x.astype(np.float64, copy=False))  # (n, C)
        tolerance = self.tol * centered.var(axis=0, dtype=np.float64).mean()
        self.inertia_ = np.inf
        for run in range(n_init):
            if isinstance(init, np.ndarray):
                start = (init - offset) / unit  # (k, C)
            elif init == "random":
                start = _random_centers(centered, sample_weights, n_clusters, rng)  # (k, C)
            else:
                start = _plus_plus_centers(centered, data, sample_weights, n_clusters, rng)  # (k, C)
            centers, history = _lloyd(centered, data, sample_weights, start, self.max_iter, tolerance)  # (k, C)
            centers = centers * unit + offset
            # Once more, as the centres have moved since the last iteration's labels, and exactly.
            labels, inertia = _label(exact, weights, centers)
            if self.verbose:
                told = f"{len(history)} iterations, inertia {inertia:.6g}"
                print(f"k-means run {run + 1}/{n_init}: {told}", file=sys.stderr)
            # Better by more than rounding: of runs that found the same clusters in another order, the first is kept.
            if inertia < self.inertia_ * (1 - np.finfo(x.dtype).eps):
                self.cluster_centers_, self.labels_, self.inertia_ = centers, labels, inertia
                self.n_iter_ = len(history)
                self.inertia_history_ = np.array([*(heaviest * float(unit) ** 2 * np.array(history)), inertia])

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
        x = self._check_new_data(x)  # (n, C)
        labels, _ = self._label(x, np.ones(len(x)))
        return labels  # (n,)

    def fit_predict(self, x, y=None, sample_weight=None):
        """Find the clusters of `x` and return the (n,) labels: `fit(x, y, sample_weight).labels_`."""
        return self.fit(x, y, sample_weight).labels_  # (n,)

    def fit_transform(self, x, y=None, sample_weight=None):
        """Find the clusters of `x` and return the (n, k) distances: `fit(x, y, sample_weight).transform(x)`."""
        return self.fit(x, y, sample_weight).transform(x)  # (n, k)

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
        x = self._check_new_data(x)  # (n, C)
        dtype = np.result_type(x, self.cluster_centers_)
        data = operations().lay_out(x.astype(dtype, copy=False))
        squared = operations().squared_distances(self.cluster_centers_.astype(dtype, copy=False), data)  # (k, n)
        return np.sqrt(squared.T)  # (n, k)

    def score(self, x, y=None, sample_weight=None):
        """Minus the inertia of `x` around the centres: the higher, the better.

        Parameters
        ----------
        x : (n, C) array of real numbers
        y : ignored
        sample_weight : (n,) array of real numbers, optional
            How often each sample counts, at least 0; by default once.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError, TypeError, ValueError
            If fit was not called, `x` is not such an array with as many features as in fit, or the weights don't suit.
        """
        x = self._check_new_data(x)  # (n, C)
        _, inertia = self._label(x, check_weights(sample_weight, x))
        return -inertia

    def _check_settings(self, x):
        """Return n_clusters, the number of runs, init (a name or an array) and a Generator, all checked against x."""
        n_clusters = check_integer(self.n_clusters, "n_clusters", 1, len(x), "the number of samples")
        check_integer(self.max_iter, "max_iter", low=1)
        check_number(self.tol, "tol", least=0)

        init = self.init
        if isinstance(init, str):
            if init not in AUTO_RUNS:
                raise ValueError(f"init = {init!r}, expected 'k-means++', 'random' or a (k, C) array")
        else:
            init = check_start(init, x.shape[1], x.dtype)  # (k, C)
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
        """Return `x`, checked; raise NotFittedError before fit."""
        check_fitted(self, "cluster_centers_")
        return check_data(x, n_features=self.cluster_centers_.shape[1])  # (n, C)

    def _label(self, x, weights):
        """Labels (n,) of (n, C) checked data, and their inertia."""
        return _label(operations().lay_out(x.astype(np.float64, copy=False)), weights, self.cluster_centers_)


def _label(data, weights, centers):
    """Exact labels (n,) and the inertia of laid out float64 data around (k, C) centers."""
    labels, squared = operations().assign(data, centers.astype(np.float64, copy=False))  # (n,), (n,)
    return labels, float((weights * squared).sum())


def _random_centers(x, weights, n_clusters, rng):
    """Choose k rows at random, passing over copies of those chosen: (k, C). The heavier, the likelier, as if rows of
    weight 2 were there twice."""
    order = np.argsort(rng.standard_exponential(len(x)) / weights)  # (n,) equal weights: any order equally likely
    return x[first_distinct_rows(x, order, n_clusters)]  # (k, C)


def _plus_plus_centers(x, data, weights, n_clusters, rng):
    """Choose rows of x that are far apart as the first centres: greedy k-means++.

    Each next centre is drawn with a probability proportional to the weight times the squared distance to the nearest
    centre so far. Greedy: of a few rows drawn so, the one that lowers the inertia most is taken.

    Parameters
    ----------
    x : (n, C) float array
    data : the same, laid out
    weights : (n,) float64 array
        Above 0.
    n_clusters : int
    rng : numpy.random.Generator

    Returns
    -------
    (k, C) array

    Source: Arthur & Vassilvitskii 2007, the greedy form from its conclusion; 2 + log(k) trials as in scikit-learn.
    """
    n_trials = 2 + int(np.log(n_clusters))
    chosen = _darts(weights, 1, rng)  # (1,)
    nearest = operations().squared_distances(x[chosen], data)[0]  # (n,) squared distance to the nearest centre so far
    for _ in range(1, n_clusters):
        trials = _darts(weights * nearest, n_trials, rng)  # (n_trials,)
        distances = operations().squared_distances(x[trials], data)  # (n_trials, n)
        distances = np.minimum(distances, nearest)  # (n_trials, n)
        best = (weights * distances).sum(axis=1).argmin()
        chosen = np.append(chosen, trials[best])
        nearest = distances[best]  # (n,)
    return x[chosen]  # (k, C)


def _darts(lengths, n_darts, rng):
    """Lay (n,) lengths end to end and throw darts: indices (n_darts,), each hit in proportion to its length."""
    ends = np.cumsum(lengths)  # (n,) float64
    return np.searchsorted(ends, rng.random(n_darts) * ends[-1])


def _lloyd(x, data, weights, centers, max_iter, tolerance):
    """Assign and average in turn until nothing changes.

    Parameters
    ----------
    x : (n, C) float array
    data : the same, laid out
    weights : (n,) float64 array
        Above 0.
    centers : (k, C) float array
    max_iter : int
    tolerance : float
        The sum of squared moves of the centres that ends it.

    Returns
    -------
    centers : (k, C) array
    history : list of float
        The inertia at the beginning of each iteration done, the last one, which changed nothing or little, included.
    """
    history = []
    for _ in range(max_iter):
        labels, squared = operations().assign(data, centers)  # (n,), (n,)
        history.append(float((weights * squared).sum()))
        counts = np.bincount(labels, weights, len(centers))  # (k,) sums of weights
        if counts.min() == 0:
            labels = _fill_empty_clusters(x, labels, squared, len(centers))
            counts = np.bincount(labels, weights, len(centers))
        sums = operations().sums_by_label(x, weights, labels, len(centers))  # (k, C)
        means = sums / np.where(counts > 0, counts, 1)[:, None]  # (k, C) one still empty gets 0, the mean of all
        old, centers = centers, means.astype(x.dtype)
        if np.square(centers - old).sum() <= tolerance:  # also if no label changed: then no centre moves at all
            break
    return centers, history


def _fill_empty_clusters(x, labels, squared, n_clusters):
    """Give each empty cluster the sample farthest from its centre.

    A sample takes its copies along, since apart from them it would lower nothing; and one whose cluster has nothing
    else stays where it is, because there it will be at distance 0 as well.

    Parameters
    ----------
    x : (n, C) float array
    labels : (n,) int64 array
    squared : (n,) float array
        Squared distance of each sample to its centre.
    n_clusters : int

    Returns
    -------
    (n,) int64 array
        New labels. A cluster stays empty only if no sample is away from its centre.
    """
    labels, squared = labels.copy(), squared.copy()
    for empty in np.flatnonzero(np.bincount(labels, minlength=n_clusters) == 0):
        while squared.max() > 0:
            farthest = squared.argmax()
            copies = (x == x[farthest]).all(axis=1)  # (n,)
            squared[copies] = 0  # each place serves once
            if (labels[~copies] == labels[farthest]).any():
                labels[copies] = empty
                break
    return labels
