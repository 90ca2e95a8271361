"""Present or used? Patching the separator, with a bottleneck or without.

In the plain model the input token may look at every letter of the instruction. In the bottleneck it sees the separator
and itself only, so that all it knows of the instruction went through one token. Both are trained with outputs of their
own and with all outputs shared.

Claim. Where the separator is the only way, the place in the cluster is used: when the separator's state is held at
another task's centroid (the mean of that task's training strings in each layer) from the first block on, the answer
becomes that task's. Without the bottleneck, clusters at the separator may be as clear and yet not be what the answer is
read from: then only replacing the states of the whole instruction moves the answer.

Replaced after one block only, the separator tells when it is read: what the input token took from it in earlier blocks
remains.

Falsified if in the bottleneck the held separator moves fewer than 0.9 of the answers to the other task (in the mean
over patterns); or if steps of the same length in random directions move as many; or if replacing the states of the
whole instruction at layer 0, which makes it another task's instruction, does not move 0.9 of them.
"""

from dataclasses import replace

import numpy as np

from .measure import measure_end
from .patching import answer_logits, at_separator, in_instruction, random_steps
from .statistics import bootstrap_interval, by_pattern, pattern_mean, summary
from .verdicts import unread_verdict, verdict

SMALL, SEEDS = False, 3
PATCHES = ("held", "centroid", "string", "instruction", "random", "random_held")
LEAST_MOVED = 0.9
LEARNED = 0.95  # accuracy on train: of a model that has not learned, nothing is judged
FIRST = 1  # layer: the first at which the separator knows more than its position
PATCH_STREAM = 5  # of random numbers


def trainings(settings):
    """Return {name: Settings}: separate and shared outputs, each without and with the bottleneck."""
    shares = {"separate": 1, "shared": settings.n_tasks}
    return {
        f"{outputs}, {way}": replace(settings, share=share, bottleneck=way == "bottleneck", n_recordings=2)
        for outputs, share in shares.items()
        for way in ("plain", "bottleneck")
    }


def measure(trained):
    """Measure the end of one training, and patch it.

    Parameters
    ----------
    trained : Trained

    Returns
    -------
    dict
        What `measure_end` returns, and `patches` {patch: {"moved", "stayed": [share a layer]}}: answers that become the
        other task's, and those that remain right, of the training strings that were answered rightly and for which the
        two tasks' answers differ. `last_layer`: the largest change of any logit when the separator is patched after the
        last block; `moved_by_pattern`: [share a pattern] for "held" from layer 1 on.

        "held": the separator's state becomes the centroid of another task from this layer on, in each layer its own;
        "centroid": in this layer only; "string": that of a training string of that task; "instruction": the states of
        all letters and of the separator become those of such a string, of the same length; "random": the separator's
        state moves as far as to the centroid, in a random direction; "random_held": from this layer on.

        All shares are None where there is no such string, as in a model that has learned nothing.
    """
    setup, dataset, model = trained.setup, trained.dataset, trained.model
    rng = np.random.default_rng([setup.seed, PATCH_STREAM])
    rows = trained.strings["train"]
    donor = _donors(dataset, rows, rng)  # (n,) of the same length and of another task; -1 where there is none
    kept = donor >= 0
    output, other_output = (dataset.outputs[rows.task[who], rows.input] for who in (np.arange(len(rows)), donor))
    kept &= (output != other_output) & (answer_logits(model, rows, 0).argmax(axis=1) == output)
    donors, rows, output, other_output = rows[donor[kept]], rows[kept], output[kept], other_output[kept]
    if not len(rows):
        nothing = [None] * (model.config.n_layers + 1)
        return {
            **measure_end(trained),
            "n_patched": 0,
            "patches": {patch: {"moved": nothing, "stayed": nothing} for patch in PATCHES},
            "moved_by_pattern": [None] * len(dataset.patterns),
            "last_layer": 0.0,
        }

    own_states, donor_states = (model.hidden_states(split.tokens, split.start) for split in (rows, donors))
    separator, instruction, at = at_separator(rows), in_instruction(rows), np.arange(len(rows))
    moved, stayed = ({patch: [] for patch in PATCHES} for _ in range(2))
    centroids, steps = [], []  # L + 1 arrays (n, 1, C): where the separator is moved to, by design and at random
    for layer, own in enumerate(own_states[:, at, rows.separator]):  # (n, C)
        centroid = trained.centroids(layer)[donors.task]  # (n, C)
        centroids.append(centroid[:, None])
        steps.append(random_steps(own, np.linalg.norm(centroid - own, axis=1), rng)[:, None])
    for layer in range(len(own_states)):
        patches = {
            "held": (separator, centroids[layer], centroids),
            "centroid": (separator, centroids[layer], None),
            "string": (separator, donor_states[layer], None),
            "instruction": (instruction, donor_states[layer], None),
            "random": (separator, steps[layer], None),
            "random_held": (separator, steps[layer], steps),
        }
        for patch, (where, states, held) in patches.items():
            answers = answer_logits(model, rows, layer, where, states, held).argmax(axis=1)  # (n,)
            moved[patch].append(float((answers == other_output).mean()))
            stayed[patch].append(float((answers == output).mean()))
            if (patch, layer) == ("held", FIRST):
                moved_by_pattern = by_pattern(answers == other_output, rows.distribution, len(dataset.patterns))
    last = len(own_states) - 1
    change = answer_logits(model, rows, last, separator, centroids[last]) - answer_logits(model, rows, last)
    return {
        **measure_end(trained),
        "n_patched": len(rows),
        "patches": {patch: {"moved": moved[patch], "stayed": stayed[patch]} for patch in PATCHES},
        "moved_by_pattern": [None if np.isnan(share) else float(share) for share in moved_by_pattern],
        "last_layer": float(np.abs(change).max()),
    }


def _donors(dataset, rows, rng):
    """Return for each row another one at random, of the same length and another task, whose pattern was trained with
    this row's input: (n,) row numbers, -1 where there is none."""
    trained = np.zeros((len(dataset.patterns), dataset.n_inputs), bool)
    trained[dataset.train.distribution, dataset.train.input] = True
    donors = np.full(len(rows), -1)
    for row in range(len(rows)):
        alike = (rows.separator == rows.separator[row]) & (rows.task != rows.task[row])  # (n,)
        fitting = np.flatnonzero(alike & trained[rows.distribution, rows.input[row]])
        if len(fitting):
            donors[row] = rng.choice(fitting)
    return donors


def summarise(runs):
    """Return the verdicts, and medians with ranges by training, patch and layer."""
    names = [name for name in runs[0] if name != "seed"]
    moved = {
        name: {patch: [run[name]["patches"][patch]["moved"] for run in runs] for patch in PATCHES} for name in names
    }  # for each seed [share a layer]
    verdicts = []
    for outputs in ("separate", "shared"):
        name, plain = f"{outputs}, bottleneck", f"{outputs}, plain"
        held = [pattern_mean(run[name]["moved_by_pattern"]) for run in runs]
        random = [own[FIRST] for own in moved[name]["random_held"]]
        whole = [own[0] for own in moved[name]["instruction"]]
        learned = [run[name]["accuracy"]["train"] for run in runs]
        verdicts.append(
            verdict(
                4,
                f"In the bottleneck, with {outputs} outputs, the answer is read from the separator's place",
                f"answers moved by the held separator >= {LEAST_MOVED} and more than by random steps, and by the whole "
                f"instruction at layer 0 >= {LEAST_MOVED}; not judged below {LEARNED} of training answers",
                f"answers moved by holding the separator at another task's centroid from layer {FIRST} on",
                held,
                [
                    h >= LEAST_MOVED and h > r and w >= LEAST_MOVED if a >= LEARNED and h is not None else None
                    for h, r, w, a in zip(held, random, whole, learned)
                ],
                controls={
                    "random steps": random,
                    "the same without the bottleneck": [own[FIRST] for own in moved[plain]["held"]],
                    "whole instruction, layer 0": whole,
                    "the centroid in one layer only, where that moves most": [
                        max((share for share in own if share is not None), default=None)
                        for own in moved[name]["centroid"]
                    ],
                },
                interval=bootstrap_interval(
                    [[np.nan if v is None else v for v in run[name]["moved_by_pattern"]] for run in runs]
                ),
            )
        )
    changes = [max(run[name]["last_layer"] for name in names) for run in runs]
    verdicts.append(unread_verdict(changes))
    return {
        "verdicts": verdicts,
        "moved": {
            name: {patch: [summary(layer) for layer in zip(*shares)] for patch, shares in own.items()}
            for name, own in moved.items()
        },
        "accuracy": {
            name: {
                split: summary([run[name]["accuracy"][split] for run in runs])
                for split in ("train", "unseen_combination")
            }
            for name in names
        },
        "ari": {
            name: [summary(values) for values in zip(*(run[name]["ari"]["train"] for run in runs))] for name in names
        },
    }


def table(results):
    """Return the plotted numbers: a header and rows."""
    effects = [(patch, what) for patch in PATCHES for what in ("moved", "stayed")]
    header = ("seed", "training", "layer", "ari_train", *(f"{patch}_{what}" for patch, what in effects))
    rows = []
    for run in results["runs"]:
        for name in results["moved"]:
            patches = run[name]["patches"]
            for layer, ari in enumerate(run[name]["ari"]["train"]):
                numbers = [patches[patch][what][layer] for patch, what in effects]
                rows.append((run["seed"], name, layer, ari, *numbers))
    return header, rows
