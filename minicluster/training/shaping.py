"""A second loss, on the hidden states at the separator: it shapes the clusters that the first one leaves to chance."""

import numpy as np

from ..checks import check_positive, check_whole_number
from ..nn import AdamW, Parameters, contrastive_loss, group_loss
from .step import answer_objective


class Shaping:
    """What each step of a training minimises: the answers' loss, one on the states at the separator, or both.

        training_steps(..., objective_of=Shaping(split, layer=3, state_loss=GroupLoss(split.task, 10, C)))

    Parameters
    ----------
    split : Split
        What is trained.
    layer : int
        The states after this block, 1 to L, are shaped.
    state_loss : callable
        Takes states (B, C) and the numbers (B,) of the split's rows that they are of; returns a loss in nats and its
        gradient (B, C).
    weight : float
        That loss counts so often, the answers' once.
    alone : int
        The first so many steps minimise the states' loss alone, all others the answers' alone. With 0, each step
        minimises both.

    Raises
    ------
    ValueError, TypeError
        If a number is out of its range; in training, if the model has no such layer.
    """

    def __init__(self, split, layer, state_loss, weight=1.0, alone=0):
        check_whole_number("layer", layer, 1)
        check_whole_number("alone", alone, 0)
        check_positive("weight", weight)
        wrong = np.flatnonzero((split.separator < 0) | (split.separator >= split.lengths))
        if len(wrong):
            row = wrong[0]
            raise ValueError(
                f"split.separator[{row}] = {split.separator[row]}, expected 0 to {split.lengths[row] - 1}: tokens that "
                "are read"
            )
        self.separator, self.layer, self.state_loss = split.separator, layer, state_loss
        self.weight, self.alone = weight, alone

    def __call__(self, step, rows):
        """Return the objective (see `train_step`) of a step, counted from 1, that reads these rows (B,)."""
        if self.alone and step > self.alone:
            return answer_objective
        answers_weight = 0 if self.alone else 1

        def objective(model, tokens, targets, mask, start):
            if self.layer > model.config.n_layers:
                raise ValueError(
                    f"layer = {self.layer}, expected at most {model.config.n_layers}, the number of blocks"
                )
            logits, states, cache = model.forward_with_states(tokens, start)  # (B, T, V), L + 1 arrays (B, T, C)
            answers_loss, dlogits = model.operations.cross_entropy(logits, targets, mask)
            separator = np.arange(len(rows)), self.separator[rows]
            states_loss, dseparator = self.state_loss(states[self.layer][separator], rows)  # (B, C)
            dstates = np.zeros_like(states[self.layer])  # (B, T, C)
            dstates[separator] = self.weight * dseparator
            loss = answers_weight * answers_loss + self.weight * states_loss
            return loss, model.backward(answers_weight * dlogits, cache, {self.layer: dstates})

        return objective


class GroupLoss:
    """A `state_loss` that knows each row's group: a linear reader, learned beside the model, names it.

    Parameters
    ----------
    groups : (n,) integers
        Of the split's rows, from 0 to `n_groups` - 1.
    n_groups : int
        K
    width : int
        C
    lr : float
        Of the reader's own AdamW, which takes a step at each call. Ours: ten times the model's, so that the reader
        follows the states.

    Raises
    ------
    ValueError, TypeError
        If `n_groups` or `width` is not a number of things.
    """

    def __init__(self, groups, n_groups, width, lr=1e-2):
        check_whole_number("n_groups", n_groups, 1)
        check_whole_number("width", width, 1)
        self.groups = np.asarray(groups)
        self.reader = Parameters({"weight": (width, n_groups), "bias": (n_groups,)}, np.float32)  # 0: it knows nothing
        self.optimizer = AdamW(self.reader, lr=lr)

    def __call__(self, states, rows):
        """Return the loss and its gradient (B, C); the reader learns, too."""
        loss, gradients = group_loss(states, self.groups[rows], **self.reader)
        dstates = gradients.pop("x")
        if np.isfinite(loss):
            self.optimizer.step(gradients)
        return loss, dstates


def pair_loss(states, rows):
    """A `state_loss` of `PairedBatches`: row i of the first half means the same as row i of the second.

    All others of the batch count as strangers, also those of the same task, and rows of the very same string.
    """
    half, rest = divmod(len(rows), 2)
    if rest:
        raise ValueError(f"rows has {len(rows)} entries, expected an even number: two halves of pairs")
    return contrastive_loss(states, np.roll(np.arange(len(rows)), half))
