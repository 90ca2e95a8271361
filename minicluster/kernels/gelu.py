"""GELU and its derivative in one go, as `nn/gelu.py` computes them."""

import math

import numpy as np

from ..jit import compiled, prange, widest_vectors
from .arguments import expect_shape, float_arrays
from .elementary import exp
from .memory import FRESH
from .tasks import count

SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715
MOST = 40  # exp(40) = 2e17: beyond, the gate is 0 to rounding; up to there no product of the following overflows
BLOCK = 4096  # entries of one task


def gelu_forward(x, *, memory=FRESH):
    """0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), entry by entry; as `nn.gelu_forward`.

    Fused: the derivative is computed along, from the same exponential, so that the backward only multiplies. That
    exponential is our own polynomial, 16 entries at a time, where the C library's tanh takes them one by one.

    Parameters
    ----------
    x : float32 or float64 array of any shape
    memory : Fresh or Workspace

    Returns
    -------
    y : array like x
    cache : tuple
    """
    (x,) = float_arrays(x=x)
    y, slope = memory.empty(x.shape, x.dtype), memory.empty(x.shape, x.dtype)
    slope[...] = x
    _gelu(slope.reshape(-1), y.reshape(-1))
    return y, (slope,)


def gelu_backward(dy, cache, *, memory=FRESH):
    """Gradient of GELU: one multiplication, by what the forward has kept; as `nn.gelu_backward`."""
    (slope,) = cache
    slope, dy = float_arrays(slope=slope, dy=dy)
    expect_shape("dy", dy, slope.shape)
    return {"x": np.multiply(dy, slope, out=memory.empty(dy.shape, dy.dtype))}


@compiled()
def gelu_and_slope(x, y):
    """y = gelu(x), and x = the derivative of gelu at x, of arrays with one axis."""
    widest_vectors()
    number = x.dtype.type
    for i in range(x.size):
        z = x[i]
        # (1 + tanh(u)) / 2 is the logistic function of 2u, 1 / (1 + exp(-2u)): one exponential, and no difference of
        # nearly equal numbers where GELU is nearly 0.
        square = z * z
        minus_2u = number(-2 * SQRT_2_OVER_PI) * z * (number(1) + number(CUBIC) * square)
        closed = minus_2u > number(MOST)
        e = exp(number(MOST) if closed else minus_2u)
        gate = number(0) if closed else number(1) / (number(1) + e)
        y[i] = z * gate
        # gate' = gate (1 - gate) (2u)', and 1 - gate is e * gate
        inner = number(2 * SQRT_2_OVER_PI) * (number(1) + number(3 * CUBIC) * square)
        x[i] = gate + z * gate * (e * gate) * inner


@compiled(parallel=True)
def _gelu(x, y):
    n = x.size
    for task in prange(count(n, BLOCK)):
        first, last = task * BLOCK, min(task * BLOCK + BLOCK, n)
        gelu_and_slope(x[first:last], y[first:last])
