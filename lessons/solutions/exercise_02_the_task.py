"""Solutions of the exercises for lesson 2, The task."""

import numpy as np


def string_probabilities(parts):
    so_far = {"": 1.0}
    for options in parts:
        longer = {}
        for string, p in so_far.items():
            for option in options:
                longer[string + option] = longer.get(string + option, 0) + p / len(options)
        so_far = longer
    return so_far


def targets_and_mask(tokens, separator, outputs):
    each_row, place = np.arange(len(tokens)), separator + 1  # (B,), (B,)
    targets, mask = np.zeros_like(tokens), np.zeros(tokens.shape, bool)  # (B, T), (B, T)
    targets[:, :-1] = tokens[:, 1:]
    targets[each_row, place] = outputs
    mask[each_row, place] = True
    return targets, mask


def seen_in_training(train, test):
    by_pattern = {(pattern, x) for _, pattern, x in train.tolist()}
    by_task = {(task, x) for task, _, x in train.tolist()}
    return np.array([0 if (p, x) in by_pattern else 1 if (t, x) in by_task else 2 for t, p, x in test.tolist()])  # (n,)
