"""exp, written so that a loop over it is vectorised, which the C library's is not; and the sum of a row."""

import math

import numpy as np
from numba import types
from numba.extending import overload

from ..jit import ANY_ORDER, FASTMATH, compiled, widest_vectors

LOG2_E = math.log2(math.e)
# ln 2 in two pieces. The first has so few digits that n * LN2_HIGH is exact, so x - n ln 2 loses nothing.
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440054690583e-4

# The same numbers as float32: a float64 constant would turn a whole float32 loop into float64.
F = np.float32
LOG2_E_32, LN2_HIGH_32, LN2_LOW_32 = F(LOG2_E), F(LN2_HIGH), F(LN2_LOW)
ZERO_32, HALF_32, ONE_32 = F(0), F(0.5), F(1)
# The Taylor coefficients 1/2! ... of exp. |r| <= ln(2)/2 = .35, so the first one left out, r^8/8!, is below 6e-9 in
# float32, where numbers are 6e-8 apart, and r^14/14! is below 5e-18 in float64, where they are 1e-16 apart.
C2_32, C3_32, C4_32, C5_32, C6_32, C7_32 = (F(1 / math.factorial(k)) for k in range(2, 8))
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = (1 / math.factorial(k) for k in range(2, 14))
LEAST_32, MOST_32 = F(-87), F(88)  # exp(-87) = 1.6e-38 and exp(88) = 1.7e38 still are normal float32 numbers
LEAST, MOST = -708.0, 709.0
BIAS_32, SHIFT_32 = np.int32(127), np.int32(23)  # a float32 is sign, 8 bits of exponent + 127, 23 bits of fraction
BIAS, SHIFT = np.int64(1023), np.int64(52)


@compiled()
def _exp32(x):
    # exp(x) = 2^n exp(r), n = round(x / ln 2), r = x - n ln 2. 2^n is n written into the exponent's bits.
    near = x if not x < LEAST_32 else LEAST_32  # in this form, NaN stays NaN
    near = near if not near > MOST_32 else MOST_32
    n = np.floor(near * LOG2_E_32 + HALF_32)
    r = near - n * LN2_HIGH_32 - n * LN2_LOW_32
    series = ONE_32 + r * (ONE_32 + r * (C2_32 + r * (C3_32 + r * (C4_32 + r * (C5_32 + r * (C6_32 + r * C7_32))))))
    power = series * np.int32((np.int32(n) + BIAS_32) << SHIFT_32).view(np.float32)
    return power if not x < LEAST_32 else ZERO_32


@compiled()
def _exp64(x):
    near = x if not x < LEAST else LEAST
    near = near if not near > MOST else MOST
    n = np.floor(near * LOG2_E + 0.5)
    r = near - n * LN2_HIGH - n * LN2_LOW
    high = C8 + r * (C9 + r * (C10 + r * (C11 + r * (C12 + r * C13))))
    series = 1 + r * (1 + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * (C6 + r * (C7 + r * high)))))))
    power = series * np.int64((np.int64(n) + BIAS) << SHIFT).view(np.float64)
    return power if not x < LEAST else 0.0


def exp(x):
    """e to the power of a float32 or float64 number, in that type, for use in compiled loops.

    Relative error below 2e-7 and 1e-15. Below -87 (float64: -708) it is 0, above 88 (709) it stays at what it
    is there, so that it is never infinite; NaN stays NaN.
    """
    with np.errstate(invalid="ignore"):  # NaN as an integer is arbitrary, but it is multiplied by NaN
        return _exp32(x) if isinstance(x, np.float32) else np.float64(_exp64(np.float64(x)))


@overload(exp, jit_options={"fastmath": FASTMATH, "error_model": "numpy"})
def _(x):
    return (lambda x: _exp32(x)) if x == types.float32 else (lambda x: _exp64(x))


@compiled(fastmath=ANY_ORDER)
def sum_of(row):
    """The sum of an array with one axis, in an order that suits vectors, which depends on its length alone."""
    widest_vectors()
    total = row.dtype.type(0)
    for j in range(row.size):
        total += row[j]
    return total
