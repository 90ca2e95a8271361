"""The geometry of clusters: scatter, effective dimension, distances.

The scatter of training strings' states at the separator about their mean is that between the tasks' centroids and that
within tasks; the latter again is that between the patterns of a task and that within patterns. No clusters are sought,
so this does not depend on k-means.

Claim. Training moves the tasks' centroids apart, much more than it does the strings of one task: most of the scatter
comes to lie between tasks, in deeper layers more than in shallow ones. Patterns dealt at random into pseudo-tasks show
which share whole patterns give to any grouping of them (regrouping null), the untrained model which one comes with the
strings.

Falsified if at the middle layer the share of the scatter that lies between tasks is not above the null's 99th
percentile or not at least 0.5 above the untrained model's, if it rises over the untrained model by less than 0.1 more
in the layers after the middle one than in those from 1 to it, or if at the middle layer the nearest two of the tasks'
centroids are no further apart than the tasks' radius (root mean square distance of a string from its task's centroid).
"""

import numpy as np

from ..cluster import PCA, TSNE
from .measure import BAR_QUANTILE
from .statistics import summary
from .verdicts import verdict

SMALL, SEEDS = False, 5
N_DRAWS = 200  # of the regrouping null
NULL_STREAM = 5  # of random numbers
NOTHING = 1e-12  # scatter below this share of the states' mean squared length is rounding
LEAST_RISE, LEAST_LEAD, LEAST_DISTANCE = 0.5, 0.1, 1.0  # of the verdicts
PERPLEXITY, STRINGS_A_NEIGHBOUR = 30, 3  # of t-SNE, which wants three times as many strings
DECIMALS = 3  # of the points in a picture
MEASURES = (
    "between_tasks",
    "within_tasks",
    "within_patterns",
    "between_share",
    "within_pattern_share",
    "regrouping_null_99",
    "dimension",
    "dimension_within_tasks",
    "mean_distance",
    "least_distance",
)


def trainings(settings):
    """Return {name: Settings}: one training."""
    return {"plain": settings}


def measure(trained):
    """Measure the states at the separator of one training's strings, at every recorded step and layer.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        `middle_layer`, `n_tasks`, `steps`; each of the MEASURES [[value a layer] a step], see `geometry`; if the
        training is pictured, `pictured`, see `picture`.
    """
    strings, dataset = trained.strings["train"], trained.dataset
    task_of_pattern = np.arange(len(dataset.patterns)) // dataset.n_distributions  # (patterns,)
    dealt = deal(task_of_pattern, N_DRAWS, [trained.setup.seed, NULL_STREAM])  # (draws, patterns)
    found = [
        [geometry(states, strings.task, strings.distribution, dealt) for states in recording.states["train"]]
        for recording in trained.recordings
    ]
    measured = {
        "middle_layer": trained.settings.middle_layer,
        "n_tasks": dataset.n_tasks,
        "steps": [recording.step for recording in trained.recordings],
        **{name: [[layer[name] for layer in step] for step in found] for name in MEASURES},
    }
    return measured | ({"pictured": picture(trained)} if trained.pictured else {})


def geometry(states, task, pattern, dealt):
    """Measure the states of one layer at one step.

    Parameters
    ----------
    states : (n, C) array
    task, pattern : (n,) integer arrays
        Of each string.
    dealt : (draws, patterns) integer array
        Pseudo-tasks; see `deal`.

    Returns
    -------
    dict
        Squared lengths per string, in the units of the states: `between_tasks`, `within_tasks`, `within_patterns`.
        Shares of the total scatter: `between_share`, `within_pattern_share`, and `regrouping_null_99`, which the
        former has to beat. `dimension` and `dimension_within_tasks`: effective ones. `mean_distance` and
        `least_distance` of two tasks' centroids, in units of the tasks' radius sqrt(within_tasks). What has no meaning,
        as nothing varies, is None; everything is if a state is not finite.
    """
    if not np.isfinite(states).all():
        return dict.fromkeys(MEASURES)
    x = np.asarray(states, np.float64)
    least = NOTHING * (x**2).sum(axis=1).mean()
    within_tasks, between_tasks = scatter(x, task)
    within_patterns, _ = scatter(x, pattern)
    total = within_tasks + between_tasks
    (mean, nearest), radius = centroid_distances(x, task), float(np.sqrt(within_tasks))
    varies, spreads = total > least, within_tasks > least
    null = regrouped_shares(x, pattern, dealt) if varies else None
    return {
        "between_tasks": between_tasks,
        "within_tasks": within_tasks,
        "within_patterns": within_patterns,
        "between_share": between_tasks / total if varies else None,
        "within_pattern_share": within_patterns / total if varies else None,
        "regrouping_null_99": float(np.quantile(null, BAR_QUANTILE)) if varies else None,
        "dimension": effective_dimension(x - x.mean(axis=0)) if varies else None,
        "dimension_within_tasks": effective_dimension(deviations(x, task)) if spreads else None,
        "mean_distance": mean / radius if spreads else None,
        "least_distance": nearest / radius if spreads else None,
    }


def centroids(x, group):
    """Return the mean of each group's rows of `x` (n, C), in the order of the groups: (groups, C)."""
    return np.stack([x[group == g].mean(axis=0) for g in np.unique(group)])


def deviations(x, group):
    """Return how far each row of `x` (n, C) is from its group's mean: (n, C)."""
    _, place = np.unique(group, return_inverse=True)  # (n,)
    return x - centroids(x, group)[place]  # (groups, C) -> (n, C)


def scatter(x, group):
    """Split the scatter of rows about their mean into that within groups and that between them.

        within = 1/n sum_i |x_i - m_g(i)|^2,  between = 1/n sum_i |m_g(i) - m|^2,  m_g the mean of group g, m of all

    They are the traces of the within- and between-group covariance and add up to 1/n sum_i |x_i - m|^2.

    Parameters
    ----------
    x : (n, C) float64 array
    group : (n,) array

    Returns
    -------
    within, between : floats

    Source: Fisher 1936, The use of multiple measurements in taxonomic problems.
    """
    own = deviations(x, group)  # (n, C)
    between = x - own - x.mean(axis=0)  # (n, C): of each row's group
    return float((own**2).sum() / len(x)), float((between**2).sum() / len(x))


def effective_dimension(centred):
    """Return the participation ratio of the covariance's eigenvalues: in how many directions rows vary, effectively.

        (sum_k lambda_k)^2 / sum_k lambda_k^2

    d equal eigenvalues and none else give d. No eigenvalue is needed: their sum is the covariance's trace, the sum of
    their squares that of its entries' squares.

    Parameters
    ----------
    centred : (n, C) float64 array
        Of mean 0, and not all 0.

    Returns
    -------
    float
        In 1..C.
    """
    covariance = centred.T @ centred / len(centred)  # (C, C)
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())


def centroid_distances(x, group):
    """Return the mean and the least distance of two groups' centroids, over all pairs of groups: (mean, least)."""
    m = centroids(x, group)  # (groups, C)
    first, second = np.triu_indices(len(m), 1)  # (pairs,) each
    distances = np.sqrt(((m[first] - m[second]) ** 2).sum(axis=1))  # (pairs,)
    return float(distances.mean()), float(distances.min())


def deal(task_of_pattern, n_draws, seed):
    """Deal patterns at random into pseudo-tasks of as many patterns as the tasks have: (draws, patterns)."""
    return np.random.default_rng(seed).permuted(np.tile(task_of_pattern, (n_draws, 1)), axis=1)


def regrouped_shares(x, pattern, dealt):
    """Return which share of the scatter lies between pseudo-tasks, for each way to deal patterns into them.

    With S_p the sum over pattern p of x_i - m, and n_p its number of strings, the scatter between pseudo-tasks t is

        1/n sum_t |sum_{p in t} S_p|^2 / sum_{p in t} n_p

    Parameters
    ----------
    x : (n, C) float64 array
    pattern : (n,) integers in 0..patterns-1
    dealt : (draws, patterns) integers
        The pseudo-task of each pattern.

    Returns
    -------
    (draws,) float64 array
    """
    centred = x - x.mean(axis=0)  # (n, C)
    of_pattern = (pattern == np.arange(dealt.shape[1])[:, None]).astype(float)  # (patterns, n)
    sums, sizes = of_pattern @ centred, of_pattern.sum(axis=1)  # (patterns, C), (patterns,)
    members = (dealt[:, None] == np.arange(dealt.max() + 1)[:, None]).astype(float)  # (draws, tasks, patterns)
    squared = ((members @ sums) ** 2).sum(axis=2)  # (draws, tasks, C) -> (draws, tasks)
    return (squared / (members @ sizes)).sum(axis=1) / (centred**2).sum()  # (draws,)


def picture(trained):
    """Return what is drawn of one training: the strings' states at the separator in the plane.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        `layer`, the middle one; `task` [a string]; `steps`; `points` [[[x, y] a string] a step]: the middle layer's
        states in one and the same plane at all steps, that of the last step's two principal components; `explained`
        [a step]: the share of that step's scatter that the plane shows (None if nothing varies). `tsne`: `perplexity`,
        `layers` (the first, the middle and the last) and `points` [[[x, y] a string] a layer] of the last step.
    """
    layer, last = trained.settings.middle_layer, trained.recordings[-1].states["train"]  # (L + 1, strings, C)
    layers = sorted({1, layer, len(last) - 1} - {0})
    plane = PCA(2).fit(last[layer])
    projected = [plane.transform(recording.states["train"][layer]) for recording in trained.recordings]
    perplexity = min(PERPLEXITY, last.shape[1] / STRINGS_A_NEIGHBOUR)
    embedded = [TSNE(perplexity=perplexity).fit_transform(last[one].astype(np.float64)) for one in layers]
    return {
        "layer": layer,
        "task": trained.strings["train"].task.tolist(),
        "steps": [recording.step for recording in trained.recordings],
        "points": [rounded(points) for points in projected],
        "explained": [
            shown_share(recording.states["train"][layer], points)
            for recording, points in zip(trained.recordings, projected)
        ],
        "tsne": {"perplexity": perplexity, "layers": layers, "points": [rounded(points) for points in embedded]},
    }


def shown_share(states, points):
    """Return the share of the scatter of `states` (n, C) that their projections `points` (n, 2) show, None if 0/0."""
    total, shown = (np.asarray(x, np.float64).var(axis=0).sum() for x in (states, points))
    return float(shown / total) if total > 0 else None


def rounded(points):
    """Return points (n, 2) as [[x, y] a point] with so few digits as a picture needs."""
    return np.round(np.asarray(points, np.float64), DECIMALS).tolist()


def summarise(runs):
    """Return the verdicts, and medians with ranges over seeds.

    Returns
    -------
    dict
        `verdicts`; `middle_layer`, `n_tasks`, `steps`; `over_seeds` {measure: {"median", "low", "high": [[value a
        layer] a step]}}.
    """
    own = [run["plain"] for run in runs]
    middle = own[0]["middle_layer"]

    def at_middle(name, step=-1):
        return [m[name][step][middle] for m in own]

    share, untrained, null = at_middle("between_share"), at_middle("between_share", 0), at_middle("regrouping_null_99")
    rises = [rise_by_depth(m["between_share"][0], m["between_share"][-1], middle) for m in own]
    lead = [None if None in pair else pair[1] - pair[0] for pair in rises]
    distance = at_middle("least_distance")
    verdicts = [
        verdict(
            None,
            f"At layer {middle} most of the states' scatter comes to lie between tasks",
            f"between-task share at layer {middle} > regrouping null's 99th percentile, and at least {LEAST_RISE} "
            "above the untrained model's",
            f"share of the scatter that lies between tasks, layer {middle}",
            share,
            [
                None if None in (s, u, n) else s > n and s - u >= LEAST_RISE
                for s, u, n in zip(share, untrained, null)
            ],
            controls={"regrouping null, 99th percentile": null, "untrained model": untrained},
        ),
        verdict(
            None,
            "Deeper layers come to scatter between tasks more than shallow ones",
            f"mean rise of the between-task share over the untrained model, layers after {middle}, at least "
            f"{LEAST_LEAD} above that of layers 1 to {middle}",
            "rise of the deeper layers less that of the shallow ones",
            lead,
            [None if value is None else value >= LEAST_LEAD for value in lead],
            controls={
                f"rise, layers 1 to {middle}": [shallow for shallow, _ in rises],
                f"rise, layers after {middle}": [deep for _, deep in rises],
            },
        ),
        verdict(
            None,
            f"At layer {middle} even the nearest two tasks' centroids are further apart than the tasks' radius",
            f"least distance of two tasks' centroids at layer {middle} > {LEAST_DISTANCE:g} radius of a task",
            f"least distance of two centroids in radii, layer {middle}",
            distance,
            [None if value is None else value > LEAST_DISTANCE for value in distance],
            controls={"untrained model": at_middle("least_distance", 0)},
        ),
    ]
    return {
        "verdicts": verdicts,
        "middle_layer": middle,
        "n_tasks": own[0]["n_tasks"],
        "steps": own[0]["steps"],
        "over_seeds": {name: over_seeds([m[name] for m in own]) for name in MEASURES},
    }


def rise_by_depth(before, after, middle):
    """Return the mean rise [a layer] of layers 1 to the middle one, and that of the layers after it.

    Parameters
    ----------
    before, after : list of float or None
        One a layer.
    middle : int

    Returns
    -------
    shallow, deep : float or None
        None where a number is missing or no layer is left.
    """
    rises = [None if None in pair else pair[1] - pair[0] for pair in zip(before, after)]
    parts = rises[1 : middle + 1], rises[middle + 1 :]
    return tuple(float(np.mean(part)) if part and None not in part else None for part in parts)


def over_seeds(grids):
    """Return `median`, `low` and `high` over seeds of [[value a layer] a step] of each, each of this form, too."""
    found = [[summary(values) for values in zip(*rows)] for rows in zip(*grids)]
    return {key: [[one[key] for one in row] for row in found] for key in ("median", "low", "high")}


def table(results):
    """Return the plotted numbers: a header and rows."""
    rows = []
    for run in results["runs"]:
        m = run["plain"]
        for at, step in enumerate(m["steps"]):
            for layer in range(len(m["between_share"][at])):
                rows.append((run["seed"], step, layer, *(m[name][at][layer] for name in MEASURES)))
    return ("seed", "step", "layer", *MEASURES), rows
