"""Bug hunts in k-means, silhouettes and principal components."""

import numpy as np

from ..checking.exercise import Exercise, numbers
from .hunt import Bug, Hunt

# k-means ------------------------------------------------------------------------------------------


def _draw_assign(rng, size):
    n, k, C = 2 * size + 1, 2 + size // 2, 1 + size % 3
    while True:
        x, centers = numbers(rng, size, n, C), np.round(3 * rng.standard_normal((k, C)), 1)
        nearest, second = np.sort(np.linalg.norm(x[:, None] - centers, axis=2), axis=1).T[:2]
        if (second - nearest > 0.01).all():  # no ties
            return {"x": x, "centers": centers}


def _assign(x, centers):
    return np.array([np.argmin([np.linalg.norm(row - center) for center in centers]) for row in x])


K_MEANS_ASSIGN = Hunt(
    title="the first step of k-means: the nearest centre",
    source='''\
def k_means_assign(x, centers):
    """Index of the nearest centre of each sample, by |x - c|^2 = |x|^2 - 2 x . c + |c|^2.

    x : (n, C); centers : (k, C). Returns (n,) integers from 0 to k - 1.
    By hand: x = [[1], [4]], centers = [[0], [3]] gives [0, 1].
    """
    inner = x @ centers.T  # (n, C) @ (C, k) -> (n, k)
    lengths = (centers**2).sum(axis=1)  # (k,)
    squared = lengths - 2 * inner  # |x|^2 is the same for every centre
    return squared.argmin(axis=1)
''',
    exercise=Exercise("k_means_assign", _draw_assign, _assign),
    bugs=(
        Bug(
            "factor 2 forgotten",
            "lengths - 2 * inner",
            "lengths - inner",
            "The mixed term of the square has a factor of 2. Without it, centres far from the origin lose samples that "
            "are theirs; where all centres are equally long, nothing shows.",
        ),
        Bug(
            "length not squared",
            "lengths = (centers**2).sum(axis=1)",
            "lengths = np.sqrt((centers**2).sum(axis=1))",
            "|c| stands where |c|^2 belongs. Far centres look nearer than they are and draw samples to themselves; "
            "with vectors of length 1 it is right.",
        ),
        Bug(
            "length summed, not squared",
            "lengths = (centers**2).sum(axis=1)",
            "lengths = centers.sum(axis=1)",
            "The entries of a centre are added up, not their squares. The inertia can rise from one step to the next, "
            "and k-means may go round in circles until max_iter.",
        ),
        Bug(
            "largest inner product",
            "    squared = lengths - 2 * inner  # |x|^2 is the same for every centre\n",
            "    squared = -2 * inner  # what is the same for every centre is left out\n",
            "|c|^2 is not the same for every centre. Without it the sample goes to the centre with the largest inner "
            "product, which is a long one, not a near one.",
        ),
    ),
)


def _draw_update(rng, size):
    n, k, C = 2 * size, 2 + size // 2, 1 + size % 3
    labels = rng.integers(0, k - 1, n)  # the last cluster is empty
    labels[0] = 0
    labels[1:] = np.where(labels[1:] == 0, (k - 2) // 2, labels[1:])
    return {"x": numbers(rng, size, n, C) + 0.5, "labels": labels, "centers": numbers(rng, 3, k, C) + 5}


def _update(x, labels, centers):
    means = [x[labels == j].mean(axis=0) if (labels == j).any() else center for j, center in enumerate(centers)]
    return np.array(means)


K_MEANS_UPDATE = Hunt(
    title="the second step of k-means: the centres' new places",
    source='''\
def k_means_update(x, labels, centers):
    """Each cluster's mean; a cluster without samples keeps its centre.

    x : (n, C); labels : (n,) integers from 0 to k - 1; centers : (k, C), the old ones. Returns (k, C).
    By hand: x = [[1], [3]], labels = [0, 0], centers = [[0], [9]] gives [[2], [9]].
    """
    counts = np.bincount(labels, minlength=len(centers))[:, None]  # (k, 1)
    sums = np.zeros(centers.shape)  # (k, C)
    np.add.at(sums, labels, x)
    means = sums / np.maximum(counts, 1)
    return np.where(counts > 0, means, centers)
''',
    exercise=Exercise("k_means_update", _draw_update, _update),
    bugs=(
        Bug(
            "last sample only",
            "np.add.at(sums, labels, x)",
            "sums[labels] += x",
            "With an index array, += keeps one addition a row, so the sum is the cluster's last sample alone. Divided "
            "by the count, it draws every centre to the origin.",
        ),
        Bug(
            "empty cluster moved to the origin",
            "return np.where(counts > 0, means, centers)",
            "return means",
            "A cluster that lost all its samples jumps to the origin instead of staying. With centred data it then "
            "takes samples from all the others, and results depend on where the origin is.",
        ),
        Bug(
            "one more in every count",
            "np.maximum(counts, 1)",
            "(counts + 1)",
            "Meant to avoid 0/0, adding 1 makes every mean too small by n / (n + 1). Small clusters are drawn to the "
            "origin, and the inertia no longer falls at each step.",
        ),
        Bug(
            "cluster of one sample not moved",
            "np.where(counts > 0, means, centers)",
            "np.where(counts > 1, means, centers)",
            "A cluster with a single sample should move onto it, but keeps its old centre. Outliers keep an inertia "
            "that they need not have.",
        ),
    ),
)


# Silhouettes --------------------------------------------------------------------------------------


def _draw_silhouette(rng, size):
    k = 2 + (size > 1) + size // 4
    n = 2 * k + size % 3  # two or more of each cluster
    x = np.stack([rng.permutation(3 * n)[:n], rng.integers(0, 9, n)], axis=1).astype(float)  # no two alike
    return {"x": x if size % 2 else x[:, :1], "labels": rng.permutation(np.arange(n) % k)}


def _silhouette(x, labels):
    scores = []
    for i in range(len(x)):
        distances = [float(np.linalg.norm(x[i] - other)) for other in x]
        means = {}
        for j in set(labels.tolist()):
            means[j] = np.mean([d for s, d in enumerate(distances) if labels[s] == j and s != i])
        a = means.pop(int(labels[i]))
        b = min(means.values())
        scores.append(1 - a / b if a < b else b / a - 1)
    return np.array(scores)


SILHOUETTE = Hunt(
    title="silhouettes",
    source='''\
def silhouette(x, labels):
    """(b - a) / max(a, b) of each sample (Rousseeuw 1987).

    a: its mean distance to the other samples of its cluster; b: its mean distance to the samples of that other cluster
    for which this is smallest.
    x : (n, C), no two rows alike; labels : (n,) integers from 0 to k - 1, each at least twice, k at least 2.
    Returns (n,), numbers from -1 to 1.
    """
    n, k = len(x), labels.max() + 1
    distances = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))  # (n, n)
    sums = np.stack([distances[:, labels == j].sum(axis=1) for j in range(k)], axis=1)  # (n, k)
    counts = np.bincount(labels)  # (k,)
    a = sums[np.arange(n), labels] / (counts[labels] - 1)  # (n,)
    means = sums / counts  # (n, k)
    means[np.arange(n), labels] = np.inf
    b = means.min(axis=1)  # (n,)
    return (b - a) / np.maximum(a, b)
''',
    exercise=Exercise("silhouette", _draw_silhouette, _silhouette),
    bugs=(
        Bug(
            "itself counted",
            "/ (counts[labels] - 1)",
            "/ counts[labels]",
            "The sample's distance to itself, 0, is counted into its cluster's mean. Every silhouette is too good, "
            "most so in small clusters, so a choice of k by silhouette ends with too many.",
        ),
        Bug(
            "farthest cluster for the nearest",
            "    means[np.arange(n), labels] = np.inf\n    b = means.min(axis=1)",
            "    means[np.arange(n), labels] = -np.inf\n    b = means.max(axis=1)",
            "b is taken from the farthest cluster, not from the nearest. With two clusters it is right, with more it "
            "flatters every clustering that splits what belongs together.",
        ),
        Bug(
            "all other clusters together",
            "    means = sums / counts  # (n, k)\n"
            "    means[np.arange(n), labels] = np.inf\n"
            "    b = means.min(axis=1)  # (n,)\n",
            "    sums[np.arange(n), labels] = 0\n    b = sums.sum(axis=1) / (n - counts[labels])  # (n,)\n",
            "b is the mean distance to all samples of other clusters. With two clusters it is right; with more, a "
            "cluster cut in two still scores well, as most others are far.",
        ),
        Bug(
            "squared distances",
            "np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))",
            "((x[:, None] - x) ** 2).sum(axis=2)",
            "Distances are not rooted, so far samples weigh more, and silhouettes mostly lie nearer to 1 and -1 than "
            "those of other programs and of the literature.",
        ),
        Bug(
            "sum for the maximum",
            "/ np.maximum(a, b)",
            "/ (a + b)",
            "Divided by a + b, silhouettes of good clusters are too small: with a = b / 2 it is 1/3, not 1/2. The "
            "order of samples is the same, the published rules of thumb don't hold.",
        ),
    ),
)


# Principal components -----------------------------------------------------------------------------


def _draw_pca(rng, size):
    C = 2 + size % 3
    n = C + 1 + size
    while True:
        x = np.round(rng.standard_normal((n, C)) * np.arange(C, 0, -1) + rng.integers(-3, 4, C), 1)
        variances = np.linalg.eigvalsh(np.cov(x.T))
        if np.diff(variances).min() > 0.05:  # so that each component is defined
            return {"x": x, "n_components": 1 + size % (C - 1)}


def _pca(x, n_components):
    centred = x - np.mean(x, axis=0)
    values, vectors = np.linalg.eigh(np.cov(x.T))  # rising
    kept = vectors[:, ::-1][:, :n_components]  # (C, n_components)
    projected = np.einsum("ni,ik,jk->nj", centred, kept, kept)
    shares = values[::-1] / np.trace(np.cov(x.T))
    return {
        "variances": values[::-1][:n_components],
        "shares": shares[:n_components],
        "x": projected + np.mean(x, axis=0),
    }


PRINCIPAL_COMPONENTS = Hunt(
    title="what the first principal components keep",
    source='''\
def principal_components(x, n_components):
    """What the first principal components keep of x.

    x : (n, C), n > C. Returns a dict:
    "variances" (n_components,), the variances along them, with n - 1, falling;
    "shares" (n_components,), their shares of the total variance of x;
    "x" (n, C), x with all that lies beside these components taken away, in x's own place.
    """
    mean = x.mean(axis=0)  # (C,)
    u, s, vt = np.linalg.svd(x - mean, full_matrices=False)  # (n, C), (C,), (C, C)
    variances = s**2 / (len(x) - 1)  # (C,)
    shares = variances / variances.sum()
    axes = vt[:n_components]  # (n_components, C)
    kept = (x - mean) @ axes.T @ axes + mean  # (n, C)
    return {"variances": variances[:n_components], "shares": shares[:n_components], "x": kept}
''',
    exercise=Exercise("principal_components", _draw_pca, _pca, tolerance=1e-8),  # eigenvalues 0.05 apart
    bugs=(
        Bug(
            "not centred",
            "np.linalg.svd(x - mean, full",
            "np.linalg.svd(x, full",
            "Without the mean taken away, the first component points from the origin to the cloud, not along it. "
            "Shares look splendid, near 1, for data that lie far from 0.",
        ),
        Bug(
            "one mean for all columns",
            "mean = x.mean(axis=0)  #",
            "mean = np.full(x.shape[1], x.mean())  #",
            "The mean of all entries is taken away, not each column's. If the columns' means differ, the first "
            "component points along that difference; on standardised data nobody sees it.",
        ),
        Bug(
            "variances from n",
            "s**2 / (len(x) - 1)",
            "s**2 / len(x)",
            "Divided by n, variances differ from those of np.cov and other programs by n / (n - 1). Shares are right, "
            "so plots don't show it.",
        ),
        Bug(
            "shares of singular values",
            "shares = variances / variances.sum()",
            "shares = s / s.sum()",
            "Shares must be of variances, the squares of singular values. Unsquared, the first components seem to hold "
            "less than they do, and more of them are kept.",
        ),
        Bug(
            "columns for rows",
            "axes = vt[:n_components]  #",
            "axes = vt[:, :n_components].T  #",
            "svd gives the directions as rows of vt; the columns are those of eigh. The matrix is square, so no shape "
            "complains, and the picture is a projection along nothing in particular.",
        ),
        Bug(
            "shares of what is kept",
            "shares = variances / variances.sum()",
            "shares = variances / variances[:n_components].sum()",
            "Shares are of the kept components' variance, so they always add up to 1: two components seem to explain "
            "all, whatever the data.",
        ),
    ),
)

HUNTS = (K_MEANS_ASSIGN, K_MEANS_UPDATE, SILHOUETTE, PRINCIPAL_COMPONENTS)
