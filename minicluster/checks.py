"""Checks of arguments that every part of the package shares."""

import math
from numbers import Integral, Real

import numpy as np


def check_whole_number(name, value, least):
    """Raise TypeError unless `value` is a whole number, ValueError unless it is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} = {value!r}, expected a whole number")
    if value < least:
        raise ValueError(f"{name} = {value}, expected at least {least}")


def check_positive(name, value):
    """Raise TypeError unless `value` is a real number, ValueError unless it is above 0 and finite."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} = {value!r}, expected a number")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} = {value}, expected a finite number above 0")


def check_max_norm(max_norm):
    """Raise ValueError unless gradients can be clipped to this norm."""
    if not max_norm > 0:
        raise ValueError(f"max_norm = {max_norm}, expected a number above 0")


def check_integers(name, array):
    """Return `array` as an array, or raise TypeError unless its dtype is an integer one."""
    array = np.asarray(array)
    if array.dtype.kind not in "iu":  # np.integer has time differences among its own, and their NaT passes comparisons
        raise TypeError(f"{name} has dtype {array.dtype}, expected integers")
    return array


def check_tokens(tokens, vocab_size, context_length):
    """Return tokens as an array, or say which doesn't fit.

    Parameters
    ----------
    tokens : (B, T) integers
    vocab_size, context_length : int
        How many tokens there are, and how many positions.

    Raises
    ------
    ValueError, TypeError
    """
    tokens = check_integers("tokens", tokens)
    if tokens.ndim != 2 or 0 in tokens.shape:
        raise ValueError(f"tokens has shape {tokens.shape}, expected (B, T), both at least 1")
    if tokens.shape[1] > context_length:
        raise ValueError(f"tokens has {tokens.shape[1]} positions, expected at most {context_length}")
    if tokens.min() < 0 or tokens.max() >= vocab_size:
        b, t = np.argwhere((tokens < 0) | (tokens >= vocab_size))[0]
        raise ValueError(f"tokens[{b}, {t}] = {tokens[b, t]}, expected 0 to {vocab_size - 1}")
    return tokens


def check_starts(start, B, T):
    """Return `start` as an array, or say what doesn't fit: a query t sees the keys start[b, t] to t.

    Parameters
    ----------
    start : (B, T) integers
    B, T : int

    Raises
    ------
    ValueError, TypeError
    """
    start = check_integers("start", start)
    if start.shape != (B, T):
        raise ValueError(f"start has shape {start.shape}, expected (B, T) = {(B, T)}")
    blind = (start < 0) | (start > np.arange(T))  # (B, T): no key left to see
    if blind.any():
        b, t = np.argwhere(blind)[0]
        raise ValueError(f"start[{b}, {t}] = {start[b, t]}, expected 0 to {t}: query {t} sees keys start to {t}")
    return start


def check_targets(logits, targets, mask):
    """Return targets and mask as arrays that fit the logits, or say what doesn't fit.

    Parameters
    ----------
    logits : (..., V) array
    targets : (...) integers
    mask : (...) bool, or None for True everywhere

    Raises
    ------
    ValueError, TypeError
    """
    if not np.issubdtype(logits.dtype, np.inexact):
        raise TypeError(f"logits has dtype {logits.dtype}, expected float or complex")
    if logits.ndim < 2:
        raise ValueError(f"logits has shape {logits.shape}, expected (n, V) or (B, T, V)")
    targets = check_integers("targets", targets)
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
