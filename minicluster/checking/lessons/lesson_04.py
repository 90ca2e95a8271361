"""Scoring clusters: pairs less chance, the right thing to deal at random, and tightness without classes."""

import numpy as np

from ..exercise import LARGEST_ROUND, Exercise, Mistake, numbers

N_SEEDS = 20  # that a deal is tried with: four units, two in a group, come out the same with all in 3**-19 of cases
MANY = 10  # as a size: cells have hundreds of samples
UNITS = 4  # in which deals are counted
ENOUGH = 200  # seeds: that one of six deals never comes has a chance of 1e-15


def _draw_table(rng, size):
    shape = 1 + size % 4, 3 + size // 2
    while True:  # until no row or column is empty, and both groupings have pairs, not as many
        table = rng.integers(0, 4 + size // 3, shape) * (300 if size == MANY else 1)
        A, B = _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum()
        if table.any(axis=0).all() and table.any(axis=1).all() and A and B and A != B:
            return {"table": table}


def _pairs(n):
    return n * (n - 1) / 2


def _counts(table, pairs=_pairs):
    """Pairs together in a class, in a cluster, in both, and all pairs."""
    return pairs(table.sum(axis=1)).sum(), pairs(table.sum(axis=0)).sum(), pairs(table).sum(), pairs(table.sum())


def _adjusted(A, B, both, N):
    by_chance = A * B / N
    return float((both - by_chance) / ((A + B) / 2 - by_chance))


def adjusted_rand(table):
    """Adjusted Rand index from a table."""
    return _adjusted(*_counts(table))


def _rand(table):
    A, B, both, N = _counts(table)
    return float((both + N - (A + B - both)) / N)


def _adjusted_by_samples(table):
    A, B, both, _ = _counts(table)
    return _adjusted(A, B, both, table.sum())


def _adjusted_by_larger(table):
    A, B, both, N = _counts(table)
    return float((both - A * B / N) / (max(A, B) - A * B / N))


def _adjusted_above_only(table):
    A, B, both, N = _counts(table)
    return float((both - A * B / N) / ((A + B) / 2))


def _excess(table):
    A, B, both, N = _counts(table)
    return float(both - A * B / N)


def _perfect_is_not_one(function, inputs, got):
    one = np.asarray(function(table=np.diag([2, 3])), float)
    if one.ndim == 0 and abs(one - 1) > 1e-9:
        return (
            f"gives {float(one):.4g} for the table [[2, 0], [0, 3]], where the clusters are the classes: it must be 1. "
            "There A = B = S = 4, so what is above the line and what is below it must be the same"
        )
    return None


def _other_pairs(function, inputs, got):
    A, B, both, N = _counts(inputs["table"])
    right = _adjusted(A, B, both, N)
    if abs(got - right) < 1e-9:
        return None
    counts = f"A = {A:g}, B = {B:g}, S = {both:g} and N = {N:g}"
    return f"gives {got:.6g}, expected {right:.6g}. Here {counts}: are yours the same?"


def _draw_units(rng, size):
    n_units = 3 + size
    group_of = rng.permutation(np.concatenate([[0, 0, 1], rng.integers(1 + (size + 1) // 3, size=n_units - 3)]))
    number = rng.choice(np.arange(2, 20), n_units, replace=False)  # of each unit, in no order, not from 0
    own = rng.permutation(np.concatenate([np.arange(n_units), rng.integers(n_units, size=size + 1)]))  # (n,)
    return {"group": group_of[own], "unit": number[own], "seed": int(rng.integers(1000))}


def _units(group, unit):
    """Group of each unit (P,), and unit of each sample, from 0 to P - 1 (n,)."""
    _, first, own = np.unique(unit, return_index=True, return_inverse=True)
    return group[first], own


def _deal_samples(group, unit, seed):
    return np.random.default_rng(seed).permutation(group)


def _deal_names(group, unit, seed):
    names = np.unique(group)
    return np.random.default_rng(seed).permutation(names)[np.searchsorted(names, group)]


def _deal_any_group(group, unit, seed):
    group_of, own = _units(group, unit)
    return np.random.default_rng(seed).choice(np.unique(group), len(group_of))[own]


def _deal_groups_of_samples(group, unit, seed):
    return np.random.default_rng(seed).permutation(group)[_units(group, unit)[1]]


def _no_group_each(function, inputs, got):
    got, group = np.asarray(got), inputs["group"]
    if got.shape != group.shape:
        return f"the answer has shape {got.shape}, expected {group.shape}: a group for each sample"
    if got.dtype.kind not in "iu":
        return f"the answer has dtype {got.dtype}, expected whole numbers (int)"
    new = sorted(set(got.tolist()) - set(group.tolist()))
    return f"gives group {new[0]}, which no sample had" if new else None


def _takes_units_apart(function, inputs, got):
    got, unit = np.asarray(got), inputs["unit"]
    for number in np.unique(unit):
        groups = np.unique(got[unit == number])
        if len(groups) > 1:
            return (
                f"takes unit {number} apart: its samples go to groups {groups[0]} and {groups[1]}. Samples of a unit "
                "go together, so deal the units, not the samples"
            )
    return None


def _changes_sizes(function, inputs, got):
    before, own = _units(inputs["group"], inputs["unit"])
    after, _ = _units(np.asarray(got), inputs["unit"])
    for group in np.unique(before):
        was, now = int((before == group).sum()), int((after == group).sum())
        if was != now:
            return (
                f"group {group} has {now} unit{'s' * (now != 1)} after the deal, and had {was}: put the groups of the "
                "units, each unit's once, into another order"
            )
    return None


def _never_gives_some_deals(function, inputs, got):
    """Say which of the deals of four units, two in a group, does not come."""
    if len(np.unique(inputs["unit"])) > UNITS:
        return None
    four = {"group": np.array([0, 0, 1, 1]), "unit": np.array([5, 3, 8, 6])}
    deals = {tuple(np.asarray(function(**four, seed=seed)).tolist()) for seed in range(ENOUGH)}
    all_deals = [(0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 0), (1, 0, 0, 1), (1, 0, 1, 0), (1, 1, 0, 0)]
    missing = [deal for deal in all_deals if deal not in deals]
    if not missing:
        return None
    return (
        f"never makes {list(missing[0])} of the groups [0, 0, 1, 1] of four units, with any of {ENOUGH} seeds: each of "
        "the 6 deals should be as likely as any other, so use rng.permutation for the groups of the units"
    ), four | {"seed": 0}


def _turn(group, unit, seed):
    group_of, own = _units(group, unit)
    return np.roll(group_of, np.random.default_rng(seed).integers(len(group_of)))[own]


def _swap_two(group, unit, seed):
    group_of, own = _units(group, unit)
    i, j = np.random.default_rng(seed).choice(len(group_of), 2, replace=False)
    group_of[[i, j]] = group_of[[j, i]]
    return group_of[own]


def _deals_nothing(function, inputs, got):
    deals = [np.asarray(function(**{**inputs, "seed": seed})).tolist() for seed in range(N_SEEDS)]
    if all(deal == deals[0] for deal in deals):
        return f"deals the same with each of {N_SEEDS} seeds: is np.random.default_rng(seed) used?"
    group_of, _ = _units(inputs["group"], inputs["unit"])
    together = [_units(np.array(deal), inputs["unit"])[0] for deal in deals]  # (P,) each
    if all(np.array_equal(a[:, None] == a, group_of[:, None] == group_of) for a in together):
        return "gives the groups other names, and who is together stays together: deal the units among the groups"
    return None


def _draw_clusters(rng, size):
    k = 2 + size // 2
    labels = rng.permutation(np.concatenate([np.repeat(np.arange(k), 2), rng.integers(k, size=1 + size)]))
    while True:  # until no two samples are at one place: a and b could both be 0
        shape = len(labels), 1 + size // 2
        x = rng.integers(-9, 10, shape).astype(float) if size <= LARGEST_ROUND else numbers(rng, size, *shape)
        if len(np.unique(x, axis=0)) == len(x):
            return {"x": x, "labels": labels}


def _distances(x):
    return np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))


def _own_and_other(distance, labels, own_divisor=-1):
    """Mean distance to the own cluster's other samples, and to each cluster, inf for the own."""
    one_hot = (labels[:, None] == np.arange(labels.max() + 1)).astype(float)  # (n, k)
    sums, sizes = distance @ one_hot, one_hot.sum(axis=0)  # (n, k), (k,)
    a = (sums * one_hot).sum(axis=1) / (sizes[labels] + own_divisor)  # (n,)
    return a, np.where(one_hot > 0, np.inf, sums / sizes)


def silhouettes(x, labels):
    """Silhouette of each sample."""
    a, others = _own_and_other(_distances(x), labels)
    b = others.min(axis=1)
    return (b - a) / np.maximum(a, b)


def _silhouettes_with_itself(x, labels):
    a, others = _own_and_other(_distances(x), labels, own_divisor=0)
    b = others.min(axis=1)
    return (b - a) / np.maximum(a, b)


def _silhouettes_to_all_others(x, labels):
    distance, (a, _) = _distances(x), _own_and_other(_distances(x), labels)
    apart = labels[:, None] != labels
    b = (distance * apart).sum(axis=1) / apart.sum(axis=1)
    return (b - a) / np.maximum(a, b)


def _silhouettes_to_nearest_sample(x, labels):
    distance, (a, _) = _distances(x), _own_and_other(_distances(x), labels)
    b = np.where(labels[:, None] == labels, np.inf, distance).min(axis=1)
    return (b - a) / np.maximum(a, b)


def _silhouettes_of_squares(x, labels):
    a, others = _own_and_other(_distances(x) ** 2, labels)
    b = others.min(axis=1)
    return (b - a) / np.maximum(a, b)


def _silhouettes_to_centres(x, labels):
    centers = np.array([x[labels == j].mean(axis=0) for j in range(labels.max() + 1)])
    distance = np.sqrt(((x[:, None] - centers) ** 2).sum(axis=2))  # (n, k)
    own = labels[:, None] == np.arange(len(centers))
    a, b = distance[own], np.where(own, np.inf, distance).min(axis=1)
    return (b - a) / np.maximum(a, b)


def _silhouettes_divided_by_own(x, labels):
    a, others = _own_and_other(_distances(x), labels)
    return (others.min(axis=1) - a) / a


def _beyond_one(function, inputs, got):
    got = np.asarray(got)
    if np.abs(got).max() > 1 + 1e-9:
        worst = got[np.abs(got).argmax()]
        return f"gives {worst:.4g}, and a silhouette lies between -1 and 1: divide by the larger of a and b"
    return None


def _other_distances(function, inputs, got):
    got, right = np.asarray(got), silhouettes(**inputs)
    wrong = ~(np.abs(got - right) < 1e-9)
    if not wrong.any():
        return None
    i = int(wrong.argmax())
    a, others = _own_and_other(_distances(inputs["x"]), inputs["labels"])
    means = f"a = {a[i]:.6g} and b = {others[i].min():.6g}"
    return f"gives {got[i]:.6g} for sample {i}, expected {right[i]:.6g}. There {means}: are yours the same?"


EXERCISES = (
    Exercise(
        name="adjusted_rand",
        draw=_draw_table,
        answer=adjusted_rand,
        core=True,
        rules=(_perfect_is_not_one, _other_pairs),
        mistakes=(
            Mistake(
                "gives the Rand index, the share of pairs on which both agree: most of that is chance, so take off "
                "what chance would give, A B / N",
                _rand,
            ),
            Mistake(
                "counts n * n pairs among n samples: each sample with itself, and each pair twice. There are n (n - "
                "1) / 2",
                lambda table: _adjusted(*_counts(table, lambda n: n * n)),
            ),
            Mistake(
                "takes the number of samples for N: it is the number of all pairs of samples",
                _adjusted_by_samples,
            ),
            Mistake(
                "divides by the larger of A and B less chance: it is their mean, (A + B) / 2, less chance",
                _adjusted_by_larger,
            ),
            Mistake(
                "takes chance off above the line only: below, it comes off the mean of A and B, too",
                _adjusted_above_only,
            ),
            Mistake(
                "takes chance off, and does not divide: without that, equal groupings do not score 1",
                _excess,
            ),
        ),
    ),
    Exercise(
        name="deal_units",
        draw=_draw_units,
        core=True,
        rules=(_no_group_each, _takes_units_apart, _changes_sizes, _deals_nothing, _never_gives_some_deals),
        mistakes=(
            Mistake(
                "shuffles the samples, as if each could go its own way: samples of a unit go together, so deal the "
                "units",
                _deal_samples,
            ),
            Mistake(
                "gives the groups other names, and who is together stays together: any score of company remains as it "
                "was. Deal the units among the groups",
                _deal_names,
            ),
            Mistake(
                "draws a group for each unit anew, so that groups get other sizes: put the units' groups into another "
                "order",
                _deal_any_group,
            ),
            Mistake(
                "shuffles the groups of all samples before it gives them to units, so large units count more than "
                "once: take the group of each unit once, and shuffle these",
                _deal_groups_of_samples,
            ),
            Mistake(
                "turns the row of the units' groups on by some places, so that neighbours stay neighbours: put them "
                "into any order, with rng.permutation",
                _turn,
            ),
            Mistake(
                "lets two units change places, and all others stay: put all groups into any order, with "
                "rng.permutation",
                _swap_two,
            ),
            Mistake(
                "gives one group a unit: give one a sample, that of its unit",
                lambda group, unit, seed: np.random.default_rng(seed).permutation(_units(group, unit)[0]),
            ),
        ),
    ),
    Exercise(
        name="silhouettes",
        draw=_draw_clusters,
        answer=silhouettes,
        rules=(_beyond_one, _other_distances),
        mistakes=(
            Mistake(
                "counts the sample itself as one of its cluster, at distance 0: a is the mean over the others, so "
                "divide by their number, one less",
                _silhouettes_with_itself,
            ),
            Mistake(
                "takes for b the mean over all samples of other clusters: it is the mean over one cluster, the one "
                "where it is smallest",
                _silhouettes_to_all_others,
            ),
            Mistake(
                "takes for b the distance to the nearest stranger: it is the mean distance to a cluster, the one "
                "where it is smallest",
                _silhouettes_to_nearest_sample,
            ),
            Mistake(
                "takes squared distances: take their square roots before you average",
                _silhouettes_of_squares,
            ),
            Mistake(
                "measures to the clusters' centres: a and b are mean distances to samples",
                _silhouettes_to_centres,
            ),
            Mistake(
                "divides by a alone: divide by the larger of a and b, and no silhouette is beyond 1 or -1",
                _silhouettes_divided_by_own,
            ),
        ),
    ),
)
