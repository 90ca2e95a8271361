"""Clusters emerge: states at the separator without copies, neighbours across patterns, when a score has settled."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers

FAR = 3  # as a size: states are farther apart than 1000
LARGE = 2.0**40  # that a power of 2 stretches states by keeps all digits, and the order of all distances
BAR = 2  # as a size: scores can be exactly at the bar
LONG = 6  # the size from which on a score may stay above its bar for a while
ALL = 4  # as a size: the share is 1, so the bar is the last score itself
APART = 1e-6  # two distances, or a score and its bar, at least: so that rounding decides nothing


def _draw_examples(rng, size):
    layers, n_strings, C = 3 if size == 1 else 2 + size // 4, 1 + size, 1 + size // 2  # layers != strings
    n = n_strings + 1 + size // 2  # some strings come more than once
    T = n_strings + 2
    places = 1 + rng.permutation(n_strings)  # of the separator, another for each string
    string = np.arange(n_strings)
    while (string[:n_strings] == np.arange(n_strings)).all():
        string = rng.permutation(np.append(np.arange(n_strings), rng.integers(n_strings, size=n - n_strings)))
    separator = places[string]
    own = numbers(rng, size, layers, n_strings, T, C)[:, string]  # the same for copies
    later = numbers(rng, 3, layers, n, T, C)  # what comes after the separator differs with the input
    hidden = np.where((np.arange(T) <= separator[:, None])[:, :, None], own, later)
    return {"hidden": hidden, "separator": separator, "string": string}


def unique_states(hidden, separator, string):
    """States at the separator, one row a string."""
    rows = np.unique(string, return_index=True)[1]
    return hidden[:, rows, separator[rows]]


def _in_their_order(function, inputs, got):
    expected = np.swapaxes(unique_states(**inputs), 0, 1)  # (S, L + 1, C)
    rows = np.swapaxes(np.asarray(got), 0, 1)
    for s, row in enumerate(rows):
        others = [other for other, right in enumerate(expected) if np.array_equal(row, right)]
        if others and s not in others:
            return f"row {s} has the state of string {others[0]}: row s should be string number s"
    return None


def _copies_stay(hidden, separator, string):
    return hidden[:, np.arange(len(string)), separator]


def _places_of_first_examples(hidden, separator, string):
    rows = np.unique(string, return_index=True)[1]
    return hidden[:, rows, separator[: len(rows)]]


def _one_further(hidden, separator, string):
    return unique_states(hidden, separator + 1, string)


def _last_token(hidden, separator, string):
    return hidden[:, np.unique(string, return_index=True)[1], -1]


def _every_place_with_every_row(hidden, separator, string):
    rows = np.unique(string, return_index=True)[1]
    return hidden[:, rows][:, :, separator[rows]]


def _as_they_come(hidden, separator, string):
    rows = np.sort(np.unique(string, return_index=True)[1])
    return hidden[:, rows, separator[rows]]


def _draw_strings(rng, size):
    n_tasks, n_patterns, each = 2 + size // 3, 2 + size % 2, 1 + size // 2
    task_of = np.repeat(np.arange(n_tasks), n_patterns)  # of each pattern
    m, C = 2 + size // 2, 2 + size // 4
    while True:
        centers = numbers(rng, size, len(task_of), C) + numbers(rng, size, n_tasks, C)[task_of]  # alike in a task
        pattern = rng.permutation(np.repeat(np.arange(len(task_of)), each))
        new_pattern = rng.integers(len(task_of), size=m)
        x = centers[pattern] + numbers(rng, size, len(pattern), C) / 2
        new = centers[new_pattern] + numbers(rng, size, m, C) / 2
        squared = np.sort(_squared(x, pattern, new, new_pattern), axis=1)
        if (squared[:, 1] - squared[:, 0] > APART).all():
            break
    if size == FAR:
        x, new = 1e3 * x, 1e3 * new
    known = {"x": x, "task": task_of[pattern], "pattern": pattern}
    return known | {"new": new, "new_task": task_of[new_pattern], "new_pattern": new_pattern}


def _squared(x, pattern, new, new_pattern):
    squared = ((new[:, None] - x) ** 2).sum(axis=2)  # (m, 1, C) - (n, C) -> (m, n)
    return np.where(new_pattern[:, None] == pattern, np.inf, squared)


def lands_in_its_task(x, task, pattern, new, new_task, new_pattern):
    """Whether the nearest known string of another pattern is of the new string's task."""
    return task[_squared(x, pattern, new, new_pattern).argmin(axis=1)] == new_task


def _own_pattern_hidden(function, inputs, got):
    for i, (state, own) in enumerate(zip(inputs["new"], inputs["new_pattern"])):
        known = inputs["x"].copy()
        known[inputs["pattern"] == own] = state
        now = np.asarray(function(**inputs | {"x": known}))
        if now[i] != got[i]:
            return (
                f"for new string {i} the answer changes from {got[i]} to {now[i]} if the known strings of its own "
                "pattern are moved to where it is: they should be hidden from it"
            )
    return None


def _stretching_changes_it(function, inputs, got):
    stretched = {name: LARGE * inputs[name] for name in ("x", "new")}
    moved = np.flatnonzero(np.asarray(function(**inputs | stretched)) != got)
    if not len(moved):
        return None
    return (
        f"if all states are multiplied by {LARGE:.2g}, the answer for new string {moved[0]} changes, and who is near "
        "whom is as before. Do hidden strings have a large distance, and others a larger one? Give them np.inf"
    )


def _hidden_at_thousand(x, task, pattern, new, new_task, new_pattern):
    squared = ((new[:, None] - x) ** 2).sum(axis=2)
    return task[np.where(new_pattern[:, None] == pattern, 1e3, squared).argmin(axis=1)] == new_task


def _nothing_hidden(x, task, pattern, new, new_task, new_pattern):
    return task[((new[:, None] - x) ** 2).sum(axis=2).argmin(axis=1)] == new_task


def _never(x, task, pattern, new, new_task, new_pattern):
    return np.zeros(len(new), bool)


def _farthest(x, task, pattern, new, new_task, new_pattern):
    squared = ((new[:, None] - x) ** 2).sum(axis=2)
    return task[np.where(new_pattern[:, None] == pattern, -np.inf, squared).argmax(axis=1)] == new_task


def _place_among_the_rest(x, task, pattern, new, new_task, new_pattern):
    squared = ((new[:, None] - x) ** 2).sum(axis=2)
    nearest = [own[pattern != hidden].argmin() for own, hidden in zip(squared, new_pattern)]
    return task[nearest] == new_task


def _always(x, task, pattern, new, new_task, new_pattern):
    return np.ones(len(new), bool)


def _nearest_number(x, task, pattern, new, new_task, new_pattern):
    return _squared(x, pattern, new, new_pattern).argmin(axis=1)


def _draw_scores(rng, size):
    steps, layers = 3 + size, 2 + size // 3
    while True:
        rise = np.linspace(0, 1, steps)[:, None] ** rng.uniform(0.2, 1, layers)
        scores = np.round(rng.uniform(0.4, 1, layers) * rise + rng.uniform(-0.3, 0.3, (steps, layers)), 2)
        scores[:, rng.integers(layers)] = np.round(rng.uniform(0.8, 0.83, steps), 2)  # has settled from the start
        share = float(rng.choice([0.7, 0.8, 0.9]))
        if size == ALL:
            share = 1.0
        if size == BAR:  # all of this is exact in binary
            scores, share = np.round(8 * scores) / 8, 0.5
        last = scores[-1]
        early = (scores >= share * last).argmax(axis=0) < settles(scores, share)  # is above the bar, and falls again
        if size == BAR:
            apart = (settles(scores, share) != _above_only(scores, share)).any()
        else:
            apart = (np.abs(scores[:-1] - share * last) > APART).all()
        if size >= LONG:  # three in a row are above the bar, and it falls again
            early &= _three_above(scores, share) < settles(scores, share)
        if (last > 0.2).all() and apart and early.any():
            return {"scores": scores, "share": share}


def settles(scores, share):
    """First recording from which on a layer's score stays at a share of its last value or above."""
    lowest = np.minimum.accumulate(scores[::-1])[::-1]
    return (lowest >= share * scores[-1]).argmax(axis=0)


def _above_only(scores, share):
    lowest = np.minimum.accumulate(scores[::-1])[::-1]
    return (lowest > share * scores[-1]).argmax(axis=0)


def _three_above(scores, share):
    above = np.concatenate([scores >= share * scores[-1], np.ones((2, scores.shape[1]), bool)])
    return (above[:-2] & above[1:-1] & above[2:]).argmax(axis=0)


def _first_time(scores, share):
    return (scores >= share * scores[-1]).argmax(axis=0)


def _of_the_highest(scores, share):
    lowest = np.minimum.accumulate(scores[::-1])[::-1]
    return (lowest >= share * scores.max(axis=0)).argmax(axis=0)


def _last_below(scores, share):
    return settles(scores, share) - 1


def _behind_the_end(scores, share):
    return len(scores) - (scores < share * scores[-1])[::-1].argmax(axis=0)


def _absolute(scores, share):
    lowest = np.minimum.accumulate(scores[::-1])[::-1]
    return (lowest >= share).argmax(axis=0)


EXERCISES = (
    Exercise(
        name="unique_states",
        draw=_draw_examples,
        answer=unique_states,
        rules=(_in_their_order,),
        core=True,
        mistakes=(
            Mistake(
                "gives a row for each example, copies included: take only one example of each string",
                _copies_stay,
            ),
            Mistake(
                "takes the right examples, but the separators of the first ones: with the examples `rows` goes "
                "`separator[rows]`",
                _places_of_first_examples,
            ),
            Mistake(
                "reads one token too far, at the input: the separator's own place is `separator`",
                _one_further,
            ),
            Mistake(
                "reads the last token of each example: the separator stands at `separator`, another place in each",
                _last_token,
            ),
            Mistake(
                "combines each string with the separators of all strings: give both in one pair of brackets, "
                "`hidden[:, rows, places]`, so that they go together",
                _every_place_with_every_row,
            ),
            Mistake(
                "has the strings in the order in which they come: row s should be string number s",
                _as_they_come,
            ),
        ),
    ),
    Exercise(
        name="lands_in_its_task",
        draw=_draw_strings,
        answer=lands_in_its_task,
        rules=(_own_pattern_hidden, _stretching_changes_it),
        core=True,
        mistakes=(
            Mistake(
                "lets a new string find strings of its own pattern, which are near in any model: set their distances "
                "to `np.inf` first",
                _nothing_hidden,
            ),
            Mistake(
                "is False for all: hide the own pattern, not the whole task; and compare tasks, not patterns",
                _never,
            ),
            Mistake(
                "is True for all: does it hide too much, or set the hidden distances to 0? Hide the own pattern only, "
                "with `np.inf`",
                _always,
            ),
            Mistake(
                "gives hidden strings a fixed distance, 1000 or so, and others are farther: give them np.inf",
                _hidden_at_thousand,
            ),
            Mistake(
                "asks the farthest string: `argmax` where `argmin` belongs, with `np.inf` for what is hidden",
                _farthest,
            ),
            Mistake(
                "looks up in `task` a place that was counted among what is not hidden: `squared[known].argmin()` "
                "is a place in `task[known]`. Or give what is hidden `np.inf`, so that places stay",
                _place_among_the_rest,
            ),
            Mistake(
                "gives the number of the nearest string: look up its task, and compare it with the new string's",
                _nearest_number,
            ),
        ),
    ),
    Exercise(
        name="settles",
        draw=_draw_scores,
        answer=settles,
        mistakes=(
            Mistake(
                "gives the first time that the score is high enough, also if it falls again: from there on it must "
                "stay",
                _first_time,
            ),
            Mistake(
                "looks at three recordings only: from there on, *all* must be high enough",
                _three_above,
            ),
            Mistake(
                "asks for scores above the bar: at the bar is enough, `>=`",
                _above_only,
            ),
            Mistake(
                "compares with the highest score: the bar is the share of the last one, `scores[-1]`",
                _of_the_highest,
            ),
            Mistake(
                "gives the last recording that is below the bar: one later the score has settled",
                _last_below,
            ),
            Mistake(
                "gives len(scores) for a layer that is never below its bar: it has settled from recording 0 on",
                _behind_the_end,
            ),
            Mistake(
                "counts the recordings below the bar: that is right only for scores that never fall again",
                lambda scores, share: (scores < share * scores[-1]).sum(axis=0),
            ),
            Mistake(
                "counts the recordings that reach the bar: asked for is the first one from which on all of them do",
                lambda scores, share: (scores >= share * scores[-1]).sum(axis=0),
            ),
            Mistake(
                "compares with `share` itself: the bar is that share of the layer's last score",
                _absolute,
            ),
        ),
    ),
)
