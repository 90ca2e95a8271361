# %% [markdown]
# # Lesson 9: Attention
#
# **Goals.** After this lesson you can work out attention by hand, write it for all tokens and heads at once with its
# causal mask, derive its backward pass, and name the checks that find a model which looks into the future.
#
# **Time.** 80 minutes to read, without the exercises; the script runs in about 1 second.
#
# **Assumes.** Lesson 5 (chain rule, upstream gradient, linear layer, embedding), lesson 6 (`check_gradients`) and
# lesson 7 (softmax and its backward, cross-entropy with a mask). Lesson 8 is not needed.
#
# Run it in the environment that README sets up: as a script, `.venv/bin/python lessons/lesson_09_attention.py`
# (Windows: `.venv\Scripts\python`); cell by cell in an editor that knows `# %%` cells; or as a notebook, which
# `.venv/bin/python -m minicluster notebook 9` writes. With `--save` its picture goes to
# `figures/lesson_09_attention.png`.

# %%
import math
import sys

import numpy as np

from minicluster.gradcheck import check_gradients
from minicluster.nn import attention_backward, attention_forward, cross_entropy
from minicluster.plots.attention_weights import draw_attention_weights

# %% [markdown]
# ## The idea
#
# Some people sit round a table. Each has a question. Each also has a card: on its front, for all to see, a label that
# says what the card is about; on its back, what that person knows. You hold your question against every label. The
# better it fits, the more you listen to that person. What you take away is a mixture of the backs, most of it from the
# cards that fit best. Everyone does this at the same time.
#
# The question is called *query*, the label *key*, the back of the card *value*. The people are the tokens of a
# sequence. All three are lists of numbers, and each token makes its three from its own vector, by three linear layers.
# Training decides what is worth asking, what the labels say, and what is worth passing on.
#
# Why is this needed? Look at the layers of the other lessons: linear, embedding, softmax, LayerNorm, GELU. Each
# treats one token at a time; none of them lets a token know what stands beside it. Attention is the only layer of a
# transformer in which tokens hear of one another.
#
# ## One query, by hand
#
# How well a query q fits a key k is one number, their *dot product*: q.k = q_1 k_1 + q_2 k_2 + ... It is large if they
# point the same way, 0 at a right angle, negative if they point opposite ways. With D numbers in q and in k, the
# formula has three steps:
#
#     score_j   =  q.k_j / sqrt(D)                          one number for each key j
#     weight_j  =  exp(score_j) / (sum of all exp(score))   softmax (lesson 7): positive, and they add up to 1
#     out       =  sum over j of weight_j v_j               a weighted mean of the values
#
# Three tokens, D = 2, and the query (1, 1). sqrt(2) is 1.414:
#
#     key        value       q.k    score      exp    weight
#     (1, 1)     (10, 0)       2     1.414    4.113     0.768    the same way
#     (1, -1)    (0, 10)       0     0        1         0.187    at a right angle
#     (-1, -1)   (10, 10)     -2    -1.414    0.243     0.045    the opposite way
#                                    sum      5.356
#
# So out = 0.768 (10, 0) + 0.187 (0, 10) + 0.045 (10, 10) = (8.13, 2.32). The first key fits best, so the result is
# nearest to the first value. Do it yourself before you run: **predict** what out would be for the query (0, 0).


# %%
def softmax(x):
    # Less the largest, so that exp can't overflow (lesson 7). The real part, because the gradient check passes complex
    # numbers in, and these have no order.
    powers = np.exp(x - x.real.max(axis=-1, keepdims=True))  # (..., K) - (..., 1) -> (..., K)
    return powers / powers.sum(axis=-1, keepdims=True)  # (..., K) / (..., 1) -> (..., K)


keys = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])  # (T, D) = (3, 2)
values = np.array([[10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])  # (T, D)


def ask(query):
    scores = keys @ query / math.sqrt(len(query))  # (T, D) @ (D,) -> (T,)
    weights = softmax(scores)  # (T,)
    return weights, weights @ values  # (T,) @ (T, D) -> (D,)


for query in ([1.0, 1.0], [0.0, 0.0]):
    weights, out = ask(np.array(query))
    print(f"query {query}: weights {weights.round(3)}, out {out.round(2)}")
weights, out = ask(np.array([1.0, 1.0]))
assert np.allclose(weights, [0.768, 0.187, 0.045], atol=0.001) and np.allclose(out, [8.13, 2.32], atol=0.01)
assert np.allclose(ask(np.zeros(2))[1], values.mean(axis=0))

# %% [markdown]
# A query of zeros fits every key equally: all weights are 1/3, and out is the plain mean of the values, (6.67, 6.67).
#
# Why a mixture, and not the value of the best key alone? Because "the best" jumps from one key to another when the
# query changes, and in between nothing changes: no derivative to learn from. The weights change smoothly.
#
# ## Why divide by sqrt(D)?
#
# Think of q and k as random numbers of size 1: mean 0, and mean of the squares 1. Then q.k is a sum of D products. Its
# mean is 0. How large is it typically? Square it:
#
#     (a_1 + a_2 + ... + a_D)^2  =  a_1^2 + ... + a_D^2  +  the mixed terms 2 a_1 a_2 and so on,  where a_i = q_i k_i
#
# A mixed term is as often positive as negative; on average it is 0. Each a_i^2 = q_i^2 k_i^2 is 1 on average. So the
# square of q.k is D on average (that is its *variance*), and q.k is typically of size sqrt(D). Divided by sqrt(D) it is
# of size 1, for every D. (This is the reason that the authors of the formula give: Vaswani et al. 2017, section 3.2.1.)
#
# And what is bad about large scores? If one score is ahead of the others by 10, its weight is exp(10) = 22,000 times
# theirs. Softmax then says "this one and no other", before anything has been learned. And it stops learning: the
# derivative of a weight by its own score is weight (1 - weight) (lesson 7), which is near 0 when the weight is near 1.
#
# **Predict before you run.** 16 keys at random: how large is the largest of the 16 weights when D is 4, and when D is
# 1024, with the division and without? (We ask 500 queries and print the middle one of the 500 answers, their *median*.)

# %%
rng = np.random.default_rng(9)
print("\n          size of q.k |   divided by sqrt(D)           |   not divided")
print("    D                 |   largest weight   derivative  |   largest weight   derivative")
found = {}
for D in (4, 16, 64, 256, 1024):
    products = rng.standard_normal((500, D)) @ rng.standard_normal((16, D)).T  # (500, D) @ (D, 16) -> (500, 16)
    largest = [softmax(scores).max(axis=-1) for scores in (products / math.sqrt(D), products)]  # (500,) each
    found[D] = [(np.median(p), np.median(p * (1 - p))) for p in largest]
    (a, da), (b, db) = found[D]
    print(f"{D:5}   {products.std():11.1f}   |{a:17.2f}{da:13.3f}  |{b:17.2f}{db:13.5f}")
    assert 0.75 < products.std() / math.sqrt(D) < 1.3  # 16 keys are few: their lengths vary by chance
(scaled, slope), (plain, flat) = found[1024]
assert scaled < 0.5 < 0.99 < plain and flat < slope / 20

# %% [markdown]
# With the division nothing depends on D. Without it, at D = 1024, one random key gets nearly all the weight and the
# derivative is as good as gone: whom a token listens to would be settled by the initial random numbers.
#
# ## All queries at once
#
# Every token asks, so there are T queries. Put them into the rows of one matrix Q, the keys into K, the values into V,
# each (T, D). Then all scores are one matrix product, and all results are another:
#
#     scores   =  Q @ K.T / sqrt(D)      (T, D) @ (D, T) -> (T, T)     row: who asks; column: who is asked
#     weights  =  softmax of each row    (T, T)
#     out      =  weights @ V            (T, T) @ (T, D) -> (T, D)     row t: what token t takes away

# %%
T, D = 5, 4
Q, K, V = rng.standard_normal((3, T, D))  # three times (T, D)
weights = softmax(Q @ K.T / math.sqrt(D))  # (T, D) @ (D, T) -> (T, T)
out = weights @ V  # (T, T) @ (T, D) -> (T, D)

for t in range(T):  # the same, one query at a time
    scores = np.array([sum(Q[t] * K[j]) / math.sqrt(D) for j in range(T)])  # (T,)
    assert np.allclose(out[t], sum(weight * value for weight, value in zip(softmax(scores), V)))
print("\nT x T weights, one row a query:", weights.round(2), sep="\n")

# %% [markdown]
# ## The causal mask
#
# Our models predict the next token. So a token must not see the tokens that come after it: they hold the answer. Query
# t may see the keys 0 to t, itself included. (At the table: people sit down one after another, and you may look at your
# own card and at those of the people who came before you.) This is called *causal* attention, and what hides the rest
# is the *mask*.
#
# Why is it worth the trouble? Because of it one sequence of T tokens is T exercises: "given the first token, what
# comes next?", "given the first two", and so on. All are worked at the same time, in the same matrix products, and no
# exercise can peep at the solution of another.
#
# How: before the softmax, put minus infinity in place of every hidden score. exp(-infinity) is 0. The hidden keys get
# the weight 0, and the others share the whole 1 among themselves.
#
# **Predict:** what is the first row of the weights? How many zeros are there in all, when T is 5?

# %%
visible = np.tri(T, dtype=bool)  # (T, T), [query, key]: True where key <= query
weights = softmax(np.where(visible, Q @ K.T / math.sqrt(D), -np.inf))  # (T, T)
print("\nwith the causal mask:", weights.round(2), sep="\n")
assert weights[0, 0] == 1 and (weights == 0).sum() == T * (T - 1) / 2 == 10
assert np.allclose(weights.sum(axis=1), 1)

# %% [markdown]
# The first token hears only itself, with weight 1. Token 1 chooses between two, and so on. (If a row were hidden
# completely, there would be nothing to share the 1 among, and the result would be nan. It can't happen: every token
# sees at least itself.)
#
# The mask need not be this triangle. This project can give each token a number `start`: query t then sees the keys
# from `start[t]` to t. In lesson 13 one token is made to see nothing before the separator, so that all it knows has to
# pass through one place. For attention that is only another table of True and False.
#
# ## Heads
#
# One query brings home one mixture. But a token may have several questions: "which word does this refer to?" and "where
# did this sentence begin?". So a token's query, key and value, C numbers each, are cut into H pieces of D = C / H
# numbers, one for each *head*. (Each piece is still made from all C numbers of the token.) A head is a small attention
# of its own, with its own queries, keys, values and weights. At the end the heads' results are laid side by side again,
# and one more linear layer, the *output projection*, mixes them.
#
# Cutting is a matter of shapes. B sequences at once, (B, T, C). The heads must come before the tokens, because `@`
# multiplies the last two axes and treats all axes before them as "do this for each":


# %%
def split_heads(x, n_heads):
    B, T, C = x.shape
    return x.reshape(B, T, n_heads, C // n_heads).swapaxes(1, 2)  # (B, T, C) -> (B, T, H, D) -> (B, H, T, D)


def merge_heads(x):
    B, H, T, D = x.shape
    return x.swapaxes(1, 2).reshape(B, T, H * D)  # (B, H, T, D) -> (B, T, H, D) -> (B, T, C)


example = np.array([[[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]]])  # (B, T, C) = (1, 3, 4); tens digit: the token
print("\nhead 0 of 2:", split_heads(example, 2)[0, 0].tolist())  # (T, D)
print("reshaped in one go:", example.reshape(1, 2, 3, 2)[0, 0].tolist())
assert split_heads(example, 2)[0, 0].tolist() == [[0, 1], [10, 11], [20, 21]]
assert (merge_heads(split_heads(example, 2)) == example).all()

# %% [markdown]
# Head 0 has the first two numbers of *each* token. The tempting short cut, one `reshape` to (B, H, T, D), has the right
# shape and the wrong numbers: its "head 0" is the whole of token 0 and half of token 1. A reshape never moves a number;
# it only reads the same line of numbers in other portions. So the swap is needed.
#
# ## The whole layer
#
# Three linear layers make queries, keys and values. Side by side they are one linear layer from C to 3C: one matrix
# product instead of three. GPT-2 calls it `c_attn`, and the output projection `c_proj`; so does the library.
#
# The middle part knows nothing of heads or batches: it works on the last two axes, whatever stands before them.


# %%
def flip(x):
    return x.swapaxes(-1, -2)  # (..., n, m) -> (..., m, n): the transpose, for each of a stack of matrices


def attend_forward(q, k, v, visible):
    scale = 1 / math.sqrt(q.shape[-1])
    scores = q @ flip(k) * scale  # (..., T, D) @ (..., D, T) -> (..., T, T), [query, key]
    weights = softmax(np.where(visible, scores, -np.inf))  # (..., T, T)
    return weights @ v, (q, k, v, weights, scale)  # (..., T, T) @ (..., T, D) -> (..., T, D)


def layer_forward(x, attn_weight, attn_bias, proj_weight, proj_bias, n_heads, visible):
    qkv = x @ attn_weight + attn_bias  # (B, T, C) @ (C, 3C) + (3C,) -> (B, T, 3C)
    q, k, v = (split_heads(third, n_heads) for third in np.split(qkv, 3, axis=-1))  # (B, T, C) -> (B, H, T, D) each
    out, attend_cache = attend_forward(q, k, v, visible)  # (B, H, T, D)
    merged = merge_heads(out)  # (B, H, T, D) -> (B, T, C)
    y = merged @ proj_weight + proj_bias  # (B, T, C) @ (C, C) + (C,) -> (B, T, C)
    return y, (x, attn_weight, attend_cache, merged, proj_weight)


# %% [markdown]
# ## Backward, step by step
#
# Now undo the forward from its last line to its first. Each step is one that you know. `dout` stands for the upstream
# gradient: for each entry of out, how much the loss grows if that entry grows by 1 (lesson 5).
#
# **Weighted mean.** out = weights @ v is a matrix product. In lesson 5, y = x @ weight had dx = dy @ weight.T and
# dweight = x.T @ dy. Here the weights are in the place of x, and v is in the place of w:
#
#     dweights  =  dout @ v.T        (T, D) @ (D, T) -> (T, T)
#     dv        =  weights.T @ dout  (T, T) @ (T, D) -> (T, D)
#
# In words: who was listened to with weight 0.7 gets 0.7 of the complaint.
#
# **Softmax.** From lesson 7, for each row: dscores = weights (dweights - sum of dweights weights). Put in what dweights
# is, dweights_j = dout.v_j. The sum is then dout.(sum of weights_j v_j) = dout.out. So
#
#     dscores_j  =  weights_j  dout.(v_j - out)
#
# Read it: a score matters as far as its key was listened to, and as far as its value *differs from the mean that came
# out*. To agree with everyone else is to have no say.
#
# **The mask.** A hidden score was thrown away: minus infinity, a constant, stands in its place. What is not used can't
# change the loss, so its gradient is 0. The formula gives that by itself, for the weight is 0. The mask needs no line.
#
# **Scores.** score_ij = scale times the sum over d of q_id k_jd. Query i stands in row i of the scores, once for each
# key j; key j stands in column j, once for each query i. What multiplies the one is the other:
#
#     dq_id  =  scale times sum over j of dscores_ij k_jd     that is    dq  =  scale  dscores   @ k    (T, T) @ (T, D)
#     dk_jd  =  scale times sum over i of dscores_ij q_id     that is    dk  =  scale  dscores.T @ q    (T, T) @ (T, D)
#
# The transpose in dk is the one that was missing in lesson 6's bug hunt: a key collects from all the queries that
# looked at it, and these stand in a column.
#
# **Heads and thirds.** Cutting and laying side by side only moves numbers about. Their gradients move back the same
# way: the backward of `merge_heads` is `split_heads`, and the other way round. The two linear layers are lesson 5's.
#
# By hand, with the three tokens from above and the query (1, 1). Let dout = (1, 0): the loss grows with the first
# number of out, which is 8.13.
#
#     dweights  =  first numbers of the values                               =  10, 0, 10
#     dscores   =  0.768 (10 - 8.13),  0.187 (0 - 8.13),  0.045 (10 - 8.13)  =  1.43, -1.52, 0.08
#     dq        =  (1.43 (1, 1) - 1.52 (1, -1) + 0.08 (-1, -1)) / 1.414      =  (-0.12, 2.03)
#
# (Computed with all digits, then rounded.) The scores' gradients add up to 0, as lesson 7 says they must.


# %%
def attend_backward(dout, cache):
    q, k, v, weights, scale = cache
    # forward: out = weights @ v
    dweights = dout @ flip(v)  # (..., T, D) @ (..., D, T) -> (..., T, T)
    dv = flip(weights) @ dout  # (..., T, T) @ (..., T, D) -> (..., T, D)
    # forward: weights = softmax(scores), hidden ones at minus infinity
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))  # (..., T, T) - (..., T, 1)
    # forward: scores = q @ flip(k) * scale
    dq = dscores @ k * scale  # (..., T, T) @ (..., T, D) -> (..., T, D)
    dk = flip(dscores) @ q * scale  # (..., T, T) @ (..., T, D) -> (..., T, D)
    return {"q": dq, "k": dk, "v": dv}


def linear_backward(dy, x, weight):  # lesson 5's, but it returns a tuple
    dy_rows, x_rows = (a.reshape(-1, a.shape[-1]) for a in (dy, x))  # (B, T, n) -> (rows, n)
    return dy @ weight.T, x_rows.T @ dy_rows, dy_rows.sum(axis=0)  # dx (B, T, n_in), dweight (n_in, n_out), dbias


def layer_backward(dy, cache):
    x, attn_weight, attend_cache, merged, proj_weight = cache
    # forward: y = merged @ proj_weight + proj_bias
    dmerged, dproj_weight, dproj_bias = linear_backward(dy, merged, proj_weight)  # (B, T, C), (C, C), (C,)
    # forward: merged = merge_heads(out)
    n_heads = attend_cache[0].shape[1]  # of q, (B, H, T, D)
    dout = split_heads(dmerged, n_heads)  # (B, T, C) -> (B, H, T, D)
    # forward: out = attend(q, k, v)
    d = attend_backward(dout, attend_cache)  # (B, H, T, D) each
    # forward: q, k, v = the three thirds of qkv, split into heads
    dqkv = np.concatenate([merge_heads(d[name]) for name in "qkv"], axis=-1)  # three (B, T, C) -> (B, T, 3C)
    # forward: qkv = x @ attn_weight + attn_bias
    dx, dattn_weight, dattn_bias = linear_backward(dqkv, x, attn_weight)  # (B, T, C), (C, 3C), (3C,)
    return {
        "x": dx, "attn_weight": dattn_weight, "attn_bias": dattn_bias,
        "proj_weight": dproj_weight, "proj_bias": dproj_bias,
    }  # fmt: skip


_, cache = attend_forward(np.array([[1.0, 1.0]]), keys, values, True)  # one query (1, 2); it may see all three keys
by_hand = attend_backward(np.array([[1.0, 0.0]]), cache)
weights, out = ask(np.array([1.0, 1.0]))  # (T,), (D,)
dscores = weights * (values - out)[:, 0]  # (T, D) - (D,) -> (T, D) -> (T,): with dout = (1, 0), dout.(v_j - out)
print("\nas by hand: dscores", dscores.round(2), " dq", by_hand["q"].round(2))
assert np.allclose(dscores, [1.43, -1.52, 0.08], atol=0.01) and np.allclose(by_hand["q"], [[-0.12, 2.03]], atol=0.01)
nudged = (ask(np.array([1.0, 1.001]))[1] - ask(np.array([1.0, 1.0]))[1]) / 0.001  # (D,)
print(f"second number of q up by 0.001: out's first number grows by {nudged[0]:.2f} per unit")
assert abs(nudged[0] - 2.03) < 0.01

# %% [markdown]
# ## Check
#
# First the gradients, all of them, against the complex step (lesson 6). Then the library. Its `attention_forward` is
# the part between the two linear layers: it takes qkv and returns the heads side by side. It must give the same with
# the triangle, and with a `start`.

# %%
B, T, C, H = 2, 5, 6, 3


def random_inputs(rng):
    shapes = {
        "x": (B, T, C), "attn_weight": (C, 3 * C), "attn_bias": (3 * C,), "proj_weight": (C, C), "proj_bias": (C,),
    }  # fmt: skip
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


inputs = random_inputs(rng)
triangle = np.tri(T, dtype=bool)  # (T, T)
settings = {"n_heads": H, "visible": triangle}  # an int and booleans: the check passes them on as they are
report = check_gradients(layer_forward, layer_backward, inputs | settings)  # a | b: both dicts in one
print(report)
assert report.worst < 1e-12  # sums of some ten products: a few roundings of 1e-16

qkv, dy = rng.standard_normal((B, T, 3 * C)), rng.standard_normal((B, T, C))
start = np.array([[0, 0, 1, 1, 4], [0, 1, 2, 0, 3]])  # (B, T)
positions = np.arange(T)  # (T,)
from_start = triangle & (positions >= start[:, :, None])  # (T, T) & ((T,) >= (B, T, 1)) -> (B, T, T)
from_start = from_start[:, None]  # (B, T, T) -> (B, 1, T, T): the same for each head
for mask, given in ((triangle, None), (from_start, start)):
    q, k, v = (split_heads(third, H) for third in np.split(qkv, 3, axis=-1))  # (B, T, C) -> (B, H, T, D) each
    out, cache = attend_forward(q, k, v, mask)  # (B, H, T, D)
    d = attend_backward(split_heads(dy, H), cache)
    dqkv = np.concatenate([merge_heads(d[name]) for name in "qkv"], axis=-1)  # (B, T, 3C)
    library, library_cache = attention_forward(qkv, H, given)  # (B, T, C)
    assert np.allclose(merge_heads(out), library, rtol=0, atol=1e-12)  # numbers below 10: a few roundings of 1e-15
    assert np.allclose(dqkv, attention_backward(dy, library_cache)["qkv"], rtol=0, atol=1e-12)
print("\nours and the library's attention agree, forward and backward, with and without `start`")

# %% [markdown]
# ## What must hold for any numbers
#
# Gradients can be right for a forward that is wrong (lesson 6). So we also check what attention promises, whatever its
# weights. Four things:
#
# - Each row of the weights adds up to 1.
# - Changing a later token changes no earlier output.
# - From an early output no gradient flows to a later input.
# - And a curious one. **Predict:** add the same vector b to all keys. Which gradient does b get?

# %%
y, cache = layer_forward(**inputs, **settings)
weights = cache[2][3]  # (B, H, T, T), from the cache of attend_forward
assert np.allclose(weights.sum(axis=-1), 1)

changed = {name: value.copy() for name, value in inputs.items()}
changed["x"][:, 3:] += rng.standard_normal((B, 2, C))  # other tokens at places 3 and 4
moved = np.abs(layer_forward(**changed, **settings)[0] - y).max(axis=(0, 2))  # (B, T, C) -> (T,)
print("\ntokens 3 and 4 change; outputs move by", " ".join(f"{amount:.2g}" for amount in moved))
assert moved[:3].max() < 1e-12 and moved[3:].min() > 0.01

dy = rng.standard_normal(y.shape)  # (B, T, C)
dy[:, 2:] = 0  # the loss reads outputs 0 and 1 only
reached = np.abs(layer_backward(dy, cache)["x"]).max(axis=(0, 2))  # (B, T, C) -> (T,)
print("the loss reads outputs 0 and 1; largest gradient at each input", " ".join(f"{amount:.2g}" for amount in reached))
assert reached[2:].max() == 0 and reached[:2].min() > 0.01

bias_gradient = layer_backward(rng.standard_normal(y.shape), cache)["attn_bias"]  # (3C,)
for name, third in zip(("query", "key", "value"), np.split(bias_gradient, 3)):  # (C,) each
    print(f"{name + ' bias':11} largest gradient {np.abs(third).max():.1g}")
assert np.abs(bias_gradient[C : 2 * C]).max() < 1e-12 and np.abs(bias_gradient[:C]).max() > 0.01

# %% [markdown]
# The key bias gets 0, up to rounding. For q.(k_j + b) = q.k_j + q.b, and q.b is the same for every key j. All scores of
# a row move by the same amount, and softmax does not notice (lesson 7). The query's bias is another matter: (q + b).k_j
# adds b.k_j, which differs from key to key; it makes some keys popular with every query. GPT-2 has the useless key bias
# all the same, since one linear layer makes all three. And it makes a good test: the key bias gets 0 only if the rows
# of dscores add up to 0, which a softmax backward without its sum does not manage (exercise 3). One with the wrong sign
# does: it is one test, not the only one.

# %% [markdown]
# ## A planted mistake: two masks that look right
#
# **Masked late.** Softmax first, then multiply the hidden weights by 0. One line, and a picture of the weights shows a
# perfect triangle. **Off by one.** `np.tri(T, k=1)`: who remembers whether the diagonal counts? The rows add up to 1.
# Both come with the backward pass that fits them.
#
# **Predict:** which does the gradient check find? Which of the promises does each break?


# %%
def late_forward(q, k, v, visible):
    scale = 1 / math.sqrt(q.shape[-1])
    p = softmax(q @ flip(k) * scale)  # (..., T, T), over all keys, the hidden ones too
    return (p * visible) @ v, (q, k, v, p, visible, scale)  # (..., T, T) @ (..., T, D) -> (..., T, D)


def late_backward(dout, cache):
    q, k, v, p, visible, scale = cache
    dp = dout @ flip(v) * visible  # (..., T, T)
    dscores = p * (dp - (dp * p).sum(axis=-1, keepdims=True))  # (..., T, T)
    return {"q": dscores @ k * scale, "k": flip(dscores) @ q * scale, "v": flip(p * visible) @ dout}


masks = {
    "right": (attend_forward, attend_backward, triangle),
    "masked late": (late_forward, late_backward, triangle),
    "off by one": (attend_forward, attend_backward, np.tri(T, k=1, dtype=bool)),
}
three = dict(zip("qkv", rng.standard_normal((3, T, 4))))  # (T, D) each
later = {name: value.copy() for name, value in three.items()}
for value in later.values():
    value[3] += 1  # token 3 changes
print("\nmask          gradient error   rows add up to   token 3 changes: output 0, 1, 2 move by")
verdicts = {}
for name, (forward, backward, mask) in masks.items():
    error = check_gradients(forward, backward, three | {"visible": mask}).worst
    sums, _ = forward(three["q"], three["k"], np.ones((T, 1)), mask)  # (T, 1): values 1 add the weights up
    out, out_later = (forward(**inputs, visible=mask)[0] for inputs in (three, later))  # (T, D) each
    moved = np.abs(out_later - out).max(axis=1)[:3]  # (T, D) -> (T,) -> (3,)
    print(f"{name:13}{error:15.0e}   {sums.min():.2f} to {sums.max():.2f}", end="     ")
    print(*(f"{amount:9.2g}" for amount in moved))
    verdicts[name] = error < 1e-12, np.allclose(sums, 1), moved.max() < 1e-12
assert verdicts == {
    "right": (True, True, True),
    "masked late": (True, False, False),
    "off by one": (True, True, False),
}

# %% [markdown]
# The gradient check blesses all three: each backward fits its forward. Masked late, the future comes in through the
# denominator: each weight was divided by a sum over *all* keys, so a later token that fits well makes the earlier
# weights smaller. Off by one, token 2 sees token 3, which in training is the very token it is to predict. The loss
# would fall wonderfully, and the model would be of no use where the next token doesn't exist yet.
#
# What catches both is the promise itself: change a later token and see whether an earlier output moves. It is three
# lines long. Never leave it out, and distrust a loss that is too good.

# %% [markdown]
# ## Attention at work
#
# Now a task that can't be solved without looking elsewhere. A sequence has cards and questions. The card `c7` says:
# under the letter c you find the digit 7. The question `c?` is to be answered with 7. An example, with its answers:
#
#     c7   a3   a?   e1   c?   b5   a?   e?
#               3         7         3    1
#
# Each token's vector is the sum of two embeddings, one for the letter and one for the digit or the question mark. (So a
# card carries its label and its content together. Were they two tokens, an earlier layer would first have to bring them
# together.) The order of the cards doesn't matter, so we add no embedding of the position; lesson 10 does.
#
# In `deal` below, `card` says for each token which of the four cards, 0 to 3, it shows or asks for; letter and digit
# are then looked up by it. Two functions may be new: `rng.integers` takes an array as well, a limit for each column;
# and `np.take_along_axis(a, i, axis=1)` takes a[row, i[row]] from each row.

# %%
LETTERS, N_DIGITS = "abcdef", 8
LAYOUT = "##?#?#??"  # where cards (#) and questions (?) stand
QUESTION = N_DIGITS  # the row of the question mark, after the digits' rows
is_question = np.array([place == "?" for place in LAYOUT])  # (T,)
cards_so_far = np.cumsum(~is_question)  # (T,) up to each place, itself included
card_places = np.flatnonzero(~is_question)  # (cards,)
T = len(LAYOUT)


def deal(n, rng):
    """Draw n sequences: letters, what is shown beside them, the answers, and where each answer stands; (n, T) each."""
    order = rng.permuted(np.tile(np.arange(len(LETTERS)), (n, 1)), axis=1)  # (n, letters), each row shuffled by itself
    digits = rng.integers(N_DIGITS, size=(n, len(card_places)))  # (n, cards)
    asked = rng.integers(cards_so_far, size=(n, T))  # (n, T) one of the cards so far
    card = np.where(is_question, asked, cards_so_far - 1)  # (n, T) which card each token shows or asks for
    letters, answers = np.take_along_axis(order, card, axis=1), np.take_along_axis(digits, card, axis=1)  # (n, T) each
    return letters, np.where(is_question, QUESTION, answers), answers, card_places[card]


def names(letters, shown):
    return [LETTERS[a] + ("?" if b == QUESTION else str(b)) for a, b in zip(letters, shown)]


letters, shown, answers, places = deal(3, np.random.default_rng(0))
print()
for row in range(3):
    print("sequence", *names(letters[row], shown[row]), "  answers", *answers[row][is_question])
assert (np.take_along_axis(letters, places, axis=1) == letters).all()  # the card that has the answer has the letter
assert (np.take_along_axis(shown, places, axis=1) == answers).all()  # and shows the answer

# %% [markdown]
# There are 142 million such sequences: 6 x 5 x 4 x 3 choices of the cards' letters, 8^4 of their digits, 2 x 3 x 4 x 4
# of the questions. Training will see 16,000 of them, so knowing them by heart is no way out.
#
# The model: embedding, one attention layer with one head, and a linear layer that gives each digit a score. The loss is
# the cross-entropy of the questions' answers; the cards are masked out of it (lesson 7). Its backward consists of lines
# that you have seen. (`**attention` takes the attention layer's four parameters and passes them on.)


# %%
def new_parameters(rng, C=16, size=0.1):
    shapes = {
        "attn_weight": (C, 3 * C), "attn_bias": (3 * C,), "proj_weight": (C, C), "proj_bias": (C,),
        "out_weight": (C, N_DIGITS), "out_bias": (N_DIGITS,),
    }  # fmt: skip
    small = {name: size * rng.standard_normal(shape) for name, shape in shapes.items()}
    tables = {"letter_table": (len(LETTERS), C), "shown_table": (N_DIGITS + 1, C)}
    return {name: rng.standard_normal(shape) for name, shape in tables.items()} | small


def model_forward(letters, shown, visible, letter_table, shown_table, out_weight, out_bias, **attention):
    x = letter_table[letters] + shown_table[shown]  # a row of C numbers for each token, twice: (B, T, C) + (B, T, C)
    y, layer_cache = layer_forward(x, **attention, n_heads=1, visible=visible)  # (B, T, C)
    logits = y @ out_weight + out_bias  # (B, T, C) @ (C, digits) -> (B, T, digits)
    return logits, (letters, shown, letter_table, shown_table, layer_cache, y, out_weight)


def model_backward(dlogits, cache):
    letters, shown, letter_table, shown_table, layer_cache, y, out_weight = cache
    # forward: logits = y @ out_weight + out_bias
    dy, dout_weight, dout_bias = linear_backward(dlogits, y, out_weight)  # (B, T, C), (C, digits), (digits,)
    # forward: y = attention layer of x
    gradients = layer_backward(dy, layer_cache)
    # forward: x = letter_table[letters] + shown_table[shown]
    dx = gradients.pop("x")  # (B, T, C)
    for name, table, rows in (("letter_table", letter_table, letters), ("shown_table", shown_table, shown)):
        gradients[name] = np.zeros_like(table)  # (rows of the table, C)
        np.add.at(gradients[name], rows, dx)  # a row that was used several times gets the sum (lesson 5)
    return gradients | {"out_weight": dout_weight, "out_bias": dout_bias}


letters, shown, answers, _ = deal(2, rng)
causal = np.tri(T, dtype=bool)  # (T, T)
tokens = {"letters": letters, "shown": shown, "visible": causal}
report = check_gradients(model_forward, model_backward, tokens | new_parameters(rng, C=4, size=1.0))
print(f"\nthe model's gradients are right to {report.worst:.0e}")
assert report.worst < 1e-11


# %% [markdown]
# Training is plain gradient descent: draw 32 sequences, go forward and backward, move every parameter a little against
# its gradient, 500 times.
#
# Beside it, two models that lack one thing each. `alone`: the mask lets each token see only itself, so nobody hears of
# anybody. `equal`: everyone up to t is heard, but with equal weights, because the queries are kept at 0 (the query
# (0, 0) above).
#
# **Predict before you run.** Which share of the questions will each of the three get right? There are 8 digits. The
# four questions of a sequence are asked when 2, 3, 4 and 4 cards are out.


# %%
N_STEPS, BATCH = 500, 32
assert N_STEPS * BATCH == 16_000 and round(6 * 5 * 4 * 3 * N_DIGITS**4 * 2 * 3 * 4 * 4 / 1e6) == 142


def silence_queries(parameters):
    C = len(parameters["proj_bias"])
    parameters["attn_weight"][:, :C] = parameters["attn_bias"][:C] = 0  # the first third makes the queries


def train(visible, with_queries=True, learning_rate=0.3):
    rng = np.random.default_rng(1)
    parameters, losses = new_parameters(rng), []
    counted = np.tile(is_question, (BATCH, 1))  # (T,) -> (B, T)
    if not with_queries:
        silence_queries(parameters)
    for _ in range(N_STEPS):
        letters, shown, answers, _ = deal(BATCH, rng)
        logits, cache = model_forward(letters, shown, visible, **parameters)  # (B, T, digits)
        loss, dlogits = cross_entropy(logits, answers, counted)
        for name, gradient in model_backward(dlogits, cache).items():
            parameters[name] -= learning_rate * gradient
        if not with_queries:
            silence_queries(parameters)
        losses.append(loss)
    return losses, parameters


def look(parameters, letters, shown, visible):
    """The answers that the model thinks best, (B, T), and its attention weights, (B, T, T)."""
    logits, cache = model_forward(letters, shown, visible, **parameters)  # (B, T, digits)
    layer_cache = cache[4]
    attend_cache = layer_cache[2]
    weights = attend_cache[3]  # (B, H, T, T)
    return logits.argmax(axis=-1), weights[:, 0]  # (B, T, digits) -> (B, T); (B, 1, T, T) -> (B, T, T)


fresh = deal(1000, np.random.default_rng(2))  # new sequences to test with


def share_right(parameters, visible):
    letters, shown, answers, _ = fresh
    best, _ = look(parameters, letters, shown, visible)
    return (best == answers)[:, is_question].mean()  # (n, T) -> (n, questions) -> a number


rivals = {"alone": (np.eye(T, dtype=bool), True), "equal": (causal, False), "attention": (causal, True)}
losses, trained, right = {}, {}, {}
for name, (visible, with_queries) in rivals.items():
    losses[name], trained[name] = train(visible, with_queries)
    right[name] = share_right(trained[name], visible)
reported = (0, 50, 100, 200, N_STEPS - 1)
print("\nloss at step", *(f"{step:6}" for step in reported), "   right answers")
for name in rivals:
    print(f"{name:12}", *(f"{losses[name][step]:6.2f}" for step in reported), f"{right[name]:13.0%}")
    assert abs(losses[name][0] - math.log(N_DIGITS)) < 0.2
assert right["alone"] < 0.2 and 0.35 < right["equal"] < 0.55 and right["attention"] > 0.98

# %% [markdown]
# All begin at log 8 = 2.08, the loss of someone who knows nothing about 8 digits (lesson 7).
#
# `alone` stays there, and gets one in eight: a question by itself says only which letter is meant, and the digit was
# drawn anew. No training and no width can change that. `equal` hears which digits are out, and not under which letter;
# its best guess is the digit that most cards show. We can count how often that is right.

# %%
letters, shown, answers, places = fresh
in_hand = [  # at each question, the share of the cards so far that show their commonest digit
    np.mean([np.bincount(row[:t][~is_question[:t]]).max() / cards_so_far[t] for row in shown])
    for t in np.flatnonzero(is_question)
]
print("the commonest digit is right in", *(f"{share:.0%}" for share in in_hand), f"of cases: {np.mean(in_hand):.0%}")
assert abs(np.mean(in_hand) - right["equal"]) < 0.06

# %% [markdown]
# Attention answers all of them. It must have learned whom to ask. Look at the weights, for the sequence from above.
#
# **Predict:** row by row, where will the weight of each question lie? Mind the second `a?`: besides the card `a3` there
# is an earlier `a?`, with the same letter and nothing to tell.

# %%
example = ["c7", "a3", "a?", "e1", "c?", "b5", "a?", "e?"]
letters = np.array([[LETTERS.index(name[0]) for name in example]])  # (1, T)
shown = np.array([[QUESTION if name[1] == "?" else int(name[1]) for name in example]])  # (1, T)
wanted = {2: 1, 4: 0, 6: 1, 7: 3}  # question -> its card
untrained = new_parameters(np.random.default_rng(1))  # as `train` begins
panels = {}
for when, parameters in (("Untrained", untrained), ("Trained", trained["attention"])):
    best, weights = look(parameters, letters, shown, causal)  # (1, T), (1, T, T)
    panels[f"{when}: {share_right(parameters, causal):.0%} of answers right"] = weights[0]
    print(f"{when:9} answers", *(f"{example[query]} {best[0, query]} " for query in wanted), end="  weight on the card")
    print(*(f"{weights[0, query, key]:6.2f}" for query, key in wanted.items()))
assert best[0, list(wanted)].tolist() == [3, 7, 3, 1]
assert all(weights[0, query, key] > 0.8 for query, key in wanted.items()) and weights[0, 6, 2] < 0.1

title = "Each question learns where to look (framed: the card with its answer)"
picture = draw_attention_weights(title, example, panels, wanted)
print(picture.alt)
picture.show("lesson_09_attention", save="--save" in sys.argv)

# %% [markdown]
# Untrained, queries and keys are small and a row's scores nearly equal: each row spreads its weight over all that it
# may see. Trained, each question finds its card. It has learned two things: ask for your own letter, and don't listen
# to question marks. Nobody told it either. It was told which digit was right, question by question, and the gradient
# went through the weights: a score rises if its value would do better than the mean that came out (see dscores above).
#
# The rows of the cards are not framed. No loss is taken there, so what a card listens to is nobody's concern. (Most
# find themselves: their query, too, asks for their own letter.)
#
# ## Where this leads
#
# The real thing is in `minicluster/nn/attention.py`, between two linear layers (`minicluster/nn/block.py` puts them
# together). Attention moves information between tokens, and only takes means of it; thinking about what has arrived is
# left to the MLP (linear, GELU, linear; lesson 8). Lesson 10 puts both into blocks, adds positions, and stacks the
# blocks. From lesson 11 on we look at what has arrived at one token, the separator.
#
# ## Summary
#
# - Attention is a weighted mean of values; the weights are a softmax of the scores, q.k / sqrt(D), which say how well a
#   query fits each key.
# - sqrt(D) keeps scores at size 1, so that softmax neither decides at random nor stops learning.
# - The causal mask, minus infinity before the softmax, makes T exercises of one sequence. Heads ask several questions.
# - Backward, a score's gradient is weight x dout.(value - out); keys collect over queries, hence the transpose.
# - A mask that leaks passes every gradient check. Change a later token, and see that no earlier output moves.
#
# ## Exercises
#
# Three more check themselves: write them in `lessons/exercises/exercise_09_attention.py`, then run `.venv/bin/python -m
# minicluster check 09`.
#
# 1. By hand, with the three keys and values of the beginning: weights and out for the query (1, -1). Check with `ask`.
#    Then try (100, 100), and get dq for dout = (1, 0) from `attend_backward`. Why is it what it is?
# 2. Let every token see all (`visible=True`), and put the tokens of x in another order. What happens to the outputs of
#    `layer_forward`? What does attention know of the order of its tokens? And with the causal mask?
# 3. Write `attend_backward` without the sum in dscores, under the same name, in a new last cell (`layer_backward` looks
#    the name up when it runs, so it uses yours). Which gradient does the key bias get (`y` and `cache` from above still
#    fit), what becomes of `train(causal)`, and what does `check_gradients` say? (It raises: give it a cell of its own.)
# 4. Give the model two heads (`n_heads=2` in `model_forward`; `look` returns head 0, so change that for the other), and
#    draw the weights of each. Do both point at the card? (The asserts ask for one head that does; yours may fail them.)
