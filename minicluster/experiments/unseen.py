"""Where unseen instructions land, and whether the place is used (claim 4).

Claim. A new string of a known pattern lands, at the separator, among training strings of its task; where it does not,
the answer goes wrong; and the further from its task's centroid, the more so, beyond what its likeness to a training
string (edit distance) and its length already tell.

The place is then changed: the separator's state of a misplaced string is moved to the right centroid (*rescue*), of a
well-placed one to another task's (*harm*), and of both by an equally long step in a random direction. In this model the
input token may also look at the letters, so the separator need not be where the answer is read from: with a bottleneck
it must be. Both are trained. What the last block leaves at the separator is read by nothing: moving it must change no
logit at all.

Falsified if at the middle layer the nearest training string of another pattern is of the right task for fewer than
0.8 of the unseen strings, or for no more than by the bag of letters, by chance or in the untrained model; if the
margin to the centroids tells nothing of accuracy beyond edit distance and length (the partial rank correlation is not
above the 95th percentile of those that arise when accuracies are shuffled among the strings of each pattern); if in
the bottleneck rescue gains less than 0.3 of the misplaced strings' answers over the random step (in the mean over
patterns), or harm costs less; or if after the last block any logit changes. Nothing is judged of a model that answers
fewer than 0.95 of its training examples, nor a rescue of fewer than 3 strings.
"""

from dataclasses import replace

import numpy as np

from ..cluster import KNeighborsClassifier
from .measure import letter_counts, measure_end
from .patching import answer_logits, at_separator, other_tasks, random_steps
from .readers import edit_distances
from .statistics import (
    bootstrap_interval,
    by_pattern,
    correlation,
    partial_correlation,
    pattern_mean,
    rank_correlation,
    ranks,
    summary,
)
from .verdicts import unread_verdict, verdict

SMALL, SEEDS = False, 5
N_FRESH = 1000  # strings drawn, of which the different ones are used
N_HARMED = 200  # strings
N_NEIGHBOURS = 5
MARGIN_EDGES = (-1.0, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
FRESH_STREAM = 6  # of random numbers
LEAST_NEIGHBOURS, LEAST_EFFECT = 0.8, 0.3
LEARNED = 0.95  # accuracy on train
LEAST_MISPLACED = 3  # strings; the errors of fewer are an anecdote
N_SHUFFLES, BAR_QUANTILE = 500, 0.95
MOVES = ("none", "right", "other", "random")


def trainings(settings):
    """Return {name: Settings}: the plain model, and the bottleneck."""
    return {
        "plain": replace(settings, n_recordings=2),
        "bottleneck": replace(settings, n_recordings=2, bottleneck=True),
    }


def measure(trained):
    """Measure where unseen strings land, accuracy by margin, and the effect of moving the separator's state.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        What `measure_end` returns, and

        - `landing`: {measure: [share a layer]} of unseen instructions: "nearest_5" (vote of the five nearest training
          strings), "centroid" (the nearest of the tasks' centroids)
        - `cross_pattern_by_pattern`: [share a pattern] of unseen strings at the middle layer
        - `n_strings`: fresh strings, different from one another and from all training strings, that the rest is about
        - `margin`: see `margins`
        - `rescue`, `harm`: see `moved_states`, of the strings that are misplaced at the middle layer, and of up to 200
          others
        - `last_layer`: the largest change of any logit by any of these moves after the last block
    """
    setup, dataset = trained.setup, trained.dataset
    rng = np.random.default_rng([setup.seed, FRESH_STREAM])
    rows, string = fresh_rows(dataset, rng)  # n rows of m strings
    first = np.unique(string, return_index=True)[1]  # (m,) a row of each string
    strings = rows[first]
    middle = setup.settings.middle_layer
    states = trained.model.hidden_states(strings.tokens, strings.start)[middle][at_separator(strings)]  # (m, C)
    distances = to_centroids(states, trained.centroids(middle))  # (m, tasks)
    nearest = distances.argmin(axis=1)  # (m,)
    misplaced = nearest != strings.task  # (m,)
    right = answer_logits(trained.model, rows, 0).argmax(axis=1) == dataset.outputs[rows.task, rows.input]  # (n,)
    accuracy = np.bincount(string, weights=right) / np.bincount(string)  # (m,)

    well = np.flatnonzero(~misplaced)
    harmed = np.zeros(len(strings), bool)
    harmed[rng.permutation(well)[:N_HARMED]] = True
    moves = {
        name: moved_states(trained, rows[chosen[string]], nearest[string[chosen[string]]], rng)
        for name, chosen in (("rescue", misplaced), ("harm", harmed))
    }
    return {
        **measure_end(trained),
        "landing": landing_by_layer(trained),
        "cross_pattern_by_pattern": _cross_pattern_by_pattern(trained, middle),
        "n_strings": len(strings),
        "n_misplaced": int(misplaced.sum()),
        "margin": margins(trained, strings, distances, accuracy, rng),
        **{name: own for name, (own, _) in moves.items()},
        "last_layer": max(change for _, change in moves.values()),
    }


def fresh_rows(dataset, rng):
    """Draw different strings that were not trained, with the inputs that their patterns were trained with.

    Returns
    -------
    rows : Split
        n rows.
    string : (n,) int64
        The number of each row's string, 0 to m - 1.
    """
    drawn = dataset.fresh_instructions(N_FRESH, rng)
    trained = np.zeros((len(dataset.patterns), dataset.n_inputs), bool)
    trained[dataset.train.distribution, dataset.train.input] = True
    keys = np.char.add(np.char.add(drawn.instruction, " "), drawn.input.astype(str))
    once = np.zeros(len(drawn), bool)
    once[np.unique(keys, return_index=True)[1]] = True
    rows = drawn[once & trained[drawn.distribution, drawn.input]]
    return rows, np.unique(rows.instruction, return_inverse=True)[1].reshape(-1)


def to_centroids(states, centroids):
    """Return the distance of each state (m, C) from each centroid (tasks, C): (m, tasks)."""
    return np.linalg.norm(states[:, None] - centroids, axis=-1)  # (m, 1, C) - (tasks, C) -> (m, tasks)


def landing_by_layer(trained):
    """Return, for each layer, the share of unseen instructions whose task is that of the nearest training strings."""
    known, new = trained.strings["train"], trained.strings["unseen_instruction"]
    found = {"nearest_5": [], "centroid": []}
    last = trained.recordings[-1].states
    for layer, (x, unseen) in enumerate(zip(last["train"], last["unseen_instruction"])):
        vote = KNeighborsClassifier(N_NEIGHBOURS).fit(x, known.task).predict(unseen)
        found["nearest_5"].append(float((vote == new.task).mean()))
        nearest = to_centroids(unseen, trained.centroids(layer)).argmin(axis=1)
        found["centroid"].append(float((nearest == new.task).mean()))
    return found


def _cross_pattern_by_pattern(trained, layer):
    """Return the share of each pattern's unseen strings whose nearest training string of another pattern is of their
    task: [share a pattern]."""
    known, new = trained.strings["train"], trained.strings["unseen_instruction"]
    x, unseen = (trained.recordings[-1].states[name][layer] for name in ("train", "unseen_instruction"))
    right = np.empty(len(new))
    for distribution in range(len(trained.dataset.patterns)):
        others, own = known.distribution != distribution, new.distribution == distribution
        nearest = KNeighborsClassifier(1).fit(x[others], known.task[others]).predict(unseen[own])
        right[own] = nearest == new.task[own]
    return by_pattern(right, new.distribution, len(trained.dataset.patterns)).tolist()


def margins(trained, strings, distances, accuracy, rng):
    """How accuracy depends on the place, and what of it edit distance and length do not tell.

    The margin of a string is (d - o) / (d + o) for its distance o from its own task's centroid and d from the nearest
    other one: 1 at its own centroid, 0 halfway, negative if it is misplaced.

    Parameters
    ----------
    trained : Trained
    strings : Split
        m strings, one row each.
    distances : (m, tasks) array
    accuracy : (m,) array
        Of each string, over its inputs.
    rng : np.random.Generator
        Of the shuffles.

    Returns
    -------
    dict
        `edges` of bins, and for each bin `accuracy` (None if empty) and `n`; `rank_correlation` of margin and
        accuracy, `partial` what is left of it when edit distance to the nearest training string and length are taken
        out, `shuffled_bar` the 95th percentile of the same when accuracies are shuffled among the strings of each
        pattern, `well_placed` the rank correlation among the strings with a margin above 0, `edit_distance` the rank
        correlation of accuracy with that distance. None where nothing varies.
    """
    at = np.arange(len(strings))
    own = distances[at, strings.task]  # (m,)
    others = distances.copy()
    others[at, strings.task] = np.inf
    other = others.min(axis=1)  # (m,)
    margin = (other - own) / (other + own)  # (m,)
    edits = edit_distances(strings.instruction, trained.strings["train"].instruction).min(axis=1)  # (m,)
    place = np.clip(np.digitize(margin, MARGIN_EDGES) - 1, 0, len(MARGIN_EDGES) - 2)  # (m,) the bin
    bins = [accuracy[place == b] for b in range(len(MARGIN_EDGES) - 1)]
    ranked = {"margin": ranks(margin), "accuracy": ranks(accuracy), "edits": ranks(edits)}
    known = [ranked["edits"], ranks(strings.separator)]
    shuffled = [
        partial_correlation(ranked["margin"], ranked["accuracy"][shuffled_within(strings.distribution, rng)], known)
        for _ in range(N_SHUFFLES)
    ]
    shuffled = [value for value in shuffled if value is not None]
    well = margin > 0
    return {
        "edges": list(MARGIN_EDGES),
        "accuracy": [float(own.mean()) if len(own) else None for own in bins],
        "n": [len(own) for own in bins],
        "rank_correlation": correlation(ranked["margin"], ranked["accuracy"]),
        "partial": partial_correlation(ranked["margin"], ranked["accuracy"], known),
        "shuffled_bar": float(np.quantile(shuffled, BAR_QUANTILE)) if shuffled else None,
        "well_placed": rank_correlation(margin[well], accuracy[well]) if well.any() else None,
        "edit_distance": correlation(ranked["edits"], ranked["accuracy"]),
    }


def shuffled_within(groups, rng):
    """Return a random order (n,) of the rows that keeps each within its group (n,)."""
    at_random = rng.permutation(len(groups))  # (n,)
    order = np.empty(len(groups), np.int64)
    # Sorted by group, once in the given order and once in a random one, rows of a group stand in the same places.
    order[np.argsort(groups, kind="stable")] = at_random[np.argsort(groups[at_random], kind="stable")]
    return order


def moved_states(trained, rows, nearest, rng):
    """Move the separator's state at each layer and let the model answer.

    Parameters
    ----------
    trained : Trained
    rows : Split
        n examples, perhaps none.
    nearest : (n,) integers
        The task to whose centroid each row's string is nearest.
    rng : np.random.Generator

    Returns
    -------
    effects : dict or None
        None without rows. `n_rows`; for each move `right` [share a layer], answers of the own task, and for "other"
        `followed` [share a layer], answers of the task moved to. The moves: "none"; "right", to the own task's
        centroid; "other", to another task's, neither the own nor the nearest; "random", in a random direction, as far
        as to the right centroid in a rescue, to the other one in a harm. `gain` [by layer [a number a pattern]]:
        rescued minus randomly stepped, or in a harm the other way round.
    change : float
        The largest change of any logit by a move after the last block.
    """
    if not len(rows):
        return None, 0.0
    model, dataset = trained.model, trained.dataset
    other = other_tasks(rows.task, dataset.n_tasks, rng, nearest)  # (n,)
    output, other_output = dataset.outputs[rows.task, rows.input], dataset.outputs[other, rows.input]
    separator, harm = at_separator(rows), bool((nearest == rows.task).all())
    own_states = model.hidden_states(rows.tokens, rows.start)[:, separator]  # (L + 1, n, C)
    right = {move: [] for move in MOVES}
    followed, gain = [], []
    for layer, own in enumerate(own_states):
        centroids = trained.centroids(layer).astype(own.dtype)  # (tasks, C)
        goal = centroids[other if harm else rows.task]  # (n, C)
        states = {
            "right": centroids[rows.task],
            "other": centroids[other],
            "random": random_steps(own, np.linalg.norm(goal - own, axis=1), rng),
        }
        logits = {"none": answer_logits(model, rows, layer)}
        logits |= {move: answer_logits(model, rows, layer, separator, new[:, None]) for move, new in states.items()}
        answers = {move: found.argmax(axis=1) for move, found in logits.items()}
        for move in MOVES:
            right[move].append(float((answers[move] == output).mean()))
        followed.append(float((answers["other"] == other_output).mean()))
        better, worse = ("random", "other") if harm else ("right", "random")
        difference = (answers[better] == output).astype(float) - (answers[worse] == output)  # (n,)
        shares = by_pattern(difference, rows.distribution, len(dataset.patterns))
        gain.append([None if np.isnan(share) else float(share) for share in shares])
    change = max(float(np.abs(logits[move] - logits["none"]).max()) for move in MOVES)  # of the last layer
    return {"n_rows": len(rows), "right": right, "followed": followed, "gain": gain}, change


def summarise(runs):
    """Return the verdicts, and medians with ranges."""
    middle = runs[0]["plain"]["middle_layer"]

    def at_middle(name, *path):
        return [_pick(run[name], path)[middle] for run in runs]

    neighbours = at_middle("plain", "cross_pattern_1nn", "unseen_instruction")
    controls = {
        "untrained": at_middle("plain", "untrained", "cross_pattern_1nn", "unseen_instruction"),
        "bag of letters": [run["plain"]["bag_of_letters"]["cross_pattern_1nn"]["unseen_instruction"] for run in runs],
        "chance": [run["plain"]["chance_1nn"] for run in runs],
    }
    partial, bars = ([run["plain"]["margin"][key] for run in runs] for key in ("partial", "shuffled_bar"))

    def judged(name, holds):
        return [None if run[name]["accuracy"]["train"] < LEARNED else own for run, own in zip(runs, holds)]

    verdicts = [
        verdict(
            4,
            "Unseen instructions land among training instructions of their task",
            f"cross-pattern 1-NN at layer {middle} >= {LEAST_NEIGHBOURS} and above every control",
            f"cross-pattern 1-NN of unseen strings at layer {middle}",
            neighbours,
            judged(
                "plain",
                [n >= LEAST_NEIGHBOURS and n > max(own) for n, own in zip(neighbours, zip(*controls.values()))],
            ),
            controls=controls,
            interval=bootstrap_interval([run["plain"]["cross_pattern_by_pattern"] for run in runs]),
        ),
        verdict(
            4,
            "The nearer to its task's centroid, the better a new string is answered, beyond edit distance and length",
            "partial rank correlation of margin and accuracy above the 95th percentile of those of accuracies shuffled "
            "among the strings of each pattern",
            "partial rank correlation",
            partial,
            judged("plain", [None if r is None or bar is None else r > bar for r, bar in zip(partial, bars)]),
            controls={
                "95th percentile of shuffled accuracies": bars,
                "rank correlation among well-placed strings": [run["plain"]["margin"]["well_placed"] for run in runs],
                "rank correlation of edit distance": [run["plain"]["margin"]["edit_distance"] for run in runs],
            },
        ),
    ]
    for kind, what, number_is in (
        (
            "rescue",
            "Misplaced strings moved to the right centroid are answered rightly",
            "accuracy gained over a random step",
        ),
        (
            "harm",
            "Well-placed strings moved to another task's centroid are answered wrongly",
            "accuracy lost beyond a random step",
        ),
    ):
        effects = {
            name: [run[name][kind] and pattern_mean(run[name][kind]["gain"][middle]) for run in runs]
            for name in ("plain", "bottleneck")
        }  # None where there was no string to move
        enough = [kind == "harm" or run["bottleneck"]["n_misplaced"] >= LEAST_MISPLACED for run in runs]
        verdicts.append(
            verdict(
                4,
                f"{what}, in the bottleneck",
                f"at layer {middle} accuracy differs from that after a random step by >= {LEAST_EFFECT}",
                number_is,
                effects["bottleneck"],
                judged(
                    "bottleneck",
                    [
                        None if e is None or not many else e >= LEAST_EFFECT
                        for e, many in zip(effects["bottleneck"], enough)
                    ],
                ),
                controls={"the same without the bottleneck": effects["plain"]},
                interval=bootstrap_interval(
                    [
                        [np.nan if v is None else v for v in run["bottleneck"][kind]["gain"][middle]]
                        for run in runs
                        if run["bottleneck"][kind] is not None
                    ]
                ),
            )
        )
    verdicts.append(unread_verdict([max(run[name]["last_layer"] for name in ("plain", "bottleneck")) for run in runs]))
    names, layers = ("plain", "bottleneck"), range(len(runs[0]["plain"]["landing"]["centroid"]))

    def by_layer(pick):
        return [summary([pick(run, layer) for run in runs]) for layer in layers]

    def moved(name, kind, move):
        def pick(run, layer):
            effects = run[name][kind]
            if effects is None:
                return None
            return (effects["followed"] if move == "followed" else effects["right"][move])[layer]

        return by_layer(pick)

    return {
        "verdicts": verdicts,
        "middle_layer": middle,
        "landing": {
            "cross_pattern_1nn": by_layer(
                lambda run, layer: run["plain"]["cross_pattern_1nn"]["unseen_instruction"][layer]
            ),
            **{
                measure: by_layer(lambda run, layer, measure=measure: run["plain"]["landing"][measure][layer])
                for measure in ("nearest_5", "centroid")
            },
        },
        "margin": {
            "edges": list(MARGIN_EDGES),
            "accuracy": [
                summary([run["plain"]["margin"]["accuracy"][b] for run in runs]) for b in range(len(MARGIN_EDGES) - 1)
            ],
        },
        "moves": {
            name: {
                kind: {move: moved(name, kind, move) for move in (*MOVES, "followed")} for kind in ("rescue", "harm")
            }
            for name in names
        },
    }


def _pick(value, path):
    for key in path:
        value = value[key]
    return value


def table(results):
    """Return the plotted numbers: a header and rows, those of "margin" being accuracies in bins of margin."""
    landed = ("cross_pattern_1nn", "nearest_5", "centroid")
    header = ("seed", "training", "layer", *landed, "strings", "move", "share_right", "share_followed")
    rows = []
    for run in results["runs"]:
        for name in ("plain", "bottleneck"):
            own = run[name]
            for layer in range(len(own["landing"]["centroid"])):
                shares = (
                    own["cross_pattern_1nn"]["unseen_instruction"][layer],
                    own["landing"]["nearest_5"][layer],
                    own["landing"]["centroid"][layer],
                )
                for kind in ("rescue", "harm"):
                    for move in MOVES if own[kind] is not None else ():
                        share = own[kind]["right"][move][layer]
                        followed = own[kind]["followed"][layer] if move == "other" else None
                        rows.append((run["seed"], name, layer, *shares, kind, move, share, followed))
            edges = own["margin"]["edges"]
            for low, high, accuracy in zip(edges, edges[1:], own["margin"]["accuracy"]):
                bounds = f"{low:g} to {high:g}"
                rows.append((run["seed"], name, own["middle_layer"], *3 * (None,), "margin", bounds, accuracy, None))
    return header, rows
