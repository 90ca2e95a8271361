"""The loss: how surprised the model is, on average, by the tokens that it should have predicted."""

import numpy as np


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
    targets, mask = _checked(logits, targets, mask)
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


def _checked(logits, targets, mask):
    """Return targets and mask as arrays that fit the logits, or say what doesn't fit."""
    if not np.issubdtype(logits.dtype, np.inexact):
        raise TypeError(f"logits has dtype {logits.dtype}, expected float or complex")
    if logits.ndim < 2:
        raise ValueError(f"logits has shape {logits.shape}, expected (n, V) or (B, T, V)")
    targets = np.asarray(targets)
    if not np.issubdtype(targets.dtype, np.integer):
        raise TypeError(f"targets has dtype {targets.dtype}, expected integers")
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"targets has shape {targets.shape}, expected {logits.shape[:-1]} for logits {logits.shape}")
    if mask is None:
        mask = np.ones(targets.shape, bool)
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"mask has dtype {mask.dtype}, expected bool")
    if mask.shape != targets.shape:
        raise ValueError(f"mask has shape {mask.shape}, expected {targets.shape} like targets")
    if not mask.any():
        raise ValueError("mask is False everywhere, expected at least one counted token")
    V = logits.shape[-1]
    wrong = mask & ((targets < 0) | (targets >= V))
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"targets{list(index)} = {targets[index]}, expected 0 to {V - 1}")
    return targets, mask
