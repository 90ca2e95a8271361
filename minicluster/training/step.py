"""One training step, and the loop that takes many."""

import math

import numpy as np

from ..checks import check_max_norm
from ..nn import AdamW, Parameters, clip_and_update
from .memory import keep_freed_memory


class TrainingDiverged(ArithmeticError):
    """The loss or the gradient stopped being a finite number.

    Attributes
    ----------
    step : int
        The step that failed, counted from 1.
    last_finite_loss : float or None
        The loss of the step before; None if the first step failed.
    """

    def __init__(self, step, last_finite_loss):
        self.step, self.last_finite_loss = step, last_finite_loss
        before = (
            "it was the first step" if last_finite_loss is None else f"the last finite loss was {last_finite_loss:.4g}"
        )
        super().__init__(f"the loss or its gradient is no longer finite at step {step}; {before}. A lower lr may help")


def answer_objective(model, tokens, targets, mask=None, start=None):
    """Return the mean cross-entropy of the counted tokens, and its gradients; see `train_step`."""
    logits, cache = model.forward(tokens, start)  # (B, T, V)
    loss, dlogits = model.operations.cross_entropy(logits, targets, mask)
    return loss, model.backward(dlogits, cache)


def train_step(model, optimizer, tokens, targets, mask=None, max_norm=1.0, start=None, objective=answer_objective):
    """Forward, loss, backward, clipping, update.

    Parameters
    ----------
    model : Transformer
    optimizer : AdamW, or any object with a method `step(gradients)`
        Made with `model.parameters`.
    tokens, targets : (B, T) integers
    mask : (B, T) bool, optional
        True where a target counts; by default everywhere.
    max_norm : float
        Longer gradients are scaled down to this norm.
    start : (B, T) integers, optional
        See `Transformer.forward`.
    objective : callable
        What is minimised: takes model, tokens, targets, mask and start; returns a loss and the gradients of the model's
        parameters. By default the answers' cross-entropy.

    Returns
    -------
    loss : float
        Before the update, by default in nats a counted token.
    norm : float
        The gradient's norm before clipping. If loss or norm is not finite, nothing was updated.
    """
    check_max_norm(max_norm)
    model = model.reusing_memory()
    loss, gradients = objective(model, tokens, targets, mask, start)
    loss = float(loss)
    if not math.isfinite(loss):  # nothing is to be updated, so only the norm is wanted
        return loss, model.operations.gradient_norm(gradients)
    # The model's backend knows how to do both at once for our own AdamW; any other optimiser has a `step` of its own.
    ours = type(optimizer) is AdamW and isinstance(optimizer.parameters, Parameters)
    update = model.operations.clip_and_update if ours else clip_and_update
    return loss, update(optimizer, gradients, max_norm)


def training_steps(
    model, optimizer, split, steps, batches, *, learning_rate, max_norm=1.0, last_loss=None, objective_of=None
):
    """Train step by step, handing control back after each.

    Parameters
    ----------
    model : Transformer
    optimizer : AdamW
        Steps that it has taken already are not taken again: a training that was interrupted goes on.
    split : Split
        Its `tokens`, `targets`, `mask` and `start` are used.
    steps : int
        Length of the whole training.
    batches : ShuffledBatches, or any iterator
        Gives row numbers (B,) of the split.
    learning_rate : function from int to float
        The rate of step 0, 1, ..., steps - 1.
    max_norm : float
        See `train_step`.
    last_loss : float, optional
        Of the step before the first of these, if it was taken earlier.
    objective_of : callable, optional
        Takes the step, from 1, and its row numbers (B,); returns the objective (see `train_step`). By default each
        step's is the answers' cross-entropy.

    Yields
    ------
    step : int
        Steps taken so far, up to `steps`.
    loss : float
        This step's.

    Raises
    ------
    TrainingDiverged
        If the loss or the gradient's norm is no longer finite.
    """
    keep_freed_memory()
    for step in range(optimizer.steps + 1, steps + 1):
        rows = next(batches)  # (B,)
        read = slice(_last_counted(split.mask[rows]) + 1)  # what comes after it changes nothing that counts
        tokens, targets, mask, start = (
            array[rows, read] for array in (split.tokens, split.targets, split.mask, split.start)
        )
        objective = answer_objective if objective_of is None else objective_of(step, rows)
        optimizer.lr = learning_rate(step - 1)
        with np.errstate(all="ignore"):  # NaN and infinity are looked for here, so NumPy need not warn of them
            loss, norm = train_step(model, optimizer, tokens, targets, mask, max_norm, start, objective)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainingDiverged(step, last_loss)
        last_loss = loss
        yield step, loss


def _last_counted(mask):
    """Return the last position that counts in any row of a mask (B, T): an int."""
    return int(np.flatnonzero(mask.any(axis=0))[-1])
