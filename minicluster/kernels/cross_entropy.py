"""The loss and its gradient, as `nn/cross_entropy.py` computes them."""

import numpy as np

from ..checks import check_targets
from ..jit import compiled, prange, widest_vectors
from .arguments import as_rows, float_arrays, index_array
from .elementary import exp, sum_of
from .memory import FRESH
from .tasks import count

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


@compiled()
def _some_rows(logits, targets, mask, share, losses, dlogits, first, last):
    """Some rows of `_cross_entropy`; `share` is one token's part in the mean."""
    widest_vectors()
    V = logits.shape[1]
    for i in range(first, last):
        if not mask[i]:
            losses[i] = 0
            for j in range(V):
                dlogits[i, j] = 0
            continue
        most = logits[i, 0]
        for j in range(V):
            most = max(most, logits[i, j])
        for j in range(V):
            dlogits[i, j] = exp(logits[i, j] - most)
        total = sum_of(dlogits[i])
        # -log(exp(right - most) / total). As (log(total) + most) - right, large logits would swallow log(total).
        losses[i] = np.log(total) - (logits[i, targets[i]] - most)
        scale = share / total
        for j in range(V):
            dlogits[i, j] *= scale
        dlogits[i, targets[i]] -= share


@compiled(parallel=True)
def _cross_entropy(logits, targets, mask, counted, losses, dlogits):
    """Losses (M,) and dlogits (M, V) of all rows; `counted` is the number of True in `mask` (M,)."""
    M = logits.shape[0]
    share = logits.dtype.type(1) / logits.dtype.type(counted)
    for task in prange(count(M, ROWS)):
        _some_rows(logits, targets, mask, share, losses, dlogits, task * ROWS, min(task * ROWS + ROWS, M))
