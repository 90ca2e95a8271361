"""What is said over seeds and patterns: the unit is the seed, then the pattern, never the row."""

import numpy as np

N_RESAMPLES = 2000
COVERED = 0.95  # by an interval


def summary(values):
    """Return `median`, `low` and `high` of numbers, one a seed; None where there are none."""
    values = [value for value in values if value is not None]
    if not values:
        return {"median": None, "low": None, "high": None}
    return {"median": float(np.median(values)), "low": float(min(values)), "high": float(max(values))}


def bootstrap_interval(shares, seed=0):
    """Interval of a median over seeds of means over patterns: seeds are drawn with replacement, then patterns in each.

    Parameters
    ----------
    shares : list of (patterns,) arrays
        One a seed: a number for each pattern, NaN for one without any.
    seed : int

    Returns
    -------
    [low, high] : list of float, or None without any number
        95 % of the resampled medians lie between them. With one seed only patterns vary.

    Source: Efron & Tibshirani 1993, An introduction to the bootstrap, chapters 6 and 13 (percentiles).
    """
    rng = np.random.default_rng(seed)
    shares = [np.asarray(own, float)[~np.isnan(np.asarray(own, float))] for own in shares]
    shares = [own for own in shares if len(own)]
    if not shares:
        return None
    medians = np.empty(N_RESAMPLES)
    for draw in range(N_RESAMPLES):
        chosen = rng.integers(len(shares), size=len(shares))
        medians[draw] = np.median([shares[i][rng.integers(len(shares[i]), size=len(shares[i]))].mean() for i in chosen])
    tail = (1 - COVERED) / 2
    return [float(value) for value in np.quantile(medians, (tail, 1 - tail))]


def pattern_mean(shares):
    """Return the mean of a number for each pattern, those without any (None) left out; None if there is none."""
    there = [share for share in shares if share is not None]
    return float(np.mean(there)) if there else None


def by_pattern(values, distribution, n_patterns):
    """Return the mean of the values (n,) of each pattern: (patterns,) with NaN where a pattern has none."""
    values, distribution = np.asarray(values, float), np.asarray(distribution)
    counts = np.bincount(distribution, minlength=n_patterns)
    sums = np.bincount(distribution, weights=values, minlength=n_patterns)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def ranks(values):
    """Return the ranks 1..n of values (n,), ties sharing the mean of theirs."""
    values = np.asarray(values, float)
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1) / 2


def correlation(x, y):
    """Return Pearson's correlation of x and y (n,), or None where one of them does not vary."""
    x, y = (np.asarray(values, float) - np.mean(values) for values in (x, y))
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 1e-12 * len(x) else None


def rank_correlation(x, y):
    """Return Spearman's correlation of x and y (n,): that of their ranks."""
    return correlation(ranks(x), ranks(y))


def partial_correlation(x, y, others):
    """Return the correlation of x and y (n,) that is left when a linear function of the others is taken from both.

    Parameters
    ----------
    x, y : (n,) sequences
    others : list of (n,) sequences

    Returns
    -------
    float or None
        None where nothing varies any more.
    """
    design = np.column_stack([np.ones(len(x)), *others])  # (n, 1 + others)

    def rest(values):
        values = np.asarray(values, float)
        return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]

    return correlation(rest(x), rest(y))
