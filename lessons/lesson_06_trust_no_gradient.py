# %% [markdown]
# # Lesson 6: Trust no gradient
#
# **Goals.** After this lesson you can check any backward pass to the last digits, say which tests a wrong one slips
# through and why, and find a wrong one by reading what the check says.
#
# **Time.** 45 minutes to read, with the bug hunt; the script runs in about 2 seconds.
#
# **Assumes.** NumPy, the derivative and the chain rule. What a backward pass is comes below, with an example.
#
# Run it in the environment that README sets up, as a script, `.venv/bin/python lessons/lesson_06_trust_no_gradient.py`
# (Windows: `.venv\Scripts\python`), or cell by cell in an editor that knows `# %%` cells. With `--save` its picture
# goes to `figures/lesson_06_trust_no_gradient.png`.

# %%
import math
import sys
import textwrap

import numpy as np

from minicluster.gradcheck import GradientError, check_gradients
from minicluster.nn import attention_forward, linear_backward, linear_forward
from minicluster.plots import draw_step_sizes

# %% [markdown]
# ## The idea: a wrong gradient does not crash
#
# A compass that is off by thirty degrees still takes you roughly north. You arrive somewhere, later than you should,
# and blame the weather. A wrong gradient is such a compass: the loss falls, the curve looks like learning, no error
# appears. Of six public transformers in NumPy whose backward passes were written by hand, five had a wrong gradient,
# and each had tests that passed.
#
# Here is one. LayerNorm shifts each row to mean 0 and divides it by its standard deviation. Each entry of x acts on
# the result in three ways: directly, through the mean and through the deviation. `forgetful` leaves out the third.
# (What a backward computes is the next section's matter; now only watch what the mistake does.)


# %%
def layernorm_forward(x, weight):
    centred = x - x.mean(axis=-1, keepdims=True)  # (n, C)
    rstd = 1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5)  # 1 / standard deviation, (n, 1)
    xhat = centred * rstd
    return xhat * weight, (xhat, rstd, weight)


def layernorm_backward(dout, cache):
    xhat, rstd, weight = cache
    dxhat = dout * weight
    through_mean = dxhat.mean(axis=-1, keepdims=True)  # (n, 1)
    through_deviation = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)  # (n, C)
    return {"x": rstd * (dxhat - through_mean - through_deviation), "weight": (dout * xhat).sum(axis=0)}


def forgetful(dout, cache):
    xhat, rstd, weight = cache
    dxhat = dout * weight
    through_mean = dxhat.mean(axis=-1, keepdims=True)  # (n, 1)
    return {"x": rstd * (dxhat - through_mean), "weight": (dout * xhat).sum(axis=0)}


def train(backward, seed):
    """Fit LayerNorm(x @ w1) @ w2 to what a network of the same form answers, so that loss 0 is within reach."""
    rng = np.random.default_rng(seed)
    x, gamma = rng.standard_normal((100, 6)), np.ones(8)
    targets = layernorm_forward(x @ rng.standard_normal((6, 8)), gamma)[0] @ rng.standard_normal((8, 3))  # (100, 3)
    w1, w2 = rng.standard_normal((6, 8)), rng.standard_normal((8, 3))
    losses = []
    for _ in range(300):
        hidden, cache = layernorm_forward(x @ w1, gamma)  # (100, 6) @ (6, 8) -> (100, 8)
        error = hidden @ w2 - targets  # (100, 8) @ (8, 3) -> (100, 3)
        losses.append((error * error).sum(axis=1).mean())
        derror = 2 * error / len(error)
        dhidden = backward(derror @ w2.T, cache)["x"]  # (100, 3) @ (3, 8) -> (100, 8)
        w2 -= 0.1 * hidden.T @ derror  # (8, 100) @ (100, 3) -> (8, 3)
        w1 -= 0.1 * x.T @ dhidden  # (6, 100) @ (100, 8) -> (6, 8)
    return losses


# %% [markdown]
# **Predict before you run.** How far will the loss fall with the wrong gradient? Not at all, half way, nearly all the
# way?

# %%
print("start   loss at first   ends at: right gradient   wrong gradient")
for seed in range(5):
    right, wrong = train(layernorm_backward, seed), train(forgetful, seed)
    print(f"{seed:5} {right[0]:15.1f} {right[-1]:25.4f} {wrong[-1]:16.4f}")
    # On eight starts the wrong one fell by 91 % or more and ended 25 times higher or more; a margin is left.
    assert wrong[-1] < 0.1 * wrong[0] and wrong[-1] > 10 * right[-1]

# %% [markdown]
# The loss falls by more than nine tenths, on every start: who sees only that curve sees a success. And yet it ends
# more than ten times higher than it should, at rest in a place that is no minimum (exercise 5). A test that says "the
# loss went down" has tested nothing. So what would?

# %% [markdown]
# ## What a backward pass owes
#
# A layer computes `out` from its inputs. Somewhere behind it is the loss, one number. The layers behind hand back
# `dout`: for each entry of `out`, how much the loss grows if that entry grows by 1; call it the *upstream gradient*.
# The layer owes the same for each of its inputs. By the chain rule that is the derivative of
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
# small should the nudge be?

# %% [markdown]
# ## Error against step size
#
# Three ways to a derivative of f from values of f alone:
#
#     forward difference    (f(x + h) - f(x)) / h              wrong by about  h f''(x) / 2
#     central difference    (f(x + h) - f(x - h)) / 2h         wrong by about  h^2 f'''(x) / 6
#     complex step          imaginary part of f(x + ih) / h    wrong by about  h^2 f'''(x) / 6
#
# So take a tiny h? Python's floats carry 16 digits: eps = 2.2e-16 is the gap between 1 and the next float. f(x + h)
# and f(x - h) agree in nearly all of them, and what survives the subtraction has an error of about eps, which is then
# divided by h. Small h: *rounding*, eps / h. Large h: *truncation*, h or h^2.
#
# **Predict before you run.** Where is the best h of each difference, and how many of the 16 digits are left there?
# (Set the two errors equal: h = eps / h for one, h^2 = eps / h for the other.)
#
# And the complex step? f(x + ih) = f(x) + ih f'(x) - h^2 f''(x) / 2 - ...: the value goes to the real part, the
# derivative to the imaginary part, each in a number of its own. Nothing is subtracted, so nothing is lost, and h may
# be so small that h^2 vanishes. `f` only has to be computed with complex numbers, which NumPy does by itself.


# %%
def f(x):
    return np.log(1 + np.exp(x))  # the loss of a choice between two words, the wrong one ahead by x


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
# **Check** the formulas: on logarithmic axes a power of h is a straight line, and the power is its slope. The best
# steps lie where the errors are equal, up to the size of f, f'' and f''', which we took for 1: within a factor of 10.


# %%
def slope(name, low, high):
    part = (steps >= low) & (steps <= high)
    return np.polyfit(np.log10(steps[part]), np.log10(errors[name][part]), 1)[0]


slopes = [slope("forward difference", 1e-6, 1e-2), slope("central difference", 1e-4, 1e-1)]
slopes.append(slope("central difference", 1e-13, 1e-7))
print("slopes: truncation {:.2f} (forward) and {:.2f} (central), rounding {:.2f}".format(*slopes))
np.testing.assert_allclose(slopes, (1, 2, -1), atol=0.2)  # rounding is ragged
eps = np.finfo(float).eps
for name, predicted in (("forward difference", eps ** (1 / 2)), ("central difference", eps ** (1 / 3))):
    best = steps[errors[name].argmin()]
    print(f"{name}: best h predicted {predicted:.0e}, found {best:.0e}, error there {errors[name].min():.0e}")
    assert 0.1 < best / predicted < 10
assert all(error_of("complex step", h) < 10 * eps for h in (1e-8, 1e-30, 1e-100, 1e-300))  # a few roundings
picture = draw_step_sizes(steps, errors)
print(picture.alt)
picture.show("lesson_06_trust_no_gradient", save="--save" in sys.argv)

# %% [markdown]
# A forward difference keeps half of the digits, a central one two thirds, the complex step all, whatever the step.
# Below 1e-16 the differences say 0, an error of 1, since x + h is x. We shall take the complex step with h = 1e-30.

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


def linear_by_hand(x, weight, bias):
    return x @ weight + bias, (x, weight)  # (n, 3) @ (3, 2) + (2,) -> (n, 2)


def linear_backward_by_hand(dout, cache):
    x, weight = cache
    return {"x": dout @ weight.T, "weight": x.T @ dout, "bias": dout.sum(axis=0)}


rng = np.random.default_rng(6)
inputs = {"x": rng.standard_normal((5, 3)), "weight": rng.standard_normal((3, 2)), "bias": rng.standard_normal(2)}
print("\nrelative errors of gradients")
for pair in ((linear_by_hand, linear_backward_by_hand), (linear_forward, linear_backward)):
    found, report = check_by_hand(*pair, inputs), check_gradients(*pair, inputs)
    print(f"{pair[0].__name__:14} checked by hand:", ", ".join(f"{name} {error:.0e}" for name, error in found.items()))
    assert max(found.values()) < 1e-13 and report.worst < 1e-13  # sums of at most 5 products: a few roundings
print("check_gradients on linear_forward:", report, sep="\n")

# %% [markdown]
# Our layer and the library's, our check and the library's `check_gradients`: right to the last digits, all four. Where
# to draw the line? Rounding is wrong by 1e-16 or so, a mistake mostly by more than 1e-3; 1e-10 is far from both. Do
# the checks agree on something wrong, too? LayerNorm from above, and its forgetful twin:


# %%
def ask_library(forward, backward, inputs):
    """Returns whether the gradients are right, and the worst error or the first line of the complaint."""
    try:
        return True, f"right: relative error at most {check_gradients(forward, backward, inputs).worst:.0e}"
    except GradientError as error:
        return False, "WRONG: " + str(error).splitlines()[0]


def show(*words):
    print(textwrap.fill(" ".join(words), 110, subsequent_indent="    "))


inputs = {"x": rng.standard_normal((5, 4)), "weight": rng.standard_normal(4)}
for backward in (layernorm_backward, forgetful):
    found = check_by_hand(layernorm_forward, backward, inputs)
    right, message = ask_library(layernorm_forward, backward, inputs)
    print(f"{backward.__name__} checked by hand: x {found['x']:.0e}, weight {found['weight']:.0e}")
    show("  check_gradients:", message)
    assert right == (found["x"] < 1e-13) == (backward is layernorm_backward)

# %% [markdown]
# No training, no curve to squint at: a few milliseconds, and the wrong gradient's name.

# %% [markdown]
# ## Planted mistake 1: `.sum()` as the loss
#
# The usual first gradient test takes `loss = out.sum()`. That is `dout` = ones. Take softmax, which turns a row of
# scores into weights p that add up to 1. Its backward is p * (dout - sum(dout * p)): raising one score lowers all
# other weights. **Predict** which of these five wrong versions pass a test with ones.


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
    "own entry only: p (1 - p)": lambda dout, p: {"x": p * (1 - p) * dout},
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
# blessed, zeros and the opposite of the truth included. Ones find only mistakes that show in this one direction, such
# as the last two. A random `dout` leaves no direction out; that a mistake is exactly at a right angle to it has
# probability 0.

# %% [markdown]
# ## Planted mistake 2: checking at the start of training
#
# LayerNorm's weight starts at 1. Multiplying by 1 hides whether one multiplied at all. **Predict:** which of these
# pass with a random `dout` while the weight is 1? And with ones?


# %%
def forgets_weight(dout, cache):
    xhat, rstd, weight = cache
    return layernorm_backward(dout, (xhat, rstd, 1))


x, gamma = rng.standard_normal((5, 4)), rng.standard_normal(4)
print("\nLayerNorm backward    weight 1, ones   weight 1, random dout   all random")
for backward in (layernorm_backward, forgets_weight, forgetful):
    tests = ((np.ones(4), np.ones((5, 4))), (np.ones(4), None), (gamma, None))
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
# It asks `forward` to carry the imaginary part along. `np.abs` and `np.var` drop it: of a complex number they take the
# length. Comparisons go by the real part (only if those are equal, by the imaginary one), which is what we want: which
# entry is larger? The exception is a *kink*, where a function has no derivative and every method has an opinion of its
# own.

# %%
h = 1e-5
print("\nwhat the complex step can't see")
for name, function, at in (
    ("np.abs at -1.5, truth -1", np.abs, -1.5),
    ("np.maximum(x, 0) at 2, truth 1", lambda x: np.maximum(x, 0), 2.0),
    ("np.maximum(x, 0) at 0, no truth", lambda x: np.maximum(x, 0), 0.0),
):
    by_complex, central = np.imag(function(at + 1e-30j)) / 1e-30, (function(at + h) - function(at - h)) / (2 * h)
    print(f"{name:32} complex step {by_complex:4.1f}, central difference {central:4.1f}")


def layernorm_with_var(x, weight):
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5) * weight, None


inputs = {"x": x, "weight": gamma}
cache = layernorm_forward(x, gamma)[1]
pair = layernorm_with_var, lambda dout, _: layernorm_backward(dout, cache)  # a right backward
refused = False
try:
    check_gradients(*pair, inputs)
except TypeError as error:
    refused = True
    show("check_gradients:", str(error))
assert refused
print(f"with method='central' it passes: relative error {check_gradients(*pair, inputs, method='central').worst:.0e}")

# %% [markdown]
# Write `centred * centred` in place of np.var, or use central differences. Keep away from kinks: random numbers do,
# round ones such as 0 don't.

# %% [markdown]
# ## Bug hunt
#
# Six layers, as they stand in many a repository. Read each backward against its forward and **write down** which are
# right; the next cell tells. Note what you would look at first, shapes or formulas.

# %%
# Shapes: B = 2 sequences, T = 4 tokens, C = 4 numbers a token, V = 5 words.


def a_forward(x, wq, wk):  # A: attention's scores
    q, k = x @ wq, x @ wk  # (T, C) @ (C, C) -> (T, C), twice
    return q @ k.T, (x, wq, wk, q, k)  # (T, C) @ (C, T) -> (T, T), [query, key]


def a_backward(dscores, cache):
    x, wq, wk, q, k = cache
    dq = dscores @ k  # (T, T) @ (T, C) -> (T, C)
    dk = dscores @ q  # (T, T) @ (T, C) -> (T, C)
    return {"x": dq @ wq.T + dk @ wk.T, "wq": x.T @ dq, "wk": x.T @ dk}


def b_forward(scores):  # B: causal attention weights; a query must not see later keys
    visible = np.tri(len(scores), dtype=bool)  # (T, T): key <= query
    return softmax_forward(np.where(visible, scores, -np.inf))


def b_backward(dp, p):
    return {"scores": p * (dp - row_sum(dp * p))}  # (T, T); not a word of the mask


def c_forward(table, tokens):  # C: embedding, a row of the table for each token
    return table[tokens], (tokens, table.shape)  # (V, C) -> (T, C)


def c_backward(dx, cache):
    tokens, shape = cache
    dtable = np.zeros(shape)
    dtable[tokens] += dx  # (T, C) into (V, C)
    return {"table": dtable}


def d_forward(logits, targets):  # D: cross-entropy, the mean of -log p of the right word
    p, _ = softmax_forward(logits)  # (B, T, V)
    right = np.eye(5)[targets]  # (B, T) -> (B, T, V), 1 at the right word
    return -(np.log(p) * right).sum() / targets.size, (p, right)


def d_backward(dloss, cache):
    p, right = cache
    return {"logits": dloss * (p - right) / len(p)}


def e_forward(table, tokens):  # E: a language model without a middle: embed, then score against the same table
    x = table[tokens]  # (V, C) -> (T, C)
    return x @ table.T, (table, x)  # (T, C) @ (C, V) -> (T, V)


def e_backward(dlogits, cache):
    table, x = cache
    return {"table": dlogits.T @ x}  # (V, T) @ (T, C) -> (V, C)


def f_forward(q, k, bias):  # F: attention weights with a bias on the keys
    p, _ = softmax_forward(q @ (k + bias).T)  # (T, C) @ (C, T) -> (T, T)
    return p, (q, k, bias, p)


def f_backward(dp, cache):
    q, k, bias, p = cache
    dscores = p * (dp - row_sum(dp * p))  # (T, T)
    return {"q": dscores @ (k + bias), "k": dscores.T @ q, "bias": np.zeros_like(bias)}


# %%
def normal(*shape):
    return rng.standard_normal(shape)


hunt = {
    "A": (a_forward, a_backward, {"x": normal(4, 4), "wq": normal(4, 4), "wk": normal(4, 4)}),
    "B": (b_forward, b_backward, {"scores": normal(4, 4)}),
    "C": (c_forward, c_backward, {"table": normal(5, 4), "tokens": np.array([3, 1, 3, 0])}),
    "D": (d_forward, d_backward, {"logits": normal(2, 4, 5), "targets": np.array([[0, 1, 2, 3], [4, 4, 0, 2]])}),
    "E": (e_forward, e_backward, {"table": normal(5, 4), "tokens": np.array([3, 1, 3, 0])}),
    "F": (f_forward, f_backward, {"q": normal(4, 4), "k": normal(4, 4), "bias": normal(4)}),
}
verdicts = {}
print("\nbug hunt")
for name, layer in hunt.items():
    verdicts[name], message = ask_library(*layer)
    show(name, message)
assert [name for name, right in verdicts.items() if right] == ["B", "F"]

# %% [markdown]
# - **A** lacks a transpose: scores are [query, key], so keys collect over queries, `dscores.T @ q`. Scores are always
#   square, so no shape can warn. The whole message (print all of its lines) lists wq as right, wk and x as wrong: the
#   mistake is on the keys' side.
# - **B** is right. A hidden key has weight p = 0, and the gradient is p times something: the mask is in p.
# - **C** overwrites. Token 3 comes twice; `+=` with an index array keeps only its last gradient. `np.add.at` adds up.
#   With four different tokens it would have passed: inputs must contain the case.
# - **D** averages over B T = 8 tokens and divides the gradient by B = 2: too large by T = 4. It trains as if with four
#   times the learning rate, until the loss is added to another one.
# - **E** has two paths from the table to the logits, as w in the tiny example, and forgets the one through `x`.
# - **F** is right, zeros and all. A bias on all keys adds the same number to a query's whole row of scores, and
#   softmax ignores it. A random `dout` tells this zero from the false one of mistake 1. (The error shown is rounding
#   noise: a true zero has no size to compare with, so the library compares with a small floor.)

# %% [markdown]
# ## Not everything is a gradient
#
# A check compares a backward with its *own* forward. Attention divides its scores by the square root of the width D.
# Say someone divides by D, forward and backward alike. **Predict:** does the check find it?


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
# has worked out. The library's attention on the same case, queries, keys and values side by side, values 0 and 1:

# %%
qkv = np.concatenate([np.ones((2, D)), keys, keys], axis=1)[None]  # (2, D) three times -> (1, 2, 3D)
result = attention_forward(qkv, n_heads=1)[0][0, 1, 0]
print(f"the library's attention: weight of the second key {result:.3f}")
assert math.isclose(result, by_hand, rel_tol=1e-12)

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
# 1. Without running it: which h is best for `(f(x + h) - f(x)) / h` in float32, whose eps is 1.2e-7, and how many
#    digits are left? Check with `f`.
# 2. In the bug hunt, repair A, C, D and E, and let the check judge.
# 3. Dropout sets a random half of the entries to 0 and doubles the others. Write it forward and backward, and check
#    it. What must not be random anew at every call of `forward`, and why?
# 4. Find a wrong LayerNorm backward that passes with random `dout` and random weight as long as x has a single row.
# 5. Forgetful training stops improving early. After its last step, compute the gradient of w1 both ways, with
#    `forgetful` and with `layernorm_backward`. How large are they, and at which kind of place has it come to rest?
