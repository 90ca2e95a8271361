"""Activation patching: change a hidden state on the way, and see whether the answer follows.

That a state tells the task (it is *present*) does not say that the model reads it there (that it is *used*). So the
state is replaced by another one, everything behind it is computed anew, and the answer tells.

Source: Vig et al. 2020, "Investigating gender bias in language models using causal mediation analysis"; Geiger et al.
2021, "Causal abstractions of neural networks" (interchange interventions).
"""

import numpy as np

BATCH = 128  # sequences at a time


def answer_logits(model, rows, layer, where=None, states=None, held=None):
    """Return the logits at the input token after the stream was patched.

    Parameters
    ----------
    model : Transformer
    rows : Split
        n examples.
    layer : int
        0 to L: the stream after this block is patched.
    where : (n, T) bool, optional
        The positions whose states are replaced; by default none.
    states : (n, T, C) or (n, 1, C) array, optional
        What replaces them.
    held : list of such arrays, optional
        One for each layer 0 to L: the same positions are replaced after every later block, too.

    Returns
    -------
    (n, V) array
    """
    pieces = []
    for first in range(0, len(rows), BATCH):
        chosen = slice(first, first + BATCH)
        batch = rows[chosen]

        def patched(at, x, chosen=chosen):
            new = states if at == layer else held[at]
            return np.where(where[chosen][:, :, None], new[chosen].astype(x.dtype), x)  # (B, T, C)

        x = model.hidden_states(batch.tokens, batch.start)[layer]  # (B, T, C)
        if where is not None:
            x = patched(layer, x)
        logits = model.logits_from(x, layer, batch.start, patched if held is not None else None)  # (B, T, V)
        pieces.append(logits[batch.mask])  # (B, V)
    return np.concatenate(pieces)


def at_separator(rows):
    """Return where the separator is: (n, T) bool."""
    return np.arange(rows.tokens.shape[1]) == rows.separator[:, None]


def in_instruction(rows):
    """Return where the instruction is, its letters and the separator: (n, T) bool."""
    return np.arange(rows.tokens.shape[1]) <= rows.separator[:, None]


def random_steps(states, lengths, rng):
    """Return states (n, C) moved by steps of the given lengths (n,) in random directions."""
    steps = rng.standard_normal(states.shape).astype(states.dtype)  # (n, C)
    return states + steps * (lengths / np.linalg.norm(steps, axis=1))[:, None].astype(states.dtype)


def other_tasks(own, n_tasks, rng, not_these=None):
    """Draw another task for each row.

    Parameters
    ----------
    own : (n,) integers
    n_tasks : int
    rng : np.random.Generator
    not_these : (n,) integers, optional
        A second task that is not to be drawn.

    Returns
    -------
    (n,) integers
    """
    draws = rng.random((len(own), n_tasks))  # (n, tasks): the largest is drawn
    draws[np.arange(len(own)), own] = -1
    if not_these is not None:
        draws[np.arange(len(own)), not_these] = -1
    return draws.argmax(axis=1)
