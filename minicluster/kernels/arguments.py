"""What every kernel asks of its arguments, in Python: inside a kernel a wrong index reads or writes other memory."""

import math

import numpy as np

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def float_arrays(**arrays):
    """Return arrays C-contiguous, as kernels need them; those that are so already are not copied.

    Parameters
    ----------
    **arrays : array
        By the names that users know them by.

    Returns
    -------
    list of array

    Raises
    ------
    TypeError
        If they are not all float32 or all float64.
    """
    found, dtype = [], None
    for name, array in arrays.items():
        array = np.asarray(array, order="C")
        if not array.flags.carray:  # read-only, say: another type for the compiler, which would compile all anew
            array = array.copy()
        if dtype is None and array.dtype in FLOATS:
            dtype = array.dtype
        if array.dtype != dtype:
            raise TypeError(f"{name} has dtype {array.dtype}, expected {dtype or 'float32 or float64'}")
        found.append(array)
    return found


def index_array(array):
    """Return integers as int64, C-contiguous, in an array that nobody else changes after they were checked."""
    return np.array(array, np.int64, order="C")


def expect_shape(name, array, shape):
    """Raise ValueError unless an array has this shape."""
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")


def expect_axes(name, array, axes):
    """Raise ValueError unless an array has as many axes as `axes`, a text such as "(B, T, C)", names."""
    if array.ndim != axes.count(",") + 1:
        raise ValueError(f"{name} has shape {array.shape}, expected {axes}")


def as_rows(name, array):
    """Return an array of at least one axis as (rows, C), a view."""
    if array.ndim < 1:
        raise ValueError(f"{name} has shape {array.shape}, expected (..., C)")
    return array.reshape(math.prod(array.shape[:-1]), array.shape[-1])  # -1 has no answer if C is 0
