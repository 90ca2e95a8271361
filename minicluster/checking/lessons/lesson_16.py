"""Refuse a task: what a refusal reaches, leaks and hits, a guard whose errors have prices, a direction taken out."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers


NOBODY = 4  # as a size: no row is refused
DEAR = 6  # as a size: the cheapest gap costs more than 100
MOST_ROWS = 6  # that a message lists


def _draw_refusals(rng, size):
    n_tasks, n_words = 2 + size // 2, 4
    n_patterns = 2 * n_tasks + (size > 1) * n_tasks // 2
    task_of = rng.permutation(np.arange(n_patterns) % n_tasks)  # of each pattern: two or three a task
    n_rows = 1 + np.bincount(rng.integers(n_patterns, size=2 * size), minlength=n_patterns)  # not equally many
    pattern = rng.permutation(np.repeat(np.arange(n_patterns), n_rows))
    task, shown = task_of[pattern], int(rng.integers(n_patterns))
    refusal = int(rng.integers(n_words + 1))
    words = np.delete(np.arange(n_words + 1), refusal)
    right = rng.integers(n_words, size=len(pattern))
    wrong = (right + rng.integers(1, n_words, size=len(pattern))) % n_words
    chance = np.where(pattern == shown, 0.8, np.where(task == task_of[shown], 0.4, 0.2)) * (size != NOBODY)
    answers = words[np.where(rng.random(len(pattern)) < 0.3, wrong, right)]
    answers = np.where(rng.random(len(pattern)) < chance, refusal, answers)
    return {
        "answers": answers,
        "targets": words[right],
        "task": task,
        "pattern": pattern,
        "shown_pattern": shown,
        "refusal": refusal,
    }


def refusal_report(answers, targets, task, pattern, shown_pattern, refusal):
    """Reach, leak and collateral of a refusal."""
    refused, never, other = _rows(answers, task, pattern, shown_pattern, refusal)
    return {
        "reach": float(refused[never].mean()),
        "leak": float((answers == targets)[never].mean()),
        "collateral": float(refused[other].mean()),
    }


def _rows(answers, task, pattern, shown_pattern, refusal):
    """Return which rows are refused, of never shown patterns of the task, and of other tasks."""
    of_task = task == task[pattern == shown_pattern][0]
    return answers == refusal, of_task & (pattern != shown_pattern), ~of_task


def _named(mask):
    rows = np.flatnonzero(mask).tolist()
    if len(rows) > MOST_ROWS:
        return f"{len(rows)} rows"
    return f"row {rows[0]}" if len(rows) == 1 else f"rows {', '.join(map(str, rows[:-1]))} and {rows[-1]}"


def _other_shares(function, inputs, got):
    right = refusal_report(**inputs)
    wrong = next((name for name in right if not abs(float(got[name]) - right[name]) < 1e-9), None)
    if wrong is None:
        return None
    refused, never, other = _rows(*(inputs[n] for n in ("answers", "task", "pattern", "shown_pattern", "refusal")))
    rows, what = (other, "of other tasks") if wrong == "collateral" else (never, "of never shown patterns")
    counted, how = (inputs["answers"] == inputs["targets"], "right") if wrong == "leak" else (refused, "refused")
    return (
        f"{wrong!r} is {float(got[wrong]):.4g}, expected {right[wrong]:.4g}. {_named(rows).capitalize()} (counted from "
        f"0) {'are' if rows.sum() > 1 else 'is'} {what}: {counted[rows].sum()} of {rows.sum()} {how}"
    )


def _shares_of(of_task):
    """Return a formula for a report in which something else is taken for the task's rows."""

    def formula(answers, targets, task, pattern, shown_pattern, refusal):
        own = of_task(task, shown_pattern)
        refused, never = answers == refusal, own & (pattern != shown_pattern)
        return {
            "reach": _mean(refused[never]),
            "leak": _mean((answers == targets)[never]),
            "collateral": _mean(refused[~own]),
        }

    return formula


def _mean(entries):
    return float(entries.mean()) if len(entries) else np.nan


def _mean_of_means(of_reach, of_collateral):
    """Return a formula for a report of means over groups' shares: of patterns, or of tasks."""

    def formula(answers, targets, task, pattern, shown_pattern, refusal):
        refused, never, other = _rows(answers, task, pattern, shown_pattern, refusal)

        def mean(hits, rows, group):
            return float(np.mean([hits[rows & (group == one)].mean() for one in np.unique(group[rows])]))

        groups = {"task": task, "pattern": pattern, "row": np.arange(len(task))}
        return {
            "reach": mean(refused, never, groups[of_reach]),
            "leak": mean(answers == targets, never, groups[of_reach]),
            "collateral": mean(refused, other, groups[of_collateral]),
        }

    return formula


def _counts_of_rows(answers, targets, task, pattern, shown_pattern, refusal):
    refused, never, other = _rows(answers, task, pattern, shown_pattern, refusal)
    return {
        "reach": float(refused[never].sum()),
        "leak": float((answers == targets)[never].sum()),
        "collateral": float(refused[other].sum()),
    }


def _shown_counts(answers, targets, task, pattern, shown_pattern, refusal):
    refused, _, other = _rows(answers, task, pattern, shown_pattern, refusal)
    return {
        "reach": float(refused[~other].mean()),
        "leak": float((answers == targets)[~other].mean()),
        "collateral": float(refused[other].mean()),
    }


def _of_the_shown(answers, targets, task, pattern, shown_pattern, refusal):
    shown, right = pattern == shown_pattern, answers == targets
    own = {"reach": float((answers == refusal)[shown].mean()), "leak": float(right[shown].mean())}
    return refusal_report(answers, targets, task, pattern, shown_pattern, refusal) | own


def _rest_leaks(**inputs):
    report = refusal_report(**inputs)
    return report | {"leak": 1 - report["reach"]}


def _collateral_of_all(answers, targets, task, pattern, shown_pattern, refusal):
    refused, _, other = _rows(answers, task, pattern, shown_pattern, refusal)
    report = refusal_report(answers, targets, task, pattern, shown_pattern, refusal)
    return report | {"collateral": float((refused & other).mean())}


def _collateral_of_refused(answers, targets, task, pattern, shown_pattern, refusal):
    refused, _, other = _rows(answers, task, pattern, shown_pattern, refusal)
    report = refusal_report(answers, targets, task, pattern, shown_pattern, refusal)
    return report | {"collateral": float(other[refused].mean()) if refused.any() else np.nan}


def _collateral_beyond_shown(answers, targets, task, pattern, shown_pattern, refusal):
    report = refusal_report(answers, targets, task, pattern, shown_pattern, refusal)
    return report | {"collateral": float((answers == refusal)[pattern != shown_pattern].mean())}


def _draw_distances(rng, size):
    n = size + 3
    chance = np.where(np.arange(n) < n / 2, 0.7, 0.3)  # of being a member: higher near the centre
    tie = rng.choice(["first", "last", ""])  # which gap of equal cost is not the widest; if none, prices matter
    while True:
        distance = np.cumsum(rng.permutation(np.arange(1.0, n + 1)))  # no two gaps are equally wide
        distance *= 0.25 if size % 2 else 1
        member = rng.random(n) < chance
        prices = [float(price) for price in rng.choice([0.5, 1, 1.5, 2, 3, 5, 20], size=2, replace=tie != "")]
        if size == DEAR:
            prices = [50.0 * price for price in prices]
        given = (distance, member, *prices)
        if not 0 < member.sum() < n or (size == DEAR and _least(*given) <= 100):
            continue
        other = _threshold(*given, tie=tie) if tie else _threshold(distance, member, 1, 1)
        if _threshold(*given) != other:
            break
    order = rng.permutation(n)
    return {
        "distance": distance[order],
        "member": member[order],
        "price_refused": prices[0],
        "price_passed": prices[1],
    }


def guard_threshold(distance, member, price_refused, price_passed):
    """Threshold whose errors cost least."""
    return _threshold(distance, member, price_refused, price_passed)


# Which of several gaps that cost the same: what is to be smallest, by the gap's number and width.
TIES = {
    "widest": lambda i, gap: -gap,
    "first": lambda i, gap: i,
    "last": lambda i, gap: -i,
    "narrowest": lambda i, gap: gap,
}


def _gaps(distance, member, price_refused, price_passed):
    """Return what each gap costs, its lower and its upper end: (n - 1,) each."""
    order = distance.argsort()
    distance, member = distance[order], member[order]
    prices = [
        price_refused * (~member[:i]).sum() + price_passed * member[i:].sum() for i in range(1, len(distance))
    ]
    return np.array(prices), distance[:-1], distance[1:]


def _least(*given):
    return _gaps(*given)[0].min()


def _threshold(distance, member, price_refused, price_passed, part=0.5, tie="widest"):
    prices, lower, upper = _gaps(distance, member, price_refused, price_passed)
    rank = TIES[tie]
    best = min(range(len(prices)), key=lambda i: (prices[i], rank(i, upper[i] - lower[i])))
    return float(lower[best] + part * (upper[best] - lower[best]))


def _threshold_mistake(prices=lambda refused, passed: (refused, passed), **how):
    def formula(distance, member, price_refused, price_passed):
        return _threshold(distance, member, *prices(price_refused, price_passed), **how)

    return formula


def _lies_between_two(function, inputs, got):
    distance, threshold = inputs["distance"], float(got)
    if np.isfinite(threshold) and distance.min() <= threshold <= distance.max():
        return None
    where = "beyond the largest" if threshold > distance.max() else "below the smallest"
    if not np.isfinite(threshold):
        where = "no"
    return f"{threshold:.6g} is {where} distance: the threshold must lie between two distances"


def _costs_no_more_than_others(function, inputs, got):
    distance, member, threshold = inputs["distance"], inputs["member"], float(got)
    if (distance == threshold).any() or _lies_between_two(function, inputs, got):
        return None
    refused, passed = (~member & (distance < threshold)).sum(), (member & (distance > threshold)).sum()
    price = inputs["price_refused"] * refused + inputs["price_passed"] * passed
    least, right = _least(*inputs.values()), guard_threshold(**inputs)
    if price > least:
        return (
            f"with threshold {threshold:.6g}, outsiders refused: {refused}, members let pass: {passed}. That costs "
            f"{price:.6g}, and the gap at {right:.6g} costs {least:.6g}"
        )
    own, best = (_width(distance, where) for where in (threshold, right))
    if own < best:
        return (
            f"with threshold {threshold:.6g} it costs {price:.6g}, as the best does, but this gap is {own:.6g} wide, "
            f"and the one at {right:.6g} is {best:.6g} wide"
        )
    return None


def _width(distance, threshold):
    return distance[distance > threshold].min() - distance[distance < threshold].max()


def _stands_in_the_middle(function, inputs, got):
    distance, threshold = inputs["distance"], float(got)
    if (distance == threshold).any():
        return f"{threshold:.6g} is one of the distances: put the threshold halfway between two neighbouring ones"
    if _lies_between_two(function, inputs, got):
        return None
    lower, upper = distance[distance < threshold].max(), distance[distance > threshold].min()
    if abs(threshold - (lower + upper) / 2) > 1e-9:
        return (
            f"{threshold:.6g} lies in the right gap, which goes from {lower:.6g} to {upper:.6g}, and not in its "
            f"middle, {(lower + upper) / 2:.6g}"
        )
    return None


def _draw_table(rng, size):
    n_tasks, n_inputs, C = (2, 2, 2) if size == 1 else (2 + size % 2, 1 + size, 2 + size % 3)
    V = n_tasks * n_inputs + 2  # two tokens are no output
    outputs = rng.permutation(V)[: n_tasks * n_inputs].reshape(n_tasks, n_inputs)
    task = int(rng.integers(n_tasks))
    while True:
        wte = numbers(rng, size, V, C)
        length = np.linalg.norm(_common(wte, outputs, task))
        if length < 0.3 or abs(length - 1) < 0.05:
            continue
        fifths = 5 * _common(wte, outputs, task) / length
        if size > 1 or np.abs(fifths - np.round(fifths)).max() < 1e-9:  # an axis, or (3, 4) / 5 and the like
            return {"wte": wte, "outputs": outputs, "task": task}


def _common(wte, outputs, task):
    """What a task's own words have in common and others have not: (C,)."""
    return wte[outputs[task]].mean(axis=0) - wte[outputs].mean(axis=(0, 1))


def _without(wte, direction, rows=slice(None)):
    found = wte.copy()
    found[rows] -= np.outer(wte[rows] @ direction, direction) / (direction @ direction)
    return found


def take_out(wte, outputs, task):
    """Table without the common direction of a task's own words."""
    return _without(wte, _common(wte, outputs, task))


def _not_squared(wte, outputs, task):
    direction = _common(wte, outputs, task)
    return wte - np.outer(wte @ direction, direction) / np.linalg.norm(direction)


def _not_of_length_one(wte, outputs, task):
    direction = _common(wte, outputs, task)
    return wte - np.outer(wte @ direction, direction)


def _nothing_is_left_along_it(function, inputs, got):
    direction = _common(**inputs)
    direction = direction / np.linalg.norm(direction)
    along = np.abs(got @ direction)  # (V,)
    if along.max() > 1e-6:
        row = int((along > 1e-6).argmax())
        shown = ", ".join(f"{number + 0.0:.2f}" for number in direction)
        return (
            f"row {row} still reaches {along[row]:.3g} along the direction, which is ({shown}) here. Is yours the "
            "same? It is wte[outputs[task]].mean(axis=0) minus wte[outputs].mean(axis=(0, 1)), divided by its length"
        )
    return None


def _rest_stays(function, inputs, got):
    direction = _common(**inputs)
    direction = direction / np.linalg.norm(direction)
    lost = inputs["wte"] - got  # (V, C)
    beside = np.linalg.norm(lost - np.outer(lost @ direction, direction), axis=1)  # (V,)
    if beside.max() < 1e-6:
        return None
    row = int((beside > 1e-6).argmax())
    shown = ", ".join(f"{number + 0.0:.2f}" for number in direction)
    return (
        f"takes out another direction, too: row {row} loses {beside[row]:.3g} at right angles to the direction, which "
        f"is ({shown}) here. A row loses (row . d) d, and nothing else"
    )


EXERCISES = (
    Exercise(
        name="refusal_report",
        draw=_draw_refusals,
        answer=refusal_report,
        rules=(_other_shares,),
        core=True,
        mistakes=(
            Mistake(
                "takes the mean of the patterns' shares: each *row* counts alike, so take the mean over all never "
                "shown rows at once, and over all rows of other tasks at once",
                _mean_of_means("pattern", "pattern"),
            ),
            Mistake(
                "takes the mean of the patterns' shares in reach and leak: each *row* counts alike, so take the mean "
                "over all never shown rows at once",
                _mean_of_means("pattern", "row"),
            ),
            Mistake(
                "takes the mean of the patterns' shares in collateral: each *row* counts alike, so take the mean over "
                "all rows of other tasks at once",
                _mean_of_means("row", "pattern"),
            ),
            Mistake(
                "takes the mean of the tasks' shares in collateral: each *row* counts alike, so take the mean over all "
                "rows of other tasks at once",
                _mean_of_means("row", "task"),
            ),
            Mistake(
                "takes the mean of the patterns' shares in reach and leak, and of the tasks' in collateral: each *row* "
                "counts alike, so take the mean over all of them at once",
                _mean_of_means("pattern", "task"),
            ),
            Mistake(
                "looks up the task of row `shown_pattern`, and shown_pattern is the number of a pattern: its task "
                "stands in the rows of that pattern, task[pattern == shown_pattern]",
                _shares_of(lambda task, shown_pattern: task == task[shown_pattern]),
            ),
            Mistake(
                "computes the task from the pattern's number, which is right only if every task has four patterns in a "
                "row: look it up, task[pattern == shown_pattern]",
                _shares_of(lambda task, shown_pattern: task == shown_pattern // 4),
            ),
            Mistake(
                "takes the pattern's number for that of its task: look it up, task[pattern == shown_pattern]",
                _shares_of(lambda task, shown_pattern: task == shown_pattern),
            ),
            Mistake(
                "takes the largest answer for the refusal: it is the token `refusal`, which may be any",
                lambda answers, **others: refusal_report(answers, **others | {"refusal": answers.max()}),
            ),
            Mistake(
                "counts rows: divide by their number, or take a mean, since shares are asked for",
                _counts_of_rows,
            ),
            Mistake(
                "counts the shown pattern in reach and leak: they are about the patterns that were never shown",
                _shown_counts,
            ),
            Mistake(
                "measures reach and leak on the shown pattern: that it is refused says nothing about the others, which "
                "were never shown",
                _of_the_shown,
            ),
            Mistake(
                "takes for leak all that is not refused: a row leaks if it still gets its old right answer, and some "
                "get a wrong word",
                _rest_leaks,
            ),
            Mistake(
                "divides collateral by the number of all rows: it is the refused share of the other tasks' rows",
                _collateral_of_all,
            ),
            Mistake(
                "gives as collateral the other tasks' share of the refused rows: it is the refused share of the other "
                "tasks' rows",
                _collateral_of_refused,
            ),
            Mistake(
                "counts the task's never shown patterns as collateral: they were to be refused, that is the reach",
                _collateral_beyond_shown,
            ),
        ),
    ),
    Exercise(
        name="guard_threshold",
        draw=_draw_distances,
        answer=guard_threshold,
        rules=(_lies_between_two, _costs_no_more_than_others, _stands_in_the_middle),
        core=True,
        mistakes=(
            Mistake(
                "lies beyond the largest distance, so that everything is refused: go through the gaps between two",
                lambda distance, member, price_refused, price_passed: float(distance.max() + 1),
            ),
            Mistake(
                "has the two prices the wrong way round: price_refused is for an outsider who is refused",
                _threshold_mistake(lambda refused, passed: (passed, refused)),
            ),
            Mistake(
                "sorts the distances but not `member` along with them: use one order for both",
                lambda distance, member, price_refused, price_passed: guard_threshold(
                    np.sort(distance), member, price_refused, price_passed
                ),
            ),
            Mistake(
                "counts errors and leaves out what they cost",
                _threshold_mistake(lambda refused, passed: (1, 1)),
            ),
            Mistake(
                "leaves out members who pass, so the lowest threshold costs least: each costs price_passed",
                _threshold_mistake(lambda refused, passed: (refused, 0)),
            ),
            Mistake(
                "leaves out outsiders who are refused, so the highest threshold costs least: each costs price_refused",
                _threshold_mistake(lambda refused, passed: (0, passed)),
            ),
            Mistake(
                "gives the lower end of the gap: the threshold is halfway between the two distances",
                _threshold_mistake(part=0),
            ),
            Mistake(
                "gives the upper end of the gap: who stands there would be refused, too. Take the middle of the gap",
                _threshold_mistake(part=1),
            ),
            Mistake(
                "takes the first of several gaps that cost the same: the widest is asked for",
                _threshold_mistake(tie="first"),
            ),
            Mistake(
                "takes the last of several gaps that cost the same: the widest is asked for",
                _threshold_mistake(tie="last"),
            ),
            Mistake(
                "takes the narrowest of several gaps that cost the same: the widest is asked for. The smallest of "
                "tuples is the widest with -width in them",
                _threshold_mistake(tie="narrowest"),
            ),
            Mistake(
                "refuses all members, whatever outsiders that costs: compare the price of every gap",
                lambda distance, member, price_refused, price_passed: float(distance[member].max()),
            ),
        ),
    ),
    Exercise(
        name="take_out",
        draw=_draw_table,
        answer=take_out,
        rules=(_nothing_is_left_along_it, _rest_stays),
        mistakes=(
            Mistake(
                "does not bring the direction to length 1: divide it by its length before you use it",
                _not_of_length_one,
            ),
            Mistake(
                "divides by the direction's length once, but the direction stands in (row . d) d twice: make d of "
                "length 1 first",
                _not_squared,
            ),
            Mistake(
                "subtracts the direction from every row as it is: from each row take as much as it has, (row . d) d",
                lambda wte, outputs, task: wte - _common(wte, outputs, task),
            ),
            Mistake(
                "changes the task's own words only: take the direction out of every row",
                lambda wte, outputs, task: _without(wte, _common(wte, outputs, task), outputs[task]),
            ),
            Mistake(
                "takes the mean of the task's words for the direction: first subtract the mean of all output words, "
                "which is common to all tasks",
                lambda wte, outputs, task: _without(wte, wte[outputs[task]].mean(axis=0)),
            ),
            Mistake(
                "subtracts the mean of the whole table, which has other tokens, too: that of wte[outputs] is asked for",
                lambda wte, outputs, task: _without(wte, wte[outputs[task]].mean(axis=0) - wte.mean(axis=0)),
            ),
            Mistake(
                "leaves only what points along the direction: subtract that from the rows",
                lambda wte, outputs, task: wte - take_out(wte, outputs, task),
            ),
        ),
    ),
)
