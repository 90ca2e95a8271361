"""t-SNE's first half: how much do rows of the data belong together?

Source: van der Maaten & Hinton 2008, Visualizing data using t-SNE, sections 2 and 3.1; Hinton & Roweis 2002.
"""

import numpy as np

from ._operations import operations
from ._rows import row_blocks

OCTAVES = 32  # the precision of a row is sought between 2^-32 and 2^32, in the row's unit
BISECTIONS = 60  # of a bracket 64 wide: then it is narrower than float64 can tell
FARTHEST = 1e30  # in the row's unit: exp(-2^-32 * 1e30) is 0, so what is farther may as well be there
ENTROPY_TOLERANCE = 1e-5  # nats; perplexity is then right to a hundred-thousandth of itself


def joint_affinities(x, perplexity):
    """How much each pair of rows belongs together.

    Seen from row i, its neighbours are spread around it like a normal distribution: p(j | i) is proportional to
    exp(-precision_i |x_i - x_j|^2). The precision is such that the distribution over j has the wanted perplexity, so it
    is high where rows are dense. A pair's affinity is the mean of both views, (p(j | i) + p(i | j)) / 2n.

    Parameters
    ----------
    x : (n, C) float array
    perplexity : float
        exp of each row's entropy in nats. More than n - 1, or less than the number of copies at the smallest distance,
        can't be had: then all others, or these copies, count alike.

    Returns
    -------
    (n, n) float64 array
        Symmetric, of sum 1, with a diagonal of 0. O(n^2 (C + log of the precision sought)) time.
    """
    n = len(x)
    x = x.astype(np.float64, copy=False)
    data = operations().lay_out(x)
    views = np.zeros((n, n))  # p(j | i) at [i, j]
    for block in row_blocks(n, n):
        other = np.arange(block.start, block.stop)[:, None] != np.arange(n)  # (b, n)
        squared = operations().squared_distances(x[block], data)[other].reshape(-1, n - 1)  # (b, n) -> (b, n - 1)
        views[block][other] = conditional_affinities(squared, perplexity).ravel()
    views += views.T.copy()
    views /= 2 * n
    return views


def conditional_affinities(squared, perplexity):
    """Turn each row's squared distances into a distribution of a given perplexity.

    The higher the precision, the lower the entropy: so it is found by bisection, of its logarithm. What is
    subtracted from all distances of a row cancels in the distribution, so the smallest becomes 0, and something always
    has weight 1. What they are divided by goes into the precision: so a row's unit is free, and is chosen such that
    the precision sought lies in the bracket, however unlike its distances are. It is the first distance in excess of
    the perplexity: the third smallest for 2.5. At 2^32 what is at that distance or farther has weight 0, and what is
    left is too few; at 2^-32 all up to there have weight 1, and they are too many.

    Parameters
    ----------
    squared : (b, m) float64 array
    perplexity : float

    Returns
    -------
    (b, m) float64 array
        Rows of sum 1.
    """
    b, m = squared.shape
    squared = squared - squared.min(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        squared = np.minimum(squared / _units(squared, perplexity), FARTHEST)
    target = np.log(min(perplexity, m))
    low, high = np.full(b, -float(OCTAVES)), np.full(b, float(OCTAVES))  # (b,) logarithms to the base 2
    middle = np.zeros(b)
    active, distances = np.arange(b), squared  # the rows whose entropy is not yet right, (a,) and (a, m)
    for _ in range(BISECTIONS):
        precision = np.exp2(middle[active])  # (a,)
        weights = np.exp(-precision[:, None] * distances)  # (a, m)
        total = weights.sum(axis=1)  # (a,)
        entropy = np.log(total) + precision * np.einsum("ij,ij->i", weights, distances) / total  # (a,)
        wide = entropy > target  # (a,)
        low[active[wide]], high[active[~wide]] = middle[active[wide]], middle[active[~wide]]
        wrong = np.abs(entropy - target) > ENTROPY_TOLERANCE  # (a,)
        if not wrong.any():
            break
        if not wrong.all():
            active, distances = active[wrong], distances[wrong]
        middle[active] = (low[active] + high[active]) / 2
    weights = np.exp(-np.exp2(middle)[:, None] * squared)  # (b, m)
    return weights / weights.sum(axis=1, keepdims=True)


def _units(squared, perplexity):
    """The unit of each row's squared distances, of which the smallest is 0: (b, m) -> (b, 1)."""
    excess = min(int(perplexity), squared.shape[1] - 1)  # so many are nearer, or as near
    unit = np.partition(squared, excess, axis=1)[:, excess]  # (b,)
    # With more copies at the smallest distance than wanted, they alone should count: any farther one tells how far.
    nearest = np.where(squared > 0, squared, np.inf).min(axis=1)  # (b,)
    unit = np.where(unit > 0, unit, nearest)
    return np.where(np.isfinite(unit), unit, 1)[:, None]
