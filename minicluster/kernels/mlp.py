"""The multilayer perceptron of a block, as `nn/mlp.py` computes it."""

from ..jit import compiled, prange
from .arguments import as_rows, expect_axes, expect_shape, float_arrays
from .gelu import gelu_and_slope
from .linear import added, begin_rows, transposed, weight_gradient
from .matmul import multiply
from .memory import FRESH
from .tasks import count, rows_of_a_task


def mlp_forward(x, fc_weight, fc_bias, proj_weight, proj_bias, residual=None, *, memory=FRESH):
    """Two linear layers with GELU between them, plus `residual`; as `nn.mlp_forward`.

    Fused: some rows at a time go through all of it, so the wide array, the largest of the model, is written and read
    within a cache; and GELU leaves its derivative where its input was, for the backward to multiply with.

    Parameters
    ----------
    x, fc_weight, fc_bias, proj_weight, proj_bias, residual
        As in `nn.mlp_forward`, all float32 or all float64.
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
    x, fc_weight, fc_bias, proj_weight, proj_bias = float_arrays(
        x=x, fc_weight=fc_weight, fc_bias=fc_bias, proj_weight=proj_weight, proj_bias=proj_bias
    )
    rows = as_rows("x", x)
    M, C = rows.shape
    expect_axes("fc_weight", fc_weight, "(C, F)")
    F = fc_weight.shape[1]
    expect_shape("fc_weight", fc_weight, (C, F))
    expect_shape("fc_bias", fc_bias, (F,))
    expect_shape("proj_weight", proj_weight, (F, C))
    expect_shape("proj_bias", proj_bias, (C,))
    gated, slope = memory.empty((M, F), x.dtype), memory.empty((M, F), x.dtype)
    y = memory.empty(x.shape, x.dtype)
    y_rows = as_rows("y", y)
    residual_rows = added(residual, y)
    has_residual = residual is not None
    residual_rows = residual_rows if has_residual else y_rows  # something of that type has to be passed
    _mlp(rows, fc_weight, fc_bias, proj_weight, proj_bias, has_residual, residual_rows, gated, slope, y_rows)
    return y, (x, fc_weight, fc_bias, proj_weight, proj_bias, gated, slope)


def mlp_backward(dy, cache, *, memory=FRESH):
    """Gradients of the MLP; as `nn.mlp_backward`.

    Fused: some rows at a time go back through both layers and GELU. The parameters' gradients are sums over all rows,
    so they follow when all rows are done.

    Parameters
    ----------
    dy, cache
        As in `nn.mlp_backward`.
    memory : Fresh or Workspace

    Returns
    -------
    dict
        `x`, `fc_weight`, `fc_bias`, `proj_weight`, `proj_bias`.
    """
    x, fc_weight, fc_bias, proj_weight, proj_bias, gated, slope = cache
    x, dy = float_arrays(x=x, dy=dy)
    expect_shape("dy", dy, x.shape)
    C, F = fc_weight.shape
    dx, dwide = memory.empty(x.shape, x.dtype), memory.empty(gated.shape, x.dtype)
    dfc_weight, dproj_weight = memory.gradient_of(fc_weight), memory.gradient_of(proj_weight)
    dfc_bias, dproj_bias = memory.gradient_of(fc_bias), memory.gradient_of(proj_bias)
    dy_rows = as_rows("dy", dy)
    _mlp_backward(
        dy_rows, transposed(fc_weight, memory), transposed(proj_weight, memory), slope, dwide, as_rows("dx", dx)
    )
    # forward: y = gated @ proj_weight + proj_bias, wide = x @ fc_weight + fc_bias
    weight_gradient(gated, dy_rows, dproj_weight, dproj_bias)
    weight_gradient(as_rows("x", x), dwide, dfc_weight, dfc_bias)
    return {
        "x": dx,
        "fc_weight": dfc_weight,
        "fc_bias": dfc_bias,
        "proj_weight": dproj_weight,
        "proj_bias": dproj_bias,
    }


@compiled(parallel=True)
def _mlp(x, fc_weight, fc_bias, proj_weight, proj_bias, has_residual, residual, gated, slope, y):
    """Forward, all rows: x, residual and y (M, C), gated and slope (M, F)."""
    M = x.shape[0]
    part = rows_of_a_task(M)
    for task in prange(count(M, part)):
        first, last = task * part, min(task * part + part, M)
        begin_rows(slope, first, last, fc_bias, False, slope)  # the wide array, for now
        multiply(x, fc_weight, slope, first, last)
        gelu_and_slope(slope[first:last].ravel(), gated[first:last].ravel())
        begin_rows(y, first, last, proj_bias, has_residual, residual)
        multiply(gated, proj_weight, y, first, last)


@compiled(parallel=True)
def _mlp_backward(dy, fc_transposed, proj_transposed, slope, dwide, dx):
    """x's gradient and that of the wide array, all rows: dy and dx (M, C), slope and dwide (M, F)."""
    M, F = slope.shape
    part = rows_of_a_task(M)
    for task in prange(count(M, part)):
        first, last = task * part, min(task * part + part, M)
        # forward: y = gated @ proj_weight + proj_bias
        dwide[first:last] = 0
        multiply(dy, proj_transposed, dwide, first, last)
        # forward: gated = gelu(wide)
        for i in range(first, last):
            for j in range(F):
                dwide[i, j] *= slope[i, j]
        # forward: wide = x @ fc_weight + fc_bias
        dx[first:last] = 0
        multiply(dwide, fc_transposed, dx, first, last)
