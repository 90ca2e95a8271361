"""The machine's peak, measured: as many multiply-adds as the cores can do when nothing has to be fetched from memory.

What a data sheet says is the product of cores, clock, vector units and lanes; but clocks change under load and virtual
machines share cores. So here is a loop that does nothing else: sums that stay in registers, each multiplied by one
number and increased by another.
"""

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..jit import ENABLED, compiled, prange, widest_vectors

# A multiply-add takes four cycles and two begin in each, so eight sums have to be under way. Twelve leave room and,
# with two registers for the numbers, fit into the 16 registers of AVX2.
SUMS = 12


def vector_bytes():
    """Return the size of the vectors that Numba compiles loops to: 64 (AVX-512), 32 (AVX), else 16 (SSE, NEON)."""
    if not ENABLED:
        return 16

    @numba.njit
    def loop(values):
        widest_vectors()
        for i in range(values.size):
            values[i] *= 3

    loop.compile("void(float32[::1])")
    (code,) = loop.inspect_asm().values()
    return 64 if "zmm" in code else 32 if "ymm" in code else 16


VECTOR_BYTES = vector_bytes()
LANES = VECTOR_BYTES // 4  # float32
ROUNDS = 500_000  # of a call: a few milliseconds
FLOPS = 2 * SUMS * LANES * ROUNDS  # a multiplication and an addition in each lane


@intrinsic
def _multiply_and_add(typing_context, rounds, factor, summand):
    """`rounds` times over: sum = sum * factor + summand, for SUMS vectors; returns one entry of their total."""

    def generate(context, builder, signature, arguments):
        rounds, factor, summand = arguments
        vector = ir.VectorType(ir.FloatType(), LANES)
        factor, summand = (_in_all_lanes(builder, vector, number) for number in (factor, summand))
        kind = ir.FunctionType(vector, [vector] * 3)
        # fmuladd: one instruction where the machine has it, a multiplication and an addition elsewhere.
        multiply_add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")

        entry, loop, end = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("end")
        builder.branch(loop)  # rounds is at least 1
        builder.position_at_end(loop)
        done, sums = builder.phi(ir.IntType(64)), [builder.phi(vector) for _ in range(SUMS)]
        after = [builder.call(multiply_add, [total, factor, summand]) for total in sums]
        done_after = builder.add(done, ir.Constant(done.type, 1))
        done.add_incoming(ir.Constant(done.type, 0), entry)
        done.add_incoming(done_after, loop)
        for number, (total, later) in enumerate(zip(sums, after)):
            # Each begins with another number: equal sums would be computed only once.
            total.add_incoming(ir.Constant(vector, [float(number)] * LANES), entry)
            total.add_incoming(later, loop)
        builder.cbranch(builder.icmp_signed("<", done_after, rounds), loop, end)

        builder.position_at_end(end)
        total = after[0]
        for other in after[1:]:
            total = builder.fadd(total, other)
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    return types.float32(types.int64, types.float32, types.float32), generate


def _in_all_lanes(builder, vector, number):
    value = ir.Constant(vector, ir.Undefined)
    for lane in range(vector.count):
        value = builder.insert_element(value, number, ir.Constant(ir.IntType(32), lane))
    return value


@compiled()
def one_thread(rounds, factor, summand):
    """Keep one core busy with SUMS * LANES * `rounds` multiply-adds in float32.

    Parameters
    ----------
    rounds : int
        At least 1.
    factor, summand : float32
        A factor below 1 keeps the sums finite.

    Returns
    -------
    float32
        One lane's sums together: summand / (1 - factor) * SUMS, after enough rounds.
    """
    return _multiply_and_add(rounds, factor, summand)


@compiled(parallel=True)
def all_threads(totals, rounds, factor, summand):
    """`one_thread` as often as `totals`, a float32 array, has entries, side by side."""
    for task in prange(totals.size):
        totals[task] = _multiply_and_add(rounds, factor, summand)
