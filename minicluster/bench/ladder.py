"""The rungs between the textbook's matrix product and the kernels': c = a @ b, all in float32."""

from ..alignment import aligned_array
from ..jit import compiled, widest_vectors
from ..kernels import matmul
from ..kernels.gelu import gelu_forward
from ..kernels.linear import multiply_rows

AS_WRITTEN = set()  # no liberties for the compiler: sums in the order of the source


def naive_python(a, b, c):
    """The triple loop of the definition, in plain Python, on lists of lists."""
    for i in range(len(a)):
        for j in range(len(b[0])):
            total = 0.0
            for k in range(len(b)):
                total += a[i][k] * b[k][j]
            c[i][j] = total


@compiled(fastmath=AS_WRITTEN)
def naive(a, b, c):
    """The same triple loop, compiled. It walks down the columns of b: each entry is on another cache line."""
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            total = a[i, 0] * b[0, j]
            for k in range(1, b.shape[0]):
                total += a[i, k] * b[k, j]
            c[i, j] = total


@compiled()
def reordered(a, b, c):
    """The two inner loops exchanged: now the innermost runs along rows of b and c, whole vectors at a time."""
    widest_vectors()
    c[:] = 0
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                c[i, j] += a[i, k] * b[k, j]


def blocked(a, b, c):
    """Four rows by four steps of the sum at a time: `kernels.matmul`."""
    c[:] = 0
    matmul.multiply(a, b, c, 0, len(a))


def blocked_parallel(a, b, c):
    """`blocked`, its rows shared among threads, as the layers use it."""
    multiply_rows(a, b, c)


def mlp_in_pieces(x, fc_weight, fc_bias, proj_weight, proj_bias, residual, memory):
    """A block's MLP forward, one pass after the other: product, bias, GELU, product, bias, residual.

    Parameters
    ----------
    x, residual : (M, C) arrays
    fc_weight, fc_bias, proj_weight, proj_bias : (C, F), (F,), (F, C), (C,) arrays
    memory : Fresh or Workspace
        Where results are put.

    Returns
    -------
    (M, C) array
    """
    wide = memory.empty((len(x), len(fc_bias)), x.dtype)
    multiply_rows(x, fc_weight, wide)
    wide += fc_bias
    gated, _ = gelu_forward(wide, memory=memory)
    y = memory.empty(x.shape, x.dtype)
    multiply_rows(gated, proj_weight, y)
    y += proj_bias
    y += residual
    return y


def prepare_rung(name, a, b):
    """Return a call of a rung without arguments, and where it puts its result.

    Parameters
    ----------
    name : str
        "naive_python", "naive", "reordered", "blocked" or "blocked_parallel".
    a, b : (M, K) and (K, N) float32 arrays

    Returns
    -------
    call : callable
    c : (M, N) array, or list of lists for "naive_python"
    """
    rung, c = RUNGS[name], aligned_array((len(a), b.shape[1]), a.dtype)
    if rung is naive_python:
        a, b, c = a.tolist(), b.tolist(), c.tolist()
    return lambda: rung(a, b, c), c


RUNGS = {rung.__name__: rung for rung in (naive_python, naive, reordered, blocked, blocked_parallel)}
