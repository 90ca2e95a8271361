"""The loss: how surprised the model is, on average, by the tokens that it should have predicted."""

import numpy as np

from ..checks import check_targets


def cross_entropy(logits, targets, mask=None):
    """Mean of -log softmax(logits)[target] over the counted tokens, and its gradient.

    Parameters
    ----------
    logits : (..., V) array
        (n, V) or (B, T, V), float or complex.
    targets : (...) integers
        The right token of each position, from 0 to V - 1; not read where `mask` is False.
    mask : (...) bool, optional
        True where a token counts; by default everywhere.

    Returns
    -------
    loss : scalar of the logits' dtype
        In nats. A model that knows nothing has log V.
    dlogits : (..., V) array
        (softmax(logits) - onehot(target)) / counted tokens; 0 where the mask is False.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit, a counted target is out of range, or no token counts.
    """
    logits = np.asarray(logits)
    targets, mask = check_targets(logits, targets, mask)
    counted = logits[mask]  # (..., V) -> (N, V), only the rows that count
    N = len(counted)
    rows, right = np.arange(N), targets[mask]  # (N,)

    shifted = counted - counted.real.max(axis=-1, keepdims=True)  # (N, V); exp can't overflow
    log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))  # (N, 1)
    log_p = shifted - log_sum  # (N, V), the logarithm of softmax
    loss = -log_p[rows, right].mean()

    # log p_right = z_right - log sum_j exp(z_j), and the derivative of the last term by z_i is p_i.
    dcounted = np.exp(log_p)
    dcounted[rows, right] -= 1
    dcounted /= N
    dlogits = np.zeros_like(logits)
    dlogits[mask] = dcounted  # (N, V) -> (..., V)
    return loss, dlogits
