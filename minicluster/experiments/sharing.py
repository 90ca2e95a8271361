"""Shared outputs: where clusters don't form, generalisation fails.

With outputs of its own, an answer gives its task away, and the training's targets imply the task. The more tasks answer
with the same words, the less they do: `share` = 1, 2, 5, 10 of ten tasks.

Claim. Clustering by task (ARI at the middle layer) and accuracy on unseen combinations, which only a model that treats
a task's patterns as one can answer, go together: high without sharing, low when all tasks share their outputs, although
training strings are answered in all cases.

Falsified if the model with all outputs shared answers more than half of the unseen combinations, if that with outputs
of their own answers fewer than 0.9 of them, or if over the four trainings of a seed ARI and that accuracy rise
together by a rank correlation below 0.8 (which by chance happens in one case of six). Not judged where a model
answers fewer than 0.95 of its training examples: that has not learned.
"""

from dataclasses import replace

from .measure import measure_end
from .statistics import rank_correlation, summary
from .verdicts import verdict

SMALL, SEEDS = False, 3
SHARES = (1, 2, 5, 10)
LEAST_SEPARATE, MOST_SHARED, LEAST_CORRELATION = 0.9, 0.5, 0.8
LEARNED = 0.95  # accuracy on train


def trainings(settings):
    """Return {name: Settings}: one training for each number of tasks that share their outputs."""
    return {f"share {share}": replace(settings, share=share, n_recordings=2) for share in SHARES}


def measure(trained):
    """Return ARI, neighbours, accuracy and controls at the end of one training; see `measure_end`."""
    return {"share": trained.settings.share, **measure_end(trained)}


def summarise(runs):
    """Return the verdicts, and medians with ranges by share."""
    names = [f"share {share}" for share in SHARES]
    middle = runs[0][names[0]]["middle_layer"]
    ari = {name: [run[name]["ari"]["train"][middle] for run in runs] for name in names}
    unseen = {name: [run[name]["accuracy"]["unseen_combination"] for run in runs] for name in names}
    trained = {name: [run[name]["accuracy"]["train"] for run in runs] for name in names}
    together = [
        rank_correlation([ari[name][i] for name in names], [unseen[name][i] for name in names])
        for i in range(len(runs))
    ]
    learned = [min(trained[name][i] for name in names) >= LEARNED for i in range(len(runs))]
    separate, shared = names[0], names[-1]
    verdicts = [
        verdict(
            4,
            "Without shared outputs unseen combinations are answered, with all outputs shared they are not",
            f"unseen-combination accuracy >= {LEAST_SEPARATE} with share 1 and <= {MOST_SHARED} with share 10",
            "unseen-combination accuracy, all outputs shared",
            unseen[shared],
            [
                a >= LEAST_SEPARATE and b <= MOST_SHARED if enough else None
                for a, b, enough in zip(unseen[separate], unseen[shared], learned)
            ],
            controls={
                "no output shared": unseen[separate],
                "train accuracy, all outputs shared": trained[shared],
                "chance, all outputs shared": [run[shared]["chance"] for run in runs],
            },
        ),
        verdict(
            4,
            "Clustering and generalisation rise and fall together",
            f"rank correlation of ARI at layer {middle} and unseen-combination accuracy >= {LEAST_CORRELATION}",
            "rank correlation over the four trainings of a seed",
            together,
            [None if r is None or not enough else r >= LEAST_CORRELATION for r, enough in zip(together, learned)],
        ),
    ]
    by_share = {
        name: {"ari": summary(ari[name]), "unseen_combination": summary(unseen[name]), "train": summary(trained[name])}
        for name in names
    }
    return {"verdicts": verdicts, "middle_layer": middle, "by_share": by_share}


def table(results):
    """Return the plotted numbers: a header and rows."""
    header = ("seed", "share", "layer", "ari", "regrouping_null_99", "accuracy_train", "accuracy_unseen_combination")
    rows = []
    for run in results["runs"]:
        for share in SHARES:
            m = run[f"share {share}"]
            for layer, (ari, null) in enumerate(zip(m["ari"]["train"], m["regrouping_null_99"])):
                rows.append(
                    (run["seed"], share, layer, ari, null, m["accuracy"]["train"], m["accuracy"]["unseen_combination"])
                )
    return header, rows
