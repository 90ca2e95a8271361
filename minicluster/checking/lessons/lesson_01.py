"""Look first: the count that goes with the picture, and a view that is judged by what was held back."""

import numpy as np

from ..exercise import LARGEST_ROUND, Exercise, Mistake, numbers


MOST_ROWS = 10  # whose shares a message lists
LARGE = 2.0**40  # that a power of 2 stretches x by keeps all digits, and the order of all distances


def _squared(x):
    return ((x[:, None] - x) ** 2).sum(axis=2)  # (n, n)


def _draw_strings(rng, size):
    n_patterns, k = 3 + size // 2, 1 + size // 2
    pattern = rng.permutation(np.concatenate([np.arange(n_patterns), rng.integers(n_patterns, size=1 + size)]))
    task = pattern // 2
    while True:  # until no row has two others at the same distance
        if size <= LARGEST_ROUND:  # on a line if k is 2
            x = rng.integers(-15, 16, (len(pattern), 3 - size)).astype(float)
        else:
            x = numbers(rng, size, len(pattern), 1 + size % 3) * (1000 if size == 3 else 1)
        if all(np.diff(np.sort(row)).min() > 1e-3 for row in _squared(x)):
            return {"x": x, "task": task, "pattern": pattern, "k": k}


def _of_same_task(x, task, forbidden, k, distance=None):
    """Which of the k nearest rows that are not forbidden are of the same task: (n, k)."""
    distance = np.where(forbidden, np.inf, _squared(x) if distance is None else distance)
    return task[distance.argsort(axis=1, kind="stable")[:, :k]] == task[:, None]


def share_of_same_task(x, task, pattern, k):
    """Mean share of the own task among the k nearest rows from other patterns."""
    return float(_of_same_task(x, task, pattern[:, None] == pattern, k).mean())


def _share_forbidding_itself(x, task, pattern, k):
    return float(_of_same_task(x, task, np.eye(len(x), dtype=bool), k).mean())


def _share_forbidding_nothing(x, task, pattern, k):
    return float(_of_same_task(x, task, np.zeros((len(x), len(x)), bool), k).mean())


def _share_forbidding_the_task(x, task, pattern, k):
    return float(_of_same_task(x, task, task[:, None] == task, k).mean())


def _share_at_zero(x, task, pattern, k):
    distance = np.where(pattern[:, None] == pattern, 0, _squared(x))
    return float(_of_same_task(x, task, False, k, distance).mean())


def _share_from_the_end(x, task, pattern, k):
    distance = np.where(pattern[:, None] == pattern, np.inf, _squared(x))
    return float((task[distance.argsort(axis=1, kind="stable")[:, -k:]] == task[:, None]).mean())


def _share_of_any(x, task, pattern, k):
    return float(_of_same_task(x, task, pattern[:, None] == pattern, k).any(axis=1).mean())


def _share_of_first_row(x, task, pattern, k):
    return float(_of_same_task(x, task, pattern[:, None] == pattern, k)[0].mean())


def _share_of_nearest(x, task, pattern, k):
    return float(_of_same_task(x, task, pattern[:, None] == pattern, 1).mean())


def _share_of_kth(x, task, pattern, k):
    return float(_of_same_task(x, task, pattern[:, None] == pattern, k)[:, -1].mean())


def _share_by_vote(x, task, pattern, k):
    distance = np.where(pattern[:, None] == pattern, np.inf, _squared(x))
    found = task[distance.argsort(axis=1, kind="stable")[:, :k]]  # (n, k)
    return float(np.mean([np.bincount(row).argmax() == own for row, own in zip(found, task)]))


def _share_at_thousand(x, task, pattern, k):
    distance = np.where(pattern[:, None] == pattern, 1e3, _squared(x))
    return float(_of_same_task(x, task, False, k, distance).mean())


def _share_off_by_one(x, task, pattern, k):
    return float(_of_same_task(x, task, pattern[:, None] == pattern, k + 1)[:, 1:].mean())


def _share_not_divided_by_k(x, task, pattern, k):
    return k * share_of_same_task(x, task, pattern, k)


def _other_shares(function, inputs, got):
    rows = _of_same_task(inputs["x"], inputs["task"], inputs["pattern"][:, None] == inputs["pattern"], inputs["k"])
    shares = rows.mean(axis=1)  # (n, k) -> (n,)
    if abs(got - shares.mean()) < 1e-9 or len(shares) > MOST_ROWS:
        return None
    listed = ", ".join(f"{share:.3g}" for share in shares)
    return f"gives {got:.4g}. The shares of the rows are {listed}, and their mean is {shares.mean():.4g}"


def _stretching_changes_it(function, inputs, got):
    large = float(function(**inputs | {"x": inputs["x"] * LARGE}))
    if abs(large - got) < 1e-9:
        return None
    return (
        f"if all of x is multiplied by {LARGE:.2g}, the share goes from {got:.4g} to {large:.4g}, and who is near whom "
        "is as before. Do forbidden rows have a large distance, and others a larger one? Give them np.inf"
    )


def _draw_parts(rng, size):
    C = 3 + (size - 1) % 3
    if size == 1:  # the chosen rows vary along two of the axes
        axes, middle = np.eye(3)[rng.permutation(3)], rng.integers(-3, 4, 3)
        steps = np.concatenate([3 * axes[:1], -3 * axes[:1], axes[1:2], -axes[1:2]])
    while True:  # until the two directions are clear, and every row gives them another weight
        chosen, others = numbers(rng, size, C + 1 + size // 2, C), numbers(rng, size, 2 + size, C)
        if size == 1:
            chosen = middle + rng.permutation(steps)
        singular = np.linalg.svd(chosen - chosen.mean(axis=0), compute_uv=False)  # (C,)
        if np.diff(singular[:3]).max() < -0.2 and others.var(axis=0).sum() > 0.5:
            return {"chosen": chosen, "others": others}


def _directions(x):
    return np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2]  # (C, C), one a row


def _share_shown(x, view):
    return float((x @ view).var(axis=0).sum() / x.var(axis=0).sum())


def share_in_view(chosen, others):
    """Share of the others' variance that the chosen rows' two principal directions show."""
    return _share_shown(others, _directions(chosen)[:2].T)


def _share_in_own_view(chosen, others):
    return _share_shown(others, _directions(others)[:2].T)


def _share_in_view_of_all(chosen, others):
    return _share_shown(others, _directions(np.concatenate([chosen, others]))[:2].T)


def _share_without_centring(chosen, others):
    return _share_shown(others, np.linalg.svd(chosen, full_matrices=False)[2][:2].T)


def _share_of_chosens_variance(chosen, others):
    return float((others @ _directions(chosen)[:2].T).var(axis=0).sum() / chosen.var(axis=0).sum())


def _share_by_one_mean(chosen, others):
    return _share_shown(others, np.linalg.svd(chosen - chosen.mean(), full_matrices=False)[2][:2].T)


def _share_of_spread(chosen, others):
    return float((others @ _directions(chosen)[:2].T).std(axis=0).sum() / others.std(axis=0).sum())


def _share_of_squares(chosen, others):
    return float(((others @ _directions(chosen)[:2].T) ** 2).sum() / (others**2).sum())


def _not_a_share(function, inputs, got):
    if got < 0 or got > 1 + 1e-9:
        return f"gives {float(got):.3g}, and a share lies between 0 and 1: what is divided by what?"
    return None


EXERCISES = (
    Exercise(
        name="share_of_same_task",
        draw=_draw_strings,
        answer=share_of_same_task,
        core=True,
        rules=(_not_a_share, _other_shares, _stretching_changes_it),
        mistakes=(
            Mistake(
                "forbids only the row itself: rows of its pattern look like it for a reason that has nothing to do "
                "with tasks, so forbid its whole pattern",
                _share_forbidding_itself,
            ),
            Mistake(
                "forbids nothing, so each row finds itself first: forbid all rows of its pattern, itself included",
                _share_forbidding_nothing,
            ),
            Mistake(
                "gives 0 for every input. Either the row's whole task is forbidden (forbid its pattern only), or what "
                "is compared is never equal: compare task[nearest] with task[i]",
                _share_forbidding_the_task,
            ),
            Mistake(
                "gives forbidden rows the distance 0, which makes them the nearest of all: give them np.inf",
                _share_at_zero,
            ),
            Mistake(
                "gives forbidden rows a fixed distance, 1000 or so, and others are farther: give them np.inf",
                _share_at_thousand,
            ),
            Mistake(
                "gives the first row's share only: is the `return` inside the loop?",
                _share_of_first_row,
            ),
            Mistake(
                "asks the nearest row only: it is the share among the k nearest",
                _share_of_nearest,
            ),
            Mistake(
                "asks the k-th nearest row only, `argsort()[k - 1]`: the k nearest are `argsort()[:k]`",
                _share_of_kth,
            ),
            Mistake(
                "lets the k nearest vote, and counts rows whose task wins: take the share of the k that is of the task",
                _share_by_vote,
            ),
            Mistake(
                "takes the end of the sorted row, where the farthest stand, and behind them the forbidden ones: the "
                "nearest stand at its beginning",
                _share_from_the_end,
            ),
            Mistake(
                "asks whether any of the k is of the task: take the share of the k that is",
                _share_of_any,
            ),
            Mistake(
                "adds up how many of the k are of the task, and divides by the number of rows only: divide by k, too",
                _share_not_divided_by_k,
            ),
            Mistake(
                "leaves out the nearest row (`[1:k + 1]`): that is right where a row finds itself first, but here it "
                "is forbidden to do so",
                _share_off_by_one,
            ),
        ),
    ),
    Exercise(
        name="share_in_view",
        draw=_draw_parts,
        answer=share_in_view,
        rules=(_not_a_share,),
        mistakes=(
            Mistake(
                "chooses the view by the rows that it is judged with: choose it by `chosen`, judge it with `others`",
                _share_in_own_view,
            ),
            Mistake(
                "chooses the view by all rows together: `others` are to be held back until it is chosen",
                _share_in_view_of_all,
            ),
            Mistake(
                "judges the view with the rows that it was chosen by, which shows how well it suits those: judge it "
                "with `others`",
                lambda chosen, others: share_in_view(chosen, chosen),
            ),
            Mistake(
                "does not subtract the mean of `chosen` first: then the first direction points from 0 to the mean",
                _share_without_centring,
            ),
            Mistake(
                "takes the first two columns of what `svd` gives: directions are rows, `directions[:2]`",
                lambda chosen, others: _share_shown(others, _directions(chosen)[:, :2]),
            ),
            Mistake(
                "takes the two directions along which least varies: `svd` lists them from most to least, `eigh` from "
                "least to most",
                lambda chosen, others: _share_shown(others, _directions(chosen)[-2:].T),
            ),
            Mistake(
                "divides by the variance of `chosen`: divide by that of `others`, whose variance in the view is "
                "above the line",
                _share_of_chosens_variance,
            ),
            Mistake(
                "subtracts one number, the mean of all entries of `chosen`: each column has its own mean, "
                "`chosen.mean(axis=0)`",
                _share_by_one_mean,
            ),
            Mistake(
                "adds up standard deviations: variances are asked for, their squares (`var`, not `std`)",
                _share_of_spread,
            ),
            Mistake(
                "adds up squares of `others` as they are: a variance is about the differences from the mean",
                _share_of_squares,
            ),
            Mistake(
                "takes one direction only: a view has two",
                lambda chosen, others: _share_shown(others, _directions(chosen)[:1].T),
            ),
            Mistake(
                "gives the variance in the view, not a share: divide by the variances of all C columns, added up",
                lambda chosen, others: float((others @ _directions(chosen)[:2].T).var(axis=0).sum()),
            ),
        ),
    ),
)
