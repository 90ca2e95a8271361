"""What `forward` and `backward` answer: arrays of the right kind, or an error that says what else."""

from collections.abc import Mapping

import numpy as np

from .causes import likely_cause_of_shape
from .report import GradientError

__tracebackhide__ = True  # in pytest, a failure shows the line of the test, not ours


def checked_results(answer, dtypes):
    """Take forward's answer apart.

    Parameters
    ----------
    answer : tuple
        (out, cache); out is an array, a number, or a tuple of these.
    dtypes : tuple of NumPy dtypes
        Those allowed for out, the first one being what is expected.

    Returns
    -------
    arrays : list
        One for each result: an array, or None for integers, booleans and None in a tuple, which have no gradient.
    out, cache
        As forward returned them.

    Raises
    ------
    TypeError, ValueError
        If the answer is something else, or a result is empty.
    """
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError(f"forward returned {describe(answer)}, expected a pair (out, cache)")
    out, cache = answer
    if not isinstance(out, tuple):
        return [_checked_result("out", out, dtypes)], out, cache
    arrays = [
        None if _has_no_gradient(result) else _checked_result(f"out[{number}]", result, dtypes)
        for number, result in enumerate(out)
    ]
    if all(array is None for array in arrays):
        raise TypeError("forward returned a tuple without a float array, so there is nothing to differentiate")
    return arrays, out, cache


def _has_no_gradient(result):
    is_array = isinstance(result, (np.ndarray, np.generic))
    return result is None or isinstance(result, int) or (is_array and result.dtype.kind in "iub")


def _checked_result(name, result, dtypes):
    if not isinstance(result, (np.ndarray, np.generic, float, complex)):
        raise TypeError(
            f"forward returned {describe(result)} as {name}, expected an array, a number or a tuple of them"
        )
    array = np.asarray(result)
    if array.dtype not in dtypes:
        raise TypeError(f"forward returned {array.dtype} as {name}, expected {dtypes[0]}, the precision of its inputs")
    if array.size == 0:
        raise ValueError(f"forward returned an empty {name}, shape {array.shape}: nothing depends on the inputs")
    return array


def checked_gradients(gradients, points, constants, dtype):
    """Copies of backward's gradients as float64, in the order of the inputs.

    Parameters
    ----------
    gradients : mapping
        What backward returned.
    points, constants : dict
        The inputs, from `split_inputs`.
    dtype : NumPy dtype
        What the gradients have to be.

    Returns
    -------
    dict from name to float64 array

    Raises
    ------
    TypeError
        If it is no mapping.
    GradientError
        If a gradient is missing, superfluous, of the wrong shape or dtype, or not finite.
    """
    if not isinstance(gradients, Mapping):
        raise TypeError(f"backward returned {describe(gradients)}, expected a dict from input names to gradients")
    for name, gradient in gradients.items():
        if name not in points and not (name in constants and gradient is None):
            raise GradientError(
                f"backward returned a gradient of {name!r}, but the float inputs are {list(points)}", name
            )
    given = [name for name, gradient in gradients.items() if gradient is not None]
    for name in points:
        if name not in given:
            raise GradientError(
                f"backward returned no gradient of input {name!r}, only of {given} (a float that is a setting is best "
                "bound inside forward)",
                name,
            )
    return {name: _checked_gradient(name, gradients[name], point.shape, dtype) for name, point in points.items()}


def _checked_gradient(name, gradient, shape, dtype):
    try:
        gradient = np.array(gradient)  # a copy: later runs may reuse the buffer
    except ValueError:  # a ragged list
        raise GradientError(f"gradient of input {name!r} is no array: {describe(gradient)}", name) from None
    if gradient.shape != shape:
        cause = likely_cause_of_shape(gradient.shape, shape)
        message = f"gradient of input {name!r} has shape {gradient.shape}, expected {shape}"
        raise GradientError(message + (f"; likely cause: {cause}" if cause else ""), name, cause=cause)
    if gradient.dtype != dtype:
        raise GradientError(f"gradient of input {name!r} is {gradient.dtype}, expected {dtype}, as dout is", name)
    if not np.isfinite(gradient).all():
        index = tuple(map(int, np.argwhere(~np.isfinite(gradient))[0]))
        message = f"gradient of input {name!r} is {gradient[index]} at {index}, expected finite numbers"
        raise GradientError(message, name, index, analytic=float(gradient[index]))
    return gradient.astype(np.float64)


def describe(value):
    """Say what was returned in place of what was expected."""
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a value of type {type(value).__name__}"
