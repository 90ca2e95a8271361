"""Refuse a task: what a refusal reaches, leaks and hits, a guard whose errors have prices, a direction taken out."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers


def _draw_refusals(rng, size):
    n_tasks, n_patterns, n_words = 2 + size % 2, 2 + size // 2, 4
    each = 1 + size  # rows a pattern
    pattern = rng.permutation(np.repeat(np.arange(n_tasks * n_patterns), each))
    task = pattern // n_patterns
    shown = int(rng.integers(n_tasks * n_patterns))
    refusal = n_words  # the last token
    targets = rng.integers(n_words, size=len(pattern))
    wrong = (targets + rng.integers(1, n_words, size=len(pattern))) % n_words
    chance = np.where(pattern == shown, 0.8, np.where(task == shown // n_patterns, 0.4, 0.2))
    answers = np.where(rng.random(len(pattern)) < 0.3, wrong, targets)
    answers = np.where(rng.random(len(pattern)) < chance, refusal, answers)
    return {
        "answers": answers,
        "targets": targets,
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
    tie = rng.random() < 0.4  # whether two gaps are to cost the same, and the first is not the widest
    while True:
        distance = np.cumsum(rng.permutation(np.arange(1.0, n + 1)))  # no two gaps are equally wide
        member = rng.random(n) < chance
        prices = [float(price) for price in rng.choice([1, 2, 3, 5], size=2, replace=False)]
        sorted_inputs = (distance, member, *prices)
        if 0 < member.sum() < n and (not tie or _threshold(*sorted_inputs) != _threshold(*sorted_inputs, widest=False)):
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


def _threshold(distance, member, price_refused, price_passed, part=0.5, widest=True):
    order = distance.argsort()
    distance, member = distance[order], member[order]
    best = None
    for i in range(len(distance) - 1):
        price = price_refused * (~member[: i + 1]).sum() + price_passed * member[i + 1 :].sum()
        gap = distance[i + 1] - distance[i]
        rank = (price, -gap if widest else i)
        if best is None or rank < best[0]:
            best = rank, float(distance[i] + part * gap)
    return best[1]


def _costs_no_more_than_others(function, inputs, got):
    distance, member, threshold = inputs["distance"], inputs["member"], float(got)

    def errors(threshold):
        refused, passed = (~member & (distance <= threshold)).sum(), (member & (distance > threshold)).sum()
        return refused, passed, inputs["price_refused"] * refused + inputs["price_passed"] * passed

    (refused, passed, price), least = errors(threshold), errors(guard_threshold(**inputs))[2]
    if price > least:
        return (
            f"with threshold {threshold:.6g}, outsiders refused: {refused}, members let pass: {passed}. That costs "
            f"{price:.6g}, and there is a gap that costs {least:.6g}"
        )
    return None


def _stands_in_a_gap(function, inputs, got):
    if (inputs["distance"] == got).any():
        return f"{float(got):.6g} is one of the distances: put the threshold halfway between two neighbouring ones"
    return None


def _draw_table(rng, size):
    n_tasks, n_inputs, C = 2 + size % 2, 1 + size, 2 + size % 3
    V = n_tasks * n_inputs + 2  # two tokens are no output
    outputs = rng.permutation(V)[: n_tasks * n_inputs].reshape(n_tasks, n_inputs)
    task = int(rng.integers(n_tasks))
    while True:
        wte = numbers(rng, size, V, C)
        length = np.linalg.norm(_common(wte, outputs, task))
        if length > 0.3 and abs(length - 1) > 0.05:
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
        return (
            f"row {row} still reaches {along[row]:.3g} along the direction, or against it: take (row . d) d from each "
            "row, where d is the direction, divided by its length"
        )
    return None


EXERCISES = (
    Exercise(
        name="refusal_report",
        draw=_draw_refusals,
        answer=refusal_report,
        core=True,
        mistakes=(
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
        rules=(_costs_no_more_than_others, _stands_in_a_gap),
        core=True,
        mistakes=(
            Mistake(
                "has the two prices the wrong way round: price_refused is for an outsider who is refused",
                lambda distance, member, price_refused, price_passed: guard_threshold(
                    distance, member, price_passed, price_refused
                ),
            ),
            Mistake(
                "sorts the distances but not `member` along with them: use one order for both",
                lambda distance, member, price_refused, price_passed: guard_threshold(
                    np.sort(distance), member, price_refused, price_passed
                ),
            ),
            Mistake(
                "counts errors and leaves out what they cost",
                lambda distance, member, price_refused, price_passed: guard_threshold(distance, member, 1, 1),
            ),
            Mistake(
                "gives the lower end of the gap: the threshold is halfway between the two distances",
                lambda distance, member, price_refused, price_passed: _threshold(
                    distance, member, price_refused, price_passed, part=0
                ),
            ),
            Mistake(
                "gives the upper end of the gap: who stands there would be refused, too. Take the middle of the gap",
                lambda distance, member, price_refused, price_passed: _threshold(
                    distance, member, price_refused, price_passed, part=1
                ),
            ),
            Mistake(
                "takes the first of several gaps that cost the same: the widest is asked for",
                lambda distance, member, price_refused, price_passed: _threshold(
                    distance, member, price_refused, price_passed, widest=False
                ),
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
        rules=(_nothing_is_left_along_it,),
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
