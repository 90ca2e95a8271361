"""Real places: the clusters of English questions, and what becomes of them (claim 6).

Questions about 193 countries, eight facts of each, in six phrasings a fact; the place comes after the separator. That
is one training ("plain"). In another the place stands in the sentence ("inside"): then the separator is the last token
before the answer, too; these have no made-up words, which the others have here and there. In the third ("hard") every
sentence names two facts of which one is wanted.

Claim. In this more realistic setting it is as with letters: questions are answered, in new words and of places that
their phrasing was never trained with, too; and at the separator they cluster by what is asked for, which a bag of words
does not tell. The last token before the answer has to know the place as well: there, in the last layer, clusters by
what is asked for appear while the model learns, and dissolve as answers that several places share separate.

Read-out, fixed beforehand: at the separator as for the synthetic strings (see `measure_end`), with a bag of words in
place of the bag of letters; made-up words, which are spelled, are left out of it. At the last token, after the last
block: ARI with what is asked for; how much of the states' scatter lies between the attributes; and how much of that
within attributes lies between the answers of one attribute, as against answers dealt at random among its places (see
`dissolving`). The scatter is that of questions whose answer is another place's, too: of the others, most capitals and
domains, it could not be told whether answers separate or places.

Falsified if of the plain questions fewer than 0.99 of those trained, 0.95 of the unseen combinations or 0.95 of the
unseen phrasings are answered; if at the separator the best layer's ARI on training questions is below 0.9, or not above
the bag of words and the regrouping null's 99th percentile, or the untrained model's is above 0.1; if cross-pattern 1-NN
of unseen phrasings at the middle layer is not above that of the bag of words, of the untrained model and of chance. For
hard questions, if the best layer's ARI is below 0.9 or the bag of words' is above 0.1. Of the last token, with the
place behind the separator or inside, if ARI in the last layer is at no recorded step above the regrouping null's 99th
percentile and 0.2 above what it is at the end; if from the step with the largest share of the scatter between
attributes to the end that share falls by less than 0.2; or if of the scatter within attributes the share between
answers rises by less than 0.2 from that step to the end, or is at the end less than 0.2 above that of answers dealt at
random. Of clusters nothing is judged in a model that answers fewer than 0.95 of its training examples.
"""

from dataclasses import replace

import numpy as np

from ..cluster import PCA, adjusted_rand_score
from ..tasks.tokenizer import OTHERS
from ..training import answer
from .dissolving import CURVES, LAST, clusters, dissolving_verdict, first_tokens, last_token, with_shares_within
from .measure import letter_counts, measure_end
from .settings import GeographySettings
from .statistics import by_pattern, summary
from .verdicts import verdict

SETTINGS = GeographySettings
SMALL, SEEDS = False, 2
VARIANTS = ("plain", "inside", "hard")
SPLITS = ("train", "unseen_instruction", "unseen_combination")
UNSEEN = SPLITS[1:]
TOKENS = {"separator": "train", "last": LAST}  # of recorded states
HARD_STEPS = 1000  # at most: they are learnt by then
LEAST_TRAINED, LEAST_UNSEEN = 0.99, 0.95  # accuracy
LEAST_ARI, MOST_BY_CONTROL = 0.9, 0.1  # the latter untrained, and by a bag of words of hard questions
LEARNED = 0.95  # accuracy on train
BEHIND, INSIDE = "with the place behind the separator", "with the place inside the sentence"
DECIMALS = 3  # of the points in a picture


def trainings(settings):
    """Return {name: GeographySettings}: the place behind the separator, inside the sentence, and hard questions.

    Sentences with the place inside have no made-up words: with them they take twice as long to learn.
    """
    return {
        "plain": settings,
        "inside": replace(settings, inside=True, strange=0.0),
        "hard": replace(settings, hard=True, steps=min(HARD_STEPS, settings.steps), n_recordings=2),
    }


def measure(trained):
    """Measure one training.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        What `measure_end` returns, but a `bag_of_words` in place of the bag of letters and no `chance`; and

        - `attributes`, `steps`
        - `accuracy_by_attribute` {split: [value an attribute]} of both unseen splits
        - `most_common_answer` {split: accuracy of one who gives each attribute's most common answer}
        - `by_step`: {"separator": {"ari": [[value a layer] a step]}} on training questions, and `last`, of the last
          token before the answer: see `last_token`
        - `pictured`, if it is: see `picture`
    """
    dataset, strings = trained.dataset, trained.strings["train"]
    end = measure_end(trained, counts=word_counts)
    end["bag_of_words"] = end.pop("bag_of_letters")
    del end["chance"]  # not of these answers
    separator = [
        [adjusted_rand_score(strings.task, own) for own in clusters(trained, recording.states[TOKENS["separator"]])]
        for recording in trained.recordings
    ]
    measured = {
        **end,
        "attributes": list(dataset.tasks),
        "steps": [recording.step for recording in trained.recordings],
        "accuracy_by_attribute": accuracy_by_attribute(trained),
        "most_common_answer": {
            name: most_common_answer(dataset.train, split) for name, split in dataset.splits.items()
        },
        "by_step": {"separator": {"ari": separator}, "last": last_token(trained)},
    }
    return measured | ({"pictured": picture(trained, measured)} if trained.pictured else {})


def word_counts(strings, vocabulary):
    """Return how often each known word stands before the separator: (strings, words) float64."""
    return letter_counts(strings, vocabulary)[:, len(OTHERS) :]  # the words come behind all other tokens


def accuracy_by_attribute(trained):
    """Return the share of rows answered rightly: {split: [value a task]}, of the unseen splits."""
    found = {}
    for name in UNSEEN:
        split = trained.dataset.splits[name]
        _, right = answer(trained.model, split)  # (n,)
        found[name] = by_pattern(right, split.task, trained.dataset.n_tasks).tolist()
    return found


def most_common_answer(train, split):
    """Return the accuracy on `split` of one who answers each task as most rows of `train` do, to the first token."""
    known, asked = first_tokens(train), first_tokens(split)
    common = {task: np.bincount(known[train.task == task]).argmax() for task in np.unique(train.task)}
    return float(np.mean([token == common[task] for token, task in zip(asked, split.task)]))


def picture(trained, measured):
    """Return the states of training questions in the plane of their two principal components, at four moments.

    Parameters
    ----------
    trained : Trained
    measured : dict
        What `measure` found.

    Returns
    -------
    dict
        `task` [number a string]; `panels`, a list of dicts: `token` ("separator" or "last"), `step`, `layer`, `points`
        [[x, y] a string], `explained` (share of the variance that the plane shows), `ari` by task. At the separator
        the middle layer, untrained and trained; at the last token the last layer, when its ARI is best and at the end.
    """
    middle, by_step = trained.settings.middle_layer, measured["by_step"]
    best = int(np.argmax([layers[-1] for layers in by_step["last"]["ari"]]))
    panels = []
    for token, at, layer in (("separator", 0, middle), ("separator", -1, middle), ("last", best, -1), ("last", -1, -1)):
        recording = trained.recordings[at]
        states = recording.states[TOKENS[token]][layer]  # (strings, C)
        pca = PCA(2).fit(states)
        panels.append(
            {
                "token": token,
                "step": recording.step,
                "layer": range(trained.settings.n_layers + 1)[layer],
                "points": np.round(pca.transform(states), DECIMALS).tolist(),
                "explained": float(pca.explained_variance_ratio_.sum()),
                "ari": by_step[token]["ari"][at][layer],
            }
        )
    return {"task": trained.strings["train"].task.tolist(), "panels": panels}


def summarise(runs):
    """Return the verdicts, and medians with ranges over seeds."""
    middle = runs[0]["plain"]["middle_layer"]
    plain, inside, hard = ([run[name] for run in runs] for name in VARIANTS)
    accuracy = {split: [own["accuracy"][split] for own in plain] for split in SPLITS}
    controls, hard_controls = (
        {
            "untrained, its best layer": [max(own["untrained"]["ari"]["train"]) for own in measured],
            "bag of words": [own["bag_of_words"]["ari"]["train"] for own in measured],
            "regrouping null, 99 %, its best layer": [max(own["regrouping_null_99"]) for own in measured],
        }
        for measured in (plain, hard)
    )
    ari, hard_ari = ([max(own["ari"]["train"]) for own in measured] for measured in (plain, hard))
    neighbours = [own["cross_pattern_1nn"]["unseen_instruction"][middle] for own in plain]
    neighbour_controls = {
        "untrained": [own["untrained"]["cross_pattern_1nn"]["unseen_instruction"][middle] for own in plain],
        "bag of words": [own["bag_of_words"]["cross_pattern_1nn"]["unseen_instruction"] for own in plain],
        "chance": [own["chance_1nn"] for own in plain],
    }
    verdicts = [
        verdict(
            6,
            "Questions about real places are answered: unseen phrasings, and unseen combinations of phrasing and place",
            f"accuracy on train >= {LEAST_TRAINED}, on unseen phrasings and unseen combinations >= {LEAST_UNSEEN}",
            "accuracy on unseen phrasings",
            accuracy["unseen_instruction"],
            [
                train >= LEAST_TRAINED and min(unseen) >= LEAST_UNSEEN
                for train, *unseen in zip(*(accuracy[split] for split in SPLITS))
            ],
            controls={
                "unseen combinations": accuracy["unseen_combination"],
                "train": accuracy["train"],
                "each attribute's most common answer": [
                    own["most_common_answer"]["unseen_instruction"] for own in plain
                ],
            },
        ),
        verdict(
            6,
            "Questions about real places cluster by what they ask for, more than every control",
            f"best layer's ARI at the separator, training questions, >= {LEAST_ARI} and above every control; untrained "
            f"<= {MOST_BY_CONTROL}",
            "ARI of the best layer, training questions",
            ari,
            judged(
                plain,
                [
                    own >= LEAST_ARI and own > max(others) and others[0] <= MOST_BY_CONTROL
                    for own, others in zip(ari, zip(*controls.values()))
                ],
            ),
            controls=controls,
        ),
        verdict(
            6,
            "An unseen phrasing's neighbours from other patterns ask for the same",
            f"cross-pattern 1-NN of unseen phrasings at layer {middle} above every control",
            f"cross-pattern 1-NN of unseen phrasings at layer {middle}",
            neighbours,
            judged(plain, [own > max(others) for own, others in zip(neighbours, zip(*neighbour_controls.values()))]),
            controls=neighbour_controls,
        ),
        verdict(
            6,
            "Hard questions cluster by what they ask for, where a bag of words shows nothing",
            f"best layer's ARI at the separator, training questions, >= {LEAST_ARI} and above every control; bag of "
            f"words <= {MOST_BY_CONTROL}",
            "ARI of the best layer, hard training questions",
            hard_ari,
            judged(
                hard,
                [
                    own >= LEAST_ARI and own > max(others) and others[1] <= MOST_BY_CONTROL
                    for own, others in zip(hard_ari, zip(*hard_controls.values()))
                ],
            ),
            controls={
                **hard_controls,
                "accuracy on unseen phrasings": [own["accuracy"]["unseen_instruction"] for own in hard],
            },
        ),
        *(dissolving_verdict(own, has_learned(own), where) for own, where in ((plain, BEHIND), (inside, INSIDE))),
    ]
    return {
        "verdicts": verdicts,
        "middle_layer": middle,
        "attributes": plain[0]["attributes"],
        "over_seeds": {name: over_seeds([run[name] for run in runs]) for name in VARIANTS},
    }


def has_learned(measured):
    """Return of each seed whether its model answers enough of its training examples to be judged: list of bool."""
    return [own["accuracy"]["train"] >= LEARNED for own in measured]


def judged(measured, holds):
    """Return what holds of each seed, None where the model has not learned."""
    return [own if learned else None for own, learned in zip(holds, has_learned(measured))]


def over_seeds(measured):
    """Return medians and ranges of one training's numbers over seeds: summaries where `measure` has numbers.

    Parameters
    ----------
    measured : list of dict
        From `measure`, one a seed.

    Returns
    -------
    dict
        `steps`, and all numbers of `measure` but the pictured ones; of the last token those of `with_shares_within`.
    """
    measured = [
        {**own, "by_step": {**own["by_step"], "last": with_shares_within(own["by_step"]["last"])}} for own in measured
    ]
    numbers = ("accuracy", "ari", "cross_pattern_1nn", "untrained", "bag_of_words", "regrouping_null_99", "chance_1nn")
    numbers += ("accuracy_by_attribute", "most_common_answer", "by_step")
    return {"steps": measured[0]["steps"], **{key: _summaries([own[key] for own in measured]) for key in numbers}}


def _summaries(values):
    """Return the summaries of nested dicts and lists of one form, nested alike."""
    first = values[0]
    if isinstance(first, dict):
        return {key: _summaries([own[key] for own in values]) for key in first}
    if isinstance(first, list):
        return [_summaries(list(own)) for own in zip(*values)]
    return summary(values)


def table(results):
    """Return the plotted numbers: a header and rows. Accuracies have an attribute, or none for all together; what has
    a layer is at the separator unless another token is named. Controls stand beside what they control."""
    header = ("seed", "training", "measure", "split", "attribute", "step", "layer", "value")
    header += ("untrained", "bag_of_words", "regrouping_null_99", "chance")
    rows = []
    for run in results["runs"]:
        for name in VARIANTS:
            for row in (*_accuracy_rows(run[name]), *_end_rows(run[name]), *_step_rows(run[name])):
                found = dict(zip(header, (run["seed"], name))) | row
                rows.append(tuple(found.get(column) for column in header))
    return header, rows


def _accuracy_rows(own):
    """Return dicts from column to value: accuracies on the splits, and on the unseen ones by attribute."""
    end = {"measure": "accuracy", "step": own["steps"][-1]}
    rows = [
        {**end, "split": split, "value": own["accuracy"][split], "chance": own["most_common_answer"][split]}
        for split in SPLITS
    ]
    for split, values in own["accuracy_by_attribute"].items():
        rows += [{**end, "split": split, "attribute": a, "value": v} for a, v in zip(own["attributes"], values)]
    return rows


def _end_rows(own):
    """Return dicts from column to value: what is at the separator after the training, and its controls."""
    rows = []
    for measure in ("ari", "cross_pattern_1nn"):
        for split, values in own[measure].items():
            for layer, value in enumerate(values):
                row = {"measure": measure, "split": split, "step": own["steps"][-1], "layer": layer, "value": value}
                row["untrained"] = own["untrained"][measure][split][layer]
                row["bag_of_words"] = own["bag_of_words"][measure][split]
                if measure == "cross_pattern_1nn":
                    row["chance"] = own["chance_1nn"]
                elif split == "train":
                    row["regrouping_null_99"] = own["regrouping_null_99"][layer]
                rows.append(row)
    return rows


def _step_rows(own):
    """Return dicts from column to value: training questions' ARI and neighbours at each step; the first untrained."""
    rows = []
    for token, measures in own["by_step"].items():
        if token == "last":
            measures = with_shares_within(measures)
        for measure in CURVES if token == "last" else ("ari",):
            for at, step in enumerate(own["steps"]):
                for layer, value in enumerate(measures[measure][at]):
                    row = {"measure": f"{measure} by step, {token} token", "split": "train"}
                    row |= {"step": step, "layer": layer, "value": value}
                    if (token, measure) == ("last", "ari") and layer == len(measures[measure][at]) - 1:
                        row["regrouping_null_99"] = measures["regrouping_null_99"][at]
                    rows.append(row)
    return rows
