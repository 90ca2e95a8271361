"""What the clustering workers time: minicluster.cluster and scikit-learn, which have the same names."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np

from . import machine

GROUPS = 10  # blobs in the data, and clusters sought unless a case says otherwise
NEIGHBORS = 5
SPREAD = 0.3  # of the centres, where rows have 1 around them: groups overlap, and k-means has many local minima

# Where scikit-learn, which is not ours to depend on, has what is timed.
SKLEARN = {
    "KMeans": "sklearn.cluster",
    "TSNE": "sklearn.manifold",
    "silhouette_score": "sklearn.metrics",
    "KNeighborsClassifier": "sklearn.neighbors",
}


def blobs(n, features, seed):
    """Return (n, features) float64 rows around GROUPS centres, and the (n,) group of each: the same for all rivals."""
    rng = np.random.default_rng(seed)
    centers = SPREAD * rng.standard_normal((GROUPS, features))
    groups = rng.integers(GROUPS, size=n)
    return centers[groups] + rng.standard_normal((n, features)), groups


class ClusterCases:
    """Cases about clusters, for a rival whose `tools()` have scikit-learn's names.

    A case is a dict with `kind`, `n`, `features`, `seed` and what the kind needs. Each method returns a function to be
    timed, without arguments, and a number to compare: an inertia, a share, a score, a divergence.
    """

    def tools(self):
        """Return an object with KMeans, TSNE, KNeighborsClassifier and silhouette_score."""
        raise NotImplementedError

    def prepare_kmeans(self, case):
        """k-means with `clusters` clusters, 10 starts."""
        x, _ = blobs(case["n"], case["features"], case["seed"])
        model = self.tools().KMeans(case["clusters"], n_init=10, random_state=case["seed"])
        return lambda: model.fit(x), float(model.fit(x).inertia_)

    def prepare_tsne(self, case):
        """t-SNE with `iterations` iterations; with `compare`, the number is its divergence, else None."""
        x, _ = blobs(case["n"], case["features"], case["seed"])
        model = self.tools().TSNE(max_iter=case["iterations"], random_state=case["random_state"])
        return lambda: model.fit(x), float(model.fit(x).kl_divergence_) if case["compare"] else None

    def prepare_neighbors(self, case):
        """Fit the rows and classify them by their nearest NEIGHBORS."""
        x, groups = blobs(case["n"], case["features"], case["seed"])

        def call():
            return self.tools().KNeighborsClassifier(NEIGHBORS).fit(x, groups).predict(x)

        return call, float((call() == groups).mean())

    def prepare_silhouette(self, case):
        """The mean silhouette of the groups."""
        x, groups = blobs(case["n"], case["features"], case["seed"])
        return lambda: self.tools().silhouette_score(x, groups), float(self.tools().silhouette_score(x, groups))


class SklearnRival(ClusterCases):
    """scikit-learn, where it happens to be installed."""

    def describe(self):
        """Return scikit-learn's version, and the BLAS that it shares with NumPy."""
        return {**machine.describe_numpy(), "version": import_module("sklearn").__version__}

    def prepare(self, case):
        """Make the function that a case times."""
        return getattr(self, f"prepare_{case['kind']}")(case)

    def tools(self):
        """Return scikit-learn's classes and functions under one name."""
        return SimpleNamespace(**{name: getattr(import_module(module), name) for name, module in SKLEARN.items()})
