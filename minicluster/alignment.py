"""Arrays that begin where a cache line does.

A model's parameters share one such array, so one of them is aligned if the sizes of those before it are multiples of
16 float32 numbers, as they are in all models of a usual width.
"""

import math

import numpy as np

ALIGNMENT = 64  # bytes: a vector that lies across two cache lines takes two loads, and NumPy only promises 16


def aligned_array(shape, dtype):
    """Return an array whose entries are still to be written, at an address that is a multiple of 64 bytes.

    Parameters
    ----------
    shape : tuple of int
    dtype : NumPy dtype

    Returns
    -------
    array
        A view; its `base`, an array of bytes, owns the memory.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    owner = np.empty(size + ALIGNMENT, np.uint8)
    offset = -owner.ctypes.data % ALIGNMENT
    return owner[offset : offset + size].view(dtype).reshape(shape)
