"""The part of the benchmark that times clusters: k-means, t-SNE, neighbours, silhouettes, against scikit-learn."""

from statistics import median

FEATURES = 64
DATA_SEED = 0
NO_FLOPS = 0  # what these cases compute is not counted in operations


def kmeans_case(n, clusters=10, seed=DATA_SEED):
    """k-means on n rows."""
    return {"kind": "kmeans", "n": n, "features": FEATURES, "clusters": clusters, "seed": seed}


def tsne_case(n, iterations, random_state=0, compare=False):
    """t-SNE on n rows."""
    case = {"kind": "tsne", "n": n, "features": FEATURES, "iterations": iterations, "seed": DATA_SEED}
    return {**case, "random_state": random_state, "compare": compare}


def cluster_turns(plan, names):
    """How many turns all cases take."""
    rivals = [name for name in names if plays(name)]
    return plan.rounds * (4 * len(rivals) + ("numba" in rivals) * len(_growth_cases(plan)))


def plays(name):
    """Whether a rival takes part: ours with the kernels, and scikit-learn."""
    return name.startswith(("numba", "sklearn"))


def clusters(stopwatch):
    """k-means, t-SNE, neighbours and silhouettes, how they grow, and how good their results are.

    Returns
    -------
    dict
        `clusters`: {"cases": a list of {what, times {rival: as `timing.summary`}}, "growth": {what: a list of {value,
        as `timing.summary`}} of ours, "quality": {what: [ours over scikit-learn's, a data set or seed each]}}.
    """
    plan, names = stopwatch.plan, [name for name in stopwatch.workers.rivals if plays(name)]
    size = plan.cluster_size
    rows = {"n": size, "features": FEATURES, "seed": DATA_SEED}
    told = [
        *((f"k-means, {n:,} x {FEATURES}, k = 10, 10 starts", kmeans_case(n)) for n in plan.kmeans_sizes),
        (f"silhouette, {size:,} x {FEATURES}", {"kind": "silhouette", **rows}),
        (f"5 nearest neighbours, {size:,} x {FEATURES}", {"kind": "neighbors", **rows}),
    ]
    cases = []
    found = stopwatch.measure(
        "clusters", dict.fromkeys(names, [(case, NO_FLOPS) for _, case in told]), plan.layer_seconds
    )
    cases += [
        {"what": what, "times": {name: times[index] for name, times in found.items()}}
        for index, (what, _) in enumerate(told)
    ]
    n, iterations = plan.tsne_size, plan.tsne_iterations
    found = stopwatch.measure("t-SNE", dict.fromkeys(names, [(tsne_case(n, iterations), NO_FLOPS)]), plan.layer_seconds)
    what = f"t-SNE, {n:,} x {FEATURES}, {iterations:,} iterations"
    cases.append({"what": what, "times": {name: times for name, (times,) in found.items()}})
    return {
        "clusters": {"cases": cases, "growth": _growth(stopwatch), "quality": _quality(stopwatch)},
    }


def _growth_cases(plan):
    """{what: [(value, case)]}."""
    base, iterations = plan.kmeans_sizes[-1], plan.growing_iterations
    return {
        "k-means, n": [(n, kmeans_case(n)) for n in plan.growing_n],
        f"k-means of {base:,} rows, k": [(k, kmeans_case(base, clusters=k)) for k in plan.growing_k],
        f"t-SNE, {iterations} iterations, n": [(n, tsne_case(n, iterations)) for n in plan.growing_tsne],
    }


def _growth(stopwatch):
    ours, results = stopwatch.kernels(), {}
    for what, points in _growth_cases(stopwatch.plan).items() if ours else ():
        cases = {ours: [(case, NO_FLOPS) for _, case in points]}
        times = stopwatch.measure(f"growth of {what}", cases, stopwatch.plan.layer_seconds).get(ours, [])
        results[what] = [{"value": value, **found} for (value, _), found in zip(points, times)]
    return results


def _quality(stopwatch):
    """What both reach, ours over scikit-learn's: not timed."""
    ours = stopwatch.kernels()
    theirs = next((name for name in stopwatch.workers.rivals if name.startswith("sklearn")), None)
    plan = stopwatch.plan
    if not (ours and theirs and plan.quality_sets):
        return {}
    questions = {
        "best inertia": [kmeans_case(plan.tsne_size, seed=seed) for seed in range(plan.quality_sets)],
        "t-SNE's final divergence": [
            tsne_case(plan.tsne_size, plan.tsne_iterations, random_state=seed, compare=True) for seed in range(5)
        ],
    }
    answers = {
        what: [stopwatch.workers.ask(name, "prepare", cases=cases) for name in (ours, theirs)]
        for what, cases in questions.items()
    }
    return {what: [mine / other for mine, other in zip(*found)] for what, found in answers.items()}


def quality_lines(quality):
    """Return lines of text: median and range."""
    return [
        f"{what}, ours over scikit-learn's: {median(ratios):.4f} (median of {len(ratios)}; {min(ratios):.4f} to "
        f"{max(ratios):.4f})"
        for what, ratios in quality.items()
    ]
