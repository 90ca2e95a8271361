"""Present or used: one patch, an outcome named beforehand, and a control of the same length."""

import numpy as np

from ..exercise import Exercise, Mistake, numbers


def _draw_patch(rng, size):
    n, T, C = 2 + size // 3, 3 + size // 2, 1 + size
    x, new = numbers(rng, size, n, T, C), numbers(rng, size, n, C)
    place = rng.integers(T - 1, size=n)  # the input stands behind the separator
    while len(set(place.tolist())) == 1:
        place = rng.integers(T - 1, size=n)
    new += new == x[np.arange(n), place]  # each entry is another one

    def rest(x):
        return np.einsum("t,ntc->nc", np.arange(1.0, T + 1), x)  # (n, T, C) -> (n, C), so here V = C

    rest.__name__ = " + ".join(["x[:, 0]", *(f"{t + 1} x[:, {t}]" for t in range(1, T))])  # shown to the learner
    return {"rest": rest, "x": x, "place": place, "new": new}


def patch(rest, x, place, new):
    """Logits with one token's state replaced in each row."""
    x = x.copy()
    x[np.arange(len(x)), place] = new
    return rest(x)


def _leaves_the_rest_alone(function, inputs, got):
    seen = []

    def rest(x):
        seen.append(np.array(x))
        return inputs["rest"](x)

    function(**inputs | {"rest": rest})
    x, place, new = inputs["x"], inputs["place"], inputs["new"]
    elsewhere = np.arange(x.shape[1]) != place[:, None]  # (n, T)
    for states in seen:  # those of single examples, which some may give one after the other, are not looked at
        if states.shape == x.shape and not np.array_equal(states[elsewhere], x[elsewhere]):
            i, t = np.argwhere((states != x).any(axis=2) & elsewhere)[0]
            return f"changes token {t} of example {i}, and only token {place[i]} should be replaced there"
    return None


def _all_places_in_all_rows(rest, x, place, new):
    x = x.copy()
    x[:, place] = new
    return rest(x)


def _all_tokens(rest, x, place, new):
    return rest(np.repeat(new[:, None], x.shape[1], axis=1))


def _added(rest, x, place, new):
    x = x.copy()
    x[np.arange(len(x)), place] += new
    return rest(x)


def _one_further(rest, x, place, new):
    return patch(rest, x, place + 1, new)


def _last_token(rest, x, place, new):
    return patch(rest, x, -1, new)


def _first_place(rest, x, place, new):
    return patch(rest, x, place[0], new)


def _unpatched(rest, x, place, new):
    return rest(x)


def _draw_answers(rng, size):
    n, V = 4 + 2 * size, 4 + size
    while True:
        own = rng.integers(V, size=n)
        donor = (own + rng.integers(1, V, n)) % V  # never the own one
        wrong = (own + rng.integers(1, V, n)) % V
        before = np.where(rng.random(n) < 0.7, own, wrong)
        # Of those that were wrong, some answer the donor's task already, and some become right.
        kinds = [own, donor, before, rng.integers(V, size=n)]
        after = np.choose(rng.integers(4, size=n), kinds)
        kept = before == own
        shares = outcomes(before, after, own, donor) if kept.any() else np.zeros(3)
        if shares.all() and not kept.all() and (after[~kept] == donor[~kept]).any():
            return {"before": before, "after": after, "own": own, "donor": donor}


def outcomes(before, after, own, donor):
    """Shares moved to the donor's answer, stayed, and gone elsewhere, of what was right before."""
    kept = before == own
    moved, stayed = (after == donor)[kept].mean(), (after == own)[kept].mean()
    return np.array([moved, stayed, ((after != own) & (after != donor))[kept].mean()])


def _wrong_before_left_out(function, inputs, got):
    for i in np.flatnonzero(inputs["before"] != inputs["own"]):
        for answer in (inputs["own"][i], inputs["donor"][i]):
            after = inputs["after"].copy()
            after[i] = answer
            if not np.allclose(function(**inputs | {"after": after}), got):
                return (
                    f"string {i} was answered wrongly before, and yet the shares change if its answer after the patch "
                    f"is {answer} instead of {inputs['after'][i]}: leave such strings out, from all that is counted"
                )
    return None


def _sum_to_one(function, inputs, got):
    kept = (inputs["before"] == inputs["own"]).sum()
    if not abs(np.sum(got) - 1) < 1e-9:
        return (
            f"the three shares sum to {np.sum(got):.6g}, expected 1: each is a part of the {kept} strings that were "
            "right before, and each of these counts once"
        )
    return None


def _of_all(before, after, own, donor):
    moved, stayed = (after == donor).mean(), (after == own).mean()
    return np.array([moved, stayed, ((after != own) & (after != donor)).mean()])


def _divided_by_all(before, after, own, donor):
    kept = before == own
    return outcomes(before, after, own, donor) * kept.mean()


def _changed_is_moved(before, after, own, donor):
    kept = before == own
    changed = (after != before)[kept].mean()
    return np.array([changed, 1 - changed, 0])


def _changed_and_donor(before, after, own, donor):
    kept = before == own
    changed, stayed = (after != before)[kept].mean(), (after == own)[kept].mean()
    return np.array([changed, stayed, ((after != own) & (after != donor))[kept].mean()])


def _stayed_first(before, after, own, donor):
    return outcomes(before, after, own, donor)[[1, 0, 2]]


def _counted(before, after, own, donor):
    return outcomes(before, after, own, donor) * (before == own).sum()


def _draw_steps(rng, size):
    n, C = 1 + size, 3 if size == 1 else 2 + size // 2
    while True:
        x, goal, noise = (numbers(rng, size, n, C) for _ in range(3))
        way = goal - x
        long_enough = (way**2).sum(axis=1).min() > 0.1
        if long_enough and (_across(way, noise) ** 2).sum(axis=1).min() > 0.1 and (way * noise).sum(axis=1).all():
            return {"x": x, "goal": goal, "noise": noise}


def _across(way, noise):
    along = (noise * way).sum(axis=1, keepdims=True) / (way**2).sum(axis=1, keepdims=True)  # (n, 1)
    return noise - along * way


def _length(x):
    return np.linalg.norm(x, axis=1, keepdims=True)


def control(x, goal, noise):
    """Where a step ends that is as long as the way to the goal, and at a right angle to it."""
    way = goal - x
    across = _across(way, noise)
    return x + across * _length(way) / _length(across)


def _same_length(function, inputs, got):
    step, way = got - inputs["x"], inputs["goal"] - inputs["x"]
    for i, (of_step, of_way) in enumerate(zip(_length(step)[:, 0], _length(way)[:, 0])):
        if not abs(of_step - of_way) <= 1e-6 * of_way:
            return f"the step of string {i} is {of_step:.4g} long, expected {of_way:.4g} as the way to the goal is"
    return None


def _right_angle(function, inputs, got):
    step, way = got - inputs["x"], inputs["goal"] - inputs["x"]
    for i, (product, size) in enumerate(zip((step * way).sum(axis=1), (way**2).sum(axis=1))):
        if not abs(product) <= 1e-6 * size:
            return (
                f"the step of string {i} leads {product / size:.3g} of the way to the goal, expected 0: take the part "
                "along the way off the noise, row by row"
            )
    return None


def _any_direction(x, goal, noise):
    return x + noise * _length(goal - x) / _length(noise)


def _as_long_as_it_came(x, goal, noise):
    return x + _across(goal - x, noise)


def _of_length_one(x, goal, noise):
    across = _across(goal - x, noise)
    return x + across / _length(across)


def _scaled_too_early(x, goal, noise):
    way = goal - x
    return x + _across(way, noise * _length(way) / _length(noise))


def _step_only(x, goal, noise):
    return control(x, goal, noise) - x


def _from_the_goal(x, goal, noise):
    return control(x, goal, noise) - x + goal


def _one_length_for_all(x, goal, noise):
    across = _across(goal - x, noise)
    return x + across * np.linalg.norm(goal - x) / np.linalg.norm(across)


def _across_the_goal(x, goal, noise):
    across = _across(goal, noise)
    return x + across * _length(goal - x) / _length(across)


EXERCISES = (
    Exercise(
        name="patch",
        draw=_draw_patch,
        answer=patch,
        rules=(_leaves_the_rest_alone,),
        core=True,
        mistakes=(
            Mistake(
                "replaces the places of all examples in each example: with `x[:, place]` every row gets every place; "
                "index with two arrays that go together, `x[np.arange(n), place]`",
                _all_places_in_all_rows,
            ),
            Mistake(
                "replaces every token: only the one at `place` should be replaced",
                _all_tokens,
            ),
            Mistake(
                "adds the new state to the old one: a patch puts it in the old one's place",
                _added,
            ),
            Mistake(
                "replaces the token behind the right one: the place is `place`",
                _one_further,
            ),
            Mistake(
                "replaces the last token, whichever `place` says",
                _last_token,
            ),
            Mistake(
                "takes the place of the first example for all: each example has its own",
                _first_place,
            ),
            Mistake(
                "gives what comes out if nothing is replaced: does `rest` get the changed copy?",
                _unpatched,
            ),
        ),
    ),
    Exercise(
        name="outcomes",
        draw=_draw_answers,
        answer=outcomes,
        rules=(_wrong_before_left_out, _sum_to_one),
        core=True,
        mistakes=(
            Mistake(
                "counts also strings that were answered wrongly before: keep those with `before == own`",
                _of_all,
            ),
            Mistake(
                "divides by the number of all strings: divide by the number of those that were right before",
                _divided_by_all,
            ),
            Mistake(
                "takes every change for a move to the donor's task: an answer that goes elsewhere is only broken",
                _changed_is_moved,
            ),
            Mistake(
                "counts every changed answer as moved: moved are those that equal `donor`",
                _changed_and_donor,
            ),
            Mistake(
                "has the shares in another order: first moved, then stayed, then elsewhere",
                _stayed_first,
            ),
            Mistake(
                "gives numbers of strings: shares are asked for, so divide by the number that were right before",
                _counted,
            ),
        ),
    ),
    Exercise(
        name="control",
        draw=_draw_steps,
        answer=control,
        rules=(_right_angle, _same_length),
        mistakes=(
            Mistake(
                "has the right length, but goes partly along the way to the goal: take that part off before you scale",
                _any_direction,
            ),
            Mistake(
                "is at a right angle, but as long as the noise happens to be: scale it to the length of goal - x",
                _as_long_as_it_came,
            ),
            Mistake(
                "makes steps of length 1: multiply by the length of goal - x",
                _of_length_one,
            ),
            Mistake(
                "scales first and then takes a part off, which leaves the step too short: take off, then scale",
                _scaled_too_early,
            ),
            Mistake(
                "gives the step itself: add it to x, because the state where it ends is asked for",
                _step_only,
            ),
            Mistake(
                "sets out from the goal: the control sets out from x, as the patch does",
                _from_the_goal,
            ),
            Mistake(
                "uses one length for all strings: each row has its own, `np.linalg.norm(..., axis=1, keepdims=True)`",
                _one_length_for_all,
            ),
            Mistake(
                "is at a right angle to `goal`: the way goes from x to the goal, so it is goal - x",
                _across_the_goal,
            ),
        ),
    ),
)
