"""The loss and its gradient, as `nn/cross_entropy.py` computes them."""

import numpy as np

from ..checks import check_targets
from ..jit import compiled, prange
from .arguments import as_rows, float_arrays, index_array
from .elementary import FASTMATH as EXACT_ORDER
from .elementary import exp
from .memory import FRESH

ROWS = 64  # of one task


def cross_entropy(logits, targets, mask=None, *, memory=FRESH):
    """Mean of -log softmax(logits)[target] over the counted tokens, and its gradient; as `nn.cross_entropy`.

    Fused: each row's maximum, exponentials, sum, loss and gradient while the row is in the fastest cache; rows that
    don't count only get their zeros, without being picked out into an array of their own.

    Parameters
    ----------
    logits, targets, mask
        As in `nn.cross_entropy`; float32 or float64.
    memory : Fresh or Workspace

    Returns
    -------
    loss : scalar of the logits' dtype
    dlogits : (..., V) array

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit, a counted target is out of range, or no token counts.
    """
    (logits,) = float_arrays(logits=logits)
    targets, mask = check_targets(logits, targets, mask)
    dlogits = memory.empty(logits.shape, logits.dtype)
    targets, mask = index_array(targets).reshape(-1), np.array(mask, order="C").reshape(-1)
    losses = memory.empty(targets.shape, logits.dtype)
    _cross_entropy(as_rows("logits", logits), targets, mask, mask.sum(), losses, as_rows("dlogits", dlogits))
    return losses.sum() / logits.dtype.type(mask.sum()), dlogits


@compiled(fastmath=EXACT_ORDER)
def _loss(right, most, total):
    """-log(exp(right - most) / total). In another order, (log(total) + most) - right, large logits would swallow it."""
    return np.log(total) - (right - most)


@compiled(parallel=True)
def _cross_entropy(logits, targets, mask, counted, losses, dlogits):
    M, V = logits.shape
    number = logits.dtype.type
    share = number(1) / number(counted)
    for task in prange((M + ROWS - 1) // ROWS):
        for i in range(task * ROWS, min(task * ROWS + ROWS, M)):
            if not mask[i]:
                losses[i] = 0
                for j in range(V):
                    dlogits[i, j] = 0
                continue
            most = logits[i, 0]
            for j in range(V):
                most = max(most, logits[i, j])
            total = number(0)
            for j in range(V):
                dlogits[i, j] = exp(logits[i, j] - most)
                total += dlogits[i, j]
            losses[i] = _loss(logits[i, targets[i]], most, total)
            for j in range(V):
                dlogits[i, j] *= share / total
            dlogits[i, targets[i]] -= share
