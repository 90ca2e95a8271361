"""What becomes of clusters by what is asked for at the last token before the answer, which has to know the answer.

The scatter of states about their mean is that between attributes (what is asked for) and that within them; the latter
again is that between the answers of one attribute and that within answers. The shares of all of it sum to 1: when that
between attributes falls, that between answers rises even if answers are no further apart, as against what else varies.
So it is taken as a share of the scatter within attributes.

Rows with the same answer are often about the same place, and places separate, too. Therefore only rows count whose
answer is also that of another place, and the same share is taken of answers dealt at random among the places.
"""

import numpy as np

from ..cluster import adjusted_rand_score, regrouping_null
from .geometry import NOTHING, scatter
from .measure import BAR_QUANTILE, cluster
from .verdicts import verdict

LAST = "train_input"  # the recorded states of the last token
LEAST_FALL, LEAST_RISE, LEAST_LEAD = 0.2, 0.2, 0.2
DEAL_STREAM = 7  # of random numbers
MEASURES = ("ari", "between_attributes", "between_answers", "dealt_answers")
WITHIN = {"answers_within": "between_answers", "dealt_within": "dealt_answers"}  # of the scatter within attributes
CURVES = (*MEASURES, *WITHIN)
HISTORY = {  # of the last layer
    "ari_best": "ARI at its best step",
    "null_at_best": "regrouping null, 99 %, at that step",
    "ari_end": "ARI at the last step",
    "attributes_most": "scatter between attributes, at its largest",
    "attributes_end": "scatter between attributes, last step",
    "answers_then": "of that within, between answers, when that between attributes is largest",
    "answers_end": "of that within, between answers, last step",
    "dealt_end": "of that within, between answers dealt at random, last step",
}


def clusters(trained, layers):
    """Return the labels (n,) of k = tasks clusters in each layer's states (L + 1, n, C)."""
    return [cluster(trained.setup, states, states[:1])[0] for states in layers]


def last_token(trained):
    """Measure the states of the last token before the answer, of training questions about places at random.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        `ari` [[value a layer] a step] with the tasks; `between_attributes`, `between_answers`, `dealt_answers`, the
        same of shares of the scatter: see `scatter_shares`, of the questions whose answer is also that of another
        place, and with answers dealt at random among each task's places; `regrouping_null_99` [value a step] of the
        last layer's ARI.
    """
    dataset, strings, seed = trained.dataset, trained.strings["train"], trained.setup.seed
    pattern_tasks = np.arange(len(dataset.patterns)) // dataset.n_distributions  # (patterns,)
    rows = strings[shared_answers(strings)]
    dealt = deal_answers(rows, np.random.default_rng([seed, DEAL_STREAM]))  # (rows,)
    found = {name: [] for name in (*MEASURES, "regrouping_null_99")}
    for recording in trained.recordings:
        layers = recording.states[LAST]  # (L + 1, strings, C)
        labels = clusters(trained, layers)
        found["ari"].append([adjusted_rand_score(strings.task, own) for own in labels])
        null = regrouping_null(labels[-1], strings.distribution, pattern_tasks, seed=seed)
        found["regrouping_null_99"].append(float(np.quantile(null, BAR_QUANTILE)))
        of_rows = layers[:, shared_answers(strings)]  # (L + 1, rows, C)
        shares = [scatter_shares(states, rows.task, answers(rows)) for states in of_rows]
        found["between_attributes"].append([between for between, _ in shares])
        found["between_answers"].append([within for _, within in shares])
        found["dealt_answers"].append([scatter_shares(states, rows.task, dealt)[1] for states in of_rows])
    return found


def first_tokens(split):
    """Return the first token of each row's answer: (n,) int64. More the last token before it need not know."""
    return split.targets[np.arange(len(split)), split.asked]


def answers(split):
    """Number the answers of each task, by their first token: (n,) int64, different ones in different tasks."""
    return np.unique([split.task, first_tokens(split)], axis=1, return_inverse=True)[1].reshape(-1)


def shared_answers(split):
    """Return which rows have an answer that another place in the split has for the same task, too: (n,) bool."""
    answer_of = answers(split)
    pairs = np.unique([answer_of, split.input], axis=1)  # (2, pairs)
    return np.bincount(pairs[0])[answer_of] > 1


def deal_answers(split, rng):
    """Return the answers (n,), numbered as `answers` does, dealt at random among the places of each task."""
    dealt, answer_of = np.empty(len(split), np.int64), answers(split)
    for task in np.unique(split.task):
        rows = np.flatnonzero(split.task == task)
        _, first, place = np.unique(split.input[rows], return_index=True, return_inverse=True)
        dealt[rows] = rng.permutation(answer_of[rows[first]])[place]
    return dealt


def scatter_shares(states, task, answer_of):
    """Return which share of the scatter lies between tasks, and which between the answers of one task.

    Parameters
    ----------
    states : (n, C) array
    task, answer_of : (n,) integer arrays
        No answer in two tasks.

    Returns
    -------
    between_tasks, between_answers : floats or None
        What is left of 1 lies within answers. None where nothing varies, or a state is not finite.
    """
    x = np.asarray(states, np.float64)
    if not len(x) or not np.isfinite(x).all():
        return None, None
    within_tasks, between_tasks = scatter(x, task)
    within_answers, _ = scatter(x, answer_of)
    total = within_tasks + between_tasks
    if total <= NOTHING * (x**2).sum(axis=1).mean():
        return None, None
    return between_tasks / total, (within_tasks - within_answers) / total


def with_shares_within(last):
    """Add how much of the scatter within attributes lies between the answers of one attribute.

    Parameters
    ----------
    last : dict
        From `last_token`.

    Returns
    -------
    dict
        The same, and `answers_within`, `dealt_within` [[value a layer] a step]: `between_answers` and `dealt_answers`
        as shares of what `between_attributes` leaves of 1; None where nothing is left.
    """
    within = {
        name: [
            [_share_of_rest(own, between) for own, between in zip(*layers)]
            for layers in zip(last[of_all], last["between_attributes"])
        ]
        for name, of_all in WITHIN.items()
    }
    return {**last, **within}


def _share_of_rest(own, between):
    """Return a share of all as a share of what another leaves of 1, or None."""
    return None if own is None or between is None or 1 - between <= NOTHING else own / (1 - between)


def dissolving_verdict(measured, learned, where):
    """Return the verdict on the last layer's clusters at the last token.

    Parameters
    ----------
    measured : list of dict
        One a seed, of one training, with `last_token`'s dict at `by_step`, `last`.
    learned : list of bool
        Whether a seed is judged.
    where : str
        Where the place stands, for the statement.

    Returns
    -------
    dict
        See `verdict`.
    """
    found = [last_layer_history(own["by_step"]["last"]) for own in measured]
    return verdict(
        6,
        f"At the last token, {where}, clusters by what is asked for appear, and dissolve as answers that several "
        "places share separate",
        f"in the last layer ARI is at some step above the regrouping null and >= {LEAST_FALL} above the last step's; "
        f"from the step with most scatter between attributes to the last one that share falls by >= {LEAST_FALL}, and "
        f"of the scatter within attributes the share between answers rises by >= {LEAST_RISE}, to >= {LEAST_LEAD} "
        "above that of answers dealt at random",
        "fall in ARI, last layer",
        [own["ari_best"] - own["ari_end"] for own in found],
        [dissolves(own) if judged else None for own, judged in zip(found, learned)],
        controls={label: [own[key] for own in found] for key, label in HISTORY.items()},
    )


def last_layer_history(last):
    """Return what the last layer's numbers were at the decisive steps.

    Parameters
    ----------
    last : dict
        From `last_token`.

    Returns
    -------
    dict
        The keys of HISTORY, with numbers, or None where nothing varied.
    """
    last = with_shares_within(last)
    curves = {name: [layers[-1] for layers in last[name]] for name in CURVES}
    best = int(np.argmax(curves["ari"]))
    shares = [-1 if share is None else share for share in curves["between_attributes"]]
    most = int(np.argmax(shares))
    return {
        "ari_best": curves["ari"][best],
        "null_at_best": last["regrouping_null_99"][best],
        "ari_end": curves["ari"][-1],
        "attributes_most": curves["between_attributes"][most],
        "attributes_end": curves["between_attributes"][-1],
        "answers_then": curves["answers_within"][most],
        "answers_end": curves["answers_within"][-1],
        "dealt_end": curves["dealt_within"][-1],
    }


def dissolves(own):
    """Return whether clusters came and went and answers separated, from `last_layer_history`; None if not measured."""
    if None in own.values():
        return None
    appeared = own["ari_best"] > own["null_at_best"]
    falls = own["ari_best"] - own["ari_end"], own["attributes_most"] - own["attributes_end"]
    rises, leads = own["answers_end"] - own["answers_then"], own["answers_end"] - own["dealt_end"]
    return appeared and min(falls) >= LEAST_FALL and rises >= LEAST_RISE and leads >= LEAST_LEAD
