"""From recordings to numbers: clusters, neighbours, and the controls that they have to beat."""

import contextlib
import hashlib
import warnings

import numpy as np

from ..cluster import (
    PCA,
    ConvergenceWarning,
    KMeans,
    adjusted_rand_score,
    cross_subgroup_neighbor_score,
    regrouping_null,
)
from ..training import Progress, answer
from .run import unique_strings

BAR_QUANTILE = 0.99  # of the regrouping null: a claim must beat it
PICTURED_SHARES = (0, 0.1, 0.2, 0.4, 1)  # of the training: the steps in the PCA picture


def measure(setup, recordings, progress=Progress):
    """Measure one training from what it recorded.

    Parameters
    ----------
    setup : Setup
        After the training.
    recordings : list of Recording
    progress : callable
        Takes how much there is to do and a label, returns a Progress.

    Returns
    -------
    dict
        Plain numbers, strings, lists and dicts. Layer 0 is the embedding output.

        - `seed`, `data_seed`
        - `steps`; `loss` and `accuracy` {split: [value a step]}
        - `ari` {split: [[value a layer] a step]}: k-means with k = tasks on the training strings' states at the
          separator, against the task; unseen instructions are assigned to the clusters of the training strings
        - `cross_pattern_1nn` {split: [[value a layer] a step]}: see `cross_subgroup_neighbor_score`; neighbours of
          unseen instructions are sought among training strings
        - `early_stopping_step`: the recorded step with the lowest loss on unseen instructions
        - `controls`: `regrouping_null_99` {split: [value a layer]} at the last step, `bag_of_letters` {"ari",
          "cross_pattern_1nn"} {split: value}, `cross_pattern_1nn_by_chance`; the untrained model is step 0 of `ari`
        - `landing`: see `landing`
        - `data_digest`, `parameters_digest`: SHA-256 of the data and of the trained parameters
    """
    strings = {name: unique_strings(setup.dataset.splits[name]) for name in ("train", "unseen_instruction")}
    tasks = [strings[name].task for name in strings]
    ari = {name: [] for name in strings}
    neighbours = {name: [] for name in strings}
    with progress(len(recordings), "clustering") as line:
        for done, recording in enumerate(recordings, start=1):
            layers = list(zip(*(recording.states[name] for name in strings)))  # L + 1 pairs of (strings, C)
            labels = [cluster(setup, *states) for states in layers]  # L + 1 pairs of (strings,)
            pairs = [neighbour_scores(strings, *states) for states in layers]
            for split, name in enumerate(strings):
                ari[name].append([adjusted_rand_score(tasks[split], pair[split]) for pair in labels])
                neighbours[name].append([pair[split] for pair in pairs])
            line.update(done)

    pattern_tasks = np.arange(len(setup.dataset.patterns)) // setup.dataset.n_distributions  # (patterns,)
    null = {
        name: [
            regrouping_null(pair[split], strings[name].distribution, pattern_tasks, seed=setup.seed)
            for pair in labels  # of the last recording
        ]
        for split, name in enumerate(strings)
    }
    letters = [letter_counts(strings[name], setup.dataset.vocabulary) for name in strings]
    letter_labels = cluster(setup, *letters)
    controls = {
        "regrouping_null_99": {
            name: [float(np.quantile(draws, BAR_QUANTILE)) for draws in layers] for name, layers in null.items()
        },
        "bag_of_letters": {
            "ari": {name: adjusted_rand_score(t, found) for name, t, found in zip(strings, tasks, letter_labels)},
            "cross_pattern_1nn": dict(zip(strings, neighbour_scores(strings, *letters))),
        },
        "cross_pattern_1nn_by_chance": chance_of_neighbour(setup.dataset),
    }

    splits = setup.dataset.splits
    steps = [recording.step for recording in recordings]
    loss = {name: [recording.loss[name] for recording in recordings] for name in splits}
    return {
        "seed": setup.seed,
        "data_seed": setup.data_seed,
        "steps": steps,
        "loss": loss,
        "accuracy": {name: [recording.accuracy[name] for recording in recordings] for name in splits},
        "ari": ari,
        "cross_pattern_1nn": neighbours,
        "early_stopping_step": steps[int(np.argmin(loss["unseen_instruction"]))],
        "controls": controls,
        "landing": landing(setup, recordings, strings, letters),
        "data_digest": setup.dataset.digest(),
        "parameters_digest": hashlib.sha256(setup.model.parameters.flat.tobytes()).hexdigest(),
    }


def measure_end(trained, counts=None):
    """Measure the last recording of a training only.

    Parameters
    ----------
    trained : Trained
    counts : callable, optional
        What the bag has in it; by default `letter_counts`, whose arguments and result it shares.

    Returns
    -------
    dict
        `middle_layer`, `accuracy` {split: value}; `ari`, `cross_pattern_1nn` {split: [value a layer]} and the same
        of the `untrained` model; `bag_of_letters` {measure: {split: value}}, `regrouping_null_99` [value a layer] on
        training strings; `chance` of an answer drawn from the outputs that the task's group uses, and `chance_1nn`
        of a neighbour drawn at random.
    """
    setup, strings = trained.setup, trained.strings
    letters = [(counts or letter_counts)(own, setup.dataset.vocabulary) for own in strings.values()]
    first, last = (_scores(setup, strings, trained.recordings[at].states) for at in (0, -1))
    letter_scores = _scores(setup, strings, {name: own[None] for name, own in zip(strings, letters)})
    pattern_tasks = np.arange(len(setup.dataset.patterns)) // setup.dataset.n_distributions  # (patterns,)
    null = [
        regrouping_null(labels, strings["train"].distribution, pattern_tasks, seed=setup.seed)
        for labels in last.pop("labels")
    ]
    first.pop("labels"), letter_scores.pop("labels")
    return {
        "middle_layer": setup.settings.middle_layer,
        "accuracy": trained.recordings[-1].accuracy,
        **last,
        "untrained": first,
        "bag_of_letters": {
            measure: {name: own[0] for name, own in scores.items()} for measure, scores in letter_scores.items()
        },
        "regrouping_null_99": [float(np.quantile(draws, BAR_QUANTILE)) for draws in null],
        "chance": 1 / setup.dataset.n_inputs,
        "chance_1nn": chance_of_neighbour(setup.dataset),
    }


def _scores(setup, strings, states):
    """Return `ari` and `cross_pattern_1nn` {split: [value a layer]}, and `labels` [(strings,) a layer] of train."""
    pairs = list(zip(*(states[name] for name in strings)))  # L + 1 pairs of (strings, C)
    labels = [cluster(setup, *pair) for pair in pairs]
    neighbours = [neighbour_scores(strings, *pair) for pair in pairs]
    return {
        "ari": {
            name: [adjusted_rand_score(strings[name].task, pair[split]) for pair in labels]
            for split, name in enumerate(strings)
        },
        "cross_pattern_1nn": {name: [pair[split] for pair in neighbours] for split, name in enumerate(strings)},
        "labels": [train for train, _ in labels],
    }


def chance_of_neighbour(dataset):
    """Return the probability that a pattern drawn from all others is one of the same task."""
    return (dataset.n_distributions - 1) / (len(dataset.patterns) - 1)


def cluster(setup, train, unseen):
    """Find as many clusters as there are tasks in `train` (n, C), and assign `unseen` (m, C) to them.

    Returns
    -------
    train_labels, unseen_labels : (n,) and (m,) integers
    """
    kmeans = KMeans(setup.dataset.n_tasks, n_init=setup.settings.restarts, random_state=setup.seed)
    with without_warnings():
        kmeans.fit(train)
    return kmeans.labels_, kmeans.predict(unseen)


@contextlib.contextmanager
def without_warnings():
    """At layer 0 the separator knows only its position, so there may be fewer different points than clusters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def neighbour_scores(strings, train, unseen):
    """Return the cross-pattern 1-NN scores of `train` (n, C) and of `unseen` (m, C) strings, both among `train`."""
    known, new = strings["train"], strings["unseen_instruction"]
    own = cross_subgroup_neighbor_score(train, known.task, known.distribution)
    others = cross_subgroup_neighbor_score(
        unseen,
        new.task,
        new.distribution,
        reference=train,
        reference_groups=known.task,
        reference_subgroups=known.distribution,
    )
    return own, others


def letter_counts(strings, vocabulary):
    """Return how often each token of the vocabulary occurs before the separator: (strings, V) float64.

    What a reader knows who ignores the order of the letters.
    """
    before = np.arange(strings.tokens.shape[1]) < strings.separator[:, None]  # (strings, T)
    row, _ = np.nonzero(before)
    counts = np.zeros((len(strings), len(vocabulary)))
    np.add.at(counts, (row, strings.tokens[before]), 1)
    return counts


def landing(setup, recordings, strings, letters):
    """Where unseen instructions land, and whether the answer depends on it.

    An unseen string has landed if the nearest of the tasks' centroids, each the mean of that task's training strings
    at the middle layer, is its own task's.

    Parameters
    ----------
    setup : Setup
    recordings : list of Recording
    strings : dict from split name to Split of unique strings
    letters : pair of (strings, V) arrays
        Of the two splits, from `letter_counts`.

    Returns
    -------
    dict
        `layer`; `n_strings`; the share that `landed`, and the same `untrained` and by `bag_of_letters`; `n_misplaced`,
        how many did not land; `accuracy_landed` and `accuracy_misplaced` on all inputs of those strings (None if
        there are none).
    """
    layer = setup.settings.middle_layer
    new = strings["unseen_instruction"]

    def landed(train, unseen):
        of_task = strings["train"].task == np.arange(setup.dataset.n_tasks)[:, None]  # (tasks, n)
        centroids = np.stack([train[rows].mean(axis=0) for rows in of_task])  # (tasks, C)
        squared = ((unseen[:, None] - centroids) ** 2).sum(axis=-1)  # (m, 1, C) - (tasks, C) -> (m, tasks)
        return squared.argmin(axis=1) == new.task  # (m,)

    def landed_at(recording):
        return landed(*(recording.states[name][layer] for name in strings))

    at_end, untrained = landed_at(recordings[-1]), landed_at(recordings[0])
    split = setup.dataset.unseen_instruction
    _, right = answer(setup.model, split)  # (n,)
    row_landed = dict(zip(new.instruction, at_end))
    row_landed = np.array([row_landed[string] for string in split.instruction])  # (n,)
    return {
        "layer": layer,
        "n_strings": len(new),
        "landed": float(at_end.mean()),
        "untrained": float(untrained.mean()),
        "bag_of_letters": float(landed(*letters).mean()),
        "n_misplaced": int((~at_end).sum()),
        "accuracy_landed": float(right[row_landed].mean()) if row_landed.any() else None,
        "accuracy_misplaced": float(right[~row_landed].mean()) if not row_landed.all() else None,
    }


def principal_components(setup, recordings):
    """Project the training strings' states at the separator onto two principal components, for the picture.

    Parameters
    ----------
    setup : Setup
    recordings : list of Recording

    Returns
    -------
    dict
        `steps` [S of them], `points` (S, L + 1, strings, 2), each panel by components of its own; `explained`
        (S, L + 1), the share of the variance that the two show; `task` (strings,).
    """
    wanted = [share * recordings[-1].step for share in PICTURED_SHARES]
    nearest = {min(recordings, key=lambda recording: abs(recording.step - step)).step for step in wanted}
    chosen = [recording for recording in recordings if recording.step in nearest]
    fits = [[_two_components(x) for x in recording.states["train"]] for recording in chosen]  # S lists of L + 1 pairs
    return {
        "steps": [recording.step for recording in chosen],
        "points": np.array([[points for points, _ in row] for row in fits]),
        "explained": np.array([[explained for _, explained in row] for row in fits]),
        "task": unique_strings(setup.dataset.train).task,
    }


def _two_components(x):
    pca = PCA(2).fit(x)
    return pca.transform(x), float(pca.explained_variance_ratio_.sum())
