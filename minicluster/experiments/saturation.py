"""Does clustering saturate when validation loss is lowest (claim 3)?

Claim. Clustering by task stops rising at the step where the loss on unseen instructions is lowest, the step at which
early stopping would end the training.

Any two curves that rise while a model learns look aligned, so learning rate, strings per pattern and number of tasks
vary over nine trainings by the orthogonal array L9: three levels each, every two factors balanced against one another.
The times are compared over these runs, with what the training loss's own time tells of both taken away.

Definitions, fixed beforehand. Every curve is recorded at the same steps, 14 % apart, so no time is known better.
t_cluster: the first recorded step at which ARI (k-means, k = tasks, training strings at the separator, layer 3),
smoothed by a running median of three recordings, is at least 95 % of its last value. t_train: the first at which the
training loss, smoothed likewise, has made 95 % of its fall. t_validation: from the end of the warm-up on, a recording
is the best so far if its loss on unseen instructions is 5 % below that of the best before; once four recordings in a
row were not (the step has grown by two thirds by then), the search stops, and the best is the minimum. Where the
training ends first, the minimum may lie later: such a run is counted as censored and left out of the comparison.

The learning rate falls towards the end of each training, which flattens all curves there. All runs are as long as one
another and meant to saturate well before, and `late` counts those with t_cluster or t_validation in the last third,
when the rate is about a third of its peak or less: these tell of the schedule as much as of learning.

With 30 strings a pattern the loss on unseen ones fell to the end and had no minimum, so there are at most 16; with a
learning rate of 3e-3 it jumped from one recording to the next, so that is at most 2.2e-3. Both were seen on seeds
90 and 91.

A minimum is a stricter mark than 95 % of the way, so even curves that mirror one another do not reach both at once.
Like is compared with like by t_validation_fall, the first step at which the loss on unseen instructions, smoothed, has
made 95 % of its fall to its lowest; it decides nothing.

Falsified if in any seed fewer than two thirds of the runs with a minimum have t_cluster and t_validation within a
factor of 2, or no more than among pairs of one run's t_cluster and another's t_validation; or if of all runs fewer
than two thirds even may have (leaving out runs without a minimum would flatter the claim); or if with log t_train
partialled out the correlation of the times' logarithms is no higher than the 95th percentile of those that arise when
validation times are dealt to other runs (2000 shuffles). Neither is judged if fewer than six of the nine runs have a
minimum. Dissociation: with all outputs shared, training accuracy reaches 0.95 while ARI stays below 0.5; if it does
not, clusters come with learning whatever is learned.

Sources: Taguchi 1987, System of experimental design, for L9; Freedman & Lane 1983, A nonstochastic interpretation of
reported significance levels, for shuffles of what the other variable leaves; Prechelt 1998, Early stopping: but when?
"""

from dataclasses import replace

import numpy as np

from ..cluster import adjusted_rand_score
from .measure import cluster
from .statistics import correlation, partial_correlation, summary
from .verdicts import verdict

SMALL, SEEDS = True, 2
LAYER = 3
LONGER = 4 / 3  # than the settings say: there, validation loss is often still falling
N_RECORDINGS = 36
LEARNING_RATES, N_INSTRUCTIONS, N_TASKS = (1e-3, 1.5e-3, 2.2e-3), (6, 10, 16), (4, 6, 9)
# Levels of the three factors in each run; any two columns hold every pair of levels once.
L9 = ((0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 0, 1), (1, 1, 2), (1, 2, 0), (2, 0, 2), (2, 1, 0), (2, 2, 1))
SHARED = "all outputs shared"
TIMES = ("t_cluster", "t_validation", "t_train", "t_validation_fall")

SATURATED = 0.95  # of the final value, or of the fall
SMOOTHED_OVER = 3  # recordings
MIN_GAIN, PATIENCE = 0.05, 4  # relative to the best so far; recordings
LATE = 2 / 3  # of the training

FACTOR = 2
ROUNDING = 1e-9  # equal but for rounding
LEAST_SHARE_WITHIN = 2 / 3  # of the runs
LEAST_JUDGED = 6  # runs of a seed
N_SHUFFLES, BAR_QUANTILE = 2000, 0.95
LEAST_ACCURACY, MOST_ARI = 0.95, 0.5


def trainings(settings):
    """Return {name: Settings}: the nine runs, and one with all outputs shared."""
    runs, base = {}, replace(settings, steps=round(LONGER * settings.steps), n_recordings=N_RECORDINGS)
    for number, (a, b, c) in enumerate(L9, start=1):
        levels = {"lr": LEARNING_RATES[a], "n_instructions": N_INSTRUCTIONS[b], "n_tasks": N_TASKS[c]}
        runs[f"run {number}"] = replace(base, **levels)
    return runs | {SHARED: replace(base, share=base.n_tasks)}


def measure(trained):
    """Return the factors' levels, the curves and the three times of one training.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        `lr`, `n_instructions`, `n_tasks`, `share`; `steps`, `ari`, `train_loss`, `validation_loss`, `train_accuracy`:
        [value a recording]; `t_cluster`, `t_validation`, `t_train`, `t_validation_fall` in steps, None where there is
        none; `censored`: whether the training ended before patience did.
    """
    settings, recordings, tasks = trained.settings, trained.recordings, trained.strings["train"].task
    ari = []
    for recording in recordings:
        states = recording.states["train"][LAYER]  # (strings, C)
        ari.append(adjusted_rand_score(tasks, cluster(trained.setup, states, states)[0]))
    steps = [recording.step for recording in recordings]
    train_loss, validation_loss = (
        [recording.loss[split] for recording in recordings] for split in ("train", "unseen_instruction")
    )
    warmed_up = min(settings.warmup, settings.steps // 2)  # as the training itself does
    t_validation, censored = lowest_with_patience(steps, validation_loss, warmed_up)
    return {
        **{name: getattr(settings, name) for name in ("lr", "n_instructions", "n_tasks", "share")},
        "steps": steps,
        "ari": ari,
        "train_loss": train_loss,
        "validation_loss": validation_loss,
        "train_accuracy": [recording.accuracy["train"] for recording in recordings],
        "t_cluster": saturation_step(steps, ari),
        "t_validation": t_validation,
        "t_train": fall_step(steps, train_loss),
        "t_validation_fall": fall_step(steps, validation_loss),
        "censored": censored,
    }


def smoothed(curve):
    """Return the running median of three of a curve (n,): (n,), where the ends count twice."""
    around = np.pad(np.asarray(curve, float), SMOOTHED_OVER // 2, mode="edge")  # (n + 2,)
    return np.median(np.lib.stride_tricks.sliding_window_view(around, SMOOTHED_OVER), axis=1)


def saturation_step(steps, curve):
    """Return the first of the steps (n,) at which a rising curve (n,) is at 95 % of its last value.

    Returns
    -------
    int or None
        None if it is so from the first recording on: then nothing rose, and a time of 0 has no logarithm.
    """
    curve = smoothed(curve)
    return _first(steps, curve >= SATURATED * curve[-1]) if curve[-1] > 0 else None


def fall_step(steps, curve):
    """Return the first of the steps (n,) at which a falling curve (n,) made 95 % of its fall to its lowest, or None."""
    curve = smoothed(curve)
    fall = curve[0] - curve.min()
    return _first(steps, curve[0] - curve >= SATURATED * fall) if fall > 0 else None


def _first(steps, reached):
    """Return the first step that reached something, None if it is that of the untrained model."""
    return steps[int(np.argmax(reached))] or None


def lowest_with_patience(steps, losses, first_step=0):
    """Find the minimum that early stopping would find.

    Parameters
    ----------
    steps : list of int
    losses : list of float
        One a step.
    first_step : int
        Recordings before this step are not judged.

    Returns
    -------
    step : int
        Of the last recording that was lower than the one before that counted, by MIN_GAIN of it.
    censored : bool
        Whether the recordings ended before PATIENCE of them in a row brought no such gain.
    """
    judged = [(step, loss) for step, loss in zip(steps, losses) if step >= first_step]
    (best_step, best), waited = judged[0], 0
    for step, loss in judged[1:]:
        if loss <= best * (1 - MIN_GAIN):
            best_step, best, waited = step, loss, 0
            continue
        waited += 1
        if waited == PATIENCE:
            return best_step, False
    return best_step, True


def compare(runs, seed=0):
    """Compare the times of runs.

    Parameters
    ----------
    runs : list of list of dict
        From `measure`, one list a seed; times are dealt to other runs within it only.
    seed : int
        Of the shuffles.

    Returns
    -------
    dict
        - `n`: runs with all times and a minimum, which all that follows is of; `censored`: runs without a minimum;
          `late`: those of the n with t_cluster or t_validation in the last third of the training
        - `correlation`, `partial_correlation` of log t_cluster and log t_validation; `correlation_train` of
          log t_cluster and log t_train; `partial_correlation_fall`, with log t_validation_fall for log t_validation
        - `shuffled_bar`, `shuffled_p`: of the partial correlation when validation times are dealt anew
        - `ratio`, `ratio_train`, `ratio_fall` of t_cluster to t_validation, t_train, t_validation_fall: see `summary`
        - `within`: share of runs with t_cluster and t_validation within a factor of 2; `shuffled_within`: of the pairs
          of one run's t_cluster and the t_validation of another of the same seed; `within_at_most`: share of all runs
          with a t_cluster, those without a minimum by their lowest loss so far, since the minimum can only be later

        Values are None where there are too few runs or nothing varies.
    """
    judged = [[run for run in own if _complete(run)] for own in runs]
    every = [run for own in judged for run in own]
    c, v, t, fall = (np.log([run[name] for run in every]) for name in TIMES)  # (n,) each
    found = {
        "n": len(every),
        "censored": sum(run["censored"] for own in runs for run in own),
        "late": sum(max(run["t_cluster"], run["t_validation"]) > LATE * run["steps"][-1] for run in every),
        "ratio": summary(np.exp(c - v).tolist()),
        "ratio_train": summary(np.exp(c - t).tolist()),
        "ratio_fall": summary(np.exp(c - fall).tolist()),
        "within": _share_within(c - v),
        "within_at_most": _share_within(_gaps_at_least([run for own in runs for run in own if run["t_cluster"]])),
        "shuffled_within": _share_within(_gaps_to_others(judged)),
    }
    names = ("correlation", "partial_correlation", "correlation_train", "partial_correlation_fall")
    if len(every) < LEAST_JUDGED:
        return found | dict.fromkeys((*names, "shuffled_bar", "shuffled_p"))
    partial = partial_correlation(c, v, [t])
    correlations = (correlation(c, v), partial, correlation(c, t), partial_correlation(c, fall, [t]))
    bar, p = _shuffled(c, v, t, [len(own) for own in judged], partial, seed)
    return found | dict(zip(names, correlations)) | {"shuffled_bar": bar, "shuffled_p": p}


def _complete(run):
    return not run["censored"] and None not in [run[name] for name in TIMES]


def _gaps_at_least(runs):
    """Return log t_cluster less log t_validation (n,), where a minimum still to come may close what is above 0."""
    gaps = np.array([np.log(run["t_cluster"] / run["t_validation"]) for run in runs])  # (n,)
    return np.where([run["censored"] for run in runs], np.minimum(gaps, 0), gaps)


def _gaps_to_others(runs):
    """Return the differences of log t_cluster of a run and log t_validation of the others of its seed: (pairs,)."""
    gaps = []
    for own in runs:
        c, v = (np.log([run[name] for run in own]) for name in ("t_cluster", "t_validation"))  # (n,) each
        gaps.append(np.subtract.outer(c, v)[~np.eye(len(own), dtype=bool)])  # (n * (n - 1),)
    return np.concatenate(gaps)


def _share_within(gaps):
    """Return the share of differences of logarithms (n,) that are a factor of FACTOR at most; None of none."""
    return float(np.mean(np.abs(gaps) <= np.log(FACTOR) + ROUNDING)) if len(gaps) else None


def _shuffled(c, v, t, sizes, partial, seed):
    """Return the 95th percentile of shuffled partial correlations, and the share at least as high as the real one.

    What t leaves of v is dealt to other runs, not v itself: so runs stay as they are in all that t tells.
    """
    if partial is None:
        return None, None
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(len(t)), t])  # (n, 2)
    rest = v - design @ np.linalg.lstsq(design, v, rcond=None)[0]  # (n,)
    groups = np.split(np.arange(len(v)), np.cumsum(sizes)[:-1])
    draws = np.empty(N_SHUFFLES)
    for draw in range(N_SHUFFLES):
        dealt = np.concatenate([rng.permutation(group) for group in groups])
        draws[draw] = partial_correlation(c, rest[dealt], [t]) or 0
    # The real order is one of the possible ones, so p is never 0: Davison & Hinkley 1997, section 4.2.
    return float(np.quantile(draws, BAR_QUANTILE)), float((1 + np.sum(draws >= partial - ROUNDING)) / (1 + N_SHUFFLES))


def summarise(runs):
    """Return the verdicts, the comparison of each seed's times (`by_seed`) and of all (`over_all`), and the rest."""
    names = [f"run {number}" for number in range(1, len(L9) + 1)]
    nine = [[run[name] for name in names] for run in runs]
    by_seed = [compare([own]) for own in nine]
    shared = [run[SHARED] for run in runs]
    accuracy, ari = [run["train_accuracy"][-1] for run in shared], [run["ari"][-1] for run in shared]

    def each(key):
        return [own[key] for own in by_seed]

    def judged(rule):
        return [rule(own) if own["n"] >= LEAST_JUDGED else None for own in by_seed]

    verdicts = [
        verdict(
            3,
            "Clustering saturates where the loss on unseen instructions reaches its minimum",
            f"t_cluster and t_validation within a factor of {FACTOR} in 2/3 of the runs with a minimum, more than in "
            "other pairs; and possibly in 2/3 of all runs, where one without a minimum counts if it may come later",
            f"share of runs with both times within a factor of {FACTOR}",
            each("within"),
            judged(
                lambda own: min(own["within"], own["within_at_most"]) >= LEAST_SHARE_WITHIN
                and own["within"] >= own["shuffled_within"] + ROUNDING
            ),
            controls={
                "t_cluster of a run and t_validation of another": each("shuffled_within"),
                "the same share at most, runs without a minimum included": each("within_at_most"),
                "t_cluster / t_validation, median": [own["ratio"]["median"] for own in by_seed],
                "t_cluster / t_validation_fall, median": [own["ratio_fall"]["median"] for own in by_seed],
                "t_cluster / t_train, median": [own["ratio_train"]["median"] for own in by_seed],
                "runs without a minimum, of nine": each("censored"),
            },
        ),
        verdict(
            3,
            "Runs whose validation loss reaches its minimum later saturate later, beyond what training loss tells",
            "partial correlation of log t_cluster and log t_validation above the 95th percentile of shuffled runs",
            "correlation of the log-times with the training loss's log-time partialled out",
            each("partial_correlation"),
            judged(
                lambda own: None
                if own["partial_correlation"] is None
                else own["partial_correlation"] > own["shuffled_bar"]
            ),
            controls={
                "95th percentile when validation times are dealt to other runs": each("shuffled_bar"),
                "plain correlation": each("correlation"),
                "correlation of log t_cluster and log t_train": each("correlation_train"),
                "partial correlation with log t_validation_fall": each("partial_correlation_fall"),
            },
        ),
        verdict(
            3,
            "Clusters do not come with any learning: with all outputs shared, strings are learned without them",
            f"all outputs shared: train accuracy at least {LEAST_ACCURACY}, ARI at layer {LAYER} below {MOST_ARI}",
            f"ARI at layer {LAYER}, all outputs shared",
            ari,
            [a >= LEAST_ACCURACY and b < MOST_ARI for a, b in zip(accuracy, ari)],
            controls={
                "train accuracy, all outputs shared": accuracy,
                "lowest ARI of the nine runs without shared outputs": [min(r["ari"][-1] for r in own) for own in nine],
            },
        ),
    ]
    return {"verdicts": verdicts, "layer": LAYER, "by_seed": by_seed, "over_all": compare(nine)}


def table(results):
    """Return the plotted numbers: a header and rows, one a recording."""
    factors, times = ("lr", "n_instructions", "n_tasks", "share"), (*TIMES, "censored")
    curves = ("steps", "ari", "train_loss", "validation_loss", "train_accuracy")
    rows = []
    for run in results["runs"]:
        for name, measured in run.items():
            if name == "seed":
                continue
            alike = [measured[key] for key in (*factors, *times)]
            rows += [(run["seed"], name, *alike, *values) for values in zip(*(measured[key] for key in curves))]
    return ("seed", "training", *factors, *times, "step", *curves[1:]), rows
