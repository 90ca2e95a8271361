# %% [markdown]
# # Lesson 17 (optional): The rungs of speed
#
# **Goals.** After this lesson you can take a loop that is thirty thousand times too slow and climb, rung by rung, to
# what the machine can do; say at each rung what held the last one back; and prove that the result is still the same.
#
# **Time.** 95 minutes to read, without the exercises; the script runs in about 25 seconds, half of it compilation.
#
# **Assumes.** NumPy (arrays, `@`, dtypes) and what a matrix product is. No other lesson. What a compiler, a cache or a
# vector instruction does is said where it is needed.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_17_the_rungs_of_speed.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 17` writes. With `--save` its picture goes to
# `figures/lesson_17_the_rungs_of_speed.png`.

# %%
import math
import re
import sys
import time

import numba
import numpy as np
from numba import njit, prange

from minicluster.alignment import aligned_array
from minicluster.bench import peak
from minicluster.jit import ANY_ORDER, ENABLED, unsigned, widest_vectors
from minicluster.kernels.elementary import exp
from minicluster.kernels.matmul import multiply
from minicluster.nn import AdamW, Transformer, TransformerConfig, gelu_forward
from minicluster.plots import draw_rungs
from minicluster.training import train_step

if not ENABLED:
    sys.exit("This lesson compares compiled code: run it without NUMBA_DISABLE_JIT=1.")

# %% [markdown]
# ## The idea: the work is the same, the fetching is not
#
# A cook who walks to the market for each carrot cooks all day. The recipe isn't the problem, nor the knife. Put the
# carrots on the table, and dinner is ready at noon; cut eight with one stroke, and it is ready at ten; ask a second
# cook in, and it is ready before nine. Each time it is the same soup.
#
# Our soup is a matrix product, y = x @ weight. Nothing else makes up so much of a model's arithmetic. Each entry of y
# is a row of x times a column of weight,
#
#     y_ij = sum over k of x_ik weight_kj.
#
# x has M = 1024 rows, one for each of 16 sequences of 64 tokens, with K = 256 numbers each; weight makes N = 1024 of
# them. That is the first half of a multilayer perceptron in a GPT of width 256. It takes M N K multiplications and as
# many additions. Each is a *FLOP*, a floating-point operation. 2 M N K is 537 million of them, however we go about it.
# So speed is FLOPs over seconds, and a GFLOP/s is a billion in a second.

# %%
M, K, N = 1024, 256, 1024
rng = np.random.default_rng(17)
x = rng.standard_normal((M, K), dtype=np.float32)
weight = rng.standard_normal((K, N), dtype=np.float32)
y = np.empty((M, N), np.float32)  # where results go
FLOPS = 2 * M * K * N
print(f"y = x @ weight: ({M}, {K}) @ ({K}, {N}) -> ({M}, {N}), {FLOPS / 1e6:.0f} million FLOPs, {x.dtype}")

# %% [markdown]
# ## How to time, and how to compare
#
# A computer is never alone: the first call compiles, another program wants the core, threads of an earlier call may
# still be about. All of that only ever *adds* time. So the least of a few repeats is the best estimate of what the code
# itself takes: one call that doesn't count, then a few that do; a pause; the same again.


# %%
def seconds(function, *arguments, repeats=5, batches=3):
    """The least time that a call took; before each batch a pause, and one call that doesn't count."""
    least = math.inf
    for _ in range(batches):
        time.sleep(0.1)
        function(*arguments)
        for _ in range(repeats):
            start = time.perf_counter()
            function(*arguments)
            least = min(least, time.perf_counter() - start)
    return least


# %% [markdown]
# How equal is equal? 0.1 + 0.2 + 0.3 depends on where you begin: each addition rounds, by at most eps / 2 of its
# result, and eps is 1.2e-7 in float32. A sum of K products takes K roundings at most for each term, so, in whatever
# order, it is off by at most
#
#     K eps / 2  times  sum over k of |x_ik| |weight_kj|
#
# (and a hair, of the size of K eps times that). Two orders differ by at most twice as much. That is a tolerance that
# nobody has made up: a factor of 256 x 1.2e-7 = 3e-5 here. Here it comes to about 0.005, and a forgotten term is of the
# size of 1. Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1.

# %%
most = K * np.finfo(np.float32).eps * (np.abs(x).astype(float) @ np.abs(weight).astype(float))  # (M, N)
y_first = None  # what the first rung finds; all others must find the same


def check(y):
    """Stop unless y is what the first rung found, but for rounding; return the worst error, 1 being allowed."""
    worst = np.max(np.abs(y - y_first.astype(float)) / most)
    assert worst <= 1, f"{worst:.1f} times the error that rounding explains"
    return worst


PRODUCT, LAYER = "y = x @ weight", "y = gelu(x @ weight + bias)"
rungs = []


def report(number, name, kind, time_taken, flops=FLOPS, group=PRODUCT):
    gflops = flops / time_taken / 1e9
    rungs.append({"number": number, "name": name, "kind": kind, "gflops": gflops, "group": group})
    print(f"{number or '':1} {name:27} {gflops:9.4g} GFLOP/s   {gflops / yardstick:9.3%} of NumPy's product")


# %% [markdown]
# ## The yardstick: NumPy
#
# NumPy hands its products to a *BLAS*, a library of "basic linear algebra subprograms" that experts have tuned for
# forty years. It is the honest yardstick: whoever shows "a hundred times faster than Python" and not NumPy's time hides
# the number that matters. It goes first, because its threads and Numba's, when both are awake, fight over the cores: a
# thread that waits for work by asking again and again looks busy to the other.

# %%


def numpy_layer(x, weight, bias):
    z = x @ weight  # (M, K) @ (K, N) -> (M, N)
    z += bias
    return gelu_forward(z)[0]


y_numpy = np.empty((M, N), np.float32)
bias = rng.standard_normal(N, dtype=np.float32)
narrow = [rng.standard_normal(shape, dtype=np.float32) for shape in ((16 * M, K // 4), (K // 4, N // 4), N // 4)]
layers = [(x, weight, bias), narrow]  # for rung 7: the second does as many FLOPs, for 16 times as many tokens
numpy_seconds = seconds(np.matmul, x, weight, y_numpy, batches=6)
numpy_layer_seconds = [seconds(numpy_layer, *layer) for layer in layers]
yardstick = FLOPS / numpy_seconds / 1e9
print(f"\nNumPy's x @ weight: {1e3 * numpy_seconds:.2f} ms, {yardstick:.0f} GFLOP/s, on all cores")

# %% [markdown]
# *Why not stop here?* For the product alone, one should. What BLAS can't do is what surrounds it: it doesn't know of
# biases, GELU or masks, and every step between two products is a walk through memory of its own. That is the last rung.
# And to know why a thing is fast, one has to have built it slow.

# %% [markdown]
# ## Rung 1: the triple loop
#
# The formula, letter by letter. **Predict before you run.** Your machine does a few billion simple steps a second. How
# many multiplications a second does Python get done? We compute 8 rows of y only, or it would take over a minute.


# %%
def triple_loop(x, weight, y):
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            total = np.float32(0)
            for k in range(x.shape[1]):
                total += x[i, k] * weight[k, j]
            y[i, j] = total


SOME = 8
print("\nThe rungs of a product")
y_some = np.empty((SOME, N), np.float32)
start = time.perf_counter()
triple_loop(x, weight, y_some)
report(1, "triple loop, Python", "one core", time.perf_counter() - start, flops=2 * SOME * K * N)

# %% [markdown]
# On two cores of an x86 server with AVX-512, of which all numbers in the text are, 0.007 GFLOP/s: not four million
# multiplications a second, and nearly a thousand machine steps for each. For each `*` Python looks up what `x` is,
# makes two index objects, wraps two numbers as objects, asks both how to multiply, wraps the result, and throws all of
# it away. (With lists in place of arrays it would be several times faster. The gap to come is larger.)

# %% [markdown]
# ## Rung 2: the same, compiled
#
# Numba reads the same function, learns from the first call that x and weight are float32 arrays with two axes, and
# writes machine code for just that case. All looking up happens once, at compilation.
#
# *Why does the first call take so long?* That is the compilation: some tenths of a second for a loop, seconds for a
# parallel function. It is paid once in each process. `cache=True` would keep the machine code in a file for later runs;
# here we leave that out, so that you see the price. The library does keep it (`minicluster/jit.py`).

# %%
compiled_loop = njit(triple_loop)
start = time.perf_counter()
compiled_loop(x, weight, y)
first_call = time.perf_counter() - start
report(2, "the same, compiled", "one core", seconds(compiled_loop, x, weight, y, repeats=1, batches=2))
y_first = y.copy()
assert np.array_equal(y_first[:SOME], y_some)
check(y_numpy)
print(f"  the first call took {first_call:.2f} s; bit for bit what Python found; NumPy's is equal within the tolerance")

# %% [markdown]
# Nearly three hundred times faster, and equal to the last bit: Numba, unless told otherwise, adds in the order that is
# written. And still below 1 % of NumPy. Two things hold it back, and the first is about memory.
#
# Memory is a long row of bytes, and an array with two axes lies in it row after row. `weight[k, j + 1]` is 4 bytes
# behind `weight[k, j]`; `weight[k + 1, j]` is a whole row further:

# %%
print(f"\nweight.strides = {weight.strides}: bytes to the next row, bytes to the next column")
assert weight.strides == (4 * N, 4)

# %% [markdown]
# A core never fetches 4 bytes. It fetches a *cache line*, 64 bytes mostly, which is 16 neighbours in a row, and keeps
# it in a small fast memory, the cache, in the hope that the neighbours are wanted soon. The innermost loop over k walks
# *down* a column: every step is a new line, of which it uses one number of 16.
#
# And `total` is one number that every step has to wait for: an addition takes 2 to 4 cycles, and the next one begins
# when it has ended. At some 3 billion cycles a second that makes 3 GFLOP/s or so at best, even if all fetching were
# free. (Exercise 3 tells the two apart.)

# %% [markdown]
# ## Rung 3: along the rows
#
# Swap the two inner loops: i, k, j in place of i, j, k. Nothing else changes. Now the innermost loop runs *along* row k
# of weight and row i of y. **Predict:** each entry of y is still the sum of the same 256 products. Are they still added
# in the same order? And how much faster will it be?


# %%
def along_the_rows(x, weight, y):
    for i in range(y.shape[0]):
        y[i, :] = 0
        for k in range(x.shape[1]):
            for j in range(y.shape[1]):
                y[i, j] += x[i, k] * weight[k, j]


compiled_rows = njit(along_the_rows)
report(3, "along the rows", "one core", seconds(compiled_rows, x, weight, y, repeats=3))
assert np.array_equal(y, y_first)
print("  bit for bit the same")

# %% [markdown]
# Nine times faster. Each y_ij still begins at 0 and gains its products in the order of k: the same additions, so the
# same bits. But neighbours in j are independent of one another, and lie next to one another. So the core can do several
# in one go.
#
# *What is a lane?* Besides registers for one number, a core has *vector registers*, for 4, 8 or 16 float32 side by
# side. One instruction multiplies all of them with those of another register. The places are called lanes, as on a
# motorway. The compiler uses them where a loop allows it. Does it, here? Its machine code tells: on x86, an instruction
# that ends in `ss` works on a single number, one in `ps` on a packed vector, in a register named xmm (4), ymm (8) or
# zmm (16).


# %%
def lanes(function):
    """How many float32 the widest multiplication in the machine code of a compiled function takes; 0 if not x86."""
    code = next(iter(function.inspect_asm().values()))
    found = re.findall(r"\sv?(?:mul|fn?m(?:add|sub)\d*)(ss|ps)\s.*%([xyz])mm", code)
    return max((1 if kind == "ss" else {"x": 4, "y": 8, "z": 16}[name] for kind, name in found), default=0)


print(f"\nlanes of a multiplication: rung 2 {lanes(compiled_loop)}, rung 3 {lanes(compiled_rows)}")

# %% [markdown]
# (On another kind of processor this says 0: it can't read that machine code.)
#
# Why not in rung 2? There, lanes would have to share one sum: lane 1 adds the terms 0, 8, 16, ..., lane 2 adds 1, 9,
# 17, ..., and in the end the lanes are added up. That is another order, and the compiler must not choose one without
# permission.

# %% [markdown]
# ## Rung 4: four rows by four steps
#
# What holds rung 3 back? Count what a core must do for one multiplication, or for one vector of them:
#
#     y[i, j] += x[i, k] * weight[k, j]      load weight, load y, store y: 2 loads, 1 store
#
# (x_ik doesn't change along j: it waits in a register.) A core of this kind begins two multiplications with addition a
# cycle, but at most two loads and one store. So the arithmetic stands idle half of the time or more: *loads and stores
# are the limit*. What is fetched has to be used more than once. Take 4 rows of x by 4 steps of k together:
#
#     4 entries of weight, used by 4 rows each:             4 loads
#     4 entries of y, which gain 4 products each:           4 loads, 4 stores
#     for 4 x 4 = 16 multiplications, that is               0.5 loads, 0.25 stores each
#
# A quarter of the traffic. The price: sixteen x's to be held in registers, and code that is no pleasure to write.
#
# The sum is written from the left: y + p0 + p1 + p2 + p3 is (((y + p0) + p1) + p2) + p3, so y gains its products in the
# order of k, as in rungs 1 to 3. **Predict:** does it keep their bits, too?
#
# With that we may give the compiler a first freedom. `contract` lets it make a * b + c one instruction with one
# rounding, where a product and a sum have two (a *fused multiply-add*). Written from the left, every product meets a
# sum, and sixteen multiply-adds are all there is to do. With `y[i, j] += p0 + p1 + p2 + p3`, where the p's are added
# first, it would be a multiplication, three multiply-adds and an addition, in another order. Which freedom one must
# never give comes further down.

# %%
FASTMATH = {"contract"}  # as the library; see minicluster/jit.py


@njit(fastmath=FASTMATH, inline="always")  # inline: whoever calls it gets a copy of its own. Rung 5 needs that
def four_by_four(x, weight, y):
    # For whole fours only. The library's kernels/matmul.py has the rest, too.
    for i in range(0, y.shape[0], 4):
        for row in range(i, i + 4):
            y[row, :] = 0
        for k in range(0, x.shape[1], 4):
            x00, x01, x02, x03 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
            x10, x11, x12, x13 = x[i + 1, k], x[i + 1, k + 1], x[i + 1, k + 2], x[i + 1, k + 3]
            x20, x21, x22, x23 = x[i + 2, k], x[i + 2, k + 1], x[i + 2, k + 2], x[i + 2, k + 3]
            x30, x31, x32, x33 = x[i + 3, k], x[i + 3, k + 1], x[i + 3, k + 2], x[i + 3, k + 3]
            for j in range(y.shape[1]):
                w0, w1, w2, w3 = weight[k, j], weight[k + 1, j], weight[k + 2, j], weight[k + 3, j]
                y[i, j] = y[i, j] + x00 * w0 + x01 * w1 + x02 * w2 + x03 * w3
                y[i + 1, j] = y[i + 1, j] + x10 * w0 + x11 * w1 + x12 * w2 + x13 * w3
                y[i + 2, j] = y[i + 2, j] + x20 * w0 + x21 * w1 + x22 * w2 + x23 * w3
                y[i + 3, j] = y[i + 3, j] + x30 * w0 + x31 * w1 + x32 * w2 + x33 * w3


as_written = njit(four_by_four.py_func)  # the same source without any freedom
as_written_seconds = seconds(as_written, x, weight, y)
assert np.array_equal(y, y_first)
report(4, "four rows by four steps", "one core", seconds(four_by_four, x, weight, y))
y_contracted = y.copy()
njit(fastmath=FASTMATH)(along_the_rows)(x, weight, y)
assert np.array_equal(y, y_contracted)
print(f"  without the freedom {FLOPS / as_written_seconds / 1e9:.3g} GFLOP/s, and bit for bit rung 1's")
print(f"  with it, bit for bit what rung 3 computes if it has it, too; error {check(y):.4f} of what rounding may make")

# %% [markdown]
# Nearly three times faster; and yes, as it is written it still has the triple loop's bits. With `contract` it has not,
# although no sum was reordered: a product is no longer rounded before it is added. That is one rounding less, and the
# result is a hair more exact. From here on, these are the bits to match.
#
# The error is a two-hundredth of what is allowed: roundings up and down mostly cancel. The bound is for the worst case,
# and still far below any mistake.

# %%
wrong = y.copy()
wrong[3, 5] -= x[3, 7] * weight[7, 5]  # one product of 268 million left out
try:
    check(wrong)
except AssertionError as error:
    print(f"  one product left out is found: {error}")
else:
    raise AssertionError("a missing product went unnoticed")

# %% [markdown]
# ## Rung 5: where data begins, and what the compiler has to be told
#
# How far up are we? `minicluster/bench/peak.py` has a loop that only multiplies and adds: twelve sums that stay in
# vector registers, and nothing to fetch. (Why twelve? A multiply-add takes 4 cycles and two begin in each, so eight
# sums that don't wait for one another have to be under way at any time.) What it reaches is the *peak*: all the
# arithmetic there is.

# %%
threads = numba.get_num_threads()
totals = np.empty(threads, np.float32)
half, one = np.float32(0.5), np.float32(1)
peak_of_one = peak.FLOPS / seconds(peak.one_thread, peak.ROUNDS, half, one) / 1e9
peak_of_all = threads * peak.FLOPS / seconds(peak.all_threads, totals, peak.ROUNDS, half, one, batches=6) / 1e9
assert (totals == peak.SUMS * 2).all()  # sum = sum / 2 + 1 ends at 2
print(f"\nThe peak: {peak_of_one:.0f} GFLOP/s on one core, {peak_of_all:.0f} on {threads}")
print(f"Rung 4 does {rungs[-1]['gflops'] / peak_of_one:.0%} of what a core can do")

# %% [markdown]
# Less than a third. Is something wrong with the loop? No: not a character of it will change. But two things around it
# aren't right.
#
# *Where data begins.* Cache lines begin at multiples of 64 bytes. A vector of 16 float32 has 64 bytes: one line,
# provided that it begins where a line does. Else it lies across two lines, and each load is two. NumPy promises
# multiples of 16 only. `minicluster/alignment.py` makes arrays that begin where a line does, in four lines. (A row here
# has 4096 bytes, so what holds for the first row holds for all.)
#
# *How wide vectors are.* Where a machine has AVX-512, registers of 16 lanes, LLVM, the compiler behind Numba, mostly
# uses half of them: the first such machines lowered their clock for whole ones, today's hardly do. `widest_vectors()`
# of `minicluster/jit.py`, called first in a function, asks for whole ones. It changes nothing on other machines, nor
# where LLVM takes whole registers unasked, as it does on AMD's Zen 5.
#
# Below is the same product from three places in memory, with and without that request. **Predict:** which of the six
# are fast?


# %%
def copy_at(offset, array):
    """Return a copy that begins so many bytes behind the beginning of a cache line."""
    room = aligned_array((offset + array.nbytes,), np.uint8)
    copy = room[offset:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@njit(fastmath=FASTMATH)
def told(x, weight, y):
    widest_vectors()
    four_by_four(x, weight, y)


begins = ", ".join(f"{name} {array.ctypes.data % 64}" for name, array in (("x", x), ("weight", weight), ("y", y)))
print(f"\nBytes from the beginning of a line to where NumPy has put the array: {begins}")
print("\narrays begin            not told             told, in GFLOP/s")
for offset in (16, 32, 0):
    placed = [copy_at(offset, array) for array in (x, weight, y)]
    speeds = []
    for function in (four_by_four, told):
        placed[2].fill(np.nan)
        speeds.append(FLOPS / seconds(function, *placed, batches=4) / 1e9)
        assert np.array_equal(placed[2], y_contracted)
    print(f"{offset:2} bytes into a line {speeds[0]:12.1f} {speeds[1]:16.1f}")
print(f"lanes of a multiplication: {lanes(four_by_four)}, and {lanes(told)} if told")
if lanes(four_by_four) == lanes(told):
    print("(Here LLVM takes whole vectors unasked: both columns are the same code.)")
x, weight, y = placed  # from here on, all that we time begins where a line does
report(5, "aligned, widest vectors", "one core", FLOPS / speeds[1] / 1e9)
print(f"  {rungs[-1]['gflops'] / peak_of_one:.0%} of a core's peak; bit for bit what rung 4 found")

# %% [markdown]
# On Intel's servers with AVX-512, one of the six is fast. Whole registers alone bring nothing: every load and store is
# cut in two, which takes as long as two of half the size. Data in the right place alone brings a third: vectors of 8
# lanes have 32 bytes, so 32 bytes into a line is as good for them as 0. Both together bring 1.5 to 2 times the speed of
# rung 4, depending on who else wants the machine's memory. That is why such things stay unfound: whoever tries one
# after the other, and keeps what helps, drops the first. On AMD's Zen 5, which gets whole registers unasked, the place
# alone decides.
#
# Elsewhere there is less to win. With AVX2, vectors of 8 lanes are all there is, and every second one lies across two
# lines in NumPy's arrays. ARM's, of 4 lanes, have 16 bytes, and never do.
#
# **A third thing to be told** doesn't show in this loop, but it does as soon as we want only a *window* of y: some
# columns, from `left` on, as for one head of attention. **Predict:** what does it cost to write `left + j` for `j`?


# %%
@njit(fastmath=FASTMATH)
def window(x, weight, y, left, width):
    widest_vectors()
    for i in range(y.shape[0]):
        y[i, left : left + width] = 0
        for k in range(x.shape[1]):
            for j in range(width):
                y[i, left + j] += x[i, k] * weight[k, left + j]


@njit(fastmath=FASTMATH)
def unsigned_window(x, weight, y, left, width):
    widest_vectors()
    # Both of them: an unsigned plus a signed integer would be a float64, in Numba as in NumPy.
    begin, columns = unsigned(left), unsigned(width)
    for i in range(y.shape[0]):
        y[i, left : left + width] = 0
        for k in range(x.shape[1]):
            for j in range(columns):
                y[i, begin + j] += x[i, k] * weight[k, begin + j]


print("\nRung 3's loop for a window of y, here all of it")
for name, function in (("left + j", window), ("begin + j, unsigned", unsigned_window)):
    y.fill(np.nan)
    speed = FLOPS / seconds(function, x, weight, y, 0, N, repeats=2, batches=2) / 1e9
    assert np.array_equal(y, y_contracted)
    print(f"  {name:20} {speed:6.1f} GFLOP/s, lanes: {lanes(function)}")

# %% [markdown]
# Fifteen times! In Python, `y[i, -1]` is the last column. So for each index Numba adds the question "negative? then add
# the number of columns". That j, counting up from 0, never is negative, the compiler sees, and strikes it out. Of
# `left + j` it can't know: neighbours in j might not be neighbours in memory, so there are no lanes. An *unsigned*
# integer can't be negative, and nobody asks.
#
# None of the three changes a bit of the result, which is why no test finds them. They show on the clock, in the machine
# code, and beside the peak. "More than ten thousand times faster than Python" says much about Python; "half of the
# peak" says how much is left to win: a factor of two, and not more.
#
# *And the rest?* We tried it. Products in LLVM's own language, with explicit vector registers that keep a tile of y
# until its sums are complete, made a training step 1.09 to 1.15 times as fast as the library's loops on an Intel server
# with AVX-512, and no faster with AVX2. It took 250 lines that nobody reads. It has gone.


# %% [markdown]
# ## Rung 6: all cores
#
# Rows of y don't need one another, so cores can share them. `prange` is a `range` whose turns may run at the same time,
# on as many threads as there are cores. How should the rows be cut into tasks?
#
# The obvious cut is one piece a thread. For y alone that is allowed: each of its entries is summed by one thread, from
# the first step to the last, whoever has its row. But never cut a *sum* so, the sum over a batch's rows in a gradient,
# say: then the order in which its parts are added depends on the machine. The same training would end in other numbers
# on a laptop with 4 cores than on one with 8, and a bug seen there can't be found here. To cut by the size of the
# problem is always right, and small tasks have two more advantages: what one of them touches stays in a cache, and a
# thread that is done early takes another. Here 64 rows are a task.

# %%
ROWS_OF_A_TASK = 64


@njit(parallel=True)
def all_cores(x, weight, y):
    for task in prange((y.shape[0] + ROWS_OF_A_TASK - 1) // ROWS_OF_A_TASK):
        first, last = task * ROWS_OF_A_TASK, min((task + 1) * ROWS_OF_A_TASK, y.shape[0])
        y[first:last] = 0
        multiply(x, weight, y, first, last)  # the library's: rung 5 for any size, added to rows first to last


multiply_seconds = seconds(multiply, x, weight, y, 0, M)
y[:] = 0
multiply(x, weight, y, 0, M)
assert np.array_equal(y, y_contracted)
y.fill(np.nan)
report(6, "all cores", "all cores", seconds(all_cores, x, weight, y, batches=6))
assert np.array_equal(y, y_contracted)
print(f"  {threads} {'thread' if threads == 1 else 'threads'}; bit for bit what rungs 4 and 5 found")
print(f"  the library's product on one core: {FLOPS / multiply_seconds / 1e9:.4g} GFLOP/s")
report(None, "NumPy's product", "NumPy", numpy_seconds)

# %% [markdown]
# (If rung 6 is no faster than rung 5, or slower, another program has one of your cores. All threads wait for the one
# that lost its turn, and the operating system gives turns of some milliseconds, longer than the whole product takes. We
# have seen 190 GFLOP/s fall to 73, and NumPy's 280 to 45.)
#
# **Check** that the result has the same bits for any number of threads. And watch what happens to a sum that `prange`
# cuts by itself: `total += ...` of a plain number is allowed, Numba then gives each thread a total of its own and adds
# them up. **Predict:** are its bits the same for 1 and for 2 threads?


# %%
@njit(parallel=True)
def sum_cut_by_threads(values):
    total = np.float32(0)
    for i in prange(values.size):
        total += values[i]
    return total


@njit(parallel=True)
def sum_cut_by_size(values):
    sums = np.zeros((values.size + 4095) // 4096, np.float32)  # one for each task
    for task in prange(sums.size):
        total = np.float32(0)
        for i in range(task * 4096, min(task * 4096 + 4096, values.size)):
            total += values[i]
        sums[task] = total
    total = np.float32(0)
    for task in range(sums.size):  # in their order. Not sums.sum(): parallel=True cuts that by threads, too!
        total += sums[task]
    return total


values = y_first.ravel()  # (M, N) -> (M N,)
by_size = []
print("\nthreads   y      sum cut by threads   sum cut by size")
for count in range(1, threads + 1):
    numba.set_num_threads(count)
    y_count = copy_at(0, np.full_like(y, np.nan))
    all_cores(x, weight, y_count)
    assert np.array_equal(y_count, y)
    by_size.append(sum_cut_by_size(values))
    print(f"{count:7}   equal  {sum_cut_by_threads(values):18.3f} {by_size[-1]:17.3f}")
numba.set_num_threads(threads)
assert len(set(by_size)) == 1
if threads == 1:
    print("(One thread only: nothing to compare with.)")

# %% [markdown]
# Neither sum is wrong: both are within rounding. But only one of them is the same everywhere, and that one is what a
# test can hold to the bit.

# %% [markdown]
# ## Rung 7: fusing
#
# In the model the product isn't alone. A bias is added, and GELU, a smooth gate, bends the result: y = gelu(x @ weight
# + bias). In NumPy each operation is a *pass*: the product writes a million numbers, the bias reads and writes all of
# them, GELU goes over them eight times more.
#
# To *fuse* is to do several operations to a number while it is at hand. There are two steps to it. First, all of GELU
# in one loop: three passes in place of ten. Then bias, product and GELU by tasks: 64 rows, a quarter of a megabyte, get
# the bias, the product is added to that (as `multiply` does), and GELU goes over what is still in a near cache: one
# pass. **Predict:** which of the two steps brings more?
#
# Both of ours use the same GELU, z / (1 + exp(-2 sqrt(2 / pi) (z + 0.044715 z^3))), the same formula as with tanh,
# since (1 + tanh(u)) / 2 is 1 / (1 + exp(-2 u)). `exp` is the library's: a polynomial that runs in lanes. The C
# library's takes numbers one by one.

# %%
SLOPE, CUBIC, ONE = np.float32(-2 * math.sqrt(2 / math.pi)), np.float32(0.044715), np.float32(1)


@njit(fastmath=FASTMATH, error_model="numpy")  # a division by 0 gives infinity; raising an error would forbid lanes
def gelu(z):
    return z / (ONE + exp(SLOPE * z * (ONE + CUBIC * z * z)))


@njit(parallel=True)
def bias_pass(z, bias):
    for i in prange(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] += bias[j]


@njit(parallel=True, fastmath=FASTMATH, error_model="numpy")
def gelu_pass(z):
    for i in prange(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = gelu(z[i, j])


def three_passes(x, weight, bias, y):
    all_cores(x, weight, y)
    bias_pass(y, bias)
    gelu_pass(y)


@njit(parallel=True, fastmath=FASTMATH, error_model="numpy")
def fused(x, weight, bias, y):
    for task in prange((y.shape[0] + ROWS_OF_A_TASK - 1) // ROWS_OF_A_TASK):
        first, last = task * ROWS_OF_A_TASK, min((task + 1) * ROWS_OF_A_TASK, y.shape[0])
        for i in range(first, last):
            for j in range(y.shape[1]):
                y[i, j] = bias[j]
        multiply(x, weight, y, first, last)
        for i in range(first, last):
            for j in range(y.shape[1]):
                y[i, j] = gelu(y[i, j])


print("\nThe whole layer, gelu(x @ weight + bias), in ms   NumPy   three passes   fused")
layer_seconds = []
for layer, numpy_time in zip(layers, numpy_layer_seconds):
    rows, matrix, vector = (copy_at(0, array) for array in layer)
    y_layer = np.empty((len(rows), len(vector)), np.float32)  # (M, N), then (16 M, N / 4)
    compiled_loop(rows, matrix, y_layer)  # the first rung's
    magnitude = np.abs(rows) @ np.abs(matrix) + np.abs(vector)
    # GELU is nowhere steeper than 1.13, and rounds a few times itself: 1.2 in all. The bias is one term more.
    allowed = 1.2 * (matrix.shape[0] + 1) * np.finfo(np.float32).eps * magnitude
    y_layer = gelu_forward(y_layer + vector)[0]
    y_passes, y_fused = (copy_at(0, np.full_like(y_layer, np.nan)) for _ in range(2))
    passes_time = seconds(three_passes, rows, matrix, vector, y_passes)
    fused_time = seconds(fused, rows, matrix, vector, y_fused)
    for other in (y_passes, y_fused, numpy_layer(rows, matrix, vector)):
        assert (np.abs(other - y_layer) <= allowed).all()
    layer_seconds.append(fused_time)
    name = f"  {rows.shape} @ {matrix.shape}"
    print(f"{name:48} {1e3 * numpy_time:5.1f} {1e3 * passes_time:14.1f} {1e3 * fused_time:7.1f}")
print("  all equal to the first rung's product with NumPy's bias and GELU, within the tolerance")
print("In GFLOP/s, of which only the product's count:")
report(7, "fused: one pass", "all cores", layer_seconds[0], group=LAYER)
report(None, "NumPy's ten passes", "NumPy", numpy_layer_seconds[0], group=LAYER)

# %% [markdown]
# Here our code leaves NumPy behind, although its product alone does not: 1.6 times in the first row, 5 in the
# second, which is a layer of this course's own model, of width 64, for 16,384 tokens. Both rows have the same FLOPs.
# But in the first, 512 of them stand behind each entry of y, in the second 128: the fewer, the more the passes matter.
#
# All of that comes from the first step: GELU as one loop, in lanes, on all cores. And the second? On two cores of an
# x86 server with AVX-512 it brought nothing that we could measure: 3.9 ms in three passes, 3.9 fused; 5.4 and 5.6. We
# had predicted a third. But that machine has a third cache of 260 MB, so that even the 16 MB of the second row never
# leave the caches, and the arithmetic of GELU takes longer than the fetching. A laptop's last cache may have 8 MB: does
# your table look different? A prediction is no measurement, and what doesn't show on the clock is only a complication.
#
# So that is the answer to "why not just BLAS?": a model isn't made of products alone. `minicluster/kernels/mlp.py` goes
# one further: both products of the MLP, bias, GELU and its derivative are one pass.

# %%
picture = draw_rungs(rungs, peak_of_all)
print()
print(picture.alt)
picture.show("lesson_17_the_rungs_of_speed", save="--save" in sys.argv)

# %% [markdown]
# ## A planted mistake: `fastmath=True`
#
# Many a tutorial ends with "and add `fastmath=True`". It is a bundle of seven permissions. Five of them are about
# rounding and the sign of zero. The sixth and seventh, `nnan` and `ninf`, let the compiler *assume that no number is
# ever NaN or infinite*.
#
# NaN, "not a number", is what 0/0 leaves behind, and what a training that blows up is full of. It is the only number
# that is not equal to itself. So a guard against it asks `total != total`. **Predict:** what does each of the three say
# of a million numbers, one of which is NaN?


# %%
def sum_and_guard(values):
    total = np.float32(0)
    for i in range(values.size):
        total += values[i]
    return total, total != total  # the sum, and whether it is NaN


versions = {
    "no permission": njit(sum_and_guard),
    "fastmath=True": njit(fastmath=True)(sum_and_guard),
    "contract": njit(fastmath=FASTMATH)(sum_and_guard),
    "contract, reassoc": njit(fastmath=ANY_ORDER)(sum_and_guard),
}
healthy, diverged = values.copy(), values.copy()
diverged[12345] = np.nan
# Two orders of n additions differ by at most n eps sum(|values|), as above.
order = values.size * np.finfo(np.float32).eps * np.abs(values.astype(float)).sum()
says = {}
print("\n                   sum of healthy   NaN?    sum of diverged   NaN?    million numbers in")
for name, function in versions.items():
    (healthy_sum, no), (diverged_sum, yes) = function(healthy), function(diverged)
    time_taken = seconds(function, healthy)
    print(f"{name:18} {healthy_sum:14.1f}   {no!s:5} {diverged_sum:18.1f}   {yes!s:5} {1e3 * time_taken:11.3f} ms")
    assert not no and abs(healthy_sum - values.astype(float).sum()) <= order
    says[name] = yes
assert says["no permission"] and says["contract"] and says["contract, reassoc"]
if says["fastmath=True"]:
    print("This compiler kept the question although it was allowed to drop it. Don't count on that.")

# %% [markdown]
# With `fastmath=True` the sum *is* NaN, and the guard beside it says no. It was not computed wrongly: the compiler,
# told that NaN doesn't exist, crossed the question out. On healthy numbers all three agree, so no ordinary test sees
# it, nor does a comparison with the twin in NumPy. It shows on the day on which a training diverges and nobody is told.
#
# How it is caught: a test for every kernel that puts a NaN *in* and demands a NaN *out*, or the alarm. And how it is
# avoided: `fastmath` takes a set. The library gives `contract` everywhere, and `reassoc` as well (jit.py's `ANY_ORDER`)
# to small functions that consist of one sum along a row. That keeps NaN and infinity, and has all of the speed here;
# `contract` alone has none of it, since without the permission to reorder there is one sum, and each addition waits for
# the last. What else is in the bundle, as `arcp` (a / b as a times 1 / b) or `nsz` (0 and -0 are alike), adds nothing.
#
# Why not `reassoc` everywhere? Who may choose an order may choose another one next time. In larger functions the
# compiler did: the process that compiled and a later one, which loaded the machine code from its file, have differed in
# the last bit. That is the sum cut by threads once more, only harder to see.

# %% [markdown]
# ## When not to bother
#
# Of the time that your way to work takes, a tenth is on foot. Run, twice as fast, and you gain a twentieth. Say
# products take the share p of a training step, and you make them s times faster. Then the step takes (1 - p) + p / s of
# its time, and
#
#     speed-up = 1 / ((1 - p) + p / s)     never more than     1 / (1 - p).
#
# That is *Amdahl's law*. Source: Amdahl 1967, doi:10.1145/1465482.1465560. So the first thing to measure is p. Here for
# a GPT of width 256 with 2 blocks, in plain NumPy: a whole step, forward, backward and update, and then its products
# with weights alone, each once forward and twice backward. (Attention's own small products are left with the rest.)

# %%
config = TransformerConfig(vocab_size=128, context_length=64, d_model=256, n_layers=2, n_heads=8)
model = Transformer(config, seed=0, backend="numpy")
optimizer = AdamW(model.parameters)
tokens = rng.integers(0, config.vocab_size, (16, 64))  # (B, T)
targets = np.roll(tokens, -1, axis=1)  # (B, T)
matrices = [array for name, array in model.parameters.items() if array.ndim == 2 and name != "wpe.weight"]
inputs = {n: rng.standard_normal((tokens.size, n), dtype=np.float32) for w in matrices for n in w.shape}  # (B T, n)


def only_products():
    for w in matrices:
        a, dout = inputs[w.shape[0]], inputs[w.shape[1]]
        a @ w  # (B T, n_in) @ (n_in, n_out) -> (B T, n_out)
        dout @ w.T  # (B T, n_out) @ (n_out, n_in) -> (B T, n_in)
        a.T @ dout  # (n_in, B T) @ (B T, n_out) -> (n_in, n_out)


time.sleep(0.5)  # until Numba's threads sleep
step_seconds = seconds(train_step, model, optimizer, tokens, targets, repeats=2)
products_seconds = seconds(only_products, repeats=3)
share = products_seconds / step_seconds
print(f"\nA step in NumPy: {1e3 * step_seconds:.0f} ms, its products {1e3 * products_seconds:.0f} ms, p = {share:.2f}")
print("products faster by    whole step faster by")
for factor in (1.1, 2, 10, math.inf):
    print(f"{factor:18}    {1 / ((1 - share) + share / factor):20.2f}")

# %% [markdown]
# On two cores of an x86 server with AVX-512, 39 ms of 127: if products took no time at all, the step would be one and a
# half times as fast. Everything else is the rest: GELU, softmax, LayerNorm, masks, the update, each a walk or more
# through memory. That is where fusing pays, and why the library has a kernel for each layer, and not only a product.
#
# So don't bother when it runs once; when the time is spent elsewhere (measure!); when NumPy has the one call that you
# need; when nobody has written the slow version to compare with. And write the slow version first, always: rung 1 is
# what all others were checked against.

# %% [markdown]
# ## Summary
#
# - A rung is a change of *how*, checked against the rung before: bit for bit where the order of sums and the roundings
#   are the same, within K eps sum |x| |weight| where they aren't.
# - Python to machine code; along the rows, so that each fetched line is used and lanes can work; each fetched number
#   used several times; whole vectors from whole cache lines; all cores; and no second walk through memory.
# - Where data begins, how wide vectors are and whether an index may be negative shows in no result. Look at the clock,
#   at the machine code and at the peak; and where two things hold a loop back, neither helps alone.
# - Judge by NumPy and by the peak. A factor over slow code says how slow it was.
# - Cut work by its size, not by the threads, and results don't depend on the machine's cores.
# - Never `fastmath=True` where a NaN may pass. Test with a NaN.
# - Amdahl: what you don't speed up is what is left.
#
# **Pointers.** `minicluster/kernels/matmul.py` is rungs 4 and 5 with all edges, and with windows; `linear.py` and
# `mlp.py` are rungs 6 and 7; `tasks.py` cuts the work; `elementary.py` has the exponential; `minicluster/jit.py` says
# what the compiler is told. Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication",
# doi:10.1145/1356052.1356053, is the paper behind every BLAS.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_17_the_rungs_of_speed.py`, then run
# `.venv/bin/python -m minicluster check 17`.
#
# 1. Rung 3 changed two things at once: it walks along rows, and it allows lanes. Tell them apart: in rung 2, pass
#    `np.ascontiguousarray(weight.T)` and read `weight[j, k]`. How much of the factor was memory? And with
#    `fastmath=ANY_ORDER` besides?
# 2. Count loads and stores for 2 rows by 2 steps, and for 8 by 8. Write one of them. Why isn't 8 by 8 best? (x86 with
#    AVX2 has 16 vector registers.)
# 3. Make N 1040 in place of 1024. Which rungs become faster for each FLOP, rung 2 above all, and why? (4096 is a power
#    of two.) Then make it 1028. Where do the rows of an aligned array begin now, and what has become of rung 5's table?
# 4. A race. Write `sum_cut_by_threads` with an array, `total[0] += values[i]` under `prange`, where every thread adds
#    to the same place. Run it ten times with 1 thread and ten times with 2. What does it return, and why? Which of this
#    lesson's checks finds it, and which finds it only sometimes?
# 5. The layer with N = 64 and K = 64, in NumPy and fused: who wins, and what has become the limit? (An empty parallel
#    loop costs some microseconds; measure it.)
# 6. Put a NaN into `x[0, 0]` and run all rungs. Which entries of y must be NaN? Write the test, then give rung 4
#    `fastmath=True`. Does the test fail? Does `gelu`?
