"""Layer normalisation, as `nn/layernorm.py` computes it."""

import numpy as np

from ..jit import ANY_ORDER, compiled, prange, widest_vectors
from .arguments import as_rows, expect_shape, float_arrays
from .elementary import sum_of
from .memory import FRESH
from .tasks import count

ROWS = 64  # of one task
EPS = 1e-5  # as in nn


def layernorm_forward(x, weight, bias, *, memory=FRESH):
    """Normalise the last axis of `x`, then scale and shift it; as `nn.layernorm_forward`.

    Fused: each row is read once and stays in the fastest cache for its mean, its variance and its result; the plain
    form goes over the whole array eight times. Kept for the backward are two numbers a row, mean and 1 / standard
    deviation, instead of the normalised array.

    Parameters
    ----------
    x, weight, bias
        As in `nn.layernorm_forward`, all float32 or all float64.
    memory : Fresh or Workspace

    Returns
    -------
    y : (..., C) array
    cache : tuple

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    x, weight, bias = float_arrays(x=x, weight=weight, bias=bias)
    rows = as_rows("x", x)
    expect_shape("weight", weight, rows.shape[1:])
    expect_shape("bias", bias, rows.shape[1:])
    y = memory.empty(x.shape, x.dtype)
    mean, rstd = memory.empty((len(rows),), x.dtype), memory.empty((len(rows),), x.dtype)
    _layernorm(rows, weight, bias, mean, rstd, as_rows("y", y))
    return y, (x, mean, rstd, weight, bias)


def layernorm_backward(dy, cache, residual=None, *, memory=FRESH):
    """Gradients of layer normalisation; as `nn.layernorm_backward`.

    Fused: one pass over the rows for all three gradients, and the sum with `residual`. Threads add up the weight's and
    the bias's gradient for blocks of rows, and the blocks are summed in their order.

    Parameters
    ----------
    dy, cache, residual
        As in `nn.layernorm_backward`.
    memory : Fresh or Workspace

    Returns
    -------
    dict
        `x`, `weight`, `bias`.
    """
    x, mean, rstd, weight, bias = cache
    x, dy = float_arrays(x=x, dy=dy)
    expect_shape("dy", dy, x.shape)
    if residual is None:
        has_residual, residual = False, dy
    else:
        has_residual, (_, residual) = True, float_arrays(x=x, residual=residual)
        expect_shape("residual", residual, x.shape)
    rows = as_rows("x", x)
    C = rows.shape[1]
    dx, dweight, dbias = memory.empty(x.shape, x.dtype), memory.gradient_of(weight), memory.gradient_of(bias)
    blocks = memory.empty((max(1, count(len(rows), ROWS)), 2, C), x.dtype)
    _layernorm_backward(
        as_rows("dy", dy),
        rows,
        mean,
        rstd,
        weight,
        has_residual,
        as_rows("residual", residual),
        as_rows("dx", dx),
        blocks,
        dweight,
        dbias,
    )
    return {"x": dx, "weight": dweight, "bias": dbias}


@compiled(fastmath=ANY_ORDER)
def _sum_of_squares(row, centre):
    widest_vectors()
    total = row.dtype.type(0)
    for j in range(row.size):
        total += (row[j] - centre) * (row[j] - centre)
    return total


@compiled(fastmath=ANY_ORDER)
def _sums_of_gradient(dy, weight, xhat):
    """The sums of dxhat = dy * weight and of dxhat * xhat."""
    widest_vectors()
    total = through_xhat = dy.dtype.type(0)
    for j in range(dy.size):
        total += dy[j] * weight[j]
        through_xhat += dy[j] * weight[j] * xhat[j]
    return total, through_xhat


@compiled()
def _some_rows(x, weight, bias, mean, rstd, y, first, last):
    """Some rows of `_layernorm`."""
    widest_vectors()
    number, C = x.dtype.type, x.shape[1]
    for i in range(first, last):
        row, y_row = x[i], y[i]
        centre = sum_of(row) / number(C)
        scale = number(1) / np.sqrt(_sum_of_squares(row, centre) / number(C) + number(EPS))
        for j in range(C):
            y_row[j] = (row[j] - centre) * scale * weight[j] + bias[j]
        mean[i], rstd[i] = centre, scale


@compiled()
def _some_rows_backward(dy, x, mean, rstd, weight, has_residual, residual, dx, dweight, dbias, first, last):
    """Some rows of `_layernorm_backward`, and what they give to the gradients of weight and bias."""
    widest_vectors()
    number, C = x.dtype.type, x.shape[1]
    dweight[:] = 0
    dbias[:] = 0
    for i in range(first, last):
        row, dy_row, dx_row = x[i], dy[i], dx[i]
        centre, scale = mean[i], rstd[i]
        for j in range(C):
            xhat = (row[j] - centre) * scale
            # forward: y = xhat * weight + bias
            dweight[j] += dy_row[j] * xhat
            dbias[j] += dy_row[j]
            dx_row[j] = xhat  # for now
        through_mean, through_variance = _sums_of_gradient(dy_row, weight, dx_row)
        through_mean /= number(C)
        through_variance /= number(C)
        # forward: xhat = (x - mean) * rstd
        for j in range(C):
            dx_row[j] = scale * (dy_row[j] * weight[j] - through_mean - dx_row[j] * through_variance)
        if has_residual:
            for j in range(C):
                dx_row[j] += residual[i, j]


@compiled(parallel=True)
def _layernorm(x, weight, bias, mean, rstd, y):
    """Forward, all rows: x and y (M, C), weight and bias (C,), mean and rstd (M,)."""
    M = x.shape[0]
    for task in prange(count(M, ROWS)):
        _some_rows(x, weight, bias, mean, rstd, y, task * ROWS, min(task * ROWS + ROWS, M))


@compiled(parallel=True)
def _layernorm_backward(dy, x, mean, rstd, weight, has_residual, residual, dx, blocks, dweight, dbias):
    """Backward, all rows: `blocks` (tasks, 2, C) has each task's part of dweight and dbias; the rest as above."""
    M, C = x.shape
    for task in prange(blocks.shape[0]):
        first, last = task * ROWS, min(task * ROWS + ROWS, M)
        to_weight, to_bias = blocks[task, 0], blocks[task, 1]
        _some_rows_backward(dy, x, mean, rstd, weight, has_residual, residual, dx, to_weight, to_bias, first, last)
    for j in range(C):
        dweight[j] = 0
        dbias[j] = 0
    for task in range(blocks.shape[0]):
        for j in range(C):
            dweight[j] += blocks[task, 0, j]
            dbias[j] += blocks[task, 1, j]
