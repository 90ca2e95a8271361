"""Losses on hidden states, beside the loss on the answer: they shape what a model keeps at one token."""

import numpy as np

from ..checks import check_integers, check_positive
from .cross_entropy import cross_entropy
from .linear import linear_backward, linear_forward

TEMPERATURE = 0.1  # Chen et al. 2020, table 5: what fits normalised states best


def group_loss(x, groups, weight, bias):
    """How hard it is to read each state's group from it in one linear step.

    Parameters
    ----------
    x : (n, C) array
        Hidden states, float or complex.
    groups : (n,) integers
        The group of each, from 0 to K - 1.
    weight : (C, K) array
    bias : (K,) array
        The reader's own, learned with the model.

    Returns
    -------
    loss : scalar of the states' dtype
        Mean of -log softmax(x @ weight + bias)[group], in nats. A reader that knows nothing has log K.
    gradients : dict
        `x` (n, C), `weight` (C, K), `bias` (K,).

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit, or a group is out of range.
    """
    x, groups = np.asarray(x), check_integers("groups", groups)
    _check_groups(x, groups, weight, bias)
    logits, cache = linear_forward(x, weight, bias)  # (n, C) -> (n, K)
    loss, dlogits = cross_entropy(logits, groups)
    return loss, linear_backward(dlogits, cache)


def contrastive_loss(x, partner, temperature=TEMPERATURE):
    """How hard it is to find each state's partner among all others by its direction.

    All that it is told is which two states mean the same. Every other one counts as different, although some of them
    mean the same, too, and nobody said so.

    Parameters
    ----------
    x : (n, C) array
        Hidden states, float or complex; n at least 2, none of them of length 0.
    partner : (n,) integers
        The row, another one, that means the same as each row.
    temperature : float
        Cosines are divided by it: the smaller, the more the nearest strangers count.

    Returns
    -------
    loss : scalar of the states' dtype
        Mean over rows i of -log softmax over j != i of cosine(x_i, x_j) / temperature, at j = partner_i; in nats. Where
        all directions are equally far from one another it is log(n - 1).
    dx : (n, C) array

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit, a row is its own partner or of length 0, or the temperature is not above 0.

    Source: Chen et al. 2020, arXiv:2002.05709, equation 1; van den Oord et al. 2018, arXiv:1807.03748, equation 4.
    """
    x, partner = np.asarray(x), check_integers("partner", partner)
    _check_pairs(x, partner, temperature)
    temperature = float(temperature)  # NumPy's own float64 would turn float32 states into float64 ones
    rows = np.arange(len(x))

    length = np.sqrt((x * x).sum(axis=1, keepdims=True))  # (n, 1); not of |x|, which would lose the imaginary part
    if (length == 0).any():
        raise ValueError(f"x[{length.argmin()}] has length 0, expected states with a direction")
    y = x / length  # (n, C), directions
    scores = y @ y.T / temperature  # (n, n)
    scores[rows, rows] = -np.inf  # nobody is asked to find itself
    loss, dscores = cross_entropy(scores, partner)  # the diagonal's gradient is softmax's 0

    # forward: scores = y @ y.T / temperature, where each y stands on both sides
    dy = (dscores + dscores.T) @ y / temperature  # (n, C)

    # forward: y = x / length: a step along y changes the length alone, so that part of dy is lost
    dx = (dy - y * (y * dy).sum(axis=1, keepdims=True)) / length  # (n, C)
    return loss, dx


def _check_groups(x, groups, weight, bias):
    """Raise ValueError or TypeError unless `group_loss` can compute with these."""
    _check_float(x)
    if x.ndim != 2 or len(x) < 1:
        raise ValueError(f"x has shape {x.shape}, expected (n, C) with n at least 1")
    if np.ndim(weight) != 2 or len(weight) != x.shape[1]:
        raise ValueError(f"weight has shape {np.shape(weight)}, expected ({x.shape[1]}, K) for x {x.shape}")
    K = np.shape(weight)[1]
    if np.shape(bias) != (K,):
        raise ValueError(f"bias has shape {np.shape(bias)}, expected ({K},) for weight {np.shape(weight)}")
    if groups.shape != (len(x),):
        raise ValueError(f"groups has shape {groups.shape}, expected ({len(x)},), one for each row of x")
    wrong = np.flatnonzero((groups < 0) | (groups >= K))
    if len(wrong):
        raise ValueError(f"groups[{wrong[0]}] = {groups[wrong[0]]}, expected 0 to {K - 1}")


def _check_pairs(x, partner, temperature):
    """Raise ValueError or TypeError unless `contrastive_loss` can compute with these."""
    _check_float(x)
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(f"x has shape {x.shape}, expected (n, C) with n at least 2")
    if partner.shape != (len(x),):
        raise ValueError(f"partner has shape {partner.shape}, expected ({len(x)},), one for each row of x")
    wrong = np.flatnonzero((partner < 0) | (partner >= len(x)) | (partner == np.arange(len(x))))
    if len(wrong):
        row = wrong[0]
        raise ValueError(f"partner[{row}] = {partner[row]}, expected another row, 0 to {len(x) - 1}")
    check_positive("temperature", temperature)


def _check_float(x):
    """Raise TypeError unless the states are float or complex."""
    if not np.issubdtype(x.dtype, np.inexact):
        raise TypeError(f"x has dtype {x.dtype}, expected float or complex")
