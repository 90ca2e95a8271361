"""Don't fool yourself: deal patterns as a null, judge a probe on a pattern it was not told of, draw seeds first."""

from math import factorial, prod

import numpy as np

from ..exercise import Exercise, Mistake, numbers

APART = 1e-6  # two distances at least, so that rounding does not decide which is smaller
SEEDS = 60  # that a function which draws is tried with
MANY_SEEDS = 6000  # if there are three deals: enough to tell 1/3 from 10/27, which a common wrong shuffle gives
UNLIKELY = 4.4  # standard deviations from what is fair


def _draw_patterns(rng, size):
    n_tasks = 2 + size // 3
    n_patterns = 1 + rng.permutation(n_tasks) % 3 + (size == 2)  # of each task: 1 and 2, then 2 and 3, ...
    task_of_pattern = np.repeat(np.arange(n_tasks), n_patterns)
    pattern = rng.permutation(np.repeat(np.arange(len(task_of_pattern)), 2 + size // 4))
    while True:  # until the true grouping comes up, if there are few deals: some deal anew then
        seed = int(rng.integers(100))
        if size > 1 or np.array_equal(np.random.default_rng(seed).permutation(task_of_pattern), task_of_pattern):
            return {"task_of_pattern": task_of_pattern, "pattern": pattern, "seed": seed}


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
                count = int((dealt == task).sum())
                return (
                    f"gives pseudo-task {task} to {count} pattern{'s' * (count != 1)}, expected {(own == task).sum()} "
                    f"as task {task} has: each entry of task_of_pattern should be dealt once"
                ), inputs
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
        return (
            f"gives the same deal whatever the seed (0 to {SEEDS - 1} were tried with these patterns): draw with "
            "np.random.default_rng(seed)"
        )
    fair = possible * (1 - (1 - 1 / possible) ** SEEDS)
    if found < fair / 2:
        return (
            f"with these patterns gives only {found} different deals for the seeds 0 to {SEEDS - 1}. {possible} are "
            f"possible, and a fair deal gives about {fair:.0f} of them: each should be as likely as any other"
        )
    return None


def _is_fair(function, inputs, got):
    own = inputs["task_of_pattern"]
    if len(own) != 3:
        return None
    deals = [_dealt(inputs, function(**inputs | {"seed": seed})) for seed in range(MANY_SEEDS)]
    fair, several = MANY_SEEDS / 3, np.argmax(np.bincount(own))
    lone = np.argmax(np.array(deals) != several, axis=1)  # the pattern that is alone in its pseudo-task
    counts = np.bincount(lone, minlength=3)
    if not counts.all():
        deal = np.where(np.arange(3) == np.argmin(counts), 1 - several, several)
        if np.array_equal(deal, own):
            return "never gives the true grouping: that is one of the deals, too, and as likely as any other"
        return f"never gives the deal {deal.tolist()}: each should be as likely as any other"
    worst = np.argmax(np.abs(counts - fair))
    if abs(counts[worst] - fair) > UNLIKELY * np.sqrt(fair * 2 / 3):
        deal = np.where(np.arange(3) == worst, 1 - several, several)
        return (
            f"gives the deal {deal.tolist()} for {counts[worst]} of the seeds 0 to {MANY_SEEDS - 1}, and a fair deal "
            f"for about {fair:.0f}: each of the three should be as likely as any other"
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


def _tasks_renamed(task_of_pattern, pattern, seed):
    return np.random.default_rng(seed).permutation(task_of_pattern.max() + 1)[task_of_pattern[pattern]]


def _never_the_truth(task_of_pattern, pattern, seed):
    rng = np.random.default_rng(seed)
    while True:
        dealt = rng.permutation(task_of_pattern)
        if not np.array_equal(dealt, task_of_pattern):
            return dealt[pattern]


def _swapped(task_of_pattern, pattern, seed, last):
    """Swap each pattern's task, from the last on, with that of a random one; last(i) is its upper bound."""
    rng, dealt = np.random.default_rng(seed), task_of_pattern.copy()
    for i in range(len(dealt) - 1, -1, -1):
        if last(i):
            j = rng.integers(last(i))
            dealt[[i, j]] = dealt[[j, i]]
    return dealt[pattern]


def _swapped_with_another(task_of_pattern, pattern, seed):
    return _swapped(task_of_pattern, pattern, seed, lambda i: i)


def _swapped_with_any(task_of_pattern, pattern, seed):
    return _swapped(task_of_pattern, pattern, seed, lambda i: len(task_of_pattern))


def _sorted_by_few_numbers(task_of_pattern, pattern, seed):
    P = len(task_of_pattern)
    return task_of_pattern[np.argsort(np.random.default_rng(seed).integers(P, size=P), kind="stable")][pattern]


def _draw_probe(rng, size):
    n_tasks, n_patterns, most, C = 2 + size // 4, 3 - size % 2, 2 if size == 1 else 3, 1 if size <= 2 else 1 + size % 3
    task_of = np.repeat(np.arange(n_tasks), n_patterns)  # (P,)
    if size > 1:
        task_of = rng.permutation(task_of)
    while True:
        pattern = rng.permutation(np.repeat(np.arange(len(task_of)), rng.integers(1, most + 1, len(task_of))))
        task = task_of[pattern]
        x = numbers(rng, size, len(task_of), C)[pattern] + numbers(rng, size, len(task), C) / 2
        inputs = {"x": x, "task": task, "pattern": pattern}
        nearest = np.sort(_squared_to_means(**inputs), axis=1)[:, :2]
        if (nearest[:, 1] - nearest[:, 0] > APART).all() and not np.array_equal(_told_all(**inputs), guess(**inputs)):
            return inputs


@np.errstate(all="ignore")
def _squared_to(x, members):
    """Squared distances of x to the means of members, (n, K, n) bool: n strings' K groups; nan for an empty one."""
    means = (members @ x) / members.sum(axis=2)[:, :, None]  # (n, K, n) @ (n, C) -> (n, K, C)
    return ((means - x[:, None]) ** 2).sum(axis=2)


def _members(known, task, K=None):
    """Which strings are known and of task t, for each string: (n, K, n), from known (n, n)."""
    return known[:, None] & (task == np.arange(task.max() + 1 if K is None else K)[:, None])


def _squared_to_means(x, task, pattern):
    return _squared_to(x, _members(pattern[:, None] != pattern, task))


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
                    "moved. Nothing in its guess may depend on them: not the means, and not what is compared with the "
                    "means (x[i] itself, not the mean of its pattern)"
                )
    return None


def _another_guess(function, inputs, got):
    right = guess(**inputs)
    for i in np.flatnonzero(np.asarray(got) != right):
        return f"string {i}: guess {got[i]}, expected {right[i]}"
    return None


def _pattern_of_every_task(x, task, pattern):
    return _squared_to(x, _members(pattern[:, None] % 4 != pattern % 4, task)).argmin(axis=1)


def _ten_tasks(x, task, pattern):
    return _squared_to(x, _members(pattern[:, None] != pattern, task, K=10)).argmin(axis=1)


def _own_pattern_only(x, task, pattern):
    return _squared_to(x, _members(pattern[:, None] == pattern, task)).argmin(axis=1)


def _without_brackets(x, task, pattern):
    known = pattern[:, None] != pattern
    members = np.stack([known & task == t for t in range(task.max() + 1)], axis=1)
    return _squared_to(x, members).argmin(axis=1)


def _by_means_of_patterns(x, task, pattern):
    patterns, first = np.unique(pattern, return_index=True)
    means = np.array([x[pattern == p].mean(axis=0) for p in patterns])  # (P, C)
    members = _members(pattern[:, None] != patterns, task[first])  # (n, K, P)
    means = members @ means / members.sum(axis=2)[:, :, None]
    return ((means - x[:, None]) ** 2).sum(axis=2).argmin(axis=1)


def _for_the_mean_of_the_pattern(x, task, pattern):
    own = np.array([x[pattern == p].mean(axis=0) for p in pattern])  # (n, C)
    members = _members(pattern[:, None] != pattern, task)
    means = members @ x / members.sum(axis=2)[:, :, None]
    return ((means - own[:, None]) ** 2).sum(axis=2).argmin(axis=1)


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


def _each_seed_once(shares, seeds, patterns):
    firsts = [np.unique(row, return_index=True)[1] for row in seeds]
    drawn = zip(seeds, patterns, firsts)
    return np.array([shares[s[first][:, None], p[first]].mean() for s, p, first in drawn])


EXERCISES = (
    Exercise(
        name="deal",
        draw=_draw_patterns,
        rules=(
            _is_a_task_a_string,
            _keeps_patterns_whole,
            _only_the_seed_decides,
            _keeps_sizes,
            _every_deal_comes_up,
            _is_fair,
        ),
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
            Mistake(
                "gives the pseudo-task of each pattern: look up that of each string, `dealt[pattern]`",
                lambda task_of_pattern, pattern, seed: np.random.default_rng(seed).permutation(task_of_pattern),
            ),
            Mistake(
                "only gives the tasks other numbers: patterns of one task stay together, so nothing is dealt. Permute "
                "task_of_pattern, not the tasks' numbers",
                _tasks_renamed,
            ),
            Mistake(
                "deals again when the true grouping comes: it is one of the deals, as likely as any other, and chance "
                "may find it, too",
                _never_the_truth,
            ),
            Mistake(
                "swaps each entry with one before it, never with itself, so that some deals never come, or too "
                "seldom: the partner is drawn with `rng.integers(i + 1)`; or use `rng.permutation`",
                _swapped_with_another,
            ),
            Mistake(
                "swaps each entry with any, also with those that had their turn, so that some deals are likelier than "
                "others: the partner is drawn with `rng.integers(i + 1)`; or use `rng.permutation`",
                _swapped_with_any,
            ),
            Mistake(
                "sorts by drawn whole numbers, which are often equal, so that some deals are likelier than others: "
                "use `rng.permutation`",
                _sorted_by_few_numbers,
            ),
        ),
    ),
    Exercise(
        name="guess_new_patterns",
        draw=_draw_probe,
        answer=guess,
        rules=(_whole_pattern_left_out, _another_guess),
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
            Mistake(
                "leaves out a pattern of every task, as the lesson did. Here only the string's own is left out, and "
                "patterns may be numbered in any order",
                _pattern_of_every_task,
            ),
            Mistake(
                "answers with a task that does not occur, of which there is no mean: there are only K tasks, and K is "
                "`task.max() + 1`",
                _ten_tasks,
            ),
            Mistake(
                "keeps the own pattern and leaves out the others: `!=`",
                _own_pattern_only,
            ),
            Mistake(
                "takes other strings than meant, for want of brackets: `known & task == t` means `(known & task) == t`."
                " Write `known & (task == t)`",
                _without_brackets,
            ),
            Mistake(
                "averages the patterns' means: take the mean of a task over its strings",
                _by_means_of_patterns,
            ),
            Mistake(
                "guesses for the mean of the pattern: compare x[i] itself with the means",
                _for_the_mean_of_the_pattern,
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
            Mistake(
                "takes every drawn seed with every row of `patterns[r]`: row j belongs to seed `seeds[r, j]` only",
                lambda shares, seeds, patterns: np.array([shares[s][:, p].mean() for s, p in zip(seeds, patterns)]),
            ),
            Mistake(
                "counts a seed that is drawn twice only once: with replacement, it counts twice",
                _each_seed_once,
            ),
            Mistake(
                "counts a seed that is drawn twice only once: with replacement, it counts twice",
                lambda shares, seeds, patterns: np.array(
                    [
                        np.mean([shares[s, p[j]].mean() for j, s in enumerate(np.unique(row))])
                        for row, p in zip(seeds, patterns)
                    ]
                ),
            ),
            Mistake(
                "gives an interval: return the means of the R resamples. The interval comes later",
                lambda shares, seeds, patterns: np.quantile(resampled_means(shares, seeds, patterns), [0.025, 0.975]),
            ),
        ),
    ),
)
