# %% [markdown]
# # Lesson 6: Trust no gradient
#
# **Goals.** After this lesson you can check any backward pass to the last digits, say which tests a wrong one slips
# through and why, and find a wrong one by reading what the check says.
#
# **Time.** 55 minutes to read, without the exercises; the script runs in about 1 second.
#
# **Assumes.** NumPy (arrays, `@`, broadcasting). The chain rule, the derivative by one of several variables and a step
# of gradient descent (lesson 5), said again where they occur. Complex numbers and Taylor's series are explained below
# as far as they are needed. Of a transformer's layers we say what each computes, not what it is good for. The backward
# formulas of LayerNorm, softmax and cross-entropy are given, not derived (lessons 7 and 8 do that): to judge a formula
# that one has not derived is what the lesson teaches.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_06_trust_no_gradient.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 6` writes. With `--save` its picture goes to
# `figures/lesson_06_trust_no_gradient.png`.

# %%
import math
import sys
import textwrap

import numpy as np

from minicluster.gradcheck import GradientError, check_gradients
from minicluster.plots import draw_step_sizes

# %% [markdown]
# ## The idea: a wrong gradient does not crash
#
# A compass that is off by thirty degrees still takes you roughly north. You arrive somewhere, later than you should,
# and blame the weather. A wrong gradient is such a compass: the loss falls, the curve looks like learning, no error
# appears. We read six public transformers in NumPy with hand-written backward passes: five had a wrong gradient, and
# tests that passed. (`tests/gradcheck/test_published_bugs.py` has the five as small functions.)
#
# Here is one. LayerNorm shifts each row to mean 0, divides it by its standard deviation (the root of the mean of the
# squares that are left), and multiplies each column by a weight. (The 1e-5 below keeps a row of equal numbers from
# dividing by 0. Lesson 8 is about this layer.) Each entry of x acts on the result in three ways: directly, through the
# mean and through the deviation. `forgetful` leaves out the third. (What a backward is and what `train` does with it
# come in the next two sections. Now only watch what happens.)


# %%
def layernorm_forward(x, weight):
    centred = x - x.mean(axis=-1, keepdims=True)  # (n, C)
    rstd = 1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5)  # 1 / standard deviation, (n, 1)
    xhat = centred * rstd  # (n, C) * (n, 1) -> (n, C)
    return xhat * weight, (xhat, rstd, weight)  # (n, C) * (C,) -> (n, C)


def layernorm_backward(dout, cache):
    xhat, rstd, weight = cache
    dxhat = dout * weight
    through_mean = dxhat.mean(axis=-1, keepdims=True)  # (n, 1)
    through_deviation = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)  # (n, C)
    dweight = (dout * xhat).sum(axis=0)  # (n, C) -> (C,)
    return {"x": rstd * (dxhat - through_mean - through_deviation), "weight": dweight}


def forgetful(dout, cache):
    xhat, rstd, weight = cache
    dxhat = dout * weight
    through_mean = dxhat.mean(axis=-1, keepdims=True)  # (n, 1)
    dweight = (dout * xhat).sum(axis=0)  # (n, C) -> (C,)
    return {"x": rstd * (dxhat - through_mean), "weight": dweight}


def train(backward, seed):
    """Fit LayerNorm(x @ w1) @ w2 to what a network of the same form answers, so that loss 0 is within reach."""
    rng = np.random.default_rng(seed)
    x, weight = rng.standard_normal((100, 6)), np.ones(8)
    targets = layernorm_forward(x @ rng.standard_normal((6, 8)), weight)[0] @ rng.standard_normal((8, 3))  # (100, 3)
    w1, w2 = rng.standard_normal((6, 8)), rng.standard_normal((8, 3))
    losses = []
    for _ in range(300):
        hidden, cache = layernorm_forward(x @ w1, weight)  # (100, 6) @ (6, 8) -> (100, 8)
        error = hidden @ w2 - targets  # (100, 8) @ (8, 3) -> (100, 3)
        losses.append((error * error).sum(axis=1).mean())  # (100, 3) -> (100,) -> a number
        derror = 2 * error / len(error)  # derivative of that number by each entry of error
        dhidden = backward(derror @ w2.T, cache)["x"]  # (100, 3) @ (3, 8) -> (100, 8)
        w2 -= 0.1 * hidden.T @ derror  # (8, 100) @ (100, 3) -> (8, 3)
        w1 -= 0.1 * x.T @ dhidden  # (6, 100) @ (100, 8) -> (6, 8)
    return losses


# %% [markdown]
# **Predict before you run.** How far will the loss fall with the wrong gradient? Not at all, half way, nearly all the
# way?

# %%
print("start   loss at first   ends at: right gradient   wrong gradient    ratio")
for seed in range(5):
    right, wrong = train(layernorm_backward, seed), train(forgetful, seed)
    print(f"{seed:5} {right[0]:15.1f} {right[-1]:25.4f} {wrong[-1]:16.4f} {wrong[-1] / right[-1]:8.0f}")
    assert wrong[-1] < 0.1 * wrong[0] and wrong[-1] > 100 * right[-1]

# %% [markdown]
# The loss falls by more than nine tenths, on every start: who sees only that curve sees a success. And yet it ends over
# a hundred times higher than it could (18 to 1900 times from starts 5 to 24), at rest in a place that is no minimum
# (exercise 6). A test that says "the loss went down" has tested nothing. So what would?

# %% [markdown]
# ## What a backward pass owes
#
# A layer computes `out` from its inputs. Somewhere behind it is the loss, one number. The layers behind hand back
# `dout`: for each entry of `out`, how much the loss grows for each unit that the entry grows, as long as it grows by
# little; that is the *upstream gradient*. The layer owes the same for each of its inputs. By the chain rule that is the
# derivative of
#
#     sum(dout * out),    where dout is held fixed.
#
# Tiny example: out = (x w, w w), at x = 3, w = 2, with dout = (10, 100). Then sum(dout * out) = 10 x w + 100 w w. Its
# derivative by x is 10 w = 20; by w it is 10 x + 200 w = 430. w is used in two places, so two paths add up.

# %%
x, w, dout = 3.0, 2.0, (10.0, 100.0)
dx, dw = dout[0] * w, dout[0] * x + dout[1] * 2 * w
print(f"\nbackward says dx = {dx:.0f}, dw = {dw:.0f}")
before, after = (dout[0] * x * w + dout[1] * w * w for w in (2.0, 2.001))
print(f"w from 2 to 2.001 moves the sum from {before:.1f} to {after:.4f}: {(after - before) / 0.001:.1f} per unit of w")
assert (dx, dw) == (20, 430)

# %% [markdown]
# Nudge an input, see what the sum does, divide: that needs no formula, so it can judge one. But it said 430.1. How
# small should the nudge be? First one more backward, the one that nearly every layer contains.
#
# ## The same for a matrix product
#
# out = x @ w means: each entry of out is a row of x times a column of w,
#
#     out_ij = sum over k of x_ik w_kj.
#
# Where does the entry w_kj occur? In column j of out, once in each row i, multiplied by x_ik. So sum(dout * out) holds
# it in the terms dout_ij x_ik w_kj, one for each i, and its derivative is the sum of these without w_kj. In the same
# way x_ik occurs in row i of out, once in each column j. Both sums are matrix products again:
#
#     dw_kj = sum over i of x_ik dout_ij      that is    dw = x.T @ dout
#     dx_ik = sum over j of dout_ij w_kj      that is    dx = dout @ w.T
#
# If a bias b is added to every row, b_j occurs in all of column j: db_j = sum over i of dout_ij. Now `train` can be
# read: its last lines before `return` are a dx and two dw. Taking 0.1 times the gradient off each weight is a small
# step downhill; the 0.1 is the *learning rate*.

# %% [markdown]
# ## Error against step size
#
# A smooth function near x is its value, plus its tangent, plus smaller and smaller corrections (Taylor's series):
#
#     f(x + h) = f(x) + h f'(x) + h^2 f''(x) / 2 + h^3 f'''(x) / 6 + ...
#
# Take f(x) off, divide by h, and you have f'(x) with an error that begins with h f''(x) / 2. Take off f(x - h) instead:
# the even powers are the same in both and cancel, 2h f'(x) is left, so divide by 2h. That makes two ways to a
# derivative from values of f alone; the third comes below.
#
#     forward difference    (f(x + h) - f(x)) / h              error about  h f''(x) / 2
#     central difference    (f(x + h) - f(x - h)) / 2h         error about  h^2 f'''(x) / 6
#     complex step          imaginary part of f(x + ih) / h    error about  h^2 f'''(x) / 6
#
# So take a tiny h? Python's floats carry 16 digits: eps = 2.2e-16 is the gap between 1 and the next float. f(x + h)
# and f(x - h) agree in nearly all of them, and what survives the subtraction has an error of about eps, which is then
# divided by h. Small h: *rounding*, eps / h. Large h: *truncation*, h or h^2.
#
# And the complex step? A complex number a + ib is two numbers, a real part a and an imaginary part b, stored apart. One
# computes as usual, with i * i = -1. So put ih for h into the series:
#
#     f(x + ih) = [f(x) - h^2 f''(x) / 2 + ...] + i [h f'(x) - h^3 f'''(x) / 6 + ...]
#
# The value is in the real part, h times the derivative in the imaginary part. No nearly equal numbers are subtracted,
# so no digits are lost, and h may be so small that h^2 vanishes. `f` only has to be computed with complex numbers,
# which NumPy's arithmetic, `@`, `np.exp` and `np.log` do by themselves; Python writes `1j` for i.
#
# **Predict before you run.** Where is the best h of each difference, and how many of the 16 digits are left there?
# (Set the two errors equal: h = eps / h for one, h^2 = eps / h for the other.)


# %%
def f(x):
    return np.log(1 + np.exp(x))  # any smooth function would do


places = np.linspace(0.5, 2, 101)
truth = 1 / (1 + np.exp(-places))  # by the chain rule: exp(x) / (1 + exp(x))
differentiate = {
    "forward difference": lambda h: (f(places + h) - f(places)) / h,
    "central difference": lambda h: (f(places + h) - f(places - h)) / (2 * h),
    "complex step": lambda h: f(places + 1j * h).imag / h,
}


def error_of(name, h):
    return np.abs(differentiate[name](h) / truth - 1).max()  # relative, at the worst of the 101 places


steps = 10.0 ** np.arange(-18, 0.1, 0.25)  # (73,)
errors = {name: np.array([error_of(name, h) for h in steps]) for name in differentiate}
shown = (1e-2, 1e-5, 1e-8, 1e-11, 1e-14, 1e-17, 1e-100, 1e-300)
print("\nrelative error, h =", *(f"{h:6.0e}" for h in shown))
for name in differentiate:
    print(f"{name:19}", *(f"{error_of(name, h):6.0e}" for h in shown))

# %% [markdown]
# **Check** your prediction. It left out factors such as f''(x) / 2, so a factor of 10 is allowed.

# %%
eps = np.finfo(float).eps
for name, predicted in (("forward difference", eps ** (1 / 2)), ("central difference", eps ** (1 / 3))):
    best = steps[errors[name].argmin()]
    print(f"{name}: best h predicted {predicted:.0e}, found {best:.0e}, error there {errors[name].min():.0e}")
    assert 0.1 < best / predicted < 10
assert all(error_of("complex step", h) < 10 * eps for h in (1e-8, 1e-30, 1e-100, 1e-300))  # a few roundings
assert errors["complex step"][steps < 1.01e-8].max() < 10 * eps and errors["central difference"].min() < 1e-9
assert error_of("forward difference", 1e-17) == error_of("central difference", 1e-17) == 1
picture = draw_step_sizes(steps, errors)
print(picture.alt)
picture.show("lesson_06_trust_no_gradient", save="--save" in sys.argv)

# %% [markdown]
# In the picture both axes are logarithmic: there a power of h is a straight line, and its slope is the power. A forward
# difference keeps half of the digits, a central one two thirds, the complex step all, for every h up to 1e-8. With h =
# 1e-17 the differences say 0, an error of 1, since x + h is x. We shall take the complex step with h = 1e-30.

# %% [markdown]
# ## A gradient checker in the open
#
# For every entry of every input: step, take the imaginary part, weigh it with `dout`, compare. The error is relative
# to the largest entry of the gradient, or to 1 if all are smaller, so that a gradient of 0 divides nothing by 0.


# %%
def check_by_hand(forward, backward, inputs, dout=None, h=1e-30):
    out, cache = forward(**inputs)
    if dout is None:
        dout = np.random.default_rng(0).standard_normal(out.shape)
    gradients = backward(dout, cache)
    errors = {}
    for name, value in inputs.items():
        numeric = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            moved = {other: array.astype(complex) for other, array in inputs.items()}
            moved[name][index] += 1j * h
            out, _ = forward(**moved)
            numeric[index] = np.sum(dout * out.imag) / h
        errors[name] = np.abs(gradients[name] - numeric).max() / max(1, np.abs(numeric).max())
    return errors


def linear_forward(x, weight, bias):  # the matrix product from above
    return x @ weight + bias, (x, weight)  # (n, 3) @ (3, 2) + (2,) -> (n, 2)


def linear_backward(dout, cache):
    x, weight = cache
    return {"x": dout @ weight.T, "weight": x.T @ dout, "bias": dout.sum(axis=0)}


rng = np.random.default_rng(6)
inputs = {"x": rng.standard_normal((5, 3)), "weight": rng.standard_normal((3, 2)), "bias": rng.standard_normal(2)}
found = check_by_hand(linear_forward, linear_backward, inputs)
report = check_gradients(linear_forward, linear_backward, inputs)
print("\nlinear layer checked by hand:", ", ".join(f"{name} {error:.0e}" for name, error in found.items()))
print("the library's check_gradients:", report, sep="\n")
assert max(found.values()) < 1e-13 and report.worst < 1e-13  # sums of at most 5 products: a few roundings

# %% [markdown]
# Both agree that our derivation is right, to the last digits. Where to draw the line? Rounding is wrong by 1e-16 or so,
# a mistake mostly by more than 1e-3; 1e-10 is far from both. And what do they say of LayerNorm from above, and of its
# forgetful twin?


# %%
def show(message):
    for line in message.splitlines():
        print(textwrap.fill(line, 110, initial_indent="  ", subsequent_indent="    "))


def ask_library(forward, backward, inputs):
    """Print what the library says, and return whether the gradients are right."""
    try:
        print(f"  right: relative error at most {check_gradients(forward, backward, inputs).worst:.0e}")
        return True
    except GradientError as error:
        show(str(error))
        return False


inputs = {"x": rng.standard_normal((5, 4)), "weight": rng.standard_normal(4)}
print("\nrelative errors of LayerNorm's gradients")
for backward in (layernorm_backward, forgetful):
    found = check_by_hand(layernorm_forward, backward, inputs)
    print(f"{backward.__name__} checked by hand: x {found['x']:.0e}, weight {found['weight']:.0e}; by check_gradients:")
    right = ask_library(layernorm_forward, backward, inputs)
    assert right == (found["x"] < 1e-10) == (backward is layernorm_backward)

# %% [markdown]
# No training, no curve to squint at: the wrong gradient's name, its worst entry, and here even the likely cause, which
# the library recognises from the numbers. (Axis 1 runs along a row; the variance is the deviation squared.)

# %% [markdown]
# ## Planted mistake 1: `.sum()` as the loss
#
# The usual first gradient test takes `loss = out.sum()`. That is `dout` = ones. Take softmax, which turns a row of
# scores into weights p that add up to 1. Its backward is p * (dout - sum(dout * p)): raising one score lowers all
# other weights. **Predict** which of these four wrong versions pass a test with ones.


# %%
def softmax_forward(x):
    p = np.exp(x)
    p /= p.sum(axis=-1, keepdims=True)
    return p, p


def row_sum(a):
    return a.sum(axis=-1, keepdims=True)  # (n, K) -> (n, 1)


softmax_backwards = {
    "right": lambda dout, p: {"x": p * (dout - row_sum(dout * p))},
    "returns zeros": lambda dout, p: {"x": 0 * p},
    "wrong sign": lambda dout, p: {"x": p * (row_sum(dout * p) - dout)},
    "plain mean for the sum": lambda dout, p: {"x": p * (dout - dout.mean(axis=-1, keepdims=True))},
    "forgets the sum": lambda dout, p: {"x": p * dout},
}
inputs = {"x": rng.standard_normal((3, 4))}
passed = {}
print(f"\n{'softmax backward':27} error with ones   with random dout")
for name, backward in softmax_backwards.items():
    weak = check_by_hand(softmax_forward, backward, inputs, dout=np.ones((3, 4)))["x"]
    strong = check_by_hand(softmax_forward, backward, inputs)["x"]
    passed[name] = weak < 1e-10, strong < 1e-10
    print(f"{name:27} {weak:7.0e} {'passes' if weak < 1e-10 else 'FAILS':7} {strong:10.0e} ", end="")
    print("passes" if strong < 1e-10 else "FAILS")
assert [name for name, (_, strong) in passed.items() if strong] == ["right"]
assert [name for name, (weak, _) in passed.items() if weak] == list(softmax_backwards)[:4]

# %% [markdown]
# The sum of softmax's outputs is 1, whatever x is: its true gradient is 0, and everything that gives 0 for ones is
# blessed, zeros and the opposite of the truth included. A random `dout` gives every output a weight of its own: for a
# mistake to hide, its effects, weighed by random numbers, would have to cancel exactly, and that has probability 0.

# %% [markdown]
# ## Planted mistake 2: checking at the start of training
#
# LayerNorm's weight starts at 1. Multiplying by 1 hides whether one multiplied at all. **Predict:** which of these
# pass with a random `dout` while the weight is 1? And with ones?


# %%
def forgets_weight(dout, cache):
    xhat, rstd, weight = cache
    return layernorm_backward(dout, (xhat, rstd, 1))


x, random_weight = rng.standard_normal((5, 4)), rng.standard_normal(4)
print("\nLayerNorm backward    weight 1, ones   weight 1, random dout   all random")
for backward in (layernorm_backward, forgets_weight, forgetful):
    tests = ((np.ones(4), np.ones((5, 4))), (np.ones(4), None), (random_weight, None))
    found = [check_by_hand(layernorm_forward, backward, {"x": x, "weight": w}, dout)["x"] for w, dout in tests]
    words = [f"{error:.0e} {'passes' if error < 1e-10 else 'FAILS'}" for error in found]
    print(f"{backward.__name__:21} {words[0]:16} {words[1]:23} {words[2]}")
    assert found[0] < 1e-10  # with ones and weight 1, all pass
    assert (found[1] < 1e-10) == (backward is not forgetful) and (found[2] < 1e-10) == (backward is layernorm_backward)

# %% [markdown]
# In the first column all pass: LayerNorm's rows add up to 0, so ones see nothing, not even the mistake that spoilt the
# training above. `forgets_weight` survives until the weight is random: a test at the start of training blesses it, and
# it goes wrong as soon as training has moved the weight. So: everything random and of size 1, biases too, since a bias
# of 0 hides just as well.

# %% [markdown]
# ## What the complex step can't see
#
# It asks `forward` to carry the imaginary part along. `np.abs` and `np.var` drop it, since of a complex number they
# take the length. And at a *kink*, where a function bends sharply, there is no derivative: the larger of x and 0 grows
# by 1 to the right of 0, by 0 to the left. `check_gradients` refuses both.

# %%
print("\nwhat the complex step can't see")
refused = []
for function, slope, at in (
    (np.abs, np.sign, np.array([1.5, -2.0])),
    (lambda x: np.maximum(x, 0), lambda x: x > 0, np.array([0.0])),
):
    try:
        check_gradients(lambda x: (function(x), x), lambda dout, x: {"x": dout * slope(x)}, {"x": at})
    except (TypeError, ValueError) as error:
        refused.append(type(error))
        show(f"{type(error).__name__}: {error}")
assert refused == [TypeError, ValueError]

# %% [markdown]
# For the first, write `centred * centred` in place of `np.var`, as we did, or ask for central differences, with
# `method="central"`. For the second, choose other inputs: random numbers keep away from kinks, round ones such as 0
# don't. (The two derivatives in the message are those to the right and to the left, 1 and 0, times the random `dout`
# and the length of a random step that the checker tries.)

# %% [markdown]
# ## Bug hunt
#
# Four layers; some have a mistake that is easily made. What they compute:
#
# - **1**, attention's scores. From each token's numbers one matrix makes a *query* (what it looks for), another a *key*
#   (what it offers). The score is query times key, summed over the numbers: how well the two fit.
# - **2**, attention's weights. Softmax turns each query's row of scores into weights. *Causal* means that a token must
#   not look at later ones, so their scores are set to minus infinity, which makes their weight exp(-inf) = 0.
# - **3**, the embedding. A table has a row of numbers for each word; each token fetches its word's row.
# - **4**, the cross-entropy loss. Softmax turns each token's scores, one a word, into probabilities p; the loss is
#   -log p of the right word, averaged over all tokens. (For a single token the derivative by the scores is p, less 1 at
#   the right word. That part is correct.)
#
# Read each backward against its forward and **write down** which are right, before you scroll on: the cell after the
# next one tells.

# %%
# Shapes: B = 2 sequences, T = 4 tokens, C = 4 numbers a token, V = 5 words.


def scores_forward(x, wq, wk):  # 1
    q, k = x @ wq, x @ wk  # (T, C) @ (C, C) -> (T, C), twice
    return q @ k.T, (x, wq, wk, q, k)  # (T, C) @ (C, T) -> (T, T), [query, key]


def scores_backward(dscores, cache):
    x, wq, wk, q, k = cache
    dq = dscores @ k  # (T, T) @ (T, C) -> (T, C)
    dk = dscores @ q  # (T, T) @ (T, C) -> (T, C)
    return {"x": dq @ wq.T + dk @ wk.T, "wq": x.T @ dq, "wk": x.T @ dk}


def causal_weights_forward(scores):  # 2
    visible = np.tri(len(scores), dtype=bool)  # (T, T): key <= query
    return softmax_forward(np.where(visible, scores, -np.inf))


def causal_weights_backward(dp, p):
    return {"scores": p * (dp - row_sum(dp * p))}  # (T, T); not a word of the mask


def embedding_forward(table, tokens):  # 3
    return table[tokens], (tokens, table.shape)  # (V, C) -> (T, C)


def embedding_backward(dx, cache):
    tokens, shape = cache
    dtable = np.zeros(shape)
    dtable[tokens] += dx  # (T, C) into (V, C)
    return {"table": dtable}


def loss_forward(scores, targets):  # 4
    p, _ = softmax_forward(scores)  # (B, T, V)
    right = np.eye(5)[targets]  # (B, T) -> (B, T, V), 1 at the right word
    return -(np.log(p) * right).sum() / targets.size, (p, right)


def loss_backward(dloss, cache):
    p, right = cache
    return {"scores": dloss * (p - right) / len(p)}


# %%
def normal(*shape):
    return rng.standard_normal(shape)


hunt = {
    1: (scores_forward, scores_backward, {"x": normal(4, 4), "wq": normal(4, 4), "wk": normal(4, 4)}),
    2: (causal_weights_forward, causal_weights_backward, {"scores": normal(4, 4)}),
    3: (embedding_forward, embedding_backward, {"table": normal(5, 4), "tokens": np.array([3, 1, 3, 0])}),
    4: (loss_forward, loss_backward, {"scores": normal(2, 4, 5), "targets": np.array([[0, 1, 2, 3], [4, 4, 0, 2]])}),
}
right = []
print("\nbug hunt")
for number, layer in hunt.items():
    print(f"layer {number}")
    if ask_library(*layer):
        right.append(number)
assert right == [2]

# %% [markdown]
# - **1** lacks a transpose. Scores are q @ k.T, so k.T stands where w stood: its gradient is q.T @ dscores, and that of
#   k is the transpose, `dscores.T @ q`. Here there are as many queries as keys, so scores are square and no shape can
#   warn: 3 queries and 5 keys would have crashed. The table helps: wq is right, wk is not, so look at the keys' side.
# - **2** is right. A hidden key has weight p = 0, and the gradient is p times something: the mask is in p.
# - **3** overwrites, as the likely cause says. Token 3 comes twice; `+=` with an index array keeps only its last
#   gradient, `np.add.at` adds up. With four different tokens it would have passed: inputs must contain the case.
# - **4** averages over B T = 8 tokens and divides the gradient by B = 2: too large by T = 4, as the likely cause says.
#   In plain gradient descent that is four times the learning rate: it may train all the same.

# %% [markdown]
# ## Not everything is a gradient
#
# A check compares a backward with its *own* forward. Before softmax, attention divides its scores by the square root of
# D, the length of a query. Say someone divides by D, forward and backward alike. **Predict:** does the check find it?


# %%
def weights_forward(q, k, scale):
    p, _ = softmax_forward(q @ k.T * scale)  # (T, D) @ (D, T) -> (T, T)
    return p, (q, k, p, scale)


def weights_backward(dp, cache):
    q, k, p, scale = cache
    dscores = p * (dp - row_sum(dp * p)) * scale  # (T, T)
    return {"q": dscores @ k, "k": dscores.T @ q}


print("\nattention's scale, backward to match")
D = 4
query, keys = np.ones((1, D)), np.array([[0.0] * D, [1.0] * D])  # by hand: scores 0 and 4, over sqrt(4): 0 and 2
by_hand = math.exp(2) / (1 + math.exp(2))  # the weight of the second key
for name, scale in (("1 / sqrt(D)", 1 / math.sqrt(D)), ("1 / D", 1 / D)):
    worst = check_gradients(
        lambda q, k: weights_forward(q, k, scale), weights_backward, {"q": normal(3, D), "k": normal(3, D)}
    ).worst
    weight = weights_forward(query, keys, scale)[0][0, 1]
    print(f"{name:12} gradients right to {worst:.0e}; weight of the second key {weight:.3f}, by hand {by_hand:.3f}")
    assert worst < 1e-12 and math.isclose(weight, by_hand, rel_tol=1e-12) == (name == "1 / sqrt(D)")

# %% [markdown]
# It finds nothing: both gradients are right, one of them for the wrong function. A forward needs a case that a person
# has worked out.

# %% [markdown]
# ## Summary
#
# - A wrong gradient doesn't crash; the loss falls all the same, only not as far.
# - A backward owes the gradient of sum(dout * out). Check every entry of every input by the complex step, h = 1e-30,
#   good to the last digits; where `forward` can't be complex, by central differences, h near 1e-5.
# - Random upstream gradient, never ones. Random parameters, never their initial values. Inputs that contain the hard
#   case (a token twice) and no kink.
# - A forward needs cases worked out by hand: no gradient check doubts it.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_06_trust_no_gradient.py`, then run
# `.venv/bin/python -m minicluster check 06`.
#
# 1. Without running it: which h is best for `(f(x + h) - f(x)) / h` in float32, whose eps is 1.2e-7, and how many
#    digits are left? Check with `f`. (Make `h` a `np.float32` as well, or NumPy computes in float64.)
# 2. In the bug hunt, repair layers 1, 3 and 4, and let the check judge.
# 3. A model without a middle: `x = table[tokens]`, then `out = x @ table.T`. Write its backward. How many paths lead
#    from the table to out? Leave one of them out: what does the check say?
# 4. Add one bias to all keys, softmax of `q @ (k + bias).T`. Predict the gradient of the bias, and let the check judge.
#    ("ok, to rounding" is what the library says where a gradient is 0 but for roundings.)
# 5. Dropout sets a random half of the entries to 0 and doubles the others. Write it forward and backward, and check
#    it. What must not be random anew at every call of `forward`, and why?
# 6. Forgetful training stops improving early. Let `train` return its weights, too. After its last step, compute the
#    gradient of w1 both ways, with `forgetful` and with `layernorm_backward`. How large are they, and at which kind of
#    place has it come to rest?
