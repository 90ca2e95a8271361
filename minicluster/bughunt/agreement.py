"""Bug hunts in what compares clusters with tasks: agreement of labels, neighbours, what chance would give."""

from itertools import combinations

import numpy as np

from ..checking.exercise import Exercise
from .hunt import Bug, Hunt

# Agreement of labels ------------------------------------------------------------------------------


def _draw_labels(rng, size):
    n, k = 4 + size, 2 + size // 3
    a = rng.permutation(np.arange(n) % k)
    b = np.where(rng.random(n) < 0.5, a, rng.permutation(np.arange(n) % (2 + size // 2)))
    b[:2] = 0, 1  # at least two clusters, one of which has at least two samples
    return {"a": a, "b": b}


def _adjusted_rand(a, b):
    both = only_a = only_b = neither = 0
    for i, j in combinations(range(len(a)), 2):
        together_a, together_b = a[i] == a[j], b[i] == b[j]
        both += together_a and together_b
        only_a += together_a and not together_b
        only_b += together_b and not together_a
        neither += not together_a and not together_b
    # Hubert & Arabie's index in terms of the four kinds of pairs
    product = (both + only_a) * (only_a + neither) + (both + only_b) * (only_b + neither)
    return float(2 * (both * neither - only_a * only_b) / product)


def _itself_is_1(function, inputs, got):
    for name in ("a", "b"):
        score = float(function(a=inputs[name], b=inputs[name]))
        if abs(score - 1) > 1e-9:
            return f"the score of `{name}` with itself is {score:.6g}, expected 1"
    return None


ADJUSTED_RAND = Hunt(
    title="the adjusted Rand index",
    source='''\
def adjusted_rand(a, b):
    """(together - expected) / (mean - expected), of pairs of samples (Hubert & Arabie 1985).

    together: pairs that are in one cluster in both labellings; mean: of the numbers of pairs within clusters of a, and
    of b; expected: what chance gives for together, the product of the two numbers over the number of all pairs.
    a, b : (n,) integers from 0 on, two clusters or more each. Returns a number: 1 for the same clusters, 0 on average
    for clusters by chance.
    """
    n = len(a)
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)  # samples in cluster i of a and cluster j of b
    sizes_a, sizes_b = np.bincount(a), np.bincount(b)
    together = (table * (table - 1)).sum() / 2
    within_a = (sizes_a * (sizes_a - 1)).sum() / 2
    within_b = (sizes_b * (sizes_b - 1)).sum() / 2
    expected = within_a * within_b / (n * (n - 1) / 2)
    mean = (within_a + within_b) / 2
    return (together - expected) / (mean - expected)
''',
    exercise=Exercise("adjusted_rand", _draw_labels, _adjusted_rand, rules=(_itself_is_1,)),
    bugs=(
        Bug(
            "not adjusted for chance",
            "    expected = within_a * within_b / (n * (n - 1) / 2)\n"
            "    mean = (within_a + within_b) / 2\n"
            "    return (together - expected) / (mean - expected)\n",
            "    mean = (within_a + within_b) / 2\n    return together / mean\n",
            "What chance gives is not subtracted, so clusters by chance score well above 0, the fewer clusters the "
            "more. A claim that stands on this number may stand on nothing.",
        ),
        Bug(
            "larger number for the mean",
            "mean = (within_a + within_b) / 2",
            "mean = max(within_a, within_b)",
            "The index is divided by the larger number, not the mean. Labellings that are equally fine score right; if "
            "one is finer, as 40 patterns beside 10 tasks, the score is too low.",
        ),
        Bug(
            "each sample paired with itself",
            "together = (table * (table - 1)).sum() / 2",
            "together = (table * table).sum() / 2",
            "n^2 counts each sample as a pair with itself, and such pairs are always together. The score is too high, "
            "most so with many small clusters; even a labelling with itself gets more than 1.",
        ),
        Bug(
            "overlaps counted once",
            "np.add.at(table, (a, b), 1)  #",
            "table[a, b] += 1  #",
            "With index arrays, += adds 1 to a cell once, however many samples are in it. No pair seems to be "
            "together, and the score is 0 or below for the best of clusters.",
        ),
        Bug(
            "all pairs as n^2",
            "(n * (n - 1) / 2)",
            "(n * n / 2)",
            "The number of all pairs is n (n - 1) / 2. With n^2 / 2 chance is held for too small: for thousands of "
            "samples it hardly matters, for 40 strings it does.",
        ),
    ),
)


def _normalized_information(a, b):
    def entropy(labels):
        shares = np.unique(labels, return_counts=True)[1] / len(labels)
        return -(shares * np.log(shares)).sum()

    h_a, h_b = entropy(a), entropy(b)
    h_both = entropy(a * (b.max() + 1) + b)  # I(A; B) = H(A) + H(B) - H(A, B)
    return float((h_a + h_b - h_both) / ((h_a + h_b) / 2))


NORMALIZED_INFORMATION = Hunt(
    title="normalised mutual information",
    source='''\
def normalized_information(a, b):
    """Mutual information of two labellings over the mean of their entropies.

    Information: the sum of p(i, j) log(p(i, j) / (p(i) p(j))) over pairs of clusters that share samples.
    a, b : (n,) integers from 0 on, two clusters or more each. Returns a number from 0 to 1, 1 for the same clusters.
    """
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)  # samples in cluster i of a and cluster j of b
    p = table / len(a)
    independent = np.outer(p.sum(axis=1), p.sum(axis=0))  # p(i) p(j)
    shared = p > 0
    information = (p[shared] * np.log(p[shared] / independent[shared])).sum()
    entropies = [-(q[q > 0] * np.log(q[q > 0])).sum() for q in (p.sum(axis=1), p.sum(axis=0))]
    return information / np.mean(entropies)
''',
    exercise=Exercise("normalized_information", _draw_labels, _normalized_information, rules=(_itself_is_1,)),
    bugs=(
        Bug(
            "weighed by independence",
            "information = (p[shared] * np.log(",
            "information = (independent[shared] * np.log(",
            "The logarithms are weighed by what independent labels would give, not by what is there. The number can "
            "even be negative, and a labelling with itself gets less than 1.",
        ),
        Bug(
            "another base",
            "* np.log(p[shared] / independent[shared])",
            "* np.log2(p[shared] / independent[shared])",
            "Information in bits over entropies in nats: everything is 1/log 2 = 1.44 times too large, and good "
            "clusters get more than 1, which somebody will cut off at 1.",
        ),
        Bug(
            "smaller entropy for the mean",
            "information / np.mean(entropies)",
            "information / np.min(entropies)",
            "Divided by the smaller entropy, a labelling that is merely finer than the other gets 1: one cluster for "
            "each sample seems perfect.",
        ),
        Bug(
            "sum of entropies for the mean",
            "information / np.mean(entropies)",
            "information / np.sum(entropies)",
            "Divided by the sum of both entropies, everything is half of what it should be; the same clusters get 1/2, "
            "and nothing reminds of it where clusters are poor.",
        ),
        Bug(
            "overlaps counted once",
            "np.add.at(table, (a, b), 1)  #",
            "table[a, b] += 1  #",
            "With index arrays, += adds 1 to a cell once, however many samples are in it. Large overlaps count like "
            "single samples, so good clusters with a few strays look poor.",
        ),
    ),
)


# Neighbours ---------------------------------------------------------------------------------------


def _draw_neighbors(rng, size):
    n_tasks, n_patterns = 2 + size // 3, 2 + size % 2
    pattern = np.repeat(np.arange(n_tasks * n_patterns), 1 + size % 3)
    if size % 3 == 0:
        pattern = np.append(pattern, [0, 0])
    task = pattern % n_tasks
    n, C = len(pattern), 1 + size % 3
    while True:
        places = rng.standard_normal((n_tasks, C))[task] + rng.standard_normal((n_tasks * n_patterns, C))[pattern]
        x = np.round(5 * places + rng.standard_normal((n, C)), 1)
        squared = ((x[:, None] - x) ** 2).sum(axis=2)
        squared[pattern == pattern[:, None]] = np.inf
        nearest, second = np.sort(squared, axis=1).T[:2]
        if (second > nearest + 0.01).all():  # no ties
            return {"x": x, "task": task, "pattern": pattern}


def _cross_pattern_score(x, task, pattern):
    hits = []
    for i in range(len(x)):
        others = [j for j in range(len(x)) if pattern[j] != pattern[i]]
        nearest = min(others, key=lambda j: float(np.linalg.norm(x[i] - x[j])))
        hits.append(task[nearest] == task[i])
    return float(np.mean(hits))


CROSS_PATTERN_SCORE = Hunt(
    title="the cross-pattern nearest neighbour score",
    source='''\
def cross_pattern_score(x, task, pattern):
    """Share of samples whose nearest neighbour from another pattern is of the same task.

    Samples of one pattern are alike on the surface, so a sample's own pattern is left out.
    x : (n, C); task, pattern : (n,) integers, each pattern belongs to one task. Distances are Euclidean.
    Returns a number from 0 to 1.
    """
    squared = ((x[:, None] - x) ** 2).sum(axis=2)  # (n, n)
    hidden = pattern == pattern[:, None]  # (n, n)
    squared[hidden] = np.inf
    nearest = squared.argmin(axis=1)  # (n,)
    return (task[nearest] == task).mean()
''',
    exercise=Exercise("cross_pattern_score", _draw_neighbors, _cross_pattern_score),
    bugs=(
        Bug(
            "only itself left out",
            "hidden = pattern == pattern[:, None]  #",
            "hidden = np.eye(len(x), dtype=bool)  #",
            "Only the sample itself is left out, not its pattern. What is found is mostly a string that looks the "
            "same, so even raw letters score near 1, and the measure says nothing of tasks.",
        ),
        Bug(
            "differences added before they are squared",
            "((x[:, None] - x) ** 2).sum(axis=2)",
            "(x[:, None] - x).sum(axis=2) ** 2",
            "Differences of the coordinates are added up, and cancel, before the square. Points far apart can have the "
            "distance 0; with one coordinate it is right.",
        ),
        Bug(
            "sum of sizes for the distance",
            "((x[:, None] - x) ** 2).sum(axis=2)",
            "np.abs(x[:, None] - x).sum(axis=2)",
            "The sizes of differences are added up (city-block distance), not their squares. In many dimensions other "
            "neighbours come first, and results can't be compared with others'.",
        ),
    ),
)


# What chance would give ---------------------------------------------------------------------------

SEEDS = range(20)


def _draw_regrouping(rng, size):
    n_tasks, n_patterns = 2 + size // 3, 2 + size % 2
    task_of_pattern = np.repeat(np.arange(n_tasks), n_patterns)
    pattern = np.repeat(np.arange(len(task_of_pattern)), 1 + size % 3)
    pattern = np.append(pattern, [0, 1, 1])
    return {"pattern": rng.permutation(pattern), "task_of_pattern": task_of_pattern, "seed": int(size)}


def _is_a_deal(function, inputs, got):
    got = np.asarray(got)
    if got.shape != inputs["pattern"].shape or got.dtype.kind not in "iu":
        expected = inputs["pattern"].shape
        return f"the answer has shape {got.shape} and dtype {got.dtype}, expected {expected} and whole numbers (int)"
    return None


def _deals_whole_patterns(function, inputs, got):
    for j in np.unique(inputs["pattern"]):
        dealt = np.unique(got[inputs["pattern"] == j])
        if len(dealt) > 1:
            return f"the samples of pattern {j} are in pseudo-tasks {dealt.tolist()}, expected one for all of them"
    return None


def _keeps_the_sizes(function, inputs, got):
    expected = np.bincount(inputs["task_of_pattern"]).tolist()
    for seed in SEEDS:
        dealt = np.asarray(function(**inputs | {"seed": seed}))
        firsts = dealt[[int(np.argmax(inputs["pattern"] == j)) for j in range(len(inputs["task_of_pattern"]))]]
        sizes = np.bincount(firsts, minlength=len(expected)).tolist()
        if sizes != expected:
            return f"with seed {seed} the pseudo-tasks have {sizes} patterns, expected {expected}, as the tasks have"
    return None


def _differs_from_seed_to_seed(function, inputs, got):
    deals = {tuple(np.asarray(function(**inputs | {"seed": seed})).tolist()) for seed in SEEDS}
    return "seeds 0 to 19 all give the same deal" if len(deals) == 1 else None


PSEUDO_TASKS = Hunt(
    title="pseudo-tasks for the regrouping null",
    source='''\
def pseudo_tasks(pattern, task_of_pattern, seed):
    """Deal the patterns into pseudo-tasks at random: what a score must beat.

    All samples of a pattern get the same pseudo-task, and pseudo-task i has as many patterns as task i.
    pattern : (n,) integers from 0 to P - 1; task_of_pattern : (P,) integers from 0 on; seed : int, the same seed gives
    the same deal, other seeds give others.
    Returns (n,) integers, the pseudo-task of each sample.
    """
    rng = np.random.default_rng(seed)
    dealt = rng.permutation(task_of_pattern)  # (P,)
    return dealt[pattern]  # (n,)
''',
    exercise=Exercise(
        "pseudo_tasks",
        _draw_regrouping,
        rules=(_is_a_deal, _deals_whole_patterns, _keeps_the_sizes, _differs_from_seed_to_seed),
    ),
    bugs=(
        Bug(
            "samples shuffled, not patterns",
            "    dealt = rng.permutation(task_of_pattern)  # (P,)\n    return dealt[pattern]  # (n,)\n",
            "    task = task_of_pattern[pattern]  # (n,)\n    return rng.permutation(task)\n",
            "Single samples are dealt, so pseudo-tasks cut through patterns, and any clusters score near 0 against "
            "them. The bar is far too low: clusters of mere surface form clear it.",
        ),
        Bug(
            "drawn with replacement",
            "dealt = rng.permutation(task_of_pattern)  #",
            "dealt = rng.choice(task_of_pattern, len(task_of_pattern))  #",
            "Patterns are drawn with replacement, so pseudo-tasks have other sizes than tasks, some none at all. The "
            "null is then that of another question, and its 99th percentile another bar.",
        ),
        Bug(
            "seed not used",
            "np.random.default_rng(seed)",
            "np.random.default_rng(0)",
            "Every draw is the same deal, so a thousand draws are one: the null's percentile is a single number, and "
            "how sure it looks is made up.",
        ),
        Bug(
            "not dealt at all",
            "    dealt = rng.permutation(task_of_pattern)  # (P,)\n",
            "    rng.permutation(task_of_pattern)\n    dealt = task_of_pattern.copy()  # (P,)\n",
            "permutation returns a shuffled copy and leaves its argument as it is, unlike shuffle. The pseudo-tasks "
            "are the tasks, and nothing ever beats its own score.",
        ),
    ),
)

HUNTS = (ADJUSTED_RAND, NORMALIZED_INFORMATION, CROSS_PATTERN_SCORE, PSEUDO_TASKS)
