"""The linear layer, as `nn/linear.py` computes it."""

from ..jit import compiled, number_of_threads, prange, widest_vectors
from .arguments import as_rows, expect_axes, expect_shape, float_arrays
from .matmul import multiply, multiply_transposed
from .memory import FRESH
from .tasks import border, count, rows_of_a_task

SQUARE = 16  # of a transposition: rows and columns that are near each other, one cache line of float32


def linear_forward(x, weight, bias, residual=None, *, memory=FRESH):
    """y = x @ weight + bias, plus `residual`; as `nn.linear_forward`.

    Fused: the bias, or bias and residual, are written into y first, and the product is added to that. The plain form
    goes over y three times, and y is larger than the caches.

    Parameters
    ----------
    x, weight, bias, residual
        As in `nn.linear_forward`, all float32 or all float64.
    memory : Fresh or Workspace
        Where results are put.

    Returns
    -------
    y : (..., n_out) array
    cache : tuple

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    x, weight, bias = float_arrays(x=x, weight=weight, bias=bias)
    rows = as_rows("x", x)
    expect_axes("weight", weight, "(n_in, n_out)")
    expect_shape("weight", weight, (rows.shape[1], weight.shape[1]))
    expect_shape("bias", bias, weight.shape[1:])
    y = memory.empty((*x.shape[:-1], weight.shape[1]), x.dtype)
    y_rows = y.reshape(len(rows), weight.shape[1])
    multiply_rows(rows, weight, y_rows, bias, added(residual, y))
    return y, (x, weight, bias)


def linear_backward(dy, cache, *, memory=FRESH):
    """Gradients of the linear layer; as `nn.linear_backward`.

    Fused: the bias's gradient is summed up beside the weight's. dx = dy @ weight.T is computed with a transposed copy
    of the weight: the copy costs next to nothing, and then the innermost loop runs along rows.

    Parameters
    ----------
    dy, cache
        As in `nn.linear_backward`.
    memory : Fresh or Workspace

    Returns
    -------
    dict
        `x`, `weight`, `bias`.
    """
    x, weight, bias = cache
    _, dy = float_arrays(x=x, dy=dy)
    expect_shape("dy", dy, (*x.shape[:-1], weight.shape[1]))
    dx, dweight, dbias = memory.empty(x.shape, x.dtype), memory.gradient_of(weight), memory.gradient_of(bias)
    dy_rows = as_rows("dy", dy)
    multiply_rows(dy_rows, transposed(weight, memory), as_rows("dx", dx))
    weight_gradient(as_rows("x", x), dy_rows, dweight, dbias)
    return {"x": dx, "weight": dweight, "bias": dbias}


def added(residual, y):
    """Return a residual as the rows that are to be added to y, or None if there is none."""
    if residual is None:
        return None
    _, residual = float_arrays(y=y, residual=residual)
    expect_shape("residual", residual, y.shape)
    return as_rows("residual", residual)


def multiply_rows(x, weight, y, bias=None, residual=None):
    """y = x @ weight, plus bias, plus residual.

    Parameters
    ----------
    x, weight, y : (rows, K), (K, N) and (rows, N) C-contiguous arrays
    bias, residual : (N,) and (rows, N) arrays, optional
        A residual only together with a bias.
    """
    # A kernel's arguments have fixed types: another array stands in for one that is not there.
    has_bias, has_residual = bias is not None, residual is not None
    _multiply_rows(
        x, weight, has_bias, bias if has_bias else weight.reshape(-1), has_residual, residual if has_residual else y, y
    )


def weight_gradient(x, dy, dweight, dbias=None):
    """dweight = x.T @ dy and, if asked for, dbias = the sum of dy's rows; both in the order of the rows.

    Parameters
    ----------
    x, dy, dweight : (rows, K), (rows, N) and (K, N) C-contiguous arrays
    dbias : (N,) array, optional
    """
    has_bias = dbias is not None
    _weight_gradient(x, dy, dweight, has_bias, dbias if has_bias else dweight.reshape(-1), number_of_threads())


def transposed(weight, memory):
    """Return the transposed of a matrix, C-contiguous."""
    out = memory.empty(weight.shape[::-1], weight.dtype)
    _transpose(weight, out)
    return out


@compiled()
def begin_rows(y, first, last, bias, has_residual, residual):
    """y[first:last] = bias, or bias + residual: what a product is then added to."""
    widest_vectors()
    for i in range(first, last):
        if has_residual:
            for j in range(y.shape[1]):
                y[i, j] = residual[i, j] + bias[j]
        else:
            for j in range(y.shape[1]):
                y[i, j] = bias[j]


@compiled()
def _sum_columns(a, out, left, right):
    """out[left:right] = a[:, left:right].sum(axis=0), in the order of the rows."""
    widest_vectors()
    sums = out[left:right]
    sums[:] = 0
    for i in range(a.shape[0]):
        row = a[i, left:right]
        for j in range(sums.size):
            sums[j] += row[j]


@compiled(parallel=True)
def _multiply_rows(x, weight, has_bias, bias, has_residual, residual, y):
    M = x.shape[0]
    part = rows_of_a_task(M)
    for task in prange(count(M, part)):
        first, last = task * part, min(task * part + part, M)
        if has_bias:
            begin_rows(y, first, last, bias, has_residual, residual)
        else:
            y[first:last] = 0
        multiply(x, weight, y, first, last)


@compiled(parallel=True)
def _weight_gradient(x, dy, dweight, has_bias, dbias, tasks):
    K, N = dweight.shape
    for task in prange(tasks):
        multiply_transposed(x, dy, dweight, border(K, task, tasks), border(K, task + 1, tasks))
        if has_bias:
            _sum_columns(dy, dbias, border(N, task, tasks), border(N, task + 1, tasks))


@compiled(parallel=True)
def _transpose(a, out):
    M, N = a.shape
    part = rows_of_a_task(N)
    for task in prange(count(N, part)):
        first, last = task * part, min(task * part + part, N)
        # In squares of 16, so that both are read and written near by.
        for i in range(first, last, SQUARE):
            for j in range(0, M, SQUARE):
                for row in range(i, min(i + SQUARE, last)):
                    for column in range(j, min(j + SQUARE, M)):
                        out[row, column] = a[column, row]
