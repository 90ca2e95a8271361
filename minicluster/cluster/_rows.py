"""Copies among rows, and what keeps the memory of whole matrices of distances bounded."""

import numpy as np

BLOCK_ENTRIES = 2**18  # how many entries a temporary matrix may have: 2 MB in float64


def row_blocks(n, width):
    """Yield slices that cut n rows into blocks of at most BLOCK_ENTRIES entries when a row has `width` of them."""
    height = max(1, BLOCK_ENTRIES // width)
    for first in range(0, n, height):
        yield slice(first, min(first + height, n))


def unit_of(x):
    """The power of 2 that the largest entry of x is 1 to 2 times: dividing by it rounds nothing. In x's dtype."""
    mantissa, exponent = np.frexp(np.abs(x).max())  # in [1/2, 1)
    return np.ldexp(np.ones_like(mantissa), exponent - 1)


def distinct_rows(x):
    """Find the rows that differ from one another.

    Parameters
    ----------
    x : (n, C) C-contiguous float array

    Returns
    -------
    (d,) int64 array
        Index of the first copy of each distinct row, rising.
    """
    x = x + 0.0  # -0.0 becomes 0.0: equal rows have equal bytes
    row_bytes = x.view(np.dtype((np.void, x.itemsize * x.shape[1])))[:, 0]  # (n,)
    _, first = np.unique(row_bytes, return_index=True)  # (d,) sorted by bytes
    return np.sort(first)


def first_distinct_rows(x, order, wanted):
    """Go through rows in an order, pass over copies, and stop when there are enough.

    Parameters
    ----------
    x : (n, C) C-contiguous float array
    order : (m,) int64 array
        Rows of x.
    wanted : int

    Returns
    -------
    (at most wanted,) int64 array
        The first distinct rows of `order`; fewer if there are no more.
    """
    size = 2 * wanted
    while True:
        first = distinct_rows(x[order[:size]])  # mostly few rows tell
        if len(first) >= wanted or size >= len(order):
            return order[first[:wanted]]
        size *= 4
