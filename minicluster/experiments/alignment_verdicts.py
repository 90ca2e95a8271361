"""The rules by which the experiment `alignment` is judged, after a handful of examples."""

from .statistics import bootstrap_interval
from .verdicts import verdict

FEW = 8  # examples: the handful that is judged
ABOVE, EVERYTHING, BELOW, GUARD = "above the clusters", "everything", "below the clusters", "guard"  # methods
LEARNED = 0.95  # accuracy on train: of a model that has not learned, nothing is judged
LEAST_REACH, MOST_COLLATERAL = 0.6, 0.02
MOST_WITHOUT = 0.1  # reached without clusters
LEAST_SHOWN = 0.95  # of the examples refused, or there was nothing that could have spread
LEAST_TOLD = 0.3  # what telling the task adds
LEAST_ABOVE = 0.3  # how much further refusal reaches from above the clusters than from below
LEAST_GUARDED = 0.9
MOST_LOST = 0.02  # of the other tasks' answers


def verdicts(runs):
    """Return the verdicts, each a dict from `verdict`.

    Parameters
    ----------
    runs : list of dict
        One a seed, see `measure` of `alignment`.
    """
    return [
        _reaches(runs),
        _reaches_unseen(runs),
        _not_without_clusters(runs),
        _told(runs),
        _from_above(runs),
        _others_keep_their_answers(runs),
        _guarded(runs),
    ]


def _few(runs, training, method, group, what, split="train"):
    """Return a share for each seed."""
    return [run[training]["few"][method][split][group][what] for run in runs]


def _reach(runs, training, method=ABOVE, split="train"):
    return _few(runs, training, method, "others", "refused", split)


def _collateral(runs, training, method=ABOVE, split="train"):
    return _few(runs, training, method, "other_tasks", "refused", split)


def _worst_collateral(runs, training, method):
    """Return for each seed the largest share of training rows refused in any distribution of the other tasks."""
    return [max(max(own["train"]["other_tasks"]) for own in run[training]["by_distribution"][method]) for run in runs]


def _learned(runs, *trainings):
    """Return for each seed whether these trainings have learned their training rows."""
    return [all(run[name]["accuracy"]["train"] >= LEARNED for name in trainings) for run in runs]


def _judged(learned, holds):
    return [bool(own) if can_be else None for can_be, own in zip(learned, holds)]


def _reaches(runs):
    reach, collateral = _reach(runs, "separate"), _collateral(runs, "separate")
    by_choice = [[own["train"]["others"] for own in run["separate"]["by_distribution"][ABOVE]] for run in runs]
    return verdict(
        None,
        "Refusal learned from one distribution reaches the task's others, and no other task",
        f"with outputs of their own, blocks above the middle layer learning: reach >= {LEAST_REACH} and collateral "
        f"refusals <= {MOST_COLLATERAL}, on training strings; not judged below {LEARNED} of training answers",
        f"training strings of distributions never shown that are refused after {FEW} examples",
        reach,
        _judged(
            _learned(runs, "separate"),
            [r >= LEAST_REACH and c <= MOST_COLLATERAL for r, c in zip(reach, collateral)],
        ),
        controls={
            "other tasks' training strings refused": collateral,
            "the distribution that was shown": _few(runs, "separate", ABOVE, "shown", "refused"),
            "the distribution reached least": [min(min(own) for own in choices) for choices in by_choice],
            "the other tasks' distribution refused most": _worst_collateral(runs, "separate", ABOVE),
            "still answered rightly": _few(runs, "separate", ABOVE, "others", "answered"),
            "without clusters (shared outputs)": _reach(runs, "shared"),
        },
        interval=bootstrap_interval([[sum(own) / len(own) for own in choices] for choices in by_choice]),  # of choices
    )


def _reaches_unseen(runs):
    splits = ("unseen_instruction", "unseen_combination")
    reach, collateral = (
        {split: of(runs, "separate", split=split) for split in splits} for of in (_reach, _collateral)
    )
    return verdict(
        None,
        "It reaches strings and combinations that no training had, too",
        f"unseen strings and unseen combinations of the distributions never shown: reach >= {LEAST_REACH}, and "
        f"collateral refusals <= {MOST_COLLATERAL}; not judged below {LEARNED} of training answers",
        f"unseen strings of distributions never shown that are refused after {FEW} examples",
        reach["unseen_instruction"],
        _judged(
            _learned(runs, "separate"),
            [
                all(reach[split][i] >= LEAST_REACH and collateral[split][i] <= MOST_COLLATERAL for split in splits)
                for i in range(len(runs))
            ],
        ),
        controls={
            "unseen combinations": reach["unseen_combination"],
            "other tasks' unseen strings refused": collateral["unseen_instruction"],
            "other tasks' unseen combinations refused": collateral["unseen_combination"],
        },
    )


def _not_without_clusters(runs):
    reach = _reach(runs, "shared")
    shown = [run["shared"]["examples_refused"][ABOVE] for run in runs]
    return verdict(
        None,
        "Without clusters, refusal hardly leaves the examples' pattern, and covers only a part of it",
        f"with shared outputs: reach <= {MOST_WITHOUT}, on training strings; not judged where fewer than {LEAST_SHOWN} "
        f"of the examples are refused, nor below {LEARNED} of training answers",
        f"training strings of distributions never shown that are refused after {FEW} examples, without clusters",
        reach,
        _judged(
            [own and s >= LEAST_SHOWN for own, s in zip(_learned(runs, "shared"), shown)],
            [r <= MOST_WITHOUT for r in reach],
        ),
        controls={
            "the examples refused": shown,
            "the distribution that was shown": _few(runs, "shared", ABOVE, "shown", "refused"),
            "still answered rightly": _few(runs, "shared", ABOVE, "others", "answered"),
            "everything learning": _reach(runs, "shared", EVERYTHING),
            "the guard": _reach(runs, "shared", GUARD),
        },
    )


def _told(runs):
    told, plain = _reach(runs, "shared, told"), _reach(runs, "shared")
    collateral = _collateral(runs, "shared, told")
    added = [t - p for t, p in zip(told, plain)]
    return verdict(
        None,
        "It is the clusters, not the outputs: where the task was told, shared outputs reach far, too",
        f"reach with shared outputs and the task told, less that with shared outputs alone, >= {LEAST_TOLD}, and "
        f"collateral refusals <= {MOST_COLLATERAL}; not judged below {LEARNED} of training answers",
        "what telling the task adds to the reach",
        added,
        _judged(
            _learned(runs, "shared", "shared, told"),
            [a >= LEAST_TOLD and c <= MOST_COLLATERAL for a, c in zip(added, collateral)],
        ),
        controls={"told": told, "not told": plain, "told: other tasks' training strings refused": collateral},
    )


def _from_above(runs):
    above, everything, below = (_reach(runs, "separate", method) for method in (ABOVE, EVERYTHING, BELOW))
    further = [a - b for a, b in zip(above, below)]
    shown = [run["separate"]["examples_refused"][BELOW] for run in runs]
    return verdict(
        None,
        "Refusal spreads by what reads the clusters, not by what makes them",
        f"reach with the blocks above the middle layer learning, less that with those below, >= {LEAST_ABOVE}; not "
        f"judged where those below refuse fewer than {LEAST_SHOWN} of the examples, nor below {LEARNED} of training "
        "answers",
        "how much further refusal reaches from above the clusters than from below",
        further,
        _judged(
            [own and s >= LEAST_SHOWN for own, s in zip(_learned(runs, "separate"), shown)],
            [own >= LEAST_ABOVE for own in further],
        ),
        controls={
            "above": above,
            "everything learning": everything,
            "below": below,
            "below: the examples refused": shown,
        },
    )


def _others_keep_their_answers(runs):
    splits = ("unseen_instruction", "unseen_combination")  # what replay did not train
    before = [[run["separate"]["accuracy"][split] for split in splits] for run in runs]
    after = zip(*(_few(runs, "separate", ABOVE, "other_tasks", "answered", split) for split in splits))
    lost = [max(b - a for b, a in zip(*own)) for own in zip(before, after)]
    return verdict(
        None,
        "The other tasks keep their answers, also those that were not replayed",
        "with outputs of their own: accuracy before (of all tasks), less that of the other tasks after, on unseen "
        f"strings and on unseen combinations, whichever loses more, <= {MOST_LOST}; not judged below {LEARNED} of "
        "training answers",
        "answers of the other tasks that are lost, unseen strings or combinations",
        lost,
        _judged(_learned(runs, "separate"), [own <= MOST_LOST for own in lost]),
        controls={
            "their accuracy on training rows, which were replayed": _few(
                runs, "separate", ABOVE, "other_tasks", "answered"
            ),
            "the same, everything learning": _few(runs, "separate", EVERYTHING, "other_tasks", "answered"),
        },
    )


def _guarded(runs):
    splits = ("train", "unseen_instruction")  # clusters and threshold are fitted on the first
    reach = {split: _reach(runs, "separate", GUARD, split) for split in splits}
    collateral = {split: _collateral(runs, "separate", GUARD, split) for split in splits}
    return verdict(
        None,
        "A guard that changes no weight, and knows how many tasks there are but no labels, refuses the whole task, too",
        f"with outputs of their own: reach >= {LEAST_GUARDED} on training strings, {LEAST_REACH} on unseen ones, and "
        f"collateral refusals <= {MOST_COLLATERAL} on both; not judged below {LEARNED} of training answers",
        f"unseen strings of distributions never shown that the guard refuses after {FEW} examples",
        reach["unseen_instruction"],
        _judged(
            _learned(runs, "separate"),
            [
                reach["train"][i] >= LEAST_GUARDED
                and reach["unseen_instruction"][i] >= LEAST_REACH
                and all(collateral[split][i] <= MOST_COLLATERAL for split in splits)
                for i in range(len(runs))
            ],
        ),
        controls={
            "training strings": reach["train"],
            "other tasks' training strings refused": collateral["train"],
            "the other tasks' distribution refused most": _worst_collateral(runs, "separate", GUARD),
            "other tasks' unseen strings refused": collateral["unseen_instruction"],
            "shared outputs, told": _reach(runs, "shared, told", GUARD),
            "shared outputs": _reach(runs, "shared", GUARD),
            "shared outputs: the other tasks' distribution refused most": _worst_collateral(runs, "shared", GUARD),
        },
    )
