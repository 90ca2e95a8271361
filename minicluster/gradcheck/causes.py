"""Why a gradient is wrong, where that can be told from the numbers alone."""

import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

SAME = 1e-6  # two arrays that agree to this share of their largest entry are taken for the same formula
FEWEST_IN_A_ROW = 3  # with two entries, any row is the sum of a constant row and a multiple of another
MOST_AXES = 4  # whose orders are tried: 24


@dataclass(frozen=True)
class Evidence:
    """What is known about the wrong gradient of one input, all of it entry by entry.

    Attributes
    ----------
    wrong, right : array, of the input's shape
        What backward says, and the numerical derivative.
    parts : (number of results, *input's shape) array
        What comes to the numerical derivative through each of forward's results.
    point : array, of the input's shape
        The input.
    outs, upstream : list of arrays
        Forward's results and their random upstream gradients.
    constants : dict
        Inputs without gradient, such as token ids.
    """

    wrong: np.ndarray
    right: np.ndarray
    parts: np.ndarray
    point: np.ndarray
    outs: list
    upstream: list
    constants: dict


def likely_cause(evidence):
    """Say what went wrong if it is one of a few frequent mistakes, else None."""
    for recognise in (_precision, _nothing, _factor, _transposed, _upstream_left_out, _missing_path, _read_rows):
        cause = recognise(evidence)
        if cause:
            return cause
    return None


def likely_cause_along(wrong, right):
    """The same from a few directions only, (n,) each: a wrong sign or factor shows in all of them."""
    return _lost_digits(wrong, right) or (_constant_factor(wrong, right, lengths=()) if len(right) > 1 else None)


def likely_cause_of_shape(shape, expected):
    """Say what may have led to a gradient of this shape, else None."""
    if len(shape) > 1 and shape == expected[::-1]:
        return "it is transposed"
    if len(shape) > len(expected) and shape[len(shape) - len(expected) :] == expected:
        return "it is not summed over the leading axes, along which the input was broadcast"
    if tuple(n for n in shape if n != 1) == tuple(n for n in expected if n != 1):
        return "an axis of length 1 is kept, or lost"
    return None


def _precision(evidence):
    return _lost_digits(evidence.wrong, evidence.right)


def _lost_digits(wrong, right):
    if _same(wrong, right):
        return "no wrong formula but lost digits: float32 on the way, or a difference of two nearly equal numbers"


def _nothing(evidence):
    if not evidence.wrong.any():
        return "a path is missing: backward says 0 everywhere, as if out did not depend on this input"


def _factor(evidence):
    lengths = [length for array in (*evidence.outs, evidence.point) for length in (*array.shape, array.size)]
    return _constant_factor(evidence.wrong, evidence.right, lengths)


def _constant_factor(wrong, right, lengths):
    """Recognise wrong = c right, and say what c may be: -1, or how many there are of something."""
    if right.size < 2 and abs(wrong.sum() + right.sum()) > SAME * abs(right.sum()):
        return None  # any number is a multiple of one number; but minus the right one is no accident
    factor = np.vdot(wrong, right) / max(np.vdot(right, right), np.finfo(float).tiny)
    if not _same(wrong, factor * right):
        return None
    if abs(factor + 1) < SAME:
        return "the sign is wrong"
    fraction = Fraction(float(factor)).limit_denominator(10_000)
    if abs(fraction - factor) > SAME * abs(factor) or max(fraction.denominator, abs(fraction.numerator)) > 1000:
        return f"a constant factor: it is {factor:.6g} times what it should be"
    cause = f"a constant factor: it is {fraction} times what it should be"
    number = max(fraction.denominator, abs(fraction.numerator))
    if 1 in (fraction.denominator, abs(fraction.numerator)) and number in lengths and number > 1:
        cause += f", and {number} is a length here: a mean taken for a sum, or the other way round"
    return cause


def _transposed(evidence):
    if not 2 <= evidence.right.ndim <= MOST_AXES:
        return None
    for order in itertools.permutations(range(evidence.right.ndim)):
        turned = evidence.right.transpose(order)
        if turned.shape == evidence.right.shape and list(order) != sorted(order) and _same(evidence.wrong, turned):
            return "it is transposed" if len(order) == 2 else f"it is transposed: its axes are in the order {order}"


def _upstream_left_out(evidence):
    for upstream in evidence.upstream:
        if upstream.shape == evidence.right.shape and _same(evidence.wrong * upstream, evidence.right):
            return "it is not multiplied by the upstream gradient"


def _missing_path(evidence):
    """Recognise what is missing as one of the paths that every layer may have."""
    wrong, right = evidence.wrong, evidence.right
    missing = right - wrong
    if len(evidence.parts) > 1:
        for number, part in enumerate(evidence.parts):
            if _same(missing, part):
                return f"a path is missing: what comes through result {number} of forward"
    for upstream in evidence.upstream:
        if upstream.shape == right.shape and _same(missing, upstream):
            return "a path is missing: the upstream gradient itself, which comes straight through a residual"
        if upstream.shape == right.shape and _same(wrong, upstream):
            return "a path is missing: all but the upstream gradient itself"
    if right.ndim and right.shape[-1] >= FEWEST_IN_A_ROW:
        if _is_multiple_in_each_row(missing, np.ones(right.shape)):
            return "a path is missing: one through a mean or a sum along the last axis, as a norm's mean is"
        if _is_multiple_in_each_row(missing, evidence.point - evidence.point.mean(axis=-1, keepdims=True)):
            return "a path is missing: one through the variance along the last axis"
        if any(out.shape == right.shape and _is_multiple_in_each_row(missing, out) for out in evidence.outs):
            return "a path is missing: one through a sum of out along the last axis, as softmax's cross term is"


def _read_rows(evidence):
    """Recognise that exactly those rows are wrong which an index, such as a token id, reads, or reads repeatedly."""
    if evidence.right.ndim == 0:
        return None
    n_rows = len(evidence.right)
    difference = np.abs(evidence.wrong - evidence.right).reshape(n_rows, -1).max(axis=1)  # (rows,)
    wrong_rows = difference > SAME * np.abs(evidence.right).max()  # (rows,)
    for name, index in evidence.constants.items():
        index = np.asarray(index)
        if index.dtype.kind in "iu" and index.size and 0 <= index.min() and index.max() < n_rows:
            times_read = np.bincount(index.ravel(), minlength=n_rows)  # (rows,)
            if np.array_equal(times_read > 1, wrong_rows):
                return f"a path is missing: rows that {name!r} reads more than once must add up, not overwrite"
            if np.array_equal(times_read > 0, wrong_rows) and not wrong_rows.all():
                return f"a path is missing: what comes back to the rows that {name!r} reads"


def _is_multiple_in_each_row(array, basis):
    """Whether each row, along the last axis, is a multiple of the basis's row."""
    squares = (basis * basis).sum(axis=-1, keepdims=True)  # (..., 1)
    factor = (array * basis).sum(axis=-1, keepdims=True) / np.where(squares > 0, squares, 1)  # (..., 1)
    return _same(array, factor * basis)


def _same(array, expected):
    """Whether two arrays agree, and are not both 0."""
    largest = np.abs(expected).max()
    return bool(largest > 0 and np.abs(array - expected).max() <= SAME * largest)
