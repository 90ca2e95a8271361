"""k-means: both of its steps, and what it makes small."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers


TIED = 4  # as a size: two centres are at the same place
FAR = 5  # as a size: centres are farther away than 1000


def _draw(rng, size):
    n, k, C = 2 * size + 1, 1 + size // 2, 1 + size % 3
    if size == TIED:  # whole numbers, so that whatever way it is computed the distances are equal
        x, centers = rng.integers(-3, 4, (n, C)).astype(float), rng.integers(-3, 4, (k, C)).astype(float)
        centers[-1] = centers[0]
        return {"x": x, "centers": centers}
    if size == FAR:
        return {"x": 1e4 * numbers(rng, size, n, C), "centers": 1e4 * numbers(rng, size, k, C)}
    return {"x": numbers(rng, size, n, C), "centers": numbers(rng, 3, k, C)}


def assign(x, centers):
    """Nearest centre of each sample."""
    return ((x[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)


def _last_of_equal(x, centers):
    return len(centers) - 1 - assign(x, centers[::-1])


def _from_thousand(x, centers):
    squared = ((x[:, None] - centers) ** 2).sum(axis=2)
    return np.where(squared.min(axis=1) < 1000, squared.argmin(axis=1), 0)


def _draw_labelled(rng, size):
    drawn = _draw(rng, size)
    k = len(drawn["centers"])
    labels = rng.permutation(np.arange(len(drawn["x"])) % k)  # every cluster has a sample
    return {"x": drawn["x"], "labels": labels, "k": k}


def means(x, labels, k):
    """Mean of each cluster's samples."""
    return np.array([x[labels == j].mean(axis=0) for j in range(k)])


def _draw_inertia(rng, size):
    drawn = _draw(rng, size)
    labels = assign(**drawn)
    if size > 1 and size % 2:  # not everybody has the nearest centre
        labels = rng.permutation(labels)
    return drawn | {"labels": labels}


def inertia(x, centers, labels):
    """Sum of squared distances to the own centre."""
    return float(((x - centers[labels]) ** 2).sum())


EXERCISES = (
    Exercise(
        name="assign",
        draw=_draw,
        answer=assign,
        core=True,
        mistakes=(
            Mistake(
                "gives the centre that is farthest: `argmax` where `argmin` belongs",
                lambda x, centers: ((x[:, None] - centers) ** 2).sum(axis=2).argmax(axis=1),
            ),
            Mistake(
                "adds up differences, which cancel: square them before you add them up",
                lambda x, centers: (x[:, None] - centers).sum(axis=2).argmin(axis=1),
            ),
            Mistake(
                "gives for each centre its nearest sample: take the minimum over centres, not over samples",
                lambda x, centers: ((x[:, None] - centers) ** 2).sum(axis=2).argmin(axis=0),
            ),
            Mistake(
                "takes the sum of the differences' sizes, not of their squares: k-means uses squared distances",
                lambda x, centers: np.abs(x[:, None] - centers).sum(axis=2).argmin(axis=1),
            ),
            Mistake(
                "gives the last of several centres that are equally near: the first is asked for (`<`, not `<=`)",
                _last_of_equal,
            ),
            Mistake(
                "begins its search at a fixed number, and all centres may be farther than that: begin at np.inf",
                _from_thousand,
            ),
        ),
    ),
    Exercise(
        name="means",
        draw=_draw_labelled,
        answer=means,
        core=True,
        mistakes=(
            Mistake(
                "divides the sum of a cluster's samples by the number of all samples, not of its own",
                lambda x, labels, k: np.array([x[labels == j].sum(axis=0) / len(x) for j in range(k)]),
            ),
            Mistake(
                "adds a cluster's samples up and does not divide",
                lambda x, labels, k: np.array([x[labels == j].sum(axis=0) for j in range(k)]),
            ),
            Mistake(
                "takes the median: it makes the sum of distances small, not that of squared distances",
                lambda x, labels, k: np.array([np.median(x[labels == j], axis=0) for j in range(k)]),
            ),
        ),
    ),
    Exercise(
        name="inertia",
        draw=_draw_inertia,
        answer=inertia,
        mistakes=(
            Mistake(
                "is the mean, not the sum, over the samples",
                lambda x, centers, labels: float(((x - centers[labels]) ** 2).sum() / len(x)),
            ),
            Mistake(
                "takes the nearest centre of each sample: `labels` says whose centre it is, near or not",
                lambda x, centers, labels: float(((x[:, None] - centers) ** 2).sum(axis=2).min(axis=1).sum()),
            ),
            Mistake(
                "takes the mean of each cluster's samples for its centre: the centres are given, and may be elsewhere",
                lambda x, centers, labels: float(
                    sum(((x[labels == j] - x[labels == j].mean(axis=0)) ** 2).sum() for j in np.unique(labels))
                ),
            ),
            Mistake(
                "adds up distances, not their squares",
                lambda x, centers, labels: float(np.sqrt(((x - centers[labels]) ** 2).sum(axis=1)).sum()),
            ),
        ),
    ),
)
