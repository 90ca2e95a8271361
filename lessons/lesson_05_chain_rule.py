# %% [markdown]
# # Lesson 5: The chain rule: linear and embedding
#
# **Goals.** After this lesson you can compute by hand how a loss depends on every number that went into it, write the
# backward pass of the two layers that hold most of a transformer's numbers, and name two mistakes that are easily made
# there and how to catch them.
#
# **Time.** 80 minutes to read, without the exercises; the script runs in about 1 second. A good place for a break is
# before "The same for arrays".
#
# **Assumes.** NumPy (arrays, broadcasting, `@`), the derivative of a function of one variable, and the chain rule for
# f(g(x)). No other lesson.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_05_chain_rule.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 5` writes. With `--save` its picture goes to
# `figures/lesson_05_chain_rule.png`.

# %%
import sys

import numpy as np

from minicluster import nn
from minicluster.plots.chain_rule import draw_graph

# %% [markdown]
# ## The idea
#
# The soup is too salty. The guest tells the waiter, the waiter tells the cook, the cook tells whoever measures the
# salt. The complaint travels back along the way that the soup came. Nobody on that way has to know the whole kitchen.
# Each knows one thing: if I had been handed something a little different, by how much would what I handed on have
# changed?
#
# A model is such a kitchen. Numbers go in, small steps turn them into other numbers, and at the end stands one number
# that says how bad the result is, the *loss*. We want for every number on the way: if it were a little larger, how much
# would the loss grow or shrink? This lesson computes that, first for single numbers, then for arrays.
#
# ## A number to make small, and knobs to turn
#
# Take the smallest model there is: it answers x * w + b. For x = 3 we would like to hear 9, the *target*. The knobs are
# w and b; at present w = 2 and b = 1. The answer is 3 * 2 + 1 = 7, which is 2 too low. As the loss we take the square
# of the difference, which is 0 if the answer is right and grows the farther it is off:
#
#     loss = (x * w + b - target)^2 = (7 - 9)^2 = 4
#
# Which way should we turn w, and does w matter more than b? A derivative answers such questions. You know it for
# functions of one variable; the loss has four, x, w, b and target. So hold all but one of them still. With x = 3, b = 1
# and target = 9 fixed, the loss is a function of w alone, and you differentiate it as you learned at school:
#
#     loss = (3 w + 1 - 9)^2 = (3 w - 8)^2        derivative: 2 (3 w - 8) * 3        at w = 2: 2 * (-2) * 3 = -12
#
# That is the *derivative of the loss by w* (in books: the partial derivative, written with round d's). It says: near w
# = 2, if w grows by a tiny amount, the loss changes by -12 times that amount. In code we shall call it `dw`.
#
# **Predict before you run.** Hold w = 2 still instead, and let b move: loss = (6 + b - 9)^2. What is `db` at b = 1?
# Which knob matters more, and should each be turned up or down?


# %%
def loss_of(x, w, b, target):
    return (x * w + b - target) ** 2


x, w, b, target = 3.0, 2.0, 1.0, 9.0
loss = loss_of(x, w, b, target)
dw = 2 * (3 * w - 8) * 3
db = 2 * (6 + b - 9)
print(f"loss {loss:.0f}, dw = {dw:.0f}, db = {db:.0f}")
assert (loss, dw, db) == (4, -12, -4)

# %% [markdown]
# Both are negative: turn either knob up, and the loss falls. w matters three times as much, because x = 3 stands beside
# it.
#
# **Check** with no formula at all. *Nudge* w: compute the loss at w + h and at w - h, and divide the difference by 2h.
# For a small h that is the slope of the curve. For a square it is even exact: (a + h)^2 - (a - h)^2 = 4ah, over 2h
# makes 2a. The losses below are squares or straight lines in each single variable, so our nudges are right up to
# rounding. (In general they are not; lesson 6 makes a real check of this.)

# %%
h = 0.001
nudged_w = (loss_of(x, w + h, b, target) - loss_of(x, w - h, b, target)) / (2 * h)
nudged_b = (loss_of(x, w, b + h, target) - loss_of(x, w, b - h, target)) / (2 * h)
print(f"by nudging: dw = {nudged_w:.6f}, db = {nudged_b:.6f}")
assert np.allclose([nudged_w, nudged_b], [dw, db], rtol=0, atol=1e-9)  # rounding, 1e-15, is divided by 2h

# %% [markdown]
# Now turn the knobs: each against its derivative, and by an amount in proportion to it. The factor, here 0.01, is the
# *learning rate*. It is small because the derivative is the slope *here*; farther off, the slope is another. All
# derivatives together are called the *gradient* (one also says "the gradient of w" for dw alone), and doing this again
# and again is *gradient descent*.

# %%
learning_rate = 0.01
better_w, better_b = w - learning_rate * dw, b - learning_rate * db
better = loss_of(x, better_w, better_b, target)
print(f"w {w:.2f} -> {better_w:.2f}, b {b:.2f} -> {better_b:.2f}: loss {loss:.2f} -> {better:.2f}")
assert better < loss

# %% [markdown]
# ## Small steps in a chain
#
# A formula for each variable is too much work with a million knobs. So cut the loss into steps so small that one knows
# their derivatives by heart:
#
#     step                   value                local derivatives
#     p = x * w              3 * 2 = 6            by x: w = 2         by w: x = 3
#     y = p + b              6 + 1 = 7            by p: 1             by b: 1
#     e = y - target         7 - 9 = -2           by y: 1             by target: -1
#     loss = e * e           4                    by e: 2 e = -4
#
# A *local derivative* is that of a step's output by one of its inputs, the others held still. For x * w by w: hold x =
# 3 still, and 3 w has the derivative 3.
#
# How does w act on the loss? Along a chain: w moves p, p moves y, y moves e, e moves the loss. Let w grow by a tiny h.
# Then p grows by 3 h, so y does, so e does, and the loss changes by -4 times that: -12 h. Along a chain, rates
# multiply:
#
#     dw = -4 * 1 * 1 * 3 = -12
#
# That is the chain rule which you know, with four functions inside each other instead of two. Read the product from
# its left end and you walk *backward*, from the loss to w. After each factor you hold the derivative of the loss by the
# value at which you have arrived.
#
#     dloss = 1                             (if the loss grows by h, the loss grows by h)
#     de = dloss * 2 e  = 1 * (-4) = -4
#     dy = de * 1       = -4                dtarget = de * (-1) = 4
#     dp = dy * 1       = -4                db = dy * 1 = -4
#     dw = dp * x       = -4 * 3   = -12    dx = dp * w = -4 * 2 = -8
#
# That is *backpropagation*. A step is handed the derivative of the loss by its own output: the *upstream gradient*.
# (The numbers flow backward here, and the loss is the source.) For each of its inputs it multiplies this number by the
# local derivative, and hands the product back. The rest of the kitchen is none of its business.
#
# ## A value that is used twice
#
# Now let w take the place of b as well: loss = (x * w + w - target)^2. There are two ways from w to the loss, one
# through the product and one directly into the sum:
#
#     p = x * w = 6,    y = p + w = 8,    e = y - target = -1,    loss = e * e = 1
#
# **Predict before you run.** Walk backward: de = 2 e = -2, dy = -2. Along the direct way, w is handed -2 * 1 = -2.
# Along the way through the product, dp = -2, and w is handed -2 * 3 = -6. What is `dw`: -2, -6, the mean, the sum, the
# product?
#
# To find out, give the two uses names of their own, w1 in the product and w2 in the sum. Nudging w nudges both. So
# first move one, then the other, and look at what each does to the loss.

# %%
h = 0.001


def loss_of_uses(w1, w2):
    return (3 * w1 + w2 - 9) ** 2


start, one_moved, both_moved = loss_of_uses(2, 2), loss_of_uses(2 + h, 2), loss_of_uses(2 + h, 2 + h)
print(f"moving w1, then also w2, by {h}: the loss goes {start:.6f} -> {one_moved:.6f} -> {both_moved:.6f}")
per_unit = [(one_moved - start) / h, (both_moved - one_moved) / h, (both_moved - start) / h]
print("change per unit: w1 {:.2f}, w2 {:.2f}, together {:.2f}".format(*per_unit))
assert np.allclose(per_unit, [-6, -2, -8], atol=20 * h)  # one-sided nudges, so the error is of the size of h

# %% [markdown]
# Two small moves one after the other: their effects add up. (The small deviations shrink with h.) So **contributions
# add**: dw = -6 + (-2) = -8. School agrees: the derivative of (4 w - 9)^2 is 2 (4 w - 9) * 4 = -8 at w = 2.
#
# That is the chain rule for any graph of steps: *along a way, multiply; where ways meet, add.* All the rest follows
# from it.

# %% [markdown]
# ## The rule as a program
#
# Each kind of step knows two things: how to compute its output, and its local derivatives. A *graph* is a list of steps
# in the order of computing. `forward` goes through it from the front and writes down all values; `backward` goes from
# the end, with nothing but the rule: upstream times local, added up.

# %%
OPERATIONS = {  # name: (output, local derivative by each input)
    "times": (lambda a, b: a * b, lambda a, b: (b, a)),
    "plus": (lambda a, b: a + b, lambda a, b: (1, 1)),
    "minus": (lambda a, b: a - b, lambda a, b: (1, -1)),
    "square": (lambda a: a * a, lambda a: (2 * a,)),
}


def forward(graph, inputs):
    values = dict(inputs)
    for output, operation, names in graph:
        compute, _ = OPERATIONS[operation]
        values[output] = compute(*(values[name] for name in names))
    return values


def backward(graph, values):
    gradients = dict.fromkeys(values, 0.0)
    gradients["loss"] = 1.0
    local = {}
    for output, operation, names in reversed(graph):
        _, differentiate = OPERATIONS[operation]
        local[output] = differentiate(*(values[name] for name in names))
        for name, slope in zip(names, local[output]):
            gradients[name] += gradients[output] * slope  # upstream times local; += because contributions add
    return gradients, local


twice = [
    ("p", "times", ("x", "w")),
    ("y", "plus", ("p", "w")),
    ("e", "minus", ("y", "target")),
    ("loss", "square", ("e",)),
]
inputs = {"x": 3.0, "w": 2.0, "target": 9.0}
values = forward(twice, inputs)
gradients, local = backward(twice, values)
print("forward: ", ", ".join(f"{name} = {value:g}" for name, value in values.items()))
print("backward:", ", ".join(f"d{name} = {gradients[name]:g}" for name in reversed(values)))
assert values["loss"] == 1 and gradients["w"] == -8

# %% [markdown]
# `backward` needs the values of `forward`: the local derivative of a product is the other factor. What is kept for it
# is called a *cache*. And when a step's turn comes, is its upstream gradient complete? Yes: whoever uses its output was
# computed later, so it was visited earlier on the way back.
#
# **Check** all inputs by nudging, x and target included.


# %%
def nudge_graph(graph, inputs, name, h=0.001):
    up, down = (forward(graph, {**inputs, name: inputs[name] + step})["loss"] for step in (h, -h))
    return (up - down) / (2 * h)


for name in inputs:
    print(f"d{name}: backward {gradients[name]:g}, nudged {nudge_graph(twice, inputs, name):.6f}")
    assert np.isclose(nudge_graph(twice, inputs, name), gradients[name], rtol=0, atol=1e-9)

# %% [markdown]
# The picture shows the run. Begin at the right, with the orange 1, and follow the dashed arrows. At each stands what
# the step was handed times its local derivative. At w two of them arrive.

# %%
places = {"x": (0.8, 5.4), "w": (0.8, 1.9), "p": (3.4, 4.8), "y": (5.9, 3.7), "target": (8.1, 1.6)}
places |= {"e": (8.1, 3.7), "loss": (10.2, 3.7)}  # in inches; a step stands under the name of its output
title = "Along a way, multiply; where ways meet, add\nloss = (x × w + w − target)²"
picture = draw_graph(twice, values, local, gradients, places, title)
print(picture.alt)
picture.show("lesson_05_chain_rule", save="--save" in sys.argv)

# %% [markdown]
# The classic mistake here is to write `=` for `+=` in `backward`. In a chain that is right. Here only the contribution
# that arrives last would be left. The sign is right, so the loss would fall, and nudging x or target would find
# nothing. Exercise 1 lets you try. We shall meet this mistake again, in a better disguise.

# %%
last_to_arrive = gradients["p"] * local["p"][1]  # p comes first in the graph, so last on the way back
print(f"with `=`, dw would be {last_to_arrive:g} instead of {gradients['w']:g}")
assert last_to_arrive == -6

# %% [markdown]
# ## Why backward?
#
# Nudging gives the same numbers. Why not nudge, then? Count. Let the loss be (x0 w0 + x1 w1 + ... + x99 w99 -
# target)^2: that is 100 products, 99 sums, a difference and a square, 201 steps.
#
# **Predict before you run.** How many steps does it take to get all 100 derivatives by w, by nudging each up and down,
# and how many by one forward and one backward?

# %%
n_weights = 100
long = [(f"p{i}", "times", (f"x{i}", f"w{i}")) for i in range(n_weights)]
total = "p0"
for i in range(1, n_weights):
    long.append((f"s{i}", "plus", (total, f"p{i}")))
    total = f"s{i}"
long += [("e", "minus", (total, "target")), ("loss", "square", ("e",))]

rng = np.random.default_rng(5)
long_inputs = {f"{letter}{i}": rng.standard_normal() for letter in "xw" for i in range(n_weights)} | {"target": 1.0}
by_backward, _ = backward(long, forward(long, long_inputs))
by_nudging = {f"w{i}": nudge_graph(long, long_inputs, f"w{i}") for i in range(n_weights)}
assert all(np.isclose(by_backward[name], slope, rtol=0, atol=1e-6) for name, slope in by_nudging.items())
print(f"nudging:  2 forwards for each of {n_weights} weights: {2 * n_weights * len(long):6} steps")
print(f"backward: 1 forward and 1 backward:          {2 * len(long):6} steps, the same derivatives")
assert len(long) == 201

# %% [markdown]
# Backward visits every step once, and gives all derivatives. Nudging takes two forwards *for each input*. How many
# would that be for a transformer like those that lesson 10 trains? (Of the options below only the size matters now: a
# *block* is one storey of the model, and its *width* is how many numbers it has for each token.)

# %%
config = nn.TransformerConfig(vocab_size=150, context_length=20, d_model=64, n_layers=6, n_heads=4)
parameters = nn.Transformer(config, backend="numpy").parameters
n_numbers = parameters.flat.size
print(f"six blocks of width 64: {n_numbers:,} numbers to learn, {2 * n_numbers:,} forwards for one gradient by nudging")
assert 250_000 < n_numbers < 400_000
others = sum(array.size for name, array in parameters.items() if "ln_" in name)  # of the layer called LayerNorm
print(f"all but {others:,} of them belong to the two layers of this lesson")
assert others < 0.01 * n_numbers

# %% [markdown]
# And why not multiply in the other order, forward, from w to the loss? That tells what *one* input does to everything
# behind it. Backward tells what everything does to *one* output. We have many inputs and one loss, so backward it is.

# %% [markdown]
# ## The same for arrays: the linear layer
#
# A model handles arrays. Nothing new happens: each entry is a number that is made by small steps. Only the bookkeeping
# is new. In the *linear layer* each row of x is one sample, and each entry of y is a sum of the row's entries, each
# times a weight, plus a bias:
#
#     y = x @ weight + bias             (n, n_in) @ (n_in, n_out) + (n_out,) -> (n, n_out)
#     y_ij = sum over k of x_ik weight_kj + bias_j
#
# Take n = 2 rows, n_in = 3, n_out = 2, and count rows and columns from 0:

# %%
x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])  # (2, 3)
weight = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])  # (3, 2)
bias = np.array([7.0, 8.0])  # (2,)
y = x @ weight + bias  # (2, 3) @ (3, 2) + (2,) -> (2, 2)
print("y =", y.tolist())
assert y[0, 0] == 1 * 1 + 2 * 3 + 3 * 5 + 7 == 29

# %% [markdown]
# From the loss, somewhere behind this layer, comes the upstream gradient, `dy`: for each entry of y, the derivative of
# the loss by it. So dy has the shape of y, as every gradient has the shape of its array. We invent a dy whose digits
# can be told apart:
#
#     dy = [[  1,   10],
#           [100, 1000]]
#
# Now ask three times: *where is this number used, with which local derivative, and what comes back from there?*
#
# **One bias**, bias_0. It is added to y_00 and to y_10: used twice, each time with the local derivative 1. What comes
# back: 1 * 1 + 100 * 1 = 101.
#
# **One weight**, weight_00. It is used in y_00, where it is multiplied by x_00 = 1, and in y_10, where it is multiplied
# by x_10 = 4. What comes back: 1 * 1 + 100 * 4 = 401.
#
# **One entry of x**, x_00. It is used in y_00, multiplied by weight_00 = 1, and in y_01, multiplied by weight_01 = 2.
# What comes back: 1 * 1 + 10 * 2 = 21.
#
# For any indices it reads the same:
#
#     dbias_j     =  sum over i of dy_ij                    (used in every row)
#     dweight_kj  =  sum over i of x_ik dy_ij               (used in every row, beside x_ik)
#     dx_ik       =  sum over j of dy_ij weight_kj          (used in every column, beside weight_kj)
#
# **Predict before you run.** What is dweight_21, the weight in the last row and the last column? Read its digits.

# %%
dy = np.array([[1.0, 10.0], [100.0, 1000.0]])  # (2, 2), as y
n, n_in, n_out = 2, 3, 2
dx, dweight, dbias = np.zeros((n, n_in)), np.zeros((n_in, n_out)), np.zeros(n_out)
for i in range(n):
    for j in range(n_out):
        dbias[j] += dy[i, j]
        for k in range(n_in):
            dweight[k, j] += dy[i, j] * x[i, k]  # upstream times local
            dx[i, k] += dy[i, j] * weight[k, j]
print("dbias   =", dbias.tolist())
print("dweight =", dweight.tolist())
print("dx      =", dx.tolist())
assert dbias[0] == 101 and dweight[0, 0] == 401 and dx[0, 0] == 21 and dweight[2, 1] == 6030

# %% [markdown]
# 6030 = 3 * 10 + 6 * 1000: row 0 sends 3 * 10, row 1 sends 6 * 1000.
#
# Loops in Python are slow, but these sums are matrix products. (a @ b)_kj is the sum over i of a_ki b_ij: the index
# that is summed over stands *last* in the first factor and *first* in the second. In dweight_kj we sum x_ik dy_ij over
# i, which stands first in both. So turn x around: (x.T)_ki is x_ik. In dx_ik we sum dy_ij weight_kj over j, which
# stands last in both. So turn the weight around.
#
#     dbias   =  dy.sum(axis=0)         (n, n_out)                      -> (n_out,)
#     dweight =  x.T @ dy               (n_in, n) @ (n, n_out)          -> (n_in, n_out)
#     dx      =  dy @ weight.T          (n, n_out) @ (n_out, n_in)      -> (n, n_in)
#
# From here on nearly every layer of this course has the same form: `forward` returns its output and a cache, `backward`
# takes the upstream gradient and the cache, and returns a dictionary with a gradient for each input.


# %%
def linear_forward(x, weight, bias):
    return x @ weight + bias, (x, weight)  # (n, n_in) @ (n_in, n_out) + (n_out,) -> (n, n_out)


def linear_backward(dy, cache):
    x, weight = cache
    # forward: y = x @ weight + bias
    dbias = dy.sum(axis=0)  # (n, n_out) -> (n_out,)
    dweight = x.T @ dy  # (n_in, n) @ (n, n_out) -> (n_in, n_out)
    dx = dy @ weight.T  # (n, n_out) @ (n_out, n_in) -> (n, n_in)
    return {"x": dx, "weight": dweight, "bias": dbias}


y, cache = linear_forward(x, weight, bias)  # (2, 2)
found = linear_backward(dy, cache)
for name, by_loops in (("x", dx), ("weight", dweight), ("bias", dbias)):
    assert (found[name] == by_loops).all()  # whole numbers: no rounding
print("matrix products and loops agree")

# %% [markdown]
# **Check** by nudging. For that we need a loss. Any loss whose derivative by y_ij is dy_ij will do, and the easiest is
# the sum of dy * y, with dy held fixed: there y_ij stands once, multiplied by dy_ij.


# %%
def nudge(forward, inputs, name, dout, h=0.001):
    """Derivatives of sum(dout * out) by every entry of one input, where out = forward(**inputs)[0]."""
    slopes = np.zeros(inputs[name].shape)
    for index in np.ndindex(inputs[name].shape):
        up, down = inputs[name].copy(), inputs[name].copy()
        up[index] += h
        down[index] -= h
        out_up, out_down = (forward(**{**inputs, name: moved})[0] for moved in (up, down))
        slopes[index] = (dout * (out_up - out_down)).sum() / (2 * h)
    return slopes


inputs = {"x": x, "weight": weight, "bias": bias}
for name in inputs:
    slopes = nudge(linear_forward, inputs, name, dy)
    print(f"d{name:6} differs from nudging by at most {np.abs(slopes - found[name]).max():.0e}")
    assert np.allclose(slopes, found[name], rtol=1e-7, atol=0)  # of sixteen digits, dividing by h costs up to five

# %% [markdown]
# ## A planted mistake: the shapes fit
#
# One remembers these formulas by their shapes. dweight must be (n_in, n_out), and it is made from x, (n, n_in), and
# dy, (n, n_out). If n, n_in and n_out are three different numbers, one product fits: x.T @ dy. In the same way dx must
# be dy @ weight.T. A good mnemonic, and no more. **Predict:** what if n_in = n_out, as is common in models?


# %%
def linear_backward_by_shape(dy, cache):
    x, weight = cache
    # dy @ weight is (n, n_out) @ (n_in, n_out): it fits if n_in = n_out
    return {"x": dy @ weight, "weight": x.T @ dy, "bias": dy.mean(axis=0)}  # all shapes right, two gradients wrong


rng = np.random.default_rng(0)
inputs = {"x": rng.standard_normal((4, 3)), "weight": rng.standard_normal((3, 3)), "bias": rng.standard_normal(3)}
upstream = rng.standard_normal((4, 3))  # (n, n_out)
_, cache = linear_forward(**inputs)
right_names = {}
for backward_pass in (linear_backward, linear_backward_by_shape):
    result = backward_pass(upstream, cache)
    assert all(result[name].shape == inputs[name].shape for name in inputs)  # a test of shapes passes both
    correct = [name for name in inputs if np.allclose(result[name], nudge(linear_forward, inputs, name, upstream))]
    right_names[backward_pass.__name__] = correct
    print(f"{backward_pass.__name__:25} all shapes right; right by nudging: {', '.join(correct)}")
assert right_names == {"linear_backward": ["x", "weight", "bias"], "linear_backward_by_shape": ["weight"]}

# %% [markdown]
# dy @ weight has the right shape, too, and is wrong. Nor does a shape tell the sum from the mean. (The bias is used in
# every row, and contributions add: the sum. If the loss is a mean over rows, the 1/n is already in dy.) Nudging catches
# both. Derive by indices, remember by shapes, check by nudging.
#
# ## Batches of sequences
#
# In a transformer x is (B, T, C): B sequences of T tokens, C numbers for each token. The layer treats every token's row
# on its own. So the sequences may be laid one below the other, (B T, C), and it is the layer that we have. The weight
# is used in each of the B T rows, and all their contributions add up; dx is cut up into sequences again.


# %%
def linear_backward_any(dy, cache):
    x, weight = cache
    x_rows = x.reshape(-1, x.shape[-1])  # (B, T, C) -> (B T, C)
    dy_rows = dy.reshape(-1, dy.shape[-1])  # (B, T, n_out) -> (B T, n_out)
    gradients = linear_backward(dy_rows, (x_rows, weight))
    gradients["x"] = gradients["x"].reshape(x.shape)  # (B T, C) -> (B, T, C)
    return gradients


B, T, C = 2, 4, 3
inputs = {"x": rng.standard_normal((B, T, C)), "weight": rng.standard_normal((C, 5)), "bias": rng.standard_normal(5)}
y, cache = linear_forward(**inputs)  # (B, T, C) @ (C, 5) + (5,) -> (B, T, 5)
upstream = rng.standard_normal(y.shape)  # (B, T, 5)
ours = linear_backward_any(upstream, cache)
library_y, library_cache = nn.linear_forward(**inputs)
library = nn.linear_backward(upstream, library_cache)
print("\nlinear layer on", inputs["x"].shape)
assert np.allclose(y, library_y)
for name in inputs:
    slopes = nudge(linear_forward, inputs, name, upstream)
    print(f"d{name:6} {ours[name].shape!s:10} agrees with nudging and with the library's linear_backward")
    assert np.allclose(ours[name], slopes, rtol=0, atol=1e-9)  # rounding over 2h
    assert np.allclose(ours[name], library[name], rtol=0, atol=1e-12)  # the same sums of a few products

# %% [markdown]
# ## The embedding: a table that is looked up
#
# A model reads *tokens*: the places of words or letters in a list (lesson 2). As quantities they mean nothing: letter
# 20 is not twice letter 10. So each token is given a row of C numbers of its own, to be learned. The rows make a table,
# (V, C), with V different tokens; fetching rows from it is the *embedding*. With V = 3, C = 2:

# %%
table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])  # (V, C)
tokens = np.array([2, 0, 2])  # (T,)
x = table[tokens]  # (V, C) -> (T, C)
print("\nlooked up:", x.tolist())

# %% [markdown]
# Can one differentiate fetching? Write it as a product, and you know the answer already. A *one-hot* row has a 1 at the
# token's place and 0 elsewhere. Times the table, it picks the token's row:
#
#     [0, 0, 1] @ table = 0 * row 0 + 0 * row 1 + 1 * row 2 = row 2
#
# So the embedding is a linear layer without a bias, whose input are one-hot rows and whose weight is the table. (In
# practice one fetches, because most of the product would be multiplying by 0.) Then dweight = x.T @ dy from above gives
# the table's gradient. Only the names change: the input is now `one_hot`, and the output is called x, because it is
# what the next layer gets; so the upstream gradient is `dx`.

# %%
one_hot = np.eye(3)[tokens]  # (T,) -> (T, V)
assert (one_hot @ table == x).all()  # (T, V) @ (V, C) -> (T, C)
dx = np.array([[1.0, 10.0], [100.0, 1000.0], [10_000.0, 100_000.0]])  # (T, C), upstream; digits to tell apart
dtable = one_hot.T @ dx  # (V, T) @ (T, C) -> (V, C)
print("one-hot rows:", one_hot.astype(int).tolist())
print("dtable =", dtable.astype(int).tolist())
assert dtable.tolist() == [[100, 1000], [0, 0], [10_001, 100_010]]

# %% [markdown]
# Read it row by row. Token 0 stood at place 1, so its row gets what came back there: 100, 1000. Token 1 did not occur,
# and its row gets 0: what was not used has no influence. Token 2 stood at places 0 and 2, its row was used twice, and
# contributions add: 1 + 10,000 and 10 + 100,000.
#
# So without any one-hot row: *add each upstream row to the row of its token.* `np.add.at(dtable, tokens, dx)` does
# that. The tokens themselves get no gradient: there is no token 2.001 to nudge to.


# %%
def embedding_forward(table, tokens):
    return table[tokens], (tokens, table.shape)  # (V, C), (..., T) -> (..., T, C)


def embedding_backward(dx, cache):
    tokens, shape = cache
    # forward: x = table[tokens]
    dtable = np.zeros(shape)  # (V, C)
    np.add.at(dtable, tokens, dx)  # (..., T, C) into (V, C)
    return {"table": dtable}


x, cache = embedding_forward(table, tokens)  # (T, C)
assert (embedding_backward(dx, cache)["table"] == dtable).all()
slopes = nudge(lambda table: embedding_forward(table, tokens), {"table": table}, "table", dx)
assert np.allclose(slopes, dtable)
print("one-hot product, np.add.at and nudging agree")

# %% [markdown]
# ## A planted mistake: `dtable[tokens] += dx`
#
# `np.add.at` is little known. One would rather write what one says: add dx to the rows of the tokens. It reads well, it
# is the mirror of `table[tokens]`, and it passes a first test.
#
# **Predict before you run.** With the tokens 2, 0, 1 it is right. With 2, 0, 2, what will stand in row 2?


# %%
def embedding_backward_that_overwrites(dx, cache):
    tokens, shape = cache
    dtable = np.zeros(shape)  # (V, C)
    dtable[tokens] += dx  # (..., T, C) into (V, C)
    return {"table": dtable}


for places_of_tokens in ([2, 0, 1], [2, 0, 2]):
    _, cache = embedding_forward(table, np.array(places_of_tokens))
    right, wrong = (f(dx, cache)["table"] for f in (embedding_backward, embedding_backward_that_overwrites))
    verdict = "same" if (right == wrong).all() else "differ"
    print(f"tokens {places_of_tokens}: row 2 right {right[2].tolist()}, wrong {wrong[2].tolist()}: tables {verdict}")
    assert (right == wrong).all() == (len(set(places_of_tokens)) == 3)

# %% [markdown]
# Only the last contribution is left. NumPy first fetches the rows, all zeros, into a new array; adds dx to it; then
# writes the rows back. Row 2 is written twice, and the second time overwrites the first.
#
# It is `=` for `+=` again, a way forgotten. It is caught by an example with the hard case in it: a token that occurs
# twice. In real text that is the rule: if 80 tokens are drawn from ten letters, at most 10 of the 80 contributions
# survive.

# %% [markdown]
# ## The library's embedding: where a token stands
#
# The library has two tables and adds what it finds: `wte` has a row for each token, `wpe` one for each position, so
# that the model can know *where* a token stands. Row t of `wpe` is added at place t of all B sequences. **Predict** its
# gradient before you read the code: where is it used?

# %%
V = 6
tokens = np.array([[2, 0, 2, 5], [1, 2, 2, 0]])  # (B, T), with repeated tokens
wte, wpe = rng.standard_normal((V, C)), rng.standard_normal((T, C))
upstream = rng.standard_normal((B, T, C))
looked_up, cache = embedding_forward(wte, tokens)  # (B, T, C)
x = looked_up + wpe  # (B, T, C) + (T, C) -> (B, T, C)
dwte = embedding_backward(upstream, cache)["table"]  # (V, C); adding hands the upstream gradient on as it is
dwpe = upstream.sum(axis=0)  # (B, T, C) -> (T, C): used in each of the B sequences
library_x, library_cache = nn.embedding_forward(tokens, wte, wpe)  # it takes the tokens first
library = nn.embedding_backward(upstream, library_cache)
assert np.allclose(x, library_x) and np.allclose(dwte, library["wte"]) and np.allclose(dwpe, library["wpe"])
print("\nour embedding and the library's agree, forward and backward")

# %% [markdown]
# A model may also use the *same* table twice: at its beginning to look up tokens, and at its end to score each token as
# the possible next one. (Lesson 10; the table is then called *tied*.) Each use hands back a gradient of the table's
# shape, and contributions add.

# %% [markdown]
# ## Use it: which letter is which digit?
#
# A puzzle. Ten letters stand for the ten digits, in an order that we are not told. Of the 100 ordered pairs of letters
# (A + A, A + B, B + A and so on) we are shown 40, each with its sum. Which letter is which digit, and what do the other
# 60 pairs make?
#
# (Lesson 2 would ask what the test shares with the training. Some hidden pairs are shown the other way round, B + A for
# A + B; we count them. The others are new.)
#
# A model from our two layers: look up the two letters, (n, 2, C); let one linear layer turn each letter's row into one
# number, (n, 2, 1); add the two. The loss is the mean squared error over the n pairs. Table and weight begin at random.

# %%
LETTERS = "ABCDEFGHIJ"
rng = np.random.default_rng(1)
digit = rng.permutation(10)  # (V,) the secret
pairs = np.array([[a, b] for a in range(10) for b in range(10)])  # (100, 2)
sums = digit[pairs].sum(axis=1, keepdims=True).astype(float)  # (100, 2) -> (100, 1)
order = rng.permutation(100)
shown, hidden = order[:40], order[40:]
first_few = [f"{LETTERS[a]} + {LETTERS[b]} = {total:.0f}" for (a, b), total in zip(pairs[shown], sums[shown, 0])][:6]
print("\nshown:", ", ".join(first_few), "...")
already = {(b, a) for a, b in pairs[shown].tolist()}
mirrored = sum(tuple(pair) in already for pair in pairs[hidden].tolist())
print(f"of {len(hidden)} hidden pairs {mirrored} are shown the other way round, {len(hidden) - mirrored} are new")
assert 10 < mirrored < 30


def answer(parameters, tokens):
    x, lookup_cache = embedding_forward(parameters["table"], tokens)  # (n, 2) -> (n, 2, C)
    value, linear_cache = linear_forward(x, parameters["weight"], parameters["bias"])  # (n, 2, C) -> (n, 2, 1)
    return value.sum(axis=1), (lookup_cache, linear_cache)  # (n, 2, 1) -> (n, 1)


def gradients_of(parameters, tokens, target, embedding_backward):
    result, (lookup_cache, linear_cache) = answer(parameters, tokens)
    error = result - target  # (n, 1)
    loss = (error * error).mean()
    derror = 2 * error / len(error)  # the square's 2e, and the mean's 1/n
    dvalue = np.repeat(derror[:, None, :], 2, axis=1)  # (n, 1) -> (n, 2, 1): a sum hands it on to both as it is
    gradients = linear_backward_any(dvalue, linear_cache)
    dx = gradients.pop("x")  # (n, 2, C)
    return loss, gradients | embedding_backward(dx, lookup_cache)


def new_parameters(seed, width=2):
    rng = np.random.default_rng(seed)
    return {
        "table": 0.5 * rng.standard_normal((10, width)),  # (V, C)
        "weight": rng.standard_normal((width, 1)),  # (C, 1)
        "bias": np.zeros(1),
    }


# %% [markdown]
# **Check** the whole of it before it is used: nudge each of its numbers. (Here the "output" is the loss itself, and
# the derivative of the loss by the loss is 1.)

# %%
parameters = new_parameters(seed=0)
_, found = gradients_of(parameters, pairs[shown], sums[shown], embedding_backward)


def loss_alone(**parameters):
    return gradients_of(parameters, pairs[shown], sums[shown], embedding_backward)


for name in parameters:
    assert np.allclose(nudge(loss_alone, parameters, name, dout=1.0), found[name], rtol=0, atol=1e-8)
print("the gradient of the whole model agrees with nudging:", ", ".join(parameters))

# %% [markdown]
# Then gradient descent, 200 steps: every number goes a little against its derivative.
#
# **Predict before you run.** How many of the 60 pairs that were not shown will it get right, after rounding?


# %%
def learn(embedding_backward, seed, n_steps=200, learning_rate=0.05):
    parameters, losses = new_parameters(seed), []
    for _ in range(n_steps):
        loss, gradients = gradients_of(parameters, pairs[shown], sums[shown], embedding_backward)
        losses.append(loss)
        for name in parameters:
            parameters[name] -= learning_rate * gradients[name]
    return parameters, losses


def count_right(parameters):
    result, _ = answer(parameters, pairs[hidden])  # (60, 1)
    return (np.round(result) == sums[hidden]).sum()


learned, losses = learn(embedding_backward, seed=0)
print("step", *(f"{step:8}" for step in (0, 10, 20, 50, 100, 199)))
print("loss", *(f"{losses[step]:8.2g}" for step in (0, 10, 20, 50, 100, 199)))
print(f"pairs that were not shown: {count_right(learned)} of {len(hidden)} right")
values_of_letters, _ = linear_forward(learned["table"], learned["weight"], learned["bias"])  # (V, C) -> (V, 1)
print("letter   learned row of the table   its number   secret digit")
for a in np.argsort(digit):
    first, second = learned["table"][a]
    print(f"   {LETTERS[a]} {first:14.2f} {second:9.2f} {values_of_letters[a, 0]:15.3f} {digit[a]:10}")
assert losses[-1] < 1e-6 and count_right(learned) == len(hidden)
assert np.allclose(values_of_letters[:, 0], digit, atol=0.01)

# %% [markdown]
# All of them. The table's rows, times the weight, plus the bias, are the digits. (The rows alone have no such meaning:
# another start gives other rows, and the same digits.) Every line is something that you have derived: looking up, a
# matrix product, a sum, a square, and back.
#
# And with the planted mistake, `dtable[tokens] += dx`? Only the last place of each letter among the 80 counts: a letter
# learns from one pair, and is deaf to the others. **Predict** the loss: will it rise, stay, fall?

# %%
wrong_counts = []
print("\n        loss at first   after 200 steps: add.at           +=   hidden pairs right: add.at     +=")
for seed in range(5):
    good, good_losses = learn(embedding_backward, seed)
    bad, bad_losses = learn(embedding_backward_that_overwrites, seed)
    wrong_counts.append(count_right(bad))
    print(f"start {seed} {good_losses[0]:15.0f}", end="")
    print(f" {good_losses[-1]:23.0e} {bad_losses[-1]:12.2g} {count_right(good):26} {count_right(bad):6}")
    assert bad_losses[-1] < 0.1 * bad_losses[0] and bad_losses[-1] > 1000 * good_losses[-1]
assert np.median(wrong_counts) < 30

# %% [markdown]
# It falls, by more than nine tenths on every start: who looks at the loss alone sees a model that learns. But most
# starts get most of the hidden pairs wrong (a lucky one may still find the digits). The next lesson builds the tool
# that finds such mistakes before any training.
#
# ## Where this leads
#
# `minicluster/nn/linear.py` and `minicluster/nn/embedding.py` are what you have written, for arrays of any number of
# axes. What is still missing are layers that bend (lesson 8), tokens that look at each other (lesson 9) and a loss for
# words instead of numbers (lesson 7). For each you will ask the same question: where is this number used, with which
# local derivative, and what comes back from there?
#
# ## Summary
#
# - The derivative of the loss by one variable: hold the others still. It says which way to turn a knob, and which knobs
#   matter.
# - Along a way, multiply; where ways meet, add. A step needs its local derivatives and the upstream gradient, and
#   nothing else. One walk backward gives all derivatives.
# - Linear layer, y = x @ weight + bias: dx = dy @ weight.T, dweight = x.T @ dy, dbias = the sum of dy over rows. Shapes
#   help to remember it; they prove nothing.
# - Embedding: add each upstream row to the row of its token. It is a linear layer on one-hot rows.
# - Whatever is used twice is where mistakes hide: a test needs a value used twice, a token that occurs twice.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_05_chain_rule.py`, then run `.venv/bin/python
# -m minicluster check 05`.
#
# 1. By hand: loss = (x * x * w - target)^2 at x = 2, w = 3, target = 10, where x is used twice. Draw the graph, write
#    the values above and the gradients below each edge. Check with `forward` and `backward`. Then write `=` for `+=` in
#    `backward`: what does it say for x, and for w?
# 2. Add the operation "divide" to `OPERATIONS` (the derivative of a / b by b is -a / b^2), and nudge a graph that
#    contains it. The two agree to fewer digits than before. Why, and what does a smaller h change?
# 3. `linear_backward_by_shape` has dx = dy @ weight. For which square weights is that right? Make one, other than a
#    diagonal one, and let `nudge` confirm it.
# 4. At the end of the script, set `shown, hidden = order[:n], order[n:]` and learn again, for n = 20, 16, 14 and 12,
#    with 2000 steps. From when on does it fail on hidden pairs, while the loss still goes to 0? Which pairs are they:
#    are there too few equations, or letters that were never shown?
