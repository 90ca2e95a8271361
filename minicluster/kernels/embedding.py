"""Token and position embeddings, and the token embedding read the other way, as `nn/embedding.py` computes them."""

from ..checks import check_tokens
from ..jit import compiled
from .arguments import as_rows, expect_axes, expect_shape, float_arrays, index_array
from .linear import multiply_rows, transposed, weight_gradient
from .memory import FRESH


def embedding_forward(tokens, wte, wpe, *, memory=FRESH):
    """Look up each token's vector and add the vector of its position; as `nn.embedding_forward`.

    Fused: the sum is formed while the token's row is read; the plain form makes an array of token rows first. One
    thread does it: there is so little to do that waking others would take as long.

    Parameters
    ----------
    tokens, wte, wpe
        As in `nn.embedding_forward`; both matrices float32 or both float64.
    memory : Fresh or Workspace

    Returns
    -------
    x : (B, T, C) array
    cache : tuple

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit, or a token or position has no row.
    """
    wte, wpe = float_arrays(wte=wte, wpe=wpe)
    expect_axes("wte", wte, "(V, C)")
    expect_shape("wpe", wpe, (*wpe.shape[:1], wte.shape[1]))
    tokens = index_array(check_tokens(tokens, len(wte), len(wpe)))
    x = memory.empty((*tokens.shape, wte.shape[1]), wte.dtype)
    _embedding(tokens, wte, wpe, x)
    return x, (tokens, wte, wpe)


def embedding_backward(dx, cache, *, memory=FRESH):
    """Add each position's gradient to the two rows that it was read from; as `nn.embedding_backward`.

    Fused: both gradients in one pass over dx, by one thread: the same token may stand in many places, so threads could
    not share the places.

    Parameters
    ----------
    dx, cache
        As in `nn.embedding_backward`.
    memory : Fresh or Workspace

    Returns
    -------
    dict
        `wte`, `wpe`.
    """
    tokens, wte, wpe = cache
    wte, dx = float_arrays(wte=wte, dx=dx)
    expect_shape("dx", dx, (*tokens.shape, wte.shape[1]))
    dwte, dwpe = memory.gradient_of(wte), memory.gradient_of(wpe)
    _embedding_backward(tokens, dx, dwte, dwpe)
    return {"wte": dwte, "wpe": dwpe}


def unembedding_forward(x, wte, *, memory=FRESH):
    """Compare each vector with each token's row: x @ wte.T; as `nn.unembedding_forward`.

    Nothing to fuse: there is no bias. The small matrix wte is transposed first, so that the product's innermost loop
    runs along rows, as vectors need it.

    Parameters
    ----------
    x, wte
        As in `nn.unembedding_forward`; both float32 or both float64.
    memory : Fresh or Workspace

    Returns
    -------
    logits : (..., V) array
    cache : tuple

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    x, wte = float_arrays(x=x, wte=wte)
    rows = as_rows("x", x)
    expect_shape("wte", wte, (*wte.shape[:1], rows.shape[1]))
    logits = memory.empty((*x.shape[:-1], len(wte)), x.dtype)
    multiply_rows(rows, transposed(wte, memory), logits.reshape(len(rows), len(wte)))
    return logits, (x, wte)


def unembedding_backward(dlogits, cache, *, memory=FRESH):
    """Gradients of `unembedding_forward`; as `nn.unembedding_backward`.

    Nothing to fuse: they are two products, and wte lies the right way for x's.

    Parameters
    ----------
    dlogits, cache
        As in `nn.unembedding_backward`.
    memory : Fresh or Workspace

    Returns
    -------
    dict
        `x`, `wte`.
    """
    x, wte = cache
    x, dlogits = float_arrays(x=x, dlogits=dlogits)
    expect_shape("dlogits", dlogits, (*x.shape[:-1], len(wte)))
    # Not memory.gradient_of(wte): with tied embeddings that is where the other half of wte's gradient goes.
    dx, dwte = memory.empty(x.shape, x.dtype), memory.empty(wte.shape, x.dtype)
    dlogits_rows = as_rows("dlogits", dlogits)
    # forward: logits = x @ wte.T
    multiply_rows(dlogits_rows, wte, as_rows("dx", dx))
    weight_gradient(dlogits_rows, as_rows("x", x), dwte)
    return {"x": dx, "wte": dwte}


@compiled()
def _embedding(tokens, wte, wpe, x):
    B, T = tokens.shape
    for b in range(B):
        for t in range(T):
            token_row, position_row, row = wte[tokens[b, t]], wpe[t], x[b, t]
            for c in range(row.size):
                row[c] = token_row[c] + position_row[c]


@compiled()
def _embedding_backward(tokens, dx, dwte, dwpe):
    dwte[:] = 0
    dwpe[:] = 0
    B, T = tokens.shape
    for b in range(B):
        for t in range(T):
            token_row, position_row, row = dwte[tokens[b, t]], dwpe[t], dx[b, t]
            for c in range(row.size):
                token_row[c] += row[c]
                position_row[c] += row[c]
