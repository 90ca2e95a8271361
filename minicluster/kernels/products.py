"""Which matrix products the other kernels use: those with explicit vectors where the machine suits them, else plain."""

from . import matmul, simd

CHOSEN = simd if simd.VECTOR_BYTES else matmul
multiply = CHOSEN.multiply
multiply_transposed = CHOSEN.multiply_transposed
CUTS_COLUMNS = CHOSEN.CUTS_COLUMNS
