"""Layer normalisation, as `nn/layernorm.py` computes it."""

import numpy as np

from ..jit import compiled, prange
from .arguments import as_rows, expect_shape, float_arrays
from .memory import FRESH

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
    blocks = memory.empty((max(1, -(-len(rows) // ROWS)), 2, C), x.dtype)
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


@compiled(parallel=True)
def _layernorm(x, weight, bias, mean, rstd, y):
    M, C = x.shape
    one = x.dtype.type(1)
    for task in prange((M + ROWS - 1) // ROWS):
        for i in range(task * ROWS, min(task * ROWS + ROWS, M)):
            total = x.dtype.type(0)
            for j in range(C):
                total += x[i, j]
            centre = total / x.dtype.type(C)
            squares = x.dtype.type(0)
            for j in range(C):
                squares += (x[i, j] - centre) * (x[i, j] - centre)
            scale = one / np.sqrt(squares / x.dtype.type(C) + x.dtype.type(EPS))
            for j in range(C):
                y[i, j] = (x[i, j] - centre) * scale * weight[j] + bias[j]
            mean[i], rstd[i] = centre, scale


@compiled(parallel=True)
def _layernorm_backward(dy, x, mean, rstd, weight, has_residual, residual, dx, blocks, dweight, dbias):
    M, C = x.shape
    one = x.dtype.type(1)
    for task in prange(blocks.shape[0]):
        for j in range(C):
            blocks[task, 0, j] = 0
            blocks[task, 1, j] = 0
        for i in range(task * ROWS, min(task * ROWS + ROWS, M)):
            centre, scale = mean[i], rstd[i]
            through_mean = x.dtype.type(0)
            through_variance = x.dtype.type(0)
            for j in range(C):
                xhat = (x[i, j] - centre) * scale
                # forward: y = xhat * weight + bias
                blocks[task, 0, j] += dy[i, j] * xhat
                blocks[task, 1, j] += dy[i, j]
                through_mean += dy[i, j] * weight[j]
                through_variance += dy[i, j] * weight[j] * xhat
            through_mean *= one / x.dtype.type(C)
            through_variance *= one / x.dtype.type(C)
            # forward: xhat = (x - mean) * rstd
            for j in range(C):
                xhat = (x[i, j] - centre) * scale
                dx[i, j] = scale * (dy[i, j] * weight[j] - through_mean - xhat * through_variance)
            if has_residual:
                for j in range(C):
                    dx[i, j] += residual[i, j]
    for j in range(C):
        dweight[j] = 0
        dbias[j] = 0
    for task in range(blocks.shape[0]):
        for j in range(C):
            dweight[j] += blocks[task, 0, j]
            dbias[j] += blocks[task, 1, j]
