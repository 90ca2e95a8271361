# %% [markdown]
# # Lesson 8: LayerNorm and GELU
#
# **Goals.** After this lesson you can say what goes wrong in a deep stack of layers and how LayerNorm prevents it,
# derive the backward of LayerNorm and of GELU by yourself, and name a mistake in LayerNorm that no gradient check
# finds.
#
# **Time.** 95 minutes to read, without the exercises; the script runs in about 1 second. A good place for a break is
# before "Something has to bend".
#
# **Assumes.** NumPy (arrays, broadcasting, `@`), the derivative, product rule and chain rule. From lesson 5: the
# derivative by one of several variables, and the backward of a linear layer. From lesson 6: `check_gradients`. Each is
# said again in a sentence where it is used.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_08_layernorm_and_gelu.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 8` writes. With `--save` its picture goes to
# `figures/lesson_08_layernorm_and_gelu.png`.

# %%
import math
import sys
import textwrap

import numpy as np

from minicluster.gradcheck import GradientError, check_gradients
from minicluster.nn import gelu_backward as library_gelu_backward
from minicluster.nn import gelu_forward as library_gelu_forward
from minicluster.nn import layernorm_backward as library_layernorm_backward
from minicluster.nn import layernorm_forward as library_layernorm_forward
from minicluster.nn import linear_backward, linear_forward
from minicluster.plots.layernorm_and_gelu import draw_layernorm_and_gelu

# %% [markdown]
# ## The idea: a copy of a copy
#
# Photocopy a page, then copy the copy, and so on, thirty times. If the machine makes every page a little darker, the
# last one is black. If it makes every page a little lighter, the last one is white. What helps is no better setting of
# the knob, but a machine that looks at each page before it copies it, and brings its brightness to a standard.
#
# A deep network is such a chain: each layer reads what the layer before has written. *LayerNorm* (short for layer
# normalisation; Ba, Kiros & Hinton 2016) is the machine's look at each page. The second half of this lesson is about
# *GELU*, which does something else that a chain needs: it bends. Without a bend, thirty layers can do no more than one.

# %% [markdown]
# ## Thirty layers
#
# A linear layer without bias computes y = x @ w (lesson 5). Take C = 64 numbers in, 64 out, and weights drawn at random
# with mean 0 and *standard deviation* s, which is how far they typically are from their mean: the root of the mean of
# the squared distances. How large is y? One entry of it is a sum of 64 products,
#
#     y_j  =  x_1 w_1j + x_2 w_2j + ... + x_64 w_64j.
#
# Square that sum. You get the 64 squares x_i^2 w_ij^2, and mixed products such as x_1 w_1j x_2 w_2j. The signs of the
# weights are random, so the mixed ones are negative as often as positive, and on average they cancel. The mean of the
# w_ij is 0, so the mean of the w_ij^2 is s^2. What stays:
#
#     mean of y^2  =  64 s^2 times mean of x^2.
#
# As the *size* of an array we take the root of the mean of its squares. So on average a layer multiplies the size by 8
# s, the root of 64 s^2. Weights with s = 1/8 = 0.125 would keep it. Now 30 such layers, one after another.
#
# **Predict before you run.** Take s = 0.1, only a little too small: what is the size at the end, if it is 1 at the
# start? And for s = 0.15, a little too large?

# %%
C, N_LAYERS, N_ROWS = 64, 30, 100
SPREADS = (0.1, 0.125, 0.15)  # standard deviations of the weights
FACTORS = {s: math.sqrt(C) * s for s in SPREADS}  # what a layer multiplies the size by


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def size(a):
    return math.sqrt((a * a).mean())


def linear_stack(s, x):
    """The size of x and of what each of the linear layers makes of it: L + 1 numbers."""
    sizes = [size(x)]
    for layer in range(N_LAYERS):
        x = x @ (s * normal(C, C, seed=layer))  # (n, C) @ (C, C) -> (n, C)
        sizes.append(size(x))
    return np.array(sizes)


rows = normal(N_ROWS, C, seed=100)  # (n, C) a hundred inputs of size 1, one a row
plain = {s: linear_stack(s, rows) for s in SPREADS}
print("weights   a layer multiplies by   predicted after 30 layers     found")
for s, factor in FACTORS.items():
    predicted = factor**N_LAYERS
    print(f"s = {s:5} {factor:15.1f} {predicted:24.4f} {plain[s][-1]:18.4f}")
    assert 1 / 3 < plain[s][-1] / predicted < 3  # 8 s holds on average; what chance adds is multiplied up as well

# %% [markdown]
# Twenty percent too much in each layer makes the numbers some hundred times larger, twenty percent too little about a
# thousand times smaller. One says that they *explode* or *vanish*. The gradients on the way back do the same, since
# each layer's backward multiplies by the same weights (lesson 5: dx = dy @ weight.T). And a weight's own gradient, x.T
# @ dy, has the factor once for each of the 29 other layers: x brings those before it, dy those behind it. So for a
# learning rate (lesson 5) that suits one layer, with thirty of them every step is two hundred times too long, or
# several hundred times too short. (All three sizes at the end are 0.66 times the prediction: the same random weights,
# scaled.)
#
# Could one choose s = 0.125 and be done? At the start, yes. But training changes the weights, and nothing in it keeps
# the factor at 1. So we look at each page instead.

# %% [markdown]
# ## LayerNorm on a row of four numbers
#
# In a transformer each token has a row of C numbers. LayerNorm treats every row by itself, in three steps. Take
#
#     x = (9, 17, 3, 11).
#
# 1. Subtract the mean. It is (9 + 17 + 3 + 11) / 4 = 10, so what is left is (-1, 7, -7, 1).
# 2. Divide by the standard deviation. The mean of the squares is (1 + 49 + 49 + 1) / 4 = 25, its root is 5. (Before the
#    root is taken it is called the *variance*.) This gives xhat ("x hat") = (-0.2, 1.4, -1.4, 0.2).
# 3. Multiply each place by a number of its own, the *weight*, and add another, the *bias*. With weight = (1, 2, 10, 1)
#    and bias = (0, 0, 0, 5), out = (-0.2, 2.8, -14, 5.2).
#
# Every xhat has mean 0 and size 1, whatever came in. Step 3 is there so that the model need not stay with that: weight
# and bias are learned, they begin as all ones and all zeros, and they are the same for every row.
#
# In code there is one thing more. A small number, eps = 0.00001, is added to the mean of the squares before the root is
# taken, so that nothing is divided by 0. Below we ask what it does. `rstd`, the *reciprocal standard deviation*, is 1
# divided by that root. The backward will need it again, so it goes into the cache.

# %%
EPS = 1e-5  # GPT-2's


def layernorm_forward(x, weight, bias, eps=EPS):
    centred = x - x.mean(axis=-1, keepdims=True)  # (n, C) - (n, 1) -> (n, C)
    variance = (centred * centred).mean(axis=-1, keepdims=True)  # (n, C) -> (n, 1)
    rstd = 1 / np.sqrt(variance + eps)  # (n, 1)
    xhat = centred * rstd  # (n, C) * (n, 1) -> (n, C)
    return xhat * weight + bias, (xhat, rstd, weight)  # (n, C) * (C,) + (C,) -> (n, C)


x = np.array([[9.0, 17, 3, 11]])  # (1, 4)
weight, bias = np.array([1.0, 2, 10, 1]), np.array([0.0, 0, 0, 5])
out, (xhat, rstd, _) = layernorm_forward(x, weight, bias)
print("\nLayerNorm of", x[0])
print(f"xhat {xhat[0].round(3)}   rstd {rstd[0, 0]:.3f}   out {out[0].round(3)}")
assert np.allclose(xhat, [-0.2, 1.4, -1.4, 0.2], atol=1e-6)  # eps = 1e-5 beside 25 changes the seventh digit
assert np.allclose(out, [-0.2, 2.8, -14, 5.2], atol=1e-5)

# %% [markdown]
# `keepdims=True` keeps the mean as a column, (n, 1), so that each row loses its own mean. It will be back.
#
# ## What it ignores
#
# Add 100 to all four numbers: the mean goes up by 100 too, and the subtraction takes it off again. Multiply all four by
# 3: the standard deviation is 3 times as large, and the division takes it off. So two things about a row are lost: its
# level and its spread. What is left is the pattern: which entries are above the mean, and how far in proportion.
#
# **Predict:** and if all four numbers are multiplied by -3?

# %%
print("\nwhat is done to the row          xhat")
for name, changed in (("nothing", x), ("add 100", x + 100), ("times 3", 3 * x), ("times -3", -3 * x)):
    changed_xhat = layernorm_forward(changed, 1, 0)[0]
    print(f"{name:32} {changed_xhat[0].round(3)}")
    expected = -xhat if name == "times -3" else xhat
    assert np.allclose(changed_xhat, expected, atol=1e-6)  # eps again

# %% [markdown]
# The standard deviation is never negative, so the -1 stays: a mirrored pattern is another pattern. Keep these two
# things in mind, *shift* and *stretch*. They will give us the backward nearly for free.
#
# ## Thirty layers again
#
# Now each linear layer reads rows that LayerNorm has brought to size 1.


# %%
def normalised_stack(s, x):
    sizes = [size(x)]
    for layer in range(N_LAYERS):
        x, _ = layernorm_forward(x, 1, 0)  # (n, C)
        x = x @ (s * normal(C, C, seed=layer))  # (n, C) @ (C, C) -> (n, C)
        sizes.append(size(x))
    return np.array(sizes)


normalised = {s: normalised_stack(s, rows) for s in SPREADS}
print("\nsize after layer        1      10      20      30")
for s, sizes in normalised.items():
    print(f"with LayerNorm, s = {s:5}", *(f"{sizes[layer]:6.2f} " for layer in (1, 10, 20, 30)))
    assert 0.8 * FACTORS[s] < sizes[1:].min() and sizes[1:].max() < 1.2 * FACTORS[s]

# %% [markdown]
# Each layer still multiplies by 8 s, but no longer multiplies what the layers before have multiplied: 0.8 after one
# layer, and 0.8 after thirty.
#
# ## A row of equal numbers
#
# Take the row (7, 7, 7, 7). Its mean is 7, what is left is (0, 0, 0, 0), its standard deviation is 0, and 0 / 0 is no
# number. That is what eps is for: 0 / sqrt(0.00001) is 0, and `out` is the bias.
#
# And a row that is nearly constant? Take 7 plus d times (-0.2, 1.4, -1.4, 0.2). Its standard deviation is d, so without
# eps its xhat would be that pattern again, however small d is. With eps the size of xhat is d / sqrt(d^2 + eps).
#
# **Predict before you run.** For which d is that much less than 1? (Compare d^2 with eps.)

# %%
pattern = np.array([[-0.2, 1.4, -1.4, 0.2]])  # (1, 4), mean 0 and standard deviation 1
print(f"\nsqrt(eps) = {math.sqrt(EPS):.4f}")
for d in (1, 0.1, 0.01, 0.001, 0.0001, 0):
    found = size(layernorm_forward(7 + d * pattern, 1, 0)[0])
    print(f"standard deviation {d:6}: size of xhat {found:.3f}")
    # d is known as well as numbers near 7 are, to about 1e-15; 1e-9 leaves room
    assert math.isclose(found, d / math.sqrt(d * d + EPS), abs_tol=1e-9)

# %% [markdown]
# Where d is far above sqrt(eps) = 0.003 one does not notice eps. Far below, the row counts as constant and comes out as
# nearly 0. That is sensible: such differences may be rounding, and LayerNorm would make noise as large as a signal.

# %% [markdown]
# ## Backward, the easy part
#
# The layers behind hand back `dout`: for each entry of `out`, how much the loss grows if this entry grows by 1 (lesson
# 5: the upstream gradient). We owe the same for weight, bias and x. Begin at the end of the forward:
#
#     out_ij  =  xhat_ij weight_j + bias_j          row i, place j
#
# bias_j is added in every row, so its effects add up over the rows. weight_j is used in every row, each time multiplied
# by xhat_ij. And xhat_ij is used once, multiplied by weight_j:
#
#     dbias_j    =  sum over rows i of  dout_ij
#     dweight_j  =  sum over rows i of  dout_ij xhat_ij
#     dxhat_ij   =  dout_ij weight_j
#
# ## Backward, the three ways
#
# From here on one row is enough, since no row sees another; we drop the row's index, and i is free for a place. With
# mean m and r for rstd,
#
#     m = mean of x,      v = mean of (x - m)^2,      r = 1 / sqrt(v + eps),      xhat_j = (x_j - m) r.
#
# Move one entry, x_i, a little. It acts on the loss in three ways, and the three add up (lesson 5: paths add up).
#
# **First, directly.** x_i stands in xhat_i, multiplied by r. So the loss changes by dxhat_i r per unit of x_i.
#
# **Second, through the mean.** m is the sum of all entries divided by C, so it moves by 1/C per unit of x_i. Each
# xhat_j moves by -r per unit of m, as long as r stays where it is. (That r moves, too, is the third way.) Over all j
# this makes
#
#     sum over j of  dxhat_j (-r) (1/C)   =   -r mean(dxhat).
#
# It is the same for every i.
#
# **Third, through the deviation.** Here the chain is x_i -> v -> r -> every xhat_j. Take it link by link.
#
# - From r to the loss. xhat_j is (x_j - m) times r, so the loss changes by sum over j of dxhat_j (x_j - m) per unit of
#   r. And x_j - m is xhat_j / r. So this is (1/r) sum over j of dxhat_j xhat_j, which is (C/r) mean(dxhat xhat).
# - From v to r. r = (v + eps)^(-1/2), so its derivative is -1/2 (v + eps)^(-3/2), which is -r^3 / 2.
# - From x_i to v. v is the mean of all (x_j - m)^2. In the term with j = i, x_i stands directly: 2 (x_i - m) / C. It
#   also moves m, in every term: that makes sum over j of 2 (x_j - m) (-1/C) / C. But the x_j - m add up to 0, so this
#   is 0. What stays is 2 (x_i - m) / C, which is 2 xhat_i / (C r).
#
# Multiply the three links. The C cancels, the 2 cancels, of r^3 / (r r) one r is left:
#
#     (C/r) mean(dxhat xhat)  times  -r^3 / 2  times  2 xhat_i / (C r)   =   -r xhat_i mean(dxhat xhat).
#
# **Together**, the formula of this lesson:
#
#     dx_i  =  r ( dxhat_i  -  mean(dxhat)  -  xhat_i mean(dxhat xhat) )
#
# Both means are over the C places of the row. By hand, for our row with xhat = (-0.2, 1.4, -1.4, 0.2) and r = 1/5:
# suppose that only the first entry of dxhat is not 0, dxhat = (10, 0, 0, 0). Then mean(dxhat) = 2.5, and
# mean(dxhat xhat) = 10 times -0.2 / 4 = -0.5. So
#
#     dx  =  1/5 ( 10 - 2.5 - 0.1,   0 - 2.5 + 0.7,   0 - 2.5 - 0.7,   0 - 2.5 + 0.1 )
#         =  ( 1.48, -0.36, -0.64, -0.48 ).
#
# The loss cares for the first xhat alone, yet all four entries of x have a gradient: they move the mean and the
# deviation.


# %%
def layernorm_backward(dout, cache):
    xhat, rstd, weight = cache
    # forward: out = xhat * weight + bias
    dbias = dout.sum(axis=0)  # (n, C) -> (C,)
    dweight = (dout * xhat).sum(axis=0)  # (n, C) -> (C,)
    dxhat = dout * weight  # (n, C) * (C,) -> (n, C)
    # forward: xhat = (x - mean) * rstd
    through_mean = dxhat.mean(axis=-1, keepdims=True)  # (n, C) -> (n, 1)
    through_deviation = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)  # (n, C) * (n, 1) -> (n, C)
    dx = rstd * (dxhat - through_mean - through_deviation)  # (n, 1) * (n, C) -> (n, C)
    return {"x": dx, "weight": dweight, "bias": dbias}


_, cache = layernorm_forward(x, np.ones(4), np.zeros(4))
dx = layernorm_backward(np.array([[10.0, 0, 0, 0]]), cache)["x"]  # (1, 4); weight is 1, so dxhat = dout
print("\nby hand dx = [1.48 -0.36 -0.64 -0.48], by the formula", dx[0].round(4))
assert np.allclose(dx, [1.48, -0.36, -0.64, -0.48], atol=1e-5)  # eps again

# %% [markdown]
# ## The same without calculus
#
# Add up the four numbers: 1.48 - 0.36 - 0.64 - 0.48 = 0. That is no accident. Think of a row as an arrow in a space of
# C dimensions. If x moves a little along an arrow u, the loss changes by sum of dx_i u_i, entry by entry. Now use what
# LayerNorm ignores.
#
# - *Shift.* Move x along (1, 1, 1, 1): nothing changes. So sum of dx_i = 0.
# - *Stretch.* Move each entry away from the mean in proportion, which is along xhat: nothing changes (but for eps). So
#   sum of dx_i xhat_i = 0.
#
# A sum of products that is 0 means a right angle. So dx stands at a right angle to two arrows, to ones and to xhat. And
# these two stand at a right angle to each other, since the entries of xhat add up to 0.
#
# How does one make an arrow stand at a right angle to u? Take away its part along u, its *projection*. The part of an
# arrow g along u is u times (sum of g_i u_i) / (sum of u_i^2). (Try it: take that away from g, and the sum of products
# with u is sum of g_i u_i less sum of g_i u_i, which is 0.) For both our arrows the lower sum is C: for ones it is
# 1 + 1 + ... + 1, for xhat it is C times the mean square, which is 1. So
#
#     part of dxhat along ones   =   1 times mean(dxhat),
#     part of dxhat along xhat   =   xhat times mean(dxhat xhat).
#
# Look at the formula again: dx is dxhat without these two parts, times r. And the r? Take an arrow u at a right angle
# to both. A small step t along it leaves the mean as it is. By Pythagoras it changes the sum of the (x_i - m)^2 by t^2
# times the square of u's length, and for a tiny t that is next to nothing. So mean and deviation stand still, and xhat
# moves by r t u: along such arrows LayerNorm does nothing but multiply by r. So the loss moves by t times the sum of
# dxhat_i r u_i, and that is the sum of dx_i t u_i. dx is r dxhat along all these arrows, and 0 along the two others.
#
# **Check** it with numbers: for random rows, the two sums are 0, and nudging x along each arrow does what we say. Here
# eps is as good as 0, because with 1e-5 a stretch is not ignored to the last digit.

# %%
rng = np.random.default_rng(8)
x, dxhat = rng.standard_normal((5, C)), rng.standard_normal((5, C))
ones, zeros = np.ones(C), np.zeros(C)
out, cache = layernorm_forward(x, ones, zeros, eps=1e-30)
xhat, rstd, _ = cache
dx = layernorm_backward(dxhat, cache)["x"]  # (n, C)
along_ones, along_xhat = np.abs(dx.sum(axis=1)).max(), np.abs((dx * xhat).sum(axis=1)).max()
compare = np.abs(dx).sum(axis=1).min()
print(f"\nsum of dx at most {along_ones:.0e}, of dx xhat at most {along_xhat:.0e}; of |dx| at least {compare:.0f}")
assert along_ones < 1e-12 and along_xhat < 1e-12  # 64 roundings of 1e-16 and some room

other = dx / rstd  # (n, C) an arrow at a right angle to both
step = 1e-6
print(f"x moves by {step:.0e} along   by how much xhat moves, divided by the step")
for name, arrow in (("ones", np.ones_like(x)), ("xhat", xhat), ("another arrow", other)):
    moved = (layernorm_forward(x + step * arrow, ones, zeros, eps=1e-30)[0] - out) / step  # (n, C)
    print(f"{name:22} {size(moved):8.5f}  (rstd times the arrow: {size(rstd * arrow):.5f})")
    expected = rstd * arrow if name == "another arrow" else 0
    assert np.abs(moved - expected).max() < 1e-4  # a step of 1e-6, times curvatures and arrows of size 10 at most

# %% [markdown]
# If you ever forget the formula: take away what the layer ignores, and divide by the deviation.
#
# ## Check, and the library's version
#
# `check_gradients` compares every entry of every gradient with a numerical derivative of our own forward (lesson 6). It
# uses the complex step, so we wrote `centred * centred` and not `np.var`. Weight and bias are random: at their start
# values, 1 and 0, mistakes can hide. (Lesson 6 shows that, and what happens if one forgets the third way.)
#
# The library's `minicluster.nn.layernorm_forward` takes rows with any number of axes before the last, such as (B, T, C)
# for B sequences of T tokens. Its backward sums dweight and dbias over all of them. Otherwise it is what we wrote.

# %%
inputs = {"x": rng.standard_normal((5, 6)), "weight": rng.standard_normal(6), "bias": rng.standard_normal(6)}
report = check_gradients(layernorm_forward, layernorm_backward, inputs)
print("\nLayerNorm, backward against forward:", report, sep="\n")
assert report.worst < 1e-13  # sums of at most 6 products: a few roundings

out, cache = layernorm_forward(**inputs)
dout = rng.standard_normal(out.shape)
library_out, library_cache = library_layernorm_forward(**inputs)
ours, library = layernorm_backward(dout, cache), library_layernorm_backward(dout, library_cache)
apart = max(np.abs(out - library_out).max(), *(np.abs(ours[name] - library[name]).max() for name in ours))
print(f"ours and the library's differ by at most {apart:.0e}")
assert set(ours) == set(library) and apart < 1e-12  # the same formulas: a few roundings
batch = library_layernorm_forward(inputs["x"].reshape(1, 5, 6), inputs["weight"], inputs["bias"])[0]  # (B, T, C)
assert np.allclose(batch[0], out, atol=1e-12)

# %% [markdown]
# ## Back through thirty layers
#
# The forward is safe now. And the way back? Without LayerNorm each backward multiplies a gradient by the weights again:
# 0.8 or 1.2 a layer. With it there is one factor more, r. If a linear layer makes its numbers 0.8 times as large, the
# deviation that LayerNorm divides by is 0.8, and r is 1 / 0.8.
#
# **Predict before you run.** A gradient of size 1 comes in at the end. How large is it at the beginning of the stack,
# with s = 0.1 and s = 0.15, without LayerNorm and with it?


# %%
def size_after_backward(s, with_layernorm):
    """Thirty pairs of a linear layer and a LayerNorm behind it, forward and then backward."""
    x, caches = rows, []
    for layer in range(N_LAYERS):
        x = x @ (s * normal(C, C, seed=layer))  # (n, C) @ (C, C) -> (n, C)
        if with_layernorm:
            x, cache = layernorm_forward(x, ones, zeros)
            caches.append(cache)
    dx = normal(N_ROWS, C, seed=200)  # (n, C)
    for layer in reversed(range(N_LAYERS)):
        if with_layernorm:
            dx = layernorm_backward(dx, caches.pop())["x"]  # (n, C)
        dx = dx @ (s * normal(C, C, seed=layer)).T  # (n, C) @ (C, C) -> (n, C)
    return size(dx)


print("\nsize of a gradient after the way back, 1 at its start")
for s in (0.1, 0.15):
    without, with_layernorm = size_after_backward(s, False), size_after_backward(s, True)
    print(f"s = {s:4}: without LayerNorm {without:9.4f}, with LayerNorm {with_layernorm:.2f}")
    assert 1 / 3 < without / FACTORS[s] ** N_LAYERS < 3 and 1 / 3 < with_layernorm < 3

# %% [markdown]
# The factor 8 s of the weights and the factor 1 / (8 s) of LayerNorm cancel in each layer. So a learning rate that
# suits a few layers suits thirty as well.

# %% [markdown]
# ## Something has to bend
#
# Two linear layers in a row, with one number each: y = 2x + 1, then z = 3y - 2. Put one into the other:
#
#     z  =  3 (2x + 1) - 2  =  6x + 1.
#
# That is one linear layer. With matrices it is the same:
#
#     (x @ w1 + b1) @ w2 + b2   =   x @ (w1 @ w2)  +  (b1 @ w2 + b2).

# %%
x, w1, b1, w2, b2 = (rng.standard_normal(shape) for shape in ((5, 3), (3, 8), (8,), (8, 2), (2,)))
two_layers = (x @ w1 + b1) @ w2 + b2  # (5, 3) @ (3, 8) -> (5, 8); (5, 8) @ (8, 2) -> (5, 2)
one_layer = x @ (w1 @ w2) + (b1 @ w2 + b2)  # (3, 8) @ (8, 2) -> (3, 2); (5, 3) @ (3, 2) -> (5, 2)
apart = np.abs(two_layers - one_layer).max()
print(f"\ntwo linear layers and the one that replaces them differ by at most {apart:.0e}")
assert np.allclose(two_layers, one_layer, atol=1e-12)

# %% [markdown]
# So however many linear layers one stacks, all of them draw a straight line. Between two of them must stand something
# that is no line. It can be small: a function applied to each number by itself. The simplest is *ReLU* ("rectified
# linear unit"): keep x if it is positive, else put 0. Add up many such lines, bent at different places and by different
# amounts, and the sum can follow a curve; below, GELU's bends will.
#
# ReLU has two flaws. It has a corner at 0, where there is no derivative. And for negative x its slope is 0: if a number
# is negative for all inputs, no gradient comes back through it, and it may stay so for ever.
#
# ## GELU: keep x with a probability
#
# ReLU decides by a hard rule: keep x if x > 0. Make the rule a game of chance: draw a number z from the *standard
# normal distribution* (the bell curve with mean 0 and standard deviation 1; `standard_normal` draws from it), and keep
# x if x > z, else put 0. A large x is nearly always kept, a very negative one nearly never. How often? The share of
# draws below x has a name, Phi(x). So on average this gives x Phi(x), and that is *GELU* ("Gaussian error linear unit",
# Hendrycks & Gimpel 2016):
#
#     GELU(x)  =  x Phi(x)
#
# Nothing is drawn in a network; GELU is that average. Python has Phi by way of the *error function* erf:
# Phi(x) = (1 + erf(x / sqrt(2))) / 2. **Check** the game against the formula.


# %%
def phi(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


draws = rng.standard_normal(100_000)  # (n,)
print("\n   x   share of draws below   Phi(x)   kept on average   GELU(x)   ReLU(x)")
for value in (-2.0, -1.0, 0.0, 1.0, 2.0):
    kept = np.where(draws < value, value, 0)  # (n,)
    share, average = (draws < value).mean(), kept.mean()
    print(f"{value:4} {share:15.3f} {phi(value):15.3f} {average:14.3f} {value * phi(value):13.3f} {max(value, 0):9.0f}")
    assert abs(share - phi(value)) < 0.01  # chance moves a share of 100,000 draws by 0.0016 or so

# %% [markdown]
# **Predict:** Phi grows, and so does x. Does x Phi(x) always grow? Look at x = -2 and x = -1 in the table.
#
# It falls from -0.05 to -0.16 and then rises to 0. Coming from the left, x Phi(x) is nearly 0, dips a little, and then
# climbs. So there is slope on the left as well, and no corner.

# %% [markdown]
# ## The form that GPT-2 uses
#
# NumPy has no erf, but it has tanh: tanh(u) = (e^u - e^-u) / (e^u + e^-u), an S that climbs from -1 to 1. So does erf.
# The paper's second form, which GPT-2 uses (Radford et al. 2019), puts one for the other:
#
#     GELU(x)  is about  1/2 x (1 + tanh(u)),      u = sqrt(2/pi) (x + 0.044715 x^3).
#
# Where does sqrt(2/pi) come from? Near 0, Phi(x) and 1/2 (1 + tanh(u)) must climb equally fast. Phi(x) is the area
# under the bell curve to the left of x. If x moves to the right by a tiny h, a strip is added, h wide and as high as
# the curve is there: so the slope of Phi is the height of that curve, exp(-x^2 / 2) / sqrt(2 pi), which is 1 / sqrt(2
# pi) at x = 0. The slope of tanh at 0 is 1 (its derivative comes below), so 1/2 tanh(c x) has slope c/2 there. Set c/2
# = 1 / sqrt(2 pi): c = 2 / sqrt(2 pi) = sqrt(2/pi) = 0.798. The term with x^3 then mends the shape farther out;
# exercise 4 asks how well its 0.044715 is chosen.

# %%
SLOPE_AT_0 = math.sqrt(2 / math.pi)
CUBIC = 0.044715


def gelu_forward(x):
    tanh = np.tanh(SLOPE_AT_0 * (x + CUBIC * x * x * x))  # like x
    return 0.5 * x * (1 + tanh), (x, tanh)


grid = np.linspace(-6, 6, 2401)  # (n,)
exact = np.array([value * phi(value) for value in grid])  # (n,)
gelu, _ = gelu_forward(grid)
error = np.abs(gelu - exact)
print(f"\ntanh form against x Phi(x): farthest apart, by {error.max():.6f}, at x = +-{abs(grid[error.argmax()]):.2f}")
print(f"lowest value {gelu.min():.3f} at x = {grid[gelu.argmin()]:.2f}")
assert 4e-4 < error.max() < 5e-4 and -0.171 < gelu.min() < -0.169 and -0.76 < grid[gelu.argmin()] < -0.74

# %% [markdown]
# They differ by less than half a thousandth, too little to see in a picture. Which of the two one takes hardly matters;
# but it has to be the same one forward and backward, and the same one that a trained model was trained with.
#
# ## Its derivative, in pieces
#
# GELU works on each number by itself, so an ordinary derivative is enough. x stands in it twice: as the factor in front
# and inside tanh. Go from the inside out.
#
#     u     =  sqrt(2/pi) (x + 0.044715 x^3)       u'  =  sqrt(2/pi) (1 + 3 times 0.044715 x^2)
#     t     =  tanh(u)                             t'  =  (1 - t^2) u'                          chain rule
#     out   =  1/2 x (1 + t)                       out'  =  1/2 (1 + t)  +  1/2 x t'            product rule
#
# Why is the derivative of tanh 1 - tanh^2? Write it as p/q with p = e^u - e^-u and q = e^u + e^-u. Then p' = q and
# q' = p, and the quotient rule gives (p' q - p q') / q^2 = (q^2 - p^2) / q^2 = 1 - (p/q)^2.
#
# Backward multiplies by the upstream gradient: dx = dout times out', entry by entry.
#
# **Predict:** out' is 1/2 at x = 0 (t is 0 there, and so is x), near 0 far to the left and near 1 far to the right. Is
# it always between 0 and 1?


# %%
def gelu_slope(x, tanh):
    du = SLOPE_AT_0 * (1 + 3 * CUBIC * x * x)
    dtanh = (1 - tanh * tanh) * du
    return 0.5 * (1 + tanh) + 0.5 * x * dtanh


def gelu_backward(dout, cache):
    return {"x": dout * gelu_slope(*cache)}


slope = gelu_slope(*gelu_forward(grid)[1])  # (n,)
print(f"\nslope of GELU: from {slope.min():.3f} at x = {grid[slope.argmin()]:.2f} to {slope.max():.3f}", end=" ")
print(f"at x = {grid[slope.argmax()]:.2f}")
assert -0.14 < slope.min() < -0.12 and 1.12 < slope.max() < 1.14

inputs = {"x": rng.standard_normal((5, 6))}
report = check_gradients(gelu_forward, gelu_backward, inputs)
print("GELU, backward against forward:", report, sep="\n")
assert report.worst < 1e-13
out, cache = gelu_forward(inputs["x"])
dout = rng.standard_normal((5, 6))
library_out, library_cache = library_gelu_forward(inputs["x"])
ours, library = gelu_backward(dout, cache)["x"], library_gelu_backward(dout, library_cache)["x"]
apart = max(np.abs(out - library_out).max(), np.abs(ours - library).max())
print(f"ours and the library's differ by at most {apart:.0e}")
assert apart < 1e-12  # the same formula in another order of steps

# %% [markdown]
# No: it is below 0 where GELU falls, and above 1 from x = 0.75 on, most so at 1.4, while GELU catches up with x. The
# library's file, `minicluster/nn/gelu.py`, has the same formulas. It computes them in place, since this is the widest
# array of the model.

# %% [markdown]
# ## The picture

# %%
shown = {f"weights {words}": s for words, s in (("20 % too large", 0.15), ("20 % too small", 0.1))}
inner = np.abs(grid) < 3.001
picture = draw_layernorm_and_gelu(
    {name: plain[s] for name, s in shown.items()},
    {name: normalised[s] for name, s in shown.items()},
    grid[inner], gelu[inner], np.maximum(grid, 0)[inner], slope[inner],
)  # fmt: skip
print()
print(picture.alt)
picture.show("lesson_08_layernorm_and_gelu", save="--save" in sys.argv)

# %% [markdown]
# On the left the axis is logarithmic: there a fixed factor per layer is a straight line, and the blue ones are level.
#
# ## A planted mistake: half of the product rule
#
# GELU is x times a gate between 0 and 1. A gate passes gradients on as it passes numbers. So the backward is
# dout times the gate, 1/2 (1 + t). It sounds right, it lies between 0 and 1, it looks like a smooth version of ReLU's
# slope. **Predict:** at which x would a test by hand catch it? At x = 0? At x = 5, or -5?


# %%
def gate_only_backward(dout, cache):
    _, tanh = cache
    return {"x": dout * 0.5 * (1 + tanh)}


print("\n    x   slope of GELU   the gate alone")
for value in (-5.0, -1.0, 0.0, 1.0, 5.0):
    _, (_, tanh) = gelu_forward(np.array(value))
    print(f"{value:5} {round(gelu_slope(value, tanh), 3) + 0:12.3f} {0.5 * (1 + tanh):15.3f}")  # + 0 makes -0.0 0.0
_, (_, tanh) = gelu_forward(grid)
wrong_by = np.abs(gelu_slope(grid, tanh) - 0.5 * (1 + tanh))  # (n,)
assert all(wrong_by[np.isclose(np.abs(grid), value)].max() < 1e-3 for value in (0, 5))
assert 0.23 < wrong_by.max() < 0.25
try:
    check_gradients(gelu_forward, gate_only_backward, inputs)
    caught = False
except GradientError as found:
    caught = True
    print(textwrap.fill(f"check_gradients: {str(found).splitlines()[0]}", 110, subsequent_indent="  "))
assert caught

# %% [markdown]
# At the three places that one would try by hand the two agree. In between, the gate alone is wrong by up to 0.24: x
# also moves the gate, and that is the other half of the product rule. A check at random numbers of size 1 catches it at
# once. Would training catch it? The next section tells.

# %% [markdown]
# ## Used: a network that follows a curve
#
# Now all of it at work. The inputs are 50 numbers x between -1 and 1, the target is y = sin(pi x), one full wave. A
# linear layer makes 4 numbers out of x, LayerNorm normalises them, and a *multilayer perceptron* (MLP: linear, GELU,
# linear) makes 8 of them, bends them, and adds them up to one answer. The loss is the mean of (answer - y)^2.
#
# A network is a list of layers, each a pair of functions. Forward goes through the list, backward through the reverse
# list, and each layer hands its dx to the one before. Then each number moves a little against its derivative (gradient
# descent, lesson 5). The linear layer is the library's, built in lesson 5.

# %%
LINEAR, LAYERNORM = (linear_forward, linear_backward), (layernorm_forward, layernorm_backward)
GELU = (gelu_forward, gelu_backward)
WIDTH, HIDDEN, N_STEPS, LEARNING_RATE = 4, 8, 1000, 0.05
points = ((np.arange(50) + 0.5) / 25 - 1)[:, None]  # (50, 1) evenly from -0.98 to 0.98
wave = np.sin(math.pi * points)  # (50, 1)


def forward_all(x, network):
    caches = []
    for (forward, _), parameters in network:
        x, cache = forward(x, **parameters)  # (50, n_in) -> (50, n_out)
        caches.append(cache)
    return x, caches


def train(normalise=None, bend=None, seed=1):
    """Fit the wave; without `normalise` and `bend` only the linear layers are there. Returns network, losses."""
    rng = np.random.default_rng(seed)

    def linear(n_in, n_out):
        weight = rng.standard_normal((n_in, n_out)) / math.sqrt(n_in)  # keeps the size: 1/8 for 64 inputs
        return LINEAR, {"weight": weight, "bias": rng.standard_normal(n_out)}

    network = [linear(1, WIDTH), linear(WIDTH, HIDDEN), linear(HIDDEN, 1)]
    if bend:
        network.insert(2, (bend, {}))
    if normalise:
        network.insert(1, (normalise, {"weight": np.ones(WIDTH), "bias": np.zeros(WIDTH)}))
    # now: linear, LayerNorm, linear, GELU, linear
    losses = []
    for _ in range(N_STEPS):
        answers, caches = forward_all(points, network)  # (50, 1)
        losses.append(((answers - wave) ** 2).mean())
        upstream = 2 * (answers - wave) / len(wave)  # (50, 1)
        for ((_, backward), parameters), cache in zip(reversed(network), reversed(caches)):
            gradients = backward(upstream, cache)
            for name, value in parameters.items():
                value -= LEARNING_RATE * gradients[name]  # in place
            upstream = gradients["x"]
    return network, losses


# %% [markdown]
# **Predict before you run.** With the linear layers alone, what loss is the best that can be reached?
#
# They are one line, a x + b. The wave goes as far up on the right as down on the left, so b = 0 is best. The loss is
# then mean((a x - y)^2). Its derivative by a is 2 mean((a x - y) x), and that is 0 at a = mean(x y) / mean(x^2). Put it
# in:
#
#     loss of the best line  =  mean(y^2) - mean(x y)^2 / mean(x^2).
#
# The code takes these means over the 50 points and prints them: about 1/2, 1/pi and 1/3, which makes 1/2 - 3/pi^2 =
# 0.196. We know where the training will end before it begins.

# %%
mean_yy, mean_xy, mean_xx = (wave**2).mean(), (points * wave).mean(), (points**2).mean()
best_line = mean_yy - mean_xy**2 / mean_xx
fits = {
    "linear layers only": train(),
    "with LayerNorm": train(LAYERNORM),
    "with GELU": train(bend=GELU),
    "with LayerNorm and GELU": train(LAYERNORM, GELU),
    "both, half product rule": train(LAYERNORM, (gelu_forward, gate_only_backward)),
}
print(f"\nmeans of y^2 {mean_yy:.3f}, x y {mean_xy:.3f}, x^2 {mean_xx:.3f}; the best line's loss {best_line:.4f}")
for name, (_, losses) in fits.items():
    print(f"{name:24} loss {losses[0]:6.3f} at first, {losses[-1]:.4f} after {N_STEPS} steps")
assert math.isclose(best_line, 0.196, abs_tol=0.001)
assert math.isclose(fits["linear layers only"][1][-1], best_line, rel_tol=0.01)
assert 0.03 < fits["with LayerNorm"][1][-1] < 0.15
assert all(losses[-1] < 0.03 for _, losses in list(fits.values())[2:])  # those with GELU
assert fits["both, half product rule"][1][-1] < 2 * fits["with LayerNorm and GELU"][1][-1]

# %% [markdown]
# The line is where we said. GELU lets the network follow the wave. LayerNorm bends a little too, since it divides by a
# number that depends on x, but it has one such number a row, and that is not enough here. With GELU there, LayerNorm
# brings no lower loss from this start (nor from 9 of 11 others): three linear layers are too few for numbers to
# explode. It is needed where the stack is deep.
#
# And half of the product rule? With it the loss falls nearly as far, to less than twice the right one's, from 2.5.
# Nobody who looks at that number alone would suspect anything.

# %% [markdown]
# ## A planted mistake: the wrong axis
#
# Suppose somebody writes the mean without `keepdims`. That fails at once: the mean of each row has shape (n,), and rows
# have shape (n, C). There is one small change that makes the error go away: `axis=0`. It is also what one does to the
# columns of a table, so it looks familiar. Here it is, with a backward derived for it, without a slip.


# %%
try:
    points_of_four = normal(50, 4)  # (50, 4)
    points_of_four - points_of_four.mean(axis=-1)  # (50, 4) - (50,)
except ValueError as error:
    print(f"\naxis=-1 without keepdims: {error}")


def wrong_axis_forward(x, weight, bias):
    centred = x - x.mean(axis=0)  # (n, C) - (C,) -> (n, C)
    rstd = 1 / np.sqrt((centred * centred).mean(axis=0) + EPS)  # (C,)
    xhat = centred * rstd  # (n, C)
    return xhat * weight + bias, (xhat, rstd, weight)


def wrong_axis_backward(dout, cache):
    xhat, rstd, weight = cache
    dxhat = dout * weight  # (n, C)
    dx = rstd * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))  # (n, C)
    return {"x": dx, "weight": (dout * xhat).sum(axis=0), "bias": dout.sum(axis=0)}  # (n, C) -> (C,), twice


# %% [markdown]
# **Predict:** which of these tests does it pass? (1) All shapes fit. (2) `check_gradients`. (3) The network with it
# learns the wave.

# %%
WRONG_AXIS = (wrong_axis_forward, wrong_axis_backward)
inputs = {"x": rng.standard_normal((5, 4)), "weight": rng.standard_normal(4), "bias": rng.standard_normal(4)}
report = check_gradients(wrong_axis_forward, wrong_axis_backward, inputs)
wrong_network, wrong_losses = train(WRONG_AXIS, GELU)
right_network, right_losses = fits["with LayerNorm and GELU"]
print(f"gradients of the wrong axis: relative error at most {report.worst:.0e}")
print(f"loss at the end: right axis {right_losses[-1]:.4f}, wrong axis {wrong_losses[-1]:.4f}")
assert report.worst < 1e-12 and wrong_losses[-1] < right_losses[-1] < 0.03

# %% [markdown]
# It passes all three. The gradients are right, for the wrong function (lesson 6: a check compares a backward with its
# own forward). From this start, and from 10 of 11 others, it even ends at a lower loss than the right one.
#
# What is wrong, then? LayerNorm promised to treat each row by itself. So ask for that: change the *other* rows, and
# look whether the first row's output moves. And ask the trained networks for one point at a time.


# %%
def moved_by_other_rows(forward):
    changed = inputs["x"].copy()  # (5, 4)
    changed[1:] += 1.0 + normal(4, 4)  # all rows but the first
    before, after = (forward(x, inputs["weight"], inputs["bias"])[0][0] for x in (inputs["x"], changed))  # (4,), (4,)
    return np.abs(after - before).max()


print("\n             first row moves if others change   loss, all points at once   loss, one point at a time")
versions = {"right axis": (LAYERNORM, right_network), "wrong axis": (WRONG_AXIS, wrong_network)}
for name, ((forward, _), network) in versions.items():
    together = forward_all(points, network)[0]  # (50, 1)
    alone = np.array([forward_all(point[None], network)[0][0] for point in points])  # 50 times (1,) -> (50, 1)
    losses = [((answers - wave) ** 2).mean() for answers in (together, alone)]
    moved = moved_by_other_rows(forward)
    print(f"{name:12} {moved:32.3f} {losses[0]:26.4f} {losses[1]:27.4f}")
    if network is right_network:
        assert moved < 1e-12 and np.allclose(alone, together, atol=1e-9)  # the same up to rounding
    else:
        assert moved > 0.1 and np.ptp(alone) < 1e-9 and losses[1] > 0.49  # one and the same answer for every point

# %% [markdown]
# The wrong network gives the same answer to every point that comes alone. One row is its own mean, so centred it is 0,
# and nothing of x is left. (The best that one answer for all can reach is the mean of y^2, 1/2.) In a language model x
# is (B, T, C), and `axis=0` would mix the texts that happen to be computed together (the *batch*). If they are laid one
# below the other, (B T, C), each token also depends on the tokens after it, which must not be (lesson 9).
#
# The test that catches it knows no formula. It asks for *structure*: what must not depend on what. Such a test belongs
# beside every layer. (Normalising over the batch exists on purpose, too. It is called batch normalisation, Ioffe &
# Szegedy 2015, and has to store means from the training for the day when one input comes alone.)

# %% [markdown]
# ## Where this leads
#
# In GPT-2 and in our model every block normalises before each of its two parts,
#
#     x + attention(LayerNorm(x)),      then      x + MLP(LayerNorm(x)),
#
# and once more after the last block. (Why x is added again: lesson 10.) The MLP is linear, GELU, linear, and in between
# four times as wide as a token. Attention is lesson 9, the whole model lesson 10. The real things are
# `minicluster/nn/layernorm.py`, `gelu.py` and `mlp.py`, and fast versions with the same names in
# `minicluster/kernels/`.
#
# ## Summary
#
# - A factor of 0.8 or 1.2 per layer, to the thirtieth power, is 0.001 or 237. LayerNorm sets each row to mean 0 and
#   size 1, so factors do not pile up, on the way forward and on the way back.
# - It ignores shift and stretch, so dx is dxhat without its parts along ones and along xhat, divided by the deviation.
# - Linear layers in a row are one. GELU, x Phi(x), bends between them; x stands in it twice, so its derivative has two
#   terms.
# - A gradient check finds half a product rule. It does not find the wrong axis: for that, change the other rows and see
#   that nothing moves.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_08_layernorm_and_gelu.py`, then run
# `.venv/bin/python -m minicluster check 08`.
#
# 1. By hand: LayerNorm of the row (1, 3, 3, 9) with weight 1 and bias 0, as fractions. Check with `layernorm_forward`.
# 2. Which rows can come out of LayerNorm if C = 2, before weight and bias? Predict, then try ten random rows. Count: of
#    C numbers, how many are still free after shift and stretch are gone?
# 3. *RMSNorm* (Zhang & Sennrich 2019) leaves out the mean: xhat = x / sqrt(mean(x^2) + eps). What does it ignore? Guess
#    its backward by taking away what it ignores, write both, and let `check_gradients` judge.
# 4. Try other numbers for 0.044715, from 0.040 to 0.050, and find the one with the smallest largest error against
#    x Phi(x). How much better is it?
# 5. Derive the derivative of the exact GELU, x Phi(x). (The derivative of Phi is the bell curve, exp(-x^2 / 2) / sqrt(2
#    pi).) Check it with `method="central"`, because `math.erf` takes no complex numbers, and with `np.vectorize(phi)`,
#    which applies the lesson's `phi` to arrays.
