"""Matrix products in plain loops: what every other kernel spends most of its time in.

They compute some rows of `out` only, so that threads can share it, and all but the gradient add to what is there, so
that a bias, a residual or an earlier sum costs no pass of its own.
"""

from ..jit import compiled, unsigned, widest_vectors
from .tasks import ROWS_OF_A_PRODUCT

STEPS_AT_A_TIME = 4  # as many as rows: both are written out below
DEPTH = 64  # rows of b: 256 KiB of float32 if they have 1024 columns, which the second-level cache holds


@compiled()
def multiply(a, b, out, first, last):
    """out[first:last] += a[first:last] @ b.

    Parameters
    ----------
    a, b, out : (M, K), (K, N) and (M, N) C-contiguous arrays of one float dtype
    first, last : int
        The rows of `out` to compute.
    """
    K, N = b.shape
    multiply_windows(a[first:last], 0, False, b, 0, out[first:last], 0, last - first, K, N)


@compiled()
def multiply_transposed(a, b, out, first, last):
    """out[first:last] = a[:, first:last].T @ b: some rows of a weight's gradient, x.T @ dy.

    The sum is as long as there are rows in a batch, so it goes DEPTH steps at a time: that much of b stays in a cache
    while all rows of the result take from it. Each entry is still summed step by step: it rounds more often than BLAS,
    which adds up partial sums (over 2,048 rows of float32 by 2e-6 of the largest entry at most, BLAS by 4e-7).

    Parameters
    ----------
    a, b, out : (K, M), (K, N) and (M, N) C-contiguous arrays of one float dtype
    first, last : int
        The rows of `out` to compute.
    """
    K, N = b.shape
    out[first:last] = 0
    for k in range(0, K, DEPTH):
        end = min(k + DEPTH, K)
        multiply_windows(a[k:end], first, True, b[k:end], 0, out[first:last], 0, last - first, end - k, N)


@compiled()
def multiply_windows(a, a_left, transposed, b, b_left, out, out_left, rows, depth, width):
    """The product of two windows of larger arrays, added to a third: out += a @ b.

    The textbook's triple loop reads one entry of b for each multiplication. Here 4 rows of `a` by 4 steps of the sum
    are done at a time: 16 multiplications for 4 entries of b and 4 of out, and the 16 entries of `a` stay in registers.
    The innermost loop runs along rows, where neighbours in memory become lanes of one vector instruction.

    Parameters
    ----------
    a, b, out : C-contiguous arrays with two axes, of one float dtype
    a_left, b_left, out_left : int
        The first column of each window; its first row is row 0.
    transposed : bool
        Whether a's window is a[:depth, a_left : a_left + rows], to be transposed, instead of
        a[:rows, a_left : a_left + depth].
    rows, depth, width : int
        b's window has `depth` rows and `width` columns, that of `out` has `rows` and `width`.
    """
    widest_vectors()
    b_begin, out_begin, columns = unsigned(b_left), unsigned(out_left), unsigned(width)
    whole_rows, whole_depth = rows - rows % ROWS_OF_A_PRODUCT, depth - depth % STEPS_AT_A_TIME
    for i in range(0, whole_rows, ROWS_OF_A_PRODUCT):
        for k in range(0, whole_depth, STEPS_AT_A_TIME):
            if transposed:
                c = a_left + i
                a00, a01, a02, a03 = a[k, c], a[k + 1, c], a[k + 2, c], a[k + 3, c]
                a10, a11, a12, a13 = a[k, c + 1], a[k + 1, c + 1], a[k + 2, c + 1], a[k + 3, c + 1]
                a20, a21, a22, a23 = a[k, c + 2], a[k + 1, c + 2], a[k + 2, c + 2], a[k + 3, c + 2]
                a30, a31, a32, a33 = a[k, c + 3], a[k + 1, c + 3], a[k + 2, c + 3], a[k + 3, c + 3]
            else:
                c = a_left + k
                a00, a01, a02, a03 = a[i, c], a[i, c + 1], a[i, c + 2], a[i, c + 3]
                a10, a11, a12, a13 = a[i + 1, c], a[i + 1, c + 1], a[i + 1, c + 2], a[i + 1, c + 3]
                a20, a21, a22, a23 = a[i + 2, c], a[i + 2, c + 1], a[i + 2, c + 2], a[i + 2, c + 3]
                a30, a31, a32, a33 = a[i + 3, c], a[i + 3, c + 1], a[i + 3, c + 2], a[i + 3, c + 3]
            for j in range(columns):
                here, there = b_begin + j, out_begin + j
                b0, b1, b2, b3 = b[k, here], b[k + 1, here], b[k + 2, here], b[k + 3, here]
                out[i, there] = out[i, there] + a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                out[i + 1, there] = out[i + 1, there] + a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                out[i + 2, there] = out[i + 2, there] + a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                out[i + 3, there] = out[i + 3, there] + a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
    for i in range(rows):
        for k in range(whole_depth if i < whole_rows else 0, depth):
            entry = a[k, a_left + i] if transposed else a[i, a_left + k]
            for j in range(columns):
                out[i, out_begin + j] += entry * b[k, b_begin + j]
