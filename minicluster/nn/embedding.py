"""Token and position embeddings: where token ids become vectors, and at the model's end vectors become scores."""

import numpy as np


def embedding_forward(tokens, wte, wpe):
    """Look up each token's vector and add the vector of its position.

    Parameters
    ----------
    tokens : (B, T) integers
        Token ids, each from 0 to V - 1.
    wte : (V, C) array
        One row for each token of the vocabulary.
    wpe : (at least T, C) array
        One row for each position.

    Returns
    -------
    x : (B, T, C) array
    cache : tuple
        What `embedding_backward` needs.
    """
    T = tokens.shape[1]
    x = wte[tokens] + wpe[:T]  # (B, T, C) + (T, C) -> (B, T, C)
    return x, (tokens, wte.shape, wpe.shape)


def embedding_backward(dx, cache):
    """Add each position's gradient to the two rows that it was read from.

    A row that was read several times receives the sum: the same token may stand in many places,
    and every sequence of the batch reads the same T position rows.

    Parameters
    ----------
    dx : (B, T, C) array
    cache : tuple
        From `embedding_forward`.

    Returns
    -------
    dict
        `wte` (V, C) and `wpe` (as many rows as given, C). Token ids have no gradient.
    """
    tokens, wte_shape, wpe_shape = cache
    T = tokens.shape[1]

    # forward: x = wte[tokens] + wpe[:T]
    dwpe = np.zeros(wpe_shape, dx.dtype)
    dwpe[:T] = dx.sum(axis=0)  # (B, T, C) -> (T, C)
    dwte = np.zeros(wte_shape, dx.dtype)
    np.add.at(dwte, tokens, dx)  # unlike dwte[tokens] += dx, this adds repeated tokens up
    return {"wte": dwte, "wpe": dwpe}


def unembedding_forward(x, wte):
    """Score each token of the vocabulary by the product of its vector with `x`.

    Parameters
    ----------
    x : (..., C) array
    wte : (V, C) array
        One row for each token; with tied embeddings the same as in `embedding_forward`.

    Returns
    -------
    logits : (..., V) array
    cache : tuple
        What `unembedding_backward` needs.
    """
    logits = x @ wte.T  # (..., C) @ (C, V) -> (..., V)
    return logits, (x, wte)


def unembedding_backward(dlogits, cache):
    """Gradients of `unembedding_forward`.

    Parameters
    ----------
    dlogits : (..., V) array
    cache : tuple
        From `unembedding_forward`.

    Returns
    -------
    dict
        `x` (..., C), `wte` (V, C).
    """
    x, wte = cache
    V, C = wte.shape
    # forward: logits = x @ wte.T
    dwte = dlogits.reshape(-1, V).T @ x.reshape(-1, C)  # (V, rows) @ (rows, C) -> (V, C)
    dx = dlogits @ wte  # (..., V) @ (V, C) -> (..., C)
    return {"x": dx, "wte": dwte}
