"""t-SNE: points in the plane such that neighbours of the data stay neighbours."""

import sys
import warnings
from dataclasses import dataclass

import numpy as np

from ._operations import operations
from ._validation import check_data, check_integer, check_number, check_random_state, check_start
from .affinities import joint_affinities
from .pca import PCA

EXAGGERATED_ITERATIONS = 250
CHECK_EVERY = 50  # iterations between two looks at the cost
MOMENTUM_AT_FIRST, MOMENTUM = 0.5, 0.8  # while affinities are exaggerated, and after
GAIN_STEP, GAIN_FACTOR, LEAST_GAIN = 0.2, 0.8, 0.01
START_SPREAD = 1e-4  # standard deviation of the first coordinate of the start: near 0 there are no clusters yet
START_STEP = 1e-5  # of that standard deviation: in such steps are principal components taken as a start
LEAST_LEARNING_RATE = 50.0

# Below this an affinity is 0: it would change no float32 sum, but numbers near 1e-38 are slow to compute with.
LEAST_AFFINITY = 1e-30


def kl_divergence_forward(embedding, affinities):
    """The Kullback-Leibler divergence of the points' affinities from the data's, in the open.

        w_ij = 1 / (1 + |y_i - y_j|^2), w_ii = 0;  q_ij = w_ij / z, z = sum of all w;  kl = sum of p_ij log(p_ij / q_ij)

    TSNE computes the same from `tsne_sums`, without holding any (n, n, d) array.

    Parameters
    ----------
    embedding : (n, d) array
        The points y, float or complex.
    affinities : (n, n) float array
        p, symmetric, of sum 1, with a diagonal of 0.

    Returns
    -------
    kl : float or complex
        In nats.
    cache : tuple
    """
    difference = embedding[:, None] - embedding  # (n, n, d)
    w = 1 / (1 + (difference * difference).sum(axis=2))  # (n, n)
    w = w * (1 - np.eye(len(w)))
    q = w / w.sum()  # (n, n)
    pairs = affinities > 0  # a pair with p = 0 adds 0
    kl = (affinities[pairs] * np.log(affinities[pairs] / q[pairs])).sum()
    return kl, (affinities, difference, w, q)


def kl_divergence_backward(dkl, cache):
    """Gradient of the divergence: pairs attract each other by p and repel each other by q.

    Parameters
    ----------
    dkl : float
    cache : tuple
        From the forward.

    Returns
    -------
    dict
        `embedding`: (n, d) array.

    Source: van der Maaten & Hinton 2008, equation 5 and appendix A.
    """
    affinities, difference, w, q = cache
    # forward: kl = constant - sum of p_ij log w_ij + log z, as the p add up to 1
    # forward: w = 1 / (1 + squared), so d log w = -w d squared, and d log z = sum of dw / z = -sum of q w d squared
    dsquared = dkl * (affinities - q) * w  # (n, n)
    # forward: squared_ij = sum over d of (y_i - y_j)^2. Point i is in row i, as y_i, and in column i, as y_j: by
    # symmetry the same twice.
    return {"embedding": 2 * 2 * (dsquared[:, :, None] * difference).sum(axis=1)}  # (n, n, d) -> (n, d)


class TSNE:
    """t-distributed stochastic neighbour embedding, exact.

    Two rows of the data attract each other by their affinity p, which is high between neighbours; their points in
    the plane have an affinity q, which falls with their distance as Student's t distribution with one degree of freedom
    does. Gradient descent moves the points until q is as near to p as it gets, in Kullback-Leibler divergence.

    What to read from the picture: which rows are neighbours. What not to read from it: distances between clusters,
    sizes and densities of clusters, and, at low perplexity, even their number.

    Parameters
    ----------
    n_components : int
        Coordinates of a point, d. Compiled for 1 and 2; from 3 on in plain NumPy, about a hundred times slower.
    perplexity : float
        How many neighbours a row has, effectively: 2 to the entropy, in bits, of its affinities. Above 0; at n - 1
        all others count alike.
    early_exaggeration : float
        By how much affinities are multiplied in the first 250 iterations, at least 1: clusters form tightly and can
        still pass one another.
    learning_rate : float or "auto"
        "auto" is n / early_exaggeration / 4, at least 50.
    max_iter : int
        At least 1.
    n_iter_without_progress : int
        After the exaggeration, ends when the divergence has not fallen for so many iterations; looked at each 50.
    min_grad_norm : float
        Ends when the gradient is no longer than this; looked at each 50.
    init : "pca", "random" or (n, d) array
        The first points: principal components, scaled so that the first has standard deviation 0.0001; normal random
        numbers of that size; or these.
    verbose : int
        If not 0, the cost is written to stderr each 50 iterations.
    random_state : int, numpy.random.Generator or None
        For init="random"; everything else leaves nothing to chance, so the seed does not matter then.
    method : "exact"
        The only one here; scikit-learn's default is an approximation, "barnes_hut".
    snapshot_every : int, optional
        Keep the points at the start, after every so many iterations, and at the end.

    Attributes
    ----------
    embedding_ : (n, d) float32 array
    kl_divergence_ : float
        Of the points' affinities from the data's, at the end, in nats; computed in float64.
    n_iter_ : int
        Iterations done.
    learning_rate_ : float
    snapshots_ : (s, n, d) float32 array
        Only if snapshot_every is given.
    snapshot_iterations_ : (s,) int64 array
        After how many iterations each was taken.

    An iteration takes O(n^2 d) time; memory is O(n^2), 4 bytes for each pair (and 30 while affinities are computed).
    Results do not depend on the number of threads.

    Source: van der Maaten & Hinton 2008, Visualizing data using t-SNE; Jacobs 1988 for the gains; Kobak & Berens 2019,
    The art of using t-SNE, and Belkina et al. 2019 for PCA initialisation and the learning rate.
    """

    def __init__(
        self,
        n_components=2,
        *,
        perplexity=30.0,
        early_exaggeration=12.0,
        learning_rate="auto",
        max_iter=1000,
        n_iter_without_progress=300,
        min_grad_norm=1e-7,
        init="pca",
        verbose=0,
        random_state=None,
        method="exact",
        snapshot_every=None,
    ):
        self.n_components = n_components
        self.perplexity = perplexity
        self.early_exaggeration = early_exaggeration
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.n_iter_without_progress = n_iter_without_progress
        self.min_grad_norm = min_grad_norm
        self.init = init
        self.verbose = verbose
        self.random_state = random_state
        self.method = method
        self.snapshot_every = snapshot_every

    def fit(self, x, y=None):
        """Find a point for each row of `x`.

        Parameters
        ----------
        x : (n, C) array of real numbers, n at least 2
        y : ignored
            Here so that scikit-learn's order of arguments holds.

        Returns
        -------
        TSNE
            This object.

        Raises
        ------
        TypeError, ValueError
            If `x` is not such an array, or a setting is out of its range.

        Warns
        -----
        UserWarning
            If perplexity is more than the n - 1 neighbours that a row has. Then all others count alike, and the
            picture shows nothing of the data.
        """
        x = check_data(x)  # (n, C)
        if len(x) < 2:
            raise ValueError("x has 1 sample, expected at least 2: one has no neighbours")
        self._check_settings(len(x))
        points = self._first_points(x)  # (n, d)
        if self.perplexity > len(x) - 1:
            warnings.warn(
                f"perplexity = {self.perplexity}, more than the {len(x) - 1} neighbours of each of n = {len(x)} samples"
                ": all of them count alike",
                UserWarning,
                stacklevel=2,
            )
        affinities = joint_affinities(x, self.perplexity)  # (n, n)
        affinities[affinities < LEAST_AFFINITY] = 0
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # an error at the end says more
            self._descend(points, affinities.astype(np.float32))
        return self

    def fit_transform(self, x, y=None):
        """Find a point for each row of `x` and return them, (n, d): `fit(x).embedding_`."""
        return self.fit(x).embedding_  # (n, d)

    def _check_settings(self, n):
        check_integer(self.n_components, "n_components", 1)
        check_number(self.perplexity, "perplexity", above=0)
        check_number(self.early_exaggeration, "early_exaggeration", least=1)
        if isinstance(self.learning_rate, str):
            if self.learning_rate != "auto":
                raise ValueError(f"learning_rate = {self.learning_rate!r}, expected 'auto' or a number")
            self.learning_rate_ = max(n / self.early_exaggeration / 4, LEAST_LEARNING_RATE)
        else:
            self.learning_rate_ = check_number(self.learning_rate, "learning_rate", above=0)
        check_integer(self.max_iter, "max_iter", 1)
        check_integer(self.n_iter_without_progress, "n_iter_without_progress", 1)
        check_number(self.min_grad_norm, "min_grad_norm", least=0)
        if self.method != "exact":
            raise ValueError(f"method = {self.method!r}, expected 'exact': there is no other one here")
        if self.snapshot_every is not None:
            check_integer(self.snapshot_every, "snapshot_every", 1)

    def _first_points(self, x):
        """The start, (n, d) float32."""
        rng = check_random_state(self.random_state)
        shape = len(x), self.n_components
        if not isinstance(self.init, str):
            points = check_start(self.init, self.n_components, np.float32)  # (n, d)
            if len(points) != len(x):
                raise ValueError(f"init has {len(points)} rows, expected {len(x)} as x has")
            return points
        if self.init == "random":
            return (START_SPREAD * rng.standard_normal(shape)).astype(np.float32)
        if self.init != "pca":
            raise ValueError(f"init = {self.init!r}, expected 'pca', 'random' or an (n, n_components) array")
        if self.n_components > min(x.shape):
            raise ValueError(
                f"init = 'pca' with n_components = {self.n_components}, expected at most {min(x.shape)}, the smaller "
                "of the numbers of samples and features; or init = 'random'"
            )
        points = PCA(self.n_components).fit_transform(x)  # (n, d)
        spread = points[:, 0].std()
        # In whole steps, as BLAS rounds otherwise on another number of threads, and descent magnifies that.
        steps = np.round(points / (spread if spread > 0 else 1) / START_STEP)
        return (steps * (START_STEP * START_SPREAD)).astype(np.float32)

    def _descend(self, points, affinities):
        """Move (n, d) float32 points, first with exaggerated affinities, then with these, and set the attributes."""
        divergence = _divergence_from(affinities)
        snapshots = {0: points}
        exaggerated = _Stage(
            0, min(EXAGGERATED_ITERATIONS, self.max_iter), self.early_exaggeration, MOMENTUM_AT_FIRST, patience=np.inf
        )
        points, done = self._move(points, affinities, divergence, exaggerated, snapshots)
        plain = _Stage(done, self.max_iter, 1, MOMENTUM, self.n_iter_without_progress)
        points, done = self._move(points, affinities, divergence, plain, snapshots)
        self.embedding_, self.n_iter_, self.kl_divergence_ = points, done, divergence(points)
        if not np.isfinite(self.kl_divergence_):
            raise ValueError(f"learning_rate = {self.learning_rate!r}, expected less: the points have run to infinity")
        if self.snapshot_every is not None:
            snapshots[done] = points
            self.snapshot_iterations_ = np.array(list(snapshots), np.int64)  # (s,)
            self.snapshots_ = np.stack(list(snapshots.values()))  # (s, n, d)

    def _move(self, points, affinities, divergence, stage, snapshots):
        """Gradient descent with momentum, and a gain for each coordinate.

        A coordinate's gain rises while the gradient keeps pointing the way it moves, and falls when it turns.

        Parameters
        ----------
        points : (n, d) float32 array
        affinities : (n, n) float32 array
        divergence : callable
            points -> float
        stage : _Stage
        snapshots : dict
            Where those that are due are put.

        Returns
        -------
        points : (n, d) float32 array
        iteration : int
            Iterations done.
        """
        update, gains = np.zeros_like(points), np.ones_like(points)  # (n, d), (n, d)
        best, best_at, iteration = np.inf, stage.first, stage.first
        for iteration in range(stage.first + 1, stage.last + 1):
            z, attraction, repulsion = operations().tsne_sums(points, affinities)  # float, (n, d), (n, d)
            gradient = 4 * (stage.exaggeration * attraction - repulsion / z)  # (n, d)
            onward = update * gradient < 0  # (n, d)
            gains = np.maximum(np.where(onward, gains + GAIN_STEP, gains * GAIN_FACTOR), LEAST_GAIN)
            update = (stage.momentum * update - self.learning_rate_ * gains * gradient).astype(np.float32)
            points = points + update
            if self.snapshot_every is not None and iteration % self.snapshot_every == 0:
                snapshots[iteration] = points
            if iteration % CHECK_EVERY == 0:
                kl, norm = divergence(points), float(np.sqrt(np.square(gradient).sum()))
                if self.verbose:
                    told = f"divergence {kl:.6f}, gradient norm {norm:.3g}"
                    print(f"t-SNE iteration {iteration}/{self.max_iter}: {told}", file=sys.stderr)
                if kl < best:
                    best, best_at = kl, iteration
                if iteration - best_at > stage.patience or norm <= self.min_grad_norm or not np.isfinite(kl):
                    break
        return points, iteration


@dataclass(frozen=True)
class _Stage:
    """A part of the descent: from `first` iterations done to at most `last`, ended early after `patience` iterations
    without a lower divergence."""

    first: int
    last: int
    exaggeration: float
    momentum: float
    patience: float


def _divergence_from(affinities):
    """Return a function of (n, d) points: their divergence, as `kl_divergence_forward` has it, a float.

    From log q_ij = -log(1 + |y_i - y_j|^2) - log z, whatever has no y in it is computed once.
    """
    p = affinities[affinities > 0].astype(np.float64)
    constant, mass = float((p * np.log(p)).sum()), float(p.sum())

    def divergence(points):
        z, _, _ = operations().tsne_sums(points, affinities)
        return constant + operations().tsne_cost(points, affinities) + mass * float(np.log(z))

    return divergence
