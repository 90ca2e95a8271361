"""How clusters form, layer by layer and step by step (claims 1, 2).

Claim. Hidden states at the separator come to cluster by task: deeper layers more than shallow ones, from nothing in the
untrained model, rising as it learns and then staying; for strings that it was trained on and for new ones.

Read-out, fixed beforehand: unique strings, at the separator; beside it the input token, which has one more thing to
carry, the input. k-means with k = tasks; with k = distributions, since clusters nest (then even perfect clusters by
pattern score no more than a known ceiling against the tasks); and with the k that the silhouette prefers. Measures:
adjusted Rand index (ARI), adjusted mutual information (AMI), silhouette of the tasks, and cross-pattern 1-NN.

Falsified if the best layer's ARI on training strings is below 0.95, or not above every control (the regrouping null's
99th percentile and the untrained model, each at the layer where it is highest, and the bag of letters); if a layer from
the middle one on does not exceed layers 0 and 1; if cross-pattern 1-NN at the middle layer is below 0.9; if ARI at the
middle layer rises by less than 0.5 over the untrained model, or is not within 0.1 of its final value over the second
half of the training. Nothing is judged of a model that answers fewer than 0.95 of its training examples. These rules
are stricter than those of the main job, which judges quick runs, too.
"""

import numpy as np

from ..cluster import (
    KMeans,
    adjusted_mutual_info_score,
    adjusted_rand_score,
    regrouping_null,
    silhouette_score,
)
from .measure import BAR_QUANTILE, chance_of_neighbour, cluster, letter_counts, neighbour_scores, without_warnings
from .statistics import summary
from .verdicts import verdict

SMALL, SEEDS = False, 5
TOKENS = {"separator": ("train", "unseen_instruction"), "input": ("train_input", "unseen_instruction_input")}
SPLITS = ("train", "unseen_instruction")
NUMBERS_OF_CLUSTERS = (2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 15, 20, 30, 40, 50)  # of which the silhouette chooses
MEASURES = ("ari", "ami", "cross_pattern_1nn")
LEAST_ARI, LEAST_NEIGHBOURS, LEAST_RISE, MOST_DRIFT = 0.95, 0.9, 0.5, 0.1
LEARNED = 0.95  # accuracy on train
SHALLOW = 2  # layers: the embedding and the first block


def trainings(settings):
    """Return {name: Settings}: the training as it is."""
    return {"plain": settings}


def measure(trained):
    """Measure clustering at every recorded step.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        `steps`, `accuracy` {split: [value a step]}, `middle_layer`; and

        - `separator`, `input`: {"ari", "ami", "cross_pattern_1nn": {split: [[value a layer] a step]}, "silhouette":
          [[value a layer] a step] of the tasks, on training strings}
        - `by_distribution`: {"distribution", "task": [[ARI a layer] a step]}: k = distributions, at the separator,
          against the distributions and against the tasks; `ceiling`: what perfect clusters by distribution score
          against the tasks
        - `chosen_k`: {"layers": [k a layer at the last step], "steps": [k a step at the middle layer]}, by silhouette
        - `bag_of_letters`: {measure: {split: value}}; `chance_1nn`
        - `regrouping_null_99`: [[value a layer] a step], against `ari` on training strings at the separator
    """
    setup, dataset, strings = trained.setup, trained.dataset, trained.strings
    task, distribution = strings["train"].task, strings["train"].distribution
    pattern_tasks = np.arange(len(dataset.patterns)) // dataset.n_distributions  # (patterns,)
    tokens = {name: {m: {split: [] for split in SPLITS} for m in MEASURES} | {"silhouette": []} for name in TOKENS}
    by_distribution = {"distribution": [], "task": []}
    null, chosen = [], {"layers": [], "steps": []}
    for recording in trained.recordings:
        for token, names in TOKENS.items():
            layers = zip(*(recording.states[name] for name in names))  # L + 1 pairs of (strings, C)
            scores = [layer_scores(trained, *pair) for pair in layers]
            for m in MEASURES:
                for split in SPLITS:
                    tokens[token][m][split].append([own[m][split] for own in scores])
            tokens[token]["silhouette"].append([own["silhouette"] for own in scores])
            if token == "separator":
                draws = [
                    regrouping_null(own["labels"], distribution, pattern_tasks, seed=setup.seed) for own in scores
                ]  # L + 1 of (draws,)
                null.append(np.quantile(draws, BAR_QUANTILE, axis=1).tolist())
        layers = recording.states["train"]  # (L + 1, strings, C)
        nested = [k_means(x, len(dataset.patterns), setup) for x in layers]  # L + 1 of (strings,)
        by_distribution["distribution"].append([adjusted_rand_score(distribution, own) for own in nested])
        by_distribution["task"].append([adjusted_rand_score(task, own) for own in nested])
        chosen["steps"].append(preferred_k(layers[setup.settings.middle_layer], setup))
    chosen["layers"] = [preferred_k(x, setup) for x in layers]
    letters = layer_scores(trained, *(letter_counts(strings[split], dataset.vocabulary) for split in SPLITS))
    return {
        "steps": [recording.step for recording in trained.recordings],
        "accuracy": {name: [r.accuracy[name] for r in trained.recordings] for name in dataset.splits},
        "middle_layer": setup.settings.middle_layer,
        **tokens,
        "by_distribution": by_distribution,
        "ceiling": adjusted_rand_score(task, distribution),
        "chosen_k": chosen,
        "bag_of_letters": {m: letters[m] for m in MEASURES},
        "chance_1nn": chance_of_neighbour(dataset),
        "regrouping_null_99": null,
    }


def layer_scores(trained, train, unseen):
    """Return the measures of one layer: training states (n, C) and unseen ones (m, C), with the `labels` (n,) of
    k-means."""
    strings = trained.strings
    labels = dict(zip(SPLITS, cluster(trained.setup, train, unseen)))
    tasks = {split: strings[split].task for split in SPLITS}
    return {
        "ari": {split: adjusted_rand_score(tasks[split], labels[split]) for split in SPLITS},
        "ami": {split: adjusted_mutual_info_score(tasks[split], labels[split]) for split in SPLITS},
        "cross_pattern_1nn": dict(zip(SPLITS, neighbour_scores(strings, train, unseen))),
        "silhouette": silhouette_score(train, tasks["train"]),
        "labels": labels["train"],
    }


def k_means(x, k, setup):
    """Return the labels (n,) of k clusters in x (n, C)."""
    with without_warnings():
        return KMeans(k, n_init=setup.settings.restarts, random_state=setup.seed).fit(x).labels_


def preferred_k(x, setup):
    """Return the number of clusters in x (n, C) with the highest silhouette, or None where all rows are equal."""
    scores = {}
    for k in NUMBERS_OF_CLUSTERS:
        if k < len(x):
            labels = k_means(x, k, setup)
            if len(np.unique(labels)) == k:  # fewer where there are fewer different rows
                scores[k] = silhouette_score(x, labels)
    return max(scores, key=scores.get) if scores else None


def summarise(runs):
    """Return the verdicts, and medians with ranges at each step."""
    plain = [run["plain"] for run in runs]
    middle, steps = plain[0]["middle_layer"], plain[0]["steps"]
    last = [own["separator"]["ari"]["train"][-1] for own in plain]  # one list of layers a seed
    untrained = [own["separator"]["ari"]["train"][0] for own in plain]
    best = [int(np.argmax(own)) for own in last]
    controls = {
        "untrained": [max(layers) for layers in untrained],
        "bag of letters": [own["bag_of_letters"]["ari"]["train"] for own in plain],
        "regrouping null, 99 %": [max(own["regrouping_null_99"][-1]) for own in plain],
    }
    best_ari = [own[layer] for own, layer in zip(last, best)]
    neighbours = [own["separator"]["cross_pattern_1nn"]["train"][-1][middle] for own in plain]
    curves = [[values[middle] for values in own["separator"]["ari"]["train"]] for own in plain]
    rises = [curve[-1] - curve[0] for curve in curves]
    drifts = [max(abs(v - curve[-1]) for v, step in zip(curve, steps) if 2 * step >= steps[-1]) for curve in curves]
    learned = [own["accuracy"]["train"][-1] >= LEARNED for own in plain]

    def judged(holds):
        return [own if enough else None for own, enough in zip(holds, learned)]

    verdicts = [
        verdict(
            1,
            "Deeper layers cluster by task more than shallow ones, and more than every control",
            f"best layer's ARI on training strings >= {LEAST_ARI}, above every control, and every layer from {middle} "
            "on above layers 0 and 1",
            "ARI of the best layer, training strings",
            best_ari,
            judged(
                ari >= LEAST_ARI and ari > max(own) and min(layers[middle:]) > max(layers[:SHALLOW])
                for ari, layers, own in zip(best_ari, last, zip(*controls.values()))
            ),
            controls=controls,
        ),
        verdict(
            1,
            "A string's neighbours from other patterns are of its task",
            f"cross-pattern 1-NN of training strings at layer {middle} >= {LEAST_NEIGHBOURS}",
            f"cross-pattern 1-NN at layer {middle}",
            neighbours,
            judged(value >= LEAST_NEIGHBOURS for value in neighbours),
            controls={
                "untrained": [own["separator"]["cross_pattern_1nn"]["train"][0][middle] for own in plain],
                "bag of letters": [own["bag_of_letters"]["cross_pattern_1nn"]["train"] for own in plain],
                "chance": [own["chance_1nn"] for own in plain],
            },
        ),
        verdict(
            2,
            "Clustering rises during learning, then saturates",
            f"ARI at layer {middle} rises by >= {LEAST_RISE} over the untrained model's and stays within {MOST_DRIFT} "
            "of its final value over the second half of the training",
            f"rise in ARI at layer {middle}",
            rises,
            judged(rise >= LEAST_RISE and drift <= MOST_DRIFT for rise, drift in zip(rises, drifts)),
            controls={"drift over the second half": drifts},
        ),
    ]

    def over_seeds(pick):
        """Median and range of a [[value a layer] a step] of each seed, the same nested."""
        picked = [pick(own) for own in plain]
        return [[summary(values) for values in zip(*layers)] for layers in zip(*picked)]

    return {
        "verdicts": verdicts,
        "steps": steps,
        "middle_layer": middle,
        "curves": {
            token: {m: {split: over_seeds(lambda own: own[token][m][split]) for split in SPLITS} for m in MEASURES}
            | {"silhouette": {"train": over_seeds(lambda own: own[token]["silhouette"])}}
            for token in TOKENS
        },
        "by_distribution": {
            against: over_seeds(lambda own: own["by_distribution"][against]) for against in ("distribution", "task")
        },
        "controls": {
            "regrouping_null_99": over_seeds(lambda own: own["regrouping_null_99"]),
            "bag_of_letters": {
                m: {split: summary([own["bag_of_letters"][m][split] for own in plain]) for split in SPLITS}
                for m in MEASURES
            },
            "ceiling": summary([own["ceiling"] for own in plain]),
            "chance_1nn": plain[0]["chance_1nn"],
        },
        "chosen_k": {
            name: [summary(values) for values in zip(*(own["chosen_k"][name] for own in plain))]
            for name in ("layers", "steps")
        },
    }


def table(results):
    """Return the plotted numbers: a header and rows. Those of k = distributions have the ARI against the distributions
    and against the tasks under these names; `chosen_k` is of the middle layer; what has no layer has no step either."""
    nested = ("ari_distributions_by_distribution", "ari_distributions_by_task")
    header = ("seed", "step", "layer", "token", "split", *MEASURES, "silhouette", "regrouping_null_99")
    header += (*nested, "chosen_k")
    rows = []
    for run in results["runs"]:
        own = run["plain"]
        for at, step in enumerate(own["steps"]):
            for layer in range(len(own["regrouping_null_99"][at])):
                for token in TOKENS:
                    for split in SPLITS:
                        numbers = [own[token][m][split][at][layer] for m in MEASURES]
                        known = split == "train"
                        silhouette = own[token]["silhouette"][at][layer] if known else None
                        more = (None,) * 4
                        if known and token == "separator":
                            chosen = own["chosen_k"]["steps"][at] if layer == own["middle_layer"] else None
                            by = [own["by_distribution"][against][at][layer] for against in ("distribution", "task")]
                            more = (own["regrouping_null_99"][at][layer], *by, chosen)
                        rows.append((run["seed"], step, layer, token, split, *numbers, silhouette, *more))
        for split in SPLITS:
            letters = [own["bag_of_letters"][m][split] for m in MEASURES]
            rows.append((run["seed"], None, None, "bag of letters", split, *letters, *(None,) * 5))
        rows.append((run["seed"], None, None, "perfect distributions", "train", own["ceiling"], *(None,) * 7))
    return header, rows
