"""Instructions of different tasks, made more and more alike (claim 5).

Two dials, apart from one another. `alike`: so many of the six parts of patterns in different tasks are the same, word
for word and in the same places. `replaced`: each letter of an instruction is replaced, with this probability, by one
drawn from all twelve. Both make strings that may be of several tasks, so that no reader can name all tasks: how often
the best possible one would be right is computed exactly, from the patterns' probabilities.

Claim. Hidden states cluster by task at every level of both dials, and new strings lie with their task's, as far as the
strings tell it.

Falsified if at any level no layer's ARI on training strings is above every control (the regrouping null's 99th
percentile and the untrained model, each at the layer where it is highest, bag of letters, bigrams), or if at any level
the nearest task centroid at the middle layer names the task of fewer new strings than a third of the ceiling, or than
the nearest task centroid of the untrained model or of bags of letters does.

That states cluster does not say that the model reads better than one could without it. So that is judged apart, at the
last level of each dial: are its answers to new strings right more often than each of three readers of the surface names
their task by the nearest training string? When this was tried on six seeds (90 to 92 and 100 to 102), they were with
alike patterns on five, and with letters replaced on none: edit distance was right more often on all six. That is a
finding, and stands as such.

The new strings are drawn as training strings are, a pattern at random and a string of it, and were never trained; they
may be strings of `unseen_instruction`. All are asked with every input. Tasks have outputs of their own here, so that an
answer is right if and only if it is the right task's, and all of these numbers may be compared.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from ..cluster import adjusted_rand_score
from ..nn import Transformer
from ..training import answer, hidden_states_at
from .measure import cluster, letter_counts, measure_end
from .readers import READERS, bigram_counts, nearest_rows, surface_readings
from .statistics import summary
from .verdicts import verdict

SMALL, SEEDS = True, 3
INDEPENDENT = "independent"
DIALS = {  # the training at each level, from none to most
    "alike": {0: INDEPENDENT, 3: "alike 3", 4: "alike 4", 5: "alike 5"},
    "replaced": {0: INDEPENDENT, 0.1: "replaced 0.1", 0.2: "replaced 0.2", 0.3: "replaced 0.3"},
}
NAMES = tuple(dict.fromkeys(name for levels in DIALS.values() for name in levels.values()))
N_FRESH = 300  # new strings
FRESH_STREAM = 6  # of random numbers: the new strings
TIE_DIGITS = 12  # probabilities that agree to so many digits are equal; what is behind them is rounding
LEAST_SHARE = 1 / 3  # of the ceiling
CONTROLS = ("regrouping_null_99", "ari_untrained", "ari_bag_of_letters", "ari_bigrams")


def trainings(settings):
    """Return {name: Settings}: one training for each level of each dial, level 0 being the same for both."""
    levels = [(name, {dial: level}) for dial, names in DIALS.items() for level, name in names.items()]
    return {name: replace(settings, n_recordings=2, **perturbation) for name, perturbation in levels}


def measure(trained):
    """Measure one training, and what can be read from new strings.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        What `measure_end` returns, and

        - `alike`, `replaced`: the dials
        - `ari_bigrams`: of k-means on the training strings' bigrams
        - `ceiling`: see `ceilings`
        - `fresh`: of new strings, `answers`, the share of right answers over all inputs, and how often their task is
          named by the `nearest_centroid` and the `nearest_string` [value a layer]; the same of the `untrained` model;
          by the nearest centroid of the training strings' bags of letters or bigrams, `surface_centroids`; by `readers`
          {reader: value}, see `surface_readings`; and by `chance`
    """
    setup, dataset, known = trained.setup, trained.dataset, trained.strings["train"]
    fresh = dataset.fresh_instructions(N_FRESH, np.random.default_rng([setup.seed, FRESH_STREAM]))
    new = fresh[:: dataset.n_inputs]  # one row a string
    _, right = answer(trained.model, fresh)
    untrained = Transformer(trained.model.config, seed=setup.seed, backend=trained.model.operations.backend)
    before, after = (
        read_states(
            recording.states["train"], hidden_states_at(model, new.tokens, new.separator, new.start), known, new
        )
        for recording, model in ((trained.recordings[0], untrained), (trained.recordings[-1], trained.model))
    )
    letters = [letter_counts(own, dataset.vocabulary)[None] for own in (known, new)]  # as states of one layer
    bigrams = [bigram_counts(own.instruction)[None] for own in (known, new)]
    surface = {
        name: read_states(*counts, known, new)["nearest_centroid"][0]
        for name, counts in (("bag_of_letters", letters), ("bigrams", bigrams))
    }
    bigram_labels, _ = cluster(setup, *(bigram_counts(own.instruction) for own in trained.strings.values()))
    readings = surface_readings(known, new, dataset.vocabulary)
    return {
        "alike": trained.settings.alike,
        "replaced": trained.settings.replaced,
        **measure_end(trained),
        "ari_bigrams": adjusted_rand_score(known.task, bigram_labels),
        "ceiling": ceilings(dataset, known, new),
        "fresh": {
            "answers": float(right.mean()),
            **after,
            "untrained": before,
            "surface_centroids": surface,
            "readers": {reader: float((tasks == new.task).mean()) for reader, tasks in readings.items()},
            "chance": 1 / dataset.n_tasks,
        },
    }


def ceilings(dataset, known, new):
    """Return what the best possible readers achieve, who know all patterns, or have seen all training strings.

    Parameters
    ----------
    dataset : InstructionDataset
    known, new : Split
        One row a training string, and one a new string.

    Returns
    -------
    dict
        - `new`: how often, on average over draws, the most probable task of these new strings is the one that they were
          drawn from: the mean of the largest probability
        - `new_right`: how often it was in this draw
        - `train`: the share of training strings whose most probable task is the one that they were drawn from
        - `train_ari`: the ARI of the training strings' most probable tasks with those that they were drawn from. A
          model may do better on strings that it has learned by heart, but not by knowing the patterns.
        - `train_by_heart`: the share of the training's rows that can be answered by one who has learned them by heart;
          below 1 if a string was trained as one of several tasks
    """
    probabilities = dataset.task_probabilities(new.instruction)  # (m, tasks)
    most_probable = dataset.task_probabilities(known.instruction).round(TIE_DIGITS).argmax(axis=1)  # (n,)
    rows = Counter(zip(dataset.train.instruction, dataset.train.input, dataset.train.task))
    by_heart = Counter()
    for (string, x, _), count in rows.items():
        by_heart[string, x] = max(by_heart[string, x], count)
    return {
        "new": float(probabilities.max(axis=1).mean()),
        "new_right": float((probabilities.round(TIE_DIGITS).argmax(axis=1) == new.task).mean()),
        "train": float((most_probable == known.task).mean()),
        "train_ari": adjusted_rand_score(known.task, most_probable),
        "train_by_heart": by_heart.total() / len(dataset.train),
    }


def read_states(at_known, at_new, known, new):
    """Return how often the nearest state tells a new string's task.

    Parameters
    ----------
    at_known, at_new : (L + 1, n, C) and (L + 1, m, C) arrays
        States of training strings and of new ones.
    known, new : Split
        n and m rows.

    Returns
    -------
    dict
        `nearest_centroid`, among the means of each task's training strings, and `nearest_string`, among the training
        strings of any pattern: [share of new strings a layer].
    """
    tasks = np.unique(known.task)
    shares = {"nearest_centroid": [], "nearest_string": []}
    for x, y in zip(at_known, at_new):  # (n, C), (m, C)
        centroids = np.stack([x[known.task == task].mean(axis=0) for task in tasks])  # (tasks, C)
        shares["nearest_centroid"].append(float((tasks[nearest_rows(centroids, y)] == new.task).mean()))
        shares["nearest_string"].append(float((known.task[nearest_rows(x, y)] == new.task).mean()))
    return shares


def plotted(measured):
    """Return the numbers that are judged and drawn of one training: a flat dict."""
    middle, fresh = measured["middle_layer"], measured["fresh"]
    return {
        "ceiling": measured["ceiling"]["new"],
        "answers": fresh["answers"],
        "centroid": fresh["nearest_centroid"][middle],
        "centroid_untrained": fresh["untrained"]["nearest_centroid"][middle],
        **{f"centroid_{name}": share for name, share in fresh["surface_centroids"].items()},
        **{reader: fresh["readers"][reader] for reader in READERS},
        "chance": fresh["chance"],
        "ari_best_layer": max(measured["ari"]["train"]),
        "ari_middle_layer": measured["ari"]["train"][middle],
        "ari_of_best_reader": measured["ceiling"]["train_ari"],
        "regrouping_null_99": max(measured["regrouping_null_99"]),
        "ari_untrained": max(measured["untrained"]["ari"]["train"]),
        "ari_bag_of_letters": measured["bag_of_letters"]["ari"]["train"],
        "ari_bigrams": measured["ari_bigrams"],
        "ceiling_train": measured["ceiling"]["train"],
        "accuracy_train": measured["accuracy"]["train"],
        "accuracy_unseen_combination": measured["accuracy"]["unseen_combination"],
    }


def summarise(runs):
    """Return the verdicts, the dials' levels, and medians with ranges of each training."""
    numbers = [{name: plotted(run[name]) for name in NAMES} for run in runs]  # {name: numbers} a seed
    by_training = {
        name: {key: summary([own[name][key] for own in numbers]) for key in numbers[0][name]} for name in NAMES
    }
    middle = runs[0][INDEPENDENT]["middle_layer"]
    dials = {dial: {"levels": list(names), "trainings": list(names.values())} for dial, names in DIALS.items()}
    verdicts = [_clusters_at_every_level(numbers), _new_strings_lie_with_their_task(numbers, middle)]
    verdicts += [_surface_is_beaten(numbers, dial) for dial in DIALS]
    return {"verdicts": verdicts, "middle_layer": middle, "dials": dials, "by_training": by_training}


def _clusters_at_every_level(numbers):
    hardest = [min(own.values(), key=_ari_lead) for own in numbers]  # a level a seed
    return verdict(
        5,
        "Hidden states cluster by task at every level of both dials",
        "at every level the best layer's ARI on training strings is above every control",
        "ARI of the best layer, at the level with the smallest lead over the controls",
        [own["ari_best_layer"] for own in hardest],
        [_ari_lead(own) > 0 for own in hardest],
        controls={
            "regrouping null, 99th percentile, there": [own["regrouping_null_99"] for own in hardest],
            "untrained, there": [own["ari_untrained"] for own in hardest],
            "bag of letters, there": [own["ari_bag_of_letters"] for own in hardest],
            "bigrams, there": [own["ari_bigrams"] for own in hardest],
            "the best possible reader of the patterns, there": [own["ari_of_best_reader"] for own in hardest],
        },
    )


def _ari_lead(own):
    return own["ari_best_layer"] - max(own[control] for control in CONTROLS)


def _new_strings_lie_with_their_task(numbers, middle):
    hardest = [min(own.values(), key=_share_of_ceiling) for own in numbers]
    holds = [
        all(
            _share_of_ceiling(level) >= LEAST_SHARE
            and level["centroid"] > max(level["centroid_untrained"], level["centroid_bag_of_letters"])
            for level in own.values()
        )
        for own in numbers
    ]
    return verdict(
        5,
        "New strings are nearest to their own task's centroid more often than in the untrained model or as bags of "
        "letters, at every level",
        f"at every level the nearest centroid at layer {middle} names the task of at least a third of the ceiling, and "
        "of more than those of the untrained model and of bags of letters do",
        "share of the ceiling, at the level where it is smallest",
        [_share_of_ceiling(own) for own in hardest],
        holds,
        controls={
            "untrained, there": [own["centroid_untrained"] / own["ceiling"] for own in hardest],
            "bag of letters, there": [own["centroid_bag_of_letters"] / own["ceiling"] for own in hardest],
            "bigrams, there (shown, not required)": [own["centroid_bigrams"] / own["ceiling"] for own in hardest],
            "chance, there": [own["chance"] / own["ceiling"] for own in hardest],
        },
    )


def _share_of_ceiling(own):
    return own["centroid"] / own["ceiling"]


def _surface_is_beaten(numbers, dial):
    last = list(DIALS[dial].values())[-1]
    most = [own[last] for own in numbers]
    return verdict(
        None,
        f"With {last}, the model is right about new strings more often than every reader of the surface",
        "its answers over all inputs are right more often than edit distance, bigrams and bag of letters name the task",
        "share of right answers",
        [own["answers"] for own in most],
        [own["answers"] > max(own[reader] for reader in READERS) for own in most],
        controls={reader.replace("_", " "): [own[reader] for own in most] for reader in READERS},
    )


def table(results):
    """Return the plotted numbers: a header and rows, one for each seed and training."""
    rows = [
        (run["seed"], name, run[name]["alike"], run[name]["replaced"], *plotted(run[name]).values())
        for run in results["runs"]
        for name in NAMES
    ]
    header = ("seed", "training", "alike", "replaced", *plotted(results["runs"][0][INDEPENDENT]))
    return header, rows
