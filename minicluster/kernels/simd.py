"""The matrix products of `matmul.py` with explicit vectors: 1.5 to 2.5 times as fast, on AVX2 and AVX-512.

Why plain loops stop at a third of the peak: they load and store rows of `out` for every four steps of the sum, wait for
each such sum before it is stored, and on AVX-512 LLVM gives them vectors of half the size. Here the sums stay in
registers until they are complete, and the registers are whole. Numba has no type for a vector register, and its loops
leave the choice of registers to LLVM, which doesn't find this one. LLVM's own language, which Numba is a front-end of,
has the type: `<32 x float>`, two registers of AVX-512 side by side. `_tile` below writes this loop in it:

    sums = out[i : i + 8, j : j + 32]             # 16 registers
    for k in range(depth):
        b_row = panel[k]                          # 2 registers
        for row in range(8):                      # written out 8 times
            sums[row] += a[i + row, k] * b_row    # 2 multiply-adds of 16 lanes
    out[i : i + 8, j : j + 32] = sums

Eight rows because a multiply-add takes four cycles and two begin in each: eight must be under way at any time, and
sixteen hide the loads as well. The other half of the matter is memory. Rows of b that lie a power of two apart compete
for the same few places of the first-level cache, so a panel of b, DEPTH by 32, is copied to where it lies in one
piece; so is a panel of a transposed `a`.

Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication", doi:10.1145/1356052.1356053.
"""

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..jit import ENABLED, EXPLICIT_VECTORS, compiled

DEPTH = 256  # of a panel: 256 x 32 float32 are 32 KiB, as much as a first-level cache of 32 or 48 KiB should give
CUTS_COLUMNS = True  # threads may share the columns of a transposed product: each packs its own part of b only
COLUMNS_AT_A_TIME = 8  # of a transposed `a`, copied together
INT64, INT32, BIT = ir.IntType(64), ir.IntType(32), ir.IntType(1)


def vector_bytes():
    """Return the size of this machine's vector registers: 64 (AVX-512), 32 (AVX2), or 0 where plain loops do better.

    Obeys NUMBA_ENABLE_AVX, NUMBA_CPU_NAME and NUMBA_CPU_FEATURES, which tell Numba to compile for another machine.
    """
    if not (ENABLED and EXPLICIT_VECTORS and numba.config.ENABLE_AVX):
        return 0
    if numba.config.CPU_FEATURES is not None:
        has = {name[1:] for name in numba.config.CPU_FEATURES.split(",") if name.startswith("+")}
    elif numba.config.CPU_NAME is not None:
        return 0
    else:
        try:
            has = {name for name, there in binding.get_host_cpu_features().items() if there}
        except RuntimeError:  # LLVM doesn't know this processor
            return 0
    if {"avx512f", "avx512vl"} <= has:
        return 64
    return 32 if {"avx2", "fma"} <= has else 0


VECTOR_BYTES = vector_bytes()
# Of 32 registers AVX-512 has 16 for sums; of 16 registers AVX2 has 12, and 4 for b's row and a's entry.
ROWS = 8 if VECTOR_BYTES == 64 else 6


def _vector(context, array_type, lanes):
    return ir.VectorType(context.get_data_type(array_type.dtype), lanes)


def _address(context, builder, array_type, array, offset):
    """The address of an array's entry, counted in entries from its beginning."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])


def _first_lanes(builder, count, lanes):
    """A mask that is true for the first `count` of so many lanes."""
    lane_numbers = ir.Constant(ir.VectorType(INT32, lanes), list(range(lanes)))
    return builder.icmp_signed("<", lane_numbers, _spread(builder, builder.trunc(count, INT32), lanes))


def _spread(builder, number, lanes):
    """A vector that has the same number in every lane."""
    undefined = ir.Constant(ir.VectorType(number.type, lanes), ir.Undefined)
    one = builder.insert_element(undefined, number, INT32(0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes))


def _llvm(builder, name, result, *arguments):
    """Call one of LLVM's own functions, with the vector type in its name: `llvm.fma.v32f32`, say."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _suffix(vector):
    return f"v{vector.count}f{32 if isinstance(vector.element, ir.FloatType) else 64}"


def _load(builder, address, vector, mask):
    """The lanes of `mask` from memory, 0 in the others, whose memory is not touched."""
    address = builder.bitcast(address, vector.as_pointer())
    nothing = ir.Constant(vector, None)
    return _llvm(builder, f"llvm.masked.load.{_suffix(vector)}.p0", vector, address, INT32(4), mask, nothing)


def _store(builder, value, address, mask):
    address = builder.bitcast(address, value.type.as_pointer())
    _llvm(builder, f"llvm.masked.store.{_suffix(value.type)}.p0", ir.VoidType(), value, address, INT32(4), mask)


def _lanes(array_type):
    """Columns of a tile: the entries of two vector registers."""
    return 2 * VECTOR_BYTES // (array_type.dtype.bitwidth // 8)


@intrinsic
def _tile(typing_context, a, a_start, a_row, a_step, rows, panel, depth, out, out_start, out_row, width, add):
    """out[r, c] = or, if `add`, += sum over k < depth of a[r, k] * panel[k, c], for r < rows <= ROWS and c < width.

    Where the tiles lie: `a[r, k]` is entry a_start + r a_row + k a_step of array a, `out[r, c]` is entry
    out_start + r out_row + c, and the panel's rows follow one another. A tile of fewer than ROWS rows computes its last
    row several times over, and stores it as often: that is less code than another loop for each number of rows.
    """

    def generate(context, builder, signature, arguments):
        a, a_start, a_row, a_step, rows, panel, depth, out, out_start, out_row, width, add = arguments
        a_type, panel_type, out_type = (signature.args[i] for i in (0, 5, 7))
        lanes = _lanes(a_type)
        vector = _vector(context, a_type, lanes)
        mask, all_lanes = _first_lanes(builder, width, lanes), ir.Constant(ir.VectorType(BIT, lanes), [1] * lanes)
        a_address = _address(context, builder, a_type, a, a_start)
        panel_address = _address(context, builder, panel_type, panel, INT64(0))
        out_address = _address(context, builder, out_type, out, out_start)
        # Each row lies one step after the one before, and those after the last row of the tile on the last row itself.
        a_rows, out_rows = [INT64(0)], [out_address]
        for row in range(1, ROWS):
            there = builder.icmp_signed("<", INT64(row), rows)
            a_rows.append(builder.add(a_rows[-1], builder.select(there, a_row, INT64(0))))
            out_rows.append(builder.gep(out_rows[-1], [builder.select(there, out_row, INT64(0))]))
        kept = builder.select(add, mask, ir.Constant(mask.type, [0] * lanes))  # lanes that don't start from 0
        before = [_load(builder, row, vector, kept) for row in out_rows]

        # for k in range(depth). In LLVM's language a loop variable is a "phi": which value it has depends on the block
        # that we come from, the entry or the loop's own end.
        entry, loop, end = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("end")
        builder.branch(loop)  # depth is at least 1
        builder.position_at_end(loop)
        k, sums = builder.phi(INT64), [builder.phi(vector) for _ in range(ROWS)]
        b_row = _load(builder, builder.gep(panel_address, [builder.mul(k, INT64(lanes))]), vector, all_lanes)
        a_step_address = builder.gep(a_address, [builder.mul(k, a_step)])
        after = []
        for a_row, total in zip(a_rows, sums):
            entry_of_a = _spread(builder, builder.load(builder.gep(a_step_address, [a_row])), lanes)
            after.append(_llvm(builder, f"llvm.fma.{_suffix(vector)}", vector, entry_of_a, b_row, total))
        next_k = builder.add(k, INT64(1))
        k.add_incoming(INT64(0), entry)
        k.add_incoming(next_k, loop)
        for total, first, later in zip(sums, before, after):
            total.add_incoming(first, entry)
            total.add_incoming(later, loop)
        builder.cbranch(builder.icmp_signed("<", next_k, depth), loop, end)

        builder.position_at_end(end)
        for value, address in zip(after, out_rows):
            _store(builder, value, address, mask)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(a, *[whole] * 4, panel, whole, out, *[whole] * 3, types.boolean), generate


def _copy(lanes_of):
    """Make a function that copies `count` rows of at most so many entries into a panel, whose rows are as long."""

    @intrinsic
    def copy(typing_context, source, start, step, count, width, panel, panel_start):
        def generate(context, builder, signature, arguments):
            source, start, step, count, width, panel, panel_start = arguments
            source_type, panel_type = signature.args[0], signature.args[5]
            lanes = lanes_of(source_type)
            vector = _vector(context, source_type, lanes)
            mask, all_lanes = _first_lanes(builder, width, lanes), ir.Constant(ir.VectorType(BIT, lanes), [1] * lanes)
            source_address = _address(context, builder, source_type, source, start)
            panel_address = _address(context, builder, panel_type, panel, panel_start)
            with cgutils.for_range(builder, count) as loop:
                row = _load(builder, builder.gep(source_address, [builder.mul(loop.index, step)]), vector, mask)
                target = builder.gep(panel_address, [builder.mul(loop.index, INT64(lanes))])
                _store(builder, row, target, all_lanes)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(source, whole, whole, whole, whole, panel, whole), generate

    return copy


_copy_rows_of_b = _copy(_lanes)
_copy_columns_of_a = _copy(lambda array_type: COLUMNS_AT_A_TIME)


@compiled()
def _panel(size, like):
    """An array that begins at a multiple of the vector size: a vector across two cache lines takes two loads."""
    spare = np.empty(size + VECTOR_BYTES // like.itemsize, like.dtype)
    start = -spare.ctypes.data % VECTOR_BYTES // like.itemsize
    return spare[start : start + size]


@compiled()
def multiply(a, b, out, first, last, depth, width, add):
    """out[first:last, :width] = a[first:last, :depth] @ b[:depth, :width], or += if `add`; see `matmul.multiply`."""
    lanes = 2 * VECTOR_BYTES // a.itemsize
    K, N = a.shape[1], b.shape[1]
    if depth == 0 and not add:  # an empty sum
        out[first:last, :width] = 0
    panel = _panel(min(DEPTH, depth) * lanes, a)
    for k in range(0, depth, DEPTH):
        steps = min(DEPTH, depth - k)
        for j in range(0, width, lanes):
            columns = min(lanes, width - j)
            _copy_rows_of_b(b, k * N + j, N, steps, columns, panel, 0)
            for i in range(first, last, ROWS):
                rows = min(ROWS, last - i)
                place = i * out.shape[1] + j
                _tile(a, i * K + k, K, 1, rows, panel, steps, out, place, out.shape[1], columns, add or k > 0)


@compiled()
def multiply_transposed(a, b, out, first, last, left, right):
    """out[first:last, left:right] = a[:, first:last].T @ b[:, left:right]; see `matmul.multiply_transposed`."""
    lanes = 2 * VECTOR_BYTES // a.itemsize
    (K, M), N = a.shape, b.shape[1]
    if K == 0:  # no rows, an empty sum
        out[first:last, left:right] = 0
    most_steps, tiles = min(DEPTH, K), (last - first + ROWS - 1) // ROWS
    panel = _panel(most_steps * lanes, a)
    a_panels = _panel(tiles * most_steps * COLUMNS_AT_A_TIME, a)
    for k in range(0, K, DEPTH):
        steps = min(DEPTH, K - k)
        for tile in range(tiles):
            i = first + tile * ROWS
            columns = min(ROWS, last - i)
            _copy_columns_of_a(a, k * M + i, M, steps, columns, a_panels, tile * most_steps * COLUMNS_AT_A_TIME)
        for j in range(left, right, lanes):
            columns = min(lanes, right - j)
            _copy_rows_of_b(b, k * N + j, N, steps, columns, panel, 0)
            for tile in range(tiles):
                i = first + tile * ROWS
                rows, from_a = min(ROWS, last - i), tile * most_steps * COLUMNS_AT_A_TIME
                place = i * N + j
                _tile(a_panels, from_a, 1, COLUMNS_AT_A_TIME, rows, panel, steps, out, place, N, columns, k > 0)
