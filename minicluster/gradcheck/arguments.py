"""What `check_gradients` is given: each argument is as it should be, or one line says what is not."""

import math
from collections.abc import Mapping

import numpy as np

__tracebackhide__ = True  # in pytest, a failure shows the line of the test, not ours

FLOAT32, FLOAT64, COMPLEX128 = map(np.dtype, (np.float32, np.float64, np.complex128))
STREAM = 6  # of random numbers, unlike that of default_rng(seed)


def check_callable(name, function):
    """Raise TypeError unless `function` can be called."""
    if not callable(function):
        raise TypeError(f"{name} is a {type(function).__name__}, expected a function")


def check_method(method, methods):
    """Raise ValueError unless `method` is one of `methods`."""
    if not isinstance(method, str) or method not in methods:
        raise ValueError(f"method = {method!r}, expected one of {', '.join(map(repr, methods))}")


def check_directions(directions):
    """Raise TypeError or ValueError unless `directions` is None or a number of at least 1."""
    if directions is None:
        return
    if isinstance(directions, bool) or not isinstance(directions, (int, np.integer)):
        raise TypeError(f"directions = {directions!r}, expected a whole number, or None to check every entry")
    if directions < 1:
        raise ValueError(f"directions = {directions}, expected at least 1")


def checked_rtol(rtol):
    """Return `rtol` as a float, or raise TypeError or ValueError."""
    if isinstance(rtol, bool) or not isinstance(rtol, (int, float, np.integer, np.floating)):
        raise TypeError(f"rtol = {rtol!r}, expected a number")
    if not 0 < rtol < math.inf:
        raise ValueError(f"rtol = {rtol!r}, expected a finite number above 0")
    return float(rtol)


def checked_dtype(dtype):
    """Return `dtype` as float64 or float32, or raise TypeError or ValueError."""
    try:
        found = None if dtype is None else np.dtype(dtype)
    except TypeError:
        found = None
    if found is None:
        raise TypeError(f"dtype = {dtype!r}, expected numpy.float64 or numpy.float32")
    if found not in (FLOAT64, FLOAT32):
        raise ValueError(f"dtype = {found}, expected float64 or float32")
    return found


def checked_generator(seed):
    """Return a generator of random numbers, or raise ValueError.

    Not default_rng(seed): who draws inputs from default_rng(0) would find the same numbers in dout, and under a dout
    that is x itself a norm's gradient is 0.
    """
    try:
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAM,)))
    except (TypeError, ValueError):
        raise ValueError(f"seed = {seed!r}, expected a whole number of at least 0") from None


def split_inputs(inputs, dtype):
    """Separate the inputs to differentiate by from those to pass on as they are.

    Parameters
    ----------
    inputs : mapping from names to arrays or numbers
    dtype : NumPy dtype
        float32 if float32 inputs are wanted.

    Returns
    -------
    points : dict from name to float64 array
    constants : dict

    Raises
    ------
    TypeError, ValueError
        If an input is neither, or not finite, or empty, or if there is nothing to differentiate by.
    """
    if not isinstance(inputs, Mapping):
        raise TypeError(f"inputs is a {type(inputs).__name__}, expected a dict from names to arrays")
    points, constants = {}, {}
    for name, value in inputs.items():
        if not isinstance(name, str):
            raise TypeError(f"inputs has the key {name!r}, expected names, as forward is called with forward(**inputs)")
        kind = _dtype_of(name, value)
        if value is None or kind.kind in "iub":
            constants[name] = value
        elif kind == FLOAT64 or kind == dtype == FLOAT32:
            points[name] = np.asarray(value, dtype=dtype).astype(np.float64)
            _check_point(name, points[name])
        elif kind == FLOAT32:
            raise TypeError(
                f"input {name!r} is float32: pass float64, or dtype=np.float32 to check single precision, whose "
                "gradients can be compared to four digits only"
            )
        else:
            raise TypeError(f"input {name!r} is {kind}: pass float64 (integers, booleans and None are not checked)")
    if not points:
        raise ValueError(f"no input to check: none of {list(inputs)} is float64")
    return points, constants


def _dtype_of(name, value):
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"input {name!r} is a masked array, whose mask would be lost: pass values and mask apart")
    try:
        return np.asarray(value).dtype.newbyteorder("=")
    except ValueError:  # NumPy's own message does not name the input
        raise ValueError(
            f"input {name!r} has rows of different lengths: give each of several arrays a name of its own"
        ) from None


def _check_point(name, point):
    if point.size == 0:
        raise ValueError(f"input {name!r} is empty, shape {point.shape}: nothing could be wrong with its gradient")
    if not np.isfinite(point).all():
        index = tuple(map(int, np.argwhere(~np.isfinite(point))[0]))
        raise ValueError(f"input {name!r} is {point[index]} at {index}, expected finite numbers")
