"""What a training of ShapedSettings is told besides the answers: groups of patterns, right or wrong, or pairs."""

import numpy as np

from ..training import GroupLoss, PairedBatches, Shaping, ShuffledBatches, pair_loss
from .settings import GROUPS, ORDER_STREAM, ShapedSettings

TOLD_STREAM, PARTNER_STREAM = 7, 8  # of random numbers


def batches_and_objective(setup):
    """Return what a training takes its batches and its objective from.

    Parameters
    ----------
    setup : Setup

    Returns
    -------
    batches : iterator of (B,) integers
    objective_of : callable or None
        See `training_steps`.
    """
    s, train = setup.settings, setup.dataset.train
    order, lengths = [setup.seed, ORDER_STREAM], train.lengths if s.by_length else None
    if not isinstance(s, ShapedSettings) or s.shaping is None:
        return ShuffledBatches(len(train), s.batch_size, order, lengths), None
    if s.shaping == GROUPS:
        batches = ShuffledBatches(len(train), s.batch_size, order, lengths)
        state_loss = GroupLoss(told_groups(setup)[train.distribution], s.n_tasks, s.d_model)
    else:
        halves = ShuffledBatches(len(train), s.batch_size // 2, order, lengths)
        partners = partner_rows(train, np.random.default_rng([setup.seed, TOLD_STREAM]))
        batches = PairedBatches(halves, partners, [setup.seed, PARTNER_STREAM])
        state_loss = pair_loss
    return batches, Shaping(train, s.middle_layer, state_loss, s.shaping_weight, s.shaping_steps)


def told_groups(setup):
    """Return the group that each pattern is told to belong to.

    Those of `n_right` tasks, drawn at random, are grouped rightly. All others are dealt like cards: a task's patterns
    go, in random order, to as many different groups as there are, so that none stands with another of its task as long
    as the tasks that are dealt are not fewer than a task's patterns.

    Parameters
    ----------
    setup : Setup
        Of ShapedSettings.

    Returns
    -------
    (patterns,) int64
        From 0 to n_tasks - 1, n_distributions patterns each. A task that is grouped rightly has its own number.
    """
    n_tasks, n_distributions = setup.dataset.n_tasks, setup.dataset.n_distributions
    rng = np.random.default_rng([setup.seed, TOLD_STREAM])
    groups = np.repeat(np.arange(n_tasks), n_distributions).reshape(n_tasks, n_distributions)
    dealt = rng.permutation(n_tasks)[setup.settings.n_right :]  # tasks
    shifts = np.resize(rng.permutation(len(dealt)), n_distributions)  # different ones, where there are enough
    for place, task in enumerate(dealt):
        groups[task] = rng.permutation(dealt[(place + shifts) % len(dealt)])
    return groups.reshape(-1)


def partner_rows(split, rng):
    """Draw for each string, once, another one of its task but of another pattern: its partner, which means the same.

    Parameters
    ----------
    split : Split
        Its tasks have at least two patterns each.
    rng : np.random.Generator

    Returns
    -------
    list of n integer arrays
        For each row of the split, the rows of its string's partner, with whichever inputs it has.
    """
    # A string's pattern belongs to it: where patterns are alike, two of them may have made the same string.
    strings = list(zip(split.task.tolist(), split.distribution.tolist(), split.instruction.tolist()))  # of each row
    rows_of = {}
    for row, string in enumerate(strings):
        rows_of.setdefault(string, []).append(row)
    partners = {}
    for task, distribution, text in rows_of:
        fitting = [other for other in rows_of if other[0] == task and other[1] != distribution]
        partners[task, distribution, text] = np.array(rows_of[fitting[rng.integers(len(fitting))]])
    return [partners[string] for string in strings]
