"""Looking at a model without changing it: its answers and its hidden states."""

from dataclasses import dataclass

import numpy as np

EVALUATION_BATCH = 128  # sequences at a time; bounds memory, changes no result
FIRST_SHARE = 0.01  # of the training: the first recording after step 0; before that, little happens


@dataclass(frozen=True)
class Recording:
    """The model at one step.

    Attributes
    ----------
    step : int
        Steps taken, 0 for the untrained model.
    loss, accuracy : dict from split to float
    states : dict from str to (L + 1, strings, C) array
        Hidden states at the separator of each unique string, of train and of unseen_instruction; what else, is the
        recorder's choice.
    """

    step: int
    loss: dict
    accuracy: dict
    states: dict


def recording_steps(steps, n):
    """Return the steps to record at: 0, then n from `steps` / 100 to `steps`, evenly spaced on a logarithmic scale.

    Parameters
    ----------
    steps : int
        Length of the training, at least 1.
    n : int
        At least 2. Numbers that round to the same step count once.

    Returns
    -------
    list of int
        In rising order, from 0 to `steps`.
    """
    first = max(1, steps * FIRST_SHARE)
    return [0, *sorted({int(step) for step in np.geomspace(first, steps, n).round()})]


def answer(model, split):
    """Let the model answer every example, each token of an answer given the right ones before it.

    Parameters
    ----------
    model : Transformer
    split : Split
        n rows, each with at least one masked position; an answer of several tokens has one for each.

    Returns
    -------
    losses : (n,) float64
        -log of the probability that each right answer was given, in nats: the sum over its tokens.
    right : (n,) bool
        Whether the right token was the likeliest of all at each masked position. If these follow one another, that is
        whether `Transformer.generate` at temperature 0 would write the whole answer after the tokens up to the first
        of them: as long as it writes the right tokens, it reads what the row holds, and the first wrong one is wrong in
        both. (Up to roundings, which can decide between equally likely tokens, and if no `start` hides tokens.)

    Raises
    ------
    ValueError
        If a row has no masked position.
    """
    empty = np.flatnonzero(~split.mask.any(axis=1))
    if len(empty):
        raise ValueError(f"mask[{empty[0]}] is False everywhere, expected at least one counted token in each row")
    losses, right = np.zeros(len(split)), np.zeros(len(split), bool)
    for first in range(0, len(split), EVALUATION_BATCH):
        rows = slice(first, first + EVALUATION_BATCH)
        batch = split[rows]
        logits = model.forward(batch.tokens, batch.start)[0][batch.mask]  # (B, T, V) -> (N, V), N counted tokens
        targets = batch.targets[batch.mask]  # (N,)
        shifted = logits - logits.max(axis=-1, keepdims=True)  # (N, V)
        token_losses = np.log(np.exp(shifted).sum(axis=-1)) - shifted[np.arange(len(targets)), targets]  # (N,)
        wrong = logits.argmax(axis=-1) != targets  # (N,)
        row = batch.mask.nonzero()[0]  # (N,), of each counted token
        losses[rows] = np.bincount(row, token_losses, minlength=len(batch))  # sums in float64
        right[rows] = np.bincount(row, wrong, minlength=len(batch)) == 0
    return losses, right


def hidden_states_at(model, tokens, positions, start=None):
    """Return every layer's hidden state of one token, or of k, in each sequence.

    Parameters
    ----------
    model : Transformer
    tokens : (n, T) integers
    positions : (n,) or (n, k) integers
        The token, or the k tokens, to look at in each sequence.
    start : (n, T) integers, optional
        See `Transformer.forward`.

    Returns
    -------
    (L + 1, n, C) or (L + 1, n, k, C) array
        Index 0 is the embedding output, l the stream after block l.
    """
    pieces = []
    rows_shape = (-1,) + (1,) * (np.ndim(positions) - 1)
    for first in range(0, len(tokens), EVALUATION_BATCH):
        chosen = slice(first, first + EVALUATION_BATCH)
        states = model.hidden_states(tokens[chosen], None if start is None else start[chosen])  # (L + 1, B, T, C)
        rows = np.arange(states.shape[1]).reshape(rows_shape)  # (B,) or (B, 1)
        pieces.append(states[:, rows, positions[chosen]])  # (L + 1, B, C) or (L + 1, B, k, C)
    return np.concatenate(pieces, axis=1)
