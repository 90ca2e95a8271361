"""What a training of ShapedSettings is told besides the answers: groups of patterns, right or wrong, or pairs."""

import itertools

import numpy as np

from ..cluster import adjusted_rand_score
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
        groups = told_groups(setup)  # (patterns,)
        state_loss = GroupLoss(groups[train.distribution], groups.max() + 1, s.d_model)
    else:
        halves = ShuffledBatches(len(train), s.batch_size // 2, order, lengths)
        partners = _partners(setup)
        batches = PairedBatches(halves, partners, [setup.seed, PARTNER_STREAM])
        if s.shaping_steps:  # what is trained afterwards has no pairs any more
            plain = ShuffledBatches(len(train), s.batch_size, order, lengths)
            batches = itertools.chain(itertools.islice(batches, s.shaping_steps), plain)
        state_loss = pair_loss
    return batches, Shaping(train, s.middle_layer, state_loss, s.shaping_weight, s.shaping_steps)


def told_groups(setup):
    """Return the group that each pattern is told to belong to.

    Those of `n_right` tasks, drawn at random, are grouped rightly, by their task. The patterns of the other tasks are
    dealt at random into groups of equal size (`dealt`), by chance some of a task together; or each is a group of its
    own, which says nothing of tasks.

    Parameters
    ----------
    setup : Setup
        Of ShapedSettings.

    Returns
    -------
    (patterns,) int64
        A task that is grouped rightly has its own number, and a pattern by itself one from n_tasks on.
    """
    n_tasks, n_distributions = setup.dataset.n_tasks, setup.dataset.n_distributions
    rng = np.random.default_rng([setup.seed, TOLD_STREAM])
    _, others = _drawn_tasks(setup, rng)
    groups = np.repeat(np.arange(n_tasks), n_distributions).reshape(n_tasks, n_distributions)  # of all, right
    if setup.settings.dealt:
        groups[others] = rng.permutation(groups[others].ravel()).reshape(-1, n_distributions)
    else:
        groups[others] = n_tasks + np.arange(len(others) * n_distributions).reshape(-1, n_distributions)
    return groups.reshape(-1)


def right_tasks(setup):
    """Return the tasks whose patterns a training is told rightly, in rising order: a list, empty without groups."""
    if setup.settings.shaping != GROUPS:
        return []
    return _drawn_tasks(setup, np.random.default_rng([setup.seed, TOLD_STREAM]))[0].tolist()


def _drawn_tasks(setup, rng):
    """Draw `n_right` tasks: them and all others, both in rising order."""
    n_tasks, n_right = setup.dataset.n_tasks, setup.settings.n_right
    drawn = rng.permutation(n_tasks)
    n_right = n_tasks if n_right is None else n_right
    return np.sort(drawn[:n_right]), np.sort(drawn[n_right:])


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


def pair_chains(setup):
    """Return how far pairs lead, if one goes from string to partner, either way, as far as one can.

    Parameters
    ----------
    setup : Setup
        Of ShapedSettings with pairs.

    Returns
    -------
    dict
        `n`, the number of chains that the strings fall into, and `ari` of the chains with the tasks.
    """
    train = setup.dataset.train
    partners = _partners(setup)
    strings = train.unique_instructions()  # (strings,) rows
    number = {string: place for place, string in enumerate(train.instruction[strings])}
    partner = np.array([number[train.instruction[partners[row][0]]] for row in strings])  # (strings,)
    chain = np.arange(len(strings))
    while True:  # the lowest number spreads along the pairs, until nothing changes
        lowest = np.minimum(chain, chain[partner])
        np.minimum.at(lowest, partner, chain)
        if (lowest == chain).all():
            return {"n": len(np.unique(chain)), "ari": adjusted_rand_score(train.task[strings], chain)}
        chain = lowest


def _partners(setup):
    """Return the partners that a training of pairs is told; see `partner_rows`."""
    return partner_rows(setup.dataset.train, np.random.default_rng([setup.seed, TOLD_STREAM]))
