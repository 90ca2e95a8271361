"""Don't fool yourself: deal patterns as a null, judge a probe on a pattern it was not told of, draw seeds first."""

from math import factorial, prod

import numpy as np

from ..exercise import Exercise, Mistake, numbers

APART = 1e-6  # two distances at least, so that rounding does not decide which is smaller
SEEDS = 60  # that a function which draws is tried with


def _draw_patterns(rng, size):
    n_tasks = 2 + size // 3
    n_patterns = 1 + rng.permutation(n_tasks) % 3  # of each task: not the same for all
    task_of_pattern = np.repeat(np.arange(n_tasks), n_patterns)
    pattern = rng.permutation(np.repeat(np.arange(len(task_of_pattern)), 2 + size // 4))
    return {"task_of_pattern": task_of_pattern, "pattern": pattern, "seed": int(rng.integers(100))}


def deal(task_of_pattern, pattern, seed):
    """The pseudo-task of each string, if patterns are dealt into tasks anew."""
    return np.random.default_rng(seed).permutation(task_of_pattern)[pattern]


def _is_a_task_a_string(function, inputs, got):
    n, got = len(inputs["pattern"]), np.asarray(got)
    if got.shape != (n,):
        return f"the answer has shape {got.shape}, expected ({n},): a pseudo-task for each string"
    if got.dtype.kind not in "iu":
        return f"the answer has dtype {got.dtype}, expected whole numbers (int)"
    return None


def _keeps_patterns_whole(function, inputs, got):
    for p in range(len(inputs["task_of_pattern"])):
        found = np.unique(np.asarray(got)[inputs["pattern"] == p])
        if len(found) > 1:
            return (
                f"strings of pattern {p} get different pseudo-tasks, {', '.join(map(str, found))}: deal patterns, and "
                "let each string have what its pattern gets"
            )
    return None


def _dealt(inputs, got):
    """Return the pseudo-task of each pattern."""
    first = np.unique(inputs["pattern"], return_index=True)[1]  # (P,)
    return np.asarray(got)[first]


def _keeps_sizes(function, inputs, got):
    def says(inputs, got):
        dealt, own = _dealt(inputs, got), inputs["task_of_pattern"]
        for task in np.unique(own):
            if (dealt == task).sum() != (own == task).sum():
                return (
                    f"with seed {inputs['seed']} pseudo-task {task} gets {(dealt == task).sum()} patterns, expected "
                    f"{(own == task).sum()} as task {task} has: each entry of task_of_pattern should be dealt once"
                )
        return None

    runs = (inputs | {"seed": seed} for seed in range(SEEDS))
    return says(inputs, got) or next(filter(None, (says(run, function(**run)) for run in runs)), None)


def _only_the_seed_decides(function, inputs, got):
    for seed in range(SEEDS):
        run = inputs | {"seed": seed}
        if not np.array_equal(function(**run), function(**run)):
            return "gives another deal when it is called again with the same seed: use np.random.default_rng(seed)"
    return None


def _every_deal_comes_up(function, inputs, got):
    sizes = np.unique(inputs["task_of_pattern"], return_counts=True)[1].tolist()
    possible = factorial(sum(sizes)) // prod(map(factorial, sizes))
    found = len({tuple(_dealt(inputs, function(**inputs | {"seed": seed})).tolist()) for seed in range(SEEDS)})
    if found == 1:
        return f"seeds 0 to {SEEDS - 1} all give the same deal: draw with np.random.default_rng(seed)"
    if found < possible * (1 - (1 - 1 / possible) ** SEEDS) / 2:  # half of what is expected
        return (
            f"seeds 0 to {SEEDS - 1} give {found} different deals, and {possible} are possible: each should be as "
            "likely as any other"
        )
    return None


def _strings_shuffled(task_of_pattern, pattern, seed):
    return np.random.default_rng(seed).permutation(task_of_pattern[pattern])


def _with_replacement(task_of_pattern, pattern, seed):
    return np.random.default_rng(seed).choice(task_of_pattern, size=len(task_of_pattern))[pattern]


def _any_task(task_of_pattern, pattern, seed):
    return np.random.default_rng(seed).integers(task_of_pattern.max() + 1, size=len(task_of_pattern))[pattern]


def _not_dealt(task_of_pattern, pattern, seed):
    return task_of_pattern[pattern]


def _pattern_numbers(task_of_pattern, pattern, seed):
    return np.random.default_rng(seed).permutation(len(task_of_pattern))[pattern]


def _draw_probe(rng, size):
    n_tasks, n_patterns, most, C = 2 + size // 4, 3 - size % 2, 2 if size == 1 else 3, 1 + size % 3
    task_of = np.repeat(np.arange(n_tasks), n_patterns)  # (P,)
    while True:
        pattern = rng.permutation(np.repeat(np.arange(len(task_of)), rng.integers(1, most + 1, len(task_of))))
        task = task_of[pattern]
        x = numbers(rng, size, len(task_of), C)[pattern] + numbers(rng, size, len(task), C) / 2
        inputs = {"x": x, "task": task, "pattern": pattern}
        nearest = np.sort(_squared_to_means(**inputs), axis=1)[:, :2]
        if (nearest[:, 1] - nearest[:, 0] > APART).all() and not np.array_equal(_told_all(**inputs), guess(**inputs)):
            return inputs


def _squared_to_means(x, task, pattern):
    squared = np.empty((len(x), task.max() + 1))
    for i in range(len(x)):
        known = pattern != pattern[i]
        means = np.array([x[known & (task == t)].mean(axis=0) for t in range(task.max() + 1)])
        squared[i] = ((means - x[i]) ** 2).sum(axis=1)
    return squared


def guess(x, task, pattern):
    """The task whose mean, over strings of other patterns, is nearest."""
    return _squared_to_means(x, task, pattern).argmin(axis=1)


def _whole_pattern_left_out(function, inputs, got):
    for i in range(len(inputs["x"])):
        others = inputs["pattern"] == inputs["pattern"][i]
        others[i] = False
        for shift in (100, -100):
            moved = inputs["x"] + shift * others[:, None]
            now = np.asarray(function(**inputs | {"x": moved}))[i]
            if now != got[i]:
                return (
                    f"the guess for string {i} changes from {got[i]} to {now} if the other strings of its pattern are "
                    "moved: they should be left out of the means that it is compared with"
                )
    return None


def _told_all(x, task, pattern):
    means = np.array([x[task == t].mean(axis=0) for t in range(task.max() + 1)])
    return ((x[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)


def _told_all_but_itself(x, task, pattern):
    return _squared_to_means(x, task, np.arange(len(x))).argmin(axis=1)


def _nearest_string(x, task, pattern):
    squared = ((x[:, None] - x) ** 2).sum(axis=2)
    return task[np.where(pattern[:, None] == pattern, np.inf, squared).argmin(axis=1)]


def _nearest_pattern(x, task, pattern):
    patterns, first = np.unique(pattern, return_index=True)
    means = np.array([x[pattern == p].mean(axis=0) for p in patterns])
    squared = ((x[:, None] - means) ** 2).sum(axis=2)
    return task[first][np.where(pattern[:, None] == patterns, np.inf, squared).argmin(axis=1)]


def _farthest_mean(x, task, pattern):
    return _squared_to_means(x, task, pattern).argmax(axis=1)


def _is_it_right(x, task, pattern):
    return (guess(x, task, pattern) == task).astype(int)


def _draw_shares(rng, size):
    S, P, R = (2, 3, 4) if size == 1 else (1 + size % 4, 2 + size, 3 + size // 2)
    shares = np.round(rng.integers(0, 11, (S, P)) / 10, 1)
    return {"shares": shares, "seeds": rng.integers(S, size=(R, S)), "patterns": rng.integers(P, size=(R, S, P))}


def resampled_means(shares, seeds, patterns):
    """The mean of each resample: seeds drawn first, then patterns in each of these."""
    return shares[seeds[:, :, None], patterns].mean(axis=(1, 2))


EXERCISES = (
    Exercise(
        name="deal",
        draw=_draw_patterns,
        rules=(_is_a_task_a_string, _keeps_patterns_whole, _only_the_seed_decides, _keeps_sizes, _every_deal_comes_up),
        core=True,
        mistakes=(
            Mistake(
                "shuffles strings, and so tears patterns apart: that is the null that random weights pass. Shuffle "
                "`task_of_pattern`, then look up each string's pattern",
                _strings_shuffled,
            ),
            Mistake(
                "draws with replacement, so that one task is dealt too often and another too seldom: a deal is a "
                "permutation",
                _with_replacement,
            ),
            Mistake(
                "draws a task for each pattern by itself, so that sizes change: a deal is a permutation of "
                "`task_of_pattern`",
                _any_task,
            ),
            Mistake(
                "gives the true tasks: nothing is dealt yet",
                _not_dealt,
            ),
            Mistake(
                "deals the patterns' numbers, each to one pattern: deal the entries of `task_of_pattern`",
                _pattern_numbers,
            ),
        ),
    ),
    Exercise(
        name="guess_new_patterns",
        draw=_draw_probe,
        answer=guess,
        rules=(_whole_pattern_left_out,),
        core=True,
        mistakes=(
            Mistake(
                "judges on what it was fitted on: leave the strings of the own pattern out of the means",
                _told_all,
            ),
            Mistake(
                "leaves out only the string itself: the others of its pattern still tell. Leave out the whole pattern",
                _told_all_but_itself,
            ),
            Mistake(
                "gives the task of the nearest string of another pattern: compare with the means of the tasks",
                _nearest_string,
            ),
            Mistake(
                "takes a mean for each pattern: take one for each task, over all of its strings that are not left out",
                _nearest_pattern,
            ),
            Mistake(
                "gives the task whose mean is farthest: `argmax` where `argmin` belongs",
                _farthest_mean,
            ),
            Mistake(
                "says whether the guess is right: give the guess itself, the number of a task",
                _is_it_right,
            ),
        ),
    ),
    Exercise(
        name="resampled_means",
        draw=_draw_shares,
        answer=resampled_means,
        mistakes=(
            Mistake(
                "draws seeds, and takes all of their patterns as they are: draw patterns within each seed, too",
                lambda shares, seeds, patterns: shares[seeds].mean(axis=(1, 2)),
            ),
            Mistake(
                "draws patterns, and takes every seed once: row j of `patterns[r]` belongs to seed `seeds[r, j]`",
                lambda shares, seeds, patterns: shares[np.arange(len(shares))[:, None], patterns].mean(axis=(1, 2)),
            ),
            Mistake(
                "averages over seeds and leaves the patterns apart: take the mean over both axes",
                lambda shares, seeds, patterns: shares[seeds[:, :, None], patterns].mean(axis=1),
            ),
            Mistake(
                "uses row `seeds[r, j]` of `patterns[r]` instead of row j",
                lambda shares, seeds, patterns: np.array(
                    [np.mean([shares[s, patterns[r, s]].mean() for s in seeds[r]]) for r in range(len(seeds))]
                ),
            ),
        ),
    ),
)
