"""Matrix products in plain loops: what every other kernel spends most of its time in.

`multiply` can add to what is in `out`, so that a bias, a residual or an earlier sum costs no pass of its own, and both
compute a part of `out` only, so that threads can share it. `simd.py` has the same two functions with explicit vectors,
for machines that suit them; `products.py` chooses.
"""

from ..jit import compiled

ROWS_AT_A_TIME = STEPS_AT_A_TIME = 4
DEPTH = 64  # rows of b: 256 KiB of float32 if they have 1024 columns, which the second-level cache holds
CUTS_COLUMNS = False  # threads had better share the rows of a transposed product: long inner loops are faster


@compiled()
def multiply(a, b, out, first, last, depth, width, add):
    """out[first:last, :width] = a[first:last, :depth] @ b[:depth, :width], or += if `add`.

    The textbook's triple loop reads one entry of b for each multiplication. Here 4 rows of `a` by 4 steps of the sum
    are done at a time: 16 multiplications for 4 entries of b and 4 of out, and the 16 entries of `a` stay in registers.
    The innermost loop runs along rows, where neighbours in memory become lanes of one vector instruction.

    Parameters
    ----------
    a, b, out : (M, K), (K, N) and (M, N) C-contiguous arrays of one float dtype
    first, last : int
        The rows of `out` to compute.
    depth, width : int
        At most K and at most N: how far the sum runs, how many columns to compute.
    add : bool
        Whether to add to `out` or to replace it.
    """
    if not add:
        for i in range(first, last):
            for j in range(width):
                out[i, j] = 0
    whole_depth = depth - depth % STEPS_AT_A_TIME
    whole_last = last - (last - first) % ROWS_AT_A_TIME
    for i in range(first, whole_last, ROWS_AT_A_TIME):
        for k in range(0, whole_depth, STEPS_AT_A_TIME):
            a00, a01, a02, a03 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            a10, a11, a12, a13 = a[i + 1, k], a[i + 1, k + 1], a[i + 1, k + 2], a[i + 1, k + 3]
            a20, a21, a22, a23 = a[i + 2, k], a[i + 2, k + 1], a[i + 2, k + 2], a[i + 2, k + 3]
            a30, a31, a32, a33 = a[i + 3, k], a[i + 3, k + 1], a[i + 3, k + 2], a[i + 3, k + 3]
            for j in range(width):
                b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
                out[i, j] = out[i, j] + a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                out[i + 1, j] = out[i + 1, j] + a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                out[i + 2, j] = out[i + 2, j] + a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                out[i + 3, j] = out[i + 3, j] + a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
        for k in range(whole_depth, depth):
            for row in range(i, i + ROWS_AT_A_TIME):
                for j in range(width):
                    out[row, j] += a[row, k] * b[k, j]
    for i in range(whole_last, last):
        for k in range(depth):
            for j in range(width):
                out[i, j] += a[i, k] * b[k, j]


@compiled()
def multiply_transposed(a, b, out, first, last, left, right):
    """out[first:last, left:right] = a[:, first:last].T @ b[:, left:right].

    As `multiply`, with rows of the result read down the columns of `a`: the gradient of a weight, x.T @ dy. The sum is
    long, as long as there are rows in a batch, so it goes DEPTH steps at a time: that much of b stays in a cache while
    all rows of the result take from it.

    Parameters
    ----------
    a, b, out : (K, M), (K, N) and (M, N) C-contiguous arrays of one float dtype
    first, last : int
        The rows of `out` to compute.
    left, right : int
        The columns of `out` to compute.
    """
    K, width = a.shape[0], right - left
    for i in range(first, last):
        sums = out[i, left:right]
        for j in range(width):
            sums[j] = 0
    whole_depth = K - K % STEPS_AT_A_TIME
    whole_last = last - (last - first) % ROWS_AT_A_TIME
    for begin in range(0, whole_depth, DEPTH):
        for i in range(first, whole_last, ROWS_AT_A_TIME):
            sums0, sums1 = out[i, left:right], out[i + 1, left:right]
            sums2, sums3 = out[i + 2, left:right], out[i + 3, left:right]
            for k in range(begin, min(begin + DEPTH, whole_depth), STEPS_AT_A_TIME):
                row0, row1 = b[k, left:right], b[k + 1, left:right]
                row2, row3 = b[k + 2, left:right], b[k + 3, left:right]
                a00, a01, a02, a03 = a[k, i], a[k + 1, i], a[k + 2, i], a[k + 3, i]
                a10, a11, a12, a13 = a[k, i + 1], a[k + 1, i + 1], a[k + 2, i + 1], a[k + 3, i + 1]
                a20, a21, a22, a23 = a[k, i + 2], a[k + 1, i + 2], a[k + 2, i + 2], a[k + 3, i + 2]
                a30, a31, a32, a33 = a[k, i + 3], a[k + 1, i + 3], a[k + 2, i + 3], a[k + 3, i + 3]
                for j in range(width):
                    b0, b1, b2, b3 = row0[j], row1[j], row2[j], row3[j]
                    sums0[j] = sums0[j] + a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                    sums1[j] = sums1[j] + a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                    sums2[j] = sums2[j] + a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                    sums3[j] = sums3[j] + a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
    for i in range(first, last):
        sums = out[i, left:right]
        for k in range(whole_depth if i < whole_last else 0, K):
            row = b[k, left:right]
            for j in range(width):
                sums[j] += a[k, i] * row[j]
