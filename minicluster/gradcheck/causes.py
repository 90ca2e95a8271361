"""Why a gradient is wrong, where that can be told from the numbers alone."""

import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

SAME = 1e-6  # two arrays that agree to this share of their largest entry are taken for the same
FEWEST_IN_A_ROW = 3  # with two entries, any row is the sum of a constant row and a multiple of another
MOST_AXES = 4  # whose orders are tried: 24
LARGEST_DENOMINATOR = 20  # of a fraction that a factor is shown as, unless it is one over a number


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
    all_but_right = _lost_digits(evidence.wrong, evidence.right)
    if all_but_right:
        return all_but_right
    for recognise in (
        _nothing,
        _upstream_left_out,
        _factor,
        _transposed,
        _straight_path,
        _path_along_an_axis,
        _read_rows,
    ):
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
    if tuple(n for n in shape if n != 1) == tuple(n for n in expected if n != 1):
        return "an axis of length 1 is kept, or lost"
    if len(shape) >= len(expected) and all(wanted in (found, 1) for found, wanted in zip(shape[::-1], expected[::-1])):
        return "it is not summed over the axes along which the input was broadcast"
    return None


def _lost_digits(wrong, right):
    if _same(wrong, right):
        return (
            "all but right: off by less than a millionth of the largest entry; digits lost, as to float32 or in a "
            "saturated function, or a small term that is missing, as an epsilon"
        )


def _nothing(evidence):
    if not evidence.wrong.any():
        return "a path is missing: backward says 0 everywhere, as if out did not depend on this input"


def _upstream_left_out(evidence):
    for upstream in evidence.upstream:
        if upstream.shape != evidence.right.shape[: upstream.ndim]:
            continue
        # One for each entry, for each row, or a single one: aligned with the leading axes.
        aligned = upstream.reshape(upstream.shape + (1,) * (evidence.right.ndim - upstream.ndim))
        if _same(evidence.wrong * aligned, evidence.right):
            return "it is not multiplied by the upstream gradient"


def _factor(evidence):
    lengths = {length for array in (*evidence.outs, evidence.point) for length in (*array.shape, array.size)}
    return _constant_factor(evidence.wrong, evidence.right, lengths)


def _constant_factor(wrong, right, lengths):
    """Recognise wrong = c right, and say what c may be: -1, or how many there are of something."""
    largest = np.unravel_index(np.abs(right).argmax(), right.shape)
    factor = float(wrong[largest] / right[largest]) if right[largest] else 0.0
    if not _same(wrong, factor * right):
        return None
    if abs(factor + 1) < SAME:
        return "the sign is wrong"
    if np.count_nonzero(right) < 2:
        return None  # any number is a multiple of one number; only minus the right one is no accident
    origins = _origins(abs(factor), lengths) or _origins(1 / abs(factor), lengths)
    guess = f" (perhaps {' or '.join(origins)})" if origins else ""
    return f"a constant factor: it is {_as_written(factor)} times what it should be{guess}"


def _as_written(factor):
    """A whole number, one over a whole number or a small fraction as such; else six digits."""
    inverse = Fraction(1, max(1, round(1 / abs(factor)))) * (1 if factor > 0 else -1)
    for fraction in (Fraction(round(factor)), inverse, Fraction(factor).limit_denominator(LARGEST_DENOMINATOR)):
        if abs(fraction - factor) <= SAME * abs(factor):
            return str(fraction)
    return f"{factor:.6g}"


def _origins(factor, lengths):
    """Where a factor above 1 may come from: a length of an axis, its root, or n / (n - 1)."""
    found = []
    for length in sorted(length for length in lengths if length > 1):
        if abs(factor - length) < SAME * factor:
            found.append(f"a mean for a sum over {length}, or the other way round")
        if abs(factor**2 - length) < SAME * factor**2:
            found.append(f"the square root of a length of {length}")
        if abs(factor * (length - 1) - length) < SAME * length and length > 2:
            found.append(f"{length} - 1 for {length}, or the other way round")
    return found


def _transposed(evidence):
    if not 2 <= evidence.right.ndim <= MOST_AXES:
        return None
    for order in itertools.permutations(range(evidence.right.ndim)):
        turned = evidence.right.transpose(order)
        if turned.shape == evidence.right.shape and list(order) != sorted(order) and _same(evidence.wrong, turned):
            return "it is transposed" if len(order) == 2 else f"it is transposed: its axes are in the order {order}"


def _straight_path(evidence):
    """Recognise a result of several, or a residual's straight path, that is forgotten, or all that is there."""
    wrong, right = evidence.wrong, evidence.right
    if len(evidence.parts) > 1:
        for number, part in enumerate(evidence.parts):
            if _same(right - wrong, part):
                return f"a path is missing: what comes through result {number} of forward"
    for upstream in evidence.upstream:
        if upstream.shape == right.shape and _same(right - wrong, upstream):
            return "a path is missing: the upstream gradient itself, which comes straight through a residual"
        if upstream.shape == right.shape and _same(wrong, upstream):
            return "a path is missing: all but the upstream gradient itself"


def _path_along_an_axis(evidence):
    """Recognise that what is missing is, along an axis, a multiple of something known."""
    missing = evidence.right - evidence.wrong
    for axis in reversed(range(missing.ndim)):
        if missing.shape[axis] < FEWEST_IN_A_ROW:
            continue
        if _is_multiple_along(axis, missing, np.ones(missing.shape)):
            return f"a path is missing: one through a mean or a sum along axis {axis}, as a norm's mean is"
        if _is_multiple_along(axis, missing, evidence.point - evidence.point.mean(axis=axis, keepdims=True)):
            return f"a path is missing: one through the variance along axis {axis}"
        for out in evidence.outs:
            if out.shape == missing.shape and _is_multiple_along(axis, missing, out):
                return (
                    f"a path is missing: one through a sum along axis {axis} (softmax's cross term, the square in a "
                    "root-mean-square norm)"
                )
            if out.shape == missing.shape and out.max() <= 0 and _is_multiple_along(axis, missing, np.exp(out)):
                return f"a path is missing: one through the sum along axis {axis} that a logarithm of softmax takes off"


def _read_rows(evidence):
    """Recognise that exactly those rows are wrong which an index, such as a token id, reads, or reads repeatedly."""
    if evidence.right.ndim == 0:
        return None
    n_rows = len(evidence.right)
    difference = np.abs(evidence.wrong - evidence.right).reshape(n_rows, -1).max(axis=1)  # (rows,)
    wrong_rows = difference > SAME * np.abs(evidence.right).max()  # (rows,)
    for name, index in evidence.constants.items():
        index = np.asarray(index)
        if index.ndim and index.size and index.dtype.kind in "iu" and 0 <= index.min() and index.max() < n_rows:
            times_read = np.bincount(index.ravel(), minlength=n_rows)  # (rows,)
            if np.array_equal(times_read > 1, wrong_rows):
                return f"a path is missing: rows that {name!r} reads more than once must add up, not overwrite"
            if np.array_equal(times_read > 0, wrong_rows) and not wrong_rows.all():
                return f"a path is missing: what comes back to the rows that {name!r} reads"


def _is_multiple_along(axis, array, basis):
    """Whether each line of the array along the axis is a multiple of the basis's line."""
    squares = (basis * basis).sum(axis=axis, keepdims=True)
    factor = (array * basis).sum(axis=axis, keepdims=True) / np.where(squares > 0, squares, 1)
    return _same(array, factor * basis)


def _same(array, expected):
    """Whether two arrays agree, and are not both 0."""
    largest = np.abs(expected).max()
    return bool(largest > 0 and np.abs(array - expected).max() <= SAME * largest)
