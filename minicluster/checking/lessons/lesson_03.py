"""k-means: both of its steps, and what it makes small."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers


def _draw(rng, size):
    n, k, C = 2 * size + 1, 1 + size // 2, 1 + size % 3
    return {"x": numbers(rng, size, n, C), "centers": numbers(rng, 3, k, C)}


def assign(x, centers):
    """Nearest centre of each sample."""
    return ((x[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)


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
    return drawn | {"labels": assign(**drawn)}


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
                "adds up distances, not their squares",
                lambda x, centers, labels: float(np.sqrt(((x - centers[labels]) ** 2).sum(axis=1)).sum()),
            ),
        ),
    ),
)
